/**
 * Operations of a transaction (RFC 7047 section 5.2), built with the types of the schema, and the reading of results.
 */
import { isJsonObject, type JsonObject, type JsonValue } from './json-stream.js';
import { decodeAtom, encodeValue, type AnyInput, type ColumnType, type NamedUuid } from './notation.js';
import { columnType, type ColumnInput, type ColumnName, type RowInput, type TableName } from './schema.js';

/** One operation, ready for the wire. Equal operations have equal JSON. */
export interface Operation {
  readonly op: 'insert' | 'select' | 'update' | 'mutate' | 'delete' | 'wait' | 'assert' | 'comment' | 'commit';
  readonly table: TableName | null;
  readonly wire: JsonObject;
}

/** `[column, function, value]`, already encoded. */
export type Condition = readonly [string, string, JsonValue];
/** `[column, mutator, value]`, already encoded. */
export type Mutation = readonly [string, string, JsonValue];

type ConditionFunction = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'includes' | 'excludes';

/** A condition on a declared column. */
export function condition<T extends TableName, C extends ColumnName<T>>(
  table: T,
  column: C,
  comparison: ConditionFunction,
  value: ColumnInput<T, C>,
): Condition {
  return [column, comparison, encodeValue(columnType(table, column), value as AnyInput)];
}

/** The condition that selects exactly this row. */
export function byUuid(uuid: string): Condition {
  return ['_uuid', '==', ['uuid', uuid]];
}

/** Names a row of this transaction; `[A-Za-z_][A-Za-z0-9_]*` is all that OVSDB accepts. */
export function named(name: string): NamedUuid {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Error(`"${name}" cannot name a row`);
  return { named: name };
}

function encodeRow<T extends TableName>(table: T, row: RowInput<T>): JsonObject {
  const entries = Object.entries(row as Readonly<Record<string, AnyInput>>);
  return Object.fromEntries(entries.map(([name, value]) => [name, encodeValue(columnType(table, name), value)]));
}

/** Inserts a row; columns not given take their defaults. `name` lets other operations of the transaction refer to it. */
export function insert<T extends TableName>(table: T, row: RowInput<T>, name?: NamedUuid): Operation {
  const base = { op: 'insert', table, row: encodeRow(table, row) };
  return { op: 'insert', table, wire: name ? { ...base, 'uuid-name': name.named } : base };
}

/** Replaces the given columns of every row that meets all conditions. */
export function update<T extends TableName>(table: T, where: readonly Condition[], row: RowInput<T>): Operation {
  return { op: 'update', table, wire: { op: 'update', table, where, row: encodeRow(table, row) } };
}

/** Changes parts of columns of every row that meets all conditions. */
export function mutate(table: TableName, where: readonly Condition[], mutations: readonly Mutation[]): Operation {
  return { op: 'mutate', table, wire: { op: 'mutate', table, where, mutations } };
}

/** Adds elements to a set, or pairs to a map (a key that is there keeps its value: remove it first to replace it). */
export function adding<T extends TableName, C extends ColumnName<T>>(
  table: T,
  column: C,
  value: ColumnInput<T, C>,
): Mutation {
  return [column, 'insert', encodeValue(columnType(table, column), value as AnyInput)];
}

/** Removes elements from a set. */
export function removing<T extends TableName, C extends ColumnName<T>>(
  table: T,
  column: C,
  value: ColumnInput<T, C>,
): Mutation {
  return [column, 'delete', encodeValue(columnType(table, column), value as AnyInput)];
}

/** Removes pairs from a map by their keys. */
export function removingKeys<T extends TableName>(
  table: T,
  column: ColumnName<T>,
  keys: readonly (string | number)[],
): Mutation {
  const type = columnType(table, column);
  const keySet: ColumnType = { kind: 'set', key: type.key };
  return [column, 'delete', encodeValue(keySet, keys)];
}

/** Adds to an integer column. */
export function incrementing<T extends TableName>(_table: T, column: ColumnName<T>, by: number): Mutation {
  return [column, '+=', by];
}

