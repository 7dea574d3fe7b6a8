/**
 * Open vSwitch's packet-in, a list of properties, and the resume that gives a paused packet back to the pipeline with
 * the continuation that came with it. Source: ovs-fields(7), ovs-actions(7) `controller`.
 */
import { enumOf, list, padding, restBytes, u32, u64, u8, type Infer } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { tlv, tlvCase } from '../../wire/tlv.js';
import { oxmListCodec } from '../match-codec.js';
import { niciraMessage, type ValueOf } from './message.js';
import { PacketInReason } from './packet-in.js';

const PacketInProperty = tlv({
  packet: tlvCase(0, struct({ data: restBytes })),
  /** Bytes of the whole packet, when `packet` is less. */
  fullLength: tlvCase(1, struct({ length: u32 })),
  bufferId: tlvCase(2, struct({ bufferId: u32 })),
  tableId: tlvCase(3, struct({ tableId: u8 })),
  cookie: tlvCase(4, struct({ gap: padding(4), cookie: u64 })),
  reason: tlvCase(5, struct({ reason: enumOf(u8, PacketInReason) })),
  /** Registers, in_port, tunnel and conntrack fields of the packet. */
  metadata: tlvCase(6, struct({ fields: oxmListCodec })),
  /** What the `controller` action carried. */
  userdata: tlvCase(7, struct({ data: restBytes })),
  /** Private to the switch, to be given back as it is. */
  continuation: tlvCase(8, struct({ data: restBytes })),
});
export type PacketInProperty = Infer<typeof PacketInProperty>;

export const PacketIn2 = niciraMessage('packetIn2', 30, { properties: list(PacketInProperty) });
export type PacketIn2 = ValueOf<typeof PacketIn2>;

export const Resume = niciraMessage('resume', 28, { properties: list(PacketInProperty) });
export type Resume = ValueOf<typeof Resume>;
