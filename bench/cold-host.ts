/** ovs-vswitchd of one hypervisor is killed and started again with empty tables, while everything else runs on. */
import { differences, readSwitchState } from '../lab/switch-state.js';
import { settled } from './controller.js';
import { currentRevision, verifiedHosts } from './convergence.js';
import { countSent, type SentCounters } from './counters.js';
import { rounded } from './percentiles.js';
import { type CpuReading, ProcessMeter } from './process-meter.js';
import type { Stand } from './stand.js';
import { lastAt, logLines } from './weft-log.js';
import { statSync } from 'node:fs';

export interface ColdHostResult {
  /** From the start of ovs-vswitchd until its tables are complete and acknowledged; includes its own start-up and dialling. */
  readonly complete_s: number;
  /** From its OpenFlow connection. */
  readonly complete_after_connected_s: number;
  readonly flows: number;
  readonly cpu: CpuReading;
  readonly sent: SentCounters;
  /** Lines of its flow and group tables that differ from before. */
  readonly differences: number;
}

export async function measureColdHost(stand: Stand, host: number): Promise<ColdHostResult> {
  const hypervisor = stand.host(host);
  const { weft } = stand.controller;
  const before = await readSwitchState(hypervisor);
  const revision = await currentRevision(stand);
  const sent = await countSent(stand);
  const meter = new ProcessMeter(stand.processes);
  await hypervisor.openVswitch.stopDaemon('ovs-vswitchd', 0);
  await verifiedHosts(stand, revision, applied => applied < stand.hosts);
  const logged = statSync(weft.logFile).size;
  const startedMs = Date.now();
  await hypervisor.openVswitch.startSwitch();
  const completeMs = await verifiedHosts(stand, revision);
  const cpu = meter.read();
  await settled(stand);
  const connectedMs =
    lastAt(
      logLines(weft.logFile, logged),
      line => line.msg === 'OpenFlow connection' && line['use'] === 'flows' && line['connected'] === true,
    ) ?? startedMs;
  const after = await readSwitchState(hypervisor);
  return {
    complete_s: rounded((completeMs - startedMs) / 1000),
    complete_after_connected_s: rounded((completeMs - connectedMs) / 1000),
    flows: after.flows.length,
    cpu,
    sent: await sent(),
    differences: differences(before, after).length,
  };
}
