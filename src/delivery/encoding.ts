/**
 * The messages that flows travel in. What a fragment takes is encoded once (encoded-fragment.ts) and the same bytes go to
 * every switch: bundle id and xids are fixed.
 *
 * Flows are sent with OpenFlow 1.5 only. Every Open vSwitch that Weft accepts (2.17 and later) speaks it; 1.3 has no
 * standard bundles, no meter action and no named buckets, 1.4 neither of the latter two.
 */
import type { Flow, Group, Meter } from '../compiler/fragment.js';
import { sentinelCookie } from '../compiler/identifiers.js';
import type { Action } from '../../southbound/openflow/actions.js';
import { instructionsCodec } from '../../southbound/openflow/instruction-codec.js';
import { instructionsFor, type Instruction } from '../../southbound/openflow/instructions.js';
import { matchCodec } from '../../southbound/openflow/match-codec.js';
import { encodeMessage, putBundleAdd, type Message } from '../../southbound/openflow/message-codec.js';
import { bucket, type Bucket as WireBucket, type GroupProperty } from '../../southbound/openflow/messages/bucket.js';
import { bundleControl, type BundleFlags } from '../../southbound/openflow/messages/bundle.js';
import { flowMod } from '../../southbound/openflow/messages/flow-mod.js';
import { groupMod, type GroupMod } from '../../southbound/openflow/messages/group-mod.js';
import type { MeterMod } from '../../southbound/openflow/messages/meter-mod.js';
import type { Match } from '../../southbound/openflow/oxm.js';
import { Version } from '../../southbound/openflow/version.js';
import { WireError } from '../../southbound/wire/wire-error.js';
import { Writer } from '../../southbound/wire/writer.js';
import { sentinelFlow, sentinelMagic, writeSentinelNumbers, type Sentinel } from './sentinel.js';

/** The version that flows are sent with. */
export const flowVersion = Version.openflow15;

/** One bundle is open at a time on a connection, so one number serves all; it is part of the shared bytes. */
export const bundleId = 0x5745_4654;
const bundleFlags: BundleFlags = ['atomic', 'ordered'];

/** xids from here on belong to bytes that are encoded once; a connection numbers its own requests below. */
export const firstSharedXid = 0x8000_0000;
const bundleOpenXid = firstSharedXid;
const sentinelXid = firstSharedXid + 1;
/** Of messages that a switch may not know, and nothing depends on: its complaints about them count for nothing. */
export const optionalXid = firstSharedXid + 2;
let nextXid = firstSharedXid + 3;

/** The xid of the messages of one fragment. They come round after 2^31 fragments. */
export function allocateSharedXid(): number {
  const xid = nextXid;
  nextXid = xid === 0xffff_ffff ? firstSharedXid + 3 : xid + 1;
  return xid;
}

/** Opens the bundle, on any connection. */
export const bundleOpen: Uint8Array = encodeMessage(
  bundleControl('open_request', bundleId, bundleFlags),
  bundleOpenXid,
  flowVersion,
);

/** A group that is larger could be made, but never be read back: descriptions travel in messages of 64 kB too. */
const maximumGroupBytes = 65_000;

const writer = new Writer(flowVersion, 4096);

/** Sum of two digests, modulo 2^64. */
export function addDigest(left: bigint, right: bigint): bigint {
  return BigInt.asUintN(64, left + right);
}

/** Groups that a flow sends packets to. */
export function groupsNamedBy(instructions: readonly Instruction[]): ReadonlySet<number> {
  const groups = new Set<number>();
  for (const instruction of instructions) {
    if (instruction.kind === 'applyActions') collectReferences(instruction.actions, groups, new Set());
  }
  return groups;
}

/** Meters that packets pass in a flow. */
export function metersNamedBy(instructions: readonly Instruction[]): ReadonlySet<number> {
  return new Set(instructions.flatMap(each => (each.kind === 'applyActions' ? [...metersOf(each.actions)] : [])));
}

function* metersOf(actions: readonly Action[]): Generator<number> {
  for (const action of actions) {
    if (action.kind === 'meter') yield action.meterId;
    else if (action.kind === 'clone' || action.kind === 'ct') yield* metersOf(action.actions);
  }
}

/** Adds the groups that the actions name, and the cookies of the flows that they make. */
export function collectReferences(actions: readonly Action[], groups: Set<number>, cookies: Set<bigint>): void {
  for (const action of actions) {
    if (action.kind === 'group') groups.add(action.groupId);
    else if (action.kind === 'learn') cookies.add(action.cookie);
    else if (action.kind === 'clone' || action.kind === 'ct') collectReferences(action.actions, groups, cookies);
  }
}

function bundleAdd(message: Message, xid: number): Uint8Array {
  writer.reset();
  putBundleAdd(writer, bundleId, bundleFlags, message, xid);
  return writer.finish();
}

