/**
 * Which hypervisors can be the gateway of which logical routers, in which order. Derived incrementally from routers, the logical switches
 * on which they are outside, and hypervisors:
 *
 *   gateway-places  (router, hypervisor) for each that can; rank 0 is the preferred one
 *
 * A change of a hypervisor that can be a gateway looks at all routers that have one, of another at those that name it: a fleet that joins
 * is not looked at by all of them. What must stay true: the rows are a function of the current rows of the model only.
 */
import { structurallyEqual } from '../base/structural-equality.js';
import { gatewayCandidates } from '../model/gateway.js';
import type { Kind, RowOf } from '../model/index.js';
import type { NetworkReader, RowAfter, RowChange } from './network-view.js';
import type { GatewayPlace } from './place-rows.js';
import { all, gatewayPlaceId } from './rows.js';

type Hypervisor = RowOf<'hypervisors'>;

/** The members of a hypervisor that decide whether it can be a gateway, and which one a router names. */
const decisive = [
  ...(['name', 'allowed', 'approved', 'gateway'] as const),
  ...(['drain', 'encapIp', 'bridgeMappings', 'hypervisorKey'] as const),
] satisfies readonly (keyof Hypervisor)[];

function matters(before: Hypervisor | null, after: Hypervisor | null): boolean {
  if (before === null || after === null) return true;
  return decisive.some(member => !structurallyEqual(before[member], after[member]));
}

/** Routers that name none take any with gateway=true; a name decides nothing alone, but two of one name are none. */
function isConcerned({ gateway }: RowOf<'logical-routers'>, changed: readonly Hypervisor[]): boolean {
  const names = gateway?.hypervisors ?? null;
  return changed.some(row => (names === null ? row.gateway : names.includes(row.name)));
}

const hasGateway = (router: RowOf<'logical-routers'> | null): boolean => router !== null && router.gateway !== null;
const isPhysical = (row: RowOf<'logical-switches'> | null): boolean => row !== null && row.provider !== null;

export class Gateways {
  readonly #view: NetworkReader;
  /** Every router that is outside, and its places. */
  readonly #places = new Map<string, readonly GatewayPlace[]>();

  constructor(view: NetworkReader) {
    this.#view = view;
  }

  /** Call when the view's own rows hold `changes` already. */
  apply(changes: readonly RowChange<Kind>[]): readonly RowAfter<'gateway-places'>[] {
    const dirty = new Set<string>();
    const switches = new Set<string>();
    const hypervisors: Hypervisor[] = [];
    for (const change of changes) {
      if (change.kind === 'logical-routers') {
        if (hasGateway(change.before) || hasGateway(change.after)) dirty.add(change.id);
      } else if (change.kind === 'logical-switches') {
        if (isPhysical(change.before) || isPhysical(change.after)) switches.add(change.id);
      } else if (change.kind === 'hypervisors') {
        if (!matters(change.before, change.after)) continue;
        for (const row of [change.before, change.after]) if (row !== null) hypervisors.push(row);
      }
    }
    if (hypervisors.length + switches.size > 0) this.#addRouters(switches, hypervisors, dirty);
    return [...dirty].flatMap(id => this.#place(id));
  }

  /** Those that are outside on one of these switches, or for which one of these hypervisors counts. */
  #addRouters(switches: ReadonlySet<string>, hypervisors: readonly Hypervisor[], routers: Set<string>): void {
    for (const id of this.#places.keys()) {
      const router = this.#view.get('logical-routers', id);
      if (router === null) continue;
      if (switches.has(router.gateway?.logicalSwitchId ?? '') || isConcerned(router, hypervisors)) routers.add(id);
    }
  }

  #place(routerId: string): readonly RowAfter<'gateway-places'>[] {
    const held = this.#places.get(routerId) ?? [];
    const router = this.#view.get('logical-routers', routerId);
    const places = router === null ? [] : this.#placesOf(router);
    if (hasGateway(router)) this.#places.set(routerId, places);
    else this.#places.delete(routerId);
    const kept = new Set(places.map(({ id }) => id));
    const gone = held.filter(({ id }) => !kept.has(id));
    return [
      ...gone.map(({ id }) => ({ kind: 'gateway-places', id, after: null }) as const),
      ...places.map(after => ({ kind: 'gateway-places', id: after.id, after }) as const),
    ];
  }

  #placesOf(router: RowOf<'logical-routers'>): readonly GatewayPlace[] {
    const { gateway, id: logicalRouterId, number } = router;
    if (gateway === null) return [];
    const { logicalSwitchId } = gateway;
    const network = this.#view.get('logical-switches', logicalSwitchId)?.provider?.physicalNetwork ?? null;
    return gatewayCandidates(router, network, this.#view.by('hypervisors', 'all', all))
      .flatMap(({ hypervisorId, obstacle }) => (hypervisorId === null || obstacle !== null ? [] : [hypervisorId]))
      .map((hypervisorId, rank) => {
        const id = gatewayPlaceId(logicalRouterId, hypervisorId);
        const hypervisorKey = this.#view.get('hypervisors', hypervisorId)?.hypervisorKey ?? 0;
        return { id, logicalRouterId, logicalSwitchId, hypervisorId, hypervisorKey, rank, number };
      });
  }
}
