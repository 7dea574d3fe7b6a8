import { optional, reference, required } from './fields.js';
import { resource } from './resource.js';
import { boolean, cidr, ip, list, nullable, object, oneOf } from './value-types.js';

/** A range of addresses, both ends included. */
const addressRange = object({ start: ip(), end: ip() });

/** How ports get their IPv6 addresses, in Neutron's words. */
export const ipv6AddressModes = ['slaac', 'dhcpv6-stateless', 'dhcpv6-stateful'] as const;
export type Ipv6AddressMode = (typeof ipv6AddressModes)[number];

export const subnets = resource({
  kind: 'subnets',
  singular: 'subnet',
  description: 'A range of IP addresses of a logical switch, from which its ports get theirs.',
  named: false,
  exposed: true,
  seenThrough: 'logicalSwitchId',
  fields: {
    logicalSwitchId: reference('logical-switches', 'The logical switch.', {
      onDelete: 'restrict',
      access: 'immutable',
    }),
    cidr: required(cidr('network'), 'The range; ranges of one logical switch do not overlap.', { access: 'immutable' }),
    gatewayIp: optional(nullable(ip()), 'The address of the router, inside the range.', { default: null }),
    allocationPools: optional(
      list(addressRange, { max: 64 }),
      'Where addresses are allocated from. Empty: the whole range without the gateway, and in an IPv6 /64 the EUI-64 address of the MAC.',
      { default: [] },
    ),
    dnsServers: optional(list(ip(), { max: 8, distinct: true }), 'DNS servers told to workloads.', { default: [] }),
    dhcp: optional(boolean(), 'Whether Weft answers DHCP (of both families) and sends router advertisements (IPv6).', {
      default: true,
    }),
    ipv6AddressMode: optional(
      nullable(oneOf(...ipv6AddressModes)),
      'How ports get their IPv6 addresses. Null: by SLAAC where addresses are EUI-64, else by DHCPv6.',
      { default: null },
    ),
    hostRoutes: optional(
      list(object({ destination: cidr('network'), nextHop: ip() }), { max: 64 }),
      'Routes told to workloads.',
      { default: [] },
    ),
  },
  columns: ['logicalSwitchId', 'cidr', 'gatewayIp', 'dhcp'],
});
