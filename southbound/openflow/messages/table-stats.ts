/** Multipart statistics, features and descriptions of flow tables. */
import { fixedString, list, padding, totalLength, u32, u64, u8, type Infer } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { opaqueProperties } from './fields.js';
import { multipart } from './multipart-kind.js';
import { TableProperty } from './table-mod.js';

const TableStats = struct({
  tableId: u8,
  gap: padding(3),
  activeCount: u32,
  lookupCount: u64,
  matchedCount: u64,
});
export type TableStats = Infer<typeof TableStats>;

export const Table = multipart('table', 3, { request: {}, reply: { tables: list(TableStats) } });

/** Properties list what the table can match and do; none of that is decided by asking, so they stay bytes. */
const TableFeatures = struct({
  totalLength,
  tableId: u8,
  /** OpenFlow 1.5; 0 before. */
  command: u8,
  features: u32,
  name: fixedString(32),
  metadataMatch: u64,
  metadataWrite: u64,
  capabilities: u32,
  maximumEntries: u32,
  properties: opaqueProperties,
});
export type TableFeatures = Infer<typeof TableFeatures>;

const tableFeatures = list(TableFeatures);

/** A request with tables changes them, one without only asks. */
export const TableFeaturesKind = multipart('tableFeatures', 12, {
  request: { tables: tableFeatures },
  reply: { tables: tableFeatures },
});

const TableDescription = struct({
  totalLength,
  tableId: u8,
  gap: padding(1),
  config: u32,
  properties: list(TableProperty),
});
export type TableDescription = Infer<typeof TableDescription>;

/** OpenFlow 1.4 and later. */
export const TableDescriptionKind = multipart('tableDescription', 14, {
  request: {},
  reply: { tables: list(TableDescription) },
});
