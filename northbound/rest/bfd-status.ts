/** What a BFD session shows: what it has found out about its neighbour, and where it runs. */
import { bfdDiagnostics, type bfdStatuses } from '../../src/model/bfd-session.js';
import type { RowOf } from '../../src/model/index.js';
import { bfdPlace, type IsGone } from '../../src/view/bfd-places.js';
import type { NetworkReader } from '../../src/view/network-view.js';

export interface BfdStatus {
  readonly state: (typeof bfdStatuses)[number];
  /** Why it went down, in the words of RFC 5880. */
  readonly diagnostic: string | null;
  readonly since: string | null;
  /** Null also for tenants. */
  readonly hypervisor: string | null;
  /** Why it runs nowhere; null where it does. */
  readonly reason: string | null;
}

interface Asked {
  readonly isGone: IsGone;
  /** Whether Weft hears the hypervisor. */
  isConnected(this: void, hypervisorId: string): boolean;
  readonly isTenant: boolean;
}

export function bfdStatus(
  view: NetworkReader,
  row: Pick<RowOf<'bfd-sessions'>, 'logicalRouterPortId' | 'ip' | 'enabled' | 'finding'>,
  { isGone, isConnected, isTenant }: Asked,
): BfdStatus {
  const { enabled, finding } = row;
  const since = finding?.since ?? null;
  if (!enabled) return { state: 'admin_down', diagnostic: null, since, hypervisor: null, reason: 'it is disabled' };
  const place = bfdPlace(view, row, isGone);
  const hypervisorId = typeof place === 'string' ? null : place.hypervisorId;
  const name = hypervisorId === null ? null : (view.get('hypervisors', hypervisorId)?.name ?? hypervisorId);
  const isCutOff = hypervisorId !== null && !isConnected(hypervisorId);
  return {
    state: finding === null ? 'unknown' : finding.isUp ? 'up' : 'down',
    diagnostic:
      finding === null || finding.isUp
        ? null
        : (bfdDiagnostics[finding.diagnostic] ?? `diagnostic ${finding.diagnostic}`),
    since,
    hypervisor: isTenant ? null : name,
    reason:
      typeof place === 'string' ? place : isCutOff ? 'Weft does not hear its hypervisor: it stays as it is' : null,
  };
}
