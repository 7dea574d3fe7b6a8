import { encodeDhcpOption } from '../../model/dhcp-option-codes.js';
import type { DhcpOption } from '../../model/index.js';
import { refuse } from '../../model/value-types.js';
import type { Behaviour } from './behaviour.js';
import { requireRow } from './require.js';

export const dhcpOptionBehaviour: Behaviour<'dhcp-options'> = {
  async complete(unit, request, _current, common) {
    const protocol = request.protocol ?? refuse('missing_member', '/protocol', 'It is missing.');
    const option = request.option ?? refuse('missing_member', '/option', 'It is missing.');
    const value = request.value ?? refuse('missing_member', '/value', 'It is missing.');
    const { logicalSwitchPortId = null, subnetId = null } = request;
    const row: DhcpOption = { ...common, logicalSwitchPortId, subnetId, protocol, option, value };
    if (logicalSwitchPortId !== null && subnetId !== null)
      refuse('contradiction', '/subnet_id', 'An option is for a port or for a subnet.');
    const encoded = encodeDhcpOption(protocol, option, value);
    if (encoded.kind === 'unknown') refuse('invalid_value', '/option', encoded.detail);
    if (encoded.kind === 'invalid') refuse('invalid_value', '/value', encoded.detail);
    if (logicalSwitchPortId !== null)
      await requireRow(unit, 'logical-switch-ports', logicalSwitchPortId, '/logical_switch_port_id');
    else if (subnetId !== null) await requireRow(unit, 'subnets', subnetId, '/subnet_id');
    else refuse('missing_member', '/logical_switch_port_id', 'Name a port, or a subnet by subnet_id.');
    return row;
  },
  claims: row => {
    const encoded = encodeDhcpOption(row.protocol, row.option, row.value);
    return [
      {
        scope: row.logicalSwitchPortId ?? row.subnetId ?? '',
        class: 'dhcp_option',
        // A number and a name may be the same option.
        value: `${row.protocol} ${encoded.kind === 'encoded' ? encoded.code : row.option}`,
        pointer: '/option',
        subnetId: null,
      },
    ];
  },
};
