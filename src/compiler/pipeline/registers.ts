/**
 * The fields that stages read and write. A register is declared here with its width, and the generation in which it came: where its
 * bits lie is derived below, first fit, generation by generation, widest first, and shown in docs/pipeline.md. Every register has bits
 * of its own, so a stage never sees what another one left in them, but for those that say whose they share; all are zero when a packet
 * enters a hypervisor.
 *
 * A register that is there keeps its place: where one moves, nearly all flows of every hypervisor change, in more bundles than one, and
 * in between stages read what others wrote elsewhere. So what is added comes in a generation of its own (test/compiler/pipeline).
 */
import { type OxmField, oxm, type Subfield } from '../../../southbound/openflow/oxm.js';

interface RegisterDeclaration {
  readonly bits: number;
  /** Generation: 1 when absent. It takes what those before it have left. */
  readonly since?: number;
  /** Its bits are those of another, as wide and written before it is read: nobody needs what either leaves there. */
  readonly shares?: string;
  readonly purpose: string;
}

const declarations = {
  origin: {
    bits: 32,
    purpose:
      'number of the logical switch port where the packet entered this hypervisor; 0: a tunnel or a physical network',
  },
  inPort: { bits: 16, purpose: 'key of the port by which the packet came into the datapath' },
  outPort: { bits: 16, purpose: 'key of the port by which it leaves; 0: not known yet' },
  inHost: { bits: 16, purpose: 'key of the hypervisor that sent it through a tunnel' },
  outHost: { bits: 16, purpose: 'key of the hypervisor where outPort is bound; 0: nowhere' },
  mac: { bits: 48, purpose: 'argument and result of the lookups: the MAC that is claimed, resolved or looked up' },
  address4: { bits: 32, purpose: 'argument of the lookups: the IPv4 address that is claimed or to be resolved' },
  address6: { bits: 128, purpose: 'argument of the lookups: the IPv6 address that is claimed or to be resolved' },
  claim: { bits: 2, purpose: 'what the packet claims: 0 a MAC only, 1 an IPv4 address too, 2 an IPv6 address too' },
  euiSubnet: { bits: 32, purpose: 'number of the /64 subnet in which the owner of mac has its EUI-64 address' },
  secured: { bits: 1, purpose: 'the port where it entered has port security' },
  learns: { bits: 1, purpose: 'source MACs are learned at the port where it entered' },
  permitted: { bits: 1, purpose: 'the claims are those of the port' },
  sourcePermitted: { bits: 1, purpose: 'the first of the two claims of a neighbour advertisement holds' },
  ownsAddress: { bits: 1, purpose: 'the address looked up belongs to the very port that asks' },
  resolved: { bits: 1, purpose: 'mac is the owner of the address looked up' },
  targetIsRouter: { bits: 1, purpose: 'the owner is a router port' },
  advertisement: { bits: 2, purpose: 'the answer to a solicitation: 1 with the MAC, 2 without, 3 to all nodes' },
  fromUnderlay: {
    bits: 1,
    purpose: 'came through a tunnel or from a physical network, so never goes back into either',
  },
  flood: { bits: 2, purpose: 'one of several copies: 1 to everybody, 2 to those who may have an unknown MAC' },
  ctZone: { bits: 16, purpose: 'conntrack zone of the port whose security groups are asked' },
  guarded: { bits: 1, purpose: 'the port where it entered has security groups' },
  tracks: { bits: 1, purpose: 'some rule of that port is about connections' },
  stateless: { bits: 1, purpose: 'some rule of that port judges packets one by one' },
  ruleKind: { bits: 2, purpose: 'which rules are asked: 0 egress, 1 ingress; 2 and 3 the same, stateless' },
  isolates: { bits: 2, purpose: 'directions in which that port is denied what no rule allows: 1 ingress, 2 egress' },
  aclGroup: { bits: 29, purpose: 'number of the security group that is asked' },
  aclRemote: { bits: 29, purpose: 'number of the set or group that has the other side; 0: rules that name none' },
  aclRule: { bits: 29, purpose: 'number of the rule that decides, as far as is known; 0: none' },
  verdict: { bits: 2, purpose: 'what the rule says: 1 allow, 2 drop, 3 reject; 0: there is none' },
  underlayPort: {
    bits: 16,
    purpose: 'ofport of the tunnel that the receiver understands, or of the way to a physical network',
  },
  tooBig: { bits: 1, purpose: 'does not fit the path MTU' },
  dropReason: { bits: 8, purpose: 'why the packet is dropped' },
  puntClass: { bits: 5, since: 2, purpose: 'what Weft is asked to do about the packet' },
  puntLane: { bits: 6, since: 2, purpose: 'which of the meters for packets to Weft it counts for' },
  balanced: { bits: 1, since: 3, purpose: 'load balancers are asked about what the port sends' },
  balancerQuestion: {
    bits: 2,
    since: 3,
    purpose: 'what they are asked: 0 address, 1 port, 2 whether it may be an answer',
  },
  balancer: { bits: 29, shares: 'aclRemote', purpose: 'number of the load balancer that was found; 1: some; 0: none' },
} as const satisfies Record<string, RegisterDeclaration>;

