import { reference, required } from './fields.js';
import { resource } from './resource.js';
import { ip, mac } from './value-types.js';

export const staticNeighbours = resource({
  kind: 'static-neighbours',
  singular: 'static-neighbour',
  description:
    'The MAC address of a neighbour of a router port, which the router then neither asks for nor learns, and which wins over what a port with that address has.',
  named: false,
  exposed: true,
  fields: {
    logicalRouterPortId: reference('logical-router-ports', 'The router port, which is on a logical switch.', {
      onDelete: 'cascade',
      access: 'immutable',
    }),
    ip: required(ip(), 'The address of the neighbour, in a network of the router port.', { access: 'immutable' }),
    mac: required(mac(), 'Its MAC address.'),
  },
  columns: ['logicalRouterPortId', 'ip', 'mac'],
});
