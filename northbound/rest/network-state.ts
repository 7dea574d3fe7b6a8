/**
 * What REST reads: rows from the view, and how they fare from the fleet. The view follows the store by some milliseconds, so a
 * read first waits until the view holds every write that this process has acknowledged, and whatever `min_revision` asks for.
 */
import type { Clock } from '../../src/base/clock.js';
import { WeftError } from '../../src/base/errors.js';
import { effectiveMtu, type UnderlayCapacity, underlayCapacity } from '../../src/model/effective-mtu.js';
import type { BfdSession } from '../../src/model/gateway-tunnels.js';
import { type Kind, resourceOf, type RowOf } from '../../src/model/index.js';
import { toWire } from '../../src/model/wire.js';
import { operatorMembers } from '../../src/store/tenancy.js';
import type { NetworkView } from '../../src/view/network-view.js';
import { type BfdStatus, bfdStatus } from './bfd-status.js';
import {
  backendStatus,
  dhcpOptionStatus,
  dnsRecordStatus,
  mirrorStatus,
  natStatus,
  policyRouteStatus,
  qosStatus,
} from './feature-status.js';
import { gatewayStatus } from './gateway-status.js';
import { all } from '../../src/view/rows.js';
import type { GuaranteeStatus } from './guarantee-status.js';
import type { Sight } from './sight.js';
import { type HypervisorState, type PortState, portStates } from './states.js';

export type JsonObject = Readonly<Record<string, unknown>>;

/** What the fleet knows of a port beyond its rows. */
export interface PortStatus {
  readonly bound_to: string | null;
  /** Its interface is there and its flows are acknowledged. */
  readonly up: boolean;
  readonly applied_revision: number | null;
  readonly state: PortState;
  readonly reason: string | null;
}

export interface HypervisorStatus {
  readonly encap_type: string | null;
  readonly state: HypervisorState;
  readonly reason: string | null;
  readonly connected: boolean;
  readonly punt_connected: boolean;
  readonly applied_revision: number | null;
  readonly lag: number | null;
  readonly flows: number | null;
  readonly ovs_version: string | null;
  readonly physical_networks: readonly PhysicalNetworkStatus[];
  readonly last_error: string | null;
}

/** How a hypervisor is joined with a physical network. */
export interface PhysicalNetworkStatus {
  readonly physical_network: string;
  /** The bridge that the host names for it; null: none. */
  readonly bridge: string | null;
  /** Logical switches that are part of it have ports there, and reach it. */
  readonly connected: boolean;
  readonly reason: string | null;
}

/** One count of dropped packets on one hypervisor. */
export interface DropCount {
  readonly reason: string;
  readonly help: string;
  /** Null where no port of a workload is concerned, for instance for what came out of a tunnel. */
  readonly port_id: string | null;
  readonly packets: number;
}

/** What one rule of a security group has decided on one hypervisor. */
export interface HostRuleCount {
  readonly ruleNumber: number;
  readonly packets: number;
  readonly bytes: number;
  /** Nothing before is counted; ISO 8601. */
  readonly since: string;
}

export type HostRuleCounts = readonly HostRuleCount[];

/** How the network fares now; implemented over the fleet by the composition root. */
export interface FleetStatus {
  port(row: RowOf<'logical-switch-ports'>): PortStatus;
  hypervisor(row: RowOf<'hypervisors'>): HypervisorStatus;
  /** What it says of those that it watches by BFD, by their keys. */
  watched(hypervisorId: string): ReadonlyMap<number, BfdSession>;
  /** Where the bandwidth that the rule guarantees is kept. */
  guarantees(row: RowOf<'qos-rules'>): readonly GuaranteeStatus[];
  /** Asks the switch now. @throws WeftError not_connected */
  drops(hypervisorId: string): Promise<readonly DropCount[]>;
  /** Asks the switch now what these security group rules have decided; null when it is not connected. */
  ruleCounts(hypervisorId: string, ruleNumbers: readonly number[]): Promise<HostRuleCounts | null>;
  /** Resolves with whether the host has been cleaned up (or is not connected to be) within the time. */
  awaitRemoval(hypervisorId: string, timeoutMs: number): Promise<boolean>;
}

