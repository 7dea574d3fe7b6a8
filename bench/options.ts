/** The command line of the benchmarks. */
import { Argument, Command } from 'commander';
import { resolve } from 'node:path';

export const benchmarkNames = [
  'floor',
  'port-add',
  'bulk',
  'restart',
  'route',
  'cold-host',
  'memory',
  'scale',
  'large',
  'all',
] as const;
export type BenchmarkName = (typeof benchmarkNames)[number];

export interface BenchOptions {
  readonly name: BenchmarkName;
  /** Smaller sizes and fewer repetitions. */
  readonly isQuick: boolean;
  /** The result is written there too. */
  readonly jsonFile: string | null;
  /** Directory in which the CPU profiles of Weft are left; null: none are taken. */
  readonly profileDirectory: string | null;
  /** Directory of the harness that measures OVN; null: not measured. */
  readonly ovnHarness: string | null;
}

export function parseOptions(args: readonly string[]): BenchOptions {
  const command = new Command('npm run bench --')
    .addArgument(new Argument('<name>', 'the benchmark').choices(benchmarkNames))
    .option('--quick', 'smaller sizes and fewer repetitions')
    .option('--json <file>', 'write the result there too')
    .option('--profile <directory>', 'take CPU profiles of Weft and leave them there')
    .option('--ovn <directory>', 'measure OVN in turns with Weft, by the harness (ovnbench.py) in that directory')
    .parse(args, { from: 'user' });
  const { quick, json, profile, ovn } = command.opts<{ quick?: true; json?: string; profile?: string; ovn?: string }>();
  const [name] = command.processedArgs as [BenchmarkName];
  return {
    name,
    isQuick: quick === true,
    jsonFile: json ?? null,
    profileDirectory: profile === undefined ? null : resolve(profile),
    ovnHarness: ovn === undefined ? null : resolve(ovn),
  };
}