/** Deletes every row that meets all conditions (of a table that is not a root: dropping the reference is enough). */
export function deleteRows(table: TableName, where: readonly Condition[]): Operation {
  return { op: 'delete', table, wire: { op: 'delete', table, where } };
}

/** Reads the given columns of every row that meets all conditions. */
export function select<T extends TableName>(
  table: T,
  where: readonly Condition[],
  columns: readonly (ColumnName<T> | '_uuid')[],
): Operation {
  return { op: 'select', table, wire: { op: 'select', table, where, columns } };
}

/**
 * Goes on only if the rows selected are (or are not) exactly these. With the timeout of zero that we use, it is a
 * compare-and-set: the whole transaction fails as `timed out` when somebody else was faster.
 */
export function wait<T extends TableName>(
  table: T,
  where: readonly Condition[],
  until: '==' | '!=',
  columns: readonly ColumnName<T>[],
  rows: readonly RowInput<T>[],
  timeoutMs = 0,
): Operation {
  const encoded = rows.map(row => encodeRow(table, row));
  return { op: 'wait', table, wire: { op: 'wait', table, where, columns, until, rows: encoded, timeout: timeoutMs } };
}

/** Goes on only while this connection owns the lock. */
export function assertLock(lock: string): Operation {
  return { op: 'assert', table: null, wire: { op: 'assert', lock } };
}

/** A note that the server writes into its log beside the transaction. */
export function comment(text: string): Operation {
  return { op: 'comment', table: null, wire: { op: 'comment', comment: text } };
}

/** Makes the reply wait until the transaction is on disk. */
export function commitDurably(): Operation {
  return { op: 'commit', table: null, wire: { op: 'commit', durable: true } };
}

/** What an operation did: `count` of rows for update, mutate and delete, `uuid` of an insert, `rows` of a select. */
export interface OperationResult {
  readonly count: number | null;
  readonly uuid: string | null;
  readonly rows: readonly JsonObject[] | null;
}

/**
 * The server refused a transaction; nothing of it was done. `code` is the RFC's word (`constraint violation`, `timed out`,
 * `referential integrity violation`, ...), `operation` the one at fault, or null when only the commit failed.
 */
export class TransactionError extends Error {
  override readonly name = 'TransactionError';
  constructor(
    readonly code: string,
    readonly details: string,
    readonly operation: Operation | null,
    readonly index: number,
  ) {
    const where = operation
      ? `operation ${index} (${[operation.op, operation.table].filter(Boolean).join(' ')})`
      : 'commit';
    super(`${where}: ${code}${details ? `: ${details}` : ''}`);
  }

  /** Did somebody else change the database between our reading and our writing? Then plan again from fresh data. */
  get isConflict(): boolean {
    return this.operation?.op === 'wait' && this.code === 'timed out';
  }
}

/**
 * Reads the result of `transact`. The reply is a success even when operations failed: the failing one has an error in its
 * place, those behind it are null, and an error of the commit stands behind the last.
 * @throws TransactionError
 */
export function readResults(operations: readonly Operation[], reply: JsonValue): readonly OperationResult[] {
  if (!Array.isArray(reply)) throw new TransactionError('malformed reply', 'not an array', null, -1);
  const results = reply as readonly JsonValue[];
  results.forEach((result, index) => {
    if (!isJsonObject(result) || typeof result['error'] !== 'string') return;
    const details = typeof result['details'] === 'string' ? result['details'] : '';
    throw new TransactionError(result['error'], details, operations[index] ?? null, index);
  });
  if (results.length < operations.length) throw new TransactionError('malformed reply', 'too short', null, -1);
  return operations.map((_, index) => {
    const result = results[index];
    if (!isJsonObject(result)) return { count: null, uuid: null, rows: null };
    const { count, uuid, rows } = result;
    return {
      count: typeof count === 'number' ? count : null,
      uuid: uuid === undefined ? null : String(decodeAtom('uuid', uuid)),
      rows: Array.isArray(rows) ? (rows as readonly JsonValue[]).filter(isJsonObject) : null,
    };
  });
}
