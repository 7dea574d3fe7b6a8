import { optional, optionalReference, ownField, reference, required } from './fields.js';
import { Type } from './json-schema.js';
import { MAX_DATAPATH_KEY } from './logical-switch.js';
import { resource } from './resource.js';
import { integer, ip, nullable, oneOf } from './value-types.js';

/** Where the copies go: to another logical switch port, or through a tunnel to an address of the underlay. */
export const mirrorKinds = ['local', 'gre', 'erspan'] as const;
export type MirrorKind = (typeof mirrorKinds)[number];

/** As the workload sees it: in is what it gets, out what it sends. */
export const mirrorDirections = ['both', 'in', 'out'] as const;
export type MirrorDirection = (typeof mirrorDirections)[number];

const MAX_GRE_KEY = 0xffff_ffff;
/** Session ids of ERSPAN have ten bits. */
export const MAX_ERSPAN_SESSION = 1023;

export const mirrors = resource({
  kind: 'mirrors',
  singular: 'mirror',
  description: 'Copies of what a port sends and gets, for a collector.',
  named: false,
  exposed: true,
  fields: {
    logicalSwitchPortId: reference('logical-switch-ports', 'The port whose traffic is copied.', {
      onDelete: 'cascade',
      access: 'immutable',
    }),
    direction: optional(oneOf(...mirrorDirections), 'in: what its workload gets; out: what it sends.', {
      default: 'both',
    }),
    kind: required(oneOf(...mirrorKinds), 'local: to collector_port_id; gre or erspan: to remote_ip.'),
    collectorPortId: optionalReference('logical-switch-ports', 'local: the port that gets the copies, on any host.', {
      onDelete: 'cascade',
    }),
    remoteIp: optional(nullable(ip()), 'gre, erspan: where the tunnel ends, as the hypervisors reach it.', {
      default: null,
      operatorOnly: true,
    }),
    key: optional(integer(0, MAX_GRE_KEY), 'gre: the key; erspan: the session id (0 to 1023).', { default: 0 }),
    datapathKey: ownField(integer(1, MAX_DATAPATH_KEY), 'Tunnel key of its copies between hypervisors.', {
      access: 'internal',
      unique: true,
    }),
  },
  computed: {
    status: {
      forTenants: true,
      schema: Type.Object({
        active: Type.Boolean(),
        reason: Type.Union([Type.String(), Type.Null()]),
      }),
      description: 'Whether copies are made, and if not, what is missing.',
    },
  },
  columns: ['logicalSwitchPortId', 'direction', 'kind', 'collectorPortId', 'remoteIp', 'key'],
});
