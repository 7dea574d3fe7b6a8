/** Many seeds over worker processes, and their sum: what `npm run sim` and the test of the simulation share. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { faultKinds, type FaultKind } from './faults.js';
import { Simulation } from './simulation.js';
import type { SimulationReport } from './simulation-report.js';

/** What became of one seed. */
export type SeedOutcome =
  | { readonly kind: 'clean'; readonly seed: number; readonly report: PlainReport }
  | { readonly kind: 'failed'; readonly seed: number; readonly error: string };

/** A report that can be sent between processes. */
type PlainReport = Omit<SimulationReport, 'operations' | 'faults'> & {
  readonly operations: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
};

/**
 * A heap of some megabytes is collected with less work by one thread than by many that wait for each other, and less of it with room for what
 * lives through one event only. Code that one seed does not need the next one does.
 */
const workerOptions: readonly string[] = ['--single-threaded-gc', '--min-semi-space-size=16', '--no-flush-bytecode'];

/** Never rejects: a seed that fails says so. */
export async function runSeed(seed: number): Promise<SeedOutcome> {
  try {
    const report = await new Simulation(seed).run();
    const { operations, faults } = report;
    const plain = { operations: Object.fromEntries(operations), faults: Object.fromEntries(faults) };
    return { kind: 'clean', seed, report: { ...report, ...plain } };
  } catch (error) {
    return { kind: 'failed', seed, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** Runs `count` seeds from `from` on, over so many processes; tells each outcome as it comes. */
export async function runSeeds(
  from: number,
  count: number,
  processes: number,
  told: (outcome: SeedOutcome) => void,
): Promise<void> {
  let next = from;
  const worker = fileURLToPath(new URL('./seed-worker.js', import.meta.url));
  const runOne = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(worker, { stdio: 'inherit', execArgv: [...process.execArgv, ...workerOptions] });
      let seed: number | null = null;
      const give = (): void => {
        seed = next < from + count ? next : null;
        next += 1;
        if (seed === null) child.disconnect();
        else child.send(seed);
      };
      child.on('message', (outcome: SeedOutcome) => {
        told(outcome);
        give();
      });
      child.on('error', reject);
      child.on('exit', code => {
        if (seed !== null) told({ kind: 'failed', seed, error: `the process ended with status ${code}` });
        resolve();
      });
      give();
    });
  await Promise.all(Array.from({ length: processes }, runOne));
}

/** What many seeds came to. */
export class Sum {
  readonly faults = new Map<FaultKind, number>(faultKinds.map(kind => [kind, 0]));
  readonly operations = new Map<string, number>();
  readonly failed: { readonly seed: number; readonly error: string }[] = [];
  seeds = 0;
  claims = 0;
  revisions = 0;
  walks = 0;
  walksToNew = 0;
  walksRouted = 0;
  walksJudged = 0;
  zonesReused = 0;
  fewestOperations = Number.POSITIVE_INFINITY;
  fewestFaults = Number.POSITIVE_INFINITY;

  add(outcome: SeedOutcome): void {
    this.seeds += 1;
    if (outcome.kind === 'failed') {
      this.failed.push(outcome);
      return;
    }
    const { operations, faults, claims, revisions, walks, walksToNew, walksRouted, walksJudged } = outcome.report;
    this.walksJudged += walksJudged;
    this.zonesReused += outcome.report.zonesReused;
    this.walks += walks;
    this.walksToNew += walksToNew;
    this.walksRouted += walksRouted;
    this.claims += claims;
    this.revisions += revisions;
    this.fewestOperations = Math.min(this.fewestOperations, total(operations));
    this.fewestFaults = Math.min(this.fewestFaults, total(faults));
    for (const [name, times] of Object.entries(operations)) addTo(this.operations, name, times);
    for (const [kind, times] of Object.entries(faults)) addTo(this.faults, kind as FaultKind, times);
  }

  /** For people. */
  table(): string {
    const lines = (counts: ReadonlyMap<string, number>): string[] =>
      [...counts].map(([name, times]) => `  ${name.padEnd(36)}${String(times).padStart(8)}`);
    return [
      `${this.seeds} seeds, ${this.failed.length} failed; at least ${this.fewestOperations} operations and ${this.fewestFaults} faults each;`,
      `${this.revisions} revisions, ${this.claims} claims of convergence looked at, ${this.walks} packets followed, ${this.walksToNew} of them to ports just bound and ${this.walksRouted} through a router;`,
      `${this.walksJudged} of them were for security groups to decide, and ${this.zonesReused} conntrack zones were used again`,
      'faults:',
      ...lines(this.faults),
      'operations:',
      ...lines(new Map([...this.operations].toSorted(([left], [right]) => (left < right ? -1 : 1)))),
    ].join('\n');
  }
}

const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, times) => sum + times, 0);

function addTo<K>(counts: Map<K, number>, name: K, times: number): void {
  counts.set(name, (counts.get(name) ?? 0) + times);
}
