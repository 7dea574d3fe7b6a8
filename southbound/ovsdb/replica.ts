/**
 * Our copy of the declared part of a host's database, kept current by a monitor.
 *
 * A stand-alone ovsdb-server has no history: each reconnect brings a full dump. It is compared with what is held, and only
 * real differences are told, so a reconnect is not a flap. The copy outlives its connection and shows the last known state.
 */
import type { OvsdbClient } from './client.js';
import { isJsonObject, type JsonObject, type JsonValue } from './json-stream.js';
import { applyDifference, decodeValue, defaultValue, equalValues, isUuid, type AnyValue } from './notation.js';
import { RpcError, RpcProtocolError } from './rpc.js';
import { columnsOf, databaseName, tableNames, type Row, type Selection, type TableName } from './schema.js';

/** What became of one row: `before` is null for a new one, `after` for one that is gone. */
export type RowChange = {
  [T in TableName]: {
    readonly table: T;
    readonly uuid: string;
    readonly before: Row<T> | null;
    readonly after: Row<T> | null;
  };
}[TableName];

/** The rows of a database at one moment. */
export interface DatabaseSnapshot {
  /** Rows by UUID. */
  rows<T extends TableName>(table: T): ReadonlyMap<string, Row<T>>;
}

type AnyRow = { readonly _uuid: string } & { readonly [column: string]: AnyValue };
type RowDelta =
  | { readonly kind: 'whole'; readonly row: JsonObject }
  | { readonly kind: 'modify'; readonly row: JsonObject }
  | { readonly kind: 'delete' };

const noTransaction = '00000000-0000-0000-0000-000000000000';

export interface ReplicaOptions {
  /** Rows of all tables together; a host that has more is refused, so that it cannot eat our memory. */
  readonly maximumRows?: number;
  /** Characters of all rows together, roughly, with 256 for each row; one that has more is refused likewise. */
  readonly maximumCharacters?: number;
}

export class Replica implements DatabaseSnapshot {
  readonly #tables = new Map<TableName, Map<string, AnyRow>>();
  readonly #wanted: readonly TableName[];
  readonly #maximumRows: number;
  readonly #maximumCharacters: number;
  readonly #listeners = new Set<(changes: readonly RowChange[]) => void>();
  #rowCount = 0;
  #characters = 0;
  #followed: OvsdbClient | null = null;
  #lastTransaction = noTransaction;

  constructor(wanted: readonly TableName[] = tableNames, options: ReplicaOptions = {}) {
    this.#wanted = wanted;
    this.#maximumRows = options.maximumRows ?? 200_000;
    this.#maximumCharacters = options.maximumCharacters ?? 256 * 1024 * 1024;
    for (const table of wanted) this.#tables.set(table, new Map());
  }

  /** Is a live connection keeping this copy current? If not, it is the last known state. */
  get isCurrent(): boolean {
    return this.#followed !== null;
  }

