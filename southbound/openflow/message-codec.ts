/**
 * Every message that is known, and the two functions between messages and bytes. A message that is not known decodes
 * to `{ kind: 'unknown' }` or, if it is an experimenter's, to `{ kind: 'experimenter' }`: both encode to the same bytes.
 */
import { Reader } from '../wire/reader.js';
import { WireError } from '../wire/wire-error.js';
import { Writer } from '../wire/writer.js';
import { GetAsyncReply, GetAsyncRequest, SetAsync } from './messages/async-config.js';
import { BarrierReply, BarrierRequest } from './messages/barrier.js';
import { BundleAdd, BundleControl, BundleFlag, type BundleFlags } from './messages/bundle.js';
import { SetControllerId, SetPacketInFormat } from './messages/controller-settings.js';
import { CtFlush, CtFlushZone } from './messages/ct-flush.js';
import { EchoReply, EchoRequest } from './messages/echo.js';
import { ErrorMessage } from './messages/error.js';
import { FeaturesReply, FeaturesRequest } from './messages/features.js';
import { FlowMod } from './messages/flow-mod.js';
import { FlowRemoved } from './messages/flow-removed.js';
import { GroupMod } from './messages/group-mod.js';
import { Hello } from './messages/hello.js';
import { experimenterMessageType, type MessageDeclaration, type MessageTag, type ValueOf } from './messages/message.js';
import { MeterMod } from './messages/meter-mod.js';
import { MultipartReply, MultipartRequest } from './messages/multipart.js';
import { PacketIn } from './messages/packet-in.js';
import { PacketIn2, Resume } from './messages/packet-in2.js';
import { PacketOut } from './messages/packet-out.js';
import { PortMod } from './messages/port-mod.js';
import { PortStatus } from './messages/port-status.js';
import { RequestForward } from './messages/request-forward.js';
import { RoleReply, RoleRequest, RoleStatus } from './messages/role.js';
import { GetConfigReply, GetConfigRequest, SetConfig } from './messages/switch-config.js';
import { TableMod } from './messages/table-mod.js';
import { TlvTableMod, TlvTableReply, TlvTableRequest } from './messages/tlv-table.js';
import { Version } from './version.js';

/** Every declared message. */
export const declarations = [
  Hello,
  ErrorMessage,
  EchoRequest,
  EchoReply,
  FeaturesRequest,
  FeaturesReply,
  GetConfigRequest,
  GetConfigReply,
  SetConfig,
  PacketIn,
  FlowRemoved,
  PortStatus,
  PacketOut,
  FlowMod,
  GroupMod,
  PortMod,
  TableMod,
  MultipartRequest,
  MultipartReply,
  BarrierRequest,
  BarrierReply,
  RoleRequest,
  RoleReply,
  GetAsyncRequest,
  GetAsyncReply,
  SetAsync,
  MeterMod,
  RoleStatus,
  RequestForward,
  BundleControl,
  BundleAdd,
  SetPacketInFormat,
  SetControllerId,
  TlvTableMod,
  TlvTableRequest,
  TlvTableReply,
  Resume,
  CtFlushZone,
  PacketIn2,
  CtFlush,
] as const;

/** A message of an experimenter that has no declaration. */
export interface ExperimenterMessage {
  readonly kind: 'experimenter';
  readonly experimenter: number;
  readonly experimenterType: number;
  readonly data: Uint8Array;
}

/** A message of the standard that has no declaration. */
export interface UnknownMessage {
  readonly kind: 'unknown';
  readonly type: number;
  readonly bytes: Uint8Array;
}

export type Message = ValueOf<(typeof declarations)[number]> | ExperimenterMessage | UnknownMessage;
export type MessageKind = Message['kind'];
export type MessageOf<K extends MessageKind> = Extract<Message, { readonly kind: K }>;

/** A message as it came: with the version and the xid of its header. */
export interface ReceivedMessage {
  readonly version: number;
  readonly xid: number;
  readonly message: Message;
}

/** Every message begins with version, type, length (all of it) and xid. */
export const headerBytes = 8;
/** The length field has 16 bits. */
export const maximumMessageBytes = 0xffff;

type AnyDeclaration = MessageDeclaration<{ readonly kind: string }>;
const all = declarations as unknown as readonly AnyDeclaration[];
const byKind: ReadonlyMap<string, AnyDeclaration> = new Map(all.map(one => [one.kind, one]));

function tagKey(tag: MessageTag): string {
  return 'type' in tag ? String(tag.type) : `${tag.experimenter}/${tag.experimenterType}`;
}

