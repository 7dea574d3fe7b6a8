import { optional, optionalReference, required } from './fields.js';
import { Type } from './json-schema.js';
import { resource } from './resource.js';
import { integer, nullable, oneOf } from './value-types.js';

export const qosRuleKinds = ['bandwidth_limit', 'packet_rate_limit', 'dscp_marking', 'minimum_bandwidth'] as const;
export type QosRuleKind = (typeof qosRuleKinds)[number];

/** As the workload sees it, and Neutron has it: egress is what it sends, ingress what it gets. */
export const qosDirections = ['egress', 'ingress'] as const;
export type QosDirection = (typeof qosDirections)[number];

/** Rates and bursts in kilobits, as Open vSwitch takes them in 32 bits. */
const MAX_KBPS = 2_147_483_647;
/** Thousands of packets. */
const MAX_KPPS = 2_000_000;
const MAX_DSCP = 63;

export const qosRules = resource({
  kind: 'qos-rules',
  singular: 'qos-rule',
  description:
    'How much, and how marked, the traffic of a port may be; of a logical switch: of each of its ports that has no such rule of its own.',
  named: false,
  exposed: true,
  audience: { read: 'project', write: 'admin' },
  fields: {
    logicalSwitchPortId: optionalReference('logical-switch-ports', 'The port; or else logical_switch_id.', {
      onDelete: 'cascade',
    }),
    logicalSwitchId: optionalReference('logical-switches', 'The logical switch, for each of its ports.', {
      onDelete: 'cascade',
    }),
    kind: required(oneOf(...qosRuleKinds), 'What the rule does.'),
    direction: optional(
      oneOf(...qosDirections),
      'egress: what the workload sends; ingress: what it gets. Marking is for egress.',
      { default: 'egress' },
    ),
    maxKbps: optional(nullable(integer(1, MAX_KBPS)), 'bandwidth_limit: kilobits a second.', { default: null }),
    maxBurstKbps: optional(
      nullable(integer(1, MAX_KBPS)),
      'bandwidth_limit: kilobits that may come at once; left out, 80 % of max_kbps.',
      { default: null },
    ),
    maxKpps: optional(nullable(integer(1, MAX_KPPS)), 'packet_rate_limit: thousands of packets a second.', {
      default: null,
    }),
    maxBurstKpps: optional(
      nullable(integer(1, MAX_KPPS)),
      'packet_rate_limit: thousands of packets that may come at once; left out, 80 % of max_kpps.',
      { default: null },
    ),
    dscpMark: optional(nullable(integer(0, MAX_DSCP)), 'dscp_marking: the differentiated services code point.', {
      default: null,
    }),
    minKbps: optional(
      nullable(integer(1, MAX_KBPS)),
      'minimum_bandwidth: kilobits a second that are kept for the port where what it sends leaves its hypervisor, if that can.',
      { default: null },
    ),
  },
  computed: {
    status: {
      forTenants: true,
      schema: Type.Object({
        enforced: Type.Boolean(),
        reason: Type.Union([Type.String(), Type.Null()]),
      }),
      description: 'Whether the data path does what the rule says, and if not, why.',
    },
    guarantees: {
      schema: Type.Array(
        Type.Object({
          hypervisor: Type.String(),
          enforced: Type.Boolean(),
          reason: Type.Union([Type.String(), Type.Null()]),
        }),
      ),
      description:
        'minimum_bandwidth: the hypervisors that have ports of it, whether the bandwidth is kept there, and if not, why. Empty for other kinds.',
    },
  },
  columns: ['logicalSwitchPortId', 'logicalSwitchId', 'kind', 'direction', 'maxKbps', 'maxKpps', 'dscpMark', 'minKbps'],
});
