/**
 * Which hypervisors must know how a logical router translates: those that can be its gateway, if it has any rule, and those that speak for a
 * floating IP of it. Derived from NAT rules, gateway places and floating places:
 *
 *   residencies   (`nat` and the router, hypervisor)
 *
 * What must stay true: the rows are a function of the current rows of the model only.
 */
import type { Kind } from '../model/index.js';
import type { NetworkReader, RowAfter, RowChange } from './network-view.js';
import type { FloatingPlace, GatewayPlace } from './place-rows.js';
import { residencyId } from './rows.js';
import { natScope } from './translation-rows.js';

interface Moved {
  readonly 'gateway-places': ReadonlyMap<string, GatewayPlace | null>;
  readonly 'floating-places': ReadonlyMap<string, FloatingPlace | null>;
}

export class Translation {
  readonly #view: NetworkReader;

  constructor(view: NetworkReader) {
    this.#view = view;
  }

  /** Call when the view's own rows hold `changes` already; the places are those that were derived from them. */
  *apply(
    changes: readonly RowChange<Kind>[],
    gateways: readonly RowAfter<'gateway-places'>[],
    floating: readonly RowAfter<'floating-places'>[],
  ): Generator<RowAfter<'residencies'>> {
    const routers = new Set<string>();
    for (const change of changes) {
      if (change.kind !== 'nat-rules') continue;
      for (const row of [change.before, change.after]) if (row !== null) routers.add(row.logicalRouterId);
    }
    for (const { kind, id, after } of [...gateways, ...floating])
      for (const row of [this.#view.get(kind, id), after]) if (row !== null) routers.add(row.logicalRouterId);
    const moved = {
      'gateway-places': new Map(gateways.map(({ id, after }) => [id, after])),
      'floating-places': new Map(floating.map(({ id, after }) => [id, after])),
    } as const;
    for (const id of routers) yield* this.#residencies(id, moved);
  }

  *#residencies(routerId: string, moved: Moved): Generator<RowAfter<'residencies'>> {
    const scope = natScope(routerId);
    const number = this.#view.get('logical-routers', routerId)?.number;
    const wanted = new Set<string>();
    if (number !== undefined && this.#view.by('nat-rules', 'logicalRouterId', routerId).length > 0) {
      for (const kind of ['gateway-places', 'floating-places'] as const) {
        for (const { id, hypervisorId } of this.#view.by(kind, 'logicalRouterId', routerId))
          if (!moved[kind].has(id)) wanted.add(hypervisorId);
        for (const place of moved[kind].values())
          if (place?.logicalRouterId === routerId) wanted.add(place.hypervisorId);
      }
    }
    for (const { id, hypervisorId } of this.#view.by('residencies', 'datapathId', scope))
      if (!wanted.has(hypervisorId)) yield { kind: 'residencies', id, after: null };
    for (const hypervisorId of wanted) {
      const id = residencyId(scope, hypervisorId);
      const row = { id, datapathId: scope, datapathKind: 'nat-rules', hypervisorId, number: number ?? 0 } as const;
      yield { kind: 'residencies', id, after: row };
    }
  }
}
