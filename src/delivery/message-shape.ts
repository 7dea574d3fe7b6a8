/**
 * The shape of a message that changes flows or groups: all of it that a switch looks at when it decides whether it understands the
 * message, and nothing else. Two messages of one shape are both accepted into a bundle by a switch, or both refused.
 *
 * A shape is the message itself with the values blanked that no check depends on: addresses, keys, port numbers below the reserved
 * ones, ids of groups and meters (whether these exist is asked at commit, where a refusal undoes everything). What stays: the
 * command, table and flags, the headers of all fields with whether they are masked, the values of those fields that others
 * depend on (Ethernet type, IP protocol, ICMP type...) or that not every value suits, and every action with its length, its
 * fields and the bits that it names. Of a group, each different bucket is a shape of its own: their number is nobody's concern.
 *
 * Sources: OpenFlow 1.5.1 sections 7.2 and 7.3.4, nicira-ext; tried on Open vSwitch 3.1.
 */
import { hash } from 'node:crypto';
import type { WireSlice } from './bundle-plan.js';
import { bundleAddBytes } from './encoding.js';

/** So many shapes are told apart; a compiler makes some hundreds. Beyond, a message has none. */
const mostShapes = 8_192;

/** Numbers of shapes, as they came. */
const numbers = new Map<string, number>();

/** Longer ones are told apart by a hash: a group may have 64 kB. */
const longestKept = 256;

/** The number of this shape; null when there are too many. */
function numberOf(whole: string): number | null {
  const shape = whole.length > longestKept ? hash('sha256', whole, 'base64') : whole;
  const known = numbers.get(shape);
  if (known !== undefined || numbers.size >= mostShapes) return known ?? null;
  numbers.set(shape, numbers.size);
  return numbers.size - 1;
}

/** Numbers of the shapes of all messages in these slices, each once; null: one of them cannot be told. */
export function shapesOf(slices: readonly WireSlice[]): readonly number[] | null {
  const found = new Set<number>();
  for (const { bytes } of slices) {
    for (let at = 0; at < bytes.length; ) {
      const length = (byteAt(bytes, at + 2) << 8) | byteAt(bytes, at + 3);
      if (length < bundleAddBytes + headerBytes) return null;
      const message = Buffer.from(bytes.subarray(at + bundleAddBytes, at + length));
      for (const shape of shapesIn(message)) {
        const number = numberOf(shape);
        if (number === null) return null;
        found.add(number);
      }
      at += length;
    }
  }
  return [...found];
}

const byteAt = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0;

const headerBytes = 8;
const messageTypes = { flowMod: 14, groupMod: 15 } as const;
/** Where the parts of a flow-mod stand. */
const flowMod = { cookie: 8, table: 24, timeouts: 26, bufferId: 32, match: 48 } as const;
/** And of a group-mod. */
const groupMod = { groupId: 12, bucketsLength: 16, buckets: 24 } as const;
const bucketActions = 8;

/** The message is taken over and changed. */
function shapesIn(message: Buffer): readonly string[] {
  const type = byteAt(message, 1);
  message.fill(0, 4, headerBytes);
  if (type === messageTypes.flowMod) {
    message.fill(0, flowMod.cookie, flowMod.table);
    message.fill(0, flowMod.timeouts, flowMod.bufferId);
    const matchLength = message.readUInt16BE(flowMod.match + 2);
    blankFields(message, flowMod.match + 4, flowMod.match + matchLength);
    blankInstructions(message, flowMod.match + alignedTo8(matchLength));
  } else if (type === messageTypes.groupMod) return groupShapes(message);
  return [message.toString('latin1')];
}

function groupShapes(message: Buffer): readonly string[] {
  const { groupId, bucketsLength, buckets } = groupMod;
  const kind = message.toString('latin1', headerBytes, groupId);
  const end = buckets + message.readUInt16BE(bucketsLength);
  const shapes = [`group ${kind} ${message.toString('latin1', end)}`];
  for (let at = buckets; at < end; ) {
    const length = message.readUInt16BE(at);
    if (length < bucketActions) break;
    const actionsEnd = at + bucketActions + message.readUInt16BE(at + 2);
    blankActions(message, at + bucketActions, actionsEnd);
    // Weight and watches: whether they are there.
    for (let property = actionsEnd; property + 4 <= at + length; ) {
      const propertyBytes = Math.max(4, message.readUInt16BE(property + 2));
      message.fill(0, property + 4, property + propertyBytes);
      property += propertyBytes;
    }
    shapes.push(
      `bucket ${kind} ${message.toString('latin1', at, at + 4)}${message.toString('latin1', at + 8, at + length)}`,
    );
    at += length;
  }
  return shapes;
}

