/**
 * Joins what the southbound reports with the fleet: for each session it keeps the host's database in order, hands OpenFlow
 * connections to the reconciler, passes on which interfaces claim ports, and marks those whose flows are acknowledged.
 *
 *   session ── OpenFlow up ──► fleet.connect            fleet ── ports acknowledged ──► weft-installed on the Interface
 *      │  └─── inventory ────► onInventory (the store)                                        ▲
 *      └── replica, report ──► HostDatabase ◄── goal (row of the hypervisor, peers) ──────────┘
 */
import type { ReportedInterface } from '../../southbound/hypervisor/inventory.js';
import type { OpenFlowChannel } from '../../southbound/hypervisor/openflow-channel.js';
import type { HypervisorSession } from '../../southbound/hypervisor/session.js';
import type { SessionState } from '../../southbound/hypervisor/session-state.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { Fleet } from './fleet.js';
import { HostDatabase, type HostDatabaseStatus, type HostGoal } from './host-database.js';
import { OpenFlowSwitch } from './openflow-switch.js';
import type { DatabaseState } from './reconciler-context.js';

/** Where a logical switch port is bound, as far as marking it goes. */
export interface MarkedBinding {
  readonly hypervisorId: string;
  readonly interfaceUuid: string;
}

export interface HostsOptions {
  readonly fleet: Pick<Fleet, 'connect' | 'databaseChanged'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** What is wanted of a host now; null while it cannot be told. */
  goalOf(this: void, session: HypervisorSession): HostGoal | null;
  /** The newest binding of a port; null while it is not bound. */
  bindingOf(portId: string): MarkedBinding | null;
  /** The whole list of interfaces that claim ports, each time it changes, and once when the host is (back) there. */
  onInventory(hypervisorId: string, interfaces: readonly ReportedInterface[]): void;
}

/** An interface that names a port, whether or not it is bound. */
export interface HostClaim {
  readonly hypervisorId: string;
  readonly hypervisorName: string;
  readonly interfaceUuid: string;
  readonly interfaceName: string;
  readonly ifaceId: string;
  /** Null while it cannot carry packets. */
  readonly ofport: number | null;
  /** What Open vSwitch says is wrong with it. */
  readonly error: string | null;
}

export interface HostStatus {
  readonly session: SessionState;
  readonly reason: string;
  readonly database: HostDatabaseStatus;
  readonly ovsVersion: string | null;
}

interface Host {
  readonly session: HypervisorSession;
  readonly database: HostDatabase;
  /**
   * Ports whose flows are acknowledged, in the words of the fleet: whichever interface they are bound to now. Null until the
   * switch has said so: the marks of the Weft before us stay till then.
   */
  installed: ReadonlySet<string> | null;
  connection: OpenFlowChannel | null;
  /** The fleet has the connection. */
  isHandedOver: boolean;
}

/** The database as a reconciler sees it. */
function databaseState(status: HostDatabaseStatus): DatabaseState {
  switch (status.kind) {
    case 'joined':
    case 'standby':
      return { kind: 'ready' };
    case 'changing':
      return { kind: 'working', reason: status.summary };
    case 'waiting':
      return { kind: 'working', reason: status.reason };
    case 'refused':
    case 'failed':
      return { kind: 'failed', reason: status.reason };
    case 'unknown':
    case 'left':
      return { kind: 'failed', reason: 'its database is not connected' };
  }
}

export class Hosts {
  readonly #options: HostsOptions;
  readonly #hosts = new Map<string, Host>();
  readonly #removalWaiters = new Set<() => void>();

  constructor(options: HostsOptions) {
    this.#options = options;
  }

