/** A match as `ovs-ofctl dump-flows` prints it: its own names, its own order, protocol shorthands. */
import { canonicalMatch } from './match.js';
import type { Match, MatchField, OxmField, OxmName } from './oxm.js';
import { oxm } from './oxm.js';
import type { TextOptions } from './value-text.js';
import { formatValue, hex, hexOf } from './value-text.js';

type Row = (items: ReadonlyMap<OxmField, MatchField>, options: TextOptions) => string | undefined;

/** A field under a name, in the notation of the field. */
function row(name: string, field: OxmField, format = formatValue): Row {
  return (items, options) => {
    const item = items.get(field);
    return item && `${name}=${format(field, item.value, item.mask, options)}`;
  };
}

const asHex: typeof formatValue = (_field, value, mask) =>
  mask === undefined ? hex(value) : `${hex(value)}/${hex(mask)}`;

/** Decimal when exact, hexadecimal with its mask. */
const asPort: typeof formatValue = (_field, value, mask) =>
  mask === undefined ? value.toString() : `0x${value.toString(16)}/0x${mask.toString(16)}`;

const withDigits =
  (digits: number): typeof formatValue =>
  (_field, value, mask) =>
    mask === undefined ? hexOf(value, digits) : `${hexOf(value, digits)}/${hexOf(mask, digits)}`;

const asByte: typeof formatValue = (_field, value, mask) =>
  mask === undefined ? value.toString() : `${hexOf(value, 2)}/${hexOf(mask, 2)}`;

const tosOfDscp: typeof formatValue = (_field, value) => (value << 2n).toString();

/** Flags are always written bit by bit here, an exact match being one of every bit. */
const bitByBit: typeof formatValue = (field, value, mask, options) =>
  formatValue(field, value, mask ?? field.allBits, options);

/** Protocol names by Ethernet type, then by IP protocol. */
const etherTypes = new Map<bigint, { readonly name: string; readonly protocols?: ReadonlyMap<bigint, string> }>([
  [
    0x0800n,
    {
      name: 'ip',
      protocols: new Map([
        [1n, 'icmp'],
        [6n, 'tcp'],
        [17n, 'udp'],
        [132n, 'sctp'],
      ]),
    },
  ],
  [
    0x86ddn,
    {
      name: 'ipv6',
      protocols: new Map([
        [58n, 'icmp6'],
        [6n, 'tcp6'],
        [17n, 'udp6'],
        [132n, 'sctp6'],
      ]),
    },
  ],
  [0x0806n, { name: 'arp' }],
  [0x8035n, { name: 'rarp' }],
  [0x8847n, { name: 'mpls' }],
  [0x8848n, { name: 'mplsm' }],
]);

function protocolOf(items: ReadonlyMap<OxmField, MatchField>) {
  const etherType = etherTypes.get(items.get(oxm.ethType)?.value ?? -1n);
  const protocol = etherType?.protocols?.get(items.get(oxm.ipProto)?.value ?? -1n);
  return { name: protocol ?? etherType?.name, isNamed: etherType !== undefined, hidesProtocol: protocol !== undefined };
}

/** A tag is present, or not, or partly known: one field in three notations. */
const vlan: Row = items => {
  const { value: vid = 0n, mask: vidMask = items.has(oxm.vlanVid) ? oxm.vlanVid.allBits : 0n } =
    items.get(oxm.vlanVid) ?? {};
  const pcp = items.get(oxm.vlanPcp);
  if (vidMask === 0n && pcp === undefined) return undefined;
  const number = vidMask & 0xfffn;
  if ((vid & 0x1000n) !== 0n && (number === 0xfffn || (number === 0n && pcp !== undefined))) {
    const parts = number === 0n ? [] : [`dl_vlan=${vid & 0xfffn}`];
    return [...parts, ...(pcp === undefined ? [] : [`dl_vlan_pcp=${pcp.value}`])].join(',');
  }
  const tci = vid | ((pcp?.value ?? 0n) << 13n);
  const mask = vidMask | (pcp === undefined ? 0n : 0xe000n);
  return mask === 0xffffn ? `vlan_tci=${hexOf(tci, 4)}` : `vlan_tci=${hexOf(tci, 4)}/${hexOf(mask, 4)}`;
};

const numbered = (prefix: 'reg' | 'tunMetadata', count: number): readonly Row[] =>
  Array.from({ length: count }, (_, i) => {
    const field = oxm[`${prefix}${i}` as OxmName];
    return row(field.name, field);
  });

