import { optional, optionalReference, reference, required } from './fields.js';
import { protocol } from './protocol.js';
import { resource } from './resource.js';
import { directions } from './security-group.js';
import { boolean, cidr, integer, nullable, oneOf } from './value-types.js';

/** The largest priority of a rule. */
export const MAX_RULE_PRIORITY = 10_000;
const DEFAULT_PRIORITY = 1_000;

const port = nullable(integer(1, 65_535));
const octet = nullable(integer(0, 255));

export const securityGroupRules = resource({
  kind: 'security-group-rules',
  singular: 'security-group-rule',
  description:
    'What becomes of connections of the ports of a security group. Of the rules of all groups of a port that match, the highest priority decides, at the same priority drop and reject before allow.',
  named: false,
  exposed: true,
  fields: {
    securityGroupId: reference('security-groups', 'The security group.', { onDelete: 'cascade', access: 'immutable' }),
    direction: required(oneOf(...directions), 'Whether the port receives (ingress) or opens (egress) the connection.'),
    ethertype: optional(
      nullable(oneOf('ipv4', 'ipv6')),
      'The family; left out: that of remote_cidr or of the protocol, else both.',
      { default: null },
    ),
    protocol: optional(nullable(protocol()), 'Name or number of the protocol; left out: any.', { default: null }),
    portMin: optional(port, 'First destination port, for tcp, udp and sctp; left out with port_max: any.', {
      default: null,
    }),
    portMax: optional(port, 'Last destination port.', { default: null }),
    icmpType: optional(octet, 'ICMP type, for icmp and icmpv6; left out: any.', { default: null }),
    icmpCode: optional(octet, 'ICMP code; left out: any.', { default: null }),
    remoteCidr: optional(nullable(cidr('network')), 'Who is on the other side: addresses of this range.', {
      default: null,
    }),
    remoteGroupId: optionalReference(
      'security-groups',
      'Who is on the other side: ports of this security group, by their addresses.',
      { onDelete: 'restrict' },
    ),
    remoteAddressSetId: optionalReference('address-sets', 'Who is on the other side: addresses of this set.', {
      onDelete: 'restrict',
    }),
    action: optional(oneOf('allow', 'drop', 'reject'), 'What becomes of what it matches.', { default: 'allow' }),
    priority: optional(integer(0, MAX_RULE_PRIORITY), 'The highest of those that match decides.', {
      default: DEFAULT_PRIORITY,
    }),
    stateless: optional(
      boolean(),
      'Judges each packet by itself, before all rules that are not stateless; replies need a rule of their own.',
      { default: false },
    ),
    log: optional(
      boolean(),
      'Writes what it decides to the log, as far as the limits for that allow: of what it allows the beginning of each connection, of what it drops or rejects (and of a stateless rule) each packet.',
      { default: false },
    ),
  },
  columns: ['securityGroupId', 'direction', 'ethertype', 'protocol', 'portMin', 'portMax', 'action', 'priority'],
});
