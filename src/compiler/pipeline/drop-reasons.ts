/**
 * Why packets are dropped: the one table. Codes are what the switch counts by and are never used again for another
 * reason; names are what the API shows.
 */
import type { PuntClass } from './punt-classes.js';

export interface DropReasonEntry {
  /** The sender is told, as far as Weft is there and has time: the kind of packet that it is asked for an answer to. */
  readonly answeredAs?: PuntClass;
  /** Counted by meters, which drop by themselves, and not by a flow. */
  readonly byMeter?: true;
  /** 1 to 255, for ever. */
  readonly code: number;
  /** What happened and what to do about it. */
  readonly help: string;
}

export const dropReasons = {
  unknown_interface: {
    code: 1,
    help: 'It came from an interface that is not bound to a logical switch port. Set external_ids:iface-id on it.',
  },
  port_disabled: { code: 2, help: 'It came from, or was meant for, a port with enabled=false.' },
  vlan_tagged: { code: 3, help: 'It carried a VLAN tag, and the port takes untagged frames only.' },
  multicast_source: { code: 4, help: 'Its source MAC was a multicast address, which no sender can have.' },
  port_security_mac: { code: 5, help: "Its source MAC is not the port's, nor one of allowed_addresses." },
  port_security_ipv4: { code: 6, help: "Its IPv4 source is not the port's, nor in allowed_addresses." },
  port_security_ipv6: { code: 7, help: "Its IPv6 source is not the port's, nor in allowed_addresses." },
  port_security_arp: { code: 8, help: "It was ARP that claims an address or a MAC which is not the port's." },
  port_security_nd: {
    code: 9,
    help: "It was IPv6 neighbour discovery that claims an address or a MAC which is not the port's.",
  },
  port_security_ra: {
    code: 10,
    help: 'It was an IPv6 router advertisement or redirect from a port with port security. Routers are made of logical routers, or have port_security=false.',
  },
  port_security_dhcp: {
    code: 11,
    help: 'It was an answer of a DHCP server from a port with port security. A DHCP server needs port_security=false.',
  },
  reserved_multicast: {
    code: 12,
    help: 'It was for 01:80:c2:00:00:0x (spanning tree, LLDP, LACP), which a bridge never forwards.',
  },
  unknown_neighbour: {
    code: 13,
    help: 'It asked by ARP or neighbour discovery for an address that no port has which is bound on this logical switch.',
  },
  unknown_destination: {
    code: 14,
    help: 'Its destination MAC is on no port of the logical switch, and no port has unknown_macs=true.',
  },
  unknown_datapath: { code: 15, help: 'It was for a logical switch that this hypervisor does not hold.' },
  reflection: { code: 16, help: 'Its destination is the port that it came from.' },
  port_not_bound: { code: 17, help: 'The destination port is not bound to an interface of any hypervisor.' },
  stale_location: {
    code: 18,
    help: 'Another hypervisor sent it here, and the destination port is not here (any more).',
  },
  unknown_hypervisor: {
    code: 19,
    help: 'The hypervisor of the destination has no tunnel address (external_ids:weft-encap-ip).',
  },
  too_big: {
    answeredAs: 'too_big',
    code: 20,
    help: 'It is larger than the underlay carries after encapsulation. Use the effective MTU of the logical switch.',
  },
  router_disabled: { code: 21, help: 'It was sent through a logical router with enabled=false.' },
  router_not_ip: { code: 22, help: 'It was sent to a router port and is neither IPv4 nor IPv6.' },
  router_multicast: { code: 23, help: 'It was multicast; logical routers do not route multicast.' },
  martian_source: { code: 24, help: 'Its source address cannot exist on a network (loopback, multicast, zero).' },
  ttl_exceeded: { answeredAs: 'ttl_exceeded', code: 25, help: 'Its TTL or hop limit was used up at a router.' },
  link_local_not_routed: {
    code: 26,
    help: 'A link-local address was its source or destination; those are never routed.',
  },
  not_for_router: {
    answeredAs: 'unreachable',
    code: 27,
    help: "It was for a router's own address, and routers only answer ICMP echo.",
  },
  no_route: { answeredAs: 'unreachable', code: 28, help: 'The logical router has no route to its destination.' },
  route_discard: { code: 29, help: 'A static route with discard=true holds for its destination.' },
  next_hop_unreachable: {
    answeredAs: 'unreachable',
    code: 30,
    help: 'No next hop of its static or policy route is on a network of a port of that router.',
  },
  neighbour_unresolved: {
    answeredAs: 'unreachable',
    code: 31,
    help: 'The router knows its last network, but no port that is bound there has the destination (or next hop) address.',
  },
  policy_drop: { code: 80, help: 'A policy route with action drop matches it.' },
  martian_destination: {
    code: 32,
    help: 'Its destination address cannot exist on a network (loopback, zero).',
  },
  rate_limit: {
    code: 34,
    byMeter: true,
    help: 'It was more than a QoS rule of the port lets through.',
  },
  port_security_headers: {
    code: 33,
    help: 'It was the first fragment of a packet, or a packet, that does not hold all of its headers, so that they cannot be checked (RFC 8200, section 4.5).',
  },
  acl_default: {
    code: 35,
    help: 'No rule of the security groups of the sending or receiving port allows it, and one of them isolates the port in that direction.',
  },
  acl_drop: { code: 36, help: 'A rule of a security group, of the sending or receiving port, drops it.' },
  acl_reject: {
    answeredAs: 'reject',
    code: 37,
    help: 'A rule of a security group, of the sending or receiving port, rejects it.',
  },
  connection_invalid: {
    code: 38,
    help: 'It belongs to no connection that can be: a damaged packet, or an answer to something that was never asked.',
  },
  acl_missing: {
    code: 39,
    help: 'The sending or receiving port has security groups, and the switch does not hold (yet) what judges them. Look at what the hypervisor has refused.',
  },
  acl_too_many: {
    code: 44,
    help: 'The sending or receiving port has so many security groups, whose rules name so many sets, that a switch cannot ask them all of a packet: nothing passes. Use fewer groups, or put addresses together in fewer sets.',
  },
  unknown_vlan: {
    code: 50,
    help: 'It came from a physical network, with a VLAN (or without one) that no logical switch of this hypervisor has.',
  },
  physical_elsewhere: {
    code: 51,
    help: 'It came from a physical network, and its destination is not on this hypervisor: a frame that the physical network gives to everybody, or one for a logical router, which is not reached from there.',
  },
  physical_network_unmapped: {
    code: 52,
    help: 'It was to leave to a physical network with which this hypervisor is not joined: it names no bridge in external_ids:weft-bridge-mappings, or one that is not there or cannot be joined. physical_networks of the hypervisor says which.',
  },
  no_sub_port: {
    code: 81,
    help: 'It came from a port that has sub-ports, with a VLAN tag that none of them has.',
  },
  local_port_only: {
    code: 82,
    help: 'It came from a local port, and was to leave this hypervisor. What a local port says is for the workloads of its own hypervisor.',
  },
  no_local_port: {
    code: 83,
    help: 'It was for a local port (metadata, for instance), and no interface of this hypervisor claims that. The status of the port says where there are some.',
  },
  neighbour_awaited: {
    code: 61,
    help: 'It was for a neighbour outside whose MAC the gateway of a logical router does not know (yet): it asks, and what comes until the answer is lost.',
  },
  no_gateway: {
    answeredAs: 'unreachable',
    code: 60,
    help: 'It was to leave by the gateway of a logical router, and no hypervisor can be that. gateway_status of the router says why.',
  },
  balancer_no_port: {
    answeredAs: 'reject',
    code: 70,
    help: 'It was for the virtual address of a load balancer, and none has that protocol and port there. Virtual addresses answer nothing else, not even ICMP echo.',
  },
  balancer_no_backend: {
    answeredAs: 'reject',
    code: 71,
    help: 'It was to begin a connection to a load balancer that has no active backend.',
  },
  balancer_backend_gone: {
    code: 72,
    help: 'It belongs to a connection whose backend the load balancer no longer has, or that is down.',
  },
} as const satisfies Record<string, DropReasonEntry>;

export type DropReason = keyof typeof dropReasons;

const byCode: ReadonlyMap<number, DropReason> = new Map(
  (Object.keys(dropReasons) as DropReason[]).map(name => [dropReasons[name].code, name]),
);

/** The reason with this code, or undefined for one of another build. */
export function dropReasonByCode(code: number): DropReason | undefined {
  return byCode.get(code);
}

/** What a reason means and what to do about it; empty for one of another build. */
export function dropReasonHelp(name: string): string {
  return !isDropReason(name) ? '' : dropReasons[name].help;
}

function isDropReason(name: string): name is DropReason {
  return Object.hasOwn(dropReasons, name);
}
