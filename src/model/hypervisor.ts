import { optional, ownField } from './fields.js';
import { Type } from './json-schema.js';
import { resource } from './resource.js';
import { boolean, integer, ip, list, nullable, object, oneOf, text } from './value-types.js';

/** Hypervisor keys travel in a 16-bit register; 0 is none. */
export const MAX_HYPERVISOR_KEY = 65_535;

/** How tunnels wrap packets. The type that the receiver names is used. */
export const encapsulations = ['geneve', 'vxlan'] as const;
export type Encapsulation = (typeof encapsulations)[number];

/** Bridge mappings of one host that count. */
export const MAX_BRIDGE_MAPPINGS = 256;

const nullableText = Type.Union([Type.String(), Type.Null()]);
const nullableInteger = Type.Union([Type.Integer(), Type.Null()]);

export const hypervisors = resource({
  kind: 'hypervisors',
  singular: 'hypervisor',
  description: 'A machine whose Open vSwitch Weft programs.',
  named: false,
  exposed: true,
  audience: { read: 'operator', write: 'admin' },
  fields: {
    systemId: ownField(
      nullable(text({ max: 255 })),
      'Its identity: external_ids:weft-hypervisor if set, else system-id.',
      {
        access: 'read-only',
        indexed: true,
        unique: true,
      },
    ),
    encapIp: ownField(nullable(ip()), 'The address of its end of the tunnels.', { access: 'read-only' }),
    encapTypes: ownField(
      list(oneOf(...encapsulations), { max: 2 }),
      'Encapsulations that it accepts, the preferred one first.',
      {
        access: 'read-only',
      },
    ),
    underlayMtu: ownField(integer(576, 65_535), 'MTU of the network that carries its tunnels, in bytes.', {
      access: 'read-only',
    }),
    datapathId: ownField(
      text({ max: 16 }),
      'The OpenFlow datapath id that Weft fixed for it: 16 hexadecimal digits, unguessable.',
      {
        access: 'read-only',
        unique: true,
      },
    ),
    hypervisorKey: ownField(integer(1, MAX_HYPERVISOR_KEY), 'Names it in a register of the pipeline.', {
      access: 'internal',
      unique: true,
    }),
    drain: optional(boolean(), 'Whether it is to lose its duties as a gateway.', { default: false }),
    gateway: optional(boolean(), 'Whether it may carry gateways.', { default: false }),
    adopt: optional(boolean(), 'Whether Weft may take over a bridge that it did not make and that is in use.', {
      default: false,
    }),
    allowed: optional(boolean(), 'Whether it may join. Deletion sets this to false.', { default: true }),
    approved: optional(
      boolean(),
      'Whether it is a member. One that came by itself where hosts are approved (WEFT_ENROLMENT) waits until this is set to true.',
      { default: true },
    ),
    ovsdbTarget: optional(
      nullable(text({ min: 1, max: 255 })),
      'Where Weft dials its OVSDB, such as tcp:192.0.2.11:6640; null if it dials Weft.',
      {
        default: null,
      },
    ),
    bridge: ownField(text({ max: 64 }), 'The bridge that Weft programs.', { access: 'read-only' }),
    datapathType: ownField(oneOf('system', 'netdev'), 'Data path in the kernel, or in user space.', {
      access: 'read-only',
    }),
    bridgeMappings: ownField(
      list(object({ physicalNetwork: text({ max: 255 }), bridge: text({ max: 255 }) }), { max: MAX_BRIDGE_MAPPINGS }),
      'Its bridges that lead to physical networks: external_ids:weft-bridge-mappings.',
      { access: 'read-only', formerly: [] },
    ),
  },
  computed: {
    encap_type: { schema: nullableText, description: 'The preferred encapsulation.' },
    state: { schema: Type.String(), description: 'Where it is on its way to being programmed.' },
    reason: { schema: nullableText, description: 'Why it is in that state.' },
    connected: { schema: Type.Boolean(), description: 'Whether both connections are up.' },
    punt_connected: {
      schema: Type.Boolean(),
      description:
        'Whether its connection for packets that Weft answers is up. Without it they are dropped, and nothing else is different.',
    },
    applied_revision: { schema: nullableInteger, description: 'The revision that its switch has acknowledged.' },
    lag: { schema: nullableInteger, description: 'How many revisions it is behind.' },
    flows: { schema: nullableInteger, description: 'How many flows Weft holds there.' },
    ovs_version: { schema: nullableText, description: 'The version of its Open vSwitch.' },
    physical_networks: {
      schema: Type.Array(
        Type.Object({
          physical_network: Type.String(),
          bridge: nullableText,
          connected: Type.Boolean(),
          reason: nullableText,
        }),
      ),
      description:
        'The physical networks that it has a bridge for, or that ports on it need: whether the logical switches there are joined with it, and if not, why.',
    },
    last_error: { schema: nullableText, description: 'The last thing that went wrong with it.' },
  },
  columns: ['systemId', 'encapIp', 'underlayMtu', 'gateway', 'drain', 'allowed'],
});
