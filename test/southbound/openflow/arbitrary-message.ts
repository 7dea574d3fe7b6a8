/**
 * Random messages, derived from the declarations themselves, in which no field has its default value: no number is 0,
 * no list and no string is empty. A message that is added to the codec is covered without a line here.
 */
import * as fc from 'fast-check';
import { actionsCodec } from '../../../southbound/openflow/action-codec.js';
import { group, output, setField, type Action } from '../../../southbound/openflow/actions.js';
import { instructionsCodec } from '../../../southbound/openflow/instruction-codec.js';
import { applyActions, gotoTable, writeMetadata } from '../../../southbound/openflow/instructions.js';
import { canonicalFieldSet, canonicalMatch, matchField } from '../../../southbound/openflow/match.js';
import { fieldSetCodec, matchCodec, oxmListCodec } from '../../../southbound/openflow/match-codec.js';
import { declarations, type Message, type MessageKind } from '../../../southbound/openflow/message-codec.js';
import { experimenterErrorType } from '../../../southbound/openflow/messages/error.js';
import { FlowMonitor } from '../../../southbound/openflow/messages/flow-monitor.js';
import { multipartKinds } from '../../../southbound/openflow/messages/multipart.js';
import { oxsStatistics } from '../../../southbound/openflow/messages/oxs.js';
import { oxm } from '../../../southbound/openflow/oxm.js';
import type { Codec } from '../../../southbound/wire/codec.js';

/** A plain object, as decoding makes them. */
function object<T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(fields, { noNullPrototype: true });
}

const u32 = fc.integer({ min: 1, max: 0xffff_ffff });
const u64 = fc.bigInt({ min: 1n, max: 0xffff_ffff_ffff_ffffn });
const someBytes = fc.uint8Array({ minLength: 1, maxLength: 24 });

const match = fc
  .record({ inPort: u32, metadata: u64, register: u32, address: u32, bits: fc.integer({ min: 1, max: 32 }) })
  .map(({ inPort, metadata, register, address, bits }) => {
    const mask = BigInt.asUintN(32, -1n << BigInt(32 - bits));
    return canonicalMatch([
      matchField(oxm.inPort, BigInt(inPort)),
      matchField(oxm.metadata, metadata),
      matchField(oxm.reg3, BigInt(register)),
      matchField(oxm.ethType, 0x0800n),
      matchField(oxm.ipv4Dst, BigInt(address) & mask, mask),
    ]);
  });

const oxmList = u32.map(mask => [matchField(oxm.ipv4Src, BigInt(mask)), matchField(oxm.ipProto, 0xffn)]);

const actions: fc.Arbitrary<readonly Action[]> = fc
  .tuple(u32, u32, u32)
  .map(([value, port, groupId]) => [setField(oxm.reg5, BigInt(value)), output(port, 0xffff), group(groupId)]);

const instructions = fc
  .tuple(actions, u64, fc.integer({ min: 1, max: 253 }))
  .map(([list, metadata, table]) => [applyActions(list), writeMetadata(metadata), gotoTable(table)]);

const statistics = object({
  durationSeconds: u32,
  durationNanoseconds: u32,
  idleSeconds: u32,
  idleNanoseconds: u32,
  flowCount: u32,
  packetCount: u64,
  byteCount: u64,
});

/** Codecs that are written by hand, and so have no shape to walk. */
function byHand(): ReadonlyMap<unknown, fc.Arbitrary<unknown>> {
  return new Map<unknown, fc.Arbitrary<unknown>>([
    [matchCodec, match],
    [oxmListCodec, oxmList],
    [fieldSetCodec, oxmList.map(canonicalFieldSet)],
    [actionsCodec, actions],
    [instructionsCodec, instructions],
    [oxsStatistics, statistics],
    [flowUpdateCodec(), flowUpdate],
  ]);
}

function flowUpdateCodec(): unknown {
  const { shape } = FlowMonitor.reply;
  const updates = shape?.kind === 'struct' ? shape.fields['updates']?.shape : undefined;
  return updates?.kind === 'list' ? updates.item : undefined;
}

const flowUpdate = fc.oneof(
  object({
    event: fc.constantFrom('added', 'removed', 'modified'),
    tableId: fc.integer({ min: 1, max: 255 }),
    reason: fc.constantFrom('hard_timeout', 'delete', 'eviction'),
    idleTimeout: fc.integer({ min: 1, max: 0xffff }),
    hardTimeout: fc.integer({ min: 1, max: 0xffff }),
    priority: fc.integer({ min: 1, max: 0xffff }),
    cookie: u64,
    match,
    instructions,
  }),
  object({ event: fc.constantFrom('abbreviated', 'paused', 'resumed'), xid: u32 }),
);

