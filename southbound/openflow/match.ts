/**
 * The normal form of a match, so that equal matches are equal data, equal text and equal bytes.
 *
 * Open vSwitch keeps one set of bits, not the fields that were sent: it shows reg0 of one side as half of xreg0 on the
 * other, ip_dscp as nw_tos, and adds an Ethernet packet_type where no other field says so. The normal form has 32-bit
 * registers, ip_dscp, vlan_vid and vlan_pcp, the 32-bit in_port and no Ethernet packet_type; its order is that of oxm.ts.
 */
import type { Match, MatchField, OxmField } from './oxm.js';
import { oxm, oxmFields } from './oxm.js';

/**
 * Open vSwitch's own numbering of fields, which orders its sets of fields (what a select group hashes). Fields
 * that nobody hashes are not here and come last.
 */
const fieldNumbering: readonly OxmField[] = [
  [oxm.dpHash, oxm.recircId, oxm.packetType, oxm.conjId],
  [oxm.tunnelId, oxm.tunIpv4Src, oxm.tunIpv4Dst, oxm.tunIpv6Src, oxm.tunIpv6Dst, oxm.tunFlags],
  [oxm.tunGbpId, oxm.tunGbpFlags, oxm.metadata, oxm.inPort16, oxm.inPort, oxm.actsetOutput, oxm.pktMark],
  [oxm.ctState, oxm.ctZone, oxm.ctMark, oxm.ctLabel, oxm.ctNwProto, oxm.ctNwSrc, oxm.ctNwDst],
  [oxm.ctIpv6Src, oxm.ctIpv6Dst, oxm.ctTpSrc, oxm.ctTpDst],
  oxmFields.filter(field => /^x*reg\d/.test(field.name)),
  [oxm.ethSrc, oxm.ethDst, oxm.ethType, oxm.vlanTci, oxm.vlanVid, oxm.vlanPcp],
  [oxm.mplsLabel, oxm.mplsTc, oxm.mplsBos, oxm.mplsTtl],
  [oxm.ipv4Src, oxm.ipv4Dst, oxm.ipv6Src, oxm.ipv6Dst, oxm.ipv6Label],
  [oxm.ipProto, oxm.ipTos, oxm.ipDscp, oxm.ipEcn, oxm.ipTtl, oxm.ipFrag],
  [oxm.arpOp, oxm.arpSpa, oxm.arpTpa, oxm.arpSha, oxm.arpTha],
  [oxm.tcpSrc, oxm.tcpDst, oxm.tcpFlags, oxm.udpSrc, oxm.udpDst, oxm.sctpSrc, oxm.sctpDst],
  [oxm.icmpv4Type, oxm.icmpv4Code, oxm.icmpv6Type, oxm.icmpv6Code],
  [oxm.ndTarget, oxm.ndSll, oxm.ndTll, oxm.ndReserved, oxm.ndOptionsType],
].flat();
const numberOf: ReadonlyMap<OxmField, number> = new Map(fieldNumbering.map((field, number) => [field, number]));

/** A set of fields in the order in which Open vSwitch writes it; the values are masks of what counts. */
export function canonicalFieldSet(fields: Match): Match {
  const place = ({ field }: MatchField) => numberOf.get(field) ?? fieldNumbering.length + field.order;
  return fields.toSorted((a, b) => place(a) - place(b));
}

/** A match that no packet can fulfil, or that is not well formed. Thrown to whoever built it. */
export class MatchError extends Error {
  readonly field: OxmField;

  constructor(field: OxmField, detail: string) {
    super(`${field.name}: ${detail}`);
    this.name = 'MatchError';
    this.field = field;
  }
}

/** `field` equal to `value`, in the bits of `mask` if there is one. */
export function matchField(field: OxmField, value: bigint, mask?: bigint): MatchField {
  return mask === undefined || mask === field.allBits
    ? Object.freeze({ field, value })
    : Object.freeze({ field, value, mask });
}

const registers = oxmFields.filter(field => /^reg\d+$/.test(field.name));

/** How a wide register is made of 32-bit ones, most significant first. */
const registerParts: ReadonlyMap<OxmField, readonly OxmField[]> = new Map(
  oxmFields.flatMap(field => {
    const parts = /^(?<wide>x+)reg(?<index>\d+)$/.exec(field.name)?.groups;
    if (parts === undefined) return [];
    const width = 2 ** (parts['wide'] ?? '').length;
    const first = Number(parts['index']) * width;
    return [[field, registers.slice(first, first + width)] as const];
  }),
);

/** The 64-bit register that a 32-bit one is half of. */
const pairOf: ReadonlyMap<OxmField, { readonly field: OxmField; readonly isHigh: boolean }> = new Map(
  [...registerParts].flatMap(([field, parts]) =>
    parts.length === 2 ? parts.map((part, index) => [part, { field, isHigh: index === 0 }] as const) : [],
  ),
);

