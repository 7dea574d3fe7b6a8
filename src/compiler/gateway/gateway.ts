/**
 * Room `gateway`: the port by which a logical router is outside, on a physical network. A router is on every hypervisor; there it is on
 * one at a time, its gateway, so that the physical network sees each of its MACs in one place.
 *
 *   elsewhere:  lr_in_arp_resolve ──(tunnel, key of the router)──► gateway: phys_in ─► lr_in_policy, lr_in_ip_routing ─► lr_in_arp_resolve
 *   gateway:    lr_in_arp_resolve ─► lr_in_gateway ─► ls_neighbour, ls_neighbour_learned ─► lr_out_delivery ─► .. ─► phys_out
 *   outside:    phys_in ─► ls_in_arp_rsp (who asks is learned) ─► ls_in_gateway ─► answered
 *               phys_in ─► .. ─► ls_out_delivery ─► ls_out_gateway ─► lr_in_ip_input ─► ..
 *
 * What a gateway gets through a tunnel is routed there once more, for a key has no room for a next hop; its TTL is counted where it leaves
 * the router, so once. For the ports of the logical switch outside the router is outside too, wherever they are.
 *
 * Everything is on every hypervisor that can be the gateway; groups (failover.ts) decide which is, without Weft. Two that both think so
 * do no harm: what comes through a tunnel is let out by whoever gets it.
 */
import { linkLocalOf } from '../../base/address.js';
import { isGatewayPort } from '../../model/gateway.js';
import { providerOfport } from '../../model/provider-ports.js';
import { TUNNEL_OFPORTS } from '../../model/tunnel-ports.js';
import type { NetworkRow } from '../../view/rows.js';
import type { Flow } from '../fragment.js';
import { learnedCookie } from '../identifiers.js';
import { advance, call, decTtl, drop, group, learn, pushTag, set } from '../pipeline/actions.js';
import { cidrValue, macValue } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { answerFlows } from '../pipeline/outside-answers.js';
import { gatewayPortKey, physIn, physOut, tunnelMtu } from '../pipeline/physical.js';
import { puntSteps } from '../pipeline/punting.js';
import { lrOutDelivery, lrOutUnDnat } from '../pipeline/router-egress.js';
import { lrInArpResolve, lrInGateway, lrInIpInput, lrInPolicy, lrInUnNat } from '../pipeline/router-ingress.js';
import { lsOutDelivery, lsOutGateway } from '../pipeline/switch-egress.js';
import {
  lsFdb,
  lsGatewayLately,
  lsInArpReply,
  lsInGateway,
  lsNeighbour,
  lsNeighbourLearned,
} from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';
import { placesOf, redirectGroup, standbyGroups } from './failover.js';
import { answeredFlows, copiesFor, type Outside } from './outside.js';

type RouterPort = NetworkRow<'logical-router-ports'>;

const etherType = { ipv4: 0x0800, ipv6: 0x86dd } as const;
const routed = [etherType.ipv4, etherType.ipv6] as const;

/**
 * So long, in seconds, one that has been the gateway still lets in what comes from outside, until the physical network has learned where
 * the router is now: longer than it takes to tell it.
 */
const lateSeconds = 10;

const placeNumber = 151;

/** Of lr_in_arp_resolve: what leaves by the gateway, what came to one that is none (any more), and those that can be it. */
const resolvePriority = { redirect: 100, stray: 110, place: 200, throughTunnel: 210 } as const;

