/** Nicira messages by which a controller says what its own connection wants. */
import { enumOf, padding, u16, u32 } from '../../wire/codec.js';
import { niciraMessage, type ValueOf } from './message.js';

export const PacketInFormat = { standard: 0, nxt_packet_in: 1, nxt_packet_in2: 2 } as const;

export const SetPacketInFormat = niciraMessage('setPacketInFormat', 16, { format: enumOf(u32, PacketInFormat) });
export type SetPacketInFormat = ValueOf<typeof SetPacketInFormat>;

/** Which `controller(id=...)` actions reach this connection. */
export const SetControllerId = niciraMessage('setControllerId', 20, { gap: padding(6), controllerId: u16 });
export type SetControllerId = ValueOf<typeof SetControllerId>;
