/**
 * What is said between a gateway and its neighbours outside, by ARP and neighbour discovery: who asks is answered, who speaks is
 * remembered, and what only the gateway has heard is passed on to those that may take its place.
 */
import type { NetworkRow } from '../../view/rows.js';
import type { Flow } from '../fragment.js';
import { advance, onCopy, set, type Step } from '../pipeline/actions.js';
import { flow } from '../pipeline/flow.js';
import { askedPriority, fromOutside, outsideNumber, remember, type Speaker } from '../pipeline/outside-answers.js';
import { physicalPortKey, tunnelMtu } from '../pipeline/physical.js';
import { lsInArpRsp, lsInL2Lkup, lsInLookupFdb } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';

const arpReply = 2;
const etherType = { arp: 0x0806 } as const;
const icmpv6 = { solicitation: 135, advertisement: 136 } as const;

/** The logical switch outside, and the router in it, as a gateway sees them. */
export interface Outside extends Speaker {
  readonly vlan: number | null;
  readonly switchPortKey: number;
  /** Whether the router translates addresses (room `nat`): what it gets from there and sends there passes those stages. */
  readonly translates: boolean;
}

/** By a tunnel: somebody passes on what it has heard. */
const passedOn = { fromUnderlay: 1, inPort: 0 } as const;
/** Nobody has routed it here: a router would have counted its hop limit down (RFC 4861, section 11.2). */
const notRouted = { ipTtl: 255 } as const;

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
      match: { ...match, ...fromOutside, arpOp: arpReply },
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
