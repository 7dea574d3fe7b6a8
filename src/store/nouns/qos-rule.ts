import type { QosRule } from '../../model/index.js';
import type { QosRuleKind } from '../../model/qos-rule.js';
import { snakeCase } from '../../model/letter-case.js';
import { refuse } from '../../model/value-types.js';
import type { Behaviour } from './behaviour.js';
import { requireRow } from './require.js';

type Parameter = 'maxKbps' | 'maxBurstKbps' | 'maxKpps' | 'maxBurstKpps' | 'dscpMark' | 'minKbps';

/** The members that each kind of rule has; the first must be given. */
const parametersOf: Readonly<Record<QosRuleKind, readonly [Parameter, ...Parameter[]]>> = {
  bandwidth_limit: ['maxKbps', 'maxBurstKbps'],
  packet_rate_limit: ['maxKpps', 'maxBurstKpps'],
  dscp_marking: ['dscpMark'],
  minimum_bandwidth: ['minKbps'],
};

const allParameters = Object.values(parametersOf).flat();

export const qosRuleBehaviour: Behaviour<'qos-rules'> = {
  async complete(unit, request, _current, common) {
    const kind = request.kind ?? refuse('missing_member', '/kind', 'It is missing.');
    const row: QosRule = {
      ...common,
      logicalSwitchPortId: request.logicalSwitchPortId ?? null,
      logicalSwitchId: request.logicalSwitchId ?? null,
      kind,
      direction: request.direction ?? 'egress',
      maxKbps: request.maxKbps ?? null,
      maxBurstKbps: request.maxBurstKbps ?? null,
      maxKpps: request.maxKpps ?? null,
      maxBurstKpps: request.maxBurstKpps ?? null,
      dscpMark: request.dscpMark ?? null,
      minKbps: request.minKbps ?? null,
    };
    const { logicalSwitchPortId, logicalSwitchId } = row;
    if (logicalSwitchPortId !== null && logicalSwitchId !== null)
      refuse('contradiction', '/logical_switch_id', 'A rule is for a port or for a logical switch.');
    if (logicalSwitchPortId !== null)
      await requireRow(unit, 'logical-switch-ports', logicalSwitchPortId, '/logical_switch_port_id');
    else if (logicalSwitchId !== null)
      await requireRow(unit, 'logical-switches', logicalSwitchId, '/logical_switch_id');
    else refuse('missing_member', '/logical_switch_port_id', 'Name a port, or a logical switch by logical_switch_id.');
    checkParameters(row);
    return row;
  },
  claims: row => [
    {
      scope: row.logicalSwitchPortId ?? row.logicalSwitchId ?? '',
      class: 'qos_rule',
      value: `${row.kind} ${row.direction}`,
      pointer: '/kind',
      subnetId: null,
    },
  ],
};

function checkParameters(row: QosRule): void {
  const own: readonly Parameter[] = parametersOf[row.kind];
  for (const parameter of allParameters) {
    const pointer = `/${snakeCase(parameter)}`;
    const isOwn = own.includes(parameter);
    if (!isOwn && row[parameter] !== null) refuse('contradiction', pointer, `A rule of kind ${row.kind} has none.`);
    if (parameter === own[0] && row[parameter] === null)
      refuse('missing_member', pointer, `A rule of kind ${row.kind} must say it.`);
  }
  if (row.kind === 'dscp_marking' && row.direction !== 'egress')
    refuse('contradiction', '/direction', 'What a workload sends is marked: the direction is egress.');
}
