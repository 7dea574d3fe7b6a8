import { allocated, optionalReference, ownField, reference, required } from './fields.js';
import { MAX_PORT_KEY } from './logical-switch-port.js';
import { resource } from './resource.js';
import { cidr, integer, list, mac, nullable } from './value-types.js';

export const logicalRouterPorts = resource({
  kind: 'logical-router-ports',
  singular: 'logical-router-port',
  description:
    'An interface of a logical router: on a logical switch, or joined with a port of another logical router.',
  named: true,
  exposed: true,
  fields: {
    logicalRouterId: reference('logical-routers', 'The logical router.', { onDelete: 'restrict', access: 'immutable' }),
    logicalSwitchId: optionalReference('logical-switches', 'The logical switch that it is on, unless it has a peer.', {
      onDelete: 'restrict',
    }),
    peerId: optionalReference(
      'logical-router-ports',
      'The port of another logical router that it is joined with. Setting it joins both; null or deletion parts them.',
      { onDelete: 'clear' },
    ),
    mac: allocated(mac(), 'The MAC address of the router port; unique on the logical switch.'),
    networks: required(
      list(cidr('interface'), { min: 1, max: 64, distinct: true }),
      'Its addresses with the length of their network, such as 192.0.2.1/24.',
    ),
    portKey: ownField(integer(1, MAX_PORT_KEY), 'Key of the port in the data path of its logical router.', {
      access: 'internal',
    }),
    switchPortKey: ownField(
      nullable(integer(1, MAX_PORT_KEY)),
      'Key of its other end in the data path of the logical switch.',
      {
        access: 'internal',
      },
    ),
  },
  columns: ['logicalRouterId', 'logicalSwitchId', 'peerId', 'mac', 'networks'],
});
