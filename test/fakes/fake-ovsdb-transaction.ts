/** One transaction on the rows of the fake database: works on a copy of what it touches, and says in the end what has changed. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../southbound/ovsdb/json-stream.js';
import {
  decodeAtom,
  decodeValue,
  defaultValue,
  encodeValue,
  equalValues,
  type AnyValue,
  type Atom,
  type ColumnType,
} from '../../southbound/ovsdb/notation.js';
import { columnsOf, columnType, tableNames, type TableName } from '../../southbound/ovsdb/schema.js';

export type StoredRow = { readonly _uuid: string } & Readonly<Record<string, AnyValue>>;

/** What became of one row in a transaction. */
export interface StoredChange {
  readonly table: TableName;
  readonly uuid: string;
  readonly before: StoredRow | null;
  readonly after: StoredRow | null;
}

/** An operation, or the commit, cannot be done: the RFC's word for it. */
export class Fault extends Error {
  constructor(
    readonly code: string,
    readonly details: string,
  ) {
    super(`${code}: ${details}`);
  }
}

/**
 * Columns that refer to rows. Rows of every table but Open_vSwitch, QoS and Queue live only as long as something refers to them.
 */
const references: readonly (readonly [TableName, string, TableName])[] = [
  ['Open_vSwitch', 'bridges', 'Bridge'],
  ['Open_vSwitch', 'manager_options', 'Manager'],
  ['Open_vSwitch', 'ssl', 'SSL'],
  ['Bridge', 'ports', 'Port'],
  ['Bridge', 'controller', 'Controller'],
  ['Port', 'interfaces', 'Interface'],
  ['Port', 'qos', 'QoS'],
  ['QoS', 'queues', 'Queue'],
];
const roots: ReadonlySet<TableName> = new Set(['Open_vSwitch', 'QoS', 'Queue']);
const uniqueColumns: readonly (readonly [TableName, string])[] = [
  ['Bridge', 'name'],
  ['Port', 'name'],
  ['Interface', 'name'],
  ['Manager', 'target'],
];
const uuidType: ColumnType = { kind: 'scalar', key: 'uuid' };

function typeOf(table: TableName, column: string): ColumnType {
  return column === '_uuid' ? uuidType : columnType(table, column);
}

/** A value as ovsdb-server writes it: a set of one is its only element. */
export function wireValue(type: ColumnType, value: AnyValue): JsonValue {
  const json = encodeValue(type, value);
  if (type.kind !== 'set' && type.kind !== 'optional') return json;
  const elements = (json as readonly JsonValue[])[1] as readonly JsonValue[];
  const [only] = elements;
  return elements.length === 1 && only !== undefined ? only : json;
}

export class Transaction {
  readonly #tables: ReadonlyMap<TableName, ReadonlyMap<string, StoredRow>>;
  readonly #newUuid: () => string;
  readonly #names = new Map<string, string>();
  /** What rows have become, of tables that were written to; null for those that are gone. */
  readonly #rows = new Map<TableName, Map<string, StoredRow | null>>();

  constructor(
    tables: ReadonlyMap<TableName, ReadonlyMap<string, StoredRow>>,
    newUuid: () => string,
    operations: readonly JsonValue[],
  ) {
    this.#tables = tables;
    this.#newUuid = newUuid;
    for (const operation of operations) {
      const name = isJsonObject(operation) ? operation['uuid-name'] : undefined;
      if (typeof name === 'string') this.#names.set(name, newUuid());
    }
  }

