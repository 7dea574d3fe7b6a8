import { pointerTo } from '../../base/errors.js';
import type { LoadBalancer } from '../../model/index.js';
import { backendName } from '../../model/load-balancer.js';
import { checkBackends, checkHealthCheck, checkVirtualAddress } from '../../model/load-balancer-invariants.js';
import { refuse } from '../../model/value-types.js';
import type { Claim } from '../claims.js';
import { inUse } from '../references.js';
import type { UnitOfWork } from '../unit-of-work.js';
import type { Behaviour } from './behaviour.js';

type Attached = 'logical-switches' | 'logical-routers';
type Attachments = 'logicalSwitchIds' | 'logicalRouterIds';

const memberOf = { 'logical-switches': 'logicalSwitchIds', 'logical-routers': 'logicalRouterIds' } as const;
const pointerOf = { logicalSwitchIds: '/logical_switch_ids', logicalRouterIds: '/logical_router_ids' } as const;
const tableOf = { 'logical-switches': 'logical_switches', 'logical-routers': 'logical_routers' } as const;

export const loadBalancerBehaviour: Behaviour<'load-balancers'> = {
  async complete(unit, request, current, common) {
    const row: LoadBalancer = {
      ...common,
      vip: request.vip ?? refuse('missing_member', '/vip', 'It is missing.'),
      protocol: request.protocol ?? 'tcp',
      port: request.port ?? refuse('missing_member', '/port', 'It is missing.'),
      backends: request.backends ?? [],
      healthCheck: request.healthCheck ?? null,
      failedBackends: [],
      affinityTimeoutS: request.affinityTimeoutS ?? null,
      logicalSwitchIds: request.logicalSwitchIds ?? [],
      logicalRouterIds: request.logicalRouterIds ?? [],
    };
    checkVirtualAddress(row);
    checkBackends(row);
    checkHealthCheck(row);
    for (const kind of ['logical-switches', 'logical-routers'] as const)
      await requireAttached(unit, kind, row, current);
    return { ...row, failedBackends: stillFailed(row, current?.failedBackends ?? []) };
  },
  claims: row => [...attachmentClaims(row, 'logicalSwitchIds'), ...attachmentClaims(row, 'logicalRouterIds')],
};

/** Of backends that have failed, those that are still there and still checked. */
function stillFailed({ backends, healthCheck }: LoadBalancer, failed: readonly string[]): readonly string[] {
  const names = new Set(healthCheck === null ? [] : backends.map(backendName));
  return failed.filter(name => names.has(name));
}

/** What checks have found: of one load balancer, backends that have failed or are well again. */
export interface HealthFinding {
  readonly loadBalancerId: string;
  readonly failed: readonly string[];
  readonly recovered: readonly string[];
}

/** Writes down what checks have found, of load balancers that still want to know. */
export async function recordHealth(unit: UnitOfWork, findings: readonly HealthFinding[]): Promise<void> {
  await unit.prefetch(
    'load-balancers',
    findings.map(({ loadBalancerId }) => loadBalancerId),
  );
  for (const { loadBalancerId, failed, recovered } of findings) {
    const row = await unit.get('load-balancers', loadBalancerId);
    if (row === null) continue;
    const well = new Set(recovered);
    const all = new Set([...row.failedBackends.filter(name => !well.has(name)), ...failed]);
    const failedBackends = stillFailed(row, [...all].toSorted());
    if (failedBackends.join() !== row.failedBackends.join())
      unit.put('load-balancers', row.id, { ...row, failedBackends, updatedAt: unit.now });
  }
}

/** One address, protocol and port of a logical switch or router is that of one load balancer; by it a deletion finds who is attached. */
function attachmentClaims(row: LoadBalancer, member: Attachments): readonly Claim[] {
  const value = `${row.vip} ${row.protocol} ${row.port}`;
  return row[member].map((scope, index) => ({
    scope,
    class: 'virtual_port',
    value,
    pointer: pointerTo(pointerOf[member], index),
    subnetId: null,
  }));
}

/**
 * Logical switches or routers that it is to be attached to; `reference_not_found` for one that does not exist, or is not the tenant's own:
 * a virtual address takes what others on the switch send there.
 */
async function requireAttached(
  unit: UnitOfWork,
  kind: Attached,
  row: LoadBalancer,
  current: LoadBalancer | null,
): Promise<void> {
  const member = memberOf[kind];
  const named = row[member].filter(id => current?.[member].includes(id) !== true);
  const found = await unit.hold(kind, named);
  const missing = named.find(id => !found.has(id));
  if (missing !== undefined)
    refuse(
      'reference_not_found',
      pointerTo(pointerOf[member], row[member].indexOf(missing)),
      `There is no ${kind} ${missing}.`,
    );
}

/** Refuses the deletion of what a load balancer is attached to; with `cascade` it is attached there no more. */
export async function releaseFromLoadBalancers(
  unit: UnitOfWork,
  kind: Attached,
  id: string,
  cascade: boolean,
): Promise<void> {
  // Waits for those who are about to name it, who hold the row against deletion only.
  await unit.session.query(`SELECT id FROM ${tableOf[kind]} WHERE id = $1 FOR UPDATE`, [id]);
  const attached = new Map<string, LoadBalancer>();
  for (const owner of await unit.claims.ownersOf(id, 'virtual_port')) {
    const row = await unit.get('load-balancers', owner.id);
    if (row !== null) attached.set(row.id, row);
  }
  const rows = [...attached.values()];
  if (rows.length > 0 && !(cascade && rows.every(row => unit.owns(row)))) throw inUse(kind, id, 'load-balancers', rows);
  const member = memberOf[kind];
  for (const row of rows) {
    const without = row[member].filter(each => each !== id);
    unit.put('load-balancers', row.id, { ...row, [member]: without, updatedAt: unit.now });
  }
}
