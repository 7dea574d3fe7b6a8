/** Waiting until a controller says that every hypervisor is verified, asked often and cheaply. */
import { setTimeout as sleep } from 'node:timers/promises';
import { APPLIED_WITHIN_MS, type Subject } from './controller.js';
import { readMetrics } from './counters.js';

interface Progress {
  readonly hypervisors: { readonly applied: number; readonly pending: readonly unknown[] };
}

const POLL_MS = 10;

export async function currentRevision(subject: Subject): Promise<number> {
  return (await readMetrics(subject)).get('weft_revision') ?? 0;
}

/** Polls until so many hypervisors as `holds` asks for are verified at a revision; milliseconds since the epoch at that time. */
export async function verifiedHosts(
  { controller, hosts }: Subject,
  revision: number,
  holds: (applied: number, pending: number) => boolean = (applied, pending) => applied === hosts && pending === 0,
): Promise<number> {
  const endMs = performance.now() + APPLIED_WITHIN_MS;
  for (;;) {
    // Nobody answers while Weft starts.
    const progress = await controller.http.get<Progress>(`/v1/revisions/${revision}`).catch(() => null);
    if (progress !== null && holds(progress.hypervisors.applied, progress.hypervisors.pending.length))
      return Date.now();
    if (performance.now() > endMs) throw new Error(`not in sync: ${JSON.stringify(progress).slice(0, 2_000)}`);
    await sleep(POLL_MS);
  }
}
