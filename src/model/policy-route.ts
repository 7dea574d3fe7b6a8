import { optional, reference, required } from './fields.js';
import { Type } from './json-schema.js';
import { protocol } from './protocol.js';
import { resource } from './resource.js';
import { cidr, integer, ip, list, nullable, object, oneOf } from './value-types.js';

export const policyActions = ['allow', 'drop', 'reroute'] as const;
export type PolicyAction = (typeof policyActions)[number];

/** The largest priority of a policy route. */
export const MAX_POLICY_PRIORITY = 32_767;
/** Next hops of one policy route. */
const MAX_NEXT_HOPS = 16;
/** The mark of a packet has 32 bits. */
export const MAX_MARK = 0xffff_ffff;

const port = nullable(integer(1, 65_535));

export const policyRoutes = resource({
  kind: 'policy-routes',
  singular: 'policy-route',
  description:
    'What a logical router does with packets for another reason than where they go: by source, protocol or mark. Asked before the routes; of those that match the highest priority decides.',
  named: false,
  exposed: true,
  fields: {
    logicalRouterId: reference('logical-routers', 'The logical router.', { onDelete: 'restrict', access: 'immutable' }),
    priority: required(integer(0, MAX_POLICY_PRIORITY), 'The highest of those that match decides.'),
    source: optional(nullable(cidr('network')), 'Where packets come from; left out: from anywhere.', { default: null }),
    destination: optional(nullable(cidr('network')), 'Where they go; left out: anywhere.', { default: null }),
    protocol: optional(nullable(protocol()), 'Name or number of the protocol; left out: any.', { default: null }),
    portMin: optional(port, 'First destination port, for tcp, udp and sctp; left out with port_max: any.', {
      default: null,
    }),
    portMax: optional(port, 'Last destination port.', { default: null }),
    mark: optional(
      nullable(object({ value: integer(0, MAX_MARK), mask: nullable(integer(1, MAX_MARK)) })),
      'The mark that the Linux kernel has given to packets of the host (skb mark), in the bits of mask; mask left out: in all.',
      { default: null },
    ),
    action: required(
      oneOf(...policyActions),
      'allow: the routes decide; drop; reroute: to a next hop, whatever the routes say.',
    ),
    nextHops: optional(
      list(ip(), { max: MAX_NEXT_HOPS, distinct: true }),
      'For reroute: addresses in networks of ports of the router. Several share the traffic (ECMP).',
      { default: [] },
    ),
  },
  computed: {
    status: {
      forTenants: true,
      schema: Type.Object({ active: Type.Boolean(), reason: Type.Union([Type.String(), Type.Null()]) }),
      description: 'Whether it does what it says, and if not, why.',
    },
  },
  columns: ['logicalRouterId', 'priority', 'source', 'destination', 'protocol', 'action', 'nextHops'],
});
