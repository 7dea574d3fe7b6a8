/** Who has a queue where its packets leave, as its definition says it: from all rows, with no memory of what was before. */
import type { ViewKind, ViewRow } from '../../src/view/rows.js';
import type { RowsOf } from './reference-security.js';

type Rows = ReadonlyMap<string, ViewRow<ViewKind>>;

/** Of every bound port with an interface of its own: the guarantee that is for it alone, or else that for its switch. */
export function queuesOf(rowsOf: RowsOf): Rows {
  const rules = rowsOf('qos-rules').filter(
    ({ kind, direction }) => kind === 'minimum_bandwidth' && direction === 'egress',
  );
  const inOrder = rules.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const types = new Map(rowsOf('hypervisors').map(row => [row.id, row.datapathType]));
  const found = new Map<string, ViewRow<ViewKind>>();
  for (const { id, logicalSwitchId, hypervisorId, ofport, vlan, number } of rowsOf('bound-ports')) {
    const own = inOrder.find(rule => rule.logicalSwitchPortId === id);
    const minKbps = (own ?? inOrder.find(rule => rule.logicalSwitchId === logicalSwitchId))?.minKbps ?? null;
    if (minKbps === null || vlan !== null || types.get(hypervisorId) !== 'system' || ofport < 1 || ofport > 61_439)
      continue;
    found.set(id, { id, hypervisorId, queue: ofport, minKbps, number });
  }
  return found;
}
