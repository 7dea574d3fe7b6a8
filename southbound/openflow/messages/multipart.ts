/** Multipart request and reply: the envelope of every question whose answer may need more than one message. */
import type { Codec } from '../../wire/codec.js';
import type { Reader } from '../../wire/reader.js';
import type { Writer } from '../../wire/writer.js';
import { Description } from './description.js';
import { FlowMonitor } from './flow-monitor.js';
import { Aggregate, Flow } from './flow-stats.js';
import { GroupDescriptionKind, GroupFeatures, GroupStatsKind } from './group-stats.js';
import type { MessageDeclaration } from './message.js';
import { MeterConfigKind, MeterFeatures, MeterStatsKind } from './meter-stats.js';
import type { ReplyOf, RequestOf } from './multipart-kind.js';
import { PortDescription, PortStatsKind } from './port-stats.js';
import { Table, TableDescriptionKind, TableFeaturesKind } from './table-stats.js';

/** Every declared kind of multipart. */
export const multipartKinds = [
  Description,
  Flow,
  Aggregate,
  Table,
  PortStatsKind,
  GroupStatsKind,
  GroupDescriptionKind,
  GroupFeatures,
  MeterStatsKind,
  MeterConfigKind,
  MeterFeatures,
  TableFeaturesKind,
  PortDescription,
  TableDescriptionKind,
  FlowMonitor,
] as const;

type AnyKind = (typeof multipartKinds)[number];

/** A multipart of a kind that has no declaration; an experimenter's begins with two words that say whose and which. */
export interface UnknownMultipart {
  readonly kind: 'unknown';
  readonly type: number;
  readonly bytes: Uint8Array;
}

export type MultipartRequestBody = RequestOf<AnyKind> | UnknownMultipart;
export type MultipartReplyBody = ReplyOf<AnyKind> | UnknownMultipart;
export type MultipartKind = MultipartRequestBody['kind'];
export type MultipartReplyOf<K extends MultipartKind> = Extract<MultipartReplyBody, { readonly kind: K }>;

/** `more`: further messages of the same xid follow. */
export interface MultipartRequest {
  readonly kind: 'multipartRequest';
  readonly more: boolean;
  readonly body: MultipartRequestBody;
}
export interface MultipartReply {
  readonly kind: 'multipartReply';
  readonly more: boolean;
  readonly body: MultipartReplyBody;
}

const moreFlag = 1;
const headerBytes = 8;

interface BodyCodec {
  readonly kind: string;
  readonly type: number;
  readonly codec: Codec<{ readonly kind: string }>;
}

function envelope(bodies: readonly BodyCodec[]) {
  const byKind = new Map(bodies.map(body => [body.kind, body]));
  const byType = new Map(bodies.map(body => [body.type, body]));
  return {
    encode: (writer: Writer, more: boolean, body: { readonly kind: string }): void => {
      const declared = byKind.get(body.kind);
      writer.u16(declared ? declared.type : (body as UnknownMultipart).type);
      writer.u16(more ? moreFlag : 0);
      writer.zero(4);
      if (declared) declared.codec.encode(writer, body);
      else writer.raw((body as UnknownMultipart).bytes);
    },
    decode: (reader: Reader): { readonly more: boolean; readonly body: { readonly kind: string } } => {
      const type = reader.u16();
      const more = (reader.u16() & moreFlag) !== 0;
      reader.skip(4);
      const declared = byType.get(type);
      if (declared) return { more, body: declared.codec.decode(reader) };
      const unknown: UnknownMultipart = { kind: 'unknown', type, bytes: reader.rest() };
      return { more, body: unknown };
    },
  };
}

function widen(codec: unknown): Codec<{ readonly kind: string }> {
  return codec as Codec<{ readonly kind: string }>;
}

const requests = envelope(multipartKinds.map(({ kind, type, request }) => ({ kind, type, codec: widen(request) })));
const replies = envelope(multipartKinds.map(({ kind, type, reply }) => ({ kind, type, codec: widen(reply) })));

export const MultipartRequest: MessageDeclaration<MultipartRequest> = {
  kind: 'multipartRequest',
  tag: { type: 18 },
  body: {
    minimumBytes: headerBytes,
    encode: (writer, { more, body }) => requests.encode(writer, more, body),
    decode: reader => ({ kind: 'multipartRequest', ...requests.decode(reader) }) as MultipartRequest,
  },
};

export const MultipartReply: MessageDeclaration<MultipartReply> = {
  kind: 'multipartReply',
  tag: { type: 19 },
  body: {
    minimumBytes: headerBytes,
    encode: (writer, { more, body }) => replies.encode(writer, more, body),
    decode: reader => ({ kind: 'multipartReply', ...replies.decode(reader) }) as MultipartReply,
  },
};
