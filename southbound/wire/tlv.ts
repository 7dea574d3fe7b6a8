/**
 * Unions of type-length-value items, as the property lists of OpenFlow 1.4 and later: a 16-bit type, a 16-bit
 * length that counts the header, a body, and zeros up to a multiple of 8 bytes that the length does not count.
 * A value is `{ kind: <name of the case>, ...body }`; a type that is not declared is `{ kind: 'unknown', type, bytes }`
 * and encodes to the same bytes again.
 */
import type { Codec, Infer } from './codec.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';

/** The type number in which OpenFlow puts the items of experimenters: two more words say whose and which. */
const experimenterType = 0xffff;

export interface TlvCase<C extends Codec<object>> {
  readonly type: number;
  /** For items of experimenters: who, and the experimenter's own type. */
  readonly experimenter?: { readonly id: number; readonly type: number };
  readonly body: C;
}

export interface UnknownTlv {
  readonly kind: 'unknown';
  readonly type: number;
  /** Everything after the type and the length. */
  readonly bytes: Uint8Array;
}

type Cases = Readonly<Record<string, TlvCase<Codec<object>>>>;
type CaseBody<T> = T extends TlvCase<infer C> ? Infer<C> : never;
export type TlvValue<K extends Cases> =
  | { readonly [N in keyof K & string]: { readonly kind: N } & CaseBody<K[N]> }[keyof K & string]
  | UnknownTlv;

export interface TlvOptions {
  /** Items are padded to a multiple of this many bytes. Default 8. */
  readonly alignment?: number;
}

export function tlvCase<C extends Codec<object>>(type: number, body: C): TlvCase<C> {
  return { type, body };
}

export function experimenterCase<C extends Codec<object>>(id: number, type: number, body: C): TlvCase<C> {
  return { type: experimenterType, experimenter: { id, type }, body };
}

function caseKey(type: number, experimenter?: { readonly id: number; readonly type: number }): string | number {
  return experimenter ? `${type}/${experimenter.id}/${experimenter.type}` : type;
}

function encodeBody(writer: Writer, entry: TlvCase<Codec<object>>, value: object): void {
  if (entry.experimenter) {
    writer.u32(entry.experimenter.id);
    writer.u32(entry.experimenter.type);
  }
  entry.body.encode(writer, value);
}

export function tlv<const K extends Cases>(cases: K, options: TlvOptions = {}): Codec<TlvValue<K>> {
  const { alignment = 8 } = options;
  const byWire = new Map<string | number, readonly [string, TlvCase<Codec<object>>]>();
  for (const [kind, entry] of Object.entries(cases)) byWire.set(caseKey(entry.type, entry.experimenter), [kind, entry]);

  const find = (type: number, content: Reader): readonly [string, TlvCase<Codec<object>>] | undefined => {
    if (type !== experimenterType || content.remaining < 8) return byWire.get(type);
    const at = content.offset;
    const id = content.view.getUint32(at);
    return byWire.get(caseKey(type, { id, type: content.view.getUint32(at + 4) }));
  };

  const bodies = Object.entries(cases).map(([kind, entry]): [string, Codec<object>] => [kind, entry.body]);
  return {
    shape: { kind: 'tlv', cases: Object.fromEntries(bodies) },
    minimumBytes: 4,
    encode: (writer, value) => {
      const start = writer.reserve(4);
      const item: { readonly kind: string } = value;
      const entry = cases[item.kind];
      if (entry) {
        writer.patchU16(start, entry.type);
        encodeBody(writer, entry, item);
      } else {
        const unknown = value as UnknownTlv;
        writer.patchU16(start, unknown.type);
        writer.raw(unknown.bytes);
      }
      writer.patchU16(start + 2, writer.offset - start);
      writer.align(alignment, start);
    },
    decode: reader => {
      const start = reader.offset;
      const type = reader.u16();
      const content = reader.within(reader.u16() - 4);
      const found = find(type, content);
      reader.align(alignment, start);
      if (!found) return { kind: 'unknown', type, bytes: content.rest() } as TlvValue<K>;
      const [kind, entry] = found;
      if (entry.experimenter) content.skip(8);
      return { kind, ...entry.body.decode(content) } as TlvValue<K>;
    },
  };
}
