/**
 * Router advertisements (RFC 4861, 4862, 8106): to a port that asks, and from time to time to every port. Each is made for the port that gets it,
 * so a workload makes itself an address only where that is the one it has.
 */
import { linkLocalOf, parseCidr, parseMac } from '../../base/address.js';
import type { NetworkReader } from '../../view/network-view.js';
import type { ViewRow } from '../../view/rows.js';
import { encodeFrame, type Frame } from '../packets/frame.js';
import { isRouterSolicitation, routerAdvertisement } from '../packets/router-advertisement.js';
import type { NoAnswer } from './dhcpv4.js';
import { addressModeOf, mayConfigureItself, type ServedPort } from './served-port.js';

/** ff02::1, and the MAC that it goes to. */
const allNodes = { ip: (0xff02n << 112n) | 1n, mac: 0x3333_0000_0001n } as const;

/** In seconds. The longest that a default router may say (RFC 4861, section 6.2.1): it outlives an absence of Weft. */
const routerLifetimeSeconds = 9_000;
/** RFC 4861, section 6.2.1: 30 and 7 days. */
const prefixLifetimes = { validSeconds: 2_592_000, preferredSeconds: 604_800 } as const;

/** The advertisements that a solicitation gets, one of each router; or why there are none. */
export function answerSolicitation(
  view: NetworkReader,
  served: ServedPort,
  frame: Frame,
): readonly Uint8Array[] | NoAnswer {
  const { packet, ethSrc } = frame;
  if (!isRouterSolicitation(packet)) return 'malformed';
  if (ethSrc !== served.mac) return 'not_to_be_answered';
  const frames = advertisements(view, served, packet.src === 0n ? allNodes : { ip: packet.src, mac: served.mac });
  return frames.length === 0 ? 'no_address' : frames;
}

/**
 * The advertisements that nobody has asked for. None: the port has no addresses of IPv6 here. After a change, given the MACs that
 * routers had before, those that are no way out say so (RFC 4861, section 6.2.5).
 */
export function unsolicitedAdvertisements(
  view: NetworkReader,
  served: ServedPort,
  formerRouters?: ReadonlySet<string>,
): readonly Uint8Array[] {
  const onSwitch = view.by('logical-router-ports', 'logicalSwitchId', served.logicalSwitch.id);
  const heardOf = formerRouters === undefined ? [] : [...formerRouters, ...onSwitch.map(({ mac }) => mac)];
  return advertisements(
    view,
    served,
    allNodes,
    heardOf.flatMap(text => parseMac(text) ?? []),
  );
}

type End = { readonly ip: bigint; readonly mac: bigint };

function advertisements(
  view: NetworkReader,
  served: ServedPort,
  to: End,
  heardOf: readonly bigint[] = [],
): readonly Uint8Array[] {
  const subnets = served.subnets.filter(({ cidr }) => cidr.family === 6);
  const has = served.addresses.some(({ subnet }) => subnet.cidr.family === 6);
  if (subnets.length === 0 || (!has && served.port.portSecurity)) return [];
  // The routers of a physical network speak for themselves.
  if (served.logicalSwitch.provider !== null) return [];
  const autonomous = new Set(subnets.filter(subnet => mayConfigureItself(served, subnet)));
  const managed = served.addresses.some(({ subnet }) => subnet.cidr.family === 6 && !autonomous.has(subnet));
  const { dnsDomain } = served.logicalSwitch;
  const common = {
    managed,
    otherConfiguration: managed || subnets.some(subnet => addressModeOf(subnet) === 'dhcpv6-stateless'),
    mtu: served.mtu,
    prefixes: subnets.map(subnet => ({
      network: subnet.cidr.network,
      prefixLength: subnet.cidr.prefixLength,
      autonomous: autonomous.has(subnet),
    })),
    prefixLifetimes,
    dnsServers: [...new Set(subnets.flatMap(({ dnsServers }) => dnsServers))],
    searchDomains: dnsDomain === null ? [] : [dnsDomain],
    dnsLifetimeSeconds: routerLifetimeSeconds,
  } as const;
  const routers = gatewayMacs(view, served);
  const noWayOut = [...new Set(heardOf)].filter(mac => !routers.includes(mac));
  // Without a router the rest is told all the same, by somebody who is none.
  const nobody = routers.length === 0 ? [served.serverMac] : [];
  const senders = [
    ...routers.map(mac => ({ mac, lifetime: routerLifetimeSeconds })),
    ...[...nobody, ...noWayOut].map(mac => ({ mac, lifetime: 0 })),
  ];
  return senders.map(({ mac, lifetime }) => {
    const content = routerAdvertisement(
      { ...common, routerLifetimeSeconds: lifetime, sourceMac: mac },
      { src: linkLocalOf(mac), dst: to.ip },
    );
    return encodeFrame({ ethSrc: mac, ethDst: to.mac }, content);
  });
}

/** The MACs of the router ports on the switch that have the gateway address of a subnet. */
function gatewayMacs(view: NetworkReader, { logicalSwitch, subnets }: ServedPort): readonly bigint[] {
  const gateways = new Set(
    subnets.flatMap(({ cidr, gateway }) => (cidr.family === 6 && gateway !== null ? [gateway] : [])),
  );
  if (gateways.size === 0) return [];
  const isGateway = ({ networks }: ViewRow<'logical-router-ports'>): boolean =>
    networks.some(text => {
      const cidr = parseCidr(text);
      return cidr?.family === 6 && gateways.has(cidr.address);
    });
  return view
    .by('logical-router-ports', 'logicalSwitchId', logicalSwitch.id)
    .filter(port => isGateway(port) && view.get('logical-routers', port.logicalRouterId)?.enabled === true)
    .flatMap(port => parseMac(port.mac) ?? []);
}
