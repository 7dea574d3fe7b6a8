/**
 * Answers ARP requests and neighbour solicitations of local ports, so that they never travel. A port that asks for an
 * address of its own (announcement, duplicate address detection) is not answered: its packet goes to everybody.
 */
import { advance, call, move, next, outputBack, set } from '../pipeline/actions.js';
import { unicastMac } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import {
  lsInArpReply,
  lsInArpRsp,
  lsInL2Lkup,
  lsInNdReply,
  lsNeighbour,
  lsPortSecurity,
} from '../pipeline/switch-ingress.js';
import type { Flow } from '../fragment.js';

const arp = { request: 1, reply: 2 } as const;
const icmpv6 = { solicitation: 135, advertisement: 136 } as const;
/** Values of register `advertisement`. */
const advertisement = { withMac: 1, withoutMac: 2, toAllNodes: 3 } as const;
/** nd_reserved of an advertisement, RFC 4861 section 4.4. */
const flags = { router: 0x8000_0000, solicited: 0x4000_0000, override: 0x2000_0000 } as const;
const targetMacOption = 2;
const allNodes = { mac: 0x3333_0000_0001n, ip: (0xff02n << 112n) | 1n } as const;

const noAnswerYet = { permitted: 0, ownsAddress: 0, resolved: 0, targetIsRouter: 0 } as const;
const ask = [move('ethSrc', 'mac'), call(lsPortSecurity), call(lsNeighbour), next] as const;

const questionFlows: readonly Flow[] = [
  flow(lsInArpRsp, {
    priority: 100,
    match: { arpOp: arp.request, fromTunnel: 0 },
    actions: [set({ ...noAnswerYet, claim: 1 }), move('arpTpa', 'address4'), ...ask],
  }),
  flow(lsInArpRsp, {
    priority: 100,
    match: { icmpv6Type: icmpv6.solicitation, fromTunnel: 0 },
    actions: [set({ ...noAnswerYet, claim: 2 }), move('ndTarget', 'address6'), ...ask],
  }),
];

const arpAnswer: Flow = flow(lsInArpReply, {
  priority: 100,
  match: { arpOp: arp.request, resolved: 1 },
  actions: [
    set({ arpOp: arp.reply }),
    move('ethSrc', 'ethDst'),
    move('mac', 'ethSrc'),
    move('arpSha', 'arpTha'),
    move('mac', 'arpSha'),
    move('arpSpa', 'arpTpa'),
    move('address4', 'arpSpa'),
    outputBack,
  ],
});

/** The first half: addresses and type. What only an advertisement has is set where the packet is one. */
const advertise = [move('mac', 'ethSrc'), move('address6', 'ipv6Src'), set({ icmpv6Type: icmpv6.advertisement }), next];
const toSender = [move('ethSrc', 'ethDst'), move('ipv6Src', 'ipv6Dst')] as const;

const solicitationFlows: readonly Flow[] = [
  // Somebody is about to use an address that another has: all nodes are told (RFC 4861, 7.2.4).
  flow(lsInArpReply, {
    priority: 120,
    match: { icmpv6Type: icmpv6.solicitation, ipv6Src: 0, resolved: 1 },
    actions: [
      set({ advertisement: advertisement.toAllNodes, ethDst: allNodes.mac, ipv6Dst: allNodes.ip }),
      ...advertise,
    ],
  }),
  flow(lsInArpReply, {
    priority: 110,
    match: { icmpv6Type: icmpv6.solicitation, ndSll: 0, resolved: 1 },
    actions: [...toSender, set({ advertisement: advertisement.withoutMac }), ...advertise],
  }),
  flow(lsInArpReply, {
    priority: 100,
    match: { icmpv6Type: icmpv6.solicitation, resolved: 1 },
    actions: [...toSender, set({ advertisement: advertisement.withMac }), ...advertise],
  }),
];

const passingFlows: readonly Flow[] = [
  flow(lsInArpReply, { priority: 200, match: { ownsAddress: 1 }, actions: [advance(lsInL2Lkup)] }),
  // A question to one MAC asks whether its owner is still alive, which only the owner can say; routers are flows.
  flow(lsInArpReply, {
    priority: 150,
    match: { ethDst: unicastMac, targetIsRouter: 0 },
    actions: [advance(lsInL2Lkup)],
  }),
];

function advertisementFlow(kind: keyof typeof advertisement, isRouter: boolean): Flow {
  const solicited = kind === 'toAllNodes' ? 0 : flags.solicited;
  const ndReserved = BigInt(solicited + flags.override + (isRouter ? flags.router : 0));
  return flow(lsInNdReply, {
    priority: 100,
    match: {
      icmpv6Type: icmpv6.advertisement,
      advertisement: advertisement[kind],
      targetIsRouter: isRouter ? 1 : 0,
    },
    // A packet cannot grow an option, so there is one only where the question had one.
    actions:
      kind === 'withMac'
        ? [set({ ndReserved, ndOptionsType: targetMacOption }), move('mac', 'ndTll'), outputBack]
        : [set({ ndReserved }), outputBack],
  });
}

export const responderFlows: readonly Flow[] = [
  ...questionFlows,
  arpAnswer,
  ...solicitationFlows,
  ...passingFlows,
  ...(['withMac', 'withoutMac', 'toAllNodes'] as const).flatMap(kind => [
    advertisementFlow(kind, false),
    advertisementFlow(kind, true),
  ]),
];
