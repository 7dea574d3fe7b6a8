/** What a workload should not be able to say, every kind of it, and what it should: as frames. */
import type { DropReason } from '../../src/compiler/pipeline/drop-reasons.js';
import {
  arp,
  destinationOptions,
  ethernet,
  etherType,
  fragmentHeader,
  icmpv6,
  ipv4,
  ipv6,
  protocol,
  sourceMac,
  targetMac,
  udp,
} from '../fixtures/frames.js';

const stranger = '02:66:66:66:66:66';
/** The addresses that a virtual router shares. */
export const virtual = { mac: '00:00:5e:00:01:07', ip: '10.77.0.200', ip6: 'fd00:77::200' } as const;
const broadcast = 'ff:ff:ff:ff:ff:ff';
const toAllNodes = '33:33:00:00:00:01';
const toAllRouters = '33:33:00:00:00:02';
const first = { offset: 0, more: true } as const;

/** Who a workload is. */
export interface Self {
  readonly mac: string;
  readonly ip: string;
  readonly ip6: string;
  readonly linkLocal: string;
}

/** Sixteen bytes of something. */
const data = '5a'.repeat(16);
const dhcp = udp(67, 68);
const dhcpv6 = udp(547, 546);
const disguisedDhcp = udp(1067, 68);
const disguisedDhcpv6 = udp(1547, 546);

/** A packet that was cut in two after `bytes`; both parts, each with the headers of its own. */
function cut4(self: Self, to: Self, next: number, whole: string, bytes: number): readonly string[] {
  const ends = { src: self.ip, dst: to.ip };
  const frame = { src: self.mac, dst: to.mac };
  return [
    ethernet(frame, etherType.ipv4, ipv4(ends, next, whole.slice(0, bytes * 2), first)),
    ethernet(frame, etherType.ipv4, ipv4(ends, next, whole.slice(bytes * 2), { offset: bytes, more: false })),
  ];
}

function cut6(self: Self, to: Self, next: number, whole: string, bytes: number): readonly string[] {
  const ends = { src: self.ip6, dst: to.ip6 };
  const frame = { src: self.mac, dst: to.mac };
  const part = (payload: string, offset: number, more: boolean): string =>
    ipv6(ends, protocol.fragment, fragmentHeader(next, { offset, more }) + payload);
  return [
    ethernet(frame, etherType.ipv6, part(whole.slice(0, bytes * 2), 0, true)),
    ethernet(frame, etherType.ipv6, part(whole.slice(bytes * 2), bytes, false)),
  ];
}

const firstOf = (frames: readonly string[]): string => frames[0] ?? '';

