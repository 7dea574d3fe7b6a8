/**
 * What hangs on objects that are to be deleted, read and locked at once: each by itself would ask for it kind by kind, and wait for every
 * answer.
 */
import type { WritableKind } from '../model/kinds.js';
import { looksLikeUuid } from '../model/value-types.js';
import type { Behaviours } from './nouns/index.js';
import { companionsOf, referrersOf } from './references.js';
import type { UnitOfWork } from './unit-of-work.js';
import type { Target } from './write-operations.js';

/** Of objects of one kind, which the caller has locked. A hint: a deletion reads by itself what was not. */
export async function prefetchDependents(
  unit: UnitOfWork,
  behaviours: Behaviours,
  kind: WritableKind,
  ids: readonly string[],
): Promise<void> {
  const dependents = [...companionsOf(kind), ...referrersOf(kind), ...(behaviours[kind].namedBy ?? [])];
  await Promise.all(dependents.map(({ kind: other, field }) => unit.prefetchChildren(other, field as 'id', ids)));
}

/** Of all that the operations delete, whose rows the unit of work has read. */
export async function prefetchForDeletions(
  unit: UnitOfWork,
  behaviours: Behaviours,
  targets: readonly Target[],
): Promise<void> {
  const idsOf = new Map<WritableKind, string[]>();
  for (const { kind, id, value } of targets) {
    if (value !== undefined || id === null || !looksLikeUuid(id)) continue;
    const row = unit.known(kind, id.toLowerCase());
    // Nobody makes others' objects be read.
    if (row === null || !unit.owns(row)) continue;
    const ids = idsOf.get(kind);
    if (ids === undefined) idsOf.set(kind, [row.id]);
    else ids.push(row.id);
  }
  await Promise.all([...idsOf].map(([kind, ids]) => prefetchDependents(unit, behaviours, kind, ids)));
}
