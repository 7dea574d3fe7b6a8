/**
 * Fragments as bytes. A fragment is encoded once, the result is kept with the fragment object, and the same buffers
 * are written to every switch: bundle id and xids are fixed, the xid belonging to the fragment, so an error of any
 * switch names the fragment.
 *
 * Flows are sent with OpenFlow 1.5 only. Every Open vSwitch that Weft accepts (2.17 and later) speaks it; 1.3 has no
 * standard bundles, no meter action and no named buckets, 1.4 neither of the latter two.
 */
import { createHash } from 'node:crypto';
import type { Flow, Fragment, Group, Meter } from '../compiler/fragment.js';
import { sentinelCookie } from '../compiler/identifiers.js';
import type { Action } from '../../southbound/openflow/actions.js';
import { instructionsCodec } from '../../southbound/openflow/instruction-codec.js';
import { instructionsFor, type Instruction } from '../../southbound/openflow/instructions.js';
import { MatchError } from '../../southbound/openflow/match.js';
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
let nextXid = firstSharedXid + 2;

/** The xid of the messages of one fragment. They come round after 2^31 fragments. */
export function allocateSharedXid(): number {
  const xid = nextXid;
  nextXid = xid === 0xffff_ffff ? firstSharedXid + 2 : xid + 1;
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

export interface EncodedFragment {
  readonly xid: number;
  /** The switch could not be told this fragment: the reason. Everything below is empty then. */
  readonly failure: string | null;
  /** Bundle-add messages, one for each flow, group and meter in the fragment's order. Meters are plain messages. */
  readonly flows: readonly Uint8Array[];
  readonly groups: readonly Uint8Array[];
  /** 64 bits over everything that the switch will hold; never 0. */
  readonly digest: bigint;
  /** Groups and meters that its flows and buckets name. */
  readonly usesGroups: ReadonlySet<number>;
  /** Cookies of the flows that its `learn` actions make. */
  readonly learnedCookies: ReadonlySet<bigint>;
}

const cache = new WeakMap<Fragment, EncodedFragment>();
const writer = new Writer(flowVersion, 4096);

/** The encoding of a fragment, made when first asked for. */
export function encodedFragment(fragment: Fragment): EncodedFragment {
  let encoded = cache.get(fragment);
  if (encoded === undefined) {
    encoded = encode(fragment);
    cache.set(fragment, encoded);
  }
  return encoded;
}

/** Sum of two digests, modulo 2^64. */
export function addDigest(left: bigint, right: bigint): bigint {
  return BigInt.asUintN(64, left + right);
}

/** Lets everything else that is ready run first. */
export function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

const encodingsATurn = 50;

/**
 * Encodes what is not encoded yet, a slice at a time, so that nothing else waits for long. An array, because what the
 * fragments come from may change in the meantime.
 */
export async function warmEncodings(fragments: readonly Fragment[]): Promise<void> {
  let fresh = 0;
  for (const fragment of fragments) {
    if (cache.has(fragment)) continue;
    encodedFragment(fragment);
    fresh += 1;
    if (fresh % encodingsATurn === 0) await nextTurn();
  }
}

function encode(fragment: Fragment): EncodedFragment {
  const xid = allocateSharedXid();
  const usesGroups = new Set<number>();
  const learnedCookies = new Set<bigint>();
  const actionLists = [
    ...fragment.flows.map(flow => flow.actions),
    ...(fragment.groups ?? []).flatMap(group => group.buckets.map(one => one.actions)),
  ];
  for (const actions of actionLists) collectReferences(actions, usesGroups, learnedCookies);
  try {
    const flows = fragment.flows.map(flow => encodeFlowAdd(flow, fragment.cookie, xid));
    const groups = (fragment.groups ?? []).map(group => encodeGroup(group, xid));
    const digest = digestOf(fragment, xid, [...flows, ...groups]);
    return { xid, failure: null, flows, groups, digest, usesGroups, learnedCookies };
  } catch (error) {
    if (!(error instanceof WireError || error instanceof MatchError)) throw error;
    const failure = `cannot be sent: ${error.message}`;
    const digest = digestOf(fragment, xid, [new TextEncoder().encode(fragment.key)]);
    return { xid, failure, flows: [], groups: [], digest, usesGroups, learnedCookies };
  }
}

/** Groups that a flow sends packets to. */
export function groupsNamedBy(instructions: readonly Instruction[]): ReadonlySet<number> {
  const groups = new Set<number>();
  for (const instruction of instructions) {
    if (instruction.kind === 'applyActions') collectReferences(instruction.actions, groups, new Set());
  }
  return groups;
}

function collectReferences(actions: readonly Action[], groups: Set<number>, cookies: Set<bigint>): void {
  for (const action of actions) {
    if (action.kind === 'group') groups.add(action.groupId);
    else if (action.kind === 'learn') cookies.add(action.cookie);
    else if (action.kind === 'clone' || action.kind === 'ct') collectReferences(action.actions, groups, cookies);
  }
}

/** Over what is encoded, without the xids: they differ between two processes that hold the same fragments. */
function digestOf(fragment: Fragment, xid: number, messages: readonly Uint8Array[]): bigint {
  const hash = createHash('sha256');
  hash.update(fragment.key);
  for (const bytes of messages) hash.update(withoutXid(bytes, xid));
  for (const meter of fragment.meters ?? []) hash.update(encodeMessage(meterMod(meter, 'add'), 0, flowVersion));
  return hash.digest().readBigUInt64BE(0) | 1n;
}

const xidOffset = 4;
const bundleAddBytes = 16;

function withoutXid(bytes: Uint8Array, xid: number): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  for (const at of [xidOffset, bundleAddBytes + xidOffset]) {
    if (at + 4 <= copy.length && view.getUint32(at) === xid) view.setUint32(at, 0);
  }
  return copy;
}

