/** Benchmarks on one stand of real Open vSwitch, in the order in which they need each other. */
import { type BulkResult, measureBulk } from './bulk.js';
import { type ColdHostResult, measureColdHost } from './cold-host.js';
import { readMetrics } from './counters.js';
import { type GroupJoinResult, measureGroupJoin } from './group-join.js';
import { type Floor, measureFloor, multipleOf, type Ratio } from './floor.js';
import { rounded } from './percentiles.js';
import { measurePortAdd, type PortAddResult, proveAdded, sparePorts } from './port-add.js';
import { type MemoryByRole, memoryByRole } from './process-meter.js';
import { measureRestart, type RestartResult } from './restart.js';
import { measureRouteChange, type RouteChangeResult } from './route-change.js';
import type { Run } from './run.js';
import { Stand } from './stand.js';
import { witnessOf } from './witness.js';
import { Work, type WorkSize } from './work.js';

export type Step = 'bulk' | 'floor' | 'port_add' | 'route_change' | 'group_join' | 'cold_host' | 'restart' | 'memory';

export interface SessionOptions {
  readonly size: WorkSize;
  readonly steps: readonly Step[];
  readonly database?: 'embedded';
  /** Ports added one after the other. */
  readonly repetitions: number;
  /** Restarts, one after the other. */
  readonly restarts: number;
}

/** What Weft's own heap holds beside what the system counts. */
export interface WeftMemory {
  readonly heap_used_mb: number;
  readonly external_mb: number;
  readonly by_role: MemoryByRole;
}

export interface SessionResult {
  readonly work: WorkSize & { readonly ports: number };
  readonly durability: 'postgres, fsync on' | 'embedded';
  /** Before there was any network: what all later figures have in them. */
  readonly memory_empty: WeftMemory;
  readonly bulk?: BulkResult & { readonly ratio_to_floor?: Ratio };
  readonly floor?: Floor;
  readonly port_add?: PortAddResult & { readonly traces_passed: number };
  readonly route_change?: RouteChangeResult;
  readonly group_join?: GroupJoinResult;
  readonly cold_host?: ColdHostResult & { readonly ratio_to_floor?: Ratio };
  readonly restarts?: readonly (RestartResult & { readonly ratio_to_floor?: Ratio })[];
  readonly memory?: WeftMemory & {
    /** RSS of Weft above what it was without any network, divided by the ports. Kilobytes. */
    readonly weft_kb_per_port: number;
  };
}

const WARM_UP = 20;
const megabytes = (bytes: number | undefined): number => rounded((bytes ?? 0) / 1024 ** 2, 1);

async function weftMemory(stand: Stand): Promise<WeftMemory> {
  const metrics = await readMetrics(stand);
  return {
    heap_used_mb: megabytes(metrics.get('nodejs_heap_size_used_bytes')),
    external_mb: megabytes(metrics.get('nodejs_external_memory_bytes')),
    by_role: memoryByRole(stand.processes),
  };
}