  rows<T extends TableName>(table: T): ReadonlyMap<string, Row<T>> {
    // Rows are decoded by the declared columns of their table, which is what Row<T> is derived from.
    return (this.#tables.get(table) ?? new Map<string, AnyRow>()) as unknown as ReadonlyMap<string, Row<T>>;
  }

  /** The one row of a table that has at most one, such as `Open_vSwitch`. */
  only<T extends TableName>(table: T): Row<T> | null {
    for (const row of this.rows(table).values()) return row;
    return null;
  }

  /**
   * Calls back with the changes of each transaction, or of a dump, after they are in the replica.
   * The returned function ends it.
   */
  onChange(listener: (changes: readonly RowChange[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Subscribes over this connection; when it resolves, the replica holds the database and follows it until the connection
   * ends. Uses the newest of monitor_cond_since, monitor_cond and monitor that the server knows.
   * @throws RpcError, RpcClosedError, NotationError, RpcProtocolError
   */
  async follow(client: OvsdbClient): Promise<void> {
    const selection = client.selection(this.#wanted);
    const monitorId = client.nextMonitorId();
    const requests = monitorRequests(selection);
    const started = () => {
      this.#followed = client;
    };
    client.onMonitor(monitorId, (notification, params) => {
      if (this.#followed === client) this.#receive(notification, params);
    });
    client.onClose(() => {
      if (this.#followed === client) this.#followed = null;
    });
    try {
      await client.call('monitor_cond_since', [databaseName, monitorId, requests, this.#lastTransaction], result => {
        const [found, transaction, updates] = Array.isArray(result) ? (result as readonly JsonValue[]) : [];
        if (typeof found !== 'boolean' || typeof transaction !== 'string') throw malformed('monitor_cond_since');
        this.#lastTransaction = transaction;
        started();
        if (found) this.#apply(deltas2(updates ?? null));
        else this.#load(deltas2(updates ?? null));
      });
      return;
    } catch (error) {
      if (!isUnknownMethod(error)) throw error;
    }
    this.#lastTransaction = noTransaction;
    try {
      await client.call('monitor_cond', [databaseName, monitorId, requests], result => {
        started();
        this.#load(deltas2(result));
      });
      return;
    } catch (error) {
      if (!isUnknownMethod(error)) throw error;
    }
    await client.call('monitor', [databaseName, monitorId, requests], result => {
      started();
      this.#load(deltas1(result));
    });
  }

  #receive(notification: string, params: readonly JsonValue[]): void {
    if (notification === 'update3') {
      if (typeof params[1] !== 'string') throw malformed(notification);
      this.#lastTransaction = params[1];
      this.#apply(deltas2(params[2] ?? null));
    } else if (notification === 'update2') this.#apply(deltas2(params[1] ?? null));
    else this.#apply(deltas1(params[1] ?? null));
  }

  /** Takes a dump as the whole truth: what it does not have is gone. */
  #load(updates: readonly TableDelta[]): void {
    const changes: RowChange[] = [];
    const named = new Set<string>();
    for (const { table, uuid } of updates) named.add(`${table}/${uuid}`);
    for (const [table, rows] of this.#tables) {
      for (const uuid of rows.keys()) {
        if (!named.has(`${table}/${uuid}`)) this.#change(changes, table, uuid, null);
      }
    }
    this.#applyTo(changes, updates);
  }

  #apply(updates: readonly TableDelta[]): void {
    this.#applyTo([], updates);
  }

  #applyTo(changes: RowChange[], updates: readonly TableDelta[]): void {
    try {
      for (const { table, uuid, delta } of updates) {
        if (delta.kind === 'delete') this.#change(changes, table, uuid, null);
        else if (delta.kind === 'whole') this.#change(changes, table, uuid, wholeRow(table, uuid, delta.row));
        else {
          const current = this.#tables.get(table)?.get(uuid);
          if (!current) throw new RpcProtocolError(`the peer modifies a row of ${table} that it never sent`);
          this.#change(changes, table, uuid, modifiedRow(table, current, delta.row));
        }
      }
    } finally {
      // Also when the peer's update was malformed half way: listeners and replica must not part.
      if (changes.length > 0) for (const listener of this.#listeners) listener(changes);
    }
  }

  #change(changes: RowChange[], table: TableName, uuid: string, after: AnyRow | null): void {
    const rows = this.#tables.get(table);
    if (!rows) throw new RpcProtocolError(`the peer sends table ${table}, which was not asked for`);
    const before = rows.get(uuid) ?? null;
    if (before === null && after === null) return;
    if (before && after && equalRows(table, before, after)) return;
    this.#account(before, after);
    if (after) rows.set(uuid, after);
    else rows.delete(uuid);
    // As in rows(): the untyped row is what the table's declaration says.
    changes.push({ table, uuid, before, after } as unknown as RowChange);
  }

  /** Counts a change. What makes the copy smaller is always taken, or a host that had too much could never be mended. */
  #account(before: AnyRow | null, after: AnyRow | null): void {
    const rowCount = this.#rowCount + (after ? 1 : 0) - (before ? 1 : 0);
    const characters = this.#characters + sizeOf(after) - sizeOf(before);
    if (rowCount > this.#rowCount && rowCount > this.#maximumRows)
      throw new RpcProtocolError(`the database has more than ${this.#maximumRows} rows`);
    if (characters > this.#characters && characters > this.#maximumCharacters)
      throw new RpcProtocolError(`the database has more than ${this.#maximumCharacters} characters`);
    this.#rowCount = rowCount;
    this.#characters = characters;
  }
}

function malformed(what: string): RpcProtocolError {
  return new RpcProtocolError(`malformed ${what}`);
}

function isUnknownMethod(error: unknown): boolean {
  return error instanceof RpcError && error.code === 'unknown method';
}

function monitorRequests(selection: Selection): JsonObject {
  return Object.fromEntries([...selection].map(([table, columns]) => [table, [{ columns }]]));
}

interface TableDelta {
  readonly table: TableName;
  readonly uuid: string;
  readonly delta: RowDelta;
}

function readUpdates(json: JsonValue, readRow: (row: JsonObject) => RowDelta): readonly TableDelta[] {
  if (!isJsonObject(json)) throw malformed('table updates');
  const result: TableDelta[] = [];
  for (const [name, rows] of Object.entries(json)) {
    const table = tableNames.find(known => known === name);
    if (!table || !isJsonObject(rows)) throw malformed('table update');
    for (const [uuid, row] of Object.entries(rows)) {
      if (!isUuid(uuid) || !isJsonObject(row)) throw malformed('row update');
      result.push({ table, uuid, delta: readRow(row) });
    }
  }
  return result;
}

/** Reads `<table-updates>` of RFC 7047: `old` and `new`, the latter always whole. */
function deltas1(json: JsonValue): readonly TableDelta[] {
  return readUpdates(json, row => {
    const whole = row['new'];
    return isJsonObject(whole) ? { kind: 'whole', row: whole } : { kind: 'delete' };
  });
}

/** Reads `<table-updates2>` of ovsdb-server(7): initial, insert, modify or delete. */
function deltas2(json: JsonValue): readonly TableDelta[] {
  return readUpdates(json, row => {
    if (Object.hasOwn(row, 'delete')) return { kind: 'delete' };
    const whole = row['initial'] ?? row['insert'];
    if (isJsonObject(whole)) return { kind: 'whole', row: whole };
    const modify = row['modify'];
    if (isJsonObject(modify)) return { kind: 'modify', row: modify };
    throw malformed('row update');
  });
}

function wholeRow(table: TableName, uuid: string, json: JsonObject): AnyRow {
  const values: [string, AnyValue][] = [];
  for (const [column, type] of columnsOf(table)) {
    const given = Object.hasOwn(json, column) ? json[column] : undefined;
    values.push([column, given === undefined ? defaultValue(type) : decodeValue(type, given)]);
  }
  return Object.fromEntries([['_uuid', uuid], ...values]) as AnyRow;
}

function modifiedRow(table: TableName, current: AnyRow, json: JsonObject): AnyRow {
  const values: [string, AnyValue][] = [];
  for (const [column, type] of columnsOf(table)) {
    const given = Object.hasOwn(json, column) ? json[column] : undefined;
    if (given === undefined) continue;
    values.push([column, applyDifference(type, current[column] ?? null, decodeValue(type, given))]);
  }
  return { ...current, ...Object.fromEntries(values) };
}

function equalRows(table: TableName, a: AnyRow, b: AnyRow): boolean {
  for (const column of columnsOf(table).keys()) {
    if (!equalValues(a[column] ?? null, b[column] ?? null)) return false;
  }
  return true;
}

/** Roughly what a row takes of memory, in characters. */
function sizeOf(row: AnyRow | null): number {
  let size = row === null ? 0 : 256;
  for (const value of Object.values(row ?? {})) {
    if (typeof value === 'string') size += value.length;
    else if (value instanceof Map) for (const [key, each] of value) size += 32 + lengthOf(key) + lengthOf(each);
    else if (Array.isArray(value)) for (const each of value) size += 16 + lengthOf(each);
  }
  return size;
}

const lengthOf = (atom: unknown): number => (typeof atom === 'string' ? atom.length : 0);
