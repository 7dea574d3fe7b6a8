/** A revision that this process has committed, told to its own view without another look into the log. */
import type { ChangeLogRow } from './change-log.js';
import { type Head, operationOf } from './commit.js';
import { fromRecord, toRecord } from '../model/wire.js';
import type { CommonRow, Kind, RowOf } from '../model/index.js';
import type { Change } from './unit-of-work.js';
import type { WriteContext } from './write-operations.js';

export interface CommittedRevision {
  readonly revision: number;
  /** Its random check. */
  readonly check: number;
  /** The check of the revision before it: that this one follows what a reader holds is told by this, not by the number alone. */
  readonly previousCheck: number;
  /** As the log has them. */
  readonly changes: readonly ChangeLogRow[];
}

export function describeCommit(
  before: Head,
  { revision, check }: Head,
  changes: readonly Change[],
  context: WriteContext,
  now: string,
): CommittedRevision {
  return {
    revision,
    check,
    previousCheck: before.check,
    changes: changes.map(
      (change, seq) =>
        ({
          revision,
          seq,
          kind: change.kind,
          id: change.id,
          operation: operationOf(change),
          before: asRead(change.kind, change.before),
          after: asRead(change.kind, change.after),
          at: now,
          by: context.actor,
          check,
          // Kind and rows belong together, as in the change that they come from.
        }) as ChangeLogRow,
    ),
  };
}

/** The row as a reader of the database gets it, to the order of its members. */
function asRead<K extends Kind>(kind: K, row: CommonRow | null): RowOf<K> | null {
  return row === null ? null : fromRecord(kind, toRecord(kind, row as RowOf<K>));
}