function bundleAdd(message: Message, xid: number): Uint8Array {
  writer.reset();
  putBundleAdd(writer, bundleId, bundleFlags, message, xid);
  return writer.finish();
}

/** The bundle-add that puts a flow on the switch, or replaces the one with the same match and priority. */
export function encodeFlowAdd(flow: Flow, cookie: bigint, xid: number): Uint8Array {
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
  return bundleAdd(message, xid);
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

function encodeGroup(group: Group, xid: number): Uint8Array {
  const bytes = bundleAdd(groupMessage(group), xid);
  if (bytes.length > maximumGroupBytes) {
    throw new WireError('out_of_range', `group ${group.id} takes ${bytes.length} bytes of ${maximumGroupBytes}`, 0);
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

export function flowImage(content: FlowContent): FlowImage {
  writer.reset();
  writer.u8(content.table);
  writer.u16(content.priority);
  matchCodec.encode(writer, content.match);
  const identity = textOfWriter();
  writer.reset();
  writer.u64(content.cookie);
  writer.u16(content.idleTimeout);
  writer.u16(content.hardTimeout);
  instructionsCodec.encode(writer, content.instructions);
  return { identity, value: textOfWriter() };
}

/** Where the fields of a flow-mod stand in its bundle-add: nothing before the match has a variable length. */
const flowModPlaces = { cookie: 24, table: 40, timeouts: 42, priority: 46, match: 64 } as const;

/**
 * The image of a flow read from the bundle-add that makes it: the same as `flowImage`, without encoding anything, since
 * every flow that a switch should hold is there as bytes already.
 */
export function imageOfAdd(bytes: Uint8Array): FlowImage {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const { cookie, table, timeouts, priority, match } = flowModPlaces;
  const matchEnd = match + Math.ceil(buffer.readUInt16BE(match + 2) / 8) * 8;
  return {
    identity:
      buffer.toString('latin1', table, table + 1) +
      buffer.toString('latin1', priority, priority + 2) +
      buffer.toString('latin1', match, matchEnd),
    value:
      buffer.toString('latin1', cookie, cookie + 8) +
      buffer.toString('latin1', timeouts, timeouts + 4) +
      buffer.toString('latin1', matchEnd, buffer.length),
  };
}

/** Any message as text that is equal when the message is. */
export function messageImage(message: Message): string {
  return Buffer.from(encodeMessage(message, 0, flowVersion)).toString('latin1');
}

function textOfWriter(): string {
  return Buffer.from(writer.bytes.buffer, writer.bytes.byteOffset, writer.offset).toString('latin1');
}
