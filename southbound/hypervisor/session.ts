/**
 * One hypervisor: its OVSDB connection, its OpenFlow connections and what its database says, as one thing that outlives
 * each of them. The OpenFlow connections are paired by the datapath id that we gave to the bridge: 64 random bits that only
 * the host's own database knows, never one that the switch chose.
 */
import type { Clock } from '../../src/base/clock.js';
import type { Logger } from '../../src/base/log.js';
import type { OvsdbClient } from '../ovsdb/client.js';
import { Replica } from '../ovsdb/replica.js';
import type { Row } from '../ovsdb/schema.js';
import type { Target } from '../ovsdb/transport.js';
import type { Peer } from './endpoint.js';
import type { HypervisorReport } from './identity.js';
import { Inventory } from './inventory.js';
import type { OpenFlowChannel } from './openflow-channel.js';
import { activeTarget, managerRowOf } from './manager-row.js';
import { SessionStateMachine, stateOf, type SessionState } from './session-state.js';

/** What the registry of hypervisors knows of a host that it accepts. */
export interface AcceptedHypervisor {
  readonly kind: 'accepted';
  /** Id of the hypervisor's row. */
  readonly id: string;
  readonly number: number;
  /** The datapath id of its bridge: 16 lower-case hexadecimal digits, random, fixed for ever. */
  readonly datapathId: string;
  /** It was deleted: what we made on it is to be removed, and then it is refused. */
  readonly isLeaving: boolean;
}

export interface RefusedHypervisor {
  readonly kind: 'refused';
  readonly reason: string;
}

/** Decides who may join, and remembers who did. */
export interface HypervisorRegistry {
  /**
   * Called at each connection and whenever the report of a connected host changes. A rejection means that the registry is
   * out of reach: it is asked again.
   */
  identify(report: HypervisorReport): Promise<AcceptedHypervisor | RefusedHypervisor>;
}

/** What an OpenFlow connection is for: flow updates, or packets that are sent to us. */
export type OpenFlowUse = 'flows' | 'punt';

/** Rows of one host's database: three a port, and some. */
const maximumRows = 65_536;
/** What they hold: some hundreds of characters a row. */
const maximumCharacters = 64 * 1024 * 1024;

export class HypervisorSession {
  readonly systemId: string;
  readonly replica: Replica;
  readonly inventory: Inventory;
  readonly #states: SessionStateMachine;
  readonly #log: Logger;
  readonly #openFlowListeners = new Set<(use: OpenFlowUse, connection: OpenFlowChannel | null) => void>();
  readonly #reportListeners = new Set<() => void>();
  readonly #openFlow = new Map<OpenFlowUse, OpenFlowChannel>();
  #report: HypervisorReport;
  #hypervisor: AcceptedHypervisor;
  #ovsdb: OvsdbClient | null = null;
  #refusal: string | null = null;

  constructor(report: HypervisorReport, hypervisor: AcceptedHypervisor, clock: Clock, log: Logger) {
    this.systemId = report.systemId;
    this.#log = log.child({ hypervisor: report.systemId });
    this.#states = new SessionStateMachine(this.#log);
    this.#report = report;
    this.#hypervisor = hypervisor;
    this.replica = new Replica(undefined, { maximumRows, maximumCharacters });
    this.inventory = new Inventory(this.replica, report.bridge, clock);
  }

  get state(): SessionState {
    return this.#states.state;
  }

  /** Why it is in this state, for people. */
  get reason(): string {
    return this.#states.reason;
  }

  /** What the host said last. */
  get report(): HypervisorReport {
    return this.#report;
  }

  /** What the registry said last. */
  get hypervisor(): AcceptedHypervisor {
    return this.#hypervisor;
  }

  /** The OVSDB connection, or null while there is none. */
  get ovsdb(): OvsdbClient | null {
    return this.#ovsdb;
  }

  /** The OpenFlow connection for flow updates, after its handshake, or null while there is none. */
  get openflow(): OpenFlowChannel | null {
    return this.#openFlow.get('flows') ?? null;
  }

  /** The OpenFlow connection for packets that are sent to us, or null while there is none. */
  get punt(): OpenFlowChannel | null {
    return this.#openFlow.get('punt') ?? null;
  }

  /** Calls back at each move, after it; the returned function ends it. */
  onState(listener: (state: SessionState, reason: string) => void): () => void {
    return this.#states.onMove(listener);
  }

  /** Calls back when an OpenFlow connection came (also in place of another) or went (null). */
  onOpenFlow(listener: (use: OpenFlowUse, connection: OpenFlowChannel | null) => void): () => void {
    this.#openFlowListeners.add(listener);
    return () => this.#openFlowListeners.delete(listener);
  }

