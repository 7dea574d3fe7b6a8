/**
 * Which bound ports have a queue of their own on the way out of their hypervisor, because a QoS rule guarantees them bandwidth there.
 * Derived incrementally from rules, bound ports and the data paths of hypervisors:
 *
 *   egress-queues  (port) bound where the data path is the kernel's, with the most specific guarantee that there is for it
 *
 * A port that comes or goes costs at most one row; a rule of a logical switch looks at the bound ports of that switch, and a hypervisor
 * with another data path at its guaranteed ports. What must stay true: the rows are a function of the current rows of the model only.
 */
import type { Kind, QosRule } from '../model/index.js';
import { guaranteeOf, queueOf } from '../model/port-features.js';
import type { NetworkReader, RowAfter, RowChange } from './network-view.js';
import type { BoundPort } from './place-rows.js';
import type { DerivedKind } from './rows.js';

type Placed = readonly RowAfter<DerivedKind>[];

const isGuarantee = (rule: Pick<QosRule, 'kind'>): boolean => rule.kind === 'minimum_bandwidth';

export class EgressQueues {
  readonly #view: NetworkReader;
  /** Bound ports that are guaranteed bandwidth, by hypervisor, whatever its data path; and where each is. */
  readonly #guaranteed = new Map<string, Set<string>>();
  readonly #places = new Map<string, string>();

  constructor(view: NetworkReader) {
    this.#view = view;
  }

  /** Call when the view's own rows hold `changes` already; `placed` are the rows that placement has derived from them. */
  apply(changes: readonly RowChange<Kind>[], placed: Placed): readonly RowAfter<'egress-queues'>[] {
    // What placement says is not in the view yet: where it says nothing of a port, that is as it was.
    const bound = new Map<string, BoundPort | null>();
    for (const row of placed) if (row.kind === 'bound-ports') bound.set(row.id, row.after);
    const portIds = new Set(bound.keys());
    for (const change of changes) {
      if (change.kind === 'qos-rules') this.#addGuaranteed(change, portIds);
      else if (change.kind === 'hypervisors' && change.before?.datapathType !== change.after?.datapathType)
        for (const id of this.#guaranteed.get(change.id) ?? []) portIds.add(id);
    }
    return [...portIds].flatMap(id => {
      const port = bound.get(id);
      return this.#row(id, port === undefined ? this.#view.get('bound-ports', id) : port);
    });
  }

  #addGuaranteed({ before, after }: RowChange<'qos-rules'>, portIds: Set<string>): void {
    for (const rule of [before, after]) {
      if (rule === null || !isGuarantee(rule)) continue;
      if (rule.logicalSwitchPortId !== null) portIds.add(rule.logicalSwitchPortId);
      if (rule.logicalSwitchId === null) continue;
      for (const { id } of this.#view.by('bound-ports', 'logicalSwitchId', rule.logicalSwitchId)) portIds.add(id);
    }
  }

  #row(id: string, bound: BoundPort | null): readonly RowAfter<'egress-queues'>[] {
    const view = this.#view;
    const kind = 'egress-queues';
    const none = view.get(kind, id) === null ? [] : [{ kind, id, after: null } as const];
    const minKbps = bound === null ? null : this.#guaranteeOf(bound);
    this.#place(id, minKbps === null ? null : (bound?.hypervisorId ?? null));
    if (bound === null || minKbps === null) return none;
    const { hypervisorId, number } = bound;
    const queue = queueOf(bound);
    if (queue === null || view.get('hypervisors', hypervisorId)?.datapathType !== 'system') return none;
    return [{ kind, id, after: { id, hypervisorId, queue, minKbps, number } }];
  }

  #guaranteeOf({ id, logicalSwitchId }: BoundPort): number | null {
    const view = this.#view;
    return guaranteeOf(
      view.by('qos-rules', 'logicalSwitchPortId', id),
      view.by('qos-rules', 'logicalSwitchId', logicalSwitchId),
    );
  }

  /** Notes where a guaranteed port is; null: it is nowhere, or not guaranteed anything. */
  #place(portId: string, hypervisorId: string | null): void {
    const former = this.#places.get(portId) ?? null;
    if (former === hypervisorId) return;
    if (former !== null) {
      const others = this.#guaranteed.get(former);
      others?.delete(portId);
      if (others?.size === 0) this.#guaranteed.delete(former);
    }
    if (hypervisorId === null) {
      this.#places.delete(portId);
      return;
    }
    this.#places.set(portId, hypervisorId);
    const held = this.#guaranteed.get(hypervisorId);
    if (held === undefined) this.#guaranteed.set(hypervisorId, new Set([portId]));
    else held.add(portId);
  }
}
