/**
 * What the declarations of messages are made of. A message is declared once, in a file of its own; bytes out, bytes
 * in and its TypeScript type come from that declaration. message-codec.ts holds the list of all of them.
 */
import { constant, type Codec } from '../../wire/codec.js';
import { struct, type Fields, type StructValue } from '../../wire/struct.js';

/** Vendors whose experimenter messages, properties and errors are known. */
export const Experimenter = { nicira: 0x0000_2320, openNetworking: 0x4f4e_4600, netronome: 0x0000_154d } as const;

/** The `type` byte of messages that belong to an experimenter. */
export const experimenterMessageType = 4;

/** How a message is told on the wire: by its type, or as a message of an experimenter. */
export type MessageTag =
  | { readonly type: number }
  | { readonly experimenter: number; readonly experimenterType: number };

export interface MessageDeclaration<T> {
  readonly kind: string;
  readonly tag: MessageTag;
  /** Its tag in OpenFlow 1.3, where that differs: what 1.4 made standard was an extension of 1.3. */
  readonly tag13?: MessageTag;
  /** Everything after the header of 8 bytes (16 for an experimenter's). */
  readonly body: Codec<T>;
}

export type ValueOf<D> = D extends MessageDeclaration<infer T> ? T : never;

type MessageValue<K extends string, F extends Fields> = { readonly kind: K } & StructValue<F>;

/** The fields of a record that knows its own kind, so that it can be a member of a union. */
export function kindStruct<const K extends string, const F extends Fields>(
  kind: K,
  fields: F,
): Codec<MessageValue<K, F>> {
  return struct({ kind: constant(kind), ...fields }) as unknown as Codec<MessageValue<K, F>>;
}

/** A message of the standard. */
export function message<const K extends string, const F extends Fields>(
  kind: K,
  type: number,
  fields: F,
  tag13?: MessageTag,
): MessageDeclaration<MessageValue<K, F>> {
  return { kind, tag: { type }, ...(tag13 ? { tag13 } : {}), body: kindStruct(kind, fields) };
}

/** A Nicira extension message, an `NXT_*` of Open vSwitch. */
export function niciraMessage<const K extends string, const F extends Fields>(
  kind: K,
  experimenterType: number,
  fields: F,
): MessageDeclaration<MessageValue<K, F>> {
  return { kind, tag: { experimenter: Experimenter.nicira, experimenterType }, body: kindStruct(kind, fields) };
}
