/**
 * One port more: from the first byte of the REST request until the reply that waits for every hypervisor's barrier. The
 * interface is there already, so the write also binds it. The port is then read, deleted, and the next one is on another switch.
 */
import { settled, type Subject, WAIT } from './controller.js';
import { countSent, type SentCounters } from './counters.js';
import { type Floor, type Ratio, ratioTo } from './floor.js';
import { percentiles, type Percentiles, rounded } from './percentiles.js';
import { type CpuReading, type MemoryByRole, memoryByRole, ProcessMeter, type Role } from './process-meter.js';
import { proveReached } from './proof.js';
import type { Stand } from './stand.js';
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
  readonly floor: Floor;
  readonly ratio_to_floor: Ratio;
  /** The same against the floor that reaches every switch at once. */
  readonly ratio_to_fan_out_floor: Ratio;
}

export interface PortAddOptions {
  /** As many are timed as there are ports behind those that warm up. */
  readonly warmUp: number;
  readonly floor: Floor;
}

/** Ports to be added, each on the next switch, on hypervisors that the switch is on. */
export function sparePorts(work: Work, count: number): readonly PlannedPort[] {
  const { switches, hosts, span = hosts } = work.size;
  return Array.from({ length: count }, (_, index) => {
    const place = index % switches;
    return work.spare(place, span < hosts ? (place * span + ((index * 7) % span)) % hosts : (index * 7) % hosts);
  });
}

type Sample = readonly [addedMs: number, readMs: number, deletedMs: number];

async function cycle({ controller }: Subject, work: Work, port: PlannedPort): Promise<Sample> {
  const value = { id: port.id, ...work.portValue(port) };
  const added = await controller.http.send('POST', `/v1/logical-switch-ports${WAIT}`, value);
  const read = await controller.http.send('GET', `/v1/logical-switch-ports/${port.id}`);
  if (!read.body.includes('"up":true')) throw new Error(`${port.name} was applied but is not up: ${read.body}`);
  const deleted = await controller.http.send('DELETE', `/v1/logical-switch-ports/${port.id}${WAIT}`);
  return [added.elapsedMs, read.elapsedMs, deleted.elapsedMs];
}

/** A subject that holds the network of `work`, all bound; the interfaces of `ports` are plugged. */
export async function measurePortAdd(
  subject: Subject,
  work: Work,
  ports: readonly PlannedPort[],
  { warmUp, floor }: PortAddOptions,
): Promise<PortAddResult> {
  for (const port of ports.slice(0, warmUp)) await cycle(subject, work, port);
  await settled(subject);
  const sent = await countSent(subject);
  const meter = new ProcessMeter(subject.processes);
  const samples: Sample[] = [];
  for (const port of ports.slice(warmUp)) samples.push(await cycle(subject, work, port));
  const cpu = meter.read();
  const latency = percentiles(samples.map(([added]) => added));
  return {
    repetitions: samples.length,
    latency_ms: latency,
    delete_latency_ms: percentiles(samples.map(([, , deleted]) => deleted)),
    confirm_latency_ms: percentiles(samples.map(([, read]) => read)),
    cpu_whole_loop: cpu,
    cpu_ms_per_cycle: perCycle(cpu, samples.length),
    sent_per_cycle: await sent(samples.length),
    memory: memoryByRole(subject.processes),
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

/**
 * Adds one port as measured and traces a packet to it from every hypervisor the moment the reply is here: how many arrived.
 * @throws Error when one did not
 */
export async function proveAdded(stand: Stand, work: Work, port: PlannedPort): Promise<number> {
  const { http } = stand.controller;
  await http.send('POST', `/v1/logical-switch-ports${WAIT}`, { id: port.id, ...work.portValue(port) });
  const passed = await proveReached(stand, work, [port]);
  await http.send('DELETE', `/v1/logical-switch-ports/${port.id}${WAIT}`);
  return passed;
}
