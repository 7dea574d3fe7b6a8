/** Packet-in of the standard: a packet that the switch sends to the controller. Open vSwitch's own is packet-in2.ts. */
import { enumOf, padding, restBytes, u16, u32, u64, u8 } from '../../wire/codec.js';
import { matchCodec } from '../match-codec.js';
import { message, type ValueOf } from './message.js';

export const PacketInReason = {
  no_match: 0,
  action: 1,
  invalid_ttl: 2,
  action_set: 3,
  group: 4,
  packet_out: 5,
} as const;

export const PacketIn = message('packetIn', 10, {
  bufferId: u32,
  /** Bytes of the whole packet; `data` may be less. */
  totalLength: u16,
  reason: enumOf(u8, PacketInReason),
  tableId: u8,
  cookie: u64,
  match: matchCodec,
  gap: padding(2),
  data: restBytes,
});
export type PacketIn = ValueOf<typeof PacketIn>;
