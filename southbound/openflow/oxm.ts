/**
 * Match fields of OpenFlow as Open vSwitch 3.x speaks them: one table, from which codecs, text and types are derived.
 *
 * The table's order is the order in which Open vSwitch itself writes a match, so that what we send and what a switch
 * dumps are the same bytes. Source of the numbers: ovs-fields(7), nicira-ext.h, OpenFlow 1.5.1 section 7.2.3.
 */

/** OXM classes. A code point is (class, field number, experimenter when the class is EXPERIMENTER). */
export const OxmClass = {
  NXM_0: 0x0000,
  NXM_1: 0x0001,
  ERICSSON: 0x1000,
  OPENFLOW_BASIC: 0x8000,
  PACKET_REGS: 0x8001,
  EXPERIMENTER: 0xffff,
} as const;

const ONF_EXPERIMENTER = 0x4f4e4600;
const NICIRA_EXPERIMENTER = 0x00002320;
const NSH_EXPERIMENTER = 0x005ad650;

/** How ovs-ofctl writes a value of the field. */
export type OxmFormat =
  | 'decimal'
  | 'hexadecimal'
  | 'ethernet'
  | 'ipv4'
  | 'ipv6'
  | 'port16'
  | 'port'
  | 'ctState'
  | 'tcpFlags'
  | 'fragment'
  | 'tunnelFlags'
  | 'packetType';

/** What else a match must contain before this field may be matched (OFPBMC_BAD_PREREQ otherwise). */
export type Prerequisite =
  | 'none'
  | 'ethernet'
  | 'vlan'
  | 'mpls'
  | 'ipv4'
  | 'ipv6'
  | 'ip'
  | 'arp'
  | 'nsh'
  | 'tcp'
  | 'udp'
  | 'sctp'
  | 'icmpv4'
  | 'icmpv6'
  | 'nd'
  | 'ndSolicit'
  | 'ndAdvert'
  | 'conntrack';

/** One way to name a field on the wire; a field has up to three, by protocol version. */
export interface OxmCodePoint {
  readonly label: string;
  readonly class: number;
  readonly field: number;
  readonly experimenter: number | null;
  /** First protocol version (wire number, 0x04 = OpenFlow 1.3) that prefers this code point; 0 = always. */
  readonly sinceVersion: number;
}

export interface OxmField {
  /** ovs-ofctl's name in `set_field`; the name in a match may differ (`nw_src`), see text.ts. */
  readonly name: string;
  /** Significant bits, counted from the least significant. */
  readonly bits: number;
  /** Every bit that a value or a mask may have. The significant bits, but for vlan_vid (one more) and ct_state (eight). */
  readonly allBits: bigint;
  /** Bytes of the value on the wire; the largest when `variable`. */
  readonly bytes: number;
  /** The value travels without its leading zero bytes (tunnel metadata). */
  readonly variable: boolean;
  readonly format: OxmFormat;
  /** Open vSwitch writes a mask even where every bit must match. */
  readonly alwaysMasked: boolean;
  readonly maskable: boolean;
  readonly writable: boolean;
  readonly prerequisite: Prerequisite;
  /** Ascending by `sinceVersion`; the first is what Nicira extensions (learn, move) carry. Never empty. */
  readonly codePoints: readonly [OxmCodePoint, ...OxmCodePoint[]];
  /** Place in a match as Open vSwitch writes it; unknown fields come last. */
  readonly order: number;
  /** False for a field that this table does not have; its value is kept as it came. */
  readonly known: boolean;
}

/** `mask` absent means every bit must match. Value bits outside the mask must be zero. */
export interface MatchField {
  readonly field: OxmField;
  readonly value: bigint;
  readonly mask?: bigint;
}

export type Match = readonly MatchField[];

/** Some bits of a field: `offset` from the least significant bit. */
export interface Subfield {
  readonly field: OxmField;
  readonly offset: number;
  readonly bits: number;
}

interface FieldOptions {
  readonly bytes?: number;
  readonly allBits?: bigint;
  readonly variable?: boolean;
  readonly alwaysMasked?: boolean;
  readonly prerequisite?: Prerequisite;
  readonly access?: 'read-only';
  readonly mask?: 'none';
}

let nextOrder = 0;

