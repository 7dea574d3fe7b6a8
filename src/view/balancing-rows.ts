/** What the view derives from load balancers for the compiler; balancing.ts keeps these rows. */
import { type Backend, backendName, type BalancedProtocol } from '../model/load-balancer.js';

/** A logical switch whose ports reach load balancers. */
export interface BalancedSwitch {
  /** The id of the logical switch. */
  readonly id: string;
  /** What load balancers are attached to that its ports reach: the switch itself first, then logical routers. */
  readonly domains: readonly string[];
  /** The number of the logical switch. */
  readonly number: number;
}

interface Attached {
  readonly logicalSwitchIds: readonly string[];
  readonly logicalRouterIds: readonly string[];
}

/** Logical switches and routers that a load balancer is attached to. */
export function attachmentsOf({ logicalSwitchIds, logicalRouterIds }: Attached): readonly string[] {
  return [...logicalSwitchIds, ...logicalRouterIds];
}

/** The value of index `virtualAddress` of load balancers: those of a switch or router that share an address. */
export const virtualAddress = (datapathId: string, vip: string): string => `${datapathId} ${vip}`;

/** The value of index `backend` of load balancers: those of a switch or router that share a backend. */
export const backendOf = (datapathId: string, protocol: BalancedProtocol, { ip, port }: Pick<Backend, 'ip' | 'port'>) =>
  `${datapathId} ${protocol} ${ip} ${port}`;

/** Backends that have connections: those that are not down, and have not failed. */
export function backendsInUse({
  backends,
  failedBackends,
}: {
  readonly backends: readonly Backend[];
  readonly failedBackends: readonly string[];
}): readonly Backend[] {
  const failed = new Set(failedBackends);
  return backends.filter(backend => backend.state !== 'down' && !failed.has(backendName(backend)));
}

/** What is on every hypervisor with any load balancer. */
export const balancerScope = 'load-balancers';