/** Every kind of forgery, as `self` would send it to `to`, by the reason that has to be counted. */
export function forgeries(self: Self, to: Self): readonly (readonly [DropReason, string, string])[] {
  const direct = { src: self.mac, dst: to.mac };
  const disguised = { src: stranger, dst: to.mac };
  const everybody = { src: self.mac, dst: broadcast };
  const nodes = { src: self.mac, dst: toAllNodes };
  const four = (frame: typeof direct, src: string, payload = udp(5000, 5000), next: number = protocol.udp): string =>
    ethernet(frame, etherType.ipv4, ipv4({ src, dst: to.ip }, next, payload));
  const six = (frame: typeof direct, src: string, payload = udp(5000, 5000), next: number = protocol.udp): string =>
    ethernet(frame, etherType.ipv6, ipv6({ src, dst: to.ip6 }, next, payload));
  const nd = (frame: typeof direct, src: string, message: string): string => six(frame, src, message, protocol.icmpv6);
  const say = (words: Parameters<typeof arp>[0], frame = everybody): string =>
    ethernet(frame, etherType.arp, arp(words));
  const hidden = (next: number, rest: string): string =>
    six(direct, self.ip6, fragmentHeader(next, first) + rest, protocol.fragment);
  return [
    ['port_security_mac', 'IPv4 from another MAC', four(disguised, self.ip)],
    ['port_security_mac', 'IPv6 from another MAC', six(disguised, self.ip6)],
    ['port_security_mac', 'another protocol from another MAC', ethernet(disguised, 0x88b5, data)],
    [
      'port_security_mac',
      'ARP from another MAC',
      say({ operation: 1, sha: self.mac, spa: self.ip, tpa: to.ip }, { src: stranger, dst: broadcast }),
    ],
    ['port_security_mac', "the MAC of another's port", four({ src: to.mac, dst: to.mac }, self.ip)],
    ['multicast_source', 'from a group', four({ src: '03:00:00:00:00:01', dst: to.mac }, self.ip)],
    [
      'vlan_tagged',
      'with a VLAN tag',
      ethernet(direct, etherType.vlan, `00070800${ipv4({ src: self.ip, dst: to.ip }, 17, udp(1, 2))}`),
    ],
    ['port_security_ipv4', "another's IPv4 address", four(direct, to.ip)],
    ['port_security_ipv4', 'an IPv4 address from elsewhere', four(direct, '8.8.8.8')],
    ['port_security_ipv4', 'nobody, but not for DHCP', four(direct, '0.0.0.0')],
    ['port_security_ipv4', 'a header that cannot be read', ethernet(direct, etherType.ipv4, `41${'00'.repeat(19)}`)],
    ['port_security_ipv6', "another's IPv6 address", six(direct, to.ip6)],
    ['port_security_ipv6', "another's link-local address", six(direct, to.linkLocal)],
    ['port_security_ipv6', 'nobody, but not ICMPv6', six(direct, '::')],
    ['port_security_arp', "ARP: another's address", say({ operation: 1, sha: self.mac, spa: to.ip, tpa: to.ip })],
    [
      'port_security_arp',
      "ARP reply: another's address",
      say({ operation: 2, sha: self.mac, spa: to.ip, tpa: to.ip }, direct),
    ],
    ['port_security_arp', 'ARP: another MAC', say({ operation: 1, sha: stranger, spa: self.ip, tpa: to.ip })],
    ['port_security_arp', 'ARP probe: another MAC', say({ operation: 1, sha: stranger, spa: '0.0.0.0', tpa: to.ip })],
    ['port_security_arp', 'ARP that cannot be read', ethernet(everybody, etherType.arp, '00060800060400010000')],
    ['port_security_nd', "solicitation: another's address", nd(nodes, to.ip6, icmpv6.solicitation(to.ip6))],
    [
      'port_security_nd',
      'solicitation: another MAC',
      nd(nodes, self.ip6, icmpv6.solicitation(to.ip6, sourceMac(stranger))),
    ],
    [
      'port_security_nd',
      'solicitation of nobody: another MAC',
      nd(nodes, '::', icmpv6.solicitation(to.ip6, sourceMac(stranger))),
    ],
    [
      'port_security_nd',
      'solicitation: two MACs',
      nd(nodes, self.ip6, icmpv6.solicitation(to.ip6, sourceMac(stranger) + sourceMac(self.mac))),
    ],
    [
      'port_security_nd',
      "advertisement: another's address",
      nd(nodes, self.ip6, icmpv6.advertisement(to.ip6, targetMac(self.mac))),
    ],
    ['port_security_nd', "advertisement: another's address, no MAC", nd(nodes, self.ip6, icmpv6.advertisement(to.ip6))],
    [
      'port_security_nd',
      'advertisement: another MAC',
      nd(nodes, self.ip6, icmpv6.advertisement(self.ip6, targetMac(stranger))),
    ],
    ['port_security_nd', "advertisement from another's address", nd(nodes, to.ip6, icmpv6.advertisement(self.ip6))],
    [
      'port_security_nd',
      'advertisement: two MACs',
      nd(nodes, self.ip6, icmpv6.advertisement(self.ip6, targetMac(stranger) + targetMac(self.mac))),
    ],
    [
      'port_security_nd',
      'solicitation, cut, the MAC in its second part',
      hidden(protocol.icmpv6, icmpv6.solicitation(to.ip6)),
    ],
    ['port_security_ra', 'router advertisement', nd(nodes, self.linkLocal, icmpv6.routerAdvertisement())],
    [
      'port_security_ra',
      'router advertisement behind options',
      six(
        nodes,
        self.linkLocal,
        destinationOptions(protocol.icmpv6) + icmpv6.routerAdvertisement(),
        protocol.destinationOptions,
      ),
    ],
    ['port_security_ra', 'router advertisement, cut', hidden(protocol.icmpv6, icmpv6.routerAdvertisement())],
    ['port_security_ra', 'redirect', nd(direct, self.linkLocal, icmpv6.redirect(self.linkLocal, to.ip6))],
    ['port_security_dhcp', 'DHCP answer', four(direct, self.ip, dhcp)],
    [
      'port_security_dhcp',
      'DHCP answer to all',
      ethernet(everybody, etherType.ipv4, ipv4({ src: self.ip, dst: '255.255.255.255' }, protocol.udp, dhcp)),
    ],
    ['port_security_dhcp', 'DHCP answer, cut', firstOf(cut4(self, to, protocol.udp, dhcp, 16))],
    ['port_security_dhcp', 'DHCP answer from another port', four(direct, self.ip, disguisedDhcp)],
    [
      'port_security_dhcp',
      'DHCP answer from another port, cut',
      firstOf(cut4(self, to, protocol.udp, disguisedDhcp, 16)),
    ],
    ['port_security_dhcp', 'DHCPv6 answer from another port', six(direct, self.linkLocal, disguisedDhcpv6)],
    [
      'port_security_dhcp',
      'DHCPv6 answer from another port, cut',
      firstOf(cut6(self, to, protocol.udp, disguisedDhcpv6, 16)),
    ],
    ['port_security_dhcp', 'DHCPv6 answer', six(direct, self.linkLocal, dhcpv6)],
    ['port_security_dhcp', 'DHCPv6 answer, cut', firstOf(cut6(self, to, protocol.udp, dhcpv6, 16))],
    [
      'port_security_dhcp',
      'DHCPv6 answer behind options',
      six(direct, self.ip6, destinationOptions(protocol.udp) + dhcpv6, protocol.destinationOptions),
    ],
    [
      'port_security_headers',
      'first part without ports',
      ethernet(direct, etherType.ipv4, ipv4({ src: self.ip, dst: to.ip }, protocol.udp, '0043', first)),
    ],
    [
      'port_security_headers',
      'TCP, first part without flags',
      ethernet(direct, etherType.ipv4, ipv4({ src: self.ip, dst: to.ip }, protocol.tcp, '00500050', first)),
    ],
    [
      'port_security_headers',
      'IPv6, first part with options alone',
      hidden(protocol.destinationOptions, destinationOptions(protocol.udp)),
    ],
    [
      'port_security_headers',
      'IPv6, first part with options alone, before ICMPv6',
      hidden(protocol.destinationOptions, destinationOptions(protocol.icmpv6)),
    ],
    ['port_security_headers', 'IPv6, first part that ends within options', hidden(protocol.destinationOptions, '3a00')],
  ];
}

