/**
 * One port more: from the first byte of the REST request until the reply that waits for every hypervisor's barrier. The
 * interface is there already, so the write also binds it. The port is then read, deleted, and the next one is on another switch.
 */
import { countSent, type SentCounters } from './counters.js';
import { type Floor, measureFloor, type Ratio, ratioTo } from './floor.js';
import { percentiles, type Percentiles, rounded } from './percentiles.js';
import { type CpuReading, type MemoryByRole, memoryByRole, ProcessMeter, type Role } from './process-meter.js';
import { proveReached } from './proof.js';
import { APPLIED_WITHIN_MS, type Stand } from './stand.js';
import type { PlannedPort, Work } from './work.js';

export interface PortAddResult {
  readonly repetitions: number;
  readonly latency_ms: Percentiles;
  readonly delete_latency_ms: Percentiles;
  /** Reading the port that was just added: `status.up` is true in it. */
  readonly confirm_latency_ms: Percentiles;
  readonly cpu_whole_loop: CpuReading;
  /** CPU milliseconds for one add, confirm and delete. */
  readonly cpu_ms_per_cycle: Readonly<Partial<Record<Role | 'control_plane', number>>>;
  /** Messages and bytes for one add and delete. */
  readonly sent_per_cycle: SentCounters;
  readonly memory: MemoryByRole;
  /** Packets traced after a reply said "applied": all of them arrived. */
  readonly traces_passed: number;
  readonly floor: Floor;
  readonly ratio_to_floor: Ratio;
  /** The same against the floor that reaches every switch at once. */
  readonly ratio_to_fan_out_floor: Ratio;
}

export interface PortAddOptions {
  readonly repetitions: number;
  /** Not counted: code and caches warm up. */
  readonly warmUp: number;
}

const wait = `?wait=applied&timeout_ms=${APPLIED_WITHIN_MS}`;

/** A stand that holds the network of `work`, all bound. */
export async function measurePortAdd(stand: Stand, work: Work, options: PortAddOptions): Promise<PortAddResult> {
  const { hosts, switches } = work.size;
  const all = Array.from({ length: options.repetitions + options.warmUp }, (_, index) =>
    work.spare(index % switches, (index * 7) % hosts),
  );
  await stand.plug(all);
  const floor = await measureFloor(stand);
  const cycle = async (port: PlannedPort): Promise<readonly [number, number, number]> => {
    const added = await stand.http.send('POST', `/v1/logical-switch-ports${wait}`, {
      id: port.id,
      ...work.portValue(port),
    });
    const read = await stand.http.send('GET', `/v1/logical-switch-ports/${port.id}`);
    if (!/"up":true/.test(read.body)) throw new Error(`${port.name} was applied but is not up: ${read.body}`);
    const deleted = await stand.http.send('DELETE', `/v1/logical-switch-ports/${port.id}${wait}`);
    return [added.elapsedMs, read.elapsedMs, deleted.elapsedMs];
  };
  for (const port of all.slice(0, options.warmUp)) await cycle(port);
  await stand.settled();
  const meter = new ProcessMeter(stand.processes);
  const sent = await countSent(stand);
  meter.start();
  const samples: (readonly [number, number, number])[] = [];
  for (const port of all.slice(options.warmUp)) samples.push(await cycle(port));
  const cpu = meter.read();
  const latency = percentiles(samples.map(([added]) => added));
  return {
    repetitions: options.repetitions,
    latency_ms: latency,
    delete_latency_ms: percentiles(samples.map(([, , deleted]) => deleted)),
    confirm_latency_ms: percentiles(samples.map(([, read]) => read)),
    cpu_whole_loop: cpu,
    cpu_ms_per_cycle: perCycle(cpu, options.repetitions),
    sent_per_cycle: await sent(options.repetitions),
    memory: memoryByRole(stand.processes),
    traces_passed: await prove(stand, work),
    floor,
    ratio_to_floor: ratioTo(latency, floor.sum_ms),
    ratio_to_fan_out_floor: ratioTo(latency, floor.fan_out.sum_ms),
  };
}

function perCycle(cpu: CpuReading, repetitions: number): PortAddResult['cpu_ms_per_cycle'] {
  const each = (seconds: number): number => rounded((seconds * 1000) / repetitions);
  const roles = Object.entries(cpu.by_role_s).map(([role, seconds]) => [role, each(seconds)] as const);
  return { ...Object.fromEntries(roles), control_plane: each(cpu.control_plane_s) };
}

/** Adds one port as measured and traces a packet to it from every hypervisor the moment the reply is here. */
async function prove(stand: Stand, work: Work): Promise<number> {
  const port = work.spare(0, work.size.hosts - 1);
  await stand.plug([port]);
  await stand.http.send('POST', `/v1/logical-switch-ports${wait}`, { id: port.id, ...work.portValue(port) });
  const passed = await proveReached(stand, work, [port]);
  await stand.http.send('DELETE', `/v1/logical-switch-ports/${port.id}${wait}`);
  return passed;
}
