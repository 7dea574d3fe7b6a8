/**
 * Multipart flow monitor (OpenFlow 1.4 and later): the switch tells every change of the flows that match. The first
 * reply lists those that are there; later ones come unasked (from Open vSwitch with xid 0).
 */
import { enumOf, flagsOf, list, padding, totalLength, u16, u32, u64, u8, type Codec } from '../../wire/codec.js';
import type { Infer } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { instructionsCodec } from '../instruction-codec.js';
import { matchCodec } from '../match-codec.js';
import { FlowRemovedReason } from './flow-removed.js';
import { multipart } from './multipart-kind.js';

export const FlowMonitorFlag = {
  initial: 1 << 0,
  add: 1 << 1,
  removed: 1 << 2,
  modify: 1 << 3,
  instructions: 1 << 4,
  no_abbreviation: 1 << 5,
  only_own: 1 << 6,
} as const;
export const FlowMonitorCommand = { add: 0, modify: 1, delete: 2 } as const;

const FlowMonitorRequest = struct({
  monitorId: u32,
  outPort: u32,
  outGroup: u32,
  flags: flagsOf(u16, FlowMonitorFlag),
  tableId: u8,
  command: enumOf(u8, FlowMonitorCommand),
  match: matchCodec,
});
export type FlowMonitorRequest = Infer<typeof FlowMonitorRequest>;

/** `abbreviated` stands for a change that this connection asked for itself, under `xid`. */
export const FlowUpdateEvent = {
  initial: 0,
  added: 1,
  removed: 2,
  modified: 3,
  abbreviated: 4,
  paused: 5,
  resumed: 6,
} as const;

const event = enumOf(u16, FlowUpdateEvent);

const fullUpdate = struct({
  totalLength,
  event,
  tableId: u8,
  reason: enumOf(u8, FlowRemovedReason),
  idleTimeout: u16,
  hardTimeout: u16,
  priority: u16,
  gap: padding(4),
  cookie: u64,
  match: matchCodec,
  instructions: instructionsCodec,
});
const abbreviatedUpdate = struct({ totalLength, event, xid: u32 });

type Full = Infer<typeof fullUpdate>;
type Abbreviated = Infer<typeof abbreviatedUpdate>;

/**
 * Paused and resumed have the form of an abbreviated update with xid 0: Open vSwitch stops telling when the connection
 * cannot take it, and tells what it left out when it resumes.
 */
export type FlowUpdate = Full | Abbreviated;

function isFull(update: FlowUpdate): update is Full {
  return 'match' in update;
}

const FlowUpdate: Codec<FlowUpdate> = {
  minimumBytes: 8,
  encode: (writer, value) =>
    isFull(value) ? fullUpdate.encode(writer, value) : abbreviatedUpdate.encode(writer, value),
  decode: reader => {
    const isShort = reader.remaining >= 4 && reader.view.getUint16(reader.offset + 2) >= FlowUpdateEvent.abbreviated;
    return (isShort ? abbreviatedUpdate : fullUpdate).decode(reader);
  },
};

export const FlowMonitor = multipart('flowMonitor', 16, {
  request: { monitors: list(FlowMonitorRequest) },
  reply: { updates: list(FlowUpdate) },
});

/** Places in a reply of a flow monitor: its header, the kind and flags of the multipart, and the first update. */
const noteAt = { type: 1, length: 2, xid: 4, kind: 8, event: 18, end: 24 } as const;
const noteHeader = { version: 6, type: 19, kind: 16 } as const;

/**
 * Whether these bytes are the note of OpenFlow 1.5 that this connection itself has changed something, and nothing else: Open vSwitch
 * sends one with each bundle, so that it is told from the bytes.
 */
export function isOwnChangeNote(bytes: Uint8Array): boolean {
  if (bytes.length !== noteAt.end || bytes[0] !== noteHeader.version || bytes[noteAt.type] !== noteHeader.type)
    return false;
  const u16 = (at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  return (
    u16(noteAt.xid) + u16(noteAt.xid + 2) === 0 &&
    u16(noteAt.kind) === noteHeader.kind &&
    u16(noteAt.kind + 2) === 0 &&
    u16(noteAt.event) === FlowUpdateEvent.abbreviated &&
    u16(noteAt.event - 2) === noteAt.end - noteAt.event + 2
  );
}
