/** Many seeds, and their sum: what `npm run sim` and the test of the simulation share. */
import { faultKinds, type FaultKind } from './faults.js';
import { plantedFaults, type PlantedFault } from './planted-faults.js';
import type { SeedProcesses } from './seed-processes.js';
import { Simulation } from './simulation.js';
import type { SimulationReport } from './simulation-report.js';

/** A seed, and what is wrong with the program in it: usually nothing that is known. */
export interface SeedTask {
  readonly seed: number;
  readonly planted: PlantedFault | null;
}

/** What became of one seed. */
export type SeedOutcome =
  | { readonly kind: 'clean'; readonly seed: number; readonly report: PlainReport }
  | { readonly kind: 'failed'; readonly seed: number; readonly error: string };

/** A report that can be sent between processes. */
type PlainReport = Omit<SimulationReport, 'operations' | 'faults'> & {
  readonly operations: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
};

/** Never rejects: a seed that fails says so. */
export async function runSeed({ seed, planted }: SeedTask): Promise<SeedOutcome> {
  try {
    const report = await new Simulation(seed, planted === null ? {} : { spoil: plantedFaults[planted] }).run();
    const { operations, faults } = report;
    const plain = { operations: Object.fromEntries(operations), faults: Object.fromEntries(faults) };
    return { kind: 'clean', seed, report: { ...report, ...plain } };
  } catch (error) {
    return { kind: 'failed', seed, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** Runs `count` seeds from `from` on, over these processes; tells each outcome as it comes. */
export async function runSeeds(
  from: number,
  count: number,
  processes: SeedProcesses,
  told: (outcome: SeedOutcome) => void,
): Promise<void> {
  let next = from;
  const runOneAfterOther = async (): Promise<void> => {
    while (next < from + count) {
      const seed = next;
      next += 1;
      told(await processes.run({ seed, planted: null }));
    }
  };
  await Promise.all(Array.from({ length: processes.count }, runOneAfterOther));
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
