/**
 * How a hypervisor answers a neighbour solicitation for a known address, which depends on its datapath. Both answers come from
 * the switch alone, for as long as it lives.
 *
 * In user space the solicitation becomes the advertisement. The kernel's datapath knows neither the flags of an advertisement nor
 * the types of options (Open vSwitch refuses such flows there: OFPBAC_BAD_SET_ARGUMENT). There it becomes a solicitation that the owner of
 * the address sends to whoever asked: with its MAC in it, from which the receiver learns it (RFC 4861, 7.2.3, and appendix C for an
 * entry that is waiting). What the receiver then wants to confirm it asks of the owner, one MAC to another, as ever.
 */
import { advance, move, next, outputBack, set } from '../pipeline/actions.js';
import { flow } from '../pipeline/flow.js';
import { lrInOwnAddress } from '../pipeline/router-ingress.js';
import { lsInArpReply, lsInL2Lkup, lsInNdReply } from '../pipeline/switch-ingress.js';
import type { Flow } from '../fragment.js';
import { rule } from '../rule.js';

const icmpv6 = { solicitation: 135, advertisement: 136 } as const;
/** Values of register `advertisement`. */
const advertisement = { withMac: 1, withoutMac: 2, toAllNodes: 3 } as const;
/** nd_reserved of an advertisement, RFC 4861 section 4.4. */
const flags = { router: 0x8000_0000, solicited: 0x4000_0000, override: 0x2000_0000 } as const;
const targetMacOption = 2;
const allNodes = { mac: 0x3333_0000_0001n, ip: (0xff02n << 112n) | 1n } as const;

/** The three kinds of solicitation for a known address, by priority. */
const kinds = {
  /** Somebody is about to use an address that another has: duplicate address detection. */
  fromNobody: { priority: 120, match: { icmpv6Type: icmpv6.solicitation, ipv6Src: 0, resolved: 1 } },
  withoutMac: { priority: 110, match: { icmpv6Type: icmpv6.solicitation, ndSll: 0, resolved: 1 } },
  withMac: { priority: 100, match: { icmpv6Type: icmpv6.solicitation, resolved: 1 } },
} as const;

/** The first half: addresses and type. What only an advertisement has is set where the packet is one. */
const advertise = [move('mac', 'ethSrc'), move('address6', 'ipv6Src'), set({ icmpv6Type: icmpv6.advertisement }), next];
const toSender = [move('ethSrc', 'ethDst'), move('ipv6Src', 'ipv6Dst')] as const;

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

const advertisements: readonly Flow[] = [
  // All nodes are told (RFC 4861, 7.2.4).
  flow(lsInArpReply, {
    ...kinds.fromNobody,
    actions: [
      set({ advertisement: advertisement.toAllNodes, ethDst: allNodes.mac, ipv6Dst: allNodes.ip }),
      ...advertise,
    ],
  }),
  flow(lsInArpReply, {
    ...kinds.withoutMac,
    actions: [...toSender, set({ advertisement: advertisement.withoutMac }), ...advertise],
  }),
  flow(lsInArpReply, {
    ...kinds.withMac,
    actions: [...toSender, set({ advertisement: advertisement.withMac }), ...advertise],
  }),
  ...(['withMac', 'withoutMac', 'toAllNodes'] as const).flatMap(kind => [
    advertisementFlow(kind, false),
    advertisementFlow(kind, true),
  ]),
];

const returnedSolicitations: readonly Flow[] = [
  // What a solicitation cannot say goes to the owner itself, which answers as on any network: before it is made an answer to a sub-port.
  ...[kinds.fromNobody, kinds.withoutMac].map(({ match }) =>
    flow(lsInArpReply, { priority: 145, match, actions: [advance(lsInL2Lkup)] }),
  ),
  flow(lsInArpReply, {
    ...kinds.withMac,
    actions: [
      ...toSender,
      move('ipv6Src', 'ndTarget'),
      move('mac', 'ethSrc'),
      move('address6', 'ipv6Src'),
      move('mac', 'ndSll'),
      outputBack,
    ],
  }),
  // The receiver answers; so a router port has heard what it did not need to ask, and nothing was dropped.
  flow(lrInOwnAddress, { priority: 100, match: { icmpv6Type: icmpv6.advertisement }, actions: [] }),
];

export const switchingSolicitations = rule({
  name: 'switching.solicitations',
  number: 40,
  subjects: 'hypervisors',
  compile: hypervisor => ({
    scope: { kind: 'hypervisor', hypervisorId: hypervisor.id },
    flows: hypervisor.datapathType === 'netdev' ? advertisements : returnedSolicitations,
  }),
});
