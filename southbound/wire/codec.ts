/**
 * Codecs: a format declared once, from which come the bytes out, the bytes in and the TypeScript type
 * (`Infer`). Scalars and the small combinators are here; struct.ts compiles records, tlv.ts holds the
 * type-length-value unions.
 */
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';
import { WireError } from './wire-error.js';

/** How a struct may place a fixed-size scalar in straight-line code, without calling the codec. */
export interface ScalarLayout {
  readonly accessor: 'Uint8' | 'Uint16' | 'Uint32' | 'BigUint64';
  /** Present when the value is not the number on the wire. */
  readonly toWire?: (value: never) => number;
  readonly fromWire?: (wire: number) => unknown;
}

/**
 * What a codec is made of, for whoever walks declarations: tests derive random values of every message from it. A codec
 * that is written by hand has none.
 */
export type Shape =
  | { readonly kind: 'unsigned'; readonly bytes: number; readonly isBig: boolean }
  | { readonly kind: 'enum' | 'flags'; readonly bytes: number; readonly names: Readonly<Record<string, number>> }
  | { readonly kind: 'bytes'; readonly length: number | null }
  | { readonly kind: 'text'; readonly length: number }
  | { readonly kind: 'list'; readonly item: Codec<unknown>; readonly count: number | null }
  | { readonly kind: 'struct'; readonly fields: Readonly<Record<string, Codec<unknown>>> }
  | { readonly kind: 'tlv'; readonly cases: Readonly<Record<string, Codec<object>>> }
  | {
      readonly kind: 'versions';
      readonly since: number;
      readonly current: Codec<unknown>;
      readonly earlier: Codec<unknown>;
    }
  | { readonly kind: 'mapped'; readonly wire: Codec<unknown>; readonly decode: (wire: never) => unknown };

export interface Codec<T> {
  readonly shape?: Shape;
  /** No value takes fewer bytes than this: lists check it before they loop. */
  readonly minimumBytes: number;
  readonly scalar?: ScalarLayout;
  encode(writer: Writer, value: T): void;
  decode(reader: Reader): T;
}

/** The type of the values of a codec. */
export type Infer<C> = C extends Codec<infer T> ? T : never;

/** A codec that carries no value of its own; a struct leaves it out of its type. */
export interface Valueless extends Codec<undefined> {
  readonly role:
    | { readonly kind: 'padding' }
    /** The length in bytes of a later field of the same struct. */
    | { readonly kind: 'lengthOf'; readonly field: string }
    /** The length in bytes of the whole struct. */
    | { readonly kind: 'totalLength' };
}

/** A codec of no bytes whose value is always the same. */
export interface Constant<T> extends Codec<T> {
  readonly constant: T;
}

export const u8: Codec<number> = {
  shape: { kind: 'unsigned', bytes: 1, isBig: false },
  minimumBytes: 1,
  scalar: { accessor: 'Uint8' },
  encode: (writer, value) => writer.u8(value),
  decode: reader => reader.u8(),
};
export const u16: Codec<number> = {
  shape: { kind: 'unsigned', bytes: 2, isBig: false },
  minimumBytes: 2,
  scalar: { accessor: 'Uint16' },
  encode: (writer, value) => writer.u16(value),
  decode: reader => reader.u16(),
};
export const u32: Codec<number> = {
  shape: { kind: 'unsigned', bytes: 4, isBig: false },
  minimumBytes: 4,
  scalar: { accessor: 'Uint32' },
  encode: (writer, value) => writer.u32(value),
  decode: reader => reader.u32(),
};
export const u64: Codec<bigint> = {
  shape: { kind: 'unsigned', bytes: 8, isBig: true },
  minimumBytes: 8,
  scalar: { accessor: 'BigUint64' },
  encode: (writer, value) => writer.u64(value),
  decode: reader => reader.u64(),
};

/** An unsigned integer of 1..16 bytes as bigint, for instance a 48-bit MAC address. */
export function unsigned(bytes: number): Codec<bigint> {
  return {
    shape: { kind: 'unsigned', bytes, isBig: true },
    minimumBytes: bytes,
    encode: (writer, value) => writer.unsigned(value, bytes),
    decode: reader => reader.unsigned(bytes),
  };
}

/** Bytes that are written as zero and ignored when read. */
export function padding(bytes: number): Valueless {
  return {
    role: { kind: 'padding' },
    minimumBytes: bytes,
    encode: writer => writer.zero(bytes),
    decode: reader => {
      reader.skip(bytes);
      return undefined;
    },
  };
}

/** A 16-bit field that only a struct can fill in and check: see `lengthOf` and `totalLength`. */
function lengthField(role: Valueless['role']): Valueless {
  const refuse = (): never => {
    throw new TypeError('a length field outside of a struct');
  };
  return { role, minimumBytes: 2, encode: refuse, decode: refuse };
}

/** In a struct: 16 bits that hold the length of the later field `field`, which then ends where they say. */
export function lengthOf(field: string): Valueless {
  return lengthField({ kind: 'lengthOf', field });
}

/** In a struct: 16 bits that hold the length of the whole struct, from its first byte; no field reads past it. */
export const totalLength: Valueless = lengthField({ kind: 'totalLength' });

/** Exactly `length` bytes. */
export function bytes(length: number): Codec<Uint8Array> {
  return {
    shape: { kind: 'bytes', length },
    minimumBytes: length,
    encode: (writer, value) => {
      if (value.length !== length) throw new WireError('out_of_range', `${length} bytes expected`, writer.offset);
      writer.raw(value);
    },
    decode: reader => reader.raw(length),
  };
}

/** Every byte up to the end of what contains it. */
export const restBytes: Codec<Uint8Array> = {
  shape: { kind: 'bytes', length: null },
  minimumBytes: 0,
  encode: (writer, value) => writer.raw(value),
  decode: reader => reader.rest(),
};

