/**
 * What is said between a gateway and its neighbours outside, by ARP and neighbour discovery: who asks is answered, who speaks is
 * remembered, and what only the gateway has heard is passed on to those that may take its place.
 */
import type { Cidr } from '../../base/address.js';
import type { NetworkRow } from '../../view/rows.js';
import type { Flow } from '../fragment.js';
import { learnedCookie } from '../identifiers.js';
import { advance, learn, onCopy, set, type Step } from '../pipeline/actions.js';
import { flow } from '../pipeline/flow.js';
import { physicalPortKey, tunnelMtu } from '../pipeline/physical.js';
import { lsInArpRsp, lsInGateway, lsInL2Lkup, lsInLookupFdb, lsNeighbourLearned } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';

const arp = { request: 1, reply: 2 } as const;
const etherType = { arp: 0x0806 } as const;
const icmpv6 = { solicitation: 135, advertisement: 136 } as const;

/** Neighbours are remembered so long after they were heard last, in seconds: longer than Weft may be away. */
const neighbourSeconds = 14_400;
/** Neighbours outside that a switch remembers for one logical switch. */
const maxNeighbours = 8_192;

const outsideNumber = 152;

/** The logical switch outside, and the router in it, as a gateway sees them. */
export interface Outside {
  readonly datapath: number;
  readonly vlan: number | null;
  readonly switchPortKey: number;
  readonly mac: bigint;
  /** The number of the logical switch: it owns what is learned. */
  readonly number: number;
}

type Heard = 'arpSpa' | 'arpSha' | 'ipv6Src' | 'ndTarget' | 'ethSrc' | 'datapath' | 'resolved';

/** A neighbour speaks: it is remembered, unless a port has the address. */
function remember(
  { number }: Pick<Outside, 'number'>,
  address: { readonly address4: 'arpSpa' } | { readonly address6: 'ipv6Src' | 'ndTarget' },
  mac: 'arpSha' | 'ethSrc',
): Step<Heard, never> {
  return learn<Heard, 'datapath' | 'address4' | 'address6' | 'resolved', 'mac' | 'resolved'>({
    into: lsNeighbourLearned,
    priority: 100,
    cookie: learnedCookie(outsideNumber, number),
    hardTimeoutSeconds: neighbourSeconds,
    limit: maxNeighbours,
    match: { datapath: 'datapath', ...address, resolved: 'resolved' },
    load: { mac, resolved: 1n },
  });
}

const fromOutside = { fromUnderlay: 1 } as const;
/** By a tunnel: somebody passes on what it has heard. */
const passedOn = { fromUnderlay: 1, inPort: 0 } as const;
/** Nobody has routed it here: a router would have counted its hop limit down (RFC 4861, section 11.2). */
const notRouted = { ipTtl: 255 } as const;

/** Of ls_in_arp_rsp. `alone`: what the gateway alone has heard. */
const askedPriority = { passedOn: 120, nobody: 114, alone: 113, known: 112, overheard: 105 } as const;

/** Answers to questions from outside for an address of the router. `copies` goes with what was asked of the gateway alone. */
export function answerFlows(
  outside: Outside,
  target: Pick<Cidr, 'family' | 'address'>,
  copies: readonly Step<never, 'outHost' | 'fromUnderlay'>[],
): readonly Flow[] {
  const { datapath, mac } = outside;
  const answer = [set({ mac, resolved: 1, ownsAddress: 0, targetIsRouter: 1 }), advance(lsInGateway)] as const;
  const alone = copies.length === 0 ? [] : [{ priority: askedPriority.alone, toAlone: { ethDst: mac }, copies }];
  const ways = [{ priority: askedPriority.known, toAlone: {}, copies: [] }, ...alone];
  if (target.family === 4) {
    const match = { datapath, ...fromOutside, arpOp: arp.request, arpTpa: target.address } as const;
    const address = set({ address4: target.address });
    const asker = remember(outside, { address4: 'arpSpa' }, 'arpSha');
    return [
      ...ways.map(way =>
        flow(lsInArpRsp, {
          priority: way.priority,
          match: { ...match, ...way.toAlone },
          actions: [asker, ...way.copies, address, ...answer],
        }),
      ),
      // Somebody who has no address yet.
      flow(lsInArpRsp, {
        priority: askedPriority.nobody,
        match: { ...match, arpSpa: 0 },
        actions: [address, ...answer],
      }),
    ];
  }
  const match = { datapath, ...fromOutside, icmpv6Type: icmpv6.solicitation, ndTarget: target.address } as const;
  const address = set({ address6: target.address });
  const asker = remember(outside, { address6: 'ipv6Src' }, 'ethSrc');
  return [
    ...ways.map(way =>
      flow(lsInArpRsp, {
        priority: way.priority,
        match: { ...match, ...way.toAlone },
        actions: [asker, ...way.copies, address, ...answer],
      }),
    ),
    flow(lsInArpRsp, {
      priority: askedPriority.nobody,
      match: { ...match, ipv6Src: 0 },
      actions: [address, ...answer],
    }),
  ];
}

