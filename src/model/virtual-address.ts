import { ownField, reference, required } from './fields.js';
import { resource } from './resource.js';
import { ip, list, nullable, uuid } from './value-types.js';

/** Ports that may hold one virtual address. */
const MAX_PARENTS = 32;

export const virtualAddresses = resource({
  kind: 'virtual-addresses',
  singular: 'virtual-address',
  description:
    'An address that moves between ports (VRRP, keepalived): routers send it to the port that has announced it last, by gratuitous ARP or an unsolicited neighbour advertisement.',
  named: false,
  exposed: true,
  fields: {
    logicalSwitchId: reference('logical-switches', 'The logical switch.', {
      onDelete: 'restrict',
      access: 'immutable',
    }),
    ip: required(ip(), 'The address, which no port and no router has.', { access: 'immutable' }),
    logicalSwitchPortIds: required(
      list(uuid(), { min: 1, max: MAX_PARENTS, distinct: true }),
      'Ports of the logical switch that may have it. The allowed_addresses of each must let it through.',
    ),
    holderId: ownField(nullable(uuid()), 'The port that has announced it last; null: none has yet.', {
      access: 'read-only',
    }),
  },
  columns: ['logicalSwitchId', 'ip', 'logicalSwitchPortIds', 'holderId'],
});
