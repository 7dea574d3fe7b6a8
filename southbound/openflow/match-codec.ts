/**
 * OXM fields and matches on the wire. A field's code point, width and variants come from the table in oxm.ts.
 *
 * A match is written exactly as Open vSwitch would write it at that version, and read into the normal form of match.ts.
 */
import type { Codec } from '../wire/codec.js';
import type { Reader } from '../wire/reader.js';
import type { Writer } from '../wire/writer.js';
import { WireError } from '../wire/wire-error.js';
import { canonicalFieldSet, canonicalMatch, joinRegisters, matchField, MatchError } from './match.js';
import { fieldByCodePoint, OxmClass, preferredCodePoint, unknownField } from './oxm.js';
import type { Match, MatchField, OxmField } from './oxm.js';
import { Version } from './version.js';

/** `ofp_match` of type OXM: type, length, fields, zeros up to a multiple of 8. */
const OXM_MATCH_TYPE = 1;

interface OxmHeader {
  readonly field: OxmField;
  readonly hasMask: boolean;
  /** Width in bytes of the value; the mask is as wide again. */
  readonly bytes: number;
}

function writeHeader(writer: Writer, field: OxmField, hasMask: boolean, bytes: number, version: number): void {
  const code = preferredCodePoint(field, version);
  const length = bytes * (hasMask ? 2 : 1) + (code.experimenter === null ? 0 : 4);
  writer.u32(code.class * 0x1_0000 + code.field * 0x200 + (hasMask ? 0x100 : 0) + length);
  if (code.experimenter !== null) writer.u32(code.experimenter);
}

function readHeader(reader: Reader): OxmHeader {
  const at = reader.offset;
  const oxmClass = reader.u16();
  const fieldAndMask = reader.u8();
  const length = reader.u8();
  const number = fieldAndMask >> 1;
  const hasMask = (fieldAndMask & 1) === 1;
  const experimenter = oxmClass === OxmClass.EXPERIMENTER ? reader.u32() : null;
  const payload = experimenter === null ? length : length - 4;
  if (payload < 0 || (hasMask && payload % 2 !== 0)) throw new WireError('bad_length', `OXM length ${length}`, at);
  const bytes = hasMask ? payload / 2 : payload;
  const field = fieldByCodePoint(oxmClass, number, experimenter) ?? unknownField(oxmClass, number, experimenter, bytes);
  if (field.variable ? bytes < 1 || bytes > field.bytes : bytes !== field.bytes) {
    throw new WireError('bad_length', `${field.name} of ${bytes} bytes`, at);
  }
  return { field, hasMask, bytes };
}

function byteLength(value: bigint): number {
  return Math.max(1, Math.ceil(value.toString(16).length / 2));
}

/** Writes one field with its value and mask, in the code point that `version` prefers. */
export function writeOxm(writer: Writer, item: MatchField, version: number): void {
  const { field, value, mask } = item;
  const fits = mask === undefined ? value <= field.allBits : (value & mask) === value && mask <= field.allBits;
  if (!fits || value < 0n) {
    throw new WireError('out_of_range', `${field.name}: ${value}/${mask ?? 'exact'} does not fit`, writer.offset);
  }
  const bytes = field.variable ? byteLength(value | (mask ?? 0n)) : field.bytes;
  writeHeader(writer, field, mask !== undefined, bytes, version);
  writer.unsigned(value, bytes);
  if (mask !== undefined) writer.unsigned(mask, bytes);
}

/** Reads one field with its value and mask. */
export function readOxm(reader: Reader): MatchField {
  const at = reader.offset;
  const { field, hasMask, bytes } = readHeader(reader);
  const value = reader.unsigned(bytes);
  const mask = hasMask ? reader.unsigned(bytes) & field.allBits : undefined;
  if ((value & ~(mask ?? field.allBits)) !== 0n) throw new WireError('bad_value', `${field.name}: ${value}`, at);
  return matchField(field, value, mask);
}

/** Fields as they stand, up to the end of what contains them; neither ordered nor rewritten. */
export const oxmListCodec: Codec<readonly MatchField[]> = {
  minimumBytes: 0,
  encode: (writer, items) => {
    for (const item of items) writeOxm(writer, item, writer.version);
  },
  decode: reader => {
    const items: MatchField[] = [];
    while (reader.remaining > 0) items.push(readOxm(reader));
    return items;
  },
};

/** A set of fields whose values are masks, as select groups name what they hash. */
export const fieldSetCodec: Codec<Match> = {
  minimumBytes: 0,
  encode: (writer, fields) => oxmListCodec.encode(writer, canonicalFieldSet(fields)),
  decode: reader => oxmListCodec.decode(reader),
};

function normalized(match: Match, code: 'bad_value' | 'out_of_range', offset: number): Match {
  try {
    return canonicalMatch(match);
  } catch (error) {
    if (!(error instanceof MatchError)) throw error;
    throw new WireError(code, error.message, offset);
  }
}

/** A match in its header and padding. Any match may be given; what is read is in normal form. */
export const matchCodec: Codec<Match> = {
  minimumBytes: 8,
  encode: (writer, match) => {
    const start = writer.reserve(4);
    writer.patchU16(start, OXM_MATCH_TYPE);
    const items = normalized(match, 'out_of_range', start);
    for (const item of writer.version >= Version.openflow15 ? joinRegisters(items) : items) {
      writeOxm(writer, item.field.alwaysMasked ? { mask: item.field.allBits, ...item } : item, writer.version);
    }
    writer.patchU16(start + 2, writer.offset - start);
    writer.align(8, start);
  },
  decode: reader => {
    const start = reader.offset;
    const type = reader.u16();
    if (type !== OXM_MATCH_TYPE) throw new WireError('bad_value', `match type ${type}`, start);
    const fields = oxmListCodec.decode(reader.within(reader.u16() - 4));
    reader.align(8, start);
    return normalized(fields, 'bad_value', start);
  },
};

/** The header of a field alone, as actions name fields. */
function fieldCodec(version: (on: Writer) => number): Codec<OxmField> {
  return {
    minimumBytes: 4,
    encode: (writer, field) => {
      writeHeader(writer, field, false, field.bytes, version(writer));
    },
    decode: reader => {
      const at = reader.offset;
      const { field, hasMask } = readHeader(reader);
      if (hasMask) throw new WireError('bad_value', `${field.name} with a mask where a field is named`, at);
      return field;
    },
  };
}

/** A field as standard OpenFlow actions name it. */
export const standardField = fieldCodec(writer => writer.version);
/** A field as Nicira actions name it, at every version alike. */
export const niciraField = fieldCodec(() => 0);

/** A field in exactly 32 bits, or null as zeros; experimenter fields do not fit. */
export const shortField: Codec<OxmField | null> = {
  minimumBytes: 4,
  encode: (writer, field) => {
    if (field === null) writer.zero(4);
    else if (preferredCodePoint(field, 0).experimenter === null) niciraField.encode(writer, field);
    else throw new WireError('out_of_range', `${field.name} cannot be named here`, writer.offset);
  },
  decode: reader => {
    const word = reader.within(4);
    if (word.view.getUint32(word.offset) !== 0) return niciraField.decode(word);
    return null;
  },
};
