import { WeftError } from '../../base/errors.js';
import type { Kind, RowOf } from '../../model/index.js';
import type { UnitOfWork } from '../unit-of-work.js';

/** The row that a member refers to, locked; `reference_not_found` if there is none, or none that this tenant may use. */
export async function requireRow<K extends Kind>(
  unit: UnitOfWork,
  kind: K,
  id: string,
  pointer: string,
): Promise<RowOf<K>> {
  const row = await unit.get(kind, id);
  if (row === null || !unit.mayUse(row))
    throw new WeftError('reference_not_found', { detail: `There is no ${kind} ${id}.`, pointer });
  return row;
}