/** What leaves the router by its port outside, on every hypervisor that cannot be its gateway. */
export const gatewayRedirect = rule({
  name: 'gateway.redirect',
  number: 150,
  subjects: 'logical-router-ports',
  compile: (port, view) => {
    const router = view.get('logical-routers', port.logicalRouterId);
    if (router === null || !isGatewayPort(router, port)) return null;
    const places = placesOf(router.id, view);
    const [preferred, ...others] = places;
    const failover = others.length === 0 ? null : redirectGroup(port.number, places);
    const match = { datapath: router.datapathKey, outPort: port.portKey } as const;
    return {
      scope: { kind: 'datapath', datapathId: router.id },
      flows: [
        flow(lrInArpResolve, {
          priority: resolvePriority.redirect,
          match,
          actions:
            preferred === undefined
              ? [drop('no_gateway')]
              : failover === null
                ? [set({ outPort: 0, outHost: preferred.hypervisorKey }), advance(tunnelMtu)]
                : [group(failover.id)],
        }),
        // What came through a tunnel, or from outside, never goes into one.
        flow(lrInArpResolve, {
          priority: resolvePriority.stray,
          match: { ...match, fromUnderlay: 1 },
          actions: [drop('stale_location')],
        }),
      ],
      ...(failover === null ? {} : { groups: [failover] }),
      ...(preferred === undefined ? {} : { after: [preferred.hypervisorId] }),
    };
  },
});

/** The router in the logical switch outside: it owns its MAC and addresses there. */
function ownFlows({ datapath, switchPortKey, mac }: Outside, port: RouterPort): readonly Flow[] {
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
  ];
}

/**
 * From ports of the switch, and from outside, to the router: for it it is no matter from where. In ls_out_gateway `permitted` says that
 * this is the gateway, and `resolved` that it was lately. A former one lets in what the physical network still brings it, and gives what
 * ports here send to the physical network, as any other hypervisor.
 */
function entryFlows(outside: Outside, routerKey: number, port: RouterPort): readonly Flow[] {
  const { datapath, switchPortKey, translates } = outside;
  const match = { datapath, outPort: switchPortKey } as const;
  const enter = [
    set({ datapath: routerKey, inPort: port.portKey, outPort: 0, fromUnderlay: 0 }),
    advance(translates ? lrInUnNat : lrInIpInput),
  ] as const;
  const lately = learn<'datapath' | 'outPort', 'datapath' | 'outPort', 'resolved'>({
    into: lsGatewayLately,
    priority: 100,
    cookie: learnedCookie(placeNumber, port.number),
    hardTimeoutSeconds: lateSeconds,
    match: { datapath: 'datapath', outPort: 'outPort' },
    load: { resolved: 1n },
  });
  return [
    flow(lsOutGateway, { priority: 120, match: { ...match, permitted: 1 }, actions: [lately, ...enter] }),
    flow(lsOutGateway, { priority: 110, match: { ...match, fromUnderlay: 0 }, actions: [advance(physOut)] }),
    flow(lsOutGateway, { priority: 100, match: { ...match, resolved: 1 }, actions: enter }),
  ];
}

/** Where the packet leaves. OpenFlow counts down the TTL of a packet that the flow knows to be IP, no other. */
function exitFlows(
  { datapath, switchPortKey, mac, translates }: Outside,
  routerKey: number,
  port: RouterPort,
): readonly Flow[] {
  return [
    flow(lrOutDelivery, {
      priority: 50,
      match: { datapath, inPort: switchPortKey },
      actions: [...puntSteps('neighbour', 'senders'), drop('neighbour_awaited')],
    }),
    ...routed.map(ethType =>
      flow(lrInGateway, {
        priority: 100,
        match: { datapath: routerKey, outPort: port.portKey, ethType },
        actions: [
          decTtl,
          set({ ethSrc: mac, datapath, inPort: switchPortKey, outPort: 0, resolved: 0, fromUnderlay: 0 }),
          call(lsNeighbour),
          call(lsNeighbourLearned),
          advance(translates ? lrOutUnDnat : lrOutDelivery),
        ],
      }),
    ),
  ];
}

