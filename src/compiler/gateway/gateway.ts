/**
 * Room `gateway`: the port by which a logical router is outside, on a physical network. A router is on every hypervisor; there it is on
 * one, its gateway, so that the physical network sees each of its MACs in one place.
 *
 *   elsewhere:  lr_in_arp_resolve ──(tunnel, key of the router)──► gateway: phys_in ─► lr_in_ip_routing ─► lr_in_arp_resolve
 *   gateway:    lr_in_arp_resolve ─► ls_neighbour, ls_neighbour_learned ─► lr_out_delivery ─► .. ─► phys_out
 *   outside:    phys_in ─► ls_in_arp_rsp (answered, and who asks is learned) | ls_out_delivery ─► lr_in_ip_input ─► ..
 *
 * What a gateway gets through a tunnel is routed there once more, for a key has no room for a next hop; its TTL is counted where it leaves
 * the router, so once. For the ports of the logical switch outside the router is outside too, wherever they are.
 */
import { type Cidr, linkLocalOf } from '../../base/address.js';
import { isGatewayPort } from '../../model/gateway.js';
import { TUNNEL_OFPORTS } from '../../model/tunnel-ports.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { Flow } from '../fragment.js';
import { learnedCookie } from '../identifiers.js';
import { advance, call, decTtl, drop, learn, pushTag, set, type Step } from '../pipeline/actions.js';
import { cidrValue, macValue } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { gatewayPortKey, physIn, tunnelMtu } from '../pipeline/physical.js';
import { puntSteps } from '../pipeline/punting.js';
import { lrOutDelivery } from '../pipeline/router-egress.js';
import { lrInArpResolve, lrInIpInput, lrInIpRouting } from '../pipeline/router-ingress.js';
import { lsOutDelivery } from '../pipeline/switch-egress.js';
import {
  lsFdb,
  lsInArpReply,
  lsInArpRsp,
  lsInL2Lkup,
  lsInLookupFdb,
  lsNeighbour,
  lsNeighbourLearned,
} from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';

type RouterPort = NetworkRow<'logical-router-ports'>;

const arp = { request: 1 } as const;
const etherType = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
const routed = [etherType.ipv4, etherType.ipv6] as const;
const icmpv6 = { solicitation: 135, advertisement: 136 } as const;

/** Neighbours are remembered so long after they were heard last, in seconds: longer than Weft may be away. */
const neighbourSeconds = 14_400;
/** Neighbours outside that a switch remembers for one logical switch. */
const maxNeighbours = 8_192;

const outsideNumber = 152;

/** Of lr_in_arp_resolve: what leaves by the gateway, what came to one that is none (any more), and the gateway itself. */
const resolvePriority = { redirect: 100, stray: 110, gateway: 200 } as const;

function gatewayOf(routerId: string, view: TrackedView): NetworkRow<'gateway-places'> | null {
  return view.by('gateway-places', 'logicalRouterId', routerId).find(({ rank }) => rank === 0) ?? null;
}

/** What leaves the router by its port outside, on every hypervisor that is not its gateway. */
export const gatewayRedirect = rule({
  name: 'gateway.redirect',
  number: 150,
  subjects: 'logical-router-ports',
  compile: (port, view) => {
    const router = view.get('logical-routers', port.logicalRouterId);
    if (router === null || !isGatewayPort(router, port)) return null;
    const gateway = gatewayOf(router.id, view);
    const match = { datapath: router.datapathKey, outPort: port.portKey } as const;
    return {
      scope: { kind: 'datapath', datapathId: router.id },
      flows: [
        flow(lrInArpResolve, {
          priority: resolvePriority.redirect,
          match,
          actions:
            gateway === null
              ? [drop('no_gateway')]
              : [set({ outPort: 0, outHost: gateway.hypervisorKey }), advance(tunnelMtu)],
        }),
        // What came through a tunnel, or from outside, never goes into one.
        flow(lrInArpResolve, {
          priority: resolvePriority.stray,
          match: { ...match, fromUnderlay: 1 },
          actions: [drop('stale_location')],
        }),
      ],
      ...(gateway === null ? {} : { after: [gateway.hypervisorId] }),
    };
  },
});

