/**
 * Which hypervisors can be the gateway of which logical routers, in which order. Derived incrementally from routers, the logical switches
 * on which they are outside, and hypervisors:
 *
 *   gateway-places  (router, hypervisor) for each that can; rank 0 is the gateway
 *
 * A change of a hypervisor that matters to gateways looks at all routers that have one. What must stay true: the rows are a function of
 * the current rows of the model only.
 */
import { structurallyEqual } from '../base/structural-equality.js';
import { gatewayCandidates } from '../model/gateway.js';
import type { Kind, RowOf } from '../model/index.js';
import type { NetworkReader, RowAfter, RowChange } from './network-view.js';
import { all, gatewayPlaceId, type GatewayPlace } from './rows.js';

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
    let areAllDirty = false;
    for (const change of changes) {
      if (change.kind === 'logical-routers') {
        if (hasGateway(change.before) || hasGateway(change.after)) dirty.add(change.id);
      } else if (change.kind === 'logical-switches') {
        if (isPhysical(change.before) || isPhysical(change.after)) switches.add(change.id);
      } else if (change.kind === 'hypervisors') {
        areAllDirty ||= matters(change.before, change.after);
      }
    }
    if (areAllDirty) for (const id of this.#places.keys()) dirty.add(id);
    else if (switches.size > 0) this.#addRoutersOn(switches, dirty);
    return [...dirty].flatMap(id => this.#place(id));
  }

  #addRoutersOn(switches: ReadonlySet<string>, routers: Set<string>): void {
    for (const id of this.#places.keys()) {
      if (switches.has(this.#view.get('logical-routers', id)?.gateway?.logicalSwitchId ?? '')) routers.add(id);
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
