/** What load balancers come to, as their definition says it: from all rows, with no memory of what was before. */
import { attachmentsOf, balancerScope } from '../../src/view/balancing-rows.js';
import type { DerivedKind, ViewKind, ViewRow } from '../../src/view/rows.js';
import type { RowsOf } from './reference-security.js';

type Rows = Map<string, ViewRow<ViewKind>>;

/** The derived rows, given where logical switches and routers are. */
export function balancingOf(
  rowsOf: RowsOf,
  placed: ReadonlyMap<string, ViewRow<ViewKind>>,
): ReadonlyMap<DerivedKind, Rows> {
  const balancers = rowsOf('load-balancers');
  const attached = new Set(balancers.flatMap(attachmentsOf));
  const switches: Rows = new Map();
  for (const { id, number } of rowsOf('logical-switches')) {
    const ports = rowsOf('logical-router-ports').filter(port => port.logicalSwitchId === id);
    const routers = [...new Set(ports.map(port => port.logicalRouterId))].sort();
    const domains = [id, ...routers].filter(each => attached.has(each));
    if (domains.length > 0) switches.set(id, { id, domains, number });
  }
  const residencies: Rows = new Map();
  const places = [...placed.values()] as ViewRow<'residencies'>[];
  for (const balancer of balancers) {
    for (const { datapathId, hypervisorId } of places) {
      if (!attachmentsOf(balancer).includes(datapathId)) continue;
      for (const [scope, number] of [
        [balancer.id, balancer.number],
        [balancerScope, 0],
      ] as const) {
        const id = `${scope}@${hypervisorId}`;
        residencies.set(id, { id, datapathId: scope, datapathKind: 'load-balancers', hypervisorId, number });
      }
    }
  }
  return new Map<DerivedKind, Rows>([
    ['balanced-switches', switches],
    ['residencies', residencies],
  ]);
}