const prefixes: readonly (readonly [string, number, number | null])[] = [
  ['NXM_OF_', OxmClass.NXM_0, null],
  ['NXM_NX_', OxmClass.NXM_1, null],
  ['ERICOXM_OF_', OxmClass.ERICSSON, null],
  ['OXM_OF_PKT_REG', OxmClass.PACKET_REGS, null],
  ['OXM_OF_', OxmClass.OPENFLOW_BASIC, null],
  ['ONFOXM_ET_', OxmClass.EXPERIMENTER, ONF_EXPERIMENTER],
  ['NXOXM_NSH_', OxmClass.EXPERIMENTER, NSH_EXPERIMENTER],
  ['NXOXM_ET_', OxmClass.EXPERIMENTER, NICIRA_EXPERIMENTER],
];

/** `NAME=number` or `NAME=number@1.5` (the first version that prefers it; OXM names otherwise since 1.2). */
function codePoint(text: string): OxmCodePoint {
  const parts = /^(?<label>\w+)=(?<field>\d+)(?:@1\.(?<minor>\d))?$/.exec(text)?.groups;
  const label = parts?.['label'] ?? '';
  const prefix = prefixes.find(([start]) => label.startsWith(start));
  if (parts === undefined || prefix === undefined) throw new Error(`bad OXM code point ${text}`);
  const isStandard = label.startsWith('OXM_') || label.startsWith('ONFOXM_');
  const minor = parts['minor'] === undefined ? 2 : Number(parts['minor']);
  return Object.freeze({
    label,
    class: prefix[1],
    field: Number(parts['field']),
    experimenter: prefix[2],
    sinceVersion: isStandard ? minor + 1 : 0,
  });
}

function field(name: string, bits: number, format: OxmFormat, codes: string, options: FieldOptions = {}): OxmField {
  const [first, ...rest] = codes
    .split(' ')
    .map(codePoint)
    .toSorted((a, b) => a.sinceVersion - b.sinceVersion);
  if (first === undefined) throw new Error(`OXM field ${name} has no code point`);
  return Object.freeze({
    name,
    bits,
    allBits: options.allBits ?? (1n << BigInt(bits)) - 1n,
    bytes: options.bytes ?? Math.ceil(bits / 8),
    variable: options.variable ?? false,
    format,
    alwaysMasked: options.alwaysMasked ?? false,
    maskable: options.mask !== 'none',
    writable: options.access !== 'read-only',
    prerequisite: options.prerequisite ?? 'none',
    codePoints: [first, ...rest] as const,
    order: nextOrder++,
    known: true,
  });
}

type Numbered<Prefix extends string, Numbers extends number> = { readonly [K in `${Prefix}${Numbers}`]: OxmField };

/** A run of like fields, `make` called with 0, 1, 2, ... `count - 1`. */
function numbered<Prefix extends string, Numbers extends number>(
  prefix: Prefix,
  count: number,
  make: (index: number) => OxmField,
): Numbered<Prefix, Numbers> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, make(i)])) as Numbered<
    Prefix,
    Numbers
  >;
}

type Below8 = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
type Below16 = Below8 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15;
type Below64 =
  | Below16
  | (16 | 17 | 18 | 19 | 20 | 21 | 22 | 23 | 24 | 25 | 26 | 27 | 28 | 29 | 30 | 31)
  | (32 | 33 | 34 | 35 | 36 | 37 | 38 | 39 | 40 | 41 | 42 | 43 | 44 | 45 | 46 | 47)
  | (48 | 49 | 50 | 51 | 52 | 53 | 54 | 55 | 56 | 57 | 58 | 59 | 60 | 61 | 62 | 63);

const exact = { mask: 'none' } as const;
const readOnly = { access: 'read-only' } as const;

