/** A thread's share of the oracle's rounds over the real rules. Rounds begin at the same base, so any thread may run any of them. */
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { rules as productRules } from '../../src/compiler/rules.js';
import { floodLocalWithin, switchingFloodLocal } from '../../src/compiler/switching/flooding.js';
import { OracleFailure, type OracleReport, runIncrementalOracle } from './incremental-oracle.js';
import { type ReadSite, siteName } from './memoized-compile.js';

/**
 * The rules of the product, with floods that a packet can afford a hundredth of: so they go in passes also in networks that can be
 * compiled some thirty thousand times.
 */
const rules = productRules.map(each =>
  each === switchingFloodLocal
    ? floodLocalWithin({ unasked: 12, first: hypervisors => Math.max(0, 40 - 3 * hypervisors), pass: 41 })
    : each,
);

/** With room for what lives through one step only, less is collected. */
const youngGenerationMb = 64;

export interface ShardOptions {
  readonly sequences: readonly number[];
  readonly operationsPerSequence: number;
  readonly sequencesPerRound: number;
}

/**
 * So many sequences of 30 operations over every verb and field of every noun, with at least 100 ports. In a round of 25 each begins where
 * the last has ended.
 */
export const everySequence = (count: number): ShardOptions => ({
  sequences: Array.from({ length: count }, (_, place) => 5_000 + place),
  operationsPerSequence: 30,
  sequencesPerRound: 25,
});

/** A read that goes unrecorded, and the sequences that are to notice it. */
interface Mutation {
  readonly site: ReadSite;
  readonly sequences: readonly number[];
}

/** What a thread is to do. */
type Share = ShardOptions & { readonly mutations: readonly Mutation[] | null };

const threads = (most: number): number => Math.min(availableParallelism(), most);

/** Runs the sequences on all processors and adds the reports up. What a thread throws is thrown here. */
export async function runOracleInShards(options: ShardOptions): Promise<OracleReport> {
  const { sequences, sequencesPerRound } = options;
  const rounds = Math.ceil(sequences.length / sequencesPerRound);
  const shards = threads(rounds);
  const sequencesAShard = Math.ceil(rounds / shards) * sequencesPerRound;
  const reports = await Promise.all(
    Array.from({ length: shards }, (_, place) => {
      const own = sequences.slice(place * sequencesAShard, (place + 1) * sequencesAShard);
      return inThread<OracleReport>({ ...options, sequences: own, mutations: null });
    }),
  );
  return reports.reduce(add);
}

/** Leaves each read in turn unrecorded, and names those whose sequences do not notice. */
export async function unnoticedMutations(
  options: ShardOptions,
  { sites }: Pick<OracleReport, 'sites'>,
): Promise<readonly string[]> {
  const all = [...sites.values()].map(({ site, decidedBy }): Mutation => ({ site, sequences: decidedBy ?? [] }));
  const shards = threads(all.length);
  const unnoticed = await Promise.all(
    Array.from({ length: shards }, (_, place) => {
      const mutations = all.filter((_mutation, index) => index % shards === place);
      return inThread<readonly string[]>({ ...options, mutations });
    }),
  );
  return unnoticed.flat();
}

function inThread<Result>(share: Share): Promise<Result> {
  return new Promise((resolve, reject) => {
    const resourceLimits = { maxYoungGenerationSizeMb: youngGenerationMb };
    const worker = new Worker(new URL(import.meta.url), { workerData: share, resourceLimits });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function add(left: OracleReport, right: OracleReport): OracleReport {
  const sites = new Map(left.sites);
  for (const [name, entry] of right.sites) {
    const known = sites.get(name)?.decidedBy?.length ?? Infinity;
    if (!sites.has(name) || (entry.decidedBy?.length ?? Infinity) < known) sites.set(name, entry);
  }
  return {
    steps: left.steps + right.steps,
    fewestPorts: Math.min(left.fewestPorts, right.fewestPorts),
    unitsRun: left.unitsRun + right.unitsRun,
    fragmentsChanged: left.fragmentsChanged + right.fragmentsChanged,
    sites,
  };
}

function isNoticed(options: ShardOptions, { site, sequences }: Mutation): boolean {
  try {
    runIncrementalOracle({ rules, ...options, sequences, unrecorded: site });
    return false;
  } catch (error) {
    if (error instanceof OracleFailure) return true;
    throw error;
  }
}

if (!isMainThread) {
  const { mutations, ...options } = workerData as Share;
  parentPort?.postMessage(
    mutations === null
      ? runIncrementalOracle({ rules, ...options })
      : mutations.filter(each => !isNoticed(options, each)).map(({ site }) => siteName(site)),
  );
}
