/** Many light hypervisors: what a change costs at a span of 100 in a large fleet, and the whole fleet coming back at once. */
import { Lab } from '../lab/lab.js';
import type { PortAddResult } from './port-add.js';
import { measurePortAdd, sparePorts } from './port-add.js';
import { settled, type Subject } from './controller.js';
import { countSent, type SentCounters } from './counters.js';
import { type Floor, measureFloor } from './floor.js';
import { LightStand } from './light-stand.js';
import { rounded } from './percentiles.js';
import { type CpuReading, type MemoryByRole, memoryByRole, ProcessMeter } from './process-meter.js';
import { measureReconnect, measureRestart, type ReconnectResult, type RestartResult } from './restart.js';
import type { Run } from './run.js';
import { lightWitnessOf } from './witness.js';
import { Work, type WorkSize } from './work.js';

export interface ScaleOptions {
  readonly hosts: number;
  readonly switches: number;
  /** Hypervisors that each switch is on; as many ports as that. */
  readonly span: number;
  readonly repetitions: number;
}

export interface ScaleResult {
  readonly work: WorkSize & { readonly ports: number };
  /** The controller before any hypervisor, with all of them, and with all ports bound. */
  readonly memory: Readonly<Record<'alone' | 'joined' | 'bound', MemoryByRole>>;
  /** RSS of Weft that a joined hypervisor adds. Kilobytes. */
  readonly weft_kb_per_hypervisor: number;
  readonly from_nothing: {
    readonly applied_s: number;
    readonly cpu_until_idle: CpuReading;
    readonly sent: SentCounters;
    readonly flows: number;
  };
  readonly floor: Floor;
  readonly port_add: PortAddResult;
  readonly reconnect: ReconnectResult;
  readonly restart: RestartResult;
}

const WARM_UP = 20;
/** A switch as full as the light ones: three flows a port of the twenty switches on it. */
const FLOOR_FLOWS = 5_000;

export async function runScale(run: Run, name: string, options: ScaleOptions): Promise<ScaleResult> {
  const { hosts, switches, span } = options;
  run.say(`${name}: ${hosts} light hypervisors, ${switches} switches of ${span} ports on ${span} hypervisors each`);
  let alone: MemoryByRole | null = null;
  const stand = await LightStand.create({
    hosts,
    profileDirectory: run.profileDirectory ?? undefined,
    onController: controller => {
      alone = memoryByRole(() => controller.processes());
    },
  });
  try {
    const joined = memoryByRole(stand.processes);
    run.say(`${name}: all have joined`);
    const work = new Work({ hosts, switches, portsPerSwitch: span, span, isRouted: false });
    const spares = sparePorts(work, options.repetitions + WARM_UP);
    await stand.plug([...work.ports, ...spares]);
    const fromNothing = await run.span(`${name} from nothing`, () => buildAll(stand, work));
    const bound = memoryByRole(stand.processes);
    const floor = await lightFloor(stand);
    const portAdd = await run.span(`${name} port-add`, () =>
      measurePortAdd(stand, work, spares, { warmUp: WARM_UP, floor }),
    );
    const reconnect = await run.span(`${name} reconnect`, () => measureReconnect(stand, lightWitnessOf(stand)));
    await settled(stand);
    const restart = await run.span(`${name} restart`, () => measureRestart(stand, lightWitnessOf(stand)));
    const rss = (memory: MemoryByRole | null): number => memory?.weft?.rss_mb ?? 0;
    return {
      work: { ...work.size, ports: work.ports.length },
      memory: { alone: alone ?? joined, joined, bound },
      weft_kb_per_hypervisor: rounded(((rss(joined) - rss(alone)) * 1024) / hosts, 1),
      from_nothing: fromNothing,
      floor,
      port_add: portAdd,
      reconnect,
      restart,
    };
  } finally {
    await stand.remove();
  }
}

async function buildAll(stand: LightStand, work: Work): Promise<ScaleResult['from_nothing']> {
  const sent = await countSent(stand);
  const meter = new ProcessMeter(stand.processes);
  const startMs = performance.now();
  await stand.controller.build(work);
  const appliedS = rounded((performance.now() - startMs) / 1000);
  await settled(stand);
  return {
    applied_s: appliedS,
    cpu_until_idle: meter.read(),
    sent: await sent(),
    flows: (await stand.count()).flows,
  };
}

/** One real Open vSwitch beside the light ones, as a floor needs one. */
async function lightFloor({ controller }: Subject): Promise<Floor> {
  const { databaseUrl } = controller;
  if (databaseUrl === null) throw new Error('the floor is that of Postgres');
  const lab = await Lab.create({ hypervisors: 1, mode: 'dummy', name: `bench-floor-${process.pid}`, ephemeral: true });
  try {
    return await measureFloor({ lab, databaseUrl, flows: FLOOR_FLOWS });
  } finally {
    await lab.remove();
  }
}