export type RegisterName = keyof typeof declarations | 'datapath';

/** The packet's own fields that the pipeline knows, by our name. */
export const packetFields = {
  physicalPort: oxm.inPort,
  /** The same, in the width in which it can be set. */
  physicalPort16: oxm.inPort16,
  tunnelId: oxm.tunnelId,
  tunnelSource4: oxm.tunIpv4Src,
  tunnelSource6: oxm.tunIpv6Src,
  tunnelDestination4: oxm.tunIpv4Dst,
  tunnelDestination6: oxm.tunIpv6Dst,
  ethSrc: oxm.ethSrc,
  ethDst: oxm.ethDst,
  ethType: oxm.ethType,
  vlanVid: oxm.vlanVid,
  ipv4Src: oxm.ipv4Src,
  ipv4Dst: oxm.ipv4Dst,
  ipv6Src: oxm.ipv6Src,
  ipv6Dst: oxm.ipv6Dst,
  ipProto: oxm.ipProto,
  ipFrag: oxm.ipFrag,
  ipTtl: oxm.ipTtl,
  ipDscp: oxm.ipDscp,
  tcpSrc: oxm.tcpSrc,
  tcpDst: oxm.tcpDst,
  udpSrc: oxm.udpSrc,
  udpDst: oxm.udpDst,
  sctpSrc: oxm.sctpSrc,
  sctpDst: oxm.sctpDst,
  icmpv4Type: oxm.icmpv4Type,
  icmpv4Code: oxm.icmpv4Code,
  icmpv6Type: oxm.icmpv6Type,
  icmpv6Code: oxm.icmpv6Code,
  ndTarget: oxm.ndTarget,
  ndReserved: oxm.ndReserved,
  ndOptionsType: oxm.ndOptionsType,
  ndSll: oxm.ndSll,
  ndTll: oxm.ndTll,
  arpOp: oxm.arpOp,
  arpSpa: oxm.arpSpa,
  arpTpa: oxm.arpTpa,
  arpSha: oxm.arpSha,
  arpTha: oxm.arpTha,
  ctState: oxm.ctState,
  ctMark: oxm.ctMark,
  /** What the Linux kernel calls the mark of a packet; no tunnel carries it. */
  packetMark: oxm.pktMark,
  /** Of the first packet of the connection, whichever way this one goes; of ICMP, ports are type and code. */
  ctIpv4Src: oxm.ctNwSrc,
  ctIpv4Dst: oxm.ctNwDst,
  ctIpv6Src: oxm.ctIpv6Src,
  ctIpv6Dst: oxm.ctIpv6Dst,
  ctProto: oxm.ctNwProto,
  ctPortSrc: oxm.ctTpSrc,
  ctPortDst: oxm.ctTpDst,
} as const satisfies Record<string, OxmField>;

export type PacketFieldName = keyof typeof packetFields;
export type FieldName = RegisterName | PacketFieldName;

/** Where a register lies: bits of reg0..15, of a pair (xreg0..7) or of a quarter of all (xxreg0..3). */
export interface Register extends RegisterDeclaration {
  readonly name: RegisterName;
  readonly place: Subfield;
}

const wordBits = 32;
const wordCount = 16;

function containerBits(bits: number): 32 | 64 | 128 {
  if (bits <= 32) return 32;
  return bits <= 64 ? 64 : 128;
}

const containers = {
  32: Array.from({ length: 16 }, (_, i) => oxm[`reg${i}` as keyof typeof oxm]),
  64: Array.from({ length: 8 }, (_, i) => oxm[`xreg${i}` as keyof typeof oxm]),
  128: Array.from({ length: 4 }, (_, i) => oxm[`xxreg${i}` as keyof typeof oxm]),
} as const satisfies Record<number, readonly OxmField[]>;