/** The logical switch outside, as a gateway sees it. */
interface Outside {
  readonly datapath: number;
  readonly vlan: number | null;
  readonly switchPortKey: number;
  readonly mac: bigint;
  /** Its number: it owns what is learned. */
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

/** The tag is put on before the answer is made: that goes out by the interface by which the question came. */
function answerFlows(outside: Outside, target: Pick<Cidr, 'family' | 'address'>): readonly Flow[] {
  const { datapath, vlan, mac } = outside;
  const answer = [
    set({ mac, resolved: 1, ownsAddress: 0, targetIsRouter: 1 }),
    ...(vlan === null ? [] : [pushTag(vlan)]),
    advance(lsInArpReply),
  ] as const;
  if (target.family === 4) {
    const match = { datapath, ...fromOutside, arpOp: arp.request, arpTpa: target.address } as const;
    const address = set({ address4: target.address });
    return [
      flow(lsInArpRsp, {
        priority: askedPriority.known,
        match,
        actions: [remember(outside, { address4: 'arpSpa' }, 'arpSha'), address, ...answer],
      }),
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
  return [
    flow(lsInArpRsp, {
      priority: askedPriority.known,
      match,
      actions: [remember(outside, { address6: 'ipv6Src' }, 'ethSrc'), address, ...answer],
    }),
    flow(lsInArpRsp, {
      priority: askedPriority.nobody,
      match: { ...match, ipv6Src: 0 },
      actions: [address, ...answer],
    }),
  ];
}

/** Of ls_in_arp_rsp. */
const askedPriority = { nobody: 114, known: 112, overheard: 105 } as const;

/** The router in the logical switch outside: it owns its MAC and addresses there, and is entered from there. */
function ownFlows({ datapath, switchPortKey, mac }: Outside, routerKey: number, port: RouterPort): readonly Flow[] {
  const addresses = port.networks.map(cidrValue);
  const distinct = new Map(addresses.map(({ family, address }) => [`${family} ${address}`, { family, address }]));
  return [
    flow(lsFdb, {
      priority: 100,
      match: { datapath, mac },
      actions: [set({ outPort: switchPortKey, targetIsRouter: 1 })],
    }),
    ...[...distinct.values()].map(({ family, address }) =>
      flow(lsNeighbour, {
        priority: 100,
        match: { datapath, ...(family === 4 ? { address4: address } : { address6: address }) },
        actions: [set({ mac, resolved: 1, targetIsRouter: 1 })],
      }),
    ),
    // From ports of the switch, and from outside: for the router it is no matter from where.
    flow(lsOutDelivery, {
      priority: 110,
      match: { datapath, outPort: switchPortKey },
      actions: [set({ datapath: routerKey, inPort: port.portKey, outPort: 0, fromUnderlay: 0 }), advance(lrInIpInput)],
    }),
  ];
}

function portFlows(outside: Outside, routerKey: number, port: RouterPort): readonly Flow[] {
  const { datapath, switchPortKey, mac } = outside;
  const addresses = port.networks.map(cidrValue);
  const targets = new Map(
    [...addresses, { family: 6 as const, address: linkLocalOf(mac) }].map(each => [
      `${each.family} ${each.address}`,
      each,
    ]),
  );
  return [
    ...ownFlows(outside, routerKey, port),
    ...[...targets.values()].flatMap(target => answerFlows(outside, target)),
    flow(lrOutDelivery, {
      priority: 50,
      match: { datapath, inPort: switchPortKey },
      actions: [...puntSteps('neighbour', 'senders'), drop('neighbour_awaited')],
    }),
    // OpenFlow counts down the TTL of a packet that the flow knows to be IP, no other.
    ...routed.map(ethType =>
      flow(lrInArpResolve, {
        priority: resolvePriority.gateway,
        match: { datapath: routerKey, outPort: port.portKey, ethType },
        actions: [
          decTtl,
          set({ ethSrc: mac, datapath, inPort: switchPortKey, outPort: 0, resolved: 0, fromUnderlay: 0 }),
          call(lsNeighbour),
          call(lsNeighbourLearned),
          advance(lrOutDelivery),
        ],
      }),
    ),
  ];
}

/**
 * What neighbours outside say to whomever: answers to a router, and that they have moved. All hypervisors with the logical switch
 * hear it, so that whoever becomes the gateway knows what was said to everybody.
 */
export const gatewayOutside = rule({
  name: 'gateway.outside',
  number: outsideNumber,
  subjects: 'logical-switches',
  compile: (logicalSwitch, view) => {
    if (view.by('gateway-places', 'logicalSwitchId', logicalSwitch.id).length === 0) return null;
    const match = { datapath: logicalSwitch.datapathKey, ...fromOutside } as const;
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
          actions: [remember(logicalSwitch, { address4: 'arpSpa' }, 'arpSha'), advance(lsInL2Lkup)],
        }),
        flow(lsInArpRsp, {
          priority: askedPriority.overheard,
          match: { ...match, icmpv6Type: icmpv6.advertisement },
          actions: [remember(logicalSwitch, { address6: 'ndTarget' }, 'ethSrc'), advance(lsInL2Lkup)],
        }),
      ],
    };
  },
});

/** The hypervisor that is the gateway. */
export const gatewayPlace = rule({
  name: 'gateway.place',
  number: 151,
  subjects: 'gateway-places',
  compile: ({ logicalRouterId, logicalSwitchId, hypervisorId, rank }, view) => {
    const router = view.get('logical-routers', logicalRouterId);
    const logicalSwitch = view.get('logical-switches', logicalSwitchId);
    if (rank !== 0 || router === null || logicalSwitch === null || logicalSwitch.provider === null) return null;
    const { vlan } = logicalSwitch.provider;
    const ports = view
      .by('logical-router-ports', 'logicalRouterId', logicalRouterId)
      .filter(port => port.logicalSwitchId === logicalSwitchId);
    return {
      scope: { kind: 'hypervisor', hypervisorId },
      flows: [
        ...Object.values(TUNNEL_OFPORTS).map(ofport =>
          flow(physIn, {
            priority: 110,
            match: { physicalPort: ofport, tunnelId: router.datapathKey },
            actions: [
              set({ datapath: router.datapathKey, inPort: gatewayPortKey, fromUnderlay: 1 }),
              advance(lrInIpRouting),
            ],
          }),
        ),
        ...ports.flatMap(port => {
          const { switchPortKey } = port;
          if (switchPortKey === null) return [];
          const mac = macValue(port.mac);
          const { datapathKey: datapath, number } = logicalSwitch;
          const outside = { datapath, vlan, switchPortKey, mac, number };
          return portFlows(outside, router.datapathKey, port);
        }),
      ],
    };
  },
});
