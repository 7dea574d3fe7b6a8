/** What people ask of the API about load balancers. Only what the store would let in. */
import { WeftError } from '../../src/base/errors.js';
import type { LoadBalancer } from '../../src/model/index.js';
import { checkBackends, checkVirtualAddress } from '../../src/model/load-balancer-invariants.js';
import { backendStates } from '../../src/model/load-balancer.js';
import type { Draft, DraftRow } from './draft.js';

/** So many there are at most. */
const most = 3;
/** Few addresses and ports, so that load balancers share them. */
const virtualAddresses = ['10.96.0.1', '10.96.0.2', 'fd96::1'] as const;
const firstPort = 7_001;

/** The name of what it did, null if there is nothing to do it to. */
export function operateOnBalancers(draft: Draft): string | null {
  const dice = draft.random.below(100);
  if (dice < 40) return create(draft);
  if (dice < 85) return change(draft);
  return remove(draft);
}

/** What is deleted has no load balancers any more. */
export function detachBalancers(draft: Draft, member: 'logicalSwitchIds' | 'logicalRouterIds', id: string): void {
  for (const row of draft.rows('load-balancers')) {
    if (!row[member].includes(id)) continue;
    draft.put('load-balancers', { ...row, [member]: row[member].filter(each => each !== id) });
  }
}

function create(draft: Draft): string | null {
  const { random } = draft;
  if (draft.rows('load-balancers').length >= most) return null;
  const vip = someAddress(draft);
  const row: DraftRow<'load-balancers'> = {
    ...draft.common(`lb${random.below(100)}`),
    vip,
    protocol: random.pick(['udp', 'udp', 'tcp']),
    port: firstPort + random.below(2),
    backends: someBackends(draft, vip),
    affinityTimeoutS: random.chance(0.3) ? 30 : null,
    healthCheck: null,
    failedBackends: [],
    ...someAttachments(draft),
  };
  return put(draft, row) ? 'create load balancer' : null;
}

function change(draft: Draft): string | null {
  const { random } = draft;
  const row = draft.pick(draft.rows('load-balancers'));
  if (row === null) return null;
  const changed = random.pick([
    (): Partial<LoadBalancer> => ({ backends: someBackends(draft, row.vip) }),
    (): Partial<LoadBalancer> => ({
      backends: row.backends.map(backend => ({ ...backend, state: random.pick(backendStates) })),
    }),
    (): Partial<LoadBalancer> => ({ affinityTimeoutS: row.affinityTimeoutS === null ? 60 : null }),
    (): Partial<LoadBalancer> => ({ port: firstPort + random.below(2) }),
    () => someAttachments(draft),
  ]);
  return put(draft, { ...row, ...changed() }) ? 'change load balancer' : null;
}

function remove(draft: Draft): string | null {
  const row = draft.pick(draft.rows('load-balancers'));
  if (row === null) return null;
  draft.drop('load-balancers', row.id);
  return 'delete load balancer';
}

/** Now and then one of a subnet, that Weft answers for there; ports have others. */
function someAddress(draft: Draft): string {
  const subnet = draft.pick(draft.rows('subnets').filter(({ cidr }) => !cidr.includes(':')));
  if (subnet === null || draft.random.chance(0.7)) return draft.random.pick(virtualAddresses);
  return subnet.cidr.replace('.0/24', '.100');
}

function someBackends(draft: Draft, vip: string): LoadBalancer['backends'] {
  const { random } = draft;
  const ips = draft.rows('logical-switch-ports').flatMap(port => port.ips.map(({ ip }) => ip));
  return [...new Set(ips)]
    .filter(ip => ip.includes(':') === vip.includes(':') && random.chance(0.3))
    .map(ip => ({
      ip,
      port: firstPort,
      weight: 1 + random.below(3),
      state: random.chance(0.8) ? ('active' as const) : random.pick(backendStates),
    }));
}

function someAttachments(draft: Draft): Pick<LoadBalancer, 'logicalSwitchIds' | 'logicalRouterIds'> {
  const some = (rows: readonly { readonly id: string }[]): readonly string[] =>
    rows.filter(() => draft.random.chance(0.5)).map(({ id }) => id);
  return {
    logicalSwitchIds: some(draft.rows('logical-switches')),
    logicalRouterIds: some(draft.rows('logical-routers')),
  };
}

/** False: the store would not take it. */
function put(draft: Draft, row: DraftRow<'load-balancers'>): boolean {
  const isTaken = draft
    .rows('load-balancers')
    .some(
      other =>
        other.id !== row.id &&
        other.vip === row.vip &&
        other.protocol === row.protocol &&
        other.port === row.port &&
        [...other.logicalSwitchIds, ...other.logicalRouterIds].some(
          id => row.logicalSwitchIds.includes(id) || row.logicalRouterIds.includes(id),
        ),
    );
  if (isTaken) return false;
  try {
    checkVirtualAddress(row);
    checkBackends(row);
  } catch (error) {
    if (error instanceof WeftError) return false;
    throw error;
  }
  draft.put('load-balancers', row);
  return true;
}
