/**
 * Rules across rows, as pure functions of the rows concerned: the store calls them under a lock on the parent, with all that
 * the parent holds. Each refusal has its code and points at the member at fault.
 */
import {
  type Cidr,
  cidrContains,
  cidrsOverlap,
  formatCidr,
  formatIp,
  type IpAddress,
  isHostAddress,
  lastAddress,
  parseCidr,
  parseIp,
} from '../base/address.js';
import { pointerTo, type WeftError } from '../base/errors.js';
import type { LogicalRouterPort, LogicalSwitch, StaticRoute, Subnet } from './index.js';
import { refuse } from './value-types.js';

/** Parses text that is known to be canonical. */
export function knownCidr(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === null) throw new Error(`not a CIDR: ${text}`);
  return cidr;
}

/** Parses text that is known to be canonical. */
export function knownIp(text: string): IpAddress {
  const ip = parseIp(text);
  if (ip === null) throw new Error(`not an IP address: ${text}`);
  return ip;
}

/** Addresses of a range that no station can have: network and broadcast in IPv4, the subnet router's anycast in IPv6. */
function isReserved(cidr: Cidr, value: bigint): boolean {
  if (cidr.family === 4) return cidr.prefixLength <= 30 && (value === cidr.network || value === lastAddress(cidr));
  return cidr.prefixLength <= 126 && value === cidr.network;
}

/** Refuses an address that no station may have, in the range given or anywhere. */
export function checkStationAddress(ip: string, cidr: Cidr, pointer: string): void {
  const address = knownIp(ip);
  if (!isHostAddress(address) || isReserved(cidr, address.value))
    refuse('address_reserved', pointer, `${ip} is reserved in ${formatCidr({ ...cidr, address: cidr.network })}.`);
}

/** A range of addresses, both ends included. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** Where the addresses of a subnet are allocated from: its pools, or everything that a station can have. */
export function allocationRanges(subnet: Pick<Subnet, 'cidr' | 'allocationPools'>): readonly AddressRange[] {
  if (subnet.allocationPools.length > 0)
    return subnet.allocationPools
      .map(pool => ({ first: knownIp(pool.start).value, last: knownIp(pool.end).value }))
      .toSorted((a, b) => (a.first < b.first ? -1 : 1));
  const cidr = knownCidr(subnet.cidr);
  const last = lastAddress(cidr);
  return [
    {
      first: isReserved(cidr, cidr.network) ? cidr.network + 1n : cidr.network,
      last: isReserved(cidr, last) ? last - 1n : last,
    },
  ];
}

/** Whether allocation in the subnet is by the EUI-64 of the MAC: an IPv6 /64 without pools of its own. */
export function usesEui64(subnet: Pick<Subnet, 'cidr' | 'allocationPools'>): boolean {
  const cidr = knownCidr(subnet.cidr);
  return cidr.family === 6 && cidr.prefixLength === 64 && subnet.allocationPools.length === 0;
}

type SubnetShape = Pick<Subnet, 'cidr' | 'gatewayIp' | 'allocationPools' | 'hostRoutes'>;

/** What a subnet must satisfy by itself. */
export function checkSubnetShape(subnet: SubnetShape): void {
  const cidr = knownCidr(subnet.cidr);
  const first = { family: cidr.family, value: cidr.network };
  if (!isHostAddress(first) && cidr.prefixLength > 0)
    refuse('address_reserved', '/cidr', `${subnet.cidr} is not a range for stations.`);
  if (cidr.prefixLength === 0) refuse('out_of_range', '/cidr', 'A subnet cannot be the whole address space.');
  if (subnet.gatewayIp !== null) {
    if (!cidrContains(cidr, knownIp(subnet.gatewayIp)))
      refuse('address_outside_subnet', '/gateway_ip', `${subnet.gatewayIp} is not in ${subnet.cidr}.`);
    checkStationAddress(subnet.gatewayIp, cidr, '/gateway_ip');
  }
  checkPools(subnet, cidr);
  for (const [index, route] of subnet.hostRoutes.entries()) {
    const pointer = pointerTo('/host_routes', index);
    const families = [knownCidr(route.destination).family, knownIp(route.nextHop).family];
    if (families.some(family => family !== cidr.family))
      refuse('family_mismatch', pointer, `The subnet is IPv${cidr.family}, the route is not.`);
  }
}

