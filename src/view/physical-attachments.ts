/**
 * Which hypervisors need which physical networks: those with bound ports of a logical switch that is part of one. Derived
 * incrementally from switches, where their ports are, and the bridges that hosts name:
 *
 *   physical-attachments  (physical network, hypervisor) with a bound port of some switch of that network, and the bridge there
 *
 * A port that comes or goes costs at most one row. What must stay true: the rows are a function of the current rows of the model only.
 */
import type { Kind } from '../model/index.js';
import { bridgeFor } from '../model/provider-ports.js';
import { Counts } from './counts.js';
import type { NetworkReader, RowAfter, RowChange } from './network-view.js';
import { attachmentId, type DerivedKind } from './rows.js';

/** A logical switch that is part of a physical network, as it was counted. */
interface Segment {
  /** The number of the physical network. */
  readonly key: number;
  /** Hypervisors with bound ports of the switch. */
  readonly hypervisorIds: Set<string>;
}

type Placed = readonly RowAfter<DerivedKind>[];

export class PhysicalAttachments {
  readonly #view: NetworkReader;
  readonly #segments = new Map<string, Segment>();
  /** Names of physical networks by their numbers, which the store never gives to another. */
  readonly #names = new Map<number, string>();
  /** By hypervisor, the numbers of the physical networks that it needs. */
  readonly #needs = new Map<string, Counts<number>>();
  #dirty = new Map<string, { readonly hypervisorId: string; readonly key: number }>();

  constructor(view: NetworkReader) {
    this.#view = view;
  }

  /** Call when the view's own rows hold `changes` already; `placed` are the rows that placement has derived from them. */
  apply(changes: readonly RowChange<Kind>[], placed: Placed): readonly RowAfter<DerivedKind>[] {
    this.#dirty = new Map();
    const moved = new Set<string>();
    for (const change of changes) {
      if (change.kind === 'hypervisors') this.#touchHost(change.id);
      if (change.kind !== 'logical-switches') continue;
      if (change.before?.physicalNetworkKey !== change.after?.physicalNetworkKey) moved.add(change.id);
    }
    for (const id of moved) this.#setSegment(id);
    for (const row of placed) {
      if (row.kind === 'switch-presences') this.#setPresence(row.id, row.after !== null);
    }
    return [...this.#dirty].map(([id, { hypervisorId, key }]) => this.#row(id, hypervisorId, key));
  }

  /** Counts the switch as it is now, at the hypervisors where the view still has it; what placement says comes after. */
  #setSegment(switchId: string): void {
    const held = this.#segments.get(switchId);
    if (held !== undefined) {
      for (const hypervisorId of held.hypervisorIds) this.#count(hypervisorId, held.key, -1);
      this.#segments.delete(switchId);
    }
    const row = this.#view.get('logical-switches', switchId);
    if (row === null || row.physicalNetworkKey === null || row.provider === null) return;
    this.#names.set(row.physicalNetworkKey, row.provider.physicalNetwork);
    const hosts = this.#view.by('switch-presences', 'logicalSwitchId', switchId).map(each => each.hypervisorId);
    this.#segments.set(switchId, { key: row.physicalNetworkKey, hypervisorIds: new Set(hosts) });
    for (const hypervisorId of hosts) this.#count(hypervisorId, row.physicalNetworkKey, 1);
  }

  #setPresence(id: string, isPresent: boolean): void {
    const at = id.indexOf('@');
    const segment = this.#segments.get(id.slice(0, at));
    const hypervisorId = id.slice(at + 1);
    if (segment === undefined || segment.hypervisorIds.has(hypervisorId) === isPresent) return;
    if (isPresent) segment.hypervisorIds.add(hypervisorId);
    else segment.hypervisorIds.delete(hypervisorId);
    this.#count(hypervisorId, segment.key, isPresent ? 1 : -1);
  }

  #count(hypervisorId: string, key: number, by: 1 | -1): void {
    let needs = this.#needs.get(hypervisorId);
    if (needs === undefined) this.#needs.set(hypervisorId, (needs = new Counts()));
    if (needs.add(key, by)) this.#touch(hypervisorId, key);
    if (needs.size === 0) this.#needs.delete(hypervisorId);
  }

  #touchHost(hypervisorId: string): void {
    for (const key of this.#needs.get(hypervisorId)?.keys() ?? []) this.#touch(hypervisorId, key);
  }

  #touch(hypervisorId: string, key: number): void {
    this.#dirty.set(attachmentId(key, hypervisorId), { hypervisorId, key });
  }

  #row(id: string, hypervisorId: string, key: number): RowAfter<'physical-attachments'> {
    const kind = 'physical-attachments';
    if (this.#needs.get(hypervisorId)?.has(key) !== true) return { kind, id, after: null };
    const physicalNetwork = this.#names.get(key) ?? '';
    const bridge = bridgeFor(this.#view.get('hypervisors', hypervisorId)?.bridgeMappings ?? [], physicalNetwork);
    return { kind, id, after: { id, hypervisorId, physicalNetwork, bridge, number: key } };
  }
}