const alignedTo8 = (length: number): number => (length + 7) & ~7;

const instructionTypes = { writeActions: 3, applyActions: 4 } as const;

function blankInstructions(message: Buffer, start: number): void {
  for (let at = start; at + 4 <= message.length; ) {
    const type = message.readUInt16BE(at);
    const length = message.readUInt16BE(at + 2);
    if (length < 4) return;
    if (type === instructionTypes.applyActions || type === instructionTypes.writeActions) {
      blankActions(message, at + 8, at + length);
    }
    at += length;
  }
}

const openFlowField = (number: number): number => (0x8000 << 7) | number;

/** Fields of OpenFlow of one byte, of whose values only so much matters as others depend on: tenants choose them. */
const protocolsOfFields: ReadonlySet<number> = new Set([1, 2, 6, 17, 58, 132]);
const neighbourTypes: ReadonlySet<number> = new Set([135, 136]);
const otherValue = 0xff;
const reductions: ReadonlyMap<number, (value: number) => number> = new Map([
  // ip_proto, ICMP type and code, ICMPv6 type and code.
  [openFlowField(10), (value: number) => (protocolsOfFields.has(value) ? value : otherValue)],
  [openFlowField(19), () => 0],
  [openFlowField(20), () => 0],
  [openFlowField(29), (value: number) => (neighbourTypes.has(value) ? value : otherValue)],
  [openFlowField(30), (value: number) => (value === 0 ? 0 : otherValue)],
]);
const vlanId = openFlowField(6);
/** The bit of vlan_vid that says whether there is a tag, within the first of its two bytes. */
const vlanPresent = 0x10;

/** OXM classes and numbers of fields whose values matter, as `class << 7 | number`. */
const telling: ReadonlySet<number> = new Set([
  // OpenFlow: eth_type, vlan_vid, arp_op, mpls_label, tcp_flags, packet_type.
  ...[5, 6, 21, 34, 42, 44].map(openFlowField),
  // Nicira: vlan_tci and eth_type of the old names, ct_state.
  ...[3, 4].map(field => field),
  (1 << 7) | 105,
]);
const experimenterClass = 0xffff;

/** Where the value of the field at `at` begins and ends, mask included; the end of the next is `end`. */
function valueOf(message: Buffer, at: number): { readonly start: number; readonly end: number } {
  const end = at + 4 + byteAt(message, at + 3);
  return { start: at + (message.readUInt16BE(at) === experimenterClass ? 8 : 4), end };
}

function blankField(message: Buffer, at: number): number {
  const { start, end } = valueOf(message, at);
  const isMasked = (byteAt(message, at + 2) & 1) === 1;
  const isShort = (end - start) >> (isMasked ? 1 : 0) <= 1;
  const name = (message.readUInt16BE(at) << 7) | (byteAt(message, at + 2) >> 1);
  const reduction = isMasked ? undefined : reductions.get(name);
  if (reduction !== undefined) message[start] = reduction(byteAt(message, start));
  else if (name === vlanId && !isMasked) {
    message[start] = byteAt(message, start) & vlanPresent;
    message.fill(0, start + 1, end);
  } else if (!isShort && !telling.has(name)) message.fill(0, start, end);
  return end;
}

function blankFields(message: Buffer, start: number, end: number): void {
  for (let at = start; at + 4 <= end; ) at = blankField(message, at);
}

const firstReservedPort = 0xff00;
const actionTypes = { output: 0, group: 22, setField: 25, meter: 29, experimenter: 0xffff } as const;
/** Nicira's, by number. */
const niciraTypes = { load: 7, learn: 16, setField: 33, conjunction: 34, conntrack: 35, nat: 36, clone: 42 } as const;
const nicira = 0x2320;
/** Where in Nicira's actions those bytes stand that matter to nobody, or what is nested. */
const places = {
  loadValue: 16,
  learnCookie: 16,
  learnFlags: 24,
  learnSpecs: 32,
  conjunctionId: 12,
  nested: 24,
  natRange: 16,
  cloned: 16,
};