function splitRegister(item: MatchField, parts: readonly OxmField[]): readonly MatchField[] {
  const { value, mask = item.field.allBits } = item;
  return parts.map((field, index) => {
    const shift = BigInt(32 * (parts.length - 1 - index));
    return matchField(field, (value >> shift) & field.allBits, (mask >> shift) & field.allBits);
  });
}

function splitVlanTci(item: MatchField): readonly MatchField[] {
  const { value, mask = item.field.allBits } = item;
  const pcpMask = mask >> 13n;
  if (pcpMask !== 0n && pcpMask !== 7n) return [item];
  const pcp = pcpMask === 0n ? [] : [matchField(oxm.vlanPcp, value >> 13n)];
  return [matchField(oxm.vlanVid, value & 0x1fffn, mask & 0x1fffn), ...pcp];
}

/** 0xfff8 and above are the reserved ports, which are 32 bits wide in OpenFlow 1.1 and later. */
function widenPort(port: bigint): bigint {
  return port >= 0xfff8n ? port + 0xffff_0000n : port;
}

function rewrite(item: MatchField): readonly MatchField[] {
  const parts = registerParts.get(item.field);
  if (parts !== undefined) return splitRegister(item, parts);
  if (item.field === oxm.vlanTci) return splitVlanTci(item);
  if (item.field === oxm.ipTos) return [matchField(oxm.ipDscp, item.value >> 2n)];
  if (item.field === oxm.inPort16) return [matchField(oxm.inPort, widenPort(item.value))];
  if (item.field === oxm.packetType && item.value === 0n) return [];
  return [item];
}

function check({ field, value, mask }: MatchField): void {
  if (value < 0n || (value & ~field.allBits) !== 0n) throw new MatchError(field, `value ${value} is too wide`);
  if (mask === undefined) return;
  if (mask < 0n || (mask & ~field.allBits) !== 0n) throw new MatchError(field, `mask ${mask} is too wide`);
  if (mask !== 0n && !field.maskable) throw new MatchError(field, 'cannot be masked');
  if ((value & ~mask) !== 0n) throw new MatchError(field, 'has value bits outside the mask');
}

function intersect(a: MatchField, b: MatchField): MatchField {
  const { field } = a;
  const { mask: maskA = field.allBits } = a;
  const { mask: maskB = field.allBits } = b;
  if (((a.value ^ b.value) & maskA & maskB) !== 0n) throw new MatchError(field, 'is asked to have two values');
  return matchField(field, a.value | b.value, maskA | maskB);
}

const rewritten: ReadonlySet<OxmField> = new Set([
  ...registerParts.keys(),
  oxm.vlanTci,
  oxm.ipTos,
  oxm.inPort16,
  oxm.packetType,
]);

/** Whether it is in normal form already, as nearly every match that is encoded: without making anything. */
function isCanonical(match: Match): boolean {
  let order = -1;
  for (const { field, value, mask } of match) {
    if (field.order <= order || !field.known || value < 0n || value > field.allBits || rewritten.has(field))
      return false;
    order = field.order;
    if (mask === undefined) continue;
    if (mask <= 0n || mask >= field.allBits || !field.maskable || (value & mask) !== value) return false;
  }
  return true;
}

/**
 * The normal form of a match: fields in the order of oxm.ts, each at most once, none that matches everything, no mask
 * that is full. Throws MatchError when a value does not fit its field or mask, or two conditions contradict each other.
 */
export function canonicalMatch(match: Match): Match {
  if (isCanonical(match)) return match;
  const items: MatchField[] = [];
  for (const given of match) {
    check(given);
    for (const item of rewrite(given)) {
      if (item.mask === 0n) continue;
      const at = items.findIndex(({ field }) => isSameField(field, item.field));
      const other = items[at];
      if (other === undefined) items.push(matchField(item.field, item.value, item.mask));
      else items[at] = intersect(other, item);
    }
  }
  return Object.freeze(items.sort((a, b) => a.field.order - b.field.order));
}

/** Unknown fields are made anew each time that they are read. */
const isSameField = (left: OxmField, right: OxmField): boolean =>
  left === right || (!left.known && !right.known && left.name === right.name);

/**
 * A match in normal form with its registers in pairs: the shape in which Open vSwitch writes it at OpenFlow 1.5.
 * `canonicalMatch` undoes it.
 */
export function joinRegisters(match: Match): Match {
  if (!match.some(item => pairOf.has(item.field))) return match;
  const joined: MatchField[] = [];
  for (const item of match) {
    const wide = pairOf.get(item.field);
    if (wide === undefined) {
      joined.push(item);
      continue;
    }
    const { field } = wide;
    const { value, mask = item.field.allBits } = item;
    const last = joined.at(-1);
    // The halves of a pair stand next to each other, the high one first.
    if (last?.field === field) {
      joined[joined.length - 1] = matchField(field, last.value | value, (last.mask ?? field.allBits) | mask);
    } else {
      joined.push(wide.isHigh ? matchField(field, value << 32n, mask << 32n) : matchField(field, value, mask));
    }
  }
  return joined.sort((a, b) => a.field.order - b.field.order);
}
