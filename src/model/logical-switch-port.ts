import { allocated, optional, ownField, reference } from './fields.js';
import { Type } from './json-schema.js';
import { resource } from './resource.js';
import {
  boolean,
  cidr,
  integer,
  ip,
  isObject,
  list,
  mac,
  nullable,
  object,
  text,
  uuid,
  type ValueType,
} from './value-types.js';

/** An address of a port and the subnet that it is of. */
export interface PortAddress {
  readonly ip: string;
  readonly subnetId: string;
}

/** What a request says about one address: null where the store is to choose. */
export interface PortAddressRequest {
  readonly ip: string | null;
  readonly subnetId: string | null;
}

/** Port keys are unique within a logical switch and shared with its router ports; 0 is none, 15 bits. */
export const MAX_PORT_KEY = 32_767;

/** VLAN ids that a frame can carry; 0 and 4095 are reserved (IEEE 802.1Q). */
const MAX_VLAN = 4094;

/** Addresses that a local port may have beside those of subnets. */
const MAX_LOCAL_ADDRESSES = 8;

/** Groups that one port may name. */
const MAX_PORT_GROUPS = 32;

const shown = object({ ip: ip(), subnetId: uuid() });
const asked = object({ ip: nullable(ip()), subnetId: nullable(uuid()) });

/** An address in a reply is `{ip, subnet_id}`; a request may leave out either, or give the address alone as text. */
const portAddress: ValueType<PortAddress, PortAddressRequest> = {
  ...shown,
  inputSchema: Type.Union([ip().schema, asked.schema]),
  parse: (value, pointer) =>
    isObject(value) ? asked.parse(value, pointer) : { ip: ip().parse(value, pointer), subnetId: null },
};

export const logicalSwitchPorts = resource({
  kind: 'logical-switch-ports',
  singular: 'logical-switch-port',
  description: 'Where a workload (a VM or container) is attached to a logical switch.',
  named: true,
  exposed: true,
  fields: {
    logicalSwitchId: reference('logical-switches', 'The logical switch.', {
      onDelete: 'restrict',
      access: 'immutable',
      acrossProjects: true,
    }),
    mac: allocated(mac(), 'The MAC address of the workload; unique on the logical switch.'),
    ips: allocated(
      list(portAddress, { max: 64 }),
      'The IP addresses of the workload. Left out: one from a subnet of each family.',
    ),
    portSecurity: optional(boolean(), 'Whether only packets from its own MAC and IP addresses are let in.', {
      default: true,
    }),
    allowedAddresses: optional(
      list(object({ mac: nullable(mac()), cidr: cidr('network') }), { max: 128, distinct: true }),
      'Further sources that port security lets in; without mac, that of the port.',
      { default: [] },
    ),
    enabled: optional(boolean(), 'Administrative state; a disabled port drops everything.', { default: true }),
    unknownMacs: optional(
      boolean(),
      'Whether MAC addresses that nobody owns are behind it: it gets unknown unicast, and sources are learned.',
      {
        default: false,
      },
    ),
    securityGroups: optional(
      list(uuid(), { max: MAX_PORT_GROUPS, distinct: true }),
      'Security groups that it belongs to, besides those that select it by its labels.',
      { default: [] },
    ),
    parent: optional(
      nullable(object({ portId: uuid(), vlan: integer(1, MAX_VLAN) })),
      'Makes it a sub-port: it is where that port is, and its packets carry this VLAN tag between there and the workload behind that port.',
      { default: null },
    ),
    parentId: ownField(nullable(uuid()), 'The port of which it is a sub-port.', { access: 'internal', indexed: true }),
    local: optional(
      nullable(object({ addresses: list(ip(), { max: MAX_LOCAL_ADDRESSES, distinct: true }) })),
      'Makes it a local port: on each hypervisor where an interface claims it, and for the workloads of that hypervisor alone. It has these link-local addresses beside its own, such as 169.254.169.254 and fe80::a9fe:a9fe for metadata.',
      { default: null, access: 'immutable', operatorOnly: true },
    ),
    hypervisor: optional(
      nullable(text({ min: 1, max: 255 })),
      'Name of the hypervisor that may claim it when several do. Of a sub-port it says nothing.',
      {
        default: null,
        indexed: true,
        operatorOnly: true,
      },
    ),
    internalInterface: optional(
      boolean(),
      'Whether Weft makes its interface: an internal port of Open vSwitch on that hypervisor, named wint and the last 11 digits of the id, which can be moved into a container.',
      { default: false, operatorOnly: true },
    ),
    portKey: ownField(integer(1, MAX_PORT_KEY), 'Key of the port in the data path of its logical switch.', {
      access: 'internal',
    }),
  },
  computed: {
    status: {
      schema: Type.Object({
        bound_to: Type.Union([Type.String(), Type.Null()]),
        up: Type.Boolean(),
        applied_revision: Type.Union([Type.Integer(), Type.Null()]),
        state: Type.String(),
        reason: Type.Union([Type.String(), Type.Null()]),
      }),
      // For a tenant network-state.ts leaves out where that is.
      forTenants: true,
      description: 'Where the port is bound, and whether its flows are in force there.',
    },
  },
  columns: ['logicalSwitchId', 'mac', 'ips', 'enabled', 'hypervisor'],
});
