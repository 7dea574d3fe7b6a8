/** What Weft says it has sent, from its metrics, summed over the hypervisors. */
import type { Subject } from './controller.js';

const SENT = ['flow_mods', 'group_mods', 'bundles', 'bytes', 'rounds', 'resyncs', 'repairs', 'refusals'] as const;
export type SentCounters = Readonly<Record<(typeof SENT)[number], number>>;

/** All series of Weft's metrics by name; those with labels summed. */
export async function readMetrics({ controller }: Subject): Promise<ReadonlyMap<string, number>> {
  const { body } = await controller.http.send('GET', '/metrics');
  const sums = new Map<string, number>();
  for (const line of body.split('\n')) {
    const [, name, value] = /^(\w+)(?:\{.*\})? (\S+)$/.exec(line) ?? [];
    if (name !== undefined) sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
  return sums;
}

async function readSent(subject: Subject): Promise<SentCounters> {
  const metrics = await readMetrics(subject);
  return fromNames(name => metrics.get(`weft_hypervisor_${name}_total`) ?? 0);
}

function fromNames(value: (name: (typeof SENT)[number]) => number): SentCounters {
  return Object.fromEntries(SENT.map(name => [name, value(name)])) as SentCounters;
}

/** What was sent between two readings, divided by `repetitions`. */
function sentBetween(before: SentCounters, after: SentCounters, repetitions = 1): SentCounters {
  return fromNames(name => Number(((after[name] - before[name]) / repetitions).toFixed(2)));
}

/** Starts counting what Weft sends; the returned function gives it, divided by the number of repetitions. */
export async function countSent(subject: Subject): Promise<(repetitions?: number) => Promise<SentCounters>> {
  const before = await readSent(subject);
  return async (repetitions = 1) => sentBetween(before, await readSent(subject), repetitions);
}