function checkPools(subnet: SubnetShape, cidr: Cidr): void {
  const ranges: AddressRange[] = [];
  for (const [index, pool] of subnet.allocationPools.entries()) {
    const pointer = pointerTo('/allocation_pools', index);
    const start = knownIp(pool.start);
    const end = knownIp(pool.end);
    for (const [member, address] of [
      ['start', start],
      ['end', end],
    ] as const) {
      const text = formatIp(address.family, address.value);
      if (!cidrContains(cidr, address))
        refuse('address_outside_subnet', pointerTo(pointer, member), `${text} is not in ${subnet.cidr}.`);
      if (isReserved(cidr, address.value))
        refuse('address_reserved', pointerTo(pointer, member), `${text} is reserved in ${subnet.cidr}.`);
    }
    if (end.value < start.value)
      refuse('out_of_range', pointerTo(pointer, 'end'), `${pool.end} is before ${pool.start}.`);
    const gateway = subnet.gatewayIp === null ? null : knownIp(subnet.gatewayIp).value;
    if (gateway !== null && gateway >= start.value && gateway <= end.value)
      refuse(
        'pool_contains_gateway',
        pointer,
        `${pool.start} to ${pool.end} contains the gateway ${subnet.gatewayIp}.`,
      );
    if (ranges.some(other => start.value <= other.last && end.value >= other.first))
      refuse('pool_overlap', pointer, `${pool.start} to ${pool.end} overlaps another pool.`);
    ranges.push({ first: start.value, last: end.value });
  }
}

const routerPort = (id: string): WeftError['related'] => [{ kind: 'logical-router-ports', id }];

/** A subnet among the others of its logical switch, and the router ports there. */
export function checkSubnetPlace(
  subnet: Pick<Subnet, 'id' | 'cidr'>,
  siblings: readonly Pick<Subnet, 'id' | 'cidr'>[],
  routerPorts: readonly Pick<LogicalRouterPort, 'id' | 'networks'>[],
): void {
  const cidr = knownCidr(subnet.cidr);
  for (const other of siblings) {
    if (other.id !== subnet.id && cidrsOverlap(cidr, knownCidr(other.cidr)))
      refuse('subnet_overlap', '/cidr', `${subnet.cidr} overlaps ${other.cidr} of subnet ${other.id}.`, [
        { kind: 'subnets', id: other.id },
      ]);
  }
  for (const port of routerPorts) {
    const clash = port.networks.find(network => {
      const other = knownCidr(network);
      return cidrsOverlap(cidr, other) && other.prefixLength !== cidr.prefixLength;
    });
    if (clash !== undefined)
      refuse(
        'subnet_overlap',
        '/cidr',
        `${subnet.cidr} is not the network of ${clash}, an address of router port ${port.id}.`,
        routerPort(port.id),
      );
  }
}

/** IPv6 needs links of at least 1280 bytes (RFC 8200, section 5). */
const IPV6_MINIMUM_MTU = 1280;

/** The MTU of a logical switch against what the underlay allows and what its subnets need; `pointer` is what is at fault. */
export function checkMtu(
  logicalSwitch: Pick<LogicalSwitch, 'mtu'>,
  capacity: number,
  subnets: readonly Pick<Subnet, 'cidr'>[],
  pointer = '/mtu',
): void {
  const { mtu } = logicalSwitch;
  if (mtu === null) return;
  if (mtu > capacity) refuse('mtu_too_large', pointer, `The MTU is ${mtu}; the underlay allows ${capacity}.`);
  if (mtu < IPV6_MINIMUM_MTU && subnets.some(subnet => knownCidr(subnet.cidr).family === 6))
    refuse('mtu_too_small', pointer, `The MTU is ${mtu} and there is an IPv6 subnet.`);
}

/** The subnet that contains the address, if any. */
export function subnetOf<S extends Pick<Subnet, 'cidr'>>(ip: string, subnets: readonly S[]): S | null {
  const address = knownIp(ip);
  return subnets.find(subnet => cidrContains(knownCidr(subnet.cidr), address)) ?? null;
}

type RouterPortShape = Pick<LogicalRouterPort, 'id' | 'logicalRouterId' | 'logicalSwitchId' | 'peerId' | 'networks'>;

/** A router port among the others of its logical router. */
export function checkRouterPortNetworks(port: RouterPortShape, siblings: readonly RouterPortShape[]): void {
  if (port.logicalSwitchId !== null && port.peerId !== null)
    refuse('contradiction', '/peer_id', 'A router port is on a logical switch or has a peer, not both.');
  for (const [index, network] of port.networks.entries()) {
    const pointer = pointerTo('/networks', index);
    const cidr = knownCidr(network);
    if (cidr.prefixLength === 0) refuse('out_of_range', pointer, 'A network cannot be the whole address space.');
    checkStationAddress(formatIp(cidr.family, cidr.address), cidr, pointer);
    const own = port.networks.slice(0, index).find(other => clashes(cidr, knownCidr(other)));
    if (own !== undefined) refuse('network_overlap', pointer, `${network} overlaps ${own} of the same router port.`);
    for (const sibling of siblings) {
      const other =
        sibling.id === port.id ? undefined : sibling.networks.find(each => cidrsOverlap(cidr, knownCidr(each)));
      if (other !== undefined)
        refuse(
          'network_overlap',
          pointer,
          `${network} overlaps ${other} of router port ${sibling.id}.`,
          routerPort(sibling.id),
        );
    }
  }
}