export async function runSession(run: Run, name: string, options: SessionOptions): Promise<SessionResult> {
  const { size } = options;
  const wants = (step: Step): boolean => options.steps.includes(step);
  run.say(`${name}: ${size.hosts} hypervisors, ${size.switches} x ${size.portsPerSwitch} ports`);
  const stand = await Stand.create({
    hosts: size.hosts,
    database: options.database,
    profileDirectory: run.profileDirectory ?? undefined,
  });
  try {
    const work = new Work(size);
    await stand.plug(work.ports);
    const memoryEmpty = await weftMemory(stand);
    const bulk = await run.span(`${name} bulk`, () => measureBulk(stand, work));
    const spares = wants('port_add') ? sparePorts(work, options.repetitions + WARM_UP + 1) : [];
    const joining = wants('group_join') ? sparePorts(work, options.repetitions >> 2) : [];
    await stand.plug([...spares, ...joining]);
    const { databaseUrl } = stand.controller;
    const floor =
      databaseUrl === null || !(['floor', 'port_add', 'route_change', 'group_join'] as const).some(wants)
        ? null
        : await run.span(`${name} floor`, () => measureFloor({ lab: stand.lab, databaseUrl }));
    const portAdd =
      floor === null || !wants('port_add')
        ? null
        : await run.span(`${name} port-add`, () => addPorts(stand, work, spares, floor));
    const routeChange =
      floor === null || !wants('route_change')
        ? null
        : await run.span(`${name} route`, () => measureRouteChange(stand, work, floor, options.repetitions >> 1));
    const groupJoin =
      floor === null || !wants('group_join')
        ? null
        : await run.span(`${name} group-join`, () => measureGroupJoin(stand, work, joining, floor));
    const memory = wants('memory') ? await weftMemory(stand) : null;
    const coldHost = wants('cold_host') ? await run.span(`${name} cold-host`, () => measureColdHost(stand, 0)) : null;
    const restarts: RestartResult[] = [];
    for (let index = 0; wants('restart') && index < options.restarts; index += 1) {
      restarts.push(await run.span(`${name} restart`, () => measureRestart(stand, witnessOf(stand))));
    }
    return {
      work: { ...size, ports: work.ports.length },
      durability: databaseUrl === null ? 'embedded' : 'postgres, fsync on',
      memory_empty: memoryEmpty,
      ...(wants('bulk') ? { bulk: { ...bulk, ...(floor === null ? {} : bulkRatio(bulk, floor)) } } : {}),
      ...(floor === null ? {} : { floor }),
      ...(portAdd === null ? {} : { port_add: portAdd }),
      ...(routeChange === null ? {} : { route_change: routeChange }),
      ...(groupJoin === null ? {} : { group_join: groupJoin }),
      ...(coldHost === null ? {} : { cold_host: { ...coldHost, ...coldRatio(coldHost, floor) } }),
      ...(restarts.length === 0 ? {} : { restarts: restarts.map(each => ({ ...each, ...restartRatio(each, floor) })) }),
      ...(memory === null ? {} : { memory: { ...memory, weft_kb_per_port: perPortKb(memoryEmpty, memory, work) } }),
    };
  } finally {
    await stand.remove();
  }
}

async function addPorts(
  stand: Stand,
  work: Work,
  spares: ReturnType<typeof sparePorts>,
  floor: Floor,
): Promise<PortAddResult & { readonly traces_passed: number }> {
  const [proof, ...ports] = spares;
  if (proof === undefined) throw new Error('no port to add');
  const tracesPassed = await proveAdded(stand, work, proof);
  return { ...(await measurePortAdd(stand, work, ports, { warmUp: WARM_UP, floor })), traces_passed: tracesPassed };
}

function perPortKb(empty: WeftMemory, full: WeftMemory, work: Work): number {
  const rss = (memory: WeftMemory): number => memory.by_role.weft?.rss_mb ?? 0;
  return rounded(((rss(full) - rss(empty)) * 1024) / work.ports.length, 1);
}

/** A network cannot be made faster than its transactions commit and its flows are installed on all switches. */
function bulkRatio(bulk: BulkResult, floor: Floor): { readonly ratio_to_floor: Ratio } {
  const floorMs = bulk.transactions * floor.commit_ms.p50 + floor.fill.all_ms.p50;
  return { ratio_to_floor: multipleOf(bulk.applied_s * 1000, floorMs) };
}

/** A switch cannot be filled faster than by one bundle of all its flows. */
function coldRatio(result: ColdHostResult, floor: Floor | null): { readonly ratio_to_floor?: Ratio } {
  if (floor === null) return {};
  return { ratio_to_floor: multipleOf(result.complete_after_connected_s * 1000, floor.fill.one_ms.p50) };
}

/** Nothing is known of the switches without one round trip to each. */
function restartRatio(result: RestartResult, floor: Floor | null): { readonly ratio_to_floor?: Ratio } {
  if (floor === null) return {};
  return { ratio_to_floor: multipleOf(result.in_sync_after_last_connected_s * 1000, floor.fan_out.barrier_ms.p50) };
}
