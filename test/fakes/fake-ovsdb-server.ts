/**
 * ovsdb-server as a host runs it, in memory: JSON-RPC over any stream, monitors that are told a transaction before its reply is
 * sent, no history (a new monitor always brings the whole database). fake-ovsdb-server.test.ts holds it against the real one.
 */
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../src/base/clock.js';
import { isJsonObject, JsonStream, type JsonObject, type JsonValue } from '../../southbound/ovsdb/json-stream.js';
import {
  defaultValue,
  equalValues,
  type AnyValue,
  type Atom,
  type ColumnType,
} from '../../southbound/ovsdb/notation.js';
import { columnsOf, columnType, databaseName, tableNames, type TableName } from '../../southbound/ovsdb/schema.js';
import type { FakeOvsdbDatabase } from './fake-ovsdb-database.js';
import { wireValue, type StoredChange, type StoredRow } from './fake-ovsdb-transaction.js';

export interface FakeOvsdbServerOptions {
  readonly database: FakeOvsdbDatabase;
  readonly newUuid?: () => string;
  /** Asks a client that is silent for so long whether it lives, and hangs up on it after as long again. */
  readonly probe?: { readonly clock: Clock; readonly intervalMs: () => number };
}

interface Monitor {
  readonly id: JsonValue;
  readonly notification: 'update2' | 'update3';
  readonly columns: ReadonlyMap<TableName, readonly string[]>;
}

interface Client {
  readonly stream: Duplex;
  readonly json: JsonStream;
  readonly monitors: Monitor[];
  heardAtMs: number;
  cancelProbe: () => void;
}

const unknownMethod = 'unknown method';

/** The schema of the declared tables in the words of `get_schema`. */
const schema: JsonValue = {
  name: databaseName,
  version: '8.3.1',
  tables: Object.fromEntries(
    tableNames.map(table => [
      table,
      {
        columns: Object.fromEntries([...columnsOf(table)].map(([name, type]) => [name, { type: schemaType(type) }])),
      },
    ]),
  ),
};

function schemaType(type: ColumnType): JsonValue {
  switch (type.kind) {
    case 'scalar':
      return type.key;
    case 'optional':
      return { key: type.key, min: 0, max: 1 };
    case 'set':
      return { key: type.key, min: 0, max: 'unlimited' };
    case 'map':
      return { key: type.key, value: type.value, min: 0, max: 'unlimited' };
  }
}

export class FakeOvsdbServer {
  readonly #options: FakeOvsdbServerOptions;
  readonly #clients = new Set<Client>();
  readonly #newUuid: () => string;
  #lastTransaction = '00000000-0000-0000-0000-000000000000';

