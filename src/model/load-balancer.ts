import { optional, ownField, required } from './fields.js';
import { Type } from './json-schema.js';
import { resource } from './resource.js';
import { integer, ip, isObject, list, nullable, object, oneOf, text, uuid, type ValueType } from './value-types.js';

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

/** From the ports of virtual addresses above, backends are checked: what comes back to them is for Weft. */
export const LAST_BALANCED_PORT = 0xfeff;

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

export const checkProtocols = ['tcp', 'udp', 'http'] as const;

/** How backends are asked whether they are well. */
export interface HealthCheck {
  /** tcp: it takes a connection; http: it answers GET with 2xx or 3xx; udp: it does not say that nobody listens. */
  readonly protocol: (typeof checkProtocols)[number];
  /** The port that is asked; null: that of the backend. */
  readonly port: number | null;
  /** What http asks for. */
  readonly path: string;
  /** From one check of a backend that is well to the next. */
  readonly intervalS: number;
  /** An answer that takes longer is none. */
  readonly timeoutS: number;
  /** So many good answers in a row bring a failed backend back; so many bad ones take one out. */
  readonly rise: number;
  readonly fall: number;
}

const MAX_CHECK_INTERVAL_SECONDS = 3_600;
const MAX_IN_A_ROW = 10;
const MAX_PATH = 255;

const checkMembers = {
  protocol: oneOf(...checkProtocols),
  port: nullable(port),
  path: text({ min: 1, max: MAX_PATH }),
  intervalS: integer(1, MAX_CHECK_INTERVAL_SECONDS),
  timeoutS: integer(1, MAX_CHECK_INTERVAL_SECONDS),
  rise: integer(1, MAX_IN_A_ROW),
  fall: integer(1, MAX_IN_A_ROW),
};
const shownCheck = object(checkMembers);
const checkDefaults = { protocol: 'tcp', path: '/', interval_s: 5, timeout_s: 2, rise: 2, fall: 2 } as const;

/** A request may leave out every member. */
const healthCheck: ValueType<HealthCheck> = {
  ...shownCheck,
  inputSchema: Type.Object(
    {
      protocol: Type.Optional(checkMembers.protocol.schema),
      port: Type.Optional(checkMembers.port.schema),
      path: Type.Optional(checkMembers.path.schema),
      interval_s: Type.Optional(checkMembers.intervalS.schema),
      timeout_s: Type.Optional(checkMembers.timeoutS.schema),
      rise: Type.Optional(checkMembers.rise.schema),
      fall: Type.Optional(checkMembers.fall.schema),
    },
    { additionalProperties: false },
  ),
  parse: (value, pointer) => shownCheck.parse(isObject(value) ? { ...checkDefaults, ...value } : value, pointer),
};

/** A backend of one load balancer, in `failedBackends`. */
export const backendName = ({ ip: address, port: number }: Pick<Backend, 'ip' | 'port'>): string =>
  `${address} ${number}`;

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
    port: required(
      integer(1, LAST_BALANCED_PORT),
      'The port at the virtual address. From the highest 256 backends are checked.',
    ),
    backends: optional(
      list(backend, { max: MAX_BACKENDS }),
      'Where connections go: addresses that the switch, or a router of it, reaches. weight: share of new connections (default 1); state: active (default), draining (keeps what it has) or down.',
      { default: [] },
    ),
    healthCheck: optional(
      nullable(healthCheck),
      'How Weft checks the backends: protocol tcp (default), udp or http, port (default: that of the backend), path (http), interval_s (5), timeout_s (2), rise (2) and fall (2). Null: it does not.',
      { default: null },
    ),
    failedBackends: ownField(
      list(text({ max: 64 }), { max: MAX_BACKENDS }),
      'Backends that have failed their checks.',
      {
        access: 'internal',
        formerly: [],
      },
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
  computed: {
    backend_status: {
      schema: Type.Array(
        Type.Object({
          ip: Type.String(),
          port: Type.Integer(),
          health: Type.Enum(['unchecked', 'passing', 'failing']),
          reason: Type.Union([Type.String(), Type.Null()]),
        }),
      ),
      description:
        'What the checks of each backend have said, and why one is not checked. One that fails gets no connections.',
    },
  },
  columns: ['vip', 'protocol', 'port', 'backends'],
});
