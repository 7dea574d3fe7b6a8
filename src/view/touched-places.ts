/** Whom a batch of revisions concerns: hypervisors whose ports need something else of them, and ports that were bound anew. */
import type { Touched } from './network-view.js';

/** The hypervisors that need another physical network than before or have another bridge for one, or whose ports need other queues. */
export function placesTouched(kind: 'physical-attachments' | 'egress-queues', { changes }: Touched): readonly string[] {
  return changes.flatMap(change =>
    change.kind === kind ? [change.before, change.after].flatMap(row => (row === null ? [] : [row.hypervisorId])) : [],
  );
}

/** Ports whose binding to a hypervisor came, changed or went. */
export function bindingMoves({
  changes,
}: Touched): readonly { readonly hypervisorId: string; readonly portId: string }[] {
  return changes.flatMap(change =>
    change.kind === 'port-bindings'
      ? [change.before, change.after].flatMap(row =>
          row === null ? [] : [{ hypervisorId: row.hypervisorId, portId: row.logicalSwitchPortId }],
        )
      : [],
  );
}
