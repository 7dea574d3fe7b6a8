/** What the declarations of multipart kinds are made of: a request and a reply that share a number. */
import type { Codec } from '../../wire/codec.js';
import type { Fields, StructValue } from '../../wire/struct.js';
import { kindStruct } from './message.js';

type Tagged<K extends string, F extends Fields> = { readonly kind: K } & StructValue<F>;

export interface MultipartDeclaration<Q, P> {
  readonly kind: string;
  readonly type: number;
  readonly request: Codec<Q>;
  readonly reply: Codec<P>;
}

export type RequestOf<D> = D extends MultipartDeclaration<infer Q, infer _> ? Q : never;
export type ReplyOf<D> = D extends MultipartDeclaration<infer _, infer P> ? P : never;

export function multipart<const K extends string, const Q extends Fields, const P extends Fields>(
  kind: K,
  type: number,
  fields: { readonly request: Q; readonly reply: P },
): MultipartDeclaration<Tagged<K, Q>, Tagged<K, P>> {
  return { kind, type, request: kindStruct(kind, fields.request), reply: kindStruct(kind, fields.reply) };
}
