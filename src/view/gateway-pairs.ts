/**
 * Which hypervisors watch each other by BFD: each that holds a router with each that can be its gateway, where there are several of those.
 * Derived incrementally from residencies and gateway places:
 *
 *   gateway-pairs  (hypervisor, peer), in both directions
 *
 * A residency costs a count for each place of the router; places that change cost one for each hypervisor that holds the router. What must
 * stay true: the rows are a function of the current rows of the model only.
 */
import type { Kind, RowOf } from '../model/index.js';
import { type GatewayTunnel, gatewayTunnelBetween, MAX_WATCHED_KEY } from '../model/gateway-tunnels.js';
import { Counts } from './counts.js';
import type { NetworkReader, RowAfter, RowChange, Touched } from './network-view.js';
import { type DerivedKind, gatewayPairId } from './rows.js';

/** A router that is outside. */
interface Outside {
  readonly places: Set<string>;
  readonly residents: Set<string>;
}

type Hypervisor = RowOf<'hypervisors'>;

/** Whether what rows say of a hypervisor is another. Once it is there, nothing changes these in a store. */
function isAnother(before: Hypervisor | null, after: Hypervisor | null): boolean {
  return before?.hypervisorKey !== after?.hypervisorKey || before?.number !== after?.number;
}

export class GatewayPairs {
  readonly #view: NetworkReader;
  readonly #routers = new Map<string, Outside>();
  /** By the ids of both, the lesser first: how many routers want them to watch each other, counted from either side. */
  readonly #pairs = new Counts<string>();
  #dirty = new Set<string>();

  constructor(view: NetworkReader) {
    this.#view = view;
  }

  /** Call when the view's own rows hold `changes` already; `places` and `placed` are the rows derived from them. */
  apply(
    changes: readonly RowChange<Kind>[],
    places: readonly RowAfter<'gateway-places'>[],
    placed: readonly RowAfter<DerivedKind>[],
  ): readonly RowAfter<'gateway-pairs'>[] {
    this.#dirty = new Set();
    this.#setPlaces(places);
    for (const row of placed) if (row.kind === 'residencies') this.#setResident(row.id, row.after !== null);
    const changed = changes.flatMap(change =>
      change.kind === 'hypervisors' && isAnother(change.before, change.after) ? [change.id] : [],
    );
    if (changed.length > 0) this.#touch(new Set(changed));
    return [...this.#dirty].flatMap(pair => {
      const [first = '', second = ''] = pair.split('@');
      return [this.#row(pair, first, second), this.#row(pair, second, first)];
    });
  }

  #setPlaces(rows: readonly RowAfter<'gateway-places'>[]): void {
    const routers = new Map<string, Set<string>>();
    for (const { id } of rows) {
      const [routerId = ''] = id.split('@');
      routers.set(routerId, new Set(this.#routers.get(routerId)?.places));
    }
    for (const { id, after } of rows) {
      const [routerId = '', hypervisorId = ''] = id.split('@');
      const places = routers.get(routerId);
      if (after === null) places?.delete(hypervisorId);
      else places?.add(hypervisorId);
    }
    for (const [routerId, places] of routers) this.#replace(routerId, places);
  }

  /** Counts a router with other places. */
  #replace(routerId: string, places: Set<string>): void {
    const held = this.#routers.get(routerId);
    // What placement has just derived comes after.
    const residents =
      held?.residents ??
      new Set(this.#view.by('residencies', 'datapathId', routerId).map(({ hypervisorId }) => hypervisorId));
    if (held !== undefined) for (const resident of residents) this.#count(held.places, resident, -1);
    this.#routers.delete(routerId);
    if (places.size === 0) return;
    this.#routers.set(routerId, { places, residents });
    for (const resident of residents) this.#count(places, resident, 1);
  }

  #setResident(residencyId: string, isResident: boolean): void {
    const at = residencyId.indexOf('@');
    const router = this.#routers.get(residencyId.slice(0, at));
    const hypervisorId = residencyId.slice(at + 1);
    if (router === undefined || router.residents.has(hypervisorId) === isResident) return;
    if (isResident) router.residents.add(hypervisorId);
    else router.residents.delete(hypervisorId);
    this.#count(router.places, hypervisorId, isResident ? 1 : -1);
  }

  /** One place alone has nobody to take over from it, and is not watched. */
  #count(places: ReadonlySet<string>, resident: string, by: 1 | -1): void {
    if (places.size < 2) return;
    for (const place of places) {
      if (place === resident) continue;
      const pair = place < resident ? `${place}@${resident}` : `${resident}@${place}`;
      if (this.#pairs.add(pair, by)) this.#dirty.add(pair);
    }
  }

  #touch(hypervisorIds: ReadonlySet<string>): void {
    for (const pair of this.#pairs.keys()) {
      if (pair.split('@').some(id => hypervisorIds.has(id))) this.#dirty.add(pair);
    }
  }

  #row(pair: string, hypervisorId: string, peerId: string): RowAfter<'gateway-pairs'> {
    const id = gatewayPairId(hypervisorId, peerId);
    const own = this.#view.get('hypervisors', hypervisorId);
    const peer = this.#view.get('hypervisors', peerId);
    const isWatched =
      this.#pairs.has(pair) &&
      own !== null &&
      peer !== null &&
      Math.max(own.hypervisorKey, peer.hypervisorKey) <= MAX_WATCHED_KEY;
    if (!isWatched) return { kind: 'gateway-pairs', id, after: null };
    const { hypervisorKey: peerKey, number } = peer;
    return { kind: 'gateway-pairs', id, after: { id, hypervisorId, peerId, peerKey, number } };
  }
}

/** The tunnels by which a hypervisor watches others and is watched by them. */
export function gatewayTunnelsOf(view: NetworkReader, hypervisorId: string): readonly GatewayTunnel[] {
  const own = view.get('hypervisors', hypervisorId);
  if (own === null) return [];
  return view.by('gateway-pairs', 'hypervisorId', hypervisorId).flatMap(({ peerId }) => {
    const peer = view.get('hypervisors', peerId);
    return peer === null ? [] : (gatewayTunnelBetween(own, peer) ?? []);
  });
}

/** The hypervisors for which that may have changed. */
export function gatewayTunnelsTouched(view: NetworkReader, { changes }: Touched): ReadonlySet<string> {
  const hypervisorIds = new Set<string>();
  for (const change of changes) {
    if (change.kind === 'gateway-pairs') {
      for (const row of [change.before, change.after]) if (row !== null) hypervisorIds.add(row.hypervisorId);
    } else if (change.kind === 'hypervisors') {
      for (const { peerId } of view.by('gateway-pairs', 'hypervisorId', change.id)) hypervisorIds.add(peerId);
    }
  }
  return hypervisorIds;
}
