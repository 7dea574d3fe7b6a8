/** Table-mod: what a table does when it is full, and when it tells so (OpenFlow 1.4 and later). */
import { constant, fromVersion, list, padding, u32, u8, type Infer } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { tlv, tlvCase } from '../../wire/tlv.js';
import { Version } from '../version.js';
import { message, type ValueOf } from './message.js';

export const TableProperty = tlv({
  eviction: tlvCase(2, struct({ flags: u32 })),
  /** Percentages of free space. */
  vacancy: tlvCase(3, struct({ down: u8, up: u8, current: u8, gap: padding(1) })),
});
export type TableProperty = Infer<typeof TableProperty>;

const none: readonly TableProperty[] = [];

export const TableMod = message('tableMod', 17, {
  tableId: u8,
  gap: padding(3),
  config: u32,
  properties: fromVersion<readonly TableProperty[]>(Version.openflow14, list(TableProperty), constant(none)),
});
export type TableMod = ValueOf<typeof TableMod>;