const rows: readonly Row[] = [
  row('pkt_mark', oxm.pktMark),
  row('recirc_id', oxm.recircId, asHex),
  row('dp_hash', oxm.dpHash),
  row('conj_id', oxm.conjId),
  row('actset_output', oxm.actsetOutput),
  row('ct_state', oxm.ctState),
  row('ct_zone', oxm.ctZone, (_field, value) => value.toString()),
  row('ct_mark', oxm.ctMark),
  row('ct_label', oxm.ctLabel),
  row('ct_nw_src', oxm.ctNwSrc),
  row('ct_ipv6_src', oxm.ctIpv6Src),
  row('ct_nw_dst', oxm.ctNwDst),
  row('ct_ipv6_dst', oxm.ctIpv6Dst),
  row('ct_nw_proto', oxm.ctNwProto),
  row('ct_tp_src', oxm.ctTpSrc, asPort),
  row('ct_tp_dst', oxm.ctTpDst, asPort),
  row('packet_type', oxm.packetType),
  items => protocolOf(items).name,
  ...numbered('reg', 16),
  row('tun_id', oxm.tunnelId),
  row('tun_src', oxm.tunIpv4Src),
  row('tun_dst', oxm.tunIpv4Dst),
  row('tun_ipv6_src', oxm.tunIpv6Src),
  row('tun_ipv6_dst', oxm.tunIpv6Dst),
  row('tun_gbp_id', oxm.tunGbpId, asPort),
  row('tun_gbp_flags', oxm.tunGbpFlags, (_field, value) => hex(value)),
  row('tun_erspan_ver', oxm.tunErspanVer),
  row('tun_erspan_idx', oxm.tunErspanIdx),
  row('tun_erspan_dir', oxm.tunErspanDir),
  row('tun_erspan_hwid', oxm.tunErspanHwid),
  row('gtpu_flags', oxm.tunGtpuFlags),
  row('gtpu_msgtype', oxm.tunGtpuMsgtype),
  row('tun_flags', oxm.tunFlags, bitByBit),
  ...numbered('tunMetadata', 64),
  row('metadata', oxm.metadata),
  row('in_port', oxm.inPort),
  vlan,
  row('vlan_tci', oxm.vlanTci, withDigits(4)),
  row('dl_src', oxm.ethSrc),
  row('dl_dst', oxm.ethDst),
  (items, options) =>
    protocolOf(items).isNamed ? undefined : row('dl_type', oxm.ethType, withDigits(4))(items, options),
  row('ipv6_src', oxm.ipv6Src),
  row('ipv6_dst', oxm.ipv6Dst),
  row('ipv6_label', oxm.ipv6Label, withDigits(5)),
  row('arp_spa', oxm.arpSpa),
  row('arp_tpa', oxm.arpTpa),
  row('nsh_flags', oxm.nshFlags, asByte),
  row('nsh_ttl', oxm.nshTtl),
  row('nsh_mdtype', oxm.nshMdtype),
  row('nsh_np', oxm.nshNp),
  row('nsh_spi', oxm.nshSpi, withDigits(0)),
  row('nsh_si', oxm.nshSi),
  row('nsh_c1', oxm.nshC1, withDigits(0)),
  row('nsh_c2', oxm.nshC2, withDigits(0)),
  row('nsh_c3', oxm.nshC3, withDigits(0)),
  row('nsh_c4', oxm.nshC4, withDigits(0)),
  row('nw_src', oxm.ipv4Src),
  row('nw_dst', oxm.ipv4Dst),
  (items, options) => (protocolOf(items).hidesProtocol ? undefined : row('nw_proto', oxm.ipProto)(items, options)),
  row('arp_op', oxm.arpOp),
  row('arp_sha', oxm.arpSha),
  row('arp_tha', oxm.arpTha),
  row('nw_tos', oxm.ipDscp, tosOfDscp),
  row('nw_ecn', oxm.ipEcn),
  row('nw_ttl', oxm.ipTtl),
  row('mpls_label', oxm.mplsLabel),
  row('mpls_tc', oxm.mplsTc),
  row('mpls_ttl', oxm.mplsTtl),
  row('mpls_bos', oxm.mplsBos),
  row('nw_frag', oxm.ipFrag),
  row('icmp_type', oxm.icmpv4Type),
  row('icmp_code', oxm.icmpv4Code),
  row('icmp_type', oxm.icmpv6Type),
  row('icmp_code', oxm.icmpv6Code),
  row('nd_target', oxm.ndTarget),
  row('nd_sll', oxm.ndSll),
  row('nd_tll', oxm.ndTll),
  row('nd_reserved', oxm.ndReserved),
  row('nd_options_type', oxm.ndOptionsType),
  row('tp_src', oxm.tcpSrc, asPort),
  row('tp_dst', oxm.tcpDst, asPort),
  row('tp_src', oxm.udpSrc, asPort),
  row('tp_dst', oxm.udpDst, asPort),
  row('tp_src', oxm.sctpSrc, asPort),
  row('tp_dst', oxm.sctpDst, asPort),
  row('tcp_flags', oxm.tcpFlags),
];

/** Comma-separated conditions; empty for a match of every packet. */
export function formatMatch(match: Match, options: TextOptions = {}): string {
  const items = canonicalMatch(match);
  const byField = new Map(items.map(item => [item.field, item]));
  const unknown = items
    .filter(({ field }) => !field.known)
    .map(({ field, value, mask }) => `${field.name}=${asHex(field, value, mask, options)}`);
  return [...rows.map(print => print(byField, options)), ...unknown].filter(text => text !== undefined).join(',');
}
