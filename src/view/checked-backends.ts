/** Where backends are that are checked: the port that has the address, on the logical switches that the load balancer reaches. */
import { type Backend, backendName } from '../model/load-balancer.js';
import type { LogicalSwitchPort } from '../model/index.js';
import type { NetworkReader } from './network-view.js';
import type { ViewRow } from './rows.js';

/** The logical switches that it is attached to, and those of the routers. */
export function reachedSwitches(view: NetworkReader, balancer: ViewRow<'load-balancers'>): ReadonlySet<string> {
  const behind = balancer.logicalRouterIds.flatMap(id =>
    view.by('logical-router-ports', 'logicalRouterId', id).flatMap(port => port.logicalSwitchId ?? []),
  );
  return new Set([...balancer.logicalSwitchIds, ...behind]);
}

/**
 * By address: the port on the first of the switches where one has it. Only ports of the project that the load balancer is of: checks pass
 * the security groups, and who may not reach a port may not have it asked either.
 */
function portsOf(view: NetworkReader, balancer: ViewRow<'load-balancers'>): ReadonlyMap<string, LogicalSwitchPort> {
  const wanted = new Set(balancer.backends.map(({ ip }) => ip));
  const found = new Map<string, LogicalSwitchPort>();
  for (const logicalSwitchId of reachedSwitches(view, balancer)) {
    for (const port of view.by('logical-switch-ports', 'logicalSwitchId', logicalSwitchId)) {
      if (port.projectId !== balancer.projectId) continue;
      for (const { ip } of port.ips) if (wanted.has(ip) && !found.has(ip)) found.set(ip, port);
    }
  }
  return found;
}

export interface CheckedBackend {
  readonly backend: Backend;
  /** Null: no port of the project on these switches has its address, so it is not checked. */
  readonly port: LogicalSwitchPort | null;
}

/** Each backend that is checked, by its name; nothing where the load balancer wants none checked. */
export function checkedBackends(
  view: NetworkReader,
  balancer: ViewRow<'load-balancers'>,
): ReadonlyMap<string, CheckedBackend> {
  if (balancer.healthCheck === null) return new Map();
  const ports = portsOf(view, balancer);
  return new Map(
    balancer.backends
      .filter(({ state }) => state !== 'down')
      .map(backend => [backendName(backend), { backend, port: ports.get(backend.ip) ?? null }]),
  );
}
