/**
 * Weft is killed (SIGKILL) with everything bound and started again at once. Over when it has verified every hypervisor: asked each
 * switch what it holds, and found it right. The switches themselves count what was changed: nothing.
 */
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { differences, readSwitchState } from '../lab/switch-state.js';
import { readMetrics } from './counters.js';
import { type FlowEvents, FlowWatch } from './flow-watch.js';
import { rounded } from './percentiles.js';
import { type CpuReading, type MemoryByRole, memoryByRole, ProcessMeter } from './process-meter.js';
import { APPLIED_WITHIN_MS, type Stand } from './stand.js';
import { lastAt, logLines } from './weft-log.js';

export interface RestartResult {
  readonly hosts: number;
  /** From the kill to the moment at which every hypervisor is verified. */
  readonly in_sync_s: number;
  /** From the start of the process to the listeners for hypervisors. */
  readonly listening_s: number;
  /** From the listeners to the moment at which every hypervisor is verified; includes the switches' own waiting before they dial. */
  readonly in_sync_after_listening_s: number;
  /** From the last hypervisor's OpenFlow connection to the moment at which every hypervisor is verified. */
  readonly in_sync_after_last_connected_s: number;
  /** As Weft counts them. */
  readonly flow_mods: number;
  /** As the switches tell them while Weft is away and comes back. */
  readonly flow_events: FlowEvents;
  /** Lines of the flow and group tables that differ from before. */
  readonly differences: number;
  readonly cpu_until_in_sync: CpuReading;
  readonly cpu_until_idle: CpuReading;
  readonly memory: MemoryByRole;
}

interface Progress {
  readonly hypervisors: { readonly applied: number; readonly pending: readonly unknown[] };
}

const POLL_MS = 10;

/** Milliseconds since the epoch at which every hypervisor is verified at a revision. */
async function inSync(stand: Stand, revision: number): Promise<number> {
  const hosts = stand.lab.hypervisors.length;
  const endMs = performance.now() + APPLIED_WITHIN_MS;
  for (;;) {
    const progress = await stand.http.get<Progress>(`/v1/revisions/${revision}`).catch(() => null);
    if (progress?.hypervisors.applied === hosts && progress.hypervisors.pending.length === 0) return Date.now();
    if (performance.now() > endMs) throw new Error(`not in sync: ${JSON.stringify(progress)}`);
    await sleep(POLL_MS);
  }
}

/** A stand that is idle and in sync. */
export async function measureRestart(stand: Stand): Promise<RestartResult> {
  const { weft } = stand;
  const revision = (await readMetrics(stand)).get('weft_revision') ?? 0;
  const before = await stand.onEachHost(readSwitchState);
  await stand.settled();
  const watch = await FlowWatch.start(stand);
  await stand.settled();
  const logged = statSync(weft.logFile).size;
  const meter = new ProcessMeter(stand.processes);
  const killedMs = Date.now();
  await weft.stop('SIGKILL');
  const startedMs = Date.now();
  const [, inSyncMs] = await Promise.all([weft.start(), inSync(stand, revision)]);
  const cpuUntilInSync = meter.read();
  await stand.settled();
  const cpuUntilIdle = meter.read();
  const lines = logLines(weft.logFile, logged);
  const listeningMs = lastAt(lines, line => line.msg === 'listening for hypervisors') ?? startedMs;
  const connectedMs =
    lastAt(
      lines,
      line => line.msg === 'OpenFlow connection' && line['use'] === 'flows' && line['connected'] === true,
    ) ?? startedMs;
  const flowEvents = await watch.stop();
  const metrics = await readMetrics(stand);
  const after = await stand.onEachHost(readSwitchState);
  const seconds = (fromMs: number, toMs: number): number => rounded((toMs - fromMs) / 1000);
  return {
    hosts: stand.lab.hypervisors.length,
    in_sync_s: seconds(killedMs, inSyncMs),
    listening_s: seconds(startedMs, listeningMs),
    in_sync_after_listening_s: seconds(listeningMs, inSyncMs),
    in_sync_after_last_connected_s: seconds(connectedMs, inSyncMs),
    flow_mods: metrics.get('weft_hypervisor_flow_mods_total') ?? 0,
    flow_events: flowEvents,
    differences: before.reduce((sum, state, host) => {
      const now = after[host];
      return sum + (now === undefined ? 1 : differences(state, now).length);
    }, 0),
    cpu_until_in_sync: cpuUntilInSync,
    cpu_until_idle: cpuUntilIdle,
    memory: memoryByRole(stand.processes),
  };
}
