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
import type { DatabaseSnapshot, RowChange } from '../../southbound/ovsdb/replica.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import { PacedSet } from '../base/paced-set.js';
import { ClaimIndex } from './claim-index.js';
import type { Fleet } from './fleet.js';
import { type BfdSession, isGatewayTunnelName } from '../model/gateway-tunnels.js';
import { bfdSessions } from './ovsdb-gateway-tunnels.js';
import { HostDatabase, type HostDatabaseCounters, type HostDatabaseStatus, type HostGoal } from './host-database.js';
import { type PhysicalNetworkJoint, whyNotJoined } from './ovsdb-provider.js';
import { type WayOut, whyNoQueues } from './ovsdb-queues.js';
import { OpenFlowSwitch } from './openflow-switch.js';
import { databaseState } from './database-state.js';

/** Where a logical switch port is bound, as far as marking it goes. */
export interface MarkedBinding {
  readonly hypervisorId: string;
  readonly interfaceUuid: string;
  /** The interface is its own; that of a sub-port is its parent's, and is marked for that one. */
  readonly isOwn: boolean;
  /** What was acknowledged is older; it is told as changed once it is delivered. */
  readonly isAhead?: boolean;
}

export interface HostsOptions {
  readonly fleet: Pick<Fleet, 'connect' | 'databaseChanged'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** What is wanted of a host now; null while it cannot be told. */
  goalOf(this: void, session: HypervisorSession): HostGoal | null;
  /** Where a port is bound: on several hypervisors if it is local. */
  bindingsOf(portId: string): readonly MarkedBinding[];
  /** Interfaces that claim ports: the whole list when the host is (back) there, and what differs each time it changes. */
  onInventory(hypervisorId: string, inventory: HostInventory): void;
  /** The host sees others that it watches come or go. */
  onWatched?(hypervisorId: string): void;
}

/** What a host says about the interfaces that claim ports: all that do, or those that are new or different and those gone. */
export type HostInventory =
  | readonly ReportedInterface[]
  | { readonly changed: readonly ReportedInterface[]; readonly gone: readonly string[] };

/** A port whose binding to a hypervisor came, changed or went. */
export interface BindingMove {
  readonly hypervisorId: string;
  readonly portId: string;
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
  /** Its connection for packets that Weft answers is up. */
  readonly isPunting: boolean;
  /** What it lists among its bridge mappings and is none. */
  readonly unreadMappings: readonly string[];
}

interface Host {
  readonly session: HypervisorSession;
  readonly database: HostDatabase;
  /**
   * Ports whose flows are acknowledged, in the words of the fleet: whichever interface they are bound to now. Null until the
   * switch has said so: the marks of the Weft before us stay till then.
   */
  installed: ReadonlySet<string> | null;
  /** The Interface that is marked for each port, and the other way round. */
  readonly markOf: Map<string, string>;
  readonly portOf: Map<string, string>;
  /** What its database, as it is now, does not let be, and why: asked for each port of a list. */
  readonly obstacles: Map<string, string | null>;
  /** What it says of those that it watches, as its database is now; null while nobody has asked. */
  sessions: ReadonlyMap<number, BfdSession> | null;
  connection: OpenFlowChannel | null;
  /** The fleet has the connection. */
  isHandedOver: boolean;
}

const nobody: ReadonlyMap<number, BfdSession> = new Map();

const goalsATurn = 50;

/** Whether a tunnel that was there says otherwise of who is at its end. */
function hasSessionMoved(change: RowChange): boolean {
  if (change.table !== 'Interface' || change.before === null || change.after === null) return false;
  return isGatewayTunnelName(change.after.name) && change.before.bfd_status !== change.after.bfd_status;
}