function tagOf(declaration: AnyDeclaration, version: number): MessageTag {
  return version < Version.openflow14 && declaration.tag13 ? declaration.tag13 : declaration.tag;
}

function declarationOf(kind: string): AnyDeclaration {
  const declaration = byKind.get(kind);
  if (!declaration) throw new TypeError(`no OpenFlow message is called ${kind}`);
  return declaration;
}

function byTag(version: number): ReadonlyMap<string, AnyDeclaration> {
  return new Map(all.map(declaration => [tagKey(tagOf(declaration, version)), declaration]));
}

const byTag13 = byTag(Version.openflow13);
const byTagLater = byTag(Version.openflow15);

function putHeader(writer: Writer, tag: MessageTag, xid: number): void {
  writer.u8(writer.version);
  writer.u8('type' in tag ? tag.type : experimenterMessageType);
  writer.u16(0);
  writer.u32(xid);
  if ('type' in tag) return;
  writer.u32(tag.experimenter);
  writer.u32(tag.experimenterType);
}

/**
 * Appends a whole message to what the writer holds, at the writer's version. Throws WireError `out_of_range` when a value
 * does not fit its field or the message is longer than 65,535 bytes.
 */
export function putMessage(writer: Writer, message: Message, xid: number): void {
  const start = writer.offset;
  if (message.kind === 'unknown') {
    putHeader(writer, { type: message.type }, xid);
    writer.raw(message.bytes);
  } else if (message.kind === 'experimenter') {
    putHeader(writer, message, xid);
    writer.raw(message.data);
  } else {
    const declaration = declarationOf(message.kind);
    putHeader(writer, tagOf(declaration, writer.version), xid);
    declaration.body.encode(writer, message);
  }
  writer.patchU16(start + 2, writer.offset - start);
}

/** One message as bytes. Throws as `putMessage`. */
export function encodeMessage(message: Message, xid: number, version: number): Uint8Array {
  let writer = writers.get(version);
  if (writer === undefined) writers.set(version, (writer = new Writer(version)));
  writer.reset();
  putMessage(writer, message, xid);
  return writer.finish();
}

/** One for each version: no codec encodes a message while it encodes another. */
const writers = new Map<number, Writer>();

/**
 * Appends a bundle-add that contains `message`, both under the same xid as the standard demands. The fast path for
 * changes: the message is encoded in its place, not copied.
 */
export function putBundleAdd(
  writer: Writer,
  bundleId: number,
  flags: BundleFlags,
  message: Message,
  xid: number,
): void {
  const start = writer.offset;
  putHeader(writer, tagOf(BundleAdd as unknown as AnyDeclaration, writer.version), xid);
  writer.u32(bundleId);
  writer.u16(0);
  writer.u16(flags.reduce((bits, flag) => bits | BundleFlag[flag], 0));
  putMessage(writer, message, xid);
  writer.patchU16(start + 2, writer.offset - start);
}

/** One bundle-add as bytes: see `putBundleAdd`. */
export function encodeBundleAdd(
  bundleId: number,
  flags: BundleFlags,
  message: Message,
  xid: number,
  version: number,
): Uint8Array {
  const writer = new Writer(version);
  putBundleAdd(writer, bundleId, flags, message, xid);
  return writer.finish();
}

/**
 * Reads one whole message. Throws WireError when the bytes are not one: too short, a length that is not theirs, or a
 * body that does not keep to its format. What follows the last known field is passed over.
 */
export function decodeMessage(bytes: Uint8Array): ReceivedMessage {
  const header = new Reader(bytes);
  const version = header.u8();
  const type = header.u8();
  const length = header.u16();
  const xid = header.u32();
  if (length !== bytes.length) throw new WireError('bad_length', `length ${length} of ${bytes.length} bytes`, 2);
  const reader = new Reader(bytes, version, headerBytes);
  const known = version < Version.openflow14 ? byTag13 : byTagLater;
  if (type !== experimenterMessageType) {
    const declaration = known.get(String(type));
    if (!declaration) return { version, xid, message: { kind: 'unknown', type, bytes: reader.rest() } };
    return { version, xid, message: declaration.body.decode(reader) as Message };
  }
  const experimenter = reader.u32();
  const experimenterType = reader.u32();
  const declaration = known.get(tagKey({ experimenter, experimenterType }));
  if (declaration) return { version, xid, message: declaration.body.decode(reader) as Message };
  return { version, xid, message: { kind: 'experimenter', experimenter, experimenterType, data: reader.rest() } };
}
