/**
 * The rows of one host's Open_vSwitch database in memory, with what ovsdb-server does to them: transactions that happen as a
 * whole or not at all, named UUIDs, conditions, mutations, unique names, and rows that vanish when nothing refers to them any
 * more. Only the tables and columns that Weft declares exist. fake-ovsdb-server.test.ts holds it against the real one.
 */
import { randomUUID } from 'node:crypto';
import { isJsonObject, type JsonValue } from '../../southbound/ovsdb/json-stream.js';
import { tableNames, type Row, type TableName } from '../../southbound/ovsdb/schema.js';
import type { Operation } from '../../southbound/ovsdb/transact.js';
import { Fault, Transaction, type StoredChange, type StoredRow } from './fake-ovsdb-transaction.js';

export class FakeOvsdbDatabase {
  readonly #tables = new Map<TableName, Map<string, StoredRow>>(tableNames.map(name => [name, new Map()]));
  readonly #newUuid: () => string;
  readonly #listeners = new Set<(changes: readonly StoredChange[]) => void>();

  constructor(newUuid: () => string = randomUUID) {
    this.#newUuid = newUuid;
  }

  /** Rows by UUID. */
  rows<T extends TableName>(table: T): ReadonlyMap<string, Row<T>> {
    return this.stored(table) as unknown as ReadonlyMap<string, Row<T>>;
  }

  /** The same without their types, for code that handles every table alike. */
  stored(table: TableName): ReadonlyMap<string, StoredRow> {
    return this.#tables.get(table) ?? new Map<string, StoredRow>();
  }

  /** Told what each transaction changed, right after it. */
  onChange(listener: (changes: readonly StoredChange[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Does all operations or none. @throws Error when they cannot be done */
  apply(...operations: readonly Operation[]): void {
    const results = this.transact(operations.map(operation => operation.wire));
    const failure = results.find(result => isJsonObject(result) && result['error'] !== undefined);
    if (failure !== undefined) throw new Error(JSON.stringify(failure));
  }

  /** As the method `transact`: the results, and a fault in the place where it happened. */
  transact(operations: readonly JsonValue[]): readonly JsonValue[] {
    const transaction = new Transaction(this.#tables, this.#newUuid, operations);
    const results: JsonValue[] = [];
    try {
      for (const operation of operations) results.push(transaction.perform(operation));
      const changes = transaction.commit();
      if (changes.length > 0) {
        for (const { table, uuid, after } of changes) {
          if (after === null) this.#tables.get(table)?.delete(uuid);
          else this.#tables.get(table)?.set(uuid, after);
        }
        for (const listener of this.#listeners) listener(changes);
      }
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      results.push({ error: error.code, details: error.details });
      while (results.length < operations.length) results.push(null);
    }
    return results;
  }
}
