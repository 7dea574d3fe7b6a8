/** Reads the CPU profiles that Node.js leaves (`--cpu-prof`): who used the processor between two moments. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rounded } from './percentiles.js';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  /** Microseconds of the monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Two moments of the monotonic clock, microseconds. */
export interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

export interface Consumer {
  readonly function: string;
  readonly self_ms: number;
  readonly share: number;
}

/** The monotonic clock, on which profiles tell their times too. Microseconds. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** Self time by function, most first. Idle time is left out; the garbage collector counts as a function. */
export function topConsumers(profile: CpuProfile, span: Span | null, most = 40): readonly Consumer[] {
  const names = new Map(
    profile.nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
      id,
      `${functionName === '' ? '(anonymous)' : functionName} ${shortened(url)}${url === '' ? '' : `:${lineNumber + 1}`}`,
    ]),
  );
  const selfUs = new Map<string, number>();
  let atUs = profile.startTime;
  let totalUs = 0;
  for (const [index, sample] of profile.samples.entries()) {
    const us = profile.timeDeltas[index] ?? 0;
    atUs += us;
    if (span !== null && (atUs < span.fromUs || atUs > span.toUs)) continue;
    const name = names.get(sample) ?? '?';
    if (name.startsWith('(idle)')) continue;
    selfUs.set(name, (selfUs.get(name) ?? 0) + us);
    totalUs += us;
  }
  return [...selfUs]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, us]) => ({ function: name, self_ms: rounded(us / 1000, 1), share: rounded(us / totalUs) }));
}

function shortened(url: string): string {
  return url.replace(/^.*\/dist\//, '').replace(/^.*\/node_modules\//, 'node_modules/');
}

/** The profiles in a directory, oldest first: one for each thread of each process that ended in order. */
export function profilesIn(directory: string): readonly { readonly file: string; readonly profile: CpuProfile }[] {
  return readdirSync(directory)
    .filter(file => file.endsWith('.cpuprofile'))
    .sort()
    .map(file => ({ file, profile: JSON.parse(readFileSync(join(directory, file), 'utf8')) as CpuProfile }));
}
