/**
 * Weft is killed (SIGKILL) with everything bound and started again at once. Over when it has verified every hypervisor: asked each
 * switch what it holds, and found it right. The switches themselves count what was changed: nothing.
 */
import { statSync } from 'node:fs';
import { settled, type Subject } from './controller.js';
import { currentRevision, verifiedHosts } from './convergence.js';
import { readMetrics } from './counters.js';
import { rounded } from './percentiles.js';
import { type CpuReading, type MemoryByRole, memoryByRole, ProcessMeter } from './process-meter.js';
import { lastAt, type LogLine, logLines } from './weft-log.js';
import type { Testimony, Witness } from './witness.js';

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
  /** As the switches tell. */
  readonly at_switches: Testimony;
  readonly cpu_until_in_sync: CpuReading;
  readonly cpu_until_idle: CpuReading;
  readonly memory: MemoryByRole;
}

const seconds = (fromMs: number, toMs: number): number => rounded((toMs - fromMs) / 1000);

const isConnected = (line: LogLine): boolean =>
  line.msg === 'OpenFlow connection' && line['use'] === 'flows' && line['connected'] === true;

/** A subject that is idle and in sync. */
export async function measureRestart(subject: Subject, witness: Witness): Promise<RestartResult> {
  const { weft } = subject.controller;
  const revision = await currentRevision(subject);
  const testify = await witness();
  const logged = statSync(weft.logFile).size;
  const meter = new ProcessMeter(subject.processes);
  const killedMs = Date.now();
  await weft.stop('SIGKILL');
  const startedMs = Date.now();
  const [, inSyncMs] = await Promise.all([weft.start(), verifiedHosts(subject, revision)]);
  const cpuUntilInSync = meter.read();
  await settled(subject);
  const cpuUntilIdle = meter.read();
  const lines = logLines(weft.logFile, logged);
  const listeningMs = lastAt(lines, line => line.msg === 'listening for hypervisors') ?? startedMs;
  const connectedMs = lastAt(lines, line => isConnected(line) && line.atMs <= inSyncMs) ?? startedMs;
  return {
    hosts: subject.hosts,
    in_sync_s: seconds(killedMs, inSyncMs),
    listening_s: seconds(startedMs, listeningMs),
    in_sync_after_listening_s: seconds(listeningMs, inSyncMs),
    in_sync_after_last_connected_s: seconds(connectedMs, inSyncMs),
    flow_mods: (await readMetrics(subject)).get('weft_hypervisor_flow_mods_total') ?? 0,
    at_switches: await testify(),
    cpu_until_in_sync: cpuUntilInSync,
    cpu_until_idle: cpuUntilIdle,
    memory: memoryByRole(subject.processes),
  };
}

export interface ReconnectResult {
  readonly hosts: number;
  /** From the cut of all connections to the moment at which every hypervisor is verified; the hosts wait a second before they dial. */
  readonly in_sync_s: number;
  readonly at_switches: Testimony;
  readonly cpu_until_in_sync: CpuReading;
}

/** Every hypervisor loses its connections at the same moment while Weft runs. */
export async function measureReconnect(
  subject: Subject & { cut(): Promise<void> },
  witness: Witness,
): Promise<ReconnectResult> {
  const revision = await currentRevision(subject);
  const testify = await witness();
  const meter = new ProcessMeter(subject.processes);
  const cutMs = Date.now();
  await subject.cut();
  // What was verified before the cut says nothing: the connections are noticed to be gone first.
  await verifiedHosts(subject, revision, applied => applied < subject.hosts);
  const inSyncMs = await verifiedHosts(subject, revision);
  const cpu = meter.read();
  return {
    hosts: subject.hosts,
    in_sync_s: seconds(cutMs, inSyncMs),
    at_switches: await testify(),
    cpu_until_in_sync: cpu,
  };
}
