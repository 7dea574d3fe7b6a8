/** What the stages of security groups do for every port alike, on hypervisors that have such a port. */
import type { Direction } from '../../model/index.js';
import { guardScope } from '../../view/security-rows.js';
import type { Flow } from '../fragment.js';
import { advance, call, commitConnection, drop, next, set, track, turnConnection } from '../pipeline/actions.js';
import { lsAclGroup, lsAclPort, lsAclRules, lsAclVerdict } from '../pipeline/acl.js';
import { flow } from '../pipeline/flow.js';
import {
  lsOutAclAction,
  lsOutAclDone,
  lsOutAclEval,
  lsOutPreAcl,
  lsOutPreStateful,
} from '../pipeline/switch-egress.js';
import {
  lsInAclAction,
  lsInAclDone,
  lsInAclEval,
  lsInArpRsp,
  lsInLookupFdb,
  lsInPreAcl,
  lsInPreStateful,
} from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';
import { anyOfDirection, isolation, missingRule, ruleKind, verdicts } from './rule-kind.js';

const etherType = { ipv4: 0x0800, ipv6: 0x86dd } as const;
const udp = 17;
const highestPriority = 0xffff;
const dhcp = { 4: { client: 68, server: 67 }, 6: { client: 546, server: 547 } } as const;
/** Multicast listener discovery, which ND needs in networks that look at it (RFC 4890, section 4.4.1). */
const listenerDiscovery = [130, 131, 132, 143] as const;
const icmpv6 = { routerSolicitation: 133, routerAdvertisement: 134, solicitation: 135, advertisement: 136 } as const;

/** The same stages on either side of the switch; `own` is the direction of connections that begin with a packet here. */
const sides = {
  egress: {
    preAcl: lsInPreAcl,
    preStateful: lsInPreStateful,
    evaluate: lsInAclEval,
    action: lsInAclAction,
    done: lsInAclDone,
    replies: 'ingress',
    types: [icmpv6.routerSolicitation, icmpv6.solicitation, icmpv6.advertisement, ...listenerDiscovery],
    ports: (family: 4 | 6) => ({ udpSrc: dhcp[family].client, udpDst: dhcp[family].server }),
  },
  ingress: {
    preAcl: lsOutPreAcl,
    preStateful: lsOutPreStateful,
    evaluate: lsOutAclEval,
    action: lsOutAclAction,
    done: lsOutAclDone,
    replies: 'egress',
    types: [icmpv6.routerAdvertisement, icmpv6.solicitation, icmpv6.advertisement, ...listenerDiscovery],
    ports: (family: 4 | 6) => ({ udpSrc: dhcp[family].server, udpDst: dhcp[family].client }),
  },
} as const;

/** ct_state with some flags set or not. */
const ctState = {
  newConnection: { value: 0x21n, mask: 0x31n },
  original: { value: 0x20n, mask: 0x38n },
  reply: { value: 0x28n, mask: 0x38n },
  /** An ICMP error from the side that has begun it. */
  errorOnly: { value: 0x24n, mask: 0x3fn },
} as const;

/** Of a connection that was turned, so that what the port sends may turn it back. */
const turned = 1;

/** Isolated, until the flow of the port says how: a port whose flow is missing is denied everything. */
const unasked = { aclRule: 0, verdict: 0, isolates: isolation.ingress | isolation.egress } as const;

/** A port can always get its address and find its neighbours; whether it may claim what it then says is for port security. */
function exemptFlows(own: Direction): readonly Flow[] {
  const { preAcl, done, types, ports } = sides[own];
  const families = [
    { ethType: etherType.ipv4, family: 4 },
    { ethType: etherType.ipv6, family: 6 },
  ] as const;
  return [
    ...types.map(icmpv6Type => flow(preAcl, { priority: 200, match: { icmpv6Type }, actions: [advance(done)] })),
    ...families.map(({ ethType, family }) =>
      flow(preAcl, { priority: 200, match: { ethType, ipProto: udp, ...ports(family) }, actions: [advance(done)] }),
    ),
  ];
}

function judgingFlows(own: Direction): readonly Flow[] {
  const { preAcl, preStateful, evaluate, done, replies, action } = sides[own];
  const ask = [call(lsAclPort), call(lsAclVerdict), next] as const;
  const evaluateAs = (direction: Direction) => [set({ ruleKind: ruleKind(direction, false), ...unasked }), ...ask];
  const perPacket = set({ ruleKind: ruleKind(own, true), ...unasked });
  return [
    ...Object.values(etherType).flatMap(ethType => [
      flow(preAcl, { priority: 100, match: { ethType, stateless: 1 }, actions: [perPacket, ...ask] }),
      // On the other side of the switch another port was asked.
      flow(preAcl, { priority: 60, match: { ethType, tracks: 1 }, actions: [set(unasked), next] }),
      // No rule at all: what remains is whether its groups isolate it.
      flow(preAcl, { priority: 50, match: { ethType }, actions: [perPacket, call(lsAclPort), next] }),
    ]),
    flow(preAcl, { priority: 10, match: {}, actions: [advance(done)] }),
    ...Object.values(verdicts).map(verdict =>
      flow(preStateful, { priority: 100, match: { verdict }, actions: [advance(action)] }),
    ),
    // Only of what is known to be IP does a switch take the action.
    ...Object.values(etherType).map(ethType =>
      flow(preStateful, { priority: 50, match: { ethType, tracks: 1 }, actions: [track('ctZone', evaluate)] }),
    ),
    // Of this alone Open vSwitch does not read out whose connection it is about; that one is known, so it was allowed.
    flow(evaluate, {
      priority: 110,
      match: { ctState: ctState.errorOnly },
      actions: [set({ ruleKind: ruleKind(own, false), ...unasked, verdict: verdicts.allow }), next],
    }),
    flow(evaluate, { priority: 100, match: { ctState: ctState.original }, actions: evaluateAs(own) }),
    flow(evaluate, { priority: 100, match: { ctState: ctState.reply }, actions: evaluateAs(replies) }),
  ];
}

