/** Features: what the switch is. Asked by the controller right after the hellos. */
import { flagsOf, padding, u32, u64, u8 } from '../../wire/codec.js';
import { message, type ValueOf } from './message.js';

export const Capability = {
  flow_stats: 1 << 0,
  table_stats: 1 << 1,
  port_stats: 1 << 2,
  group_stats: 1 << 3,
  ip_reassembly: 1 << 5,
  queue_stats: 1 << 6,
  port_blocked: 1 << 8,
  bundles: 1 << 9,
  flow_monitoring: 1 << 10,
} as const;

export const FeaturesRequest = message('featuresRequest', 5, {});
export type FeaturesRequest = ValueOf<typeof FeaturesRequest>;

export const FeaturesReply = message('featuresReply', 6, {
  datapathId: u64,
  bufferCount: u32,
  tableCount: u8,
  auxiliaryId: u8,
  gap: padding(2),
  capabilities: flagsOf(u32, Capability),
  reserved: u32,
});
export type FeaturesReply = ValueOf<typeof FeaturesReply>;
