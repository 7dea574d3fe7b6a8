/** The logical router: on the hypervisor where the packet entered. */
import { type Pipeline, stage } from './stage.js';

export const lrInIpRouting = stage('lr_in_ip_routing', {
  purpose: 'The longest prefix wins: port and next hop, by a group where several next hops share the traffic.',
  reads: ['datapath', 'ethType', 'ipv4Dst', 'ipv6Dst', 'inPort'],
  writes: ['outPort', 'address4', 'address6', 'ipTtl'],
  onMiss: { drop: 'no_route' },
});

/** Priorities of lr_in_policy: those of policies are above the first, and below the second. */
export const policyPriority = { lowest: 0, above: 40_000 } as const;

export const lrInPolicy = stage('lr_in_policy', {
  purpose:
    'Only where policy routes are, the highest priority first: drops, or decides port and next hop before the routes.',
  reads: [
    ...(['datapath', 'ethType', 'ipv4Src', 'ipv4Dst', 'ipv6Src', 'ipv6Dst'] as const),
    ...(['ipProto', 'tcpDst', 'udpDst', 'sctpDst', 'packetMark'] as const),
  ],
  writes: ['outPort', 'address4', 'address6', 'ipTtl'],
  onMiss: 'next',
});

export const lrInOwnAddress = stage('lr_in_own_address', {
  purpose: "Packets to the router's own addresses: answers ICMP echo, BFD of its neighbours to Weft, drops the rest.",
  reads: [
    ...(['icmpv4Type', 'icmpv4Code', 'icmpv6Type', 'icmpv6Code', 'ipv4Src', 'ipv4Dst', 'ipv6Src', 'ipv6Dst'] as const),
    ...(['datapath', 'inPort', 'ipProto', 'ipTtl', 'udpDst'] as const),
  ],
  writes: [
    ...(['address4', 'address6', 'ipv4Src', 'ipv4Dst', 'ipv6Src', 'ipv6Dst', 'icmpv4Type', 'icmpv6Type'] as const),
    ...(['ipTtl', 'puntClass'] as const),
  ],
  onMiss: { drop: 'not_for_router' },
});

export const lrInIpInput = stage('lr_in_ip_input', {
  purpose: 'What a router takes: IP unicast with a possible source and a TTL to spare.',
  reads: [
    ...(['datapath', 'inPort', 'ethType', 'ipv4Src', 'ipv4Dst', 'ipv6Src', 'ipv6Dst', 'ipTtl'] as const),
    ...(['icmpv4Type', 'icmpv6Type'] as const),
  ],
  writes: [],
  onMiss: { drop: 'router_not_ip' },
});

/** Addresses, and what tells the ports of a connection. */
const called = ['ipv4Dst', 'ipv6Dst', 'ipProto', 'tcpDst', 'udpDst', 'sctpDst'] as const;

export const lrInDnat = stage('lr_in_dnat', {
  purpose:
    'Where a new connection from outside goes that was for an address outside; known ones have gone there already.',
  reads: ['datapath', 'ctState', 'ctZone', ...called],
  writes: ['ctZone'],
  onMiss: 'never',
});

export const lrInUnNat = stage('lr_in_un_nat', {
  purpose:
    'Only on gateways of routers that translate: what comes from outside for an address outside goes to conntrack.',
  reads: ['datapath', 'ipv4Dst', 'ipv6Dst'],
  writes: [],
  onMiss: 'never',
});

export const lrInArpResolve = stage('lr_in_arp_resolve', {
  purpose:
    'From the router port into its switch, asking there for the MAC of the next hop; or to the peer router; or to the gateway, which routes it again.',
  reads: ['datapath', 'outPort', 'ethType', 'fromUnderlay', 'ipv4Src', 'ipv6Src'],
  writes: ['ethSrc', 'ipTtl', 'datapath', 'inPort', 'outPort', 'outHost', 'mac', 'resolved', 'fromUnderlay'],
  onMiss: { drop: 'no_route' },
});

export const lrInGateway = stage('lr_in_gateway', {
  purpose:
    'Only on a gateway: out of the router here, into the switch outside, asking there for the MAC of the next hop.',
  reads: ['datapath', 'outPort', 'ethType'],
  writes: ['ethSrc', 'ipTtl', 'datapath', 'inPort', 'outPort', 'mac', 'resolved', 'fromUnderlay'],
  onMiss: { drop: 'no_route' },
});

export const routerIngress: Pipeline = {
  name: 'Logical router ingress',
  purpose: 'Entered from the switch or the router on the other side of a router port.',
  stages: [lrInUnNat, lrInDnat, lrInIpInput, lrInOwnAddress, lrInPolicy, lrInIpRouting, lrInArpResolve, lrInGateway],
};
