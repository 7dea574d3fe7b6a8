/**
 * The tables and columns of the Open_vSwitch database that are read or written, each declared once: the types of
 * rows, the monitor requests and the encoding of operations are derived from here. Spelling is OVSDB's own.
 *
 * Left out on purpose: columns that change with time alone (`statistics`, `status`), because each change would wake
 * us and their 64-bit counters do not survive JSON.parse.
 */
import { isJsonObject, type JsonObject, type JsonValue } from './json-stream.js';
import type { AtomKind, ColumnType, InputOf, ValueOf } from './notation.js';

export const databaseName = 'Open_vSwitch';

const scalar = <K extends AtomKind>(key: K) => ({ kind: 'scalar', key }) as const;
const optional = <K extends AtomKind>(key: K) => ({ kind: 'optional', key }) as const;
const set = <K extends AtomKind>(key: K) => ({ kind: 'set', key }) as const;
const map = <K extends AtomKind, V extends AtomKind>(key: K, value: V) => ({ kind: 'map', key, value }) as const;

export const tables = {
  Open_vSwitch: {
    bridges: set('uuid'),
    manager_options: set('uuid'),
    ssl: optional('uuid'),
    next_cfg: scalar('integer'),
    cur_cfg: scalar('integer'),
    ovs_version: optional('string'),
    db_version: optional('string'),
    datapath_types: set('string'),
    iface_types: set('string'),
    other_config: map('string', 'string'),
    external_ids: map('string', 'string'),
  },
  Bridge: {
    name: scalar('string'),
    datapath_type: scalar('string'),
    datapath_id: optional('string'),
    ports: set('uuid'),
    controller: set('uuid'),
    protocols: set('string'),
    fail_mode: optional('string'),
    other_config: map('string', 'string'),
    external_ids: map('string', 'string'),
  },
  Port: {
    name: scalar('string'),
    interfaces: set('uuid'),
    tag: optional('integer'),
    qos: optional('uuid'),
    external_ids: map('string', 'string'),
  },
  Interface: {
    name: scalar('string'),
    type: scalar('string'),
    options: map('string', 'string'),
    ofport: optional('integer'),
    ofport_request: optional('integer'),
    mac_in_use: optional('string'),
    admin_state: optional('string'),
    link_state: optional('string'),
    mtu: optional('integer'),
    link_speed: optional('integer'),
    mtu_request: optional('integer'),
    error: optional('string'),
    bfd: map('string', 'string'),
    bfd_status: map('string', 'string'),
    external_ids: map('string', 'string'),
  },
  QoS: {
    type: scalar('string'),
    queues: map('integer', 'uuid'),
    other_config: map('string', 'string'),
    external_ids: map('string', 'string'),
  },
  Queue: {
    other_config: map('string', 'string'),
    external_ids: map('string', 'string'),
  },
  Controller: {
    type: optional('string'),
    target: scalar('string'),
    max_backoff: optional('integer'),
    inactivity_probe: optional('integer'),
    connection_mode: optional('string'),
    local_ip: optional('string'),
    local_netmask: optional('string'),
    local_gateway: optional('string'),
    enable_async_messages: optional('boolean'),
    controller_queue_size: optional('integer'),
    controller_rate_limit: optional('integer'),
    controller_burst_limit: optional('integer'),
    other_config: map('string', 'string'),
    external_ids: map('string', 'string'),
    is_connected: scalar('boolean'),
    role: optional('string'),
  },
  Manager: {
    target: scalar('string'),
    max_backoff: optional('integer'),
    inactivity_probe: optional('integer'),
    connection_mode: optional('string'),
    other_config: map('string', 'string'),
    external_ids: map('string', 'string'),
    is_connected: scalar('boolean'),
  },
  SSL: {
    private_key: scalar('string'),
    certificate: scalar('string'),
    ca_cert: scalar('string'),
    bootstrap_ca_cert: scalar('boolean'),
  },
} as const satisfies Record<string, Record<string, ColumnType>>;

