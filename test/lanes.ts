/** Which tests run beside which: the files of `npm test`, in lanes that take about the same time. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `dist/test`, where this file is. */
const root = dirname(fileURLToPath(import.meta.url));

/** Lanes of what stands on daemons. It waits so much that three of them fit on two processors. */
export const DAEMON_LANES = 3;

/** Folders that are no part of `npm test`: `npm run test:long`, `test:kernel`, `test:integrations`. */
const ELSEWHERE = ['long/', 'kernel/', 'integrations/'];

/** What only computes, beside files there that start daemons. */
const COMPUTING = [
  'base',
  'compiler',
  'config',
  'delivery',
  'model',
  'sim',
  'slow-path',
  'southbound',
  'types',
  'view',
  'work',
];

/** A test that imports such a module speaks with Open vSwitch or Postgres. */
const STARTS_DAEMONS =
  /\bfrom '(?:\.\.?\/)+(?:ovs|lab|fixtures)\/(?:dummy-switch|database-server|postgres|stores|processes)\.js'/;

/** Folders whose files share a server in their process: they stay together. */
const TOGETHER = ['northbound', 'store'];

/**
 * Seconds that files, or folders that stay together, take in `npm test` on two processors; all others: `FEW_SECONDS`. Only how evenly
 * the lanes end depends on these figures. Each lane prints those of its longest at its end.
 */
export const SECONDS: Readonly<Record<string, number>> = {
  northbound: 170,
  store: 100,
  'main.test.js': 28,
  'stopping.test.js': 12,
  'delivery/host-database.test.js': 11,
  'delivery/ovsdb-provider.test.js': 12,
  'delivery/compiled-network.test.js': 24,
  'ovs/addressing.test.js': 27,
  'ovs/bench.test.js': 32,
  'ovs/churn.test.js': 15,
  'ovs/cni.test.js': 20,
  'ovs/demo.test.js': 21,
  'ovs/encapsulation.test.js': 12,
  'ovs/enrolment.test.js': 31,
  'ovs/faults.test.js': 71,
  'ovs/isolation.test.js': 30,
  'ovs/lab.test.js': 19,
  'ovs/load-balancing.test.js': 60,
  'ovs/mirrors.test.js': 42,
  'ovs/move.test.js': 10,
  'ovs/nat.test.js': 66,
  'ovs/openflow-bytes.test.js': 10,
  'ovs/packet-walk.test.js': 30,
  'ovs/pipeline/gateway.test.js': 12,
  'ovs/pipeline/routing.test.js': 12,
  'ovs/pipeline/security-groups.test.js': 10,
  'ovs/provider.test.js': 60,
  'ovs/qos.test.js': 34,
  'ovs/readme.test.js': 23,
  'ovs/restart.test.js': 75,
  'ovs/routing.test.js': 20,
  'ovs/rule-oracle.test.js': 42,
  'ovs/scale.test.js': 10,
  'ovs/security-groups.test.js': 100,
  'ovs/security-rule-kinds.test.js': 57,
  'ovs/slow-path.test.js': 41,
  'ovs/spoofing.test.js': 26,
  'ovs/standby.test.js': 53,
  'ovs/switching.test.js': 42,
  'ovs/tls.test.js': 44,
  'ovs/verdict.test.js': 63,
};
const FEW_SECONDS = 5;

/** What uses both processors, and so comes last in its lane: when the other lanes leave more of them. */
const ON_ALL_PROCESSORS = ['compiler/rules.test.js', 'sim/simulation.test.js'];

/** Files of tests below `dist/test`, in the order in which each lane runs them. */
export interface Lanes {
  readonly computing: readonly string[];
  readonly daemons: readonly (readonly string[])[];
}

export function lanesOf(files: readonly string[], startsDaemons: (file: string) => boolean): Lanes {
  const isComputing = (file: string): boolean => COMPUTING.includes(file.split('/')[0] ?? '') && !startsDaemons(file);
  const computing = files.filter(isComputing);
  const units = new Map<string, string[]>();
  for (const file of files) {
    if (isComputing(file)) continue;
    const folder = TOGETHER.find(each => file.startsWith(`${each}/`));
    const unit = folder ?? file;
    units.set(unit, [...(units.get(unit) ?? []), file]);
  }
  const secondsOf = (unit: string): number => SECONDS[unit] ?? FEW_SECONDS;
  const lanes = Array.from({ length: DAEMON_LANES }, () => ({ seconds: 0, files: [] as string[] }));
  // The longest first, each to the lane that has least.
  for (const [unit, of] of [...units].sort(([left], [right]) => secondsOf(right) - secondsOf(left))) {
    const [lane] = lanes.toSorted((left, right) => left.seconds - right.seconds);
    lane?.files.push(...of);
    if (lane !== undefined) lane.seconds += secondsOf(unit);
  }
  return {
    computing: [
      ...computing.filter(file => !ON_ALL_PROCESSORS.includes(file)),
      ...ON_ALL_PROCESSORS.filter(file => computing.includes(file)),
    ],
    daemons: lanes.map(lane => lane.files),
  };
}

/** The lanes of all tests that are built. */
export function lanesOfAllTests(): Lanes {
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.test.js'))
    .map(entry => relative(root, join(entry.parentPath, entry.name)))
    .filter(file => !ELSEWHERE.some(folder => file.startsWith(folder)))
    .sort();
  return lanesOf(files, file => STARTS_DAEMONS.test(readFileSync(join(root, file), 'utf8')));
}