  perform(operation: JsonValue): JsonValue {
    if (!isJsonObject(operation)) throw new Fault('syntax error', 'an operation is no object');
    switch (operation['op']) {
      case 'insert':
        return this.#insert(operation);
      case 'select':
        return { rows: this.#selected(operation).map(row => this.#projected(operation, row)) };
      case 'update':
        return this.#update(operation);
      case 'mutate':
        return this.#mutate(operation);
      case 'delete': {
        const rows = this.#selected(operation);
        for (const row of rows) this.#set(tableOf(operation), row._uuid, null);
        return { count: rows.length };
      }
      case 'wait':
        return this.#wait(operation);
      case 'comment':
      case 'commit':
        return {};
      default:
        throw new Fault('syntax error', `no operation "${text(operation['op'])}"`);
    }
  }

  /** Checks the whole, drops what nothing refers to, and says what has changed. */
  commit(): readonly StoredChange[] {
    this.#checkReferences();
    this.#dropUnreferenced();
    for (const [table, column] of uniqueColumns) this.#checkUnique(table, column);
    const changes: StoredChange[] = [];
    for (const table of tableNames) {
      for (const [uuid, after] of this.#rows.get(table) ?? []) {
        const before = this.#tables.get(table)?.get(uuid) ?? null;
        if (before === null && after === null) continue;
        if (before !== null && after !== null && isSameRow(table, before, after)) continue;
        changes.push({ table, uuid, before, after });
      }
    }
    return changes;
  }

  *#all(table: TableName): Generator<StoredRow> {
    const changed = this.#rows.get(table);
    for (const [uuid, row] of this.#tables.get(table) ?? []) {
      const now = changed?.has(uuid) === true ? changed.get(uuid) : row;
      if (now !== null && now !== undefined) yield now;
    }
    for (const [uuid, row] of changed ?? []) {
      if (row !== null && this.#tables.get(table)?.has(uuid) !== true) yield row;
    }
  }

  #get(table: TableName, uuid: string): StoredRow | null {
    const changed = this.#rows.get(table)?.get(uuid);
    return changed === undefined ? (this.#tables.get(table)?.get(uuid) ?? null) : changed;
  }

  #set(table: TableName, uuid: string, row: StoredRow | null): void {
    let rows = this.#rows.get(table);
    if (rows === undefined) this.#rows.set(table, (rows = new Map()));
    rows.set(uuid, row);
  }

  #insert(operation: JsonObject): JsonValue {
    const table = tableOf(operation);
    const name = operation['uuid-name'];
    const uuid = typeof name === 'string' ? (this.#names.get(name) ?? '') : this.#newUuid();
    const row = { ...defaultsOf(table), ...this.#row(table, operation['row']), _uuid: uuid };
    this.#set(table, uuid, row as StoredRow);
    return { uuid: ['uuid', uuid] };
  }

  #update(operation: JsonObject): JsonValue {
    const table = tableOf(operation);
    const columns = this.#row(table, operation['row']);
    const rows = this.#selected(operation);
    for (const row of rows) this.#set(table, row._uuid, { ...row, ...columns });
    return { count: rows.length };
  }