/** Copies of a packet for the others that can be the gateway, under the key of the logical switch outside. */
export function copiesFor(
  others: readonly Pick<NetworkRow<'gateway-places'>, 'hypervisorKey'>[],
): readonly Step<never, 'outHost' | 'fromUnderlay'>[] {
  return others.map(({ hypervisorKey }) =>
    onCopy(set({ outHost: hypervisorKey, fromUnderlay: 0 }), advance(tunnelMtu)),
  );
}

/** Answers to the router's own questions: they come to the gateway alone. */
export function answeredFlows(
  outside: Outside,
  copies: readonly Step<never, 'outHost' | 'fromUnderlay'>[],
): readonly Flow[] {
  if (copies.length === 0) return [];
  const match = { datapath: outside.datapath, inPort: physicalPortKey, ethDst: outside.mac } as const;
  return [
    flow(lsInArpRsp, {
      priority: askedPriority.overheard + 3,
      match: { ...match, ...fromOutside, arpOp: arp.reply },
      actions: [remember(outside, { address4: 'arpSpa' }, 'arpSha'), ...copies],
    }),
    flow(lsInArpRsp, {
      priority: askedPriority.overheard + 3,
      match: { ...match, ...fromOutside, icmpv6Type: icmpv6.advertisement },
      actions: [remember(outside, { address6: 'ndTarget' }, 'ethSrc'), ...copies],
    }),
  ];
}

/**
 * What neighbours outside say to whomever: answers to a router, and that they have moved. All hypervisors with the logical switch
 * hear it, so that whoever becomes the gateway knows what was said to everybody; what was said to the gateway alone it passes on.
 */
export const gatewayOutside = rule({
  name: 'gateway.outside',
  number: outsideNumber,
  subjects: 'logical-switches',
  compile: (logicalSwitch, view) => {
    const places = view.by('gateway-places', 'logicalSwitchId', logicalSwitch.id);
    if (places.length === 0) return null;
    const { datapathKey: datapath } = logicalSwitch;
    const match = { datapath, ...fromOutside } as const;
    const source4 = remember(logicalSwitch, { address4: 'arpSpa' }, 'arpSha');
    const target6 = remember(logicalSwitch, { address6: 'ndTarget' }, 'ethSrc');
    const source6 = remember(logicalSwitch, { address6: 'ipv6Src' }, 'ethSrc');
    const told = { priority: askedPriority.passedOn } as const;
    const solicited = { icmpv6Type: icmpv6.solicitation, ...notRouted } as const;
    const advertised = { icmpv6Type: icmpv6.advertisement, ...notRouted } as const;
    return {
      scope: { kind: 'datapath', datapathId: logicalSwitch.id },
      flows: [
        flow(lsInLookupFdb, { priority: 50, match, actions: [advance(lsInArpRsp)] }),
        // Somebody who looks whether an address is free.
        flow(lsInArpRsp, {
          priority: askedPriority.overheard + 1,
          match: { ...match, arpSpa: 0 },
          actions: [advance(lsInL2Lkup)],
        }),
        flow(lsInArpRsp, {
          priority: askedPriority.overheard,
          match: { ...match, ethType: etherType.arp },
          actions: [source4, advance(lsInL2Lkup)],
        }),
        flow(lsInArpRsp, {
          priority: askedPriority.overheard,
          match: { ...match, icmpv6Type: icmpv6.advertisement },
          actions: [target6, advance(lsInL2Lkup)],
        }),
        ...(places.every(({ rank }) => rank === 0)
          ? []
          : [
              flow(lsInArpRsp, {
                ...told,
                match: { datapath, ...passedOn, ethType: etherType.arp },
                actions: [source4],
              }),
              flow(lsInArpRsp, { ...told, match: { datapath, ...passedOn, ...solicited }, actions: [source6] }),
              flow(lsInArpRsp, { ...told, match: { datapath, ...passedOn, ...advertised }, actions: [target6] }),
            ]),
      ],
    };
  },
});