/** Bits of a container from the least significant one, as bits of the register file (reg0's highest bit first). */
function fileBits(container: number, index: number, offset: number, bits: number): readonly number[] {
  const end = (index + 1) * container - offset;
  return Array.from({ length: bits }, (_, i) => end - 1 - i);
}

/**
 * Gives every declared register its bits. Oldest generation first, then widest, then in the order of declaration, each at the first
 * place where it lies within one container of its size. Throws when the 512 bits do not suffice.
 */
export function placeRegisters(declared: Readonly<Record<string, RegisterDeclaration>>): ReadonlyMap<string, Subfield> {
  const taken = new Set<number>();
  const places = new Map<string, Subfield>();
  const own = Object.entries(declared).filter(([, { shares }]) => shares === undefined);
  const inTurn = own.toSorted(([, a], [, b]) => (a.since ?? 1) - (b.since ?? 1) || b.bits - a.bits);
  for (const [name, { bits }] of inTurn) {
    const place = findPlace(bits, taken);
    if (place === null) throw new Error(`no ${bits} bits left for register ${name}`);
    for (const bit of place.file) taken.add(bit);
    places.set(name, place.subfield);
  }
  for (const [name, { shares, bits }] of Object.entries(declared)) {
    if (shares === undefined) continue;
    const place = places.get(shares);
    if (place === undefined || place.bits !== bits)
      throw new Error(`register ${name} cannot share the bits of ${shares}`);
    places.set(name, place);
  }
  return places;
}

function findPlace(
  bits: number,
  taken: ReadonlySet<number>,
): { readonly subfield: Subfield; readonly file: readonly number[] } | null {
  const container = containerBits(bits);
  for (const [index, field] of containers[container].entries()) {
    for (let offset = 0; offset + bits <= container; offset += 1) {
      const file = fileBits(container, index, offset, bits);
      if (!file.some(bit => taken.has(bit))) return { subfield: { field, offset, bits }, file };
    }
  }
  return null;
}

const datapath: Register = {
  name: 'datapath',
  bits: 64,
  purpose: 'key of the logical switch or router that the packet is in',
  place: { field: oxm.metadata, offset: 0, bits: 64 },
};

const placed = placeRegisters(declarations);

/** Every register with its place, in the order of declaration. */
export const registers: ReadonlyMap<FieldName, Register> = new Map<FieldName, Register>([
  [datapath.name, datapath],
  ...(Object.keys(declarations) as (keyof typeof declarations)[]).map((name): [FieldName, Register] => {
    const place = placed.get(name);
    if (place === undefined) throw new Error(`register ${name} has no place`);
    return [name, { name, ...declarations[name], place }];
  }),
]);

/** How many of the 512 register bits are in use. */
export const registerBitsUsed = Object.values<RegisterDeclaration>(declarations).reduce(
  (sum, { bits, shares }) => (shares === undefined ? sum + bits : sum),
  0,
);
export const registerBitsTotal = wordBits * wordCount;

export function isPacketField(name: FieldName): name is PacketFieldName {
  return name in packetFields;
}

/** A field of the pipeline as bits of an OXM field: `ones` before and `mask` after they are shifted by `shift`. */
export interface PlacedBits {
  readonly field: OxmField;
  readonly shift: bigint;
  readonly ones: bigint;
  readonly mask: bigint;
}

const placedBits = new Map<FieldName, PlacedBits>();

/** As `placeOf`, ready for arithmetic. */
export function bitsOf(name: FieldName): PlacedBits {
  let bits = placedBits.get(name);
  if (bits === undefined) {
    const place = placeOf(name);
    const shift = BigInt(place.offset);
    const ones = (1n << BigInt(place.bits)) - 1n;
    placedBits.set(name, (bits = { field: place.field, shift, ones, mask: ones << shift }));
  }
  return bits;
}

/** The bits that a field of the pipeline stands for, as actions name them. */
export function placeOf(name: FieldName): Subfield {
  if (isPacketField(name)) {
    const field: OxmField = packetFields[name];
    return { field, offset: 0, bits: field.bits };
  }
  const register = registers.get(name);
  if (register === undefined) throw new Error(`the pipeline has no field ${name}`);
  return register.place;
}