function actionFlows(own: Direction): readonly Flow[] {
  const { action } = sides[own];
  return [
    flow(action, { priority: 220, match: { aclRule: missingRule }, actions: [drop('acl_missing')] }),
    flow(action, { priority: 200, match: { verdict: verdicts.drop }, actions: [drop('acl_drop')] }),
    flow(action, { priority: 200, match: { verdict: verdicts.reject }, actions: [drop('acl_reject')] }),
    ...(['ingress', 'egress'] as const).map(direction =>
      flow(action, {
        priority: 150,
        match: {
          verdict: 0,
          ruleKind: anyOfDirection[direction],
          isolates: { value: BigInt(isolation[direction]), mask: BigInt(isolation[direction]) },
        },
        actions: [drop('acl_default')],
      }),
    ),
    // A stateless rule has let it through before conntrack saw it: then ct_state says nothing about it in this zone.
    ...Object.values(etherType).map(ethType =>
      flow(action, {
        priority: 100,
        match: { ethType, tracks: 1, ruleKind: trackedKind, ctState: ctState.newConnection },
        actions: [commitConnection('ctZone'), next],
      }),
    ),
  ];
}

/**
 * Of UDP with the same two ports on both sides nobody sees who begins anew: where rules no longer allow what the port has begun, what the
 * other side then begins by itself comes as its replies, and would be denied for as long as it is tried. So a denied reply towards the
 * port turns the connection: its next packet is judged as one that comes. What the port itself sends turns back only that. Never what
 * others have begun: otherwise, where the port may send anything, a session that no ingress rule allows any more would live on.
 */
function turningFlows(own: Direction): readonly Flow[] {
  const { action, replies } = sides[own];
  const isolated = BigInt(isolation[replies]);
  const denials = [
    { priority: 210, reason: 'acl_drop', match: { verdict: verdicts.drop } },
    { priority: 210, reason: 'acl_reject', match: { verdict: verdicts.reject } },
    { priority: 160, reason: 'acl_default', match: { verdict: 0, isolates: { value: isolated, mask: isolated } } },
  ] as const;
  const about = { ipProto: udp, ruleKind: ruleKind(replies, false), ctState: ctState.reply };
  return denials.flatMap(({ priority, reason, match }) =>
    Object.values(etherType).map(ethType =>
      flow(action, {
        priority,
        match: { ethType, ...about, ...match, ...(own === 'egress' ? { ctMark: turned } : {}) },
        actions: [turnConnection('ctZone', own === 'egress' ? 0 : turned), drop(reason)],
      }),
    ),
  );
}

const trackedKind = { value: 0n, mask: 2n } as const;

/** What is permitted goes where it is wanted, as after port security. */
const dispatchFlows: readonly Flow[] = [
  flow(lsInAclDone, { priority: 80, match: { learns: 1 }, actions: [advance(lsInLookupFdb)] }),
  flow(lsInAclDone, { priority: 70, match: { icmpv6Type: icmpv6.solicitation }, actions: [advance(lsInArpRsp)] }),
];

/**
 * A group that is asked and is not there denies, whatever the others say: as if it had a rule that beats all. What is found and has no
 * verdict is denied as well. What is left: while the addresses of a set (remote.ts) are missing, a rule that denies them is not found.
 */
const closingFlows: readonly Flow[] = [
  flow(lsAclGroup, { priority: 0, match: {}, actions: [set({ aclRule: missingRule })] }),
  flow(lsAclRules, { priority: highestPriority, match: { aclRule: missingRule }, actions: [] }),
  flow(lsAclVerdict, { priority: 10, match: { aclRule: 0 }, actions: [] }),
  flow(lsAclVerdict, { priority: 1, match: {}, actions: [set({ verdict: verdicts.drop })] }),
];

export const aclStages = rule({
  name: 'acl.stages',
  number: 60,
  subjects: 'fleet',
  compile: () => ({
    scope: { kind: 'datapath', datapathId: guardScope },
    flows: [
      ...(['egress', 'ingress'] as const).flatMap(own => [
        ...exemptFlows(own),
        ...judgingFlows(own),
        ...actionFlows(own),
        ...turningFlows(own),
      ]),
      ...dispatchFlows,
      ...closingFlows,
    ],
  }),
});
