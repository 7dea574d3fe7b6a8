/** The actions of OpenFlow 1.3 to 1.5 on the wire, with Nicira's where a version lacks one. Source: OpenFlow 1.5.1, 7.2.6. */
import type { Codec } from '../wire/codec.js';
import { padding, u16, u32, u64, u8 } from '../wire/codec.js';
import { struct } from '../wire/struct.js';
import { WireError } from '../wire/wire-error.js';
import type { ActionBody } from './action-form.js';
import { emptyBody, nicira, packRange, readSubfield, seenAs, standard, unpackRange } from './action-form.js';
import { niciraField, readOxm, shortField, standardField, writeOxm } from './match-codec.js';
import { matchField } from './match.js';
import type { OxmField } from './oxm.js';
import { preferredCodePoint } from './oxm.js';
import { Version } from './version.js';

/** Versions before masks, copy_field and meter became part of the standard actions. */
const before15 = { to: Version.openflow14 };
const since15 = { from: Version.openflow15 };

const setField: Codec<ActionBody<'setField'>> = {
  minimumBytes: 5,
  encode: (writer, value) => writeOxm(writer, value, writer.version),
  decode: readOxm,
};

/** Before OpenFlow 1.5 set_field sets the whole field. */
const wholeField: Codec<ActionBody<'setField'>> = seenAs(
  setField,
  (value, at) => {
    if (value.mask !== undefined) throw new WireError('bad_value', 'set_field with a mask', at);
    return value;
  },
  value => value,
);

/** `reg_load2`: as the standard set_field, with a mask, in the names that Nicira actions use. */
const regLoad2: Codec<ActionBody<'setField'>> = {
  minimumBytes: 5,
  encode: (writer, value) => writeOxm(writer, value, 0),
  decode: readOxm,
};

/** The one run of bits that is set in a mask, or null when there are several or it is wider than 64. */
function maskRange(mask: bigint): { readonly offset: number; readonly bits: number } | null {
  const text = mask.toString(2);
  const run = /^(1+)(0*)$/.exec(text);
  const bits = run?.[1]?.length ?? 0;
  return bits >= 1 && bits <= 64 ? { offset: text.length - bits, bits } : null;
}

function bitRun(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

/** `reg_load`: up to 64 neighbouring bits of a field. */
const regLoad: Codec<ActionBody<'setField'>> = seenAs(
  struct({ range: u16, field: shortField, value: u64 }),
  ({ range, field, value }, at) => {
    if (field === null) throw new WireError('bad_value', 'load into no field', at);
    const { offset, bits } = unpackRange(field, range, at);
    if (value >> BigInt(bits) !== 0n) throw new WireError('bad_value', `load of more than ${bits} bits`, at);
    return matchField(field, value << BigInt(offset), bitRun(bits) << BigInt(offset));
  },
  ({ field, value, mask = field.allBits }, at) => {
    const range = maskRange(mask);
    if (range === null) throw new WireError('out_of_range', `${field.name}: mask ${mask} is not one run`, at);
    return { range: packRange({ field, ...range }, at), field, value: value >> BigInt(range.offset) };
  },
);

/** Whether Open vSwitch needs `reg_load2` for a field because `reg_load` cannot name it. */
function needsRegLoad2(field: OxmField): boolean {
  return field.variable || preferredCodePoint(field, 0).experimenter !== null;
}

/**
 * A masked set_field as the ones that together do the same before OpenFlow 1.5, each with one run of at most 64 bits,
 * the lowest first.
 */
export function splitSetField({ field, value, mask }: ActionBody<'setField'>): readonly ActionBody<'setField'>[] {
  if (mask === undefined || needsRegLoad2(field)) return [{ field, value, ...(mask === undefined ? {} : { mask }) }];
  const parts: ActionBody<'setField'>[] = [];
  for (let offset = 0; mask >> BigInt(offset) !== 0n; ) {
    if (((mask >> BigInt(offset)) & 1n) === 0n) {
      offset += 1;
      continue;
    }
    let bits = 1;
    while (bits < 64 && ((mask >> BigInt(offset + bits)) & 1n) === 1n) bits += 1;
    const part = bitRun(bits) << BigInt(offset);
    parts.push({ field, value: value & part, mask: part });
    offset += bits;
  }
  return parts;
}

/** copy_field of 1.5 and reg_move before it differ in the padding and in how they name fields. */
function moveBody(field: Codec<OxmField>, paddingBytes: number): Codec<ActionBody<'move'>> {
  return seenAs(
    struct({
      bits: u16,
      sourceOffset: u16,
      destinationOffset: u16,
      gap: padding(paddingBytes),
      source: field,
      destination: field,
    }),
    (wire, at) => ({
      source: readSubfield(wire.source, wire.sourceOffset, wire.bits, at),
      destination: readSubfield(wire.destination, wire.destinationOffset, wire.bits, at),
    }),
    ({ source, destination }, at) => {
      if (source.bits !== destination.bits) throw new WireError('out_of_range', 'move between unequal widths', at);
      return {
        bits: source.bits,
        sourceOffset: source.offset,
        destinationOffset: destination.offset,
        source: source.field,
        destination: destination.field,
      };
    },
  );
}

export const standardForms = {
  output: [standard(0, struct({ port: u32, maxLength: u16, gap: padding(6) }))],
  setMplsTtl: [standard(15, struct({ ttl: u8 }))],
  decMplsTtl: [standard(16, emptyBody)],
  pushVlan: [standard(17, struct({ ethertype: u16 }))],
  popVlan: [standard(18, emptyBody)],
  pushMpls: [standard(19, struct({ ethertype: u16 }))],
  popMpls: [standard(20, struct({ ethertype: u16 }))],
  setQueue: [standard(21, struct({ queueId: u32 }))],
  group: [standard(22, struct({ groupId: u32 }))],
  setIpTtl: [standard(23, struct({ ttl: u8 }))],
  decTtl: [standard(24, emptyBody)],
  setField: [
    standard(25, setField, since15),
    standard(25, wholeField, { ...before15, suits: ({ mask }) => mask === undefined }),
    nicira(33, regLoad2, { ...before15, suits: ({ field }) => needsRegLoad2(field) }),
    nicira(7, regLoad, before15),
  ],
  move: [standard(28, moveBody(standardField, 2), since15), nicira(6, moveBody(niciraField, 0), before15)],
  meter: [standard(29, struct({ meterId: u32 }), since15)],
} as const;
