import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';

/** The number of the set or group that the rule names; null if it names none, or one that is not there. */
export function remoteNumberOf(row: NetworkRow<'security-group-rules'>, view: TrackedView): number | null {
  if (row.remoteGroupId !== null) return view.get('security-groups', row.remoteGroupId)?.number ?? null;
  if (row.remoteAddressSetId !== null) return view.get('address-sets', row.remoteAddressSetId)?.number ?? null;
  return null;
}
