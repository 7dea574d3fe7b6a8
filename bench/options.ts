/** The command line of the benchmarks. */
import { resolve } from 'node:path';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { WorkSize } from './work.js';

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
  'group-join',
  'medium',
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
  /** Another size of the work; null: that of the goals. */
  readonly size: WorkSize | null;
  /** Whether each switch has two rules, in Weft as in OVN, on the work that is measured beside OVN. */
  readonly hasRules: boolean;
}

/** `25,20,50`: hypervisors, switches, ports of each. */
function parseSize(text: string): WorkSize {
  const [hosts = 0, switches = 0, portsPerSwitch = 0, ...rest] = text.split(',').map(Number);
  const isWhole = [hosts, switches, portsPerSwitch].every(number => Number.isInteger(number) && number > 0);
  if (!isWhole || rest.length > 0) throw new InvalidArgumentError('three whole numbers above 0, for instance 25,20,50');
  return { hosts, switches, portsPerSwitch };
}

export function parseOptions(args: readonly string[]): BenchOptions {
  const command = new Command('npm run bench --')
    .addArgument(new Argument('<name>', 'the benchmark').choices(benchmarkNames))
    .option('--quick', 'smaller sizes and fewer repetitions')
    .option('--json <file>', 'write the result there too')
    .option('--profile <directory>', 'take CPU profiles of Weft and leave them there')
    .option('--ovn <directory>', 'measure OVN in turns with Weft, by the harness (ovnbench.py) in that directory')
    .addOption(new Option('--rules <number>', 'rules for the ports of each switch, in OVN too').choices(['0', '2']))
    .option('--size <hosts,switches,ports>', 'another size of the work on real Open vSwitch', parseSize)
    .parse(args, { from: 'user' });
  const { quick, json, profile, ovn, size, rules } = command.opts<{
    quick?: true;
    json?: string;
    profile?: string;
    ovn?: string;
    size?: WorkSize;
    rules?: '0' | '2';
  }>();
  const [name] = command.processedArgs as [BenchmarkName];
  return {
    name,
    isQuick: quick === true,
    jsonFile: json ?? null,
    profileDirectory: profile === undefined ? null : resolve(profile),
    ovnHarness: ovn === undefined ? null : resolve(ovn),
    size: size ?? null,
    hasRules: rules === '2',
  };
}
