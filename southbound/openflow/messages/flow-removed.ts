/** Flow-removed: a flow that asked for it (`send_flow_rem`) is gone. OpenFlow 1.5 moved its fields and its counters. */
import { enumOf, fromVersion, mapped, u16, u64, u8, type Infer } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { matchCodec } from '../match-codec.js';
import { Version } from '../version.js';
import { counted, duration } from './fields.js';
import { kindStruct, type MessageDeclaration } from './message.js';
import { oxsStatistics } from './oxs.js';

export const FlowRemovedReason = {
  idle_timeout: 0,
  hard_timeout: 1,
  delete: 2,
  group_delete: 3,
  meter_delete: 4,
  eviction: 5,
} as const;

const reason = enumOf(u8, FlowRemovedReason);

const current = kindStruct('flowRemoved', {
  tableId: u8,
  reason,
  priority: u16,
  idleTimeout: u16,
  hardTimeout: u16,
  cookie: u64,
  match: matchCodec,
  statistics: oxsStatistics,
});
export type FlowRemoved = Infer<typeof current>;

const fixedCounters = struct({
  cookie: u64,
  priority: u16,
  reason,
  tableId: u8,
  ...duration,
  idleTimeout: u16,
  hardTimeout: u16,
  ...counted,
  match: matchCodec,
});

const earlier = mapped(
  fixedCounters,
  ({ durationSeconds, durationNanoseconds, packetCount, byteCount, ...rest }): FlowRemoved => ({
    kind: 'flowRemoved',
    ...rest,
    statistics: { durationSeconds, durationNanoseconds, packetCount, byteCount },
  }),
  ({ statistics, ...rest }) => ({
    ...rest,
    durationSeconds: statistics.durationSeconds ?? 0,
    durationNanoseconds: statistics.durationNanoseconds ?? 0,
    packetCount: statistics.packetCount ?? 0n,
    byteCount: statistics.byteCount ?? 0n,
  }),
);

export const FlowRemoved: MessageDeclaration<FlowRemoved> = {
  kind: 'flowRemoved',
  tag: { type: 11 },
  body: fromVersion<FlowRemoved>(Version.openflow15, current, earlier),
};
