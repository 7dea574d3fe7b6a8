/** A static route of the router is added, pointed elsewhere and removed: each reaches every hypervisor that has the router. */
import { randomUUID } from 'node:crypto';
import { type Subject, WAIT } from './controller.js';
import { countSent, type SentCounters } from './counters.js';
import { type Floor, type Ratio, ratioTo } from './floor.js';
import { type Percentiles, percentiles, rounded } from './percentiles.js';
import { type CpuReading, ProcessMeter } from './process-meter.js';
import type { Work } from './work.js';

export interface RouteChangeResult {
  readonly repetitions: number;
  readonly add_latency_ms: Percentiles;
  readonly change_latency_ms: Percentiles;
  readonly delete_latency_ms: Percentiles;
  readonly cpu_whole_loop: CpuReading;
  readonly control_plane_cpu_ms_per_cycle: number;
  readonly sent_per_cycle: SentCounters;
  readonly ratio_to_floor: Ratio;
}

export async function measureRouteChange(
  subject: Subject,
  work: Work,
  floor: Floor,
  repetitions: number,
): Promise<RouteChangeResult> {
  const { http } = subject.controller;
  const sent = await countSent(subject);
  const meter = new ProcessMeter(subject.processes);
  const samples: { add: number[]; change: number[]; remove: number[] } = { add: [], change: [], remove: [] };
  const [first, second] = work.ports;
  if (first === undefined || second === undefined) throw new Error('the work has no ports');
  for (let index = 0; index < repetitions; index += 1) {
    const id = randomUUID();
    const destination = `172.${16 + (index >> 8)}.${index & 255}.0/24`;
    const value = { id, logical_router_id: work.routerId, destination, next_hop: first.ip };
    samples.add.push((await http.send('POST', `/v1/static-routes${WAIT}`, value)).elapsedMs);
    const changed = await http.send('PATCH', `/v1/static-routes/${id}${WAIT}`, { next_hop: second.ip });
    samples.change.push(changed.elapsedMs);
    samples.remove.push((await http.send('DELETE', `/v1/static-routes/${id}${WAIT}`)).elapsedMs);
  }
  const cpu = meter.read();
  const add = percentiles(samples.add);
  return {
    repetitions,
    add_latency_ms: add,
    change_latency_ms: percentiles(samples.change),
    delete_latency_ms: percentiles(samples.remove),
    cpu_whole_loop: cpu,
    control_plane_cpu_ms_per_cycle: rounded((cpu.control_plane_s * 1000) / repetitions),
    sent_per_cycle: await sent(repetitions),
    ratio_to_floor: ratioTo(add, floor.sum_ms),
  };
}
