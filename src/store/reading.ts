/** Reading rows: one, a page, or everything at one revision. */
import type { DataSource } from 'typeorm';
import { type Kind, kinds, resourceOf, type RowOf } from '../model/index.js';
import { snakeCase } from '../model/letter-case.js';
import { looksLikeUuid } from '../model/value-types.js';
import { fieldOf } from '../model/wire.js';
import { decodeRow, shapeOf } from './sql.js';

/** Every row of every kind. */
export type RowsByKind = { readonly [K in Kind]: readonly RowOf<K>[] };

export interface Snapshot {
  readonly revision: number;
  /** The random check of the revision; 0 when the database is empty. */
  readonly check: number;
  readonly rows: RowsByKind;
}

export interface ListOptions {
  /** Equality with an indexed field, by its TypeScript name. */
  readonly filters?: Readonly<Record<string, string>>;
  /** Labels that a row must have. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly limit: number;
  /** The id after which the page begins. */
  readonly after?: string;
}

export interface Page<K extends Kind> {
  /** The revision that the page reflects. */
  readonly revision: number;
  readonly rows: readonly RowOf<K>[];
  /** The id after which the next page begins; null on the last one. */
  readonly next: string | null;
}

export class Reading {
  readonly #dataSource: DataSource;

  constructor(dataSource: DataSource) {
    this.#dataSource = dataSource;
  }

  /** The row, or null, and the revision that the answer reflects. */
  async get<K extends Kind>(kind: K, id: string): Promise<{ revision: number; row: RowOf<K> | null }> {
    const { revision, rows } = await this.#select(kind, 't.id = $1', [id], 1);
    return { revision, row: rows[0] ?? null };
  }

  /** A page of rows in the order of their ids. */
  async list<K extends Kind>(kind: K, options: ListOptions): Promise<Page<K>> {
    const noun = resourceOf(kind);
    const conditions = ['true'];
    const values: unknown[] = [];
    for (const [field, value] of Object.entries(options.filters ?? {})) {
      if (!noun.indexes.includes(field)) throw new Error(`${kind} has no index on ${field}`);
      const isUuid = fieldOf(noun, field).type.column === 'uuid';
      // What has not the form of an id is the id of nothing.
      if (isUuid && !looksLikeUuid(value)) conditions.push('false');
      else conditions.push(`t.${snakeCase(field)} = $${values.push(value)}`);
    }
    if (options.labels !== undefined) {
      values.push(JSON.stringify(options.labels));
      conditions.push(`t.labels @> $${values.length}::jsonb`);
    }
    if (options.after !== undefined) {
      values.push(options.after);
      conditions.push(`t.id > $${values.length}`);
    }
    const { revision, rows } = await this.#select(kind, conditions.join(' AND '), values, options.limit + 1);
    const page = rows.slice(0, options.limit);
    return { revision, rows: page, next: rows.length > page.length ? (page.at(-1)?.id ?? null) : null };
  }

  async #select<K extends Kind>(
    kind: K,
    condition: string,
    values: unknown[],
    limit: number,
  ): Promise<{ revision: number; rows: RowOf<K>[] }> {
    const { selection } = shapeOf(kind);
    // One statement, so that the rows and the revision are of one moment.
    const text = `SELECT h.revision::float8, s.* FROM store_head h LEFT JOIN LATERAL (
        SELECT ${selection} FROM ${resourceOf(kind).table} t WHERE ${condition} ORDER BY t.id LIMIT ${limit}
      ) s ON true WHERE h.id = 1`;
    const found = await this.#arrays(text, values);
    const rows = found.filter(([, id]) => id !== null).map(([, ...row]) => decodeRow(kind, row));
    return { revision: Number(found[0]?.[0]), rows };
  }

  async #arrays(text: string, values: unknown[]): Promise<unknown[][]> {
    const queryRunner = this.#dataSource.createQueryRunner();
    try {
      const client = await queryRunner.connect();
      const { rows } = await client.query({ text, values, rowMode: 'array' });
      return rows as unknown[][];
    } finally {
      await queryRunner.release();
    }
  }

  /** Every row of every kind, at one revision. */
  async snapshot(): Promise<Snapshot> {
    const queryRunner = this.#dataSource.createQueryRunner();
    try {
      const client = await queryRunner.connect();
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const head = await client.query(
        `SELECT h.revision::float8 AS revision, coalesce(v.check_value, 0) AS check
         FROM store_head h LEFT JOIN revisions v ON v.revision = h.revision WHERE h.id = 1`,
      );
      const rows: Partial<Record<Kind, unknown>> = {};
      for (const kind of kinds) {
        const text = `SELECT ${shapeOf(kind).selection} FROM ${resourceOf(kind).table} t ORDER BY t.id`;
        const found = await client.query({ text, rowMode: 'array' });
        rows[kind] = (found.rows as unknown[][]).map(row => decodeRow(kind, row));
      }
      await client.query('COMMIT');
      return { revision: Number(head.rows[0]?.revision), check: Number(head.rows[0]?.check), rows: rows as RowsByKind };
    } catch (error) {
      await queryRunner.query('ROLLBACK').catch(() => undefined);
      throw error;
    } finally {
      await queryRunner.release();
    }
  }
}
