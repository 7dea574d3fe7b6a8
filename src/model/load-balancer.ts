import { optional, required } from './fields.js';
import { Type } from './json-schema.js';
import { resource } from './resource.js';
import { integer, ip, isObject, list, nullable, object, oneOf, uuid, type ValueType } from './value-types.js';

export const balancedProtocols = ['tcp', 'udp', 'sctp'] as const;
export type BalancedProtocol = (typeof balancedProtocols)[number];

/**
 * active: gets its share of new connections; draining: keeps those that it has; down: those end too. Whoever knows how backends fare says so.
 */
export const backendStates = ['active', 'draining', 'down'] as const;
export type BackendState = (typeof backendStates)[number];

/** Backends of one load balancer: all of them are in one group of the switches, whose message holds 64 kB. */
const MAX_BACKENDS = 256;
const MAX_WEIGHT = 100;
/** Switches, and routers, that one load balancer may be attached to. */
const MAX_ATTACHMENTS = 64;
const MAX_AFFINITY_SECONDS = 86_400;

/** Where connections to a virtual address go. */
export interface Backend {
  readonly ip: string;
  readonly port: number;
  /** Its share of new connections, beside those of the others. */
  readonly weight: number;
  readonly state: BackendState;
}

const port = integer(1, 65_535);
const shown = object({ ip: ip(), port, weight: integer(1, MAX_WEIGHT), state: oneOf(...backendStates) });
const defaults = { weight: 1, state: 'active' } as const;

/** A request may leave out the weight and the state. */
const backend: ValueType<Backend> = {
  ...shown,
  inputSchema: Type.Object(
    {
      ip: ip().schema,
      port: port.schema,
      weight: Type.Optional(integer(1, MAX_WEIGHT).schema),
      state: Type.Optional(oneOf(...backendStates).schema),
    },
    { additionalProperties: false },
  ),
  parse: (value, pointer) => shown.parse(isObject(value) ? { ...defaults, ...value } : value, pointer),
};

export const loadBalancers = resource({
  kind: 'load-balancers',
  singular: 'load-balancer',
  description:
    'A virtual address and port whose connections go to backends, for the ports of logical switches and of those behind logical routers.',
  named: true,
  exposed: true,
  fields: {
    vip: required(ip(), 'The virtual address. Several load balancers may have it, with other ports or protocols.'),
    protocol: optional(oneOf(...balancedProtocols), 'The protocol of its connections.', { default: 'tcp' }),
    port: required(port, 'The port at the virtual address.'),
    backends: optional(
      list(backend, { max: MAX_BACKENDS }),
      'Where connections go: addresses that the switch, or a router of it, reaches. weight: share of new connections (default 1); state: active (default), draining (keeps what it has) or down.',
      { default: [] },
    ),
    affinityTimeoutS: optional(
      nullable(integer(1, MAX_AFFINITY_SECONDS)),
      'All connections of one client address go to one backend, for so many seconds at least, unless backends come or go.',
      { default: null },
    ),
    logicalSwitchIds: optional(
      list(uuid(), { max: MAX_ATTACHMENTS, distinct: true }),
      'Logical switches whose ports reach the virtual address. It is answered for there.',
      { default: [] },
    ),
    logicalRouterIds: optional(
      list(uuid(), { max: MAX_ATTACHMENTS, distinct: true }),
      'Logical routers: ports of every logical switch with a port of one of them reach the virtual address.',
      { default: [] },
    ),
  },
  columns: ['vip', 'protocol', 'port', 'backends'],
});
