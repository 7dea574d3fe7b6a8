/** What the stages of load balancers do for every port alike, on hypervisors whose ports reach one. */
import { LAST_BALANCED_PORT } from '../../model/load-balancer.js';
import { balancerScope } from '../../view/balancing-rows.js';
import type { Flow } from '../fragment.js';
import {
  advance,
  call,
  drop,
  forgetConnection,
  move,
  next,
  outputBack,
  set,
  trackTranslated,
} from '../pipeline/actions.js';
import { lsLbDomains, virtualMac } from '../pipeline/balancing.js';
import { flow } from '../pipeline/flow.js';
import { lsOutLb, lsOutLbUnNat, lsOutQos } from '../pipeline/switch-egress.js';
import {
  lsInApplyPortSec,
  lsInArpRsp,
  lsInL2Lkup,
  lsInLb,
  lsInLbCheck,
  lsInLbDone,
  lsInLbHairpin,
  lsInLbHealth,
  lsInLbNextHop,
  lsInLbResolve,
  lsInLbSelect,
  lsInLbTrack,
  lsInLookupFdb,
  lsInPreAcl,
  lsInPreLb,
  lsNeighbour,
} from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';
import { found, ownZone, questions, zoneOfPort } from './numbers.js';

const ipTypes = [0x0800, 0x86dd] as const;
const anyFragment = { value: 1n, mask: 1n } as const;
/** ICMP errors, which quote the packet that they are about: RFC 792; RFC 4443, section 2.1. */
const errorTypes = { icmpv4Type: [3, 11, 12], icmpv6Type: [1, 2, 3, 4] } as const;
const unreachable = { 4: 3, 6: 1 } as const;
/** Neighbour discovery, which may be to a virtual address too: the switch answers it. */
const discovery = { solicitation: 135, advertisement: 136 } as const;

/** ct_state with some flags set or not. */
const ctState = {
  newConnection: { value: 0x21n, mask: 0x3dn },
  reply: { value: 0x28n, mask: 0x38n },
  /** Of a known connection, or an ICMP error about one. */
  forward: { value: 0x20n, mask: 0x39n },
  /** An ICMP error: its ports are in what it quotes. */
  error: { value: 0x24n, mask: 0x3cn },
} as const;

const miss = { priority: 0, match: {} } as const;

/** From port security: what is IP asks first. */
const entranceFlows: readonly Flow[] = [
  ...ipTypes.map(ethType =>
    flow(lsInApplyPortSec, { priority: 92, match: { balanced: 1, ethType }, actions: [advance(lsInPreLb)] }),
  ),
  ...Object.values(discovery).map(icmpv6Type =>
    flow(lsInPreLb, { priority: 200, match: { icmpv6Type }, actions: [advance(lsInLbDone)] }),
  ),
  flow(lsInPreLb, {
    ...miss,
    actions: [set({ balancerQuestion: questions.address, balancer: 0 }), call(lsLbDomains), next],
  }),
];

/** What answers a check asks who has sent it; what does not is to a port of the address that is nobody's. */
const checkPorts = { value: BigInt(LAST_BALANCED_PORT + 1), mask: BigInt(LAST_BALANCED_PORT + 1) } as const;
const whoChecks = [set({ balancerQuestion: questions.check, balancer: 0 }), call(lsLbDomains), advance(lsInLbHealth)];

const checkFlows: readonly Flow[] = [
  ...ipTypes.flatMap(ethType => [
    flow(lsInLbTrack, {
      priority: 110,
      match: { ethType, ipProto: 6, tcpDst: checkPorts, balancer: found },
      actions: whoChecks,
    }),
    flow(lsInLbTrack, {
      priority: 110,
      match: { ethType, ipProto: 17, udpDst: checkPorts, balancer: found },
      actions: whoChecks,
    }),
  ]),
  // No connection that conntrack knows: the packet that it quotes may be a check.
  flow(lsInLb, { priority: 50, match: { icmpv4Type: unreachable[4] }, actions: whoChecks }),
  flow(lsInLb, { priority: 50, match: { icmpv6Type: unreachable[6] }, actions: whoChecks }),
  flow(lsInLbHealth, { ...miss, actions: [zoneOfPort, drop('balancer_no_port')] }),
];