/** Two addresses of one port may share a network, but not with different prefix lengths, and not be the same address. */
function clashes(a: Cidr, b: Cidr): boolean {
  return cidrsOverlap(a, b) && (a.prefixLength !== b.prefixLength || a.address === b.address);
}

/** A router port on a logical switch that has subnets uses networks of those. */
export function checkRouterPortFits(
  port: Pick<LogicalRouterPort, 'networks'>,
  subnets: readonly Pick<Subnet, 'cidr'>[],
): void {
  if (subnets.length === 0) return;
  for (const [index, network] of port.networks.entries()) {
    const cidr = knownCidr(network);
    const ofNetwork = formatCidr({ ...cidr, address: cidr.network });
    if (!subnets.some(subnet => subnet.cidr === ofNetwork))
      refuse(
        'network_outside_subnets',
        pointerTo('/networks', index),
        `${ofNetwork} is no subnet of the logical switch.`,
      );
  }
}

/** Two router ports that are to be joined. */
export function checkPeer(port: RouterPortShape, peer: RouterPortShape): void {
  if (peer.id === port.id || peer.logicalRouterId === port.logicalRouterId)
    refuse('peer_conflict', '/peer_id', 'The peer is a port of the same logical router.');
  if (peer.logicalSwitchId !== null)
    refuse('peer_conflict', '/peer_id', `Router port ${peer.id} is on a logical switch.`, routerPort(peer.id));
  if (peer.peerId !== null && peer.peerId !== port.id)
    refuse(
      'peer_conflict',
      '/peer_id',
      `Router port ${peer.id} is joined with ${peer.peerId}.`,
      routerPort(peer.peerId),
    );
  const addresses = new Set(peer.networks.map(network => network.split('/')[0]));
  const index = port.networks.findIndex(network => addresses.has(network.split('/')[0]));
  if (index >= 0)
    refuse(
      'address_in_use',
      pointerTo('/networks', index),
      `The peer ${peer.id} has the same address.`,
      routerPort(peer.id),
    );
}

type RouteShape = Pick<StaticRoute, 'id' | 'destination' | 'nextHop' | 'discard'>;

/** Whether the address is in a network of one of the router ports, and not their own. */
export function isConnected(ip: string, routerPorts: readonly Pick<LogicalRouterPort, 'networks'>[]): boolean {
  const address = knownIp(ip);
  return routerPorts.some(port => port.networks.some(network => cidrContains(knownCidr(network), address)));
}

/** A static route among the others of its logical router, whose ports are given. */
export function checkStaticRoute(
  route: RouteShape,
  siblings: readonly RouteShape[],
  routerPorts: readonly Pick<LogicalRouterPort, 'id' | 'networks'>[],
): void {
  if (route.discard && route.nextHop !== null)
    refuse('contradiction', '/next_hop', 'A route that discards has no next hop.');
  if (!route.discard && route.nextHop === null)
    refuse('missing_member', '/next_hop', 'A route has a next hop, or discard is true.');
  if (route.nextHop !== null) {
    if (knownIp(route.nextHop).family !== knownCidr(route.destination).family)
      refuse('family_mismatch', '/next_hop', `${route.nextHop} is not of the family of ${route.destination}.`);
    checkNextHop(route.nextHop, routerPorts, '/next_hop');
  }
  for (const other of siblings) {
    if (other.id === route.id || other.destination !== route.destination) continue;
    if (other.nextHop === route.nextHop)
      refuse('route_in_use', '/destination', `Route ${other.id} has the same destination and next hop.`, [
        { kind: 'static-routes', id: other.id },
      ]);
    if (other.discard !== route.discard)
      refuse('contradiction', '/discard', `Route ${other.id} to ${route.destination} does the opposite.`, [
        { kind: 'static-routes', id: other.id },
      ]);
  }
}

/** A neighbour of a logical router with these ports, to which it can send. */
export function checkNextHop(
  nextHop: string,
  routerPorts: readonly Pick<LogicalRouterPort, 'networks'>[],
  pointer: string,
): void {
  const address = knownIp(nextHop);
  if (!isConnected(nextHop, routerPorts))
    refuse('next_hop_unreachable', pointer, `${nextHop} is in no network of the logical router.`);
  const own = routerPorts.some(port => port.networks.some(network => network.split('/')[0] === nextHop));
  if (own) refuse('next_hop_unreachable', pointer, `${nextHop} is an address of the logical router itself.`);
  for (const port of routerPorts) {
    for (const network of port.networks) {
      const cidr = knownCidr(network);
      if (cidrContains(cidr, address)) checkStationAddress(nextHop, cidr, pointer);
    }
  }
}
