/** The benchmarks by name, and the frame that every result has. */
import { mkdirSync } from 'node:fs';
import type { Ratio } from './floor.js';
import { load, machineReport, revisionOfProject } from './machine.js';
import type { BenchmarkName, BenchOptions } from './options.js';
import { type Consumer, profilesIn, topConsumers } from './profile.js';
import { measureOvn, type OvnRound, type RatioToOvn, ratioToOvn } from './ovn.js';
import { Run } from './run.js';
import { runScale, type ScaleResult } from './scale.js';
import { runSession, type SessionResult, type Step } from './session.js';
import type { WorkSize } from './work.js';

/** OVN's rounds before and after Weft's, and how many times Weft is below them. */
export interface OvnPart {
  readonly rounds: readonly OvnRound[];
  readonly ratio_to_ovn: RatioToOvn;
}

/** Results by the name of what they were measured on. */
export type Parts = Readonly<Partial<Record<PartName, SessionResult>>> &
  Readonly<Partial<Record<ScaleName, ScaleResult>>> & { readonly ovn?: OvnPart };
type PartName = 'medium' | 'embedded' | 'deep' | 'large';
type ScaleName = 'light_200' | 'light_1000' | 'light_5000';

/** The work of the goals, and of the harness that measures OVN. */
const MEDIUM: WorkSize = { hosts: 25, switches: 20, portsPerSwitch: 50 };
const LARGE: WorkSize = { hosts: 50, switches: 50, portsPerSwitch: 100 };
/** As many ports as the large work on half the hypervisors. */
const DEEP: WorkSize = { hosts: 25, switches: 50, portsPerSwitch: 100 };

/** Of the OVN harness, whose one addition takes most of a second. */
const OVN_REPETITIONS = 30;

/** In turns with OVN where its harness is given: OVN, Weft, OVN. */
async function medium(run: Run, steps: readonly Step[]): Promise<Parts> {
  const { ovnHarness, mediumSize } = run.settings;
  if (ovnHarness === null) return session(run, steps);
  const rounds: OvnRound[] = [];
  const ovn = async (): Promise<void> => {
    rounds.push(await run.span('ovn', () => measureOvn(ovnHarness, mediumSize, run.isQuick ? 10 : OVN_REPETITIONS)));
  };
  await ovn();
  const parts = await session(run, steps);
  await ovn();
  const { medium: measured } = parts;
  return measured === undefined ? parts : { ...parts, ovn: { rounds, ratio_to_ovn: ratioToOvn(rounds, measured) } };
}

async function session(run: Run, steps: readonly Step[], database?: 'embedded'): Promise<Parts> {
  const name = database ?? 'medium';
  const options = {
    size: run.settings.mediumSize,
    steps,
    repetitions: run.isQuick ? 100 : 300,
    restarts: run.isQuick ? 1 : 3,
    ...(database === undefined ? {} : { database }),
  };
  return { [name]: await runSession(run, name, options) };
}

async function large(run: Run): Promise<Parts> {
  if (run.isQuick) run.say('large takes minutes; --quick makes fewer repetitions of it, not a smaller one');
  const options = { size: LARGE, repetitions: run.isQuick ? 30 : 100, restarts: run.isQuick ? 1 : 2 };
  return {
    large: await runSession(run, 'large', { ...options, steps: ['bulk', 'floor', 'port_add', 'memory', 'restart'] }),
  };
}

async function scale(run: Run): Promise<Parts> {
  const repetitions = run.isQuick ? 100 : 300;
  const light = (name: ScaleName, hosts: number, switches: number): Promise<Parts> =>
    run.attempt(name, async () => ({ [name]: await runScale(run, name, { hosts, switches, span: 100, repetitions }) }));
  if (run.isQuick) return light('light_200', 200, 40);
  return { ...(await light('light_1000', 1_000, 200)), ...(await light('light_5000', 5_000, 200)) };
}

async function memory(run: Run): Promise<Parts> {
  const steps: readonly Step[] = ['bulk', 'memory', 'restart'];
  return { ...(await medium(run, steps)), ...(await session(run, steps, 'embedded')) };
}

async function bulk(run: Run): Promise<Parts> {
  const parts = await medium(run, ['bulk', 'floor']);
  if (run.isQuick) return parts;
  const options = { size: DEEP, steps: ['bulk', 'floor'] as const, repetitions: 0, restarts: 0 };
  return { ...parts, deep: await runSession(run, 'deep', options) };
}

const EVERY_STEP: readonly Step[] = ['bulk', 'floor', 'port_add', 'route_change', 'memory', 'cold_host', 'restart'];