export class Hosts {
  readonly #options: HostsOptions;
  readonly #hosts = new Map<string, Host>();
  readonly #claims = new ClaimIndex();
  /** Of a whole fleet, each is planned anew and perhaps written to. */
  readonly #goals = new PacedSet<Host>(goalsATurn, host => {
    host.database.nudge();
    this.#handOver(host);
  });
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
    const host: Host = {
      session,
      database,
      installed: null,
      markOf: new Map(),
      portOf: new Map(),
      obstacles: new Map(),
      sessions: null,
      connection: null,
      isHandedOver: false,
    };
    this.#hosts.set(id, host);
    this.#claims.update(id, session.inventory.interfaces());
    session.onOpenFlow((use, connection) => {
      if (use === 'flows') this.#openFlowMoved(host, connection);
    });
    session.replica.onChange(changes => {
      host.obstacles.clear();
      if (!changes.some(({ table }) => table === 'Interface')) return;
      host.sessions = null;
      if (changes.some(hasSessionMoved)) this.#options.onWatched?.(id);
    });
    session.onReport(() => {
      host.obstacles.clear();
      this.#handOver(host);
      this.#reportInventory(host);
    });
    session.inventory.onChange(changed => this.#inventoryChanged(host, changed));
    session.onState(state => {
      if (state === 'provisioning' || state === 'connected') this.#reportInventory(host);
      if (state === 'disconnected') this.#lookAtRemovals();
    });
    this.#openFlowMoved(host, session.openflow);
  }

  /** What is wanted of these hosts may be different; left out: of every host. */
  goalsChanged(hypervisorIds: Iterable<string> = this.#hosts.keys()): void {
    for (const id of hypervisorIds) {
      const host = this.#hosts.get(id);
      if (host !== undefined) this.#goals.add(host);
    }
  }

  /** The lease is ours now: sets every host up, and passes on what hosts said while it was not. */
  takeCharge(): void {
    this.goalsChanged();
    for (const host of this.#hosts.values()) this.#reportInventory(host);
  }

  /** Ports were bound, moved or unbound there. */
  bindingsChanged(moves: Iterable<BindingMove>): void {
    for (const { hypervisorId, portId } of moves) {
      const host = this.#hosts.get(hypervisorId);
      if (host !== undefined) this.#mark(hypervisorId, host, portId);
    }
  }

  /**
   * From the fleet: the ports whose flows the hypervisor has acknowledged, all of them and no others (a live set), and which of
   * them came or went.
   */
  portsInstalled(hypervisorId: string, portIds: ReadonlySet<string>, changed: readonly string[]): void {
    const host = this.#hosts.get(hypervisorId);
    if (host === undefined) return;
    const isFirst = host.installed === null;
    host.installed = portIds;
    if (isFirst) host.database.setAcknowledged(new Map());
    for (const portId of isFirst ? portIds : changed) this.#mark(hypervisorId, host, portId);
  }

  /** Whether the flows of the port's present interface are acknowledged; of a local one, of all that it has. */
  isInstalled(portId: string): boolean {
    const bindings = this.#options.bindingsOf(portId);
    return (
      bindings.length > 0 &&
      bindings.every(each => each.isAhead !== true && this.#hosts.get(each.hypervisorId)?.installed?.has(portId))
    );
  }

  /** Interfaces of connected hosts that claim a port by its id or by its name. */
  claims(portId: string, portName: string): HostClaim[] {
    const claims: HostClaim[] = [];
    for (const { hypervisorId, report } of this.#claims.of(portId, portName)) {
      const { ifaceId, uuid, name, ofport, error } = report;
      const hypervisorName = this.#hosts.get(hypervisorId)?.session.systemId ?? hypervisorId;
      claims.push({ hypervisorId, hypervisorName, interfaceUuid: uuid, interfaceName: name, ifaceId, ofport, error });
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
      isPunting: session.punt !== null,
      unreadMappings: session.report.unreadMappings,
    };
  }

  /** Why the host's bridge of ours is not joined with that of a physical network; null if it is. */
  whyNotJoined(hypervisorId: string, joint: PhysicalNetworkJoint): string | null {
    const name = `joint ${joint.key} ${joint.bridge}`;
    return this.#obstacle(hypervisorId, name, (database, bridge) => whyNotJoined(database, bridge, joint));
  }

  /** Why what leaves the host this way is in no queues; null if it is. */
  whyNoQueues(hypervisorId: string, way: WayOut): string | null {
    const name = way.kind === 'tunnel' ? 'queues' : `queues ${way.bridge}`;
    return this.#obstacle(hypervisorId, name, (database, bridge) => whyNoQueues(database, bridge, way));
  }

  #obstacle(
    hypervisorId: string,
    name: string,
    look: (database: DatabaseSnapshot, bridge: string) => string | null,
  ): string | null {
    const host = this.#hosts.get(hypervisorId);
    if (host === undefined || !host.session.replica.isCurrent) return 'its database is not connected';
    const { session, obstacles } = host;
    let reason = obstacles.get(name);
    if (reason === undefined) obstacles.set(name, (reason = look(session.replica, session.report.bridge)));
    return reason;
  }

  /** What the host says of those that it watches, by their keys; nothing while it is not connected. */
  watched(hypervisorId: string): ReadonlyMap<number, BfdSession> {
    const host = this.#hosts.get(hypervisorId);
    if (host === undefined || !host.session.replica.isCurrent) return nobody;
    return (host.sessions ??= bfdSessions(host.session.replica));
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

  /** What was written to the hosts' databases since they joined, by hypervisor. */
  *databaseWork(): Generator<HostDatabaseCounters & { readonly name: string }> {
    for (const { session, database } of this.#hosts.values()) yield { name: session.systemId, ...database.counters };
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

  /** Between two connections the replica is old: what a host does not say now must not unbind anything. */
  #isReporting({ session }: Host): boolean {
    return session.replica.isCurrent && !session.hypervisor.isLeaving;
  }

  #reportInventory(host: Host): void {
    if (!this.#isReporting(host)) return;
    this.#options.onInventory(host.session.hypervisor.id, host.session.inventory.interfaces());
  }

  #inventoryChanged(host: Host, uuids: readonly string[]): void {
    const { inventory, hypervisor } = host.session;
    const changed: ReportedInterface[] = [];
    const gone: string[] = [];
    for (const uuid of uuids) {
      const report = inventory.get(uuid);
      if (report === null) gone.push(uuid);
      else changed.push(report);
      const portId = host.portOf.get(uuid);
      if (portId !== undefined) this.#mark(hypervisor.id, host, portId);
    }
    this.#claims.update(hypervisor.id, changed, gone);
    if (this.#isReporting(host)) this.#options.onInventory(hypervisor.id, { changed, gone });
  }

  /**
   * Brings the mark of a port in line with whether it is installed there and the interface that it is bound to. An interface
   * that took another's place with its port number needs no flow to change, and so no word of the fleet.
   */
  #mark(hypervisorId: string, host: Host, portId: string): void {
    if (host.installed === null) return;
    const { database, session, markOf, portOf } = host;
    const bindings = host.installed.has(portId) ? this.#options.bindingsOf(portId) : [];
    if (bindings.some(({ isAhead }) => isAhead === true)) return;
    const uuid = bindings.find(each => each.isOwn && each.hypervisorId === hypervisorId)?.interfaceUuid ?? null;
    const marked = markOf.get(portId) ?? null;
    // Another port may have taken the interface over meanwhile.
    if (marked !== null && marked !== uuid && portOf.get(marked) === portId) {
      portOf.delete(marked);
      database.changeAcknowledged(marked, null);
    }
    if (uuid === null) {
      markOf.delete(portId);
      return;
    }
    markOf.set(portId, uuid);
    portOf.set(uuid, portId);
    database.changeAcknowledged(uuid, session.inventory.get(uuid)?.ifaceId ?? portId);
  }
}
