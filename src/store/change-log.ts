/** Reading the change log, and trimming it. */
import type { DataSource } from 'typeorm';
import type { Kind, RowOf } from '../model/index.js';
import { fromRecord, type WireObject } from '../model/wire.js';

/** One changed row of one revision; discriminated by its kind. */
export type ChangeLogRow<K extends Kind = Kind> = { readonly [X in K]: LoggedRow<X> }[K];

interface LoggedRow<K extends Kind> {
  readonly revision: number;
  /** Position within the revision, from 0: parents before children. */
  readonly seq: number;
  readonly kind: K;
  readonly id: string;
  readonly operation: 'create' | 'update' | 'delete';
  readonly before: RowOf<K> | null;
  readonly after: RowOf<K> | null;
  /** When, as ISO 8601. */
  readonly at: string;
  /** Who. */
  readonly by: string;
  /** The random check of the revision. */
  readonly check: number;
}

/** Whole revisions, in order and without gaps. */
export interface Changes {
  /** The last revision that `changes` includes. */
  readonly revision: number;
  readonly changes: readonly ChangeLogRow[];
}

/** A revision as it was committed. */
export interface RevisionRecord {
  readonly revision: number;
  /** When, as ISO 8601. */
  readonly at: string;
  /** Who. */
  readonly by: string;
  readonly source: string;
  /** How many rows it changed. */
  readonly changes: number;
  /** 24 random bits, never zero: tells this revision from one of the same number in another life of the database. */
  readonly check: number;
}

const AT = `to_char(v.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at`;

/** A row takes some 2 kB in memory, and one revision may have 20,000: readers that are far behind must not need all at once. */
const ROWS_A_READ = 20_000;

export class ChangeLog {
  readonly #dataSource: DataSource;

  constructor(dataSource: DataSource) {
    this.#dataSource = dataSource;
  }

  /** The current revision; 0 in an empty database. */
  async currentRevision(): Promise<number> {
    const rows: { revision: number }[] = await this.#dataSource.query(
      'SELECT revision::float8 AS revision FROM store_head WHERE id = 1',
    );
    return rows[0]?.revision ?? 0;
  }

  /**
   * The changes after `since`, at most `limitRevisions` revisions of them, and fewer where they have many rows: whole revisions, but
   * none more once there are `limitRows`. `trimmed` if the log no longer reaches back to it, or if the database has never come that
   * far (it was restored or replaced): the reader then starts from a snapshot.
   */
  async changesSince(since: number, limitRevisions: number, limitRows = ROWS_A_READ): Promise<Changes | 'trimmed'> {
    const rows: LogRow[] = await this.#dataSource.query(
      `SELECT h.revision::float8 AS head, h.log_floor::float8 AS floor, u.last::float8 AS last, l.*
       FROM store_head h LEFT JOIN LATERAL (
         SELECT max(t.revision) AS last FROM (
           SELECT w.revision, sum(w.changes) OVER (ORDER BY w.revision) - w.changes AS rows_before
           FROM revisions w WHERE w.revision > $1 AND w.revision <= $1 + $2
         ) t WHERE t.rows_before < $3
       ) u ON true LEFT JOIN LATERAL (
         SELECT c.revision::float8 AS revision, c.seq, c.kind, c.object_id, c.operation, c.before, c.after, ${AT}, v.actor, v.check_value
         FROM change_log c JOIN revisions v ON v.revision = c.revision
         WHERE c.revision > $1 AND c.revision <= u.last
       ) l ON true
       WHERE h.id = 1 ORDER BY l.revision, l.seq`,
      [since, limitRevisions, limitRows],
    );
    const [first] = rows;
    if (first === undefined) throw new Error('the head of the store is missing');
    if (since < first.floor || since > first.head) return 'trimmed';
    const changes = rows.filter(row => row.revision !== null).map(decode);
    return { revision: first.last ?? since, changes };
  }

  /** The revision of this number; null if there is none, or none any more. */
  async revision(revision: number): Promise<RevisionRecord | null> {
    const rows: { at: string; by: string; source: string; changes: number; check: number }[] =
      await this.#dataSource.query(
        `SELECT ${AT}, v.actor AS by, v.source, v.changes, v.check_value AS check FROM revisions v WHERE v.revision = $1`,
        [revision],
      );
    const [row] = rows;
    return row === undefined ? null : { revision, ...row };
  }

  /** The changes of one revision, in order; empty if it is unknown or trimmed. */
  async changesOf(revision: number): Promise<readonly ChangeLogRow[]> {
    const changes = await this.changesSince(revision - 1, 1);
    return changes === 'trimmed' ? [] : changes.changes;
  }

  /** Drops all but the newest `keepRevisions` revisions. Returns the floor: the oldest revision to read on from. */
  async trim(keepRevisions: number): Promise<number> {
    return this.#dataSource.transaction(async manager => {
      const rows: { floor: number }[] = await manager.query(
        `SELECT greatest(log_floor, revision - $1)::float8 AS floor FROM store_head WHERE id = 1`,
        [keepRevisions],
      );
      const floor = rows[0]?.floor ?? 0;
      // Readers learn of the floor with the disappearance of what is below it, in one commit.
      await manager.query('DELETE FROM change_log WHERE revision <= $1', [floor]);
      await manager.query('DELETE FROM revisions WHERE revision <= $1', [floor]);
      await manager.query('UPDATE store_head SET log_floor = $1 WHERE id = 1 AND log_floor < $1', [floor]);
      return floor;
    });
  }
}

interface LogRow {
  readonly head: number;
  readonly floor: number;
  /** The last revision of the answer; null if nothing follows. */
  readonly last: number | null;
  readonly revision: number | null;
  readonly seq: number;
  readonly kind: Kind;
  readonly object_id: string;
  readonly operation: ChangeLogRow['operation'];
  readonly before: WireObject | null;
  readonly after: WireObject | null;
  readonly at: string;
  readonly actor: string;
  readonly check_value: number;
}

function decode(row: LogRow): ChangeLogRow {
  // Kind and rows belong together: `fromRecord` reads each by its kind.
  return {
    revision: row.revision ?? 0,
    seq: row.seq,
    kind: row.kind,
    id: row.object_id,
    operation: row.operation,
    before: row.before === null ? null : fromRecord(row.kind, row.before),
    after: row.after === null ? null : fromRecord(row.kind, row.after),
    at: row.at,
    by: row.actor,
    check: row.check_value,
  } as ChangeLogRow;
}
