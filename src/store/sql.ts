/** Rows to SQL and back: derived from the nouns, so that no column is spelt twice. */
import { type Kind, resourceOf, type RowOf } from '../model/index.js';
import { snakeCase } from '../model/letter-case.js';
import type { ColumnType } from '../model/value-types.js';
import { fieldOf, toRecord } from '../model/wire.js';

/**
 * What runs SQL: a session of the database within its transaction. Queries run in the order in which they are given, whether or
 * not the one before has been awaited. A text that comes with values is prepared and remembered: it must be a constant.
 */
export interface Session {
  query(query: { text: string; values?: unknown[]; rowMode: 'array' }): Promise<{ rows: unknown[][] }>;
  query(
    text: string,
    values?: unknown[],
  ): Promise<{ command: string; rows: Record<string, unknown>[]; rowCount: number | null }>;
}

/** How a column is read so that it arrives as the row has it: 64-bit numbers as numbers, times as ISO 8601. */
function selected(column: string, type: ColumnType, prefix: string): string {
  if (type === 'bigint') return `${prefix}${column}::float8`;
  if (type === 'timestamptz') return `to_char(${prefix}${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  return `${prefix}${column}`;
}

/** Half a character, or none: Postgres takes neither. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** Whether Postgres takes the text as a value at all. */
export function isStorable(value: unknown): value is string {
  return typeof value === 'string' && !UNSTORABLE.test(value);
}

interface Shape {
  /** `id, name, ...` */
  readonly columns: string;
  /** The same as expressions that `decodeRow` understands, of the table alias `t`. */
  readonly selection: string;
  /** `id uuid, name text, ...` for jsonb_to_recordset. */
  readonly recordset: string;
  /** `name = r.name, ...`, all but the id: a row may be deleted and made anew under its id in one transaction. */
  readonly assignments: string;
}

const shapes = new Map<Kind, Shape>();

export function shapeOf(kind: Kind): Shape {
  const known = shapes.get(kind);
  if (known !== undefined) return known;
  const noun = resourceOf(kind);
  const columns = noun.fieldNames.map(name => ({ column: snakeCase(name), type: fieldOf(noun, name).type.column }));
  const shape: Shape = {
    columns: columns.map(({ column }) => column).join(', '),
    selection: columns.map(({ column, type }) => selected(column, type, 't.')).join(', '),
    recordset: columns.map(({ column, type }) => `${column} ${type}`).join(', '),
    assignments: columns
      .filter(({ column }) => column !== 'id')
      .map(({ column }) => `${column} = r.${column}`)
      .join(', '),
  };
  shapes.set(kind, shape);
  return shape;
}

/** One row selected with `selection`, as an array. */
export function decodeRow<K extends Kind>(kind: K, values: readonly unknown[]): RowOf<K> {
  const noun = resourceOf(kind);
  const row: Record<string, unknown> = {};
  for (const [index, name] of noun.fieldNames.entries()) row[name] = fieldOf(noun, name).type.fromWire(values[index]);
  // Every field of the noun is set by its own type.
  return row as unknown as RowOf<K>;
}

/** The columns of rows as jsonb_to_recordset reads them from the parameter. */
export function recordsetOf(kind: Kind, parameter: string): string {
  return `jsonb_to_recordset(${parameter}::jsonb) AS r(${shapeOf(kind).recordset})`;
}

/** The value of such a parameter. */
export function recordsetValue<K extends Kind>(kind: K, rows: readonly RowOf<K>[]): string {
  return JSON.stringify(rows.map(row => toRecord(kind, row)));
}
