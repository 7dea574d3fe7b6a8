/** A thread's share of the oracle's rounds over the real rules. Rounds begin at the same base, so any thread may run any of them. */
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { rules as productRules } from '../../src/compiler/rules.js';
import { floodLocalWithin, switchingFloodLocal } from '../../src/compiler/switching/flooding.js';
import { type OracleReport, runIncrementalOracle } from './incremental-oracle.js';

/**
 * The rules of the product, with floods that a packet can afford a hundredth of: so they go in passes also in networks that can be
 * compiled some thirty thousand times.
 */
export const rules = productRules.map(each =>
  each === switchingFloodLocal
    ? floodLocalWithin({ unasked: 12, first: hypervisors => Math.max(0, 40 - 3 * hypervisors), pass: 41 })
    : each,
);

export interface ShardOptions {
  readonly sequences: readonly number[];
  readonly operationsPerSequence: number;
  readonly sequencesPerRound: number;
}

/** Runs the sequences on all processors and adds the reports up. What a thread throws is thrown here. */
export async function runOracleInShards(options: ShardOptions): Promise<OracleReport> {
  const { sequences, sequencesPerRound } = options;
  const rounds = Math.ceil(sequences.length / sequencesPerRound);
  const shards = Math.min(availableParallelism(), rounds);
  const sequencesAShard = Math.ceil(rounds / shards) * sequencesPerRound;
  const reports = await Promise.all(
    Array.from({ length: shards }, (_, place) =>
      runShard({ ...options, sequences: sequences.slice(place * sequencesAShard, (place + 1) * sequencesAShard) }),
    ),
  );
  return reports.reduce(add);
}

function runShard(workerOptions: ShardOptions): Promise<OracleReport> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: workerOptions });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function add(left: OracleReport, right: OracleReport): OracleReport {
  const sites = new Map(left.sites);
  for (const [name, entry] of right.sites) {
    const known = sites.get(name);
    if (known === undefined || known.decidedBy === null) sites.set(name, entry);
  }
  return {
    steps: left.steps + right.steps,
    fewestPorts: Math.min(left.fewestPorts, right.fewestPorts),
    unitsRun: left.unitsRun + right.unitsRun,
    fragmentsChanged: left.fragmentsChanged + right.fragmentsChanged,
    sites,
  };
}

if (!isMainThread) parentPort?.postMessage(runIncrementalOracle({ rules, ...(workerData as ShardOptions) }));