function blankActions(message: Buffer, start: number, end: number): void {
  for (let at = start; at + 8 <= end; ) {
    const type = message.readUInt16BE(at);
    const length = message.readUInt16BE(at + 2);
    if (length < 8) return;
    if (type === actionTypes.output) {
      if (message.readUInt32BE(at + 4) < firstReservedPort) message.fill(0, at + 4, at + 8);
    } else if (type === actionTypes.group || type === actionTypes.meter) message.fill(0, at + 4, at + 8);
    else if (type === actionTypes.setField) blankField(message, at + 4);
    else if (type === actionTypes.experimenter && message.readUInt32BE(at + 4) === nicira) {
      blankNicira(message, at, at + length);
    }
    at += length;
  }
}

function blankNicira(message: Buffer, at: number, end: number): void {
  switch (message.readUInt16BE(at + 8)) {
    case niciraTypes.load:
      message.fill(0, at + places.loadValue, end);
      return;
    case niciraTypes.setField:
      blankField(message, at + 10);
      return;
    case niciraTypes.conjunction:
      message.fill(0, at + places.conjunctionId, end);
      return;
    case niciraTypes.nat:
      message.fill(0, at + places.natRange, end);
      return;
    case niciraTypes.conntrack:
      return blankActions(message, at + places.nested, end);
    case niciraTypes.clone:
      return blankActions(message, at + places.cloned, end);
    case niciraTypes.learn:
      message.fill(0, at + places.learnCookie, at + places.learnFlags);
      return blankSpecs(message, at + places.learnSpecs, end);
  }
}

const specBits = { width: 0x07ff, toOutput: 0x1000, fromConstant: 0x2000 } as const;
const subfieldBytes = 6;

/** The constants that a `learn` writes. A field is named in 6 bytes, or 10 with an experimenter's. */
function blankSpecs(message: Buffer, start: number, end: number): void {
  const afterField = (at: number): number =>
    at + subfieldBytes + (message.readUInt16BE(at) === experimenterClass ? 4 : 0);
  for (let at = start; at + 2 <= end; ) {
    const header = message.readUInt16BE(at);
    if (header === 0) return;
    at += 2;
    if ((header & specBits.fromConstant) === 0) at = afterField(at);
    else {
      const bytes = Math.ceil((header & specBits.width) / 16) * 2;
      message.fill(0, at, at + bytes);
      at += bytes;
    }
    if ((header & specBits.toOutput) === 0) at = afterField(at);
  }
}

/** A set of numbers of shapes. */
class ShapeSet {
  #bits = new Uint8Array(0);

  has(shape: number): boolean {
    return (byteAt(this.#bits, shape >> 3) & (1 << (shape & 7))) !== 0;
  }

  add(shape: number): void {
    const place = shape >> 3;
    if (place >= this.#bits.length) {
      const grown = new Uint8Array(Math.max(place + 1, this.#bits.length * 2));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    this.#bits[place] = byteAt(this.#bits, place) | (1 << (shape & 7));
  }

  delete(shape: number): void {
    const place = shape >> 3;
    if (place < this.#bits.length) this.#bits[place] = byteAt(this.#bits, place) & ~(1 << (shape & 7));
  }
}

/** Shapes that one switch has accepted on this connection: whatever its version, its datapath and its kernel can do. */
export class AcceptedShapes {
  readonly #accepted = new ShapeSet();
  /** Shapes that have turned out not to tell. */
  readonly #distrusted = new ShapeSet();

  /** True when the switch has accepted messages of all these shapes. */
  covers(shapes: readonly number[] | null): boolean {
    return shapes !== null && shapes.every(shape => this.#accepted.has(shape));
  }

  accept(shapes: readonly number[] | null): void {
    for (const shape of shapes ?? []) if (!this.#distrusted.has(shape)) this.#accepted.add(shape);
  }

  forget(shapes: readonly number[] | null): void {
    for (const shape of shapes ?? []) this.#accepted.delete(shape);
  }

  /** A message of one of these shapes was refused although others were accepted: it is asked about from now on. */
  distrust(shapes: readonly number[] | null): void {
    this.forget(shapes);
    for (const shape of shapes ?? []) this.#distrusted.add(shape);
  }
}
