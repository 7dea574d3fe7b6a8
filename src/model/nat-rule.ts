import { Type } from './json-schema.js';
import { ipOrNetwork } from './address-set.js';
import { allocated, optional, optionalReference, ownField, reference, required } from './fields.js';
import { resource } from './resource.js';
import { cidr, integer, ip, list, mac, nullable, object, oneOf, uuid } from './value-types.js';

/**
 * snat: what a network inside begins gets an address of the router outside; dnat: what comes for an address of the router, or for ports of
 * it, goes to a workload; floating_ip: an address outside that is one workload, in both directions.
 */
export const natKinds = ['snat', 'dnat', 'floating_ip'] as const;
export type NatKind = (typeof natKinds)[number];

/** Protocols with ports that can be mapped. */
export const mappedProtocols = ['tcp', 'udp', 'sctp'] as const;
export type MappedProtocol = (typeof mappedProtocols)[number];

const MAX_EXEMPTIONS = 64;
/** Ports of one rule: each is claimed for itself, and where it becomes another port it is a flow. */
export const MAX_MAPPED_PORTS = 256;

const port = integer(1, 65_535);

export const natRules = resource({
  kind: 'nat-rules',
  singular: 'nat-rule',
  description: 'Translation of addresses where a logical router reaches the outside by its gateway.',
  named: false,
  exposed: true,
  fields: {
    logicalRouterId: reference('logical-routers', 'The logical router.', { onDelete: 'restrict', access: 'immutable' }),
    kind: required(
      oneOf(...natKinds),
      'snat: connections that begin inside; dnat: those that begin outside; floating_ip: both, one address for one workload.',
      { access: 'immutable' },
    ),
    externalIp: allocated(
      ip(),
      'The address outside. snat, dnat: one of the router port there; floating_ip: a free one of a subnet there, allocated when left out.',
    ),
    logicalIp: required(
      ipOrNetwork(),
      'The address inside; for snat also a network, of which the longest prefix wins. One floating IP for each address.',
    ),
    exemptedDestinations: optional(
      list(cidr('network'), { max: MAX_EXEMPTIONS, distinct: true }),
      'snat, floating_ip: what begins inside and goes to these keeps its own address.',
      { default: [] },
    ),
    portMap: optional(
      nullable(
        object({
          protocol: oneOf(...mappedProtocols),
          externalPort: port,
          externalPortMax: nullable(port),
          logicalPort: nullable(port),
        }),
      ),
      `dnat: only these ports, from external_port to external_port_max (left out: one port; at most ${MAX_MAPPED_PORTS}), to as many from logical_port on (left out: the same).`,
      { default: null },
    ),
    logicalSwitchPortId: optionalReference(
      'logical-switch-ports',
      'floating_ip: the port of the workload. Then its own hypervisor speaks for the address outside, where it has a bridge for the physical network; else, and left out, the gateway does.',
      { onDelete: 'restrict' },
    ),
    externalMac: ownField(nullable(mac()), 'The MAC address of a floating IP with a port, outside.', {
      access: 'read-only',
    }),
    outsideSwitchId: ownField(nullable(uuid()), 'The logical switch of the gateway of the router.', {
      access: 'internal',
    }),
  },
  computed: {
    status: {
      forTenants: true,
      schema: Type.Object({ active: Type.Boolean(), reason: Type.Union([Type.String(), Type.Null()]) }),
      description: 'Whether it is in force, and why not.',
    },
  },
  columns: ['logicalRouterId', 'kind', 'externalIp', 'logicalIp', 'portMap'],
});