/** Whether it is the gateway: each of the three ways by a group, unless nobody comes before it. */
function gateFlows(
  { datapath, switchPortKey, mac, vlan }: Outside,
  routerKey: number,
  port: RouterPort,
  groups: ReturnType<typeof standbyGroups> | null,
): readonly Flow[] {
  const leaving = { datapath: routerKey, outPort: port.portKey } as const;
  const entering = { datapath, outPort: switchPortKey } as const;
  const asked = { datapath, mac } as const;
  return [
    flow(lrInArpResolve, {
      priority: resolvePriority.throughTunnel,
      match: { ...leaving, fromUnderlay: 1 },
      actions: [advance(lrInGateway)],
    }),
    flow(lrInArpResolve, {
      priority: resolvePriority.place,
      match: leaving,
      actions: groups === null ? [advance(lrInGateway)] : [group(groups.leave.id)],
    }),
    flow(lsOutDelivery, {
      priority: 110,
      match: entering,
      actions:
        groups === null
          ? [set({ permitted: 1 }), advance(lsOutGateway)]
          : [set({ permitted: 0, resolved: 0 }), call(lsGatewayLately), group(groups.enter.id)],
    }),
    flow(lsInGateway, {
      priority: 100,
      match: asked,
      actions:
        groups === null
          ? [...(vlan === null ? [] : [pushTag(vlan)]), advance(lsInArpReply)]
          : [group(groups.answer.id)],
    }),
  ];
}

/** A hypervisor that can be the gateway. */
export const gatewayPlace = rule({
  name: 'gateway.place',
  number: placeNumber,
  subjects: 'gateway-places',
  compile: ({ logicalRouterId, logicalSwitchId, hypervisorId, rank }, view) => {
    const router = view.get('logical-routers', logicalRouterId);
    const logicalSwitch = view.get('logical-switches', logicalSwitchId);
    if (router === null || logicalSwitch === null) return null;
    const { provider, physicalNetworkKey, datapathKey: datapath, number } = logicalSwitch;
    if (provider === null || physicalNetworkKey === null) return null;
    const { vlan } = provider;
    const translates = view.by('nat-rules', 'logicalRouterId', logicalRouterId).length > 0;
    const places = placesOf(logicalRouterId, view);
    const before = places.filter(place => place.rank < rank);
    const copies = copiesFor(places.filter(place => place.rank !== rank));
    const outside = view
      .by('logical-router-ports', 'logicalRouterId', logicalRouterId)
      .filter(port => port.logicalSwitchId === logicalSwitchId)
      .map(port => {
        const uplink = providerOfport(physicalNetworkKey);
        const standby = before.length === 0 ? null : standbyGroups({ portNumber: port.number, before, uplink, vlan });
        return { port, groups: standby };
      });
    return {
      scope: { kind: 'hypervisor', hypervisorId },
      flows: [
        ...Object.values(TUNNEL_OFPORTS).map(ofport =>
          flow(physIn, {
            priority: 110,
            match: { physicalPort: ofport, tunnelId: router.datapathKey },
            actions: [
              set({ datapath: router.datapathKey, inPort: gatewayPortKey, fromUnderlay: 1 }),
              advance(lrInPolicy),
            ],
          }),
        ),
        ...outside.flatMap(({ port, groups }) => {
          const { switchPortKey } = port;
          if (switchPortKey === null) return [];
          const mac = macValue(port.mac);
          const there: Outside = { datapath, vlan, switchPortKey, mac, number, translates };
          const addresses = [...port.networks.map(cidrValue), { family: 6 as const, address: linkLocalOf(mac) }];
          const targets = new Map(addresses.map(each => [`${each.family} ${each.address}`, each]));
          return [
            ...ownFlows(there, port),
            ...gateFlows(there, router.datapathKey, port, groups),
            ...entryFlows(there, router.datapathKey, port),
            ...exitFlows(there, router.datapathKey, port),
            ...[...targets.values()].flatMap(target => answerFlows(there, target, copies)),
            ...answeredFlows(there, copies),
          ];
        }),
      ],
      ...(before.length === 0 ? {} : { groups: outside.flatMap(({ groups }) => Object.values(groups ?? {})) }),
    };
  },
});
