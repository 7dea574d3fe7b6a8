/** Which interfaces Weft makes itself on a hypervisor: those of the ports that ask for it there. */
import { effectiveMtu, type UnderlayCapacity, underlayCapacity } from '../model/effective-mtu.js';
import type { Hypervisor, LogicalSwitch, LogicalSwitchPort } from '../model/index.js';
import type { NetworkReader, Touched } from './network-view.js';
import { all } from './rows.js';

/** An interface that a hypervisor is to have. */
export interface WantedInterface {
  readonly portId: string;
  readonly mac: string;
  readonly mtuBytes: number;
}

type MtuMembers = Pick<LogicalSwitch, 'mtu' | 'provider'>;

const isSameMtu = (a: MtuMembers, b: MtuMembers): boolean =>
  a.mtu === b.mtu && (a.provider === null) === (b.provider === null);

export class InternalInterfaces {
  readonly #view: NetworkReader;
  readonly #defaultUnderlayMtu: number;
  /** What the underlay allows, and the list of hypervisors from which that was computed: it is replaced when one changes. */
  #capacity: { readonly of: readonly Hypervisor[]; readonly capacity: UnderlayCapacity } | null = null;

  constructor(view: NetworkReader, defaultUnderlayMtu: number) {
    this.#view = view;
    this.#defaultUnderlayMtu = defaultUnderlayMtu;
  }

  /** Those of the hypervisor of this name, by port. */
  of(hypervisorName: string): readonly WantedInterface[] {
    return this.#view
      .by('logical-switch-ports', 'hypervisor', hypervisorName)
      .filter(({ internalInterface }) => internalInterface)
      .flatMap(({ id, mac, logicalSwitchId }) => {
        const logicalSwitch = this.#view.get('logical-switches', logicalSwitchId);
        if (logicalSwitch === null) return [];
        return [{ portId: id, mac, mtuBytes: effectiveMtu(logicalSwitch, this.#underlay()) }];
      });
  }

  /** The hypervisors for which that may have changed. */
  touched({ changes }: Touched): ReadonlySet<string> {
    const names = new Set<string>();
    const add = (port: LogicalSwitchPort | null): void => {
      if (port?.internalInterface === true && port.hypervisor !== null) names.add(port.hypervisor);
    };
    let isMtuMoved = false;
    for (const change of changes) {
      if (change.kind === 'logical-switch-ports') {
        add(change.before);
        add(change.after);
      } else if (change.kind === 'logical-switches' && change.before !== null && change.after !== null) {
        if (isSameMtu(change.before, change.after)) continue;
        this.#view.by('logical-switch-ports', 'logicalSwitchId', change.id).forEach(add);
      } else if (change.kind === 'hypervisors') isMtuMoved = true;
    }
    if (isMtuMoved && this.#hasCapacityMoved()) return new Set(this.#hypervisors().map(({ id }) => id));
    if (names.size === 0) return names;
    return new Set(this.#hypervisors().flatMap(({ id, name }) => (names.has(name) ? [id] : [])));
  }

  #hypervisors(): readonly Hypervisor[] {
    return this.#view.by('hypervisors', 'all', all);
  }

  #underlay(): UnderlayCapacity {
    const of = this.#hypervisors();
    if (this.#capacity?.of !== of) this.#capacity = { of, capacity: underlayCapacity(of, this.#defaultUnderlayMtu) };
    return this.#capacity.capacity;
  }

  /** Whether another hypervisor than before limits all; no before, no interface that was made by it. */
  #hasCapacityMoved(): boolean {
    const before = this.#capacity?.capacity;
    if (before === undefined) return false;
    const { tunnels, physical } = this.#underlay();
    return tunnels !== before.tunnels || physical !== before.physical;
  }
}
