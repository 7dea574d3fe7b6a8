/** The command line of the benchmarks. */
import { Argument, Command } from 'commander';

export const benchmarkNames = ['port-add', 'bulk', 'restart'] as const;
export type BenchmarkName = (typeof benchmarkNames)[number];

export interface BenchOptions {
  readonly name: BenchmarkName;
  /** Smaller sizes and fewer repetitions. */
  readonly isQuick: boolean;
  /** The result is written there too. */
  readonly jsonFile: string | null;
  /** Directory in which the CPU profiles of Weft are left; null: none are taken. */
  readonly profileDirectory: string | null;
}

export function parseOptions(args: readonly string[]): BenchOptions {
  const command = new Command('bench')
    .addArgument(new Argument('<name>', 'the benchmark').choices(benchmarkNames))
    .option('--quick', 'smaller sizes and fewer repetitions')
    .option('--json <file>', 'write the result there too')
    .option('--profile <directory>', 'take CPU profiles of Weft and leave them there')
    .parse(args, { from: 'user' });
  const { quick, json, profile } = command.opts<{ quick?: true; json?: string; profile?: string }>();
  return {
    name: command.args[0] as BenchmarkName,
    isQuick: quick === true,
    jsonFile: json ?? null,
    profileDirectory: profile ?? null,
  };
}
