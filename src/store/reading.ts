/** Reading rows: one, a page, or everything at one revision. */
import { type Kind, kinds, resourceOf, type RowOf } from '../model/index.js';
import { snakeCase } from '../model/letter-case.js';
import { looksLikeUuid } from '../model/value-types.js';
import { fieldOf } from '../model/wire.js';
import type { Sessions, TimeLimit } from './sessions.js';
import { decodeRow, type Session, shapeOf } from './sql.js';

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

/** For one answer. */
export const READ_LIMIT: TimeLimit = { withinMs: 5_000, silenceMs: 2_000 };
/** However many rows there are, they keep coming. */
const SNAPSHOT_LIMIT: TimeLimit = { withinMs: 120_000, silenceMs: 5_000 };

export class Reading {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
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
    const found = await this.#sessions.run('read', READ_LIMIT, session => session.queryOnce(text, values));
    const rows = found.rows.filter(([, id]) => id !== null).map(([, ...row]) => decodeRow(kind, row));
    return { revision: Number(found.rows[0]?.[0]), rows };
  }

  /** Every row of every kind, at one revision. */
  snapshot(): Promise<Snapshot> {
    return this.#sessions.run('snapshot', SNAPSHOT_LIMIT, async session => {
      try {
        const [, head] = await Promise.all([
          session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'),
          session.query(
            `SELECT h.revision::float8 AS revision, coalesce(v.check_value, 0) AS check
             FROM store_head h LEFT JOIN revisions v ON v.revision = h.revision WHERE h.id = 1`,
          ),
        ]);
        const byKind: Partial<Record<Kind, unknown>> = {};
        // One after the other: the answers of statements that are sent together are all held until the last is there.
        for (const kind of kinds) byKind[kind] = await readAll(session, kind);
        return {
          revision: Number(head.rows[0]?.['revision']),
          check: Number(head.rows[0]?.['check']),
          // Every kind has been read as its own.
          rows: byKind as RowsByKind,
        };
      } finally {
        // Nothing was written: how it ends is all the same.
        await session.query('ROLLBACK').catch(() => undefined);
      }
    });
  }
}

async function readAll(session: Session, kind: Kind): Promise<RowOf<Kind>[]> {
  const text = `SELECT ${shapeOf(kind).selection} FROM ${resourceOf(kind).table} t ORDER BY t.id`;
  const { rows } = await session.query({ text, rowMode: 'array' });
  return rows.map(row => decodeRow(kind, row));
}