  constructor(options: FakeOvsdbServerOptions) {
    this.#options = options;
    this.#newUuid = options.newUuid ?? randomUUID;
    options.database.onChange(changes => this.#notify(changes));
  }

  get isConnected(): boolean {
    return this.#clients.size > 0;
  }

  /** Serves a client over a connection that somebody has made. */
  attach(stream: Duplex): void {
    const json = new JsonStream();
    const client: Client = { stream, json, monitors: [], heardAtMs: 0, cancelProbe: () => {} };
    this.#clients.add(client);
    stream.on('data', (chunk: Uint8Array) => {
      client.heardAtMs = this.#options.probe?.clock.nowMs() ?? 0;
      for (const message of json.push(chunk)) {
        if (this.#clients.has(client)) this.#receive(client, message);
      }
    });
    stream.on('error', () => this.#ended(client));
    stream.on('end', () => this.#ended(client));
    stream.on('close', () => this.#ended(client));
    this.#probe(client);
  }

  /** Hangs up on every client. */
  cut(): void {
    for (const client of this.#clients) {
      client.stream.destroy();
      this.#ended(client);
    }
  }

  #ended(client: Client): void {
    client.cancelProbe();
    this.#clients.delete(client);
  }

  #probe(client: Client): void {
    const { probe } = this.#options;
    if (probe === undefined) return;
    const { clock } = probe;
    client.heardAtMs = clock.nowMs();
    const look = (): void => {
      const intervalMs = probe.intervalMs();
      const silentMs = clock.nowMs() - client.heardAtMs;
      if (silentMs >= 2 * intervalMs) {
        client.stream.destroy();
        return this.#ended(client);
      }
      if (silentMs >= intervalMs) this.#send(client, { id: 'echo', method: 'echo', params: [] });
      client.cancelProbe = clock.after(silentMs >= intervalMs ? intervalMs : intervalMs - silentMs, look);
    };
    client.cancelProbe = clock.after(probe.intervalMs(), look);
  }

  #send(client: Client, message: JsonObject): void {
    if (this.#clients.has(client)) client.stream.write(JSON.stringify(message));
  }

  #receive(client: Client, message: JsonObject): void {
    const { id, method, params } = message;
    if (method === undefined) return; // The answer to an echo.
    const strange = Object.keys(message).find(member => !['id', 'method', 'params'].includes(member));
    if (strange !== undefined || !Array.isArray(params) || id === undefined || typeof method !== 'string') {
      throw new Error(`ovsdb-server would hang up on this: ${JSON.stringify(message)}`);
    }
    const outcome = this.#answer(client, method, params as readonly JsonValue[]);
    if (id !== null) this.#send(client, { id, ...outcome });
  }

  #answer(
    client: Client,
    method: string,
    params: readonly JsonValue[],
  ): { readonly result: JsonValue; readonly error: JsonValue } {
    const result = (value: JsonValue) => ({ result: value, error: null });
    switch (method) {
      case 'echo':
        return result(params);
      case 'set_db_change_aware':
        return result({});
      case 'list_dbs':
        return result([databaseName, '_Server']);
      case 'get_schema':
        return result(schema);
      case 'monitor_cond':
        return result(this.#monitor(client, 'update2', params));
      case 'monitor_cond_since':
        return result([false, this.#lastTransaction, this.#monitor(client, 'update3', params)]);
      case 'monitor_cancel': {
        const at = client.monitors.findIndex(monitor => monitor.id === params[0]);
        client.monitors.splice(at, at < 0 ? 0 : 1);
        return result({});
      }
      case 'transact':
        return result(this.#options.database.transact(params.slice(1)));
      default:
        return { result: null, error: unknownMethod };
    }
  }

  #monitor(client: Client, notification: Monitor['notification'], params: readonly JsonValue[]): JsonValue {
    const [, id = null, requests] = params;
    const columns = new Map<TableName, readonly string[]>();
    for (const [name, wanted] of Object.entries(isJsonObject(requests) ? requests : {})) {
      const table = tableNames.find(known => known === name);
      const [first] = wanted as readonly JsonObject[];
      if (table !== undefined) columns.set(table, (first?.['columns'] as readonly string[] | undefined) ?? []);
    }
    const monitor: Monitor = { id, notification, columns };
    client.monitors.push(monitor);
    const updates = new Updates();
    for (const [table, wanted] of columns) {
      for (const [uuid, row] of this.#options.database.stored(table)) {
        updates.add(table, uuid, { initial: wholeRow(table, wanted, row) });
      }
    }
    return updates.json;
  }

  #notify(changes: readonly StoredChange[]): void {
    this.#lastTransaction = this.#newUuid();
    for (const client of this.#clients) {
      for (const monitor of client.monitors) {
        const updates = new Updates();
        for (const { table, uuid, before, after } of changes) {
          const wanted = monitor.columns.get(table);
          if (wanted === undefined) continue;
          if (after === null) updates.add(table, uuid, { delete: null });
          else if (before === null) updates.add(table, uuid, { insert: wholeRow(table, wanted, after) });
          else {
            const modify = differences(table, wanted, before, after);
            if (Object.keys(modify).length > 0) updates.add(table, uuid, { modify });
          }
        }
        if (updates.isEmpty) continue;
        const head = monitor.notification === 'update3' ? [monitor.id, this.#lastTransaction] : [monitor.id];
        this.#send(client, { id: null, method: monitor.notification, params: [...head, updates.json] });
      }
    }
  }
}

class Updates {
  readonly #tables = new Map<string, Map<string, JsonObject>>();

  get isEmpty(): boolean {
    return this.#tables.size === 0;
  }

  get json(): JsonObject {
    return Object.fromEntries([...this.#tables].map(([table, rows]) => [table, Object.fromEntries(rows)]));
  }

  add(table: string, uuid: string, update: JsonObject): void {
    let rows = this.#tables.get(table);
    if (rows === undefined) this.#tables.set(table, (rows = new Map()));
    rows.set(uuid, update);
  }
}

/** What is not told has its default. */
function wholeRow(table: TableName, wanted: readonly string[], row: StoredRow): JsonObject {
  const entries = wanted.flatMap((column): [string, JsonValue][] => {
    const type = columnType(table, column);
    const value = row[column] ?? null;
    return equalValues(value, defaultValue(type)) ? [] : [[column, wireValue(type, value)]];
  });
  return Object.fromEntries(entries);
}

function differences(table: TableName, wanted: readonly string[], before: StoredRow, after: StoredRow): JsonObject {
  const entries = wanted.flatMap((column): [string, JsonValue][] => {
    const type = columnType(table, column);
    const [old, now] = [before[column] ?? null, after[column] ?? null];
    return equalValues(old, now) ? [] : [[column, wireValue(type, difference(type, old, now))]];
  });
  return Object.fromEntries(entries);
}

/** What `applyDifference` undoes: the inverse of how a client reads a `modify`. */
function difference(type: ColumnType, old: AnyValue, now: AnyValue): AnyValue {
  if (type.kind === 'set') {
    const [left, right] = [old as readonly Atom[], now as readonly Atom[]];
    return [...left.filter(atom => !right.includes(atom)), ...right.filter(atom => !left.includes(atom))];
  }
  if (type.kind === 'map') {
    const [left, right] = [old as ReadonlyMap<Atom, Atom>, now as ReadonlyMap<Atom, Atom>];
    const gone = [...left].filter(([key]) => !right.has(key));
    return new Map([...gone, ...[...right].filter(([key, value]) => left.get(key) !== value)]);
  }
  return now;
}
