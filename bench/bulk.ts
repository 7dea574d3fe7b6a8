/**
 * A network from nothing: the interfaces of all ports are there, then a client makes the router, and switch by switch the
 * switches with their ports, one transaction each. Over when the last reply says that every hypervisor has acknowledged.
 */
import { countSent, type SentCounters } from './counters.js';
import { rounded } from './percentiles.js';
import { type CpuReading, type MemoryByRole, memoryByRole, ProcessMeter, resetPeaks } from './process-meter.js';
import { proveReached } from './proof.js';
import { settled } from './controller.js';
import type { Stand } from './stand.js';
import type { Work } from './work.js';

export interface BulkResult {
  readonly ports: number;
  readonly transactions: number;
  /** From the first request until every hypervisor has acknowledged everything. */
  readonly applied_s: number;
  readonly cpu_until_applied: CpuReading;
  /** Until all daemons are idle again: what was put off is counted too. */
  readonly cpu_until_idle: CpuReading;
  readonly sent: SentCounters;
  readonly flows_per_host: { readonly min: number; readonly max: number };
  readonly memory: MemoryByRole;
  readonly traces_passed: number;
}

/** An empty stand with the interfaces of `work` plugged. */
export async function measureBulk(stand: Stand, work: Work): Promise<BulkResult> {
  resetPeaks(stand.processes);
  const sent = await countSent(stand);
  const meter = new ProcessMeter(stand.processes);
  const startMs = performance.now();
  await stand.controller.build(work);
  const appliedS = rounded((performance.now() - startMs) / 1000);
  const cpuUntilApplied = meter.read();
  await settled(stand);
  const cpuUntilIdle = meter.read();
  const flows = await stand.onEachHost(async hypervisor => (await hypervisor.flows('--no-stats')).length);
  return {
    ports: work.ports.length,
    transactions: work.transactions().length,
    applied_s: appliedS,
    cpu_until_applied: cpuUntilApplied,
    cpu_until_idle: cpuUntilIdle,
    sent: await sent(),
    flows_per_host: { min: Math.min(...flows), max: Math.max(...flows) },
    memory: memoryByRole(stand.processes),
    traces_passed: await proveReached(stand, work, sampleOf(work)),
  };
}

/** A port of the first, the middle and the last switch. */
export function sampleOf(work: Work): Work['ports'] {
  const { ports } = work;
  return [0, ports.length >> 1, ports.length - 1].flatMap(index => ports[index] ?? []);
}