/** How long a read waits for the view to reach a revision before it gives up, ms. */
const longestWaitMs = 5_000;

export class NetworkState {
  /** Newest revision that this process has acknowledged to a writer. */
  #acknowledged = 0;
  readonly #moveListeners = new Set<() => void>();
  /** Where the view was when it moved last. */
  #seen = 0;
  /** What the underlay allows, as of where the view was then: a listing asks for it with every row. */
  #capacity: { readonly revision: number; readonly capacity: UnderlayCapacity } | null = null;
  readonly #waiters = new Set<{ readonly revision: number; readonly resume: () => void }>();

  constructor(
    readonly view: NetworkView,
    readonly fleet: FleetStatus,
    private readonly clock: Clock,
    private readonly defaultUnderlayMtu: number,
    /** When a token was last used. */
    private readonly tokenLastUsed: (tokenId: string) => string | null = () => null,
  ) {}

  get revision(): number {
    return this.view.revision;
  }

  /** Calls the listener whenever the view has moved; returns how to end it. */
  onMoved(listener: () => void): () => void {
    this.#moveListeners.add(listener);
    return () => this.#moveListeners.delete(listener);
  }

  /** For the composition root: the view has moved. */
  viewMoved(): void {
    const { revision } = this.view;
    // The database was replaced by an older copy: what it does not know will not come, and must not be waited for.
    if (revision < this.#seen) this.#acknowledged = Math.min(this.#acknowledged, revision);
    this.#seen = revision;
    this.#capacity = null;
    for (const waiter of this.#waiters) if (waiter.revision <= this.view.revision) waiter.resume();
    for (const listener of this.#moveListeners) listener();
  }

  acknowledged(revision: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, revision);
  }

  /**
   * Resolves when the view holds `minimum` and all that this process has acknowledged.
   * @throws WeftError revision_not_reached after some seconds
   */
  async reach(minimum: number): Promise<void> {
    const revision = Math.max(minimum, this.#acknowledged);
    if (revision <= this.view.revision) return;
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        cancel();
        this.#waiters.delete(waiter);
      };
      const waiter = { revision, resume: () => (end(), resolve()) };
      const cancel = this.clock.after(longestWaitMs, () => {
        end();
        const detail = `Revision ${revision} is not here yet; the newest is ${this.view.revision}.`;
        reject(new WeftError('revision_not_reached', { detail }));
      });
      this.#waiters.add(waiter);
    });
  }

  /** The same after a write: it stands whatever the view does, so the reply is given late rather than refused. */
  async reachWritten(revision: number): Promise<void> {
    await this.reach(revision).catch((error: unknown) => {
      if (!(error instanceof WeftError) || error.code !== 'revision_not_reached') throw error;
    });
  }

  /** @throws WeftError not_found, also where the caller does not see it */
  row<K extends Kind>(kind: K, id: string, sight: Sight): RowOf<K> {
    const row = this.view.get(kind, id);
    if (row === null || !sight.sees(kind, row as unknown as RowOf<Kind>)) {
      throw new WeftError('not_found', {
        detail: `There is no ${resourceOf(kind).singular} with the id ${id.slice(0, 64)}.`,
      });
    }
    // A kind of the model is its own row type in the view.
    return row as unknown as RowOf<K>;
  }

  /** The object as REST shows it to the caller, who sees it. */
  represent(kind: Kind, row: RowOf<Kind>, sight: Sight): JsonObject {
    const shorthands = Object.entries(resourceOf(kind).shorthands).map(([member, { kind: other, via }]) => [
      member,
      this.#referring(other, via, row.id)
        .filter(each => sight.sees(other, each))
        .map(each => visible(other, each, sight)),
    ]);
    const computed = shownOf(kind, this.#computed(kind, row, sight), sight);
    return { ...visible(kind, row, sight), ...computed, ...Object.fromEntries(shorthands) };
  }

  #referring(kind: Kind, via: string, id: string): readonly RowOf<Kind>[] {
    // Shorthands are declared on fields that refer, and every reference is indexed under its own name.
    return this.view.by(kind, via as never, id) as readonly RowOf<Kind>[];
  }