const connectionFlows: readonly Flow[] = [
  ...ipTypes.map(ethType =>
    flow(lsInLbTrack, {
      priority: 100,
      match: { ethType, balancer: found },
      actions: [ownZone, trackTranslated('ctZone', lsInLb)],
    }),
  ),
  flow(lsInLbTrack, { ...miss, actions: [advance(lsInLbDone)] }),
  flow(lsInLb, {
    priority: 100,
    match: { ctState: ctState.newConnection },
    actions: [set({ balancerQuestion: questions.port, balancer: 0 }), call(lsLbDomains), next],
  }),
  // The second translation of an answer of a backend to itself: back to the virtual address that it has called.
  ...ipTypes.map(ethType =>
    flow(lsInLb, {
      priority: 100,
      match: { ethType, ctState: ctState.reply },
      actions: [forgetConnection, trackTranslated('ctZone', lsInLbHairpin)],
    }),
  ),
  flow(lsInLb, { priority: 90, match: { ctState: ctState.forward }, actions: [advance(lsInLbCheck)] }),
  flow(lsInLb, { ...miss, actions: [drop('connection_invalid')] }),
  flow(lsInLbSelect, { ...miss, actions: [zoneOfPort, drop('balancer_no_port')] }),
  flow(lsInLbCheck, { priority: 50, match: { ctState: ctState.error }, actions: [advance(lsInLbResolve)] }),
  flow(lsInLbCheck, { ...miss, actions: [drop('balancer_backend_gone')] }),
];

const wayFlows: readonly Flow[] = [
  flow(lsInLbResolve, {
    priority: 100,
    match: { ethType: ipTypes[0] },
    actions: [move('ipv4Dst', 'address4'), set({ resolved: 0 }), call(lsNeighbour), next],
  }),
  flow(lsInLbResolve, {
    priority: 100,
    match: { ethType: ipTypes[1] },
    actions: [move('ipv6Dst', 'address6'), set({ resolved: 0 }), call(lsNeighbour), next],
  }),
  flow(lsInLbResolve, { ...miss, actions: [next] }),
  flow(lsInLbNextHop, {
    priority: 100,
    match: { resolved: 1 },
    actions: [move('mac', 'ethDst'), advance(lsInLbDone)],
  }),
  flow(lsInLbNextHop, { priority: 10, match: { ethDst: virtualMac }, actions: [drop('neighbour_unresolved')] }),
  flow(lsInLbNextHop, { ...miss, actions: [advance(lsInLbDone)] }),
  flow(lsInLbHairpin, {
    ...miss,
    actions: [move('ethSrc', 'ethDst'), set({ ethSrc: virtualMac }), outputBack],
  }),
];

/** What came here is IP. */
const doneFlows: readonly Flow[] = [
  flow(lsInLbDone, { priority: 90, match: { guarded: 1 }, actions: [zoneOfPort, advance(lsInPreAcl)] }),
  flow(lsInLbDone, { priority: 80, match: { learns: 1 }, actions: [advance(lsInLookupFdb)] }),
  flow(lsInLbDone, {
    priority: 70,
    match: { icmpv6Type: discovery.solicitation },
    actions: [advance(lsInArpRsp)],
  }),
  flow(lsInLbDone, { ...miss, actions: [advance(lsInL2Lkup)] }),
];

/** Copies of a flood answer nobody. */
const oneReceiver = { flood: 0 } as const;

const answerFlows: readonly Flow[] = [
  // Later fragments have no ports, and errors those of what they quote: conntrack says whose they are.
  ...ipTypes.map(ethType =>
    flow(lsOutLb, {
      priority: 110,
      match: { ethType, ipFrag: anyFragment, ...oneReceiver },
      actions: [set({ balancerQuestion: questions.answer, balancer: found }), next],
    }),
  ),
  ...[
    ...errorTypes.icmpv4Type.map(icmpv4Type => ({ icmpv4Type })),
    ...errorTypes.icmpv6Type.map(icmpv6Type => ({ icmpv6Type })),
  ].map(error =>
    flow(lsOutLb, {
      priority: 110,
      match: { ...error, ...oneReceiver },
      actions: [set({ balancerQuestion: questions.answer, balancer: found }), next],
    }),
  ),
  ...ipTypes.map(ethType =>
    flow(lsOutLb, {
      priority: 100,
      match: { ethType, ...oneReceiver },
      actions: [set({ balancerQuestion: questions.answer, balancer: 0 }), call(lsLbDomains), next],
    }),
  ),
  flow(lsOutLb, { ...miss, actions: [advance(lsOutQos)] }),
  ...ipTypes.map(ethType =>
    flow(lsOutLbUnNat, {
      priority: 100,
      match: { ethType, balancer: found },
      actions: [ownZone, trackTranslated('ctZone', lsOutQos)],
    }),
  ),
  flow(lsOutLbUnNat, { ...miss, actions: [next] }),
];

export const balancingStages = rule({
  name: 'load-balancing.stages',
  number: 130,
  subjects: 'fleet',
  compile: () => ({
    scope: { kind: 'datapath', datapathId: balancerScope },
    flows: [...entranceFlows, ...checkFlows, ...connectionFlows, ...wayFlows, ...doneFlows, ...answerFlows],
  }),
});