/** Every field, by our name for it. */
export const oxm = Object.freeze({
  packetType: field('packet_type', 32, 'packetType', 'OXM_OF_PACKET_TYPE=44@1.5', { ...exact, ...readOnly }),
  dpHash: field('dp_hash', 32, 'hexadecimal', 'NXM_NX_DP_HASH=35', readOnly),
  recircId: field('recirc_id', 32, 'decimal', 'NXM_NX_RECIRC_ID=36', { ...exact, ...readOnly }),
  conjId: field('conj_id', 32, 'decimal', 'NXM_NX_CONJ_ID=37', { ...exact, ...readOnly }),
  inPort: field('in_port_oxm', 32, 'port', 'OXM_OF_IN_PORT=0', exact),
  /** The 16-bit form, which Nicira actions (load, move) accept where a port number is expected. */
  inPort16: field('in_port', 16, 'port16', 'NXM_OF_IN_PORT=0', exact),
  actsetOutput: field('actset_output', 32, 'port', 'ONFOXM_ET_ACTSET_OUTPUT=43@1.3 OXM_OF_ACTSET_OUTPUT=43@1.5', {
    ...exact,
    ...readOnly,
  }),

  ethSrc: field('eth_src', 48, 'ethernet', 'NXM_OF_ETH_SRC=2 OXM_OF_ETH_SRC=4', { prerequisite: 'ethernet' }),
  ethDst: field('eth_dst', 48, 'ethernet', 'NXM_OF_ETH_DST=1 OXM_OF_ETH_DST=3', { prerequisite: 'ethernet' }),
  ethType: field('eth_type', 16, 'hexadecimal', 'NXM_OF_ETH_TYPE=3 OXM_OF_ETH_TYPE=5', {
    ...exact,
    ...readOnly,
    prerequisite: 'ethernet',
  }),
  /** Bit 12 (0x1000) says that a tag is present, as in OpenFlow. */
  vlanVid: field('vlan_vid', 12, 'decimal', 'OXM_OF_VLAN_VID=6', {
    bytes: 2,
    allBits: 0x1fffn,
    prerequisite: 'ethernet',
  }),
  vlanPcp: field('vlan_pcp', 3, 'decimal', 'OXM_OF_VLAN_PCP=7', { ...exact, prerequisite: 'vlan' }),
  vlanTci: field('vlan_tci', 16, 'hexadecimal', 'NXM_OF_VLAN_TCI=4', { prerequisite: 'ethernet' }),
  mplsTc: field('mpls_tc', 3, 'decimal', 'OXM_OF_MPLS_TC=35', { ...exact, prerequisite: 'mpls' }),
  mplsBos: field('mpls_bos', 1, 'decimal', 'OXM_OF_MPLS_BOS=36@1.3', { ...exact, ...readOnly, prerequisite: 'mpls' }),
  mplsTtl: field('mpls_ttl', 8, 'decimal', 'NXM_NX_MPLS_TTL=30', { ...exact, prerequisite: 'mpls' }),
  mplsLabel: field('mpls_label', 20, 'decimal', 'OXM_OF_MPLS_LABEL=34', { ...exact, bytes: 4, prerequisite: 'mpls' }),

  ipv4Src: field('ip_src', 32, 'ipv4', 'NXM_OF_IP_SRC=7 OXM_OF_IPV4_SRC=11', { prerequisite: 'ipv4' }),
  ipv4Dst: field('ip_dst', 32, 'ipv4', 'NXM_OF_IP_DST=8 OXM_OF_IPV4_DST=12', { prerequisite: 'ipv4' }),
  ipv6Src: field('ipv6_src', 128, 'ipv6', 'NXM_NX_IPV6_SRC=19 OXM_OF_IPV6_SRC=26', { prerequisite: 'ipv6' }),
  ipv6Dst: field('ipv6_dst', 128, 'ipv6', 'NXM_NX_IPV6_DST=20 OXM_OF_IPV6_DST=27', { prerequisite: 'ipv6' }),
  ipFrag: field('ip_frag', 2, 'fragment', 'NXM_NX_IP_FRAG=26', { ...readOnly, prerequisite: 'ip' }),
  /** DSCP in the low six bits, as OpenFlow has it. */
  ipDscp: field('ip_dscp', 6, 'decimal', 'OXM_OF_IP_DSCP=8', { ...exact, prerequisite: 'ip' }),
  /** The whole TOS byte with the ECN bits zero: DSCP in the high six bits. */
  ipTos: field('nw_tos', 8, 'decimal', 'NXM_OF_IP_TOS=5', { ...exact, prerequisite: 'ip' }),
  ipEcn: field('nw_ecn', 2, 'decimal', 'NXM_NX_IP_ECN=28 OXM_OF_IP_ECN=9', { ...exact, prerequisite: 'ip' }),
  ipTtl: field('nw_ttl', 8, 'decimal', 'NXM_NX_IP_TTL=29', { ...exact, prerequisite: 'ip' }),
  ipv6Label: field('ipv6_label', 20, 'hexadecimal', 'NXM_NX_IPV6_LABEL=27 OXM_OF_IPV6_FLABEL=28', {
    bytes: 4,
    prerequisite: 'ipv6',
  }),
  ipProto: field('nw_proto', 8, 'decimal', 'NXM_OF_IP_PROTO=6 OXM_OF_IP_PROTO=10', {
    ...exact,
    ...readOnly,
    prerequisite: 'ip',
  }),
  tcpSrc: field('tcp_src', 16, 'decimal', 'NXM_OF_TCP_SRC=9 OXM_OF_TCP_SRC=13', { prerequisite: 'tcp' }),
  tcpDst: field('tcp_dst', 16, 'decimal', 'NXM_OF_TCP_DST=10 OXM_OF_TCP_DST=14', { prerequisite: 'tcp' }),
  tcpFlags: field(
    'tcp_flags',
    12,
    'tcpFlags',
    'NXM_NX_TCP_FLAGS=34 ONFOXM_ET_TCP_FLAGS=42@1.3 OXM_OF_TCP_FLAGS=42@1.5',
    { ...readOnly, prerequisite: 'tcp' },
  ),
  udpSrc: field('udp_src', 16, 'decimal', 'NXM_OF_UDP_SRC=11 OXM_OF_UDP_SRC=15', { prerequisite: 'udp' }),
  udpDst: field('udp_dst', 16, 'decimal', 'NXM_OF_UDP_DST=12 OXM_OF_UDP_DST=16', { prerequisite: 'udp' }),
  sctpSrc: field('sctp_src', 16, 'decimal', 'OXM_OF_SCTP_SRC=17', { prerequisite: 'sctp' }),
  sctpDst: field('sctp_dst', 16, 'decimal', 'OXM_OF_SCTP_DST=18', { prerequisite: 'sctp' }),
  icmpv4Type: field('icmp_type', 8, 'decimal', 'NXM_OF_ICMP_TYPE=13 OXM_OF_ICMPV4_TYPE=19', {
    ...exact,
    prerequisite: 'icmpv4',
  }),
  icmpv4Code: field('icmp_code', 8, 'decimal', 'NXM_OF_ICMP_CODE=14 OXM_OF_ICMPV4_CODE=20', {
    ...exact,
    prerequisite: 'icmpv4',
  }),
  icmpv6Type: field('icmpv6_type', 8, 'decimal', 'NXM_NX_ICMPV6_TYPE=21 OXM_OF_ICMPV6_TYPE=29', {
    ...exact,
    prerequisite: 'icmpv6',
  }),
  icmpv6Code: field('icmpv6_code', 8, 'decimal', 'NXM_NX_ICMPV6_CODE=22 OXM_OF_ICMPV6_CODE=30', {
    ...exact,
    prerequisite: 'icmpv6',
  }),
  ndReserved: field('nd_reserved', 32, 'decimal', 'ERICOXM_OF_ICMPV6_ND_RESERVED=1', { ...exact, prerequisite: 'nd' }),
  ndTarget: field('nd_target', 128, 'ipv6', 'NXM_NX_ND_TARGET=23 OXM_OF_IPV6_ND_TARGET=31', { prerequisite: 'nd' }),
  ndOptionsType: field('nd_options_type', 8, 'decimal', 'ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE=2', {
    ...exact,
    prerequisite: 'nd',
  }),
  ndSll: field('nd_sll', 48, 'ethernet', 'NXM_NX_ND_SLL=24 OXM_OF_IPV6_ND_SLL=32', { prerequisite: 'ndSolicit' }),
  ndTll: field('nd_tll', 48, 'ethernet', 'NXM_NX_ND_TLL=25 OXM_OF_IPV6_ND_TLL=33', { prerequisite: 'ndAdvert' }),
  arpOp: field('arp_op', 16, 'decimal', 'NXM_OF_ARP_OP=15 OXM_OF_ARP_OP=21', { ...exact, prerequisite: 'arp' }),
  arpSpa: field('arp_spa', 32, 'ipv4', 'NXM_OF_ARP_SPA=16 OXM_OF_ARP_SPA=22', { prerequisite: 'arp' }),
  arpTpa: field('arp_tpa', 32, 'ipv4', 'NXM_OF_ARP_TPA=17 OXM_OF_ARP_TPA=23', { prerequisite: 'arp' }),
  arpSha: field('arp_sha', 48, 'ethernet', 'NXM_NX_ARP_SHA=17 OXM_OF_ARP_SHA=24', { prerequisite: 'arp' }),
  arpTha: field('arp_tha', 48, 'ethernet', 'NXM_NX_ARP_THA=18 OXM_OF_ARP_THA=25', { prerequisite: 'arp' }),

  tunnelId: field('tun_id', 64, 'hexadecimal', 'NXM_NX_TUN_ID=16 OXM_OF_TUNNEL_ID=38@1.3'),
  tunFlags: field('tun_flags', 1, 'tunnelFlags', 'NXM_NX_TUN_FLAGS=104', { bytes: 2, alwaysMasked: true }),
  tunIpv4Src: field('tun_src', 32, 'ipv4', 'NXM_NX_TUN_IPV4_SRC=31'),
  tunIpv4Dst: field('tun_dst', 32, 'ipv4', 'NXM_NX_TUN_IPV4_DST=32'),
  tunIpv6Src: field('tun_ipv6_src', 128, 'ipv6', 'NXM_NX_TUN_IPV6_SRC=109'),
  tunIpv6Dst: field('tun_ipv6_dst', 128, 'ipv6', 'NXM_NX_TUN_IPV6_DST=110'),
  tunGbpId: field('tun_gbp_id', 16, 'decimal', 'NXM_NX_TUN_GBP_ID=38'),
  tunGbpFlags: field('tun_gbp_flags', 8, 'hexadecimal', 'NXM_NX_TUN_GBP_FLAGS=39'),
  ...numbered<'tunMetadata', Below64>('tunMetadata', 64, i =>
    field(`tun_metadata${i}`, 992, 'hexadecimal', `NXM_NX_TUN_METADATA${i}=${40 + i}`, { variable: true }),
  ),
  tunErspanIdx: field('tun_erspan_idx', 20, 'hexadecimal', 'NXOXM_ET_ERSPAN_IDX=11', { bytes: 4 }),
  tunErspanVer: field('tun_erspan_ver', 4, 'decimal', 'NXOXM_ET_ERSPAN_VER=12'),
  tunErspanDir: field('tun_erspan_dir', 1, 'decimal', 'NXOXM_ET_ERSPAN_DIR=13'),
  tunErspanHwid: field('tun_erspan_hwid', 6, 'hexadecimal', 'NXOXM_ET_ERSPAN_HWID=14'),
  tunGtpuFlags: field('tun_gtpu_flags', 8, 'hexadecimal', 'NXOXM_ET_GTPU_FLAGS=15', readOnly),
  tunGtpuMsgtype: field('tun_gtpu_msgtype', 8, 'decimal', 'NXOXM_ET_GTPU_MSGTYPE=16', readOnly),

  nshFlags: field('nsh_flags', 8, 'decimal', 'NXOXM_NSH_FLAGS=1', { prerequisite: 'nsh' }),
  nshTtl: field('nsh_ttl', 8, 'decimal', 'NXOXM_NSH_TTL=10', { ...exact, prerequisite: 'nsh' }),
  nshMdtype: field('nsh_mdtype', 8, 'decimal', 'NXOXM_NSH_MDTYPE=2', { ...exact, ...readOnly, prerequisite: 'nsh' }),
  nshNp: field('nsh_np', 8, 'decimal', 'NXOXM_NSH_NP=3', { ...exact, ...readOnly, prerequisite: 'nsh' }),
  nshSpi: field('nsh_spi', 24, 'hexadecimal', 'NXOXM_NSH_SPI=4', { ...exact, bytes: 4, prerequisite: 'nsh' }),
  nshSi: field('nsh_si', 8, 'decimal', 'NXOXM_NSH_SI=5', { ...exact, prerequisite: 'nsh' }),
  nshC1: field('nsh_c1', 32, 'hexadecimal', 'NXOXM_NSH_C1=6', { prerequisite: 'nsh' }),
  nshC2: field('nsh_c2', 32, 'hexadecimal', 'NXOXM_NSH_C2=7', { prerequisite: 'nsh' }),
  nshC3: field('nsh_c3', 32, 'hexadecimal', 'NXOXM_NSH_C3=8', { prerequisite: 'nsh' }),
  nshC4: field('nsh_c4', 32, 'hexadecimal', 'NXOXM_NSH_C4=9', { prerequisite: 'nsh' }),

  ...numbered<'reg', Below16>('reg', 16, i => field(`reg${i}`, 32, 'hexadecimal', `NXM_NX_REG${i}=${i}`)),
  /** Two registers as one: xreg0 is reg0 (high half) and reg1. */
  ...numbered<'xreg', Below8>('xreg', 8, i => field(`xreg${i}`, 64, 'hexadecimal', `OXM_OF_PKT_REG${i}=${i}@1.3`)),
  /** Four registers as one: xxreg0 is reg0 (highest quarter) to reg3. */
  ...numbered<'xxreg', 0 | 1 | 2 | 3>('xxreg', 4, i =>
    field(`xxreg${i}`, 128, 'hexadecimal', `NXM_NX_XXREG${i}=${111 + i}`),
  ),
  pktMark: field('pkt_mark', 32, 'hexadecimal', 'NXM_NX_PKT_MARK=33'),
  ctState: field('ct_state', 32, 'ctState', 'NXM_NX_CT_STATE=105', { ...readOnly, allBits: 0xffn, alwaysMasked: true }),
  ctZone: field('ct_zone', 16, 'hexadecimal', 'NXM_NX_CT_ZONE=106', { ...exact, ...readOnly }),
  ctMark: field('ct_mark', 32, 'hexadecimal', 'NXM_NX_CT_MARK=107'),
  ctLabel: field('ct_label', 128, 'hexadecimal', 'NXM_NX_CT_LABEL=108'),
  ctNwSrc: field('ct_nw_src', 32, 'ipv4', 'NXM_NX_CT_NW_SRC=120', { ...readOnly, prerequisite: 'conntrack' }),
  ctIpv6Src: field('ct_ipv6_src', 128, 'ipv6', 'NXM_NX_CT_IPV6_SRC=122', { ...readOnly, prerequisite: 'conntrack' }),
  ctNwDst: field('ct_nw_dst', 32, 'ipv4', 'NXM_NX_CT_NW_DST=121', { ...readOnly, prerequisite: 'conntrack' }),
  ctIpv6Dst: field('ct_ipv6_dst', 128, 'ipv6', 'NXM_NX_CT_IPV6_DST=123', { ...readOnly, prerequisite: 'conntrack' }),
  ctNwProto: field('ct_nw_proto', 8, 'decimal', 'NXM_NX_CT_NW_PROTO=119', {
    ...exact,
    ...readOnly,
    prerequisite: 'conntrack',
  }),
  ctTpSrc: field('ct_tp_src', 16, 'decimal', 'NXM_NX_CT_TP_SRC=124', { ...readOnly, prerequisite: 'conntrack' }),
  ctTpDst: field('ct_tp_dst', 16, 'decimal', 'NXM_NX_CT_TP_DST=125', { ...readOnly, prerequisite: 'conntrack' }),
  metadata: field('metadata', 64, 'hexadecimal', 'OXM_OF_METADATA=2'),
});