  /** Calls back when the host's report, or the registry's answer to it, was replaced. */
  onReport(listener: () => void): () => void {
    this.#reportListeners.add(listener);
    return () => this.#reportListeners.delete(listener);
  }

  /** Takes a new report and the registry's answer to it. */
  update(report: HypervisorReport, hypervisor: AcceptedHypervisor): void {
    const isSame = JSON.stringify([report, hypervisor]) === JSON.stringify([this.#report, this.#hypervisor]);
    if (isSame) return;
    this.#report = report;
    this.#hypervisor = hypervisor;
    this.inventory.setBridge(report.bridge);
    for (const listener of this.#reportListeners) listener();
  }

  /**
   * Takes over an identified OVSDB connection, and reads the database through it. One that is still there is closed: the caller
   * has made sure that it is dead.
   */
  async attachOvsdb(client: OvsdbClient): Promise<void> {
    this.#ovsdb?.close('replaced by a newer connection of the same host');
    this.#ovsdb = client;
    this.#settle(`reading the database through ${this.#report.peer.name}`);
    client.onClose(reason => {
      if (this.#ovsdb !== client) return;
      this.#ovsdb = null;
      this.#settle(`OVSDB: ${reason}`);
    });
    await this.replica.follow(client);
    this.#settle('the database is read');
  }

  /** Takes over an OpenFlow connection whose handshake showed our datapath id; an older one for the same use is closed. */
  attachOpenFlow(use: OpenFlowUse, connection: OpenFlowChannel): void {
    const older = this.#openFlow.get(use);
    this.#openFlow.set(use, connection);
    connection.quieten();
    older?.close('replaced by a newer connection of the same bridge');
    connection.onClose(reason => {
      if (this.#openFlow.get(use) !== connection) return;
      this.#openFlow.delete(use);
      this.#tellOpenFlow(use, null, reason.detail);
    });
    this.#tellOpenFlow(use, connection, 'the bridge is connected');
  }

  /** Says why the bridge must not be touched (it is another's), or null that it may. */
  setRefusal(reason: string | null): void {
    if (reason === this.#refusal) return;
    this.#refusal = reason;
    this.#settle(reason ?? 'no longer refused');
  }

  /** Ends all connections; the host will dial again. */
  disconnect(reason: string): void {
    this.#ovsdb?.close(reason);
    for (const connection of this.#openFlow.values()) connection.close(reason);
  }

  /** Ends the connections of peers that `isWanted` does not name. */
  disconnectUnwanted(isWanted: (peer: Peer) => boolean, reason: string): void {
    if (!isWanted(this.#report.peer)) this.#ovsdb?.close(reason);
    for (const connection of this.#openFlow.values()) if (!isWanted(connection.peer)) connection.close(reason);
  }

  /**
   * Where the host's bridge is to dial for OpenFlow at this endpoint of ours: the advertised host, else the host that it dialled
   * itself as its manager target, else our end of the connection.
   * Null when there is no such host (a unix socket, and nothing advertised).
   */
  openFlowTarget(endpoint: Target, advertise: string | null): Target | null {
    if (endpoint.kind === 'unix') return null;
    const host = advertise ?? this.#dialledHost();
    return host === null ? null : { kind: endpoint.kind, host, port: endpoint.port };
  }

  /** The manager row through which the host talks to us; null if it cannot be told from the others. */
  managerRow(): Row<'Manager'> | null {
    return managerRowOf(this.replica, this.#report.peer);
  }

  #dialledHost(): string | null {
    const manager = this.managerRow();
    const target = manager ? activeTarget(manager) : null;
    if (target && target.kind !== 'unix') return target.host;
    return this.#report.peer.localHost;
  }

  #tellOpenFlow(use: OpenFlowUse, connection: OpenFlowChannel | null, reason: string): void {
    this.#log.info({ use, connected: connection !== null, reason }, 'OpenFlow connection');
    if (use === 'flows') this.#settle(connection ? reason : `OpenFlow: ${reason}`);
    for (const listener of this.#openFlowListeners) listener(use, connection);
  }

  #settle(reason: string): void {
    const to = stateOf({
      hasOvsdb: this.#ovsdb !== null,
      isFollowing: this.replica.isCurrent,
      hasOpenFlow: this.#openFlow.has('flows'),
      refusal: this.#refusal,
    });
    this.#states.move(to, to === 'refused' && this.#refusal !== null ? this.#refusal : reason);
  }
}