  #mutate(operation: JsonObject): JsonValue {
    const table = tableOf(operation);
    const rows = this.#selected(operation);
    for (const row of rows) {
      let now = row;
      for (const mutation of listOf(operation['mutations'])) {
        const [column, mutator, value] = listOf(mutation);
        if (typeof column !== 'string' || value === undefined) throw new Fault('syntax error', 'malformed mutation');
        const type = typeOf(table, column);
        const after = this.#mutated(type, now[column] ?? null, text(mutator), this.#resolved(value));
        now = { ...now, [column]: after };
      }
      this.#set(table, row._uuid, now);
    }
    return { count: rows.length };
  }

  #mutated(type: ColumnType, current: AnyValue, mutator: string, value: JsonValue): AnyValue {
    if (mutator === '+=' && typeof current === 'number' && typeof value === 'number') return current + value;
    if (type.kind === 'map' && current instanceof Map) {
      const entries = current as ReadonlyMap<Atom, Atom>;
      if (mutator === 'insert') return mapOf(type, [...pairsOf(type, value), ...entries]);
      if (Array.isArray(value) && value[0] === 'map') {
        const gone = pairsOf(type, value);
        const rest = [...entries].filter(([key, held]) => gone.get(key) !== held);
        return mapOf(type, rest);
      }
      const gone = new Set(keysOf(type, value));
      const rest = [...entries].filter(([key]) => !gone.has(key));
      return mapOf(type, rest);
    }
    if (type.kind === 'set') {
      const elements = new Set(current as readonly Atom[]);
      for (const atom of decodeValue(type, value) as readonly Atom[]) {
        if (mutator === 'insert') elements.add(atom);
        else elements.delete(atom);
      }
      return decodeValue(type, encodeValue(type, [...elements]));
    }
    throw new Fault('syntax error', `no mutator "${mutator}" for a ${type.kind}`);
  }

  #wait(operation: JsonObject): JsonValue {
    const table = tableOf(operation);
    const texts = (rows: readonly JsonValue[]): string =>
      rows
        .map(row => JSON.stringify(row))
        .toSorted()
        .join();
    const present = texts(this.#selected(operation).map(row => this.#projected(operation, row)));
    const expected = texts(
      listOf(operation['rows']).map(row => {
        const columns = this.#row(table, row);
        return this.#projected(operation, { _uuid: '', ...columns });
      }),
    );
    if ((present === expected) === (operation['until'] === '==')) return {};
    if (operation['timeout'] !== 0) throw new Error('the fake ovsdb-server does not wait');
    throw new Fault('timed out', '"wait" timed out');
  }

  #projected(operation: JsonObject, row: StoredRow): JsonObject {
    const table = tableOf(operation);
    const columns = operation['columns'] === undefined ? [...columnsOf(table).keys()] : listOf(operation['columns']);
    return Object.fromEntries(
      columns.map(text).map(column => {
        const type = typeOf(table, column);
        return [column, wireValue(type, row[column] ?? defaultValue(type))];
      }),
    );
  }

  #selected(operation: JsonObject): readonly StoredRow[] {
    const table = tableOf(operation);
    const where = listOf(operation['where']);
    const [column, comparison, value] = where.length === 1 ? listOf(where[0]) : [];
    if (column === '_uuid' && comparison === '==') {
      const row = this.#get(table, decodeAtom('uuid', this.#resolved(value ?? null)) as string);
      return row === null ? [] : [row];
    }
    const conditions = where.map(each => this.#condition(table, each));
    return [...this.#all(table)].filter(row => conditions.every(holds => holds(row)));
  }

  #condition(table: TableName, json: JsonValue): (row: StoredRow) => boolean {
    const [column, comparison, given] = listOf(json);
    if (typeof column !== 'string' || given === undefined) throw new Fault('syntax error', 'malformed condition');
    const type = typeOf(table, column);
    const value = decodeValue(type, this.#resolved(given));
    const of = (row: StoredRow): AnyValue => row[column] ?? defaultValue(type);
    switch (comparison) {
      case '==':
        return row => equalValues(of(row), value);
      case '!=':
        return row => !equalValues(of(row), value);
      case 'includes':
        return row => includes(of(row), value);
      default:
        throw new Fault('syntax error', `no comparison "${text(comparison)}"`);
    }
  }

  /** The columns of a row that was given. */
  #row(table: TableName, json: JsonValue | undefined): Readonly<Record<string, AnyValue>> {
    if (!isJsonObject(json)) throw new Fault('syntax error', 'a row is no object');
    const given = Object.entries(json);
    return Object.fromEntries(
      given.map(([column, value]) => [column, decodeValue(typeOf(table, column), this.#resolved(value))]),
    );
  }

  /** With the UUIDs that names stand for. */
  #resolved(json: JsonValue): JsonValue {
    if (!Array.isArray(json)) return json;
    const [kind, name] = json as readonly JsonValue[];
    if (kind === 'named-uuid') return ['uuid', this.#names.get(text(name)) ?? ''];
    return (json as readonly JsonValue[]).map(each => this.#resolved(each));
  }

  #checkReferences(): void {
    for (const [table, column, target] of references) {
      if (!this.#rows.has(table) && !this.#rows.has(target)) continue;
      for (const row of this.#all(table)) {
        for (const uuid of uuidsIn(row[column])) {
          if (this.#get(target, uuid) !== null) continue;
          const details = `Table ${table} column ${column} row ${row._uuid} references nonexistent row ${uuid} in table ${target}.`;
          throw new Fault('referential integrity violation', details);
        }
      }
    }
  }

  #dropUnreferenced(): void {
    // From the root on, so that what goes takes along what only it referred to.
    for (const [target] of new Map(references.map(each => [each[2], true]))) {
      if (roots.has(target) || !this.#hasWrittenReferences(target)) continue;
      const alive = new Set<string>();
      for (const [table, column, of] of references) {
        if (of !== target) continue;
        for (const row of this.#all(table)) for (const uuid of uuidsIn(row[column])) alive.add(uuid);
      }
      for (const row of Array.from(this.#all(target))) if (!alive.has(row._uuid)) this.#set(target, row._uuid, null);
    }
  }

  /** Could a row of this table have lost the last reference to it, or never have had one? */
  #hasWrittenReferences(target: TableName): boolean {
    return this.#rows.has(target) || references.some(([table, , of]) => of === target && this.#rows.has(table));
  }

  #checkUnique(table: TableName, column: string): void {
    if (!this.#rows.has(table)) return;
    const seen = new Set<AnyValue>();
    for (const row of this.#all(table)) {
      const value = row[column] ?? null;
      if (seen.has(value)) {
        const text = JSON.stringify(value);
        const details = `Transaction causes multiple rows in "${table}" table to have identical values (${text}) for index on column "${column}".`;
        throw new Fault('constraint violation', details);
      }
      seen.add(value);
    }
  }
}

const defaults = new Map<TableName, Readonly<Record<string, AnyValue>>>();

function defaultsOf(table: TableName): Readonly<Record<string, AnyValue>> {
  let known = defaults.get(table);
  if (known === undefined) {
    known = Object.fromEntries([...columnsOf(table)].map(([column, type]) => [column, defaultValue(type)]));
    defaults.set(table, known);
  }
  return known;
}

/** What should be a string, as one. */
function text(json: JsonValue | undefined): string {
  return typeof json === 'string' ? json : JSON.stringify(json);
}

function tableOf(operation: JsonObject): TableName {
  const table = tableNames.find(name => name === operation['table']);
  if (table === undefined) throw new Fault('syntax error', `No table named ${text(operation['table'])}.`);
  return table;
}

function listOf(json: JsonValue | undefined): readonly JsonValue[] {
  if (!Array.isArray(json)) throw new Fault('syntax error', 'an array is missing');
  return json as readonly JsonValue[];
}

function mapOf(type: ColumnType, entries: readonly (readonly [Atom, Atom])[]): AnyValue {
  return decodeValue(type, encodeValue(type, new Map(entries)));
}

function pairsOf(type: ColumnType, json: JsonValue): ReadonlyMap<Atom, Atom> {
  return decodeValue(type, json) as ReadonlyMap<Atom, Atom>;
}

/** The keys of a map that is given as a set of keys. */
function keysOf(type: ColumnType, json: JsonValue): readonly Atom[] {
  const isSet = Array.isArray(json) && json[0] === 'set';
  const elements = isSet ? listOf((json as readonly JsonValue[])[1]) : [json];
  return elements.map(element => decodeAtom(type.key, element));
}

function includes(value: AnyValue, wanted: AnyValue): boolean {
  if (value instanceof Map && wanted instanceof Map) {
    return [...wanted].every(([key, held]) => value.has(key) && value.get(key) === held);
  }
  if (Array.isArray(value) && Array.isArray(wanted))
    return wanted.every(atom => (value as Atom[]).includes(atom as Atom));
  return wanted === null || equalValues(value, wanted);
}

function uuidsIn(value: AnyValue | undefined): readonly string[] {
  if (typeof value === 'string') return [value];
  if (value instanceof Map) return [...(value as ReadonlyMap<Atom, string>).values()];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

function isSameRow(table: TableName, left: StoredRow, right: StoredRow): boolean {
  for (const column of columnsOf(table).keys()) {
    if (!equalValues(left[column] ?? null, right[column] ?? null)) return false;
  }
  return true;
}