function properties(cases: Readonly<Record<string, Codec<object>>>, version: number): fc.Arbitrary<unknown> {
  const known = Object.entries(cases).map(([kind, body]) =>
    arbitraryOf(body, version).map(value => ({ kind, ...(value as object) })),
  );
  const unknown = object({
    kind: fc.constant('unknown'),
    type: fc.integer({ min: 0x100, max: 0xfff0 }),
    bytes: someBytes,
  });
  return fc.oneof(...known, unknown);
}

function text(length: number): fc.Arbitrary<string> {
  return fc.string({ minLength: 1, maxLength: length - 1 });
}

/** Values of a codec as they look at `version`. */
export function arbitraryOf(codec: Codec<unknown>, version: number): fc.Arbitrary<unknown> {
  const written = byHand().get(codec);
  if (written) return written;
  if ('constant' in codec) return fc.constant(codec.constant);
  const { shape, scalar } = codec;
  if (!shape) throw new Error('a codec with neither a shape nor an arbitrary');
  switch (shape.kind) {
    case 'unsigned': {
      const wide = fc.bigInt({ min: 1n, max: (1n << BigInt(shape.bytes * 8)) - 1n });
      return shape.isBig ? wide : wide.map(Number);
    }
    case 'enum':
    case 'flags': {
      const any = fc.integer({ min: 1, max: 2 ** (shape.bytes * 8) - 1 });
      const named = fc.constantFrom(...Object.values(shape.names).filter(number => number !== 0));
      return fc.oneof(named, any).map(wire => scalar?.fromWire?.(wire));
    }
    case 'bytes':
      return shape.length === null ? someBytes : fc.uint8Array({ minLength: shape.length, maxLength: shape.length });
    case 'text':
      return text(shape.length);
    case 'list': {
      const { count } = shape;
      return fc.array(arbitraryOf(shape.item, version), { minLength: count ?? 1, maxLength: count ?? 3 });
    }
    case 'struct':
      return record(shape.fields, version);
    case 'tlv':
      return properties(shape.cases, version);
    case 'versions':
      return arbitraryOf(version >= shape.since ? shape.current : shape.earlier, version);
    case 'mapped':
      return arbitraryOf(shape.wire, version).map(wire => shape.decode(wire as never));
  }
}

function record(fields: Readonly<Record<string, Codec<unknown>>>, version: number): fc.Arbitrary<unknown> {
  const valued = Object.entries(fields).filter(([, codec]) => !('role' in codec));
  return object(Object.fromEntries(valued.map(([name, codec]) => [name, arbitraryOf(codec, version)])));
}

const error: fc.Arbitrary<unknown> = fc.oneof(
  object({
    kind: fc.constant('error'),
    type: fc.integer({ min: 1, max: experimenterErrorType - 1 }),
    code: fc.integer({ min: 1, max: 0xffff }),
    experimenter: fc.constant(null),
    data: someBytes,
  }),
  object({
    kind: fc.constant('error'),
    type: fc.constant(experimenterErrorType),
    code: fc.integer({ min: 1, max: 0xffff }),
    experimenter: u32,
    data: someBytes,
  }),
);

function multipart(kind: 'multipartRequest' | 'multipartReply', version: number): fc.Arbitrary<unknown> {
  const bodies = multipartKinds.map(({ request, reply }) =>
    arbitraryOf(kind === 'multipartRequest' ? request : reply, version),
  );
  const unknown = object({
    kind: fc.constant('unknown'),
    type: fc.integer({ min: 100, max: 0xffff }),
    bytes: someBytes,
  });
  return object({ kind: fc.constant(kind), more: fc.constant(true), body: fc.oneof(...bodies, unknown) });
}

/** Messages of one kind, as they look at `version`. */
export function arbitraryMessage(kind: MessageKind, version: number): fc.Arbitrary<Message> {
  return untyped(kind, version) as fc.Arbitrary<Message>;
}

function untyped(kind: MessageKind, version: number): fc.Arbitrary<unknown> {
  if (kind === 'multipartRequest' || kind === 'multipartReply') return multipart(kind, version);
  if (kind === 'error') return error;
  if (kind === 'unknown') {
    return object({ kind: fc.constant(kind), type: fc.integer({ min: 100, max: 255 }), bytes: someBytes });
  }
  if (kind === 'experimenter') {
    return object({ kind: fc.constant(kind), experimenter: u32, experimenterType: u32, data: someBytes });
  }
  const declaration = declarations.find(one => one.kind === kind);
  if (!declaration) throw new Error(`no message ${kind}`);
  return arbitraryOf(declaration.body, version);
}

export const messageKinds: readonly MessageKind[] = [
  ...declarations.map(one => one.kind as MessageKind),
  'unknown',
  'experimenter',
];

/** Any message at all. */
export function anyMessage(version: number): fc.Arbitrary<Message> {
  return fc.oneof(...messageKinds.map(kind => arbitraryMessage(kind, version)));
}