  #computed(kind: Kind, row: RowOf<Kind>, sight: Sight): JsonObject {
    switch (kind) {
      case 'logical-switches':
        return this.#mtuMembers(row as RowOf<'logical-switches'>);
      case 'logical-switch-ports':
        return { status: portStatus(this.fleet.port(row as RowOf<'logical-switch-ports'>), sight) };
      case 'tokens':
        return { last_used_at: this.tokenLastUsed(row.id) };
      case 'hypervisors':
        return { ...this.fleet.hypervisor(row as RowOf<'hypervisors'>) };
      case 'qos-rules':
        return this.#qosMembers(row as RowOf<'qos-rules'>);
      case 'dhcp-options':
        return { status: dhcpOptionStatus(this.view, row as RowOf<'dhcp-options'>) };
      case 'policy-routes':
        return { status: policyRouteStatus(this.view, row as RowOf<'policy-routes'>) };
      case 'bfd-sessions':
        return { status: this.#bfdStatus(row as RowOf<'bfd-sessions'>, sight) };
      case 'dns-records':
        return { status: dnsRecordStatus(this.view, row as RowOf<'dns-records'>) };
      case 'logical-routers':
        return {
          gateway_status: gatewayStatus(this.view, row as RowOf<'logical-routers'>, id => this.fleet.watched(id)),
        };
      case 'load-balancers':
        return { backend_status: backendStatus(this.view, row as RowOf<'load-balancers'>) };
      case 'mirrors':
        return { status: mirrorStatus(this.view, row as RowOf<'mirrors'>) };
      case 'nat-rules':
        return { status: natStatus(this.view, row as RowOf<'nat-rules'>) };
      default:
        return {};
    }
  }

  #bfdStatus(row: RowOf<'bfd-sessions'>, { isTenant }: Sight): BfdStatus {
    const { fleet, view } = this;
    const isConnected = (id: string): boolean => {
      const hypervisor = view.get('hypervisors', id);
      return hypervisor !== null && fleet.hypervisor(hypervisor).punt_connected;
    };
    const isGone = (id: string, key: number): boolean => fleet.watched(id).get(key)?.isAlive === false;
    return bfdStatus(view, row, { isTenant, isConnected, isGone });
  }

  #qosMembers(row: RowOf<'qos-rules'>): JsonObject {
    const guarantees = this.fleet.guarantees(row);
    return { status: qosStatus(row, guarantees), guarantees };
  }

  /** `mtu` shows what is in force; sent back unchanged, it leaves a computed one computed. */
  #mtuMembers(row: RowOf<'logical-switches'>): JsonObject {
    const mtu = this.effectiveMtu(row);
    return { mtu, effective_mtu: mtu };
  }

  effectiveMtu(row: RowOf<'logical-switches'>): number {
    const { revision } = this.view;
    if (this.#capacity?.revision !== revision) {
      const capacity = underlayCapacity(this.view.by('hypervisors', 'all', all), this.defaultUnderlayMtu);
      this.#capacity = { revision, capacity };
    }
    return effectiveMtu(row, this.#capacity.capacity);
  }

  drops(hypervisorId: string): Promise<readonly DropCount[]> {
    return this.fleet.drops(hypervisorId);
  }
}

/** The members of the row that the caller may know. */
function visible(kind: Kind, row: RowOf<Kind>, sight: Sight): Record<string, unknown> {
  const members = toWire(kind, row);
  if (sight.isTenant) for (const member of operatorMembers(kind)) delete members[member];
  const sharing = members['shared_with'];
  if (Array.isArray(sharing)) members['shared_with'] = sharing.filter(project => sight.knowsOfSharing(row, project));
  return members;
}

/** The computed members that the caller may know. */
function shownOf(kind: Kind, members: JsonObject, sight: Sight): JsonObject {
  if (!sight.isTenant) return members;
  const { computed } = resourceOf(kind);
  return Object.fromEntries(
    Object.entries(members).filter(([member]) => computed[member]?.forTenants ?? !Object.hasOwn(computed, member)),
  );
}

/** A tenant is told how its port fares, and nothing of where: neither names of hosts nor what else happens there. */
function portStatus(status: PortStatus, sight: Sight): PortStatus {
  if (!sight.isTenant) return status;
  const { state, up } = status;
  return { bound_to: null, up, applied_revision: null, state, reason: up ? null : portStates[state] };
}
