/** Which object of the REST surface a subject stands for: the one whose status shows what a switch refused. */
import type { DerivedKind, ViewKind, ViewRow } from '../view/rows.js';
import type { FragmentOwner } from './fragment.js';

/** Subjects that are not themselves objects of the surface. */
const owners: { readonly [K in DerivedKind]: (row: ViewRow<K>) => FragmentOwner } & {
  readonly [K in ViewKind]?: (row: ViewRow<K>) => FragmentOwner;
} = {
  'port-bindings': row => ({ kind: 'logical-switch-ports', id: row.logicalSwitchPortId }),
  // Of no object: it shows with the hypervisor that refused it.
  fleet: row => ({ kind: 'hypervisors', id: row.id }),
  'hypervisor-keys': row => ({ kind: 'hypervisors', id: row.id }),
  residencies: row => ({ kind: row.datapathKind, id: row.datapathId }),
  // Of no object, and no rule is about it.
  'mesh-members': row => ({ kind: 'hypervisors', id: row.hypervisorId }),
  'switch-presences': row => ({ kind: 'logical-switches', id: row.logicalSwitchId }),
  'physical-attachments': row => ({ kind: 'hypervisors', id: row.hypervisorId }),
  'gateway-places': row => ({ kind: 'logical-routers', id: row.logicalRouterId }),
  'gateway-pairs': row => ({ kind: 'hypervisors', id: row.hypervisorId }),
  'floating-places': row => ({ kind: 'nat-rules', id: row.id }),
  'egress-queues': row => ({ kind: 'logical-switch-ports', id: row.id }),
  'bound-ports': row => ({ kind: 'logical-switch-ports', id: row.id }),
  'local-places': row => ({ kind: 'logical-switch-ports', id: row.portId }),
  'port-groups': row => ({ kind: 'logical-switch-ports', id: row.id }),
  'group-traits': row => ({ kind: 'security-groups', id: row.id }),
  'balanced-switches': row => ({ kind: 'logical-switches', id: row.id }),
  'remote-addresses': row => ({ kind: row.setKind, id: row.setId }),
};

export function ownerOf(kind: ViewKind, row: ViewRow<ViewKind>): FragmentOwner {
  const owner = owners[kind] as ((row: ViewRow<ViewKind>) => FragmentOwner) | undefined;
  return owner === undefined ? { kind: kind as FragmentOwner['kind'], id: row.id } : owner(row);
}
