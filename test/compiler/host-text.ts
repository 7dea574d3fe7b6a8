/** What a hypervisor is to hold, as ovs-ofctl writes it: for goldens, and to load it into a real Open vSwitch. */
import { layout } from '../../src/compiler/pipeline/pipelines.js';
import { formatFlow, formatGroup } from '../../southbound/openflow/text.js';
import type { HostFlow, HostState } from './compiled-network.js';

/** One flow a line, in the order of tables and priorities. */
export function flowLines(flows: readonly HostFlow[]): readonly string[] {
  return flows
    .map(flow => ({ flow, text: formatFlow(flow) }))
    .toSorted((a, b) => a.flow.table - b.flow.table || b.flow.priority - a.flow.priority || (a.text < b.text ? -1 : 1))
    .map(({ text }) => text);
}

export function groupLines(host: HostState): readonly string[] {
  return host.groups.map(group => formatGroup(group)).toSorted();
}

/** Meters as ovs-ofctl takes them. */
export function meterLines(host: HostState): readonly string[] {
  return host.meters.map(
    ({ id, unit, rate, burst }) => `meter=${id},${unit},burst,band=type=drop,rate=${rate},burst_size=${burst ?? rate}`,
  );
}

/** Flows under the name of their stage, groups at the end. Cookies are left out, as they only number objects. */
export function goldenText(host: HostState): string {
  const byStage = layout.stages.flatMap(stage => {
    const table = layout.tableOf(stage);
    const flows = host.flows.filter(flow => flow.table === table);
    if (flows.length === 0) return [];
    const lines = flowLines(flows).map(line => line.replace(/^ ?cookie=0x[0-9a-f]+, table=\d+, /, ''));
    return [`# ${table} ${stage.name}`, ...lines, ''];
  });
  const groups = groupLines(host);
  const meters = meterLines(host);
  return [
    ...byStage,
    ...(groups.length === 0 ? [] : ['# groups', ...groups, '']),
    ...(meters.length === 0 ? [] : ['# meters', ...meters, '']),
  ].join('\n');
}