/** What an honest workload sends that reaches the other as it is; the same with a virtual router's addresses. */
export function honest(self: Self, to: Self): readonly (readonly [string, string])[] {
  const direct = { src: self.mac, dst: to.mac };
  const nodes = { src: self.mac, dst: toAllNodes };
  const asRouter = { src: virtual.mac, dst: broadcast };
  const six = (frame: typeof direct, ends: { src: string; dst: string }, next: number, payload: string): string =>
    ethernet(frame, etherType.ipv6, ipv6(ends, next, payload));
  const all = { src: self.ip6, dst: 'ff02::1' };
  return [
    ['UDP', ethernet(direct, etherType.ipv4, ipv4({ src: self.ip, dst: to.ip }, protocol.udp, udp(5000, 5000)))],
    ['UDP over IPv6', six(direct, { src: self.ip6, dst: to.ip6 }, protocol.udp, udp(5000, 5000))],
    [
      'from its link-local address',
      six(direct, { src: self.linkLocal, dst: to.linkLocal }, protocol.icmpv6, icmpv6.echo()),
    ],
    ['another protocol', ethernet(direct, 0x88b5, data)],
    ...cut4(self, to, protocol.udp, udp(5000, 5000, data.repeat(2)), 24).map(
      (frame, i) => [`part ${i} of IPv4`, frame] as const,
    ),
    ...cut6(self, to, protocol.udp, udp(5000, 5000, data.repeat(2)), 24).map(
      (frame, i) => [`part ${i} of IPv6`, frame] as const,
    ),
    [
      'behind options',
      six(
        direct,
        { src: self.ip6, dst: to.ip6 },
        protocol.destinationOptions,
        destinationOptions(protocol.udp) + udp(5000, 5000),
      ),
    ],
    [
      'DHCP question',
      ethernet(
        { src: self.mac, dst: broadcast },
        etherType.ipv4,
        ipv4({ src: '0.0.0.0', dst: '255.255.255.255' }, protocol.udp, udp(68, 67)),
      ),
    ],
    [
      'DHCPv6 question',
      six(
        { src: self.mac, dst: '33:33:00:01:00:02' },
        { src: self.linkLocal, dst: 'ff02::1:2' },
        protocol.udp,
        udp(546, 547),
      ),
    ],
    [
      'membership report from nobody',
      ethernet(
        { src: self.mac, dst: '01:00:5e:00:00:16' },
        etherType.ipv4,
        ipv4({ src: '0.0.0.0', dst: '224.0.0.22' }, protocol.igmp, '2200000000000000'),
      ),
    ],
    [
      'ARP announcement',
      ethernet(
        { src: self.mac, dst: broadcast },
        etherType.arp,
        arp({ operation: 1, sha: self.mac, spa: self.ip, tpa: self.ip }),
      ),
    ],
    [
      'ARP reply',
      ethernet(direct, etherType.arp, arp({ operation: 2, sha: self.mac, spa: self.ip, tha: to.mac, tpa: to.ip })),
    ],
    ['advertisement', six(nodes, all, protocol.icmpv6, icmpv6.advertisement(self.ip6, targetMac(self.mac)))],
    ['advertisement without MAC', six(nodes, all, protocol.icmpv6, icmpv6.advertisement(self.ip6))],
    [
      'duplicate address detection',
      six(nodes, { src: '::', dst: 'ff02::1' }, protocol.icmpv6, icmpv6.solicitation(self.ip6)),
    ],
    [
      'router solicitation from nobody',
      six(
        { src: self.mac, dst: toAllRouters },
        { src: '::', dst: 'ff02::2' },
        protocol.icmpv6,
        icmpv6.routerSolicitation(),
      ),
    ],
    [
      'ARP announcement of a virtual router',
      ethernet(asRouter, etherType.arp, arp({ operation: 1, sha: virtual.mac, spa: virtual.ip, tpa: virtual.ip })),
    ],
    [
      'VRRP from a virtual router',
      ethernet(
        { src: virtual.mac, dst: '01:00:5e:00:00:12' },
        etherType.ipv4,
        ipv4({ src: self.ip, dst: '224.0.0.18' }, 112, data),
      ),
    ],
    [
      'from the address of a virtual router',
      ethernet(
        { src: virtual.mac, dst: to.mac },
        etherType.ipv4,
        ipv4({ src: virtual.ip, dst: to.ip }, protocol.udp, udp(5000, 5000)),
      ),
    ],
    [
      'its IPv6 address',
      six({ src: virtual.mac, dst: to.mac }, { src: virtual.ip6, dst: to.ip6 }, protocol.udp, udp(5000, 5000)),
    ],
    [
      'VRRP over IPv6',
      six({ src: virtual.mac, dst: '33:33:00:00:00:12' }, { src: self.linkLocal, dst: 'ff02::12' }, 112, data),
    ],
    [
      'advertisement of a virtual router',
      six(
        { src: virtual.mac, dst: toAllNodes },
        { src: virtual.ip6, dst: 'ff02::1' },
        protocol.icmpv6,
        icmpv6.advertisement(virtual.ip6, targetMac(virtual.mac)),
      ),
    ],
  ];
}
