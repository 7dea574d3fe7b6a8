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
import { struct } from '../../wire/struct.js';
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