const utf8 = new TextDecoder();
const utf8Encoder = new TextEncoder();

/** UTF-8 in a field of `length` bytes, padded with zeros; one zero always ends it, as in C. */
export function fixedString(length: number): Codec<string> {
  return {
    shape: { kind: 'text', length },
    minimumBytes: length,
    encode: (writer, value) => {
      const encoded = utf8Encoder.encode(value);
      if (encoded.length >= length || encoded.includes(0)) {
        throw new WireError('out_of_range', `string does not fit ${length - 1} bytes`, writer.offset);
      }
      writer.raw(encoded);
      writer.zero(length - encoded.length);
    },
    decode: reader => {
      const field = reader.raw(length);
      const end = field.indexOf(0);
      return utf8.decode(end < 0 ? field : field.subarray(0, end));
    },
  };
}

/** A number with names. A number that has no name decodes to itself, and can be encoded again. */
export function enumOf<const N extends Readonly<Record<string, number>>>(
  base: Codec<number>,
  names: N,
): Codec<(keyof N & string) | number> {
  const byNumber = new Map(Object.entries(names).map(([name, number]) => [number, name]));
  const toWire = (value: string | number): number => {
    if (typeof value === 'number') return value;
    const number = names[value];
    if (number === undefined) throw new WireError('out_of_range', `${value} is not one of the names`, 0);
    return number;
  };
  const fromWire = (wire: number): string | number => byNumber.get(wire) ?? wire;
  return {
    shape: { kind: 'enum', bytes: base.minimumBytes, names },
    minimumBytes: base.minimumBytes,
    ...(base.scalar ? { scalar: { accessor: base.scalar.accessor, toWire, fromWire } } : {}),
    encode: (writer, value) => base.encode(writer, toWire(value)),
    decode: reader => fromWire(base.decode(reader)),
  };
}

const noFlags: readonly never[] = Object.freeze([]);

/** Named bits as a list of names; bits without a name come as one number at the end of the list. */
export function flagsOf<const N extends Readonly<Record<string, number>>>(
  base: Codec<number>,
  masks: N,
): Codec<readonly ((keyof N & string) | number)[]> {
  const entries = Object.entries(masks);
  const toWire = (value: readonly (string | number)[]): number => {
    let wire = 0;
    for (const flag of value) {
      const mask = typeof flag === 'number' ? flag : masks[flag];
      if (mask === undefined) throw new WireError('out_of_range', `${flag} is not one of the flags`, 0);
      wire = (wire | mask) >>> 0;
    }
    return wire;
  };
  const fromWire = (wire: number): readonly (string | number)[] => {
    if (wire === 0) return noFlags;
    const flags: (string | number)[] = [];
    let left = wire;
    for (const [name, mask] of entries) {
      if ((wire & mask) >>> 0 === mask) {
        flags.push(name);
        left = (left & ~mask) >>> 0;
      }
    }
    if (left !== 0) flags.push(left);
    return flags;
  };
  return {
    shape: { kind: 'flags', bytes: base.minimumBytes, names: masks },
    minimumBytes: base.minimumBytes,
    ...(base.scalar ? { scalar: { accessor: base.scalar.accessor, toWire, fromWire } } : {}),
    encode: (writer, value) => base.encode(writer, toWire(value)),
    decode: reader => fromWire(base.decode(reader)),
  };
}

/** Items up to the end of what contains the list. An item that consumes nothing is an error, never a loop. */
export function list<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    shape: { kind: 'list', item, count: null },
    minimumBytes: 0,
    encode: (writer, value) => {
      for (const element of value) item.encode(writer, element);
    },
    decode: reader => {
      const items: T[] = [];
      while (reader.remaining > 0) {
        const before = reader.offset;
        if (reader.remaining < item.minimumBytes) {
          throw new WireError('truncated', `${reader.remaining} bytes left over after a list`, before);
        }
        items.push(item.decode(reader));
        if (reader.offset === before) throw new WireError('bad_length', 'an item of no length', before);
      }
      return items;
    },
  };
}

/** Exactly `count` items. */
export function listOf<T>(count: number, item: Codec<T>): Codec<readonly T[]> {
  return {
    shape: { kind: 'list', item, count },
    minimumBytes: count * item.minimumBytes,
    encode: (writer, value) => {
      if (value.length !== count) throw new WireError('out_of_range', `${count} items expected`, writer.offset);
      for (const element of value) item.encode(writer, element);
    },
    decode: reader => Array.from({ length: count }, () => item.decode(reader)),
  };
}

/** One codec for versions from `version` on, another for those before; for fields that changed their layout. */
export function fromVersion<T>(version: number, current: Codec<T>, earlier: Codec<T>): Codec<T> {
  return {
    shape: { kind: 'versions', since: version, current, earlier },
    minimumBytes: Math.min(current.minimumBytes, earlier.minimumBytes),
    encode: (writer, value) => (writer.version >= version ? current : earlier).encode(writer, value),
    decode: reader => (reader.version >= version ? current : earlier).decode(reader),
  };
}

/** A value that takes no bytes: written nowhere, read as `value`. */
export function constant<const T>(value: T): Constant<T> {
  return { constant: value, minimumBytes: 0, encode: () => undefined, decode: () => value };
}

/** A value seen through two pure functions. */
export function mapped<W, T>(wire: Codec<W>, decode: (wire: W) => T, encode: (value: T) => W): Codec<T> {
  return {
    shape: { kind: 'mapped', wire, decode },
    minimumBytes: wire.minimumBytes,
    encode: (writer, value) => wire.encode(writer, encode(value)),
    decode: reader => decode(wire.decode(reader)),
  };
}