async function all(run: Run): Promise<Parts> {
  const embedded = (): Promise<Parts> => session(run, ['bulk', 'memory', 'restart'], 'embedded');
  return {
    ...(await run.attempt('medium', () => medium(run, EVERY_STEP))),
    ...(await run.attempt('embedded', embedded)),
    ...(run.isQuick ? {} : await run.attempt('large', () => large(run))),
    ...(await run.attempt('scale', () => scale(run))),
  };
}

const benchmarks: Readonly<Record<BenchmarkName, (run: Run) => Promise<Parts>>> = {
  floor: run => medium(run, ['floor']),
  'port-add': run => medium(run, ['floor', 'port_add']),
  bulk,
  restart: run => medium(run, ['floor', 'restart']),
  route: run => medium(run, ['floor', 'route_change']),
  'cold-host': run => medium(run, ['floor', 'cold_host']),
  memory,
  scale,
  large,
  'group-join': run => medium(run, ['floor', 'group_join']),
  medium: run => medium(run, [...EVERY_STEP, 'group_join']),
  all,
};

export interface BenchResult {
  readonly benchmark: BenchmarkName;
  readonly quick: boolean;
  readonly at: string;
  /** Commit of the project, `dirty` when it had changes beside; its version where there is no repository. */
  readonly revision: string;
  readonly machine: ReturnType<typeof machineReport>;
  /** Load averages before and after: what else ran. Each part's CPU readings have `rest_of_machine_s`. */
  readonly load: { readonly before: readonly number[]; readonly after: readonly number[] };
  /** Of the benchmark's own figure; of port-add for those that have several. */
  readonly ratio_to_floor?: Ratio;
  /** Only where OVN was run beside it. */
  readonly ratio_to_ovn?: RatioToOvn;
  readonly parts: Parts;
  /** Parts that could not be measured, and why; absent when there are none. */
  readonly failures?: Run['failures'];
  /** Self time by function of Weft's threads, by measured part; only with `--profile`. */
  readonly profiles?: Readonly<Record<string, readonly Consumer[]>>;
}

function headline(name: BenchmarkName, parts: Parts): Pick<BenchResult, 'ratio_to_floor' | 'ratio_to_ovn'> {
  const session = parts.medium ?? parts.large;
  const of: Readonly<Partial<Record<BenchmarkName, Ratio | undefined>>> = {
    bulk: session?.bulk?.ratio_to_floor,
    restart: session?.restarts?.[0]?.ratio_to_floor,
    route: session?.route_change?.ratio_to_floor,
    'cold-host': session?.cold_host?.ratio_to_floor,
    'group-join': session?.group_join?.ratio_to_floor,
    scale: (parts.light_1000 ?? parts.light_200)?.port_add.ratio_to_floor,
    floor: { p50: 1, p99: 1 },
  };
  const ratio = of[name] ?? session?.port_add?.ratio_to_floor;
  return {
    ...(ratio === undefined ? {} : { ratio_to_floor: ratio }),
    ...(parts.ovn === undefined ? {} : { ratio_to_ovn: parts.ovn.ratio_to_ovn }),
  };
}

export async function runBenchmark(options: BenchOptions): Promise<BenchResult> {
  const loadBefore = load();
  const { profileDirectory } = options;
  if (profileDirectory !== null) mkdirSync(profileDirectory, { recursive: true });
  const { isQuick, ovnHarness, hasRules } = options;
  const size = options.size ?? MEDIUM;
  const mediumSize = hasRules ? { ...size, rulesPerSwitch: 2 as const } : size;
  const run = new Run({ isQuick, profileDirectory, ovnHarness, mediumSize });
  const parts = await benchmarks[options.name](run);
  return {
    benchmark: options.name,
    quick: options.isQuick,
    at: new Date().toISOString(),
    revision: revisionOfProject(),
    ...headline(options.name, parts),
    machine: machineReport(),
    load: { before: loadBefore, after: load() },
    parts,
    ...(run.failures.length === 0 ? {} : { failures: run.failures }),
    ...(profileDirectory === null ? {} : { profiles: profilesOf(run, profileDirectory) }),
  };
}

function profilesOf(run: Run, directory: string): Readonly<Record<string, readonly Consumer[]>> {
  const profiles: Record<string, readonly Consumer[]> = {};
  for (const { file, profile } of profilesIn(directory)) {
    for (const [name, span] of run.spans) {
      const consumers = topConsumers(profile, span);
      if (consumers.length > 0) profiles[`${name} (${file})`] = consumers;
    }
  }
  return profiles;
}
