/**
 * The end of a write transaction: revision, rows and change log in one round trip with the commit. The lock of the head, taken
 * here and held for that round trip alone, makes revisions gap-free and in the order of commits; a sequence would not, because
 * a reader could pass over a transaction that commits late.
 */
import { randomInt } from 'node:crypto';
import pg from 'pg';
import { kinds, resourceOf } from '../model/index.js';
import { toRecord } from '../model/wire.js';
import { jsonLiteral, recordsetOf, type Session, shapeOf, uuidArray } from './sql.js';
import type { Change } from './unit-of-work.js';
import type { WriteContext } from './write-operations.js';

/** The random check of a revision has 24 bits and is never zero. */
const MAX_CHECK = 2 ** 24;

const HEAD = '(SELECT revision FROM store_head WHERE id = 1)';

/** Takes the lock of the head; what is read after it includes every revision before this transaction's. */
export async function lockHead(session: Session): Promise<void> {
  await session.query('SELECT revision FROM store_head WHERE id = 1 FOR UPDATE');
}

/** Writes the changes as one revision and commits. Returns the revision. */
export async function commitRevision(
  session: Session,
  changes: readonly Change[],
  context: WriteContext,
  now: string,
): Promise<number> {
  const statements = [
    'UPDATE store_head SET revision = revision + 1 WHERE id = 1 RETURNING revision::float8 AS revision',
    ...rowStatements(changes),
    revisionStatement(changes.length, context, now),
    logStatement(changes),
    'COMMIT',
  ];
  const results: unknown = await session.query(statements.join(';\n'));
  const [first] = results as { rows: { revision: number }[] }[];
  const revision = first?.rows[0]?.revision;
  if (revision === undefined) throw new Error('the head of the store is missing');
  return revision;
}

/**
 * Insertions of parents first, then updates, which may refer to what was inserted and let go of what is deleted, then deletions of
 * children first.
 */
function rowStatements(changes: readonly Change[]): string[] {
  const inserted: string[] = [];
  const updated: string[] = [];
  const deleted: string[] = [];
  for (const kind of kinds) {
    const { table } = resourceOf(kind);
    const { columns, assignments } = shapeOf(kind);
    const ofKind = changes.filter(change => change.kind === kind);
    const created = ofKind.flatMap(({ before, after }) => (before === null && after !== null ? [after] : []));
    const changed = ofKind.flatMap(({ before, after }) => (before !== null && after !== null ? [after] : []));
    const gone = ofKind.filter(({ after }) => after === null);
    if (created.length > 0) {
      const selected = columns.split(', ').map(column => (column === 'revision' ? HEAD : `r.${column}`));
      inserted.push(
        `INSERT INTO ${table} (${columns}) SELECT ${selected.join(', ')} FROM ${recordsetOf(kind, created)}`,
      );
    }
    if (changed.length > 0) {
      const sets = assignments.replace('revision = r.revision', `revision = ${HEAD}`);
      updated.push(`UPDATE ${table} t SET ${sets} FROM ${recordsetOf(kind, changed)} WHERE t.id = r.id`);
    }
    if (gone.length > 0) deleted.unshift(`DELETE FROM ${table} WHERE id = ANY(${uuidArray(gone.map(({ id }) => id))})`);
  }
  return [...inserted, ...updated, ...deleted];
}

function revisionStatement(changes: number, context: WriteContext, now: string): string {
  const values = [
    HEAD,
    literal(now),
    literal(context.actor),
    literal(context.source),
    changes,
    randomInt(1, MAX_CHECK),
  ];
  return `INSERT INTO revisions (revision, at, actor, source, changes, check_value) VALUES (${values.join(', ')})`;
}

function literal(text: string): string {
  return pg.escapeLiteral(text);
}

/** The log has the rows as they are before and after, internal fields included, so that a reader needs no other table. */
function logStatement(changes: readonly Change[]): string {
  const entries = changes.map(({ kind, id, before, after }, seq) => ({
    seq,
    kind,
    object_id: id,
    operation: before === null ? 'create' : after === null ? 'delete' : 'update',
    before: before === null ? null : toRecord(kind, before),
    after: after === null ? null : toRecord(kind, after),
  }));
  return `INSERT INTO change_log (revision, seq, kind, object_id, operation, before, after)
    SELECT h.revision, r.seq, r.kind, r.object_id, r.operation, nullif(r.before, 'null'::jsonb),
      CASE WHEN r.operation <> 'delete' THEN r.after || jsonb_build_object('revision', h.revision) END
    FROM store_head h, jsonb_to_recordset(${jsonLiteral(entries)})
      AS r(seq integer, kind text, object_id uuid, operation text, before jsonb, after jsonb)
    WHERE h.id = 1`;
}