/** Appends the bundle-add that puts a flow on the switch, or replaces the one with the same match and priority. */
export function putFlowAdd(target: Writer, flow: Flow, cookie: bigint, xid = 0): void {
  const message = flowMod({
    command: 'add',
    tableId: flow.table,
    priority: flow.priority,
    cookie,
    idleTimeout: flow.idleTimeout ?? 0,
    hardTimeout: flow.hardTimeout ?? 0,
    match: flow.match,
    instructions: instructionsFor(flow.actions),
  });
  putBundleAdd(target, bundleId, bundleFlags, message, xid);
}

/** The same alone. */
export function encodeFlowAdd(flow: Flow, cookie: bigint, xid: number): Uint8Array {
  writer.reset();
  putFlowAdd(writer, flow, cookie, xid);
  return writer.finish();
}

/**
 * The bundle-add that removes exactly this flow, and only while it has this cookie: if another fragment has put its
 * own flow in the place, that one stays.
 */
export function encodeFlowRemove(
  place: { readonly table: number; readonly priority: number; readonly match: Match },
  cookie: bigint,
  xid: number,
): Uint8Array {
  const message = flowMod({
    command: 'delete_strict',
    tableId: place.table,
    priority: place.priority,
    cookie,
    cookieMask: 0xffff_ffff_ffff_ffffn,
    match: place.match,
  });
  return bundleAdd(message, xid);
}

/** The group as a message; `add_or_modify` serves a switch with and without it. */
export function groupMessage(group: Group): GroupMod {
  const buckets = group.buckets.map(
    (one): WireBucket =>
      bucket({
        bucketId: one.bucketId,
        actions: one.actions,
        weight: group.type === 'select' ? (one.weight ?? 1) : null,
        watchPort: one.watchPort ?? null,
        watchGroup: one.watchGroup ?? null,
      }),
  );
  const { selectionMethod } = group;
  const properties: GroupProperty[] =
    selectionMethod === undefined
      ? []
      : [
          {
            kind: 'selectionMethod',
            method: selectionMethod.name,
            parameter: selectionMethod.parameter ?? 0n,
            fields: selectionMethod.fields ?? [],
          },
        ];
  return groupMod({ command: 'add_or_modify', type: group.type, groupId: group.id, buckets, properties });
}

/** Appends the bundle-add of the group and returns its length. Throws WireError when it is longer than can be read back. */
export function putGroup(target: Writer, group: Group): number {
  const start = target.offset;
  putBundleAdd(target, bundleId, bundleFlags, groupMessage(group), 0);
  const bytes = target.offset - start;
  if (bytes > maximumGroupBytes) {
    throw new WireError('out_of_range', `group ${group.id} takes ${bytes} bytes of ${maximumGroupBytes}`, 0);
  }
  return bytes;
}

export function encodeGroupRemove(groupId: number, xid: number): Uint8Array {
  return bundleAdd(groupMod({ command: 'delete', type: 'all', groupId }), xid);
}

/** Without a burst, Open vSwitch takes the rate for it and shows it so. */
export function meterMod(meter: Meter, command: MeterMod['command']): MeterMod {
  const flags: MeterMod['flags'] = meter.burst === undefined ? [meter.unit] : [meter.unit, 'burst'];
  const bands: MeterMod['bands'] =
    command === 'delete' ? [] : [{ kind: 'drop', rate: meter.rate, burstSize: meter.burst ?? meter.rate }];
  return { kind: 'meterMod', command, flags, meterId: meter.id, bands };
}

/** A plain message: Open vSwitch takes no meter in a bundle. */
export function encodeMeter(meter: Meter, command: MeterMod['command'], xid: number): Uint8Array {
  return encodeMessage(meterMod(meter, command), xid, flowVersion);
}

/** A plain message: the switch forgets the connections of the zone. */
export function encodeZoneFlush(zone: number, xid: number): Uint8Array {
  return encodeMessage({ kind: 'ctFlushZone', zone }, xid, flowVersion);
}

/** One encoded sentinel; all of one database and build differ in numbers only. */
let sentinelTemplate: { readonly of: string; readonly bytes: Buffer; readonly noteAt: number } | null = null;

/** The last message of every bundle. Made for each switch and round, so it is copied and patched, not encoded. */
export function encodeSentinel(sentinel: Sentinel): Uint8Array {
  const of = `${sentinel.databaseId} ${sentinel.build}`;
  if (sentinelTemplate?.of !== of) {
    const { flow, cookie } = sentinelFlow(sentinel);
    const bytes = Buffer.from(encodeFlowAdd(flow, cookie, sentinelXid));
    sentinelTemplate = { of, bytes, noteAt: bytes.indexOf(sentinelMagic) };
  }
  const bytes = Buffer.from(sentinelTemplate.bytes);
  bytes.writeBigUInt64BE(sentinelCookie(sentinel.revision, sentinel.check), flowModPlaces.cookie);
  writeSentinelNumbers(bytes, sentinelTemplate.noteAt, sentinel);
  return bytes;
}

