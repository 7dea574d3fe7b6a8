/** One transaction of somebody who uses the API, as it is put together: it sees what it has written so far. */
import type { Kind, RowOf } from '../../src/model/index.js';
import type { SeededRandom } from '../seeded-random.js';
import type { SimulatedDatabase, Tables, Write } from './simulated-store.js';

/** A row without what the commit adds. */
export type DraftRow<K extends Kind> = Omit<RowOf<K>, 'revision'>;

export class Draft {
  readonly random: SeededRandom;
  readonly #database: SimulatedDatabase;
  readonly #writes: Write[] = [];
  #tables: Tables;

  constructor(database: SimulatedDatabase, random: SeededRandom) {
    this.#database = database;
    this.random = random;
    this.#tables = database.tables;
  }

  commit(): void {
    if (this.#writes.length > 0) this.#database.commit(this.#writes);
  }

  rows<K extends Kind>(kind: K): readonly RowOf<K>[] {
    return [...this.#tables[kind].values()];
  }

  put<K extends Kind>(kind: K, row: DraftRow<K>): void {
    const after = { ...row, updatedAt: this.#database.now() } as unknown as RowOf<K>;
    this.#writes.push({ kind, id: row.id, after: after as NonNullable<Write['after']> });
    this.#own(kind).set(row.id, after);
  }

  drop(kind: Kind, id: string): void {
    this.#writes.push({ kind, id, after: null });
    this.#own(kind).delete(id);
  }

  pick<T>(rows: readonly T[]): T | null {
    return rows.length === 0 ? null : this.random.pick(rows);
  }

  /** What every new row has. */
  common(name: string) {
    return this.#database.common(name, this.number());
  }

  number(): number {
    return this.#database.newNumber();
  }

  /** The rows of a kind, apart from the database's from the first write on. */
  #own<K extends Kind>(kind: K): Map<string, RowOf<K>> {
    const held = this.#tables[kind];
    if (held !== this.#database.tables[kind]) return held;
    const own = new Map<string, RowOf<K>>(held);
    this.#tables = { ...this.#tables, [kind]: own };
    return own;
  }
}
