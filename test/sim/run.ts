#!/usr/bin/env node
/**
 * npm run sim -- --seeds 10000 [--from 1] [--processes 2]     many seeds; a process for each core, unless said otherwise
 * npm run sim -- --seed 17 --trace                            one seed, with everything that happens
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { runSeeds, Sum } from './seeds.js';
import { SeedProcesses } from './seed-processes.js';
import { Simulation } from './simulation.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    processes: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

async function runOne(seed: number, trace: boolean): Promise<void> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  try {
    const report = await new Simulation(seed, trace ? { trace: say } : {}).run();
    say(
      `seed ${seed} is clean: ${report.revisions} revisions in ${Math.round(report.virtualMs / 1_000)} s of its time, hash ${report.hash}`,
    );
  } catch (error) {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exitCode = 1;
  }
}

async function runMany(from: number, count: number, processes: SeedProcesses): Promise<void> {
  const sum = new Sum();
  const startedMs = performance.now();
  await runSeeds(from, count, processes, outcome => {
    sum.add(outcome);
    if (outcome.kind === 'failed') {
      process.stdout.write(
        `seed ${outcome.seed} failed: ${outcome.error}\n  again: npm run sim -- --seed ${outcome.seed} --trace\n`,
      );
    }
    if (sum.seeds % 100 === 0) {
      const seconds = Math.round((performance.now() - startedMs) / 1_000);
      process.stdout.write(`${sum.seeds} of ${count} seeds in ${seconds} s, ${sum.failed.length} failed\n`);
    }
  });
  processes.end();
  process.stdout.write(`${sum.table()}\n`);
  if (sum.failed.length > 0) process.exitCode = 1;
}

if (values.seed === undefined)
  await runMany(Number(values.from), Number(values.seeds), new SeedProcesses(Number(values.processes)));
else await runOne(Number(values.seed), values.trace);
