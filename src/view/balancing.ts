/**
 * Which logical switches have load balancers, and which hypervisors must know of each. Derived from load balancers, router ports and where
 * logical switches and routers are:
 *
 *   balanced-switches   a switch whose ports reach load balancers: those of the switch itself, and of each router on it
 *   residencies         (load balancer, hypervisor) where a switch or router is that it is attached to; and one for every hypervisor with any
 *
 * What must stay true: the rows are a function of the current rows of the model, and of residencies, only.
 */
import type { Kind, LoadBalancer } from '../model/index.js';
import { attachmentsOf, balancerScope, type BalancedSwitch } from './balancing-rows.js';
import { Counts } from './counts.js';
import type { NetworkReader, RowAfter, RowChange } from './network-view.js';
import { compareIds } from './row-order.js';
import { residencyId, type DerivedKind } from './rows.js';

export class Balancing {
  readonly #view: NetworkReader;
  /** How many load balancers each hypervisor has. */
  readonly #hosts = new Counts<string>();

  constructor(view: NetworkReader) {
    this.#view = view;
  }

  /** Call when the view's own rows hold `changes` already; `placed` are the rows that placement has derived from them. */
  *apply(changes: readonly RowChange<Kind>[], placed: readonly RowAfter<DerivedKind>[]): Generator<RowAfter> {
    const switches = new Set<string>();
    const balancers = new Set<string>();
    for (const change of changes) {
      if (change.kind === 'load-balancers') {
        balancers.add(change.id);
        for (const id of attachmentDifference(change.before, change.after)) this.#addSwitches(id, switches);
      } else if (change.kind === 'logical-router-ports') {
        for (const row of [change.before, change.after])
          if (row !== null && row.logicalSwitchId !== null) switches.add(row.logicalSwitchId);
      } else if (change.kind === 'logical-switches') switches.add(change.id);
    }
    const moved = residenciesIn(placed);
    for (const datapathId of moved.keys()) {
      for (const { id } of this.#view.by('load-balancers', 'attached', datapathId)) balancers.add(id);
    }
    for (const id of switches) yield { kind: 'balanced-switches', id, after: this.#balancedSwitch(id) };
    for (const id of balancers) yield* this.#residencies(id, moved);
  }

  /** The switches that what a load balancer is attached to, a switch or a router, makes reach it. */
  #addSwitches(datapathId: string, switches: Set<string>): void {
    switches.add(datapathId);
    for (const port of this.#view.by('logical-router-ports', 'logicalRouterId', datapathId))
      if (port.logicalSwitchId !== null) switches.add(port.logicalSwitchId);
  }

  #balancedSwitch(id: string): BalancedSwitch | null {
    const logicalSwitch = this.#view.get('logical-switches', id);
    if (logicalSwitch === null) return null;
    const ports = this.#view.by('logical-router-ports', 'logicalSwitchId', id);
    const routers = [...new Set(ports.map(port => port.logicalRouterId))].sort(compareIds);
    const domains = [id, ...routers].filter(each => this.#view.by('load-balancers', 'attached', each).length > 0);
    return domains.length === 0 ? null : { id, domains, number: logicalSwitch.number };
  }

  *#residencies(id: string, moved: ReadonlyMap<string, ReadonlyMap<string, boolean>>): Generator<RowAfter> {
    const balancer = this.#view.get('load-balancers', id);
    const wanted = new Set<string>();
    for (const datapathId of balancer === null ? [] : attachmentsOf(balancer)) {
      const hosts = new Set(this.#view.by('residencies', 'datapathId', datapathId).map(row => row.hypervisorId));
      for (const [host, resident] of moved.get(datapathId) ?? []) {
        if (resident) hosts.add(host);
        else hosts.delete(host);
      }
      for (const host of hosts) wanted.add(host);
    }
    const held = new Set(this.#view.by('residencies', 'datapathId', id).map(row => row.hypervisorId));
    for (const host of wanted) {
      if (!held.has(host)) yield* this.#count(host, 1);
      yield residency(id, host, balancer?.number ?? 0);
    }
    for (const host of held) {
      if (wanted.has(host)) continue;
      yield* this.#count(host, -1);
      yield { kind: 'residencies', id: residencyId(id, host), after: null };
    }
  }

  *#count(host: string, by: 1 | -1): Generator<RowAfter> {
    if (!this.#hosts.add(host, by)) return;
    const id = residencyId(balancerScope, host);
    yield this.#hosts.has(host) ? residency(balancerScope, host, 0) : { kind: 'residencies', id, after: null };
  }
}

function residency(datapathId: string, hypervisorId: string, number: number): RowAfter<'residencies'> {
  const id = residencyId(datapathId, hypervisorId);
  const row = { id, datapathId, datapathKind: 'load-balancers', hypervisorId, number } as const;
  return { kind: 'residencies', id, after: row };
}

/** What it is attached to before or after, and not both; everything when it comes, goes, or is another one under its id. */
function attachmentDifference(before: LoadBalancer | null, after: LoadBalancer | null): readonly string[] {
  const [had, has] = [before, after].map(row => new Set(row === null ? [] : attachmentsOf(row)));
  return [...new Set([...(had ?? []), ...(has ?? [])])].filter(id => had?.has(id) !== has?.has(id));
}

/** By datapath: hypervisors that it comes to (true) and goes from. */
function residenciesIn(placed: readonly RowAfter<DerivedKind>[]): ReadonlyMap<string, ReadonlyMap<string, boolean>> {
  const moved = new Map<string, Map<string, boolean>>();
  for (const row of placed) {
    if (row.kind !== 'residencies') continue;
    const at = row.id.lastIndexOf('@');
    const [datapathId, hypervisorId] = [row.id.slice(0, at), row.id.slice(at + 1)];
    const hosts = moved.get(datapathId);
    if (hosts === undefined) moved.set(datapathId, new Map([[hypervisorId, row.after !== null]]));
    else hosts.set(hypervisorId, row.after !== null);
  }
  return moved;
}
