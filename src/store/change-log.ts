/** Reading the change log, and trimming it. */
import type { Kind, RowOf } from '../model/index.js';
import { fromRecord, type WireObject } from '../model/wire.js';
import { READ_LIMIT } from './reading.js';
import type { Sessions, TimeLimit } from './sessions.js';

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
  /** The token or the subject that wrote; empty for what Weft wrote by itself. */
  readonly subject: string;
  /** The project of who wrote; empty for operators. */
  readonly projectId: string;
  /** From which address; empty for what Weft wrote by itself. */
  readonly remoteAddress: string;
  readonly source: string;
  /** How many rows it changed. */
  readonly changes: number;
  /** 24 random bits, never zero: tells this revision from one of the same number in another life of the database. */
  readonly check: number;
}

const AT = `to_char(v.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at`;

/** A row takes some 2 kB in memory, and one revision may have 20,000: readers that are far behind must not need all at once. */
const ROWS_A_READ = 20_000;

/** A trim may have much to delete. */
const TRIM_LIMIT: TimeLimit = { withinMs: 60_000 };

export interface ChangesOptions {
  readonly limitRows?: number;
  /** The random check of the revision that the reader holds. */
  readonly check?: number;
  readonly limit?: TimeLimit;
}

export class ChangeLog {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  /** The current revision; 0 in an empty database. */
  async currentRevision(): Promise<number> {
    const text = 'SELECT revision::float8 AS revision FROM store_head WHERE id = $1';
    const { rows } = await this.#sessions.run('log', READ_LIMIT, session => session.query(text, [1]));
    return Number(rows[0]?.['revision'] ?? 0);
  }

  /**
   * The changes after `since`, at most `limitRevisions` revisions of them, and fewer where they have many rows: whole revisions, but
   * none more once there are `limitRows`. `trimmed` if the log no longer reaches back to it. `rewound` if the database has never come
   * that far, or has another revision of that number: `check` is the random check of the one that the reader holds, 0 if it does not
   * know. Either way the reader starts from a snapshot.
   */
  async changesSince(
    since: number,
    limitRevisions: number,
    { limitRows = ROWS_A_READ, check = 0, limit = READ_LIMIT }: ChangesOptions = {},
  ): Promise<Changes | 'trimmed' | 'rewound'> {
    const values = [since, limitRevisions, limitRows];
    const found = await this.#sessions.run('log', limit, session => session.query(CHANGES_SINCE, values));
    const rows = found.rows as unknown as readonly LogRow[];
    const [first] = rows;
    if (first === undefined) throw new Error('the head of the store is missing');
    if (since > first.head) return 'rewound';
    if (since < first.floor) return 'trimmed';
    // The check of the floor itself went with what is below it.
    if (check !== 0 && first.since_check !== check) return first.since_check === null ? 'trimmed' : 'rewound';
    const changes = rows.filter(row => row.revision !== null).map(decode);
    return { revision: first.last ?? since, changes };
  }

  /** The revision of this number; null if there is none, or none any more. */
  async revision(revision: number): Promise<RevisionRecord | null> {
    const text = `SELECT ${AT}, v.actor AS by, v.subject, v.project_id AS "projectId", v.remote_address AS "remoteAddress", v.source, v.changes, v.check_value AS check FROM revisions v WHERE v.revision = $1`;
    const { rows } = await this.#sessions.run('log', READ_LIMIT, session => session.query(text, [revision]));
    const [row] = rows as unknown as Omit<RevisionRecord, 'revision'>[];
    return row === undefined ? null : { revision, ...row };
  }

  /** The changes of one revision, in order; empty if it is unknown or trimmed. */
  async changesOf(revision: number): Promise<readonly ChangeLogRow[]> {
    const changes = await this.changesSince(revision - 1, 1);
    return typeof changes === 'string' ? [] : changes.changes;
  }

  /**
   * Those of these objects that changed after the revision, as they were then (null: not there yet). For readers that are behind:
   * it goes through all that follows.
   */
  async rowsAt(revision: number, ids: readonly string[]): Promise<ReadonlyMap<string, RowOf<Kind> | null>> {
    const text = `SELECT DISTINCT ON (object_id) object_id, kind, before FROM change_log
      WHERE revision > $1 AND object_id = ANY($2::uuid[]) ORDER BY object_id, revision, seq`;
    const { rows } = await this.#sessions.run('log', READ_LIMIT, session => session.query(text, [revision, ids]));
    return new Map(
      (rows as unknown as readonly Pick<LogRow, 'object_id' | 'kind' | 'before'>[]).map(each => [
        each.object_id,
        each.before === null ? null : fromRecord(each.kind, each.before),
      ]),
    );
  }

  /** Drops all but the newest `keepRevisions` revisions. Returns the floor: the oldest revision to read on from. */
  trim(keepRevisions: number): Promise<number> {
    return this.#sessions.run('trim', TRIM_LIMIT, async session => {
      const begun = session.query('BEGIN');
      try {
        const { rows } = await session.query(
          'SELECT greatest(log_floor, revision - $1::bigint)::float8 AS floor FROM store_head WHERE id = 1',
          [keepRevisions],
        );
        const floor = Number(rows[0]?.['floor'] ?? 0);
        await begun;
        // Readers learn of the floor with the disappearance of what is below it, in one commit.
        await Promise.all([
          session.query('DELETE FROM change_log WHERE revision <= $1', [floor]),
          session.query('DELETE FROM revisions WHERE revision <= $1', [floor]),
          session.query('UPDATE store_head SET log_floor = $1 WHERE id = 1 AND log_floor < $1', [floor]),
          session.query('COMMIT'),
        ]);
        return floor;
      } catch (error) {
        await session.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    });
  }
}

/** `OFFSET 0` has the few revisions looked up one by one: the planner, who does not know how few, would read all. */
const CHANGES_SINCE = `SELECT h.revision::float8 AS head, h.log_floor::float8 AS floor, p.check_value AS since_check,
    u.last::float8 AS last, l.*
  FROM store_head h LEFT JOIN revisions p ON p.revision = $1 LEFT JOIN LATERAL (
    SELECT max(t.revision) AS last FROM (
      SELECT w.revision, sum(w.changes) OVER (ORDER BY w.revision) - w.changes AS rows_before
      FROM revisions w WHERE w.revision > $1 AND w.revision <= $1 + $2
    ) t WHERE t.rows_before < $3
  ) u ON true LEFT JOIN LATERAL (
    SELECT c.revision::float8 AS revision, c.seq, c.kind, c.object_id, c.operation, c.before, c.after, v.at, v.actor, v.check_value
    FROM change_log c JOIN LATERAL (
      SELECT ${AT}, v.actor, v.check_value FROM revisions v WHERE v.revision = c.revision OFFSET 0
    ) v ON true
    WHERE c.revision > $1 AND c.revision <= u.last
  ) l ON true
  WHERE h.id = 1 ORDER BY l.revision, l.seq`;

interface LogRow {
  readonly head: number;
  readonly floor: number;
  /** The check of the revision that the reader holds; null if it is not known any more. */
  readonly since_check: number | null;
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