/**
 * A flow in a form in which what we send and what a switch shows are the same text: `identity` is what there can be
 * only one of in a switch, `value` the rest.
 */
export interface FlowImage {
  readonly identity: string;
  readonly value: string;
}

export interface FlowContent {
  readonly table: number;
  readonly priority: number;
  readonly match: Match;
  readonly cookie: bigint;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly instructions: readonly Instruction[];
}

export function contentOf(flow: Flow, cookie: bigint): FlowContent {
  return {
    table: flow.table,
    priority: flow.priority,
    match: flow.match,
    cookie,
    idleTimeout: flow.idleTimeout ?? 0,
    hardTimeout: flow.hardTimeout ?? 0,
    instructions: instructionsFor(flow.actions),
  };
}

/** The identity of a flow with this match and priority in this table. */
export function identityOf({ table, priority, match }: Pick<FlowContent, 'table' | 'priority' | 'match'>): string {
  writer.reset();
  writer.u8(table);
  writer.u16(priority);
  matchCodec.encode(writer, match);
  return textOf(writer);
}

export function flowImage(content: FlowContent): FlowImage {
  const identity = identityOf(content);
  writer.reset();
  writer.u64(content.cookie);
  writer.u16(content.idleTimeout);
  writer.u16(content.hardTimeout);
  instructionsCodec.encode(writer, content.instructions);
  return { identity, value: textOf(writer) };
}

/** Where the fields of a flow-mod stand in its bundle-add: nothing before the match has a variable length. */
const flowModPlaces = {
  length: 2,
  innerLength: 18,
  cookie: 24,
  cookieMask: 32,
  table: 40,
  command: 41,
  timeouts: 42,
  priority: 46,
  match: 64,
} as const;
/** Length of what stands before the message in a bundle-add. */
export const bundleAddBytes = 16;
/** Where a bundle-add and the message in it have their xids. */
const xidPlaces = [4, bundleAddBytes + 4] as const;

const u16At = (text: string, at: number): number => (text.charCodeAt(at) << 8) | text.charCodeAt(at + 1);

const afterMatch = (message: string): number => {
  const { match } = flowModPlaces;
  return match + Math.ceil(u16At(message, match + 2) / 8) * 8;
};

/** Length in bytes of the message that begins at `at`; a byte a character. */
export function lengthOfMessage(messages: string, at: number): number {
  return u16At(messages, at + flowModPlaces.length);
}

/** Puts the xid into all bundle-adds that stand back to back in `bytes`. */
export function writeXids(bytes: Buffer, xid: number): void {
  for (let at = 0; at < bytes.length; at += bytes.readUInt16BE(at + flowModPlaces.length)) {
    for (const place of xidPlaces) bytes.writeUInt32BE(xid, at + place);
  }
}

/**
 * The image of a flow read from the bundle-add that makes it, a byte a character: the same as `flowImage`, without encoding
 * anything, since every flow that a switch should hold is there as bytes already.
 */
export function imageOfAdd(message: string): FlowImage {
  const { cookie, table, timeouts, priority, match } = flowModPlaces;
  const end = afterMatch(message);
  return {
    identity: message.slice(table, table + 1) + message.slice(priority, priority + 2) + message.slice(match, end),
    value: message.slice(cookie, cookie + 8) + message.slice(timeouts, timeouts + 4) + message.slice(end),
  };
}

/** Table and priority of the flow that the bundle-add at `at` makes, a byte a character. */
export function placeOfAdd(messages: string, at: number): { readonly table: number; readonly priority: number } {
  const { table, priority } = flowModPlaces;
  return { table: messages.charCodeAt(at + table), priority: u16At(messages, at + priority) };
}

/** Type and length before the first field of a match. */
const matchHeadBytes = 4;

/** Where the fields stand that the flow of the bundle-add at `at` matches. */
export function matchOfAdd(messages: string, at: number): { readonly start: number; readonly end: number } {
  const start = at + flowModPlaces.match;
  return { start: start + matchHeadBytes, end: start + u16At(messages, start + 2) };
}

const strictDelete = 4;

/** The bundle-add that takes away what this one adds: as `encodeFlowRemove`, under no xid, a byte a character. */
export function removalOfAdd(message: string): string {
  const { length, innerLength, cookieMask, table, command, timeouts, priority } = flowModPlaces;
  const end = afterMatch(message);
  const bytes = Buffer.from(message.slice(0, end), 'latin1');
  bytes.writeUInt16BE(end, length);
  bytes.writeUInt16BE(end - bundleAddBytes, innerLength);
  bytes.fill(0xff, cookieMask, table);
  bytes.writeUInt8(strictDelete, command);
  bytes.fill(0, timeouts, priority);
  return bytes.toString('latin1');
}

/** Any message as text that is equal when the message is. */
export function messageImage(message: Message): string {
  return Buffer.from(encodeMessage(message, 0, flowVersion)).toString('latin1');
}

/** What was written, a byte a character. */
export function textOf({ bytes, offset }: Writer): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, offset).toString('latin1');
}
