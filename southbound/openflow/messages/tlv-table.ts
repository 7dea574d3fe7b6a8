/** The table that maps tunnel options (Geneve TLVs) to tun_metadata fields. */
import { enumOf, list, padding, u16, u32, u8, type Infer } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { niciraMessage, type ValueOf } from './message.js';

export const TlvTableCommand = { add: 0, delete: 1, clear: 2 } as const;

const TlvMap = struct({
  optionClass: u16,
  optionType: u8,
  /** Bytes of the option's content, a multiple of 4. */
  optionLength: u8,
  /** n of tun_metadata*n*. */
  index: u16,
  gap: padding(2),
});
export type TlvMap = Infer<typeof TlvMap>;

export const TlvTableMod = niciraMessage('tlvTableMod', 24, {
  command: enumOf(u16, TlvTableCommand),
  gap: padding(6),
  maps: list(TlvMap),
});
export type TlvTableMod = ValueOf<typeof TlvTableMod>;

export const TlvTableRequest = niciraMessage('tlvTableRequest', 25, {});
export type TlvTableRequest = ValueOf<typeof TlvTableRequest>;

export const TlvTableReply = niciraMessage('tlvTableReply', 26, {
  /** Bytes of all options together. */
  maximumOptionSpace: u32,
  maximumFields: u16,
  gap: padding(10),
  maps: list(TlvMap),
});
export type TlvTableReply = ValueOf<typeof TlvTableReply>;