/** Our name of a field: `keyof typeof oxm`. */
export type OxmName = keyof typeof oxm;

/** Every field in the order of the table. */
export const oxmFields: readonly OxmField[] = Object.freeze(Object.values(oxm));

function codePointKey(oxmClass: number, number: number, experimenter: number | null): number {
  return (experimenter ?? oxmClass) * 0x100 + number * 2 + (experimenter === null ? 0 : 1);
}

const fieldsByCodePoint: ReadonlyMap<number, OxmField> = new Map(
  oxmFields.flatMap(f => f.codePoints.map(c => [codePointKey(c.class, c.field, c.experimenter), f] as const)),
);

/** The field with this code point, or undefined when the table does not have it. */
export function fieldByCodePoint(oxmClass: number, number: number, experimenter: number | null): OxmField | undefined {
  return fieldsByCodePoint.get(codePointKey(oxmClass, number, experimenter));
}

/** A field that we do not know, able to carry its value through unchanged. `bytes` is the width of its value. */
export function unknownField(oxmClass: number, number: number, experimenter: number | null, bytes: number): OxmField {
  const name = `oxm_${[oxmClass, number, ...(experimenter === null ? [] : [experimenter])].map(n => n.toString(16)).join('_')}`;
  return Object.freeze({
    name,
    bits: bytes * 8,
    allBits: (1n << BigInt(bytes * 8)) - 1n,
    bytes,
    variable: false,
    format: 'hexadecimal',
    alwaysMasked: false,
    maskable: true,
    writable: false,
    prerequisite: 'none',
    codePoints: [{ label: name, class: oxmClass, field: number, experimenter, sinceVersion: 0 }] as const,
    order: Number.MAX_SAFE_INTEGER,
    known: false,
  });
}

/** The code point that Open vSwitch uses for the field at a protocol version (wire number; 0 = the Nicira name). */
export function preferredCodePoint({ codePoints }: OxmField, version: number): OxmCodePoint {
  let preferred = codePoints[0];
  for (const code of codePoints) if (code.sinceVersion <= version) preferred = code;
  return preferred;
}