  /** A hypervisor was admitted for the first time since the start. */
  add(session: HypervisorSession): void {
    const { clock, log, goalOf, fleet } = this.#options;
    const { id } = session.hypervisor;
    const database = new HostDatabase({
      session,
      goal: () => goalOf(session),
      clock,
      log,
      onStatus: () => {
        fleet.databaseChanged(id);
        this.#lookAtRemovals();
      },
    });
    const host: Host = { session, database, installed: null, connection: null, isHandedOver: false };
    this.#hosts.set(id, host);
    session.onOpenFlow((use, connection) => {
      if (use === 'flows') this.#openFlowMoved(host, connection);
    });
    session.onReport(() => this.#handOver(host));
    session.inventory.onChange(() => this.#reportInventory(host));
    session.onState(state => {
      if (state === 'provisioning' || state === 'connected') this.#reportInventory(host);
      if (state === 'disconnected') this.#lookAtRemovals();
    });
    this.#openFlowMoved(host, session.openflow);
  }

  /** Rows of hypervisors have changed: what is wanted of every host may be different. */
  goalsChanged(): void {
    for (const host of this.#hosts.values()) {
      host.database.nudge();
      this.#handOver(host);
    }
  }

  /** The lease is ours now: sets every host up, and passes on what hosts said while it was not. */
  takeCharge(): void {
    this.goalsChanged();
    for (const host of this.#hosts.values()) this.#reportInventory(host);
  }

  /** Bindings on these hypervisors have changed. */
  bindingsChanged(hypervisorIds: Iterable<string>): void {
    for (const id of hypervisorIds) {
      const host = this.#hosts.get(id);
      if (host !== undefined) this.#mark(id, host);
    }
  }

  /** From the fleet: the ports whose flows the hypervisor has acknowledged, all of them and no others. */
  portsInstalled(hypervisorId: string, portIds: ReadonlySet<string>): void {
    const host = this.#hosts.get(hypervisorId);
    if (host === undefined) return;
    host.installed = portIds;
    this.#mark(hypervisorId, host);
  }

  /** Whether the flows of the port's present interface are acknowledged. */
  isInstalled(portId: string): boolean {
    const binding = this.#options.bindingOf(portId);
    return binding !== null && this.#hosts.get(binding.hypervisorId)?.installed?.has(portId) === true;
  }

  /** Interfaces of connected hosts that claim a port by its id or by its name. */
  claims(portId: string, portName: string): HostClaim[] {
    const claims: HostClaim[] = [];
    for (const [hypervisorId, { session }] of this.#hosts) {
      for (const { ifaceId, uuid, name, ofport, error } of session.inventory.interfaces()) {
        if (ifaceId.toLowerCase() !== portId && ifaceId !== portName) continue;
        const hypervisorName = session.systemId;
        claims.push({ hypervisorId, hypervisorName, interfaceUuid: uuid, interfaceName: name, ifaceId, ofport, error });
      }
    }
    return claims;
  }

  /** Null for a hypervisor that has not connected since the start. */
  status(hypervisorId: string): HostStatus | null {
    const host = this.#hosts.get(hypervisorId);
    if (host === undefined) return null;
    const { session, database } = host;
    return {
      session: session.state,
      reason: session.reason,
      database: database.status,
      ovsVersion: session.report.ovsVersion,
    };
  }

  /**
   * Resolves with whether nothing of ours is left on the host: at once, or within the time. One that is not connected is not waited
   * for: it is cleaned up when it comes.
   */
  awaitRemoval(hypervisorId: string, timeoutMs: number): Promise<boolean> {
    const isRemoved = (): boolean => {
      const host = this.#hosts.get(hypervisorId);
      return host === undefined || host.session.state === 'disconnected' || host.database.status.kind === 'left';
    };
    if (isRemoved()) return Promise.resolve(true);
    return new Promise(resolve => {
      const end = (removed: boolean): void => {
        cancel();
        this.#removalWaiters.delete(look);
        resolve(removed);
      };
      const look = (): void => {
        if (isRemoved()) end(true);
      };
      const cancel = this.#options.clock.after(timeoutMs, () => end(false));
      this.#removalWaiters.add(look);
    });
  }

  /** Does nothing more; every host stays as it is. */
  stop(): void {
    for (const host of this.#hosts.values()) host.database.stop();
  }

  #lookAtRemovals(): void {
    for (const look of this.#removalWaiters) look();
  }

  #openFlowMoved(host: Host, channel: OpenFlowChannel | null): void {
    host.connection = channel;
    host.isHandedOver = false;
    this.#handOver(host);
  }

  /**
   * The fleet knows a hypervisor from its row, which may come a little later, or be gone a little earlier, than the host's session
   * says so. A connection that it does not take is kept until then: the switch would not dial again for that.
   */
  #handOver(host: Host): void {
    const { fleet, log } = this.#options;
    const { session, connection: channel } = host;
    if (channel === null || host.isHandedOver || session.hypervisor.isLeaving) return;
    let target: OpenFlowSwitch;
    try {
      target = new OpenFlowSwitch(channel);
    } catch (error) {
      // It speaks no OpenFlow 1.5: nothing can be sent, and its status says so.
      log.warn({ err: error, hypervisor: session.systemId }, 'switch not usable');
      channel.close((error as Error).message);
      return;
    }
    host.isHandedOver = fleet.connect(session.hypervisor.id, {
      target,
      database: () => databaseState(host.database.status),
      openVswitchVersion: session.report.ovsVersion,
    });
  }

  #reportInventory(host: Host): void {
    const { session } = host;
    // Between two connections the replica is old: what a host does not say now must not unbind anything.
    if (!session.replica.isCurrent || session.hypervisor.isLeaving) return;
    this.#options.onInventory(session.hypervisor.id, session.inventory.interfaces());
  }

  /**
   * Brings the marks on the host in line with the ports that are installed there and the interfaces that they are bound to. An
   * interface that took another's place with its port number needs no flow to change, and so no word of the fleet.
   */
  #mark(hypervisorId: string, host: Host): void {
    if (host.installed === null) return;
    const marks = new Map<string, string>();
    const claims = new Map(host.session.inventory.interfaces().map(each => [each.uuid, each.ifaceId]));
    for (const portId of host.installed) {
      const binding = this.#options.bindingOf(portId);
      if (binding?.hypervisorId !== hypervisorId) continue;
      marks.set(binding.interfaceUuid, claims.get(binding.interfaceUuid) ?? portId);
    }
    host.database.setAcknowledged(marks);
  }
}
