/**
 * Answers ARP requests and neighbour solicitations of local ports, so that they never travel (solicitations.ts has the
 * second half of the latter). A port that asks for an address of its own (announcement, duplicate address detection) is not answered:
 * its packet goes to everybody.
 */
import { advance, call, move, outputBack, set } from '../pipeline/actions.js';
import { unicastMac } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { lsInArpReply, lsInArpRsp, lsInL2Lkup, lsNeighbour, lsPortSecurity } from '../pipeline/switch-ingress.js';
import type { Flow } from '../fragment.js';

const arp = { request: 1, reply: 2 } as const;
const icmpv6 = { solicitation: 135 } as const;

const noAnswerYet = { permitted: 0, ownsAddress: 0, resolved: 0, targetIsRouter: 0 } as const;
const ask = [move('ethSrc', 'mac'), call(lsPortSecurity), call(lsNeighbour), advance(lsInArpReply)] as const;

const questionFlows: readonly Flow[] = [
  flow(lsInArpRsp, {
    priority: 100,
    match: { arpOp: arp.request, fromUnderlay: 0 },
    actions: [set({ ...noAnswerYet, claim: 1 }), move('arpTpa', 'address4'), ...ask],
  }),
  flow(lsInArpRsp, {
    priority: 100,
    match: { icmpv6Type: icmpv6.solicitation, fromUnderlay: 0 },
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

const passingFlows: readonly Flow[] = [
  flow(lsInArpReply, { priority: 200, match: { ownsAddress: 1 }, actions: [advance(lsInL2Lkup)] }),
  // A question to one MAC asks whether its owner is still alive, which only the owner can say; routers are flows.
  flow(lsInArpReply, {
    priority: 150,
    match: { ethDst: unicastMac, targetIsRouter: 0 },
    actions: [advance(lsInL2Lkup)],
  }),
];

export const responderFlows: readonly Flow[] = [...questionFlows, arpAnswer, ...passingFlows];
