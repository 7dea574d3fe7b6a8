/** What the stages of security groups do for every port alike, on hypervisors that have such a port. */
import type { Direction } from '../../model/index.js';
import { guardScope } from '../../view/security-rows.js';
import type { Flow } from '../fragment.js';
import { advance, call, commitConnection, drop, next, set, track } from '../pipeline/actions.js';
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
import { anyOfDirection, isolation, ruleKind, verdicts } from './rule-kind.js';

const etherType = { ipv4: 0x0800, ipv6: 0x86dd } as const;
const udp = 17;
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
} as const;

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
    flow(evaluate, { priority: 100, match: { ctState: ctState.original }, actions: evaluateAs(own) }),
    flow(evaluate, { priority: 100, match: { ctState: ctState.reply }, actions: evaluateAs(replies) }),
  ];
}

function actionFlows(own: Direction): readonly Flow[] {
  const { action } = sides[own];
  return [
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

const trackedKind = { value: 0n, mask: 2n } as const;

/** What is permitted goes where it is wanted, as after port security. */
const dispatchFlows: readonly Flow[] = [
  flow(lsInAclDone, { priority: 80, match: { learns: 1 }, actions: [advance(lsInLookupFdb)] }),
  flow(lsInAclDone, { priority: 70, match: { icmpv6Type: icmpv6.solicitation }, actions: [advance(lsInArpRsp)] }),
];

/** A group without rules about sets needs no flow of its own. */
const groupFlow: Flow = flow(lsAclGroup, {
  priority: 0,
  match: {},
  actions: [set({ aclRemote: 0 }), call(lsAclRules)],
});

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
      ]),
      ...dispatchFlows,
      groupFlow,
    ],
  }),
});
