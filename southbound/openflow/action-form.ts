/**
 * How an action is declared for the wire: one or more forms, each with its number, the versions that have it and its
 * body. Encoding takes the first form that suits the value; decoding finds the form by its number.
 */
import type { Codec } from '../wire/codec.js';
import { constant, mapped, u16 } from '../wire/codec.js';
import { WireError } from '../wire/wire-error.js';
import type { ActionKind, ActionOf } from './action.js';
import type { OxmField, Subfield } from './oxm.js';
import type { Version } from './version.js';

export type KnownActionKind = Exclude<ActionKind, 'unknown'>;
export type ActionBody<K extends KnownActionKind> = Omit<ActionOf<K>, 'kind'>;

interface FormOptions<T> {
  /** Protocol versions in which the form exists, both included. */
  readonly from?: Version;
  readonly to?: Version;
  /** Which values the form can carry; all when absent. */
  readonly suits?: (value: T) => boolean;
}

export interface ActionForm<T> extends FormOptions<T> {
  readonly vendor: 'standard' | 'nicira';
  /** The action's type, or the subtype of a Nicira action. */
  readonly number: number;
  readonly body: Codec<T>;
}

export type ActionForms = { readonly [K in KnownActionKind]: readonly ActionForm<ActionBody<K>>[] };

/** An action of OpenFlow itself. */
export function standard<T>(number: number, body: Codec<T>, options: FormOptions<T> = {}): ActionForm<T> {
  return { vendor: 'standard', number, body, ...options };
}

/** An action of Open vSwitch; its body starts right after the subtype, ten bytes into the action. */
export function nicira<T>(number: number, body: Codec<T>, options: FormOptions<T> = {}): ActionForm<T> {
  return { vendor: 'nicira', number, body, ...options };
}

export const emptyBody: Codec<object> = constant(Object.freeze({}));

/** Whether the form exists at the version. */
export function existsAt({ from, to }: FormOptions<never>, version: number): boolean {
  return version >= (from ?? 0) && version <= (to ?? Infinity);
}

/** A value seen through two functions, which are told where on the wire it stands. */
export function seenAs<W, T>(
  wire: Codec<W>,
  decode: (value: W, at: number) => T,
  encode: (value: T, at: number) => W,
): Codec<T> {
  return {
    minimumBytes: wire.minimumBytes,
    encode: (writer, value) => wire.encode(writer, encode(value, writer.offset)),
    decode: reader => {
      const at = reader.offset;
      return decode(wire.decode(reader), at);
    },
  };
}

/** A subfield that was read; bits outside the field are an error. */
export function readSubfield(field: OxmField, offset: number, bits: number, at: number): Subfield {
  if (bits < 1 || offset + bits > field.bits) {
    throw new WireError('bad_value', `${field.name}[${offset}..${offset + bits - 1}] is outside the field`, at);
  }
  return { field, offset, bits };
}

/** Offset and width of a subfield in 16 bits: at most 64 bits wide, at most 1,023 from the start. */
export function packRange({ field, offset, bits }: Subfield, at: number): number {
  if (bits > 64 || offset > 0x3ff) throw new WireError('out_of_range', `${bits} bits of ${field.name}`, at);
  return (offset << 6) | (bits - 1);
}

export function unpackRange(field: OxmField, range: number, at: number): Subfield {
  return readSubfield(field, range >> 6, (range & 0x3f) + 1, at);
}

const RESERVED_PORTS_16 = 0xff00;
const RESERVED_PORTS_32 = 0xffff_ff00;

/** A port number that travels in 16 bits: the reserved ports keep their low bits. */
export const port16: Codec<number> = mapped(
  u16,
  wire => (wire >= RESERVED_PORTS_16 ? wire + 0xffff_0000 : wire),
  port => {
    if (port < RESERVED_PORTS_16) return port;
    if (port >= RESERVED_PORTS_32) return port - 0xffff_0000;
    throw new WireError('out_of_range', `port ${port} does not fit 16 bits`, 0);
  },
);
