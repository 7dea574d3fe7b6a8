/**
 * The end of a write transaction: rows, revision and change log in one round trip with the commit, under the lock of the head.
 * That lock makes revisions gap-free and in the order of commits; a sequence would not, because a reader could pass over a
 * transaction that commits late.
 */
import { randomInt } from 'node:crypto';
import { type CommonRow, type Kind, kinds, resourceOf } from '../model/index.js';
import { toRecord } from '../model/wire.js';
import { asQuotaError, type Quotas } from './quotas.js';
import { recordsetOf, recordsetValue, type Session, shapeOf } from './sql.js';
import type { Change } from './unit-of-work.js';
import type { WriteContext } from './write-operations.js';

/** The random check of a revision has 24 bits and is never zero. */
const MAX_CHECK = 2 ** 24;

/** Where the store stands. */
export interface Head {
  readonly revision: number;
  /** The random check of that revision; 0 where the log no longer has it. */
  readonly check: number;
}

/**
 * Takes the lock of the head: what is read after it includes every revision before this transaction's. Two statements, because
 * one that had to wait for the lock would see the check as it was before.
 */
export async function lockHead(session: Session): Promise<Head> {
  const [head, newest] = await Promise.all([
    session.query('SELECT revision::float8 AS revision FROM store_head WHERE id = $1 FOR UPDATE', [1]),
    session.query(
      'SELECT v.check_value AS check FROM store_head h JOIN revisions v ON v.revision = h.revision WHERE h.id = $1',
      [1],
    ),
  ]);
  const revision = head.rows[0]?.['revision'];
  if (revision === undefined) throw new Error('the head of the store is missing');
  return { revision: Number(revision), check: Number(newest.rows[0]?.['check'] ?? 0) };
}

/**
 * Writes the changes as the revision after `head`, whose lock the caller holds, and commits. The rows learn their revision.
 * Returns the new head.
 */
export async function commitRevision(
  session: Session,
  head: Head,
  changes: readonly Change[],
  context: WriteContext,
  now: string,
  quotas: Quotas | null,
): Promise<Head> {
  const revision = head.revision + 1;
  const check = randomInt(1, MAX_CHECK);
  for (const { after } of changes) if (after !== null) setRevision(after, revision);
  const moves = quotas?.movesOf(changes) ?? [];
  const statements: Promise<unknown>[] = [
    ...rowStatements(changes).map(([text, values]) => session.query(text, values)),
    ...(quotas?.count(session, moves) ?? []),
    session.query(LOG, logEntry(revision, check, changes, context, now)),
  ];
  const committing = session.query('COMMIT');
  const [end] = await Promise.all([committing, ...statements]).catch((error: unknown) => {
    throw asQuotaError(moves, error);
  });
  // The server answers the end of a failed transaction with this word, not with an error.
  if (end.command !== 'COMMIT') throw new Error('the transaction was rolled back instead of committed');
  return { revision, check };
}

/** The values of `LOG`. */
function logEntry(
  revision: number,
  check: number,
  changes: readonly Change[],
  { actor, source, subject = '', projectId = '', remoteAddress = '' }: WriteContext,
  now: string,
): unknown[] {
  const who = [subject, projectId, remoteAddress];
  return [revision, now, actor, source, changes.length, check, logValue(changes), ...who];
}

/** Rows of this transaction; nobody else has them yet. */
function setRevision(row: CommonRow, revision: number): void {
  (row as { -readonly [K in keyof CommonRow]: CommonRow[K] }).revision = revision;
}

/**
 * Insertions of parents first, then updates, which may refer to what was inserted and let go of what is deleted, then deletions of
 * children first. Each with its values.
 */
function rowStatements(changes: readonly Change[]): [text: string, values: unknown[]][] {
  const inserted: [string, unknown[]][] = [];
  const updated: [string, unknown[]][] = [];
  const deleted: [string, unknown[]][] = [];
  for (const kind of kinds) {
    const ofKind = changes.filter(change => change.kind === kind);
    if (ofKind.length === 0) continue;
    const created = ofKind.flatMap(({ before, after }) => (before === null && after !== null ? [after] : []));
    const changed = ofKind.flatMap(({ before, after }) => (before !== null && after !== null ? [after] : []));
    const gone = ofKind.filter(({ after }) => after === null);
    const { insert, update, remove } = statementsOf(kind);
    if (created.length > 0) inserted.push([insert, [recordsetValue(kind, created)]]);
    if (changed.length > 0) updated.push([update, [recordsetValue(kind, changed), changed.map(({ id }) => id)]]);
    if (gone.length > 0) deleted.unshift([remove, [gone.map(({ id }) => id)]]);
  }
  return [...inserted, ...updated, ...deleted];
}

interface KindStatements {
  readonly insert: string;
  readonly update: string;
  readonly remove: string;
}

const kindStatements = new Map<Kind, KindStatements>();

function statementsOf(kind: Kind): KindStatements {
  const known = kindStatements.get(kind);
  if (known !== undefined) return known;
  const { table } = resourceOf(kind);
  const { columns, assignments } = shapeOf(kind);
  const statements: KindStatements = {
    insert: `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM ${recordsetOf(kind, '$1')}`,
    // The ids once more: Postgres takes a recordset for 100 rows whatever it is, for which it would rather scan the table.
    update: `UPDATE ${table} t SET ${assignments} FROM ${recordsetOf(kind, '$1')} WHERE t.id = r.id AND t.id = ANY($2::uuid[])`,
    remove: `DELETE FROM ${table} WHERE id = ANY($1::uuid[])`,
  };
  kindStatements.set(kind, statements);
  return statements;
}

const LOG = `WITH head AS (
    UPDATE store_head SET revision = $1::bigint WHERE id = 1 RETURNING revision
  ), written AS (
    INSERT INTO revisions (revision, at, actor, source, changes, check_value, subject, project_id, remote_address)
    SELECT revision, $2::timestamptz, $3::text, $4::text, $5::integer, $6::integer, $8::text, $9::text, $10::text FROM head
  )
  INSERT INTO change_log (revision, seq, kind, object_id, operation, before, after)
  SELECT h.revision, r.seq, r.kind, r.object_id, r.operation, nullif(r.before, 'null'::jsonb), nullif(r.after, 'null'::jsonb)
  FROM head h, jsonb_to_recordset($7::jsonb)
    AS r(seq integer, kind text, object_id uuid, operation text, before jsonb, after jsonb)`;

/** What happened to a row. */
export function operationOf({ before, after }: Change): 'create' | 'update' | 'delete' {
  return before === null ? 'create' : after === null ? 'delete' : 'update';
}

/** The log has the rows as they are before and after, internal fields included, so that a reader needs no other table. */
function logValue(changes: readonly Change[]): string {
  return JSON.stringify(
    changes.map((change, seq) => ({
      seq,
      kind: change.kind,
      object_id: change.id,
      operation: operationOf(change),
      before: change.before === null ? null : toRecord(change.kind, change.before),
      after: change.after === null ? null : toRecord(change.kind, change.after),
    })),
  );
}