export type Tables = typeof tables;
export type TableName = keyof Tables;
export type ColumnName<T extends TableName> = keyof Tables[T] & string;
type TypeOf<T extends TableName, C extends ColumnName<T>> = Tables[T][C] extends ColumnType ? Tables[T][C] : never;

/** A row as it is read; immutable, replaced as a whole when it changes. */
export type Row<T extends TableName> = { readonly _uuid: string } & {
  readonly [C in ColumnName<T>]: ValueOf<TypeOf<T, C>>;
};
/** What may be given when a row is inserted, updated or compared. */
export type RowInput<T extends TableName> = { readonly [C in ColumnName<T>]?: InputOf<TypeOf<T, C>> };
/** What one column accepts. */
export type ColumnInput<T extends TableName, C extends ColumnName<T>> = InputOf<TypeOf<T, C>>;

export const tableNames = Object.keys(tables) as readonly TableName[];

const columnMaps = new Map<TableName, ReadonlyMap<string, ColumnType>>(
  tableNames.map(table => [table, new Map<string, ColumnType>(Object.entries(tables[table]))]),
);

/** The declared columns of a table, as data. */
export function columnsOf(table: TableName): ReadonlyMap<string, ColumnType> {
  return columnMaps.get(table) ?? new Map<string, ColumnType>();
}

/** The declared type of a column. A name that is not declared is a programmer error. */
export function columnType(table: TableName, column: string): ColumnType {
  const type = columnsOf(table).get(column);
  if (!type) throw new Error(`${table} has no declared column ${column}`);
  return type;
}

/** Columns by table: a monitor asks for these, and the replica holds nothing else. */
export type Selection = ReadonlyMap<TableName, readonly string[]>;

/** The server's database is not the one that we know. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

/** The kind of atom in `"string"` or `{"type": "string", ...}`. */
function atomKindOf(base: JsonValue | undefined): JsonValue | undefined {
  return isJsonObject(base) ? base['type'] : base;
}

function matches(declared: ColumnType, served: JsonValue | undefined): boolean {
  if (!isJsonObject(served)) return declared.kind === 'scalar' && served === declared.key;
  if (atomKindOf(served['key']) !== declared.key) return false;
  const value = atomKindOf(served['value']);
  const least = served['min'] ?? 1;
  const most = served['max'] ?? 1;
  switch (declared.kind) {
    case 'map':
      return value === declared.value;
    case 'scalar':
      return value === undefined && least === 1 && most === 1;
    case 'optional':
      return value === undefined && least === 0 && most === 1;
    case 'set':
      return value === undefined && most !== 1;
  }
}

/**
 * The declared columns that the server's schema (the reply to `get_schema`) has. A column unknown to an older server is
 * left out and reads as its default.
 * @throws SchemaError when a table is missing or a column is of another type than declared: then nothing can be trusted.
 */
export function selectColumns(schema: JsonValue, wanted: readonly TableName[] = tableNames): Selection {
  const served = isJsonObject(schema) ? schema['tables'] : undefined;
  if (!isJsonObject(served)) throw new SchemaError('the reply to get_schema has no tables');
  const selection = new Map<TableName, readonly string[]>();
  for (const table of wanted) {
    const columns = tableColumns(served, table);
    const names: string[] = [];
    for (const [name, type] of columnsOf(table)) {
      const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
      if (column === undefined) continue;
      if (!isJsonObject(column) || !matches(type, column['type'])) {
        throw new SchemaError(`column ${table}.${name} is not of the type that it has in Open vSwitch`);
      }
      names.push(name);
    }
    selection.set(table, names);
  }
  return selection;
}

function tableColumns(served: JsonObject, name: TableName): JsonObject {
  const table = Object.hasOwn(served, name) ? served[name] : undefined;
  const columns = isJsonObject(table) ? table['columns'] : undefined;
  if (!isJsonObject(columns)) throw new SchemaError(`the database has no table ${name}`);
  return columns;
}
