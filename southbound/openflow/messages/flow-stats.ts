/**
 * Multipart flow and aggregate statistics. In OpenFlow 1.5 (OFPMP_FLOW_DESC) each flow carries its counters as OXS;
 * before, in fixed fields. A value always has `statistics`.
 */
import {
  flagsOf,
  fromVersion,
  list,
  mapped,
  padding,
  totalLength,
  u16,
  u32,
  u64,
  u8,
  type Codec,
  type Infer,
} from '../../wire/codec.js';
import { Reader } from '../../wire/reader.js';
import { struct } from '../../wire/struct.js';
import { WireError } from '../../wire/wire-error.js';
import { instructionsCodec } from '../instruction-codec.js';
import { matchCodec } from '../match-codec.js';
import { Version } from '../version.js';
import { counted, duration, Wildcard } from './fields.js';
import { FlowModFlag } from './flow-mod.js';
import { multipart, type RequestOf } from './multipart-kind.js';
import { oxsStatistics, type FlowStatistics } from './oxs.js';

const current = struct({
  totalLength,
  gap: padding(2),
  tableId: u8,
  gap2: padding(1),
  priority: u16,
  idleTimeout: u16,
  hardTimeout: u16,
  flags: flagsOf(u16, FlowModFlag),
  importance: u16,
  cookie: u64,
  match: matchCodec,
  statistics: oxsStatistics,
  instructions: instructionsCodec,
});
export type FlowStats = Infer<typeof current>;

const fixedCounters = struct({
  totalLength,
  tableId: u8,
  gap: padding(1),
  ...duration,
  priority: u16,
  idleTimeout: u16,
  hardTimeout: u16,
  flags: flagsOf(u16, FlowModFlag),
  importance: u16,
  gap2: padding(2),
  cookie: u64,
  ...counted,
  match: matchCodec,
  instructions: instructionsCodec,
});

const earlier = mapped(
  fixedCounters,
  ({ durationSeconds, durationNanoseconds, packetCount, byteCount, ...flow }): FlowStats => ({
    ...flow,
    statistics: { durationSeconds, durationNanoseconds, packetCount, byteCount },
  }),
  ({ statistics, ...flow }) => ({
    ...flow,
    durationSeconds: statistics.durationSeconds ?? 0,
    durationNanoseconds: statistics.durationNanoseconds ?? 0,
    packetCount: statistics.packetCount ?? 0n,
    byteCount: statistics.byteCount ?? 0n,
  }),
);

/** Where the parts of a flow of OpenFlow 1.5 stand; the match is the first whose length varies. */
const flowAt = { table: 4, match: 24 } as const;
const leastFlowBytes = 40;

/**
 * The flows of a reply of OpenFlow 1.5, as they stand in its body: each is the bytes of one. Throws WireError for a length that cannot
 * be right.
 */
export function* flowsIn(body: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < body.length; ) {
    const length = ((body[at] ?? 0) << 8) | (body[at + 1] ?? 0);
    if (length < leastFlowBytes || length > body.length - at)
      throw new WireError('bad_length', `flow of ${length} bytes`, at);
    yield body.subarray(at, at + length);
    at += length;
  }
}

/** One flow of `flowsIn`. Throws WireError. */
export function decodeFlow(flow: Uint8Array): FlowStats {
  return current.decode(new Reader(flow, Version.openflow15));
}

/**
 * A number of 53 bits over everything that a flow of `flowsIn` is, its counters left out: two flows of one number are one as good as
 * certainly. It says nothing about a peer that means harm.
 */
export function flowFingerprint(flow: Uint8Array): number {
  const view = new DataView(flow.buffer, flow.byteOffset, flow.length);
  let [low, high] = [0x811c9dc5, 0x9e3779b9];
  const mix = (start: number, end: number): void => {
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word = view.getInt32(at);
      low = Math.imul(low ^ word, 0x85ebca6b);
      low ^= low >>> 13;
      high = Math.imul(high ^ word, 0xc2b2ae35) + low;
      high ^= high >>> 16;
    }
    for (; at < end; at += 1) low = Math.imul(low ^ view.getUint8(at), 0x01000193);
  };
  const matchEnd = flowAt.match + alignedTo8(view.getUint16(flowAt.match + 2));
  if (matchEnd + 4 > flow.length) throw new WireError('bad_length', 'a match passes the end of its flow', flowAt.match);
  const statisticsEnd = matchEnd + alignedTo8(view.getUint16(matchEnd + 2));
  if (statisticsEnd > flow.length) throw new WireError('bad_length', 'statistics pass the end of their flow', matchEnd);
  mix(flowAt.table, matchEnd);
  mix(statisticsEnd, flow.length);
  high ^= flow.length;
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}

const alignedTo8 = (length: number): number => (length + 7) & ~7;

const FlowStats: Codec<FlowStats> = fromVersion(Version.openflow15, current, earlier);

const request = {
  tableId: u8,
  gap: padding(3),
  outPort: u32,
  outGroup: u32,
  gap2: padding(4),
  cookie: u64,
  cookieMask: u64,
  match: matchCodec,
} as const;

export const Flow = multipart('flow', 1, { request, reply: { flows: list(FlowStats) } });
export type FlowRequest = RequestOf<typeof Flow>;

const fixedAggregate = struct({ ...counted, flowCount: u32, gap: padding(4) });

const aggregateStatistics: Codec<FlowStatistics> = fromVersion<FlowStatistics>(
  Version.openflow15,
  oxsStatistics,
  mapped(
    fixedAggregate,
    (wire): FlowStatistics => wire,
    ({ packetCount = 0n, byteCount = 0n, flowCount = 0 }) => ({ packetCount, byteCount, flowCount }),
  ),
);

export const Aggregate = multipart('aggregate', 2, { request, reply: { statistics: aggregateStatistics } });
export type AggregateRequest = RequestOf<typeof Aggregate>;

/** Asks for the flows of every table, or as restricted. */
export function flowRequest(given: Partial<Omit<FlowRequest, 'kind'>> = {}): FlowRequest {
  const { table, port, group } = Wildcard;
  return {
    kind: 'flow',
    tableId: table,
    outPort: port,
    outGroup: group,
    cookie: 0n,
    cookieMask: 0n,
    match: [],
    ...given,
  };
}
