/**
 * Which floating IPs the hypervisors of their workloads speak for outside. Derived from NAT rules, routers, the logical switches on which those
 * are outside, bindings and hypervisors:
 *
 *   floating-places   the rule, and the hypervisor of its port, where that has a bridge for the physical network
 *
 * A change of a hypervisor, or of a logical switch on a physical network, looks at all floating IPs that have a port. What must stay true: the
 * rows are a function of the current rows of the model only.
 */
import { structurallyEqual } from '../base/structural-equality.js';
import type { Kind, NatRule, RowOf } from '../model/index.js';
import { bridgeFor } from '../model/provider-ports.js';
import type { NetworkReader, RowAfter, RowChange } from './network-view.js';
import type { FloatingPlace } from './place-rows.js';

type Hypervisor = RowOf<'hypervisors'>;

const decisive = ['allowed', 'approved', 'bridgeMappings'] as const satisfies readonly (keyof Hypervisor)[];

function matters(before: Hypervisor | null, after: Hypervisor | null): boolean {
  if (before === null || after === null) return true;
  return decisive.some(member => !structurallyEqual(before[member], after[member]));
}

/** A local port is on several hypervisors, and what it says leaves none of them. */
const hasOnePlace = (port: RowOf<'logical-switch-ports'> | null): boolean => port?.local === null;

const isPhysical = (row: RowOf<'logical-switches'> | null): boolean => row !== null && row.provider !== null;

export class FloatingPlaces {
  readonly #view: NetworkReader;
  /** Rules that have a port. */
  readonly #rules = new Set<string>();

  constructor(view: NetworkReader) {
    this.#view = view;
  }

  /** Call when the view's own rows hold `changes` already. */
  apply(changes: readonly RowChange<Kind>[]): readonly RowAfter<'floating-places'>[] {
    const dirty = new Set<string>();
    let areAllDirty = false;
    const add = (rules: readonly Pick<NatRule, 'id' | 'logicalSwitchPortId'>[]): void => {
      for (const { id, logicalSwitchPortId } of rules) if (logicalSwitchPortId !== null) dirty.add(id);
    };
    for (const change of changes) {
      if (change.kind === 'nat-rules') {
        if ((change.after?.logicalSwitchPortId ?? null) !== null) this.#rules.add(change.id);
        else if (!this.#rules.delete(change.id)) continue;
        dirty.add(change.id);
      } else if (change.kind === 'logical-routers') {
        if (!structurallyEqual(change.before?.gateway, change.after?.gateway))
          add(this.#view.by('nat-rules', 'logicalRouterId', change.id));
      } else if (change.kind === 'port-bindings') {
        for (const row of [change.before, change.after])
          if (row !== null) add(this.#view.by('nat-rules', 'logicalSwitchPortId', row.logicalSwitchPortId));
      } else if (change.kind === 'logical-switch-ports') {
        if (hasOnePlace(change.before) !== hasOnePlace(change.after))
          add(this.#view.by('nat-rules', 'logicalSwitchPortId', change.id));
      } else if (change.kind === 'logical-switches')
        areAllDirty ||= isPhysical(change.before) || isPhysical(change.after);
      else if (change.kind === 'hypervisors') areAllDirty ||= matters(change.before, change.after);
    }
    if (areAllDirty) for (const id of this.#rules) dirty.add(id);
    return [...dirty].map(id => ({ kind: 'floating-places', id, after: this.#place(id) }));
  }

  #place(id: string): FloatingPlace | null {
    const rule = this.#view.get('nat-rules', id);
    const portId = rule?.logicalSwitchPortId ?? null;
    if (rule === null || portId === null || rule.externalMac === null) return null;
    if (!hasOnePlace(this.#view.get('logical-switch-ports', portId))) return null;
    const { logicalRouterId, externalIp, number } = rule;
    const logicalSwitchId = this.#view.get('logical-routers', logicalRouterId)?.gateway?.logicalSwitchId;
    const binding = this.#view.by('port-bindings', 'logicalSwitchPortId', portId)[0];
    if (logicalSwitchId === undefined || binding === undefined) return null;
    const network = this.#view.get('logical-switches', logicalSwitchId)?.provider?.physicalNetwork;
    const { hypervisorId } = binding;
    const hypervisor = this.#view.get('hypervisors', hypervisorId);
    if (network === undefined || hypervisor === null || !hypervisor.allowed || !hypervisor.approved) return null;
    if (bridgeFor(hypervisor.bridgeMappings, network) === null) return null;
    return { id, logicalRouterId, externalIp, logicalSwitchId, hypervisorId, number };
  }
}
