/**
 * The controller without its edges: everything between the store and the sockets of hypervisors, wired once for the program and
 * for the simulation. What differs between the two comes in: the store, the clock, how connections come about.
 *
 *   store ─► feed ─► view ─► compiler ─► fleet ◄── hosts ◄── southbound
 *     ▲               │                                │         ▲
 *     │               └─────────► slow path ◄──────────┼─────────┘
 *     └──────────────── inventory writer ◄─────────────┘
 */
import type { listen } from '../southbound/hypervisor/endpoint.js';
import { SouthboundListener } from '../southbound/hypervisor/listener.js';
import type {
  AcceptedHypervisor,
  HypervisorRegistry,
  HypervisorSession,
  RefusedHypervisor,
} from '../southbound/hypervisor/session.js';
import { formatTarget, parseTarget, type Target, type TlsIdentity } from '../southbound/ovsdb/transport.js';
import type { Clock } from './base/clock.js';
import type { Logger } from './base/log.js';
import { nextTurn } from './base/next-turn.js';
import { Compiler } from './compiler/compiler.js';
import { ruleReading } from './compiler/acl/rule-counts.js';
import { dropReading } from './compiler/drops/drops.js';
import { ownTables } from './compiler/pipeline/pipelines.js';
import { rules } from './compiler/rules.js';
import { encodeFragment } from './delivery/encoded-fragment.js';
import { Fleet } from './delivery/fleet.js';
import type { HostGoal } from './delivery/host-database.js';
import { hostGoal, receivedEncapsulations } from './delivery/host-goal.js';
import { Hosts } from './delivery/hosts.js';
import { sentinelTable } from './delivery/sentinel.js';
import type { Hypervisor } from './model/index.js';
import { type Findings, SlowPath } from './slow-path/slow-path.js';
import type { VerdictLogMode } from './slow-path/verdict-log.js';
import { InventoryWriter, type InventoryStore } from './store/inventory-writer.js';
import { type HypervisorReport, isAsReported, type Registration } from './store/inventory.js';
import type { Lease, LeaseEvents, LeaseSettings } from './store/lease.js';
import type { CommitListener } from './store/notifier.js';
import { RevisionChecks, type RevisionSource } from './store/revision-checks.js';
import { ChangeCounts } from './view/change-counts.js';
import { Feed } from './view/feed.js';
import { NetworkView, type Touched } from './view/network-view.js';
import { gatewayTunnelsOf, gatewayTunnelsTouched } from './view/gateway-pairs.js';
import { InternalInterfaces } from './view/internal-interfaces.js';
import { mirrorTunnelsOf, mirrorTunnelsTouched } from './view/mirror-tunnels.js';
import { portPlaces } from './view/port-places.js';
import { all } from './view/rows.js';
import { bindingMoves, placesTouched } from './view/touched-places.js';

/** What the controller needs of a store. */
export interface ControllerStore extends RevisionSource, InventoryStore, Findings {
  readonly databaseId: string;
  onCommit(listener: CommitListener): () => void;
  registerHypervisor(report: HypervisorReport): Promise<Registration>;
  lease(settings: LeaseSettings, events: LeaseEvents): Lease;
}

export interface ControllerOptions {
  readonly store: ControllerStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the program: a switch that another build has filled is compared as a whole. */
  readonly build: string;
  /** Names this process to the lease, uniquely for each start. */
  readonly holder: string;
  readonly ovsdbListen: readonly Target[];
  readonly openflowListen: readonly Target[];
  readonly puntListen: readonly Target[];
  readonly tls: TlsIdentity | null;
  /** Whether hosts on other machines may be dialled in plain; default: no. */
  readonly allowPlainSouthbound?: boolean;
  /** What the underlay carries, in bytes, until a hypervisor has said its own; default: 1500. */
  readonly underlayMtu?: number;
  /** Where what security groups have logged goes; default: to the log and into memory. */
  readonly verdictLogMode?: VerdictLogMode;
  /** The host that hypervisors are told to dial; null: the one that they dialled themselves. */
  readonly advertise: string | null;
  /** How it listens; sockets where it is absent. */
  readonly listen?: typeof listen;
}

type OnStop = (stop: () => Promise<void> | void) => void;

/** How long a Weft that is gone keeps another one waiting. Started again in its data directory, it has its lease back at once. */
const leaseTtlMs = 3_000;

export class Controller {
  readonly view = new NetworkView();
  readonly compiler = new Compiler(rules, this.view, encodeFragment);
  /** Rows that the view has taken in, derived ones included. */
  readonly rowsTaken = new ChangeCounts();
  readonly fleet: Fleet;
  readonly hosts: Hosts;
  readonly southbound: SouthboundListener;
  readonly slowPath: SlowPath;
  readonly lease: Lease;
  /** By which revisions of a database are told from those of the same number before it was restored. */
  readonly checks: RevisionChecks;
  readonly #options: ControllerOptions;
  readonly #inventory: InventoryWriter;
  readonly #moveListeners = new Set<() => void>();
  #feed: Feed | null = null;
  /** The lease is ours, and the view was read since it is. */
  #hasTakenCharge = false;
  readonly #internalInterfaces: InternalInterfaces;
  /** The encapsulations that every host is set up for. */
  #received = '';

  constructor(options: ControllerOptions) {
    const { store, clock, log } = options;
    this.#options = options;
    this.checks = new RevisionChecks(store);
    this.#internalInterfaces = new InternalInterfaces(this.view, options.underlayMtu ?? 1500);
    this.lease = this.#makeLease();
    this.fleet = this.#makeFleet();
    this.southbound = this.#makeSouthbound();
    this.slowPath = new SlowPath({
      view: this.view,
      clock,
      log,
      defaultUnderlayMtu: options.underlayMtu ?? 1500,
      verdictLogMode: options.verdictLogMode ?? 'log',
      isInCharge: () => this.#isInCharge,
      isGone: (hypervisorId, peerKey) => this.hosts.watched(hypervisorId).get(peerKey)?.isAlive === false,
      recordHealth: findings => store.recordHealth(findings),
      recordBfd: findings => store.recordBfd(findings),
      recordHolders: findings => store.recordHolders(findings),
    });
    this.#inventory = new InventoryWriter(store, clock, log, () => this.lease.term !== null);
    this.hosts = new Hosts({
      fleet: this.fleet,
      clock,
      log,
      goalOf: session => this.#goalOf(session),
      bindingsOf: portId => portPlaces(this.view, portId, this.fleet.convergence.deliveredRevision),
      onInventory: (hypervisorId, report) => {
        if (this.lease.isOurs) this.#inventory.report(hypervisorId, report);
      },
      onWatched: hypervisorId => this.slowPath.watchedMoved(hypervisorId),
    });
  }

  /** Calls back after the view has moved and everything that follows from it was told. */
  onMoved(listener: () => void): void {
    this.#moveListeners.add(listener);
  }

  /** How often the database turned out not to be the one that was followed: restored, or without its last commits. */
  get storeRewinds(): number {
    return this.#feed?.rewinds ?? 0;
  }

  /** Follows the store; resolves when the view holds it. `onStop` is given how each part ends, to be called in reverse. */
  async follow(onStop: OnStop): Promise<void> {
    const { store, clock, log } = this.#options;
    onStop(() => this.#inventory.stop());
    onStop(() => this.hosts.stop());
    onStop(() => this.slowPath.stop());
    const { view } = this;
    const feed = new Feed({
      source: this.checks,
      view,
      clock,
      log,
      onTouched: (touched, isNext) => this.#takeIn(touched, isNext),
    });
    this.#feed = feed;
    let snapshots = 1;
    this.onMoved(() => {
      if (feed.snapshots <= snapshots) return;
      snapshots = feed.snapshots;
      this.#hearHostsAgain();
    });
    onStop(store.onCommit(committed => (committed === null ? feed.nudge() : feed.offer(committed))));
    onStop(() => feed.stop());
    await feed.start();
  }

  /** Asks for the lease, then listens for hypervisors. @throws Error when a listener cannot be bound */
  async letIn(onStop: OnStop): Promise<void> {
    onStop(() => this.lease.stop());
    await this.lease.start();
    onStop(() => {
      this.southbound.stop();
      this.fleet.close();
    });
    await this.southbound.start();
  }

  #makeLease(): Lease {
    const { store, holder } = this.#options;
    return store.lease(
      { name: 'fleet', holder, ttlMs: leaseTtlMs },
      {
        acquired: term => void this.#takeCharge(term),
        lost: () => {
          this.#hasTakenCharge = false;
          this.fleet.setTerm(null);
          this.slowPath.chargeMoved();
          this.#inventory.drop();
          this.hosts.goalsChanged();
        },
        resumed: () => this.hosts.goalsChanged(),
      },
    );
  }

  get #isInCharge(): boolean {
    return this.lease.term !== null && this.#hasTakenCharge;
  }

  /**
   * Reads the database first. Who stood by may be a second behind it, and behind what the one before has written on the switches; or may
   * hold what it was before it was restored.
   */
  async #takeCharge(term: number): Promise<void> {
    await this.#feed?.caughtUp();
    if (this.lease.term !== term) return;
    this.#hasTakenCharge = true;
    this.fleet.setTerm(BigInt(term));
    this.slowPath.chargeMoved();
    this.#hearHostsAgain();
  }

  /** What hosts have said may not be in the database: it was not ours to write, or the database has forgotten it. */
  #hearHostsAgain(): void {
    this.hosts.takeCharge();
    this.southbound.reconsider();
  }

  #makeFleet(): Fleet {
    const { store, clock, log, build } = this.#options;
    return new Fleet({
      clock,
      log,
      identity: { databaseId: store.databaseId, build, checkOf: revision => this.checks.checkOf(revision) },
      drops: dropReading,
      rules: ruleReading,
      watchedTables: [...ownTables, sentinelTable],
      portsInstalled: (hypervisorId, portIds, changed) => this.hosts.portsInstalled(hypervisorId, portIds, changed),
      fenced: (hypervisorId, currentTerm) => {
        log.warn({ hypervisorId, currentTerm: String(currentTerm) }, 'a switch has seen a newer term than the lease');
        this.lease
          .raiseTermAbove(Number(currentTerm ?? 0n))
          .catch((error: unknown) => log.warn({ err: error }, 'the term could not be raised'));
      },
    });
  }

  #makeSouthbound(): SouthboundListener {
    const { clock, log, ovsdbListen, openflowListen, puntListen, tls, listen: listener } = this.#options;
    return new SouthboundListener({
      ovsdb: ovsdbListen,
      openflow: openflowListen,
      punt: puntListen,
      tls,
      registry: this.#registry(),
      clock,
      log,
      onSession: session => {
        this.hosts.add(session);
        this.slowPath.add(session);
      },
      allowPlain: this.#options.allowPlainSouthbound ?? false,
      ...(listener === undefined ? {} : { listen: listener }),
    });
  }

  /** Hosts report themselves; the store knows who they are. */
  #registry(): HypervisorRegistry {
    const { store, underlayMtu = 1500 } = this.#options;
    return {
      identify: async report => {
        const { systemId, encapIp, encapTypes, encapMtuBytes, bridge, datapathType, joinToken, peer } = report;
        const { bridgeMappings } = report;
        const dialled =
          peer.target === null
            ? undefined
            : this.view.by('hypervisors', 'all', all).find(row => canonicalTarget(row.ovsdbTarget) === peer.target);
        if (this.lease.term === null) {
          // Answered now, what it says of itself would be written by nobody.
          if (this.lease.isOurs) throw new Error('the lease is being asked for again');
          return this.#knownHypervisor(systemId);
        }
        const said: HypervisorReport = {
          systemId,
          joinToken,
          address: peer.address,
          ...(dialled === undefined ? {} : { hypervisorId: dialled.id }),
          encapIp,
          encapTypes,
          underlayMtu: encapMtuBytes,
          bridge,
          datapathType: datapathType === 'netdev' ? 'netdev' : 'system',
          bridgeMappings,
        };
        // When a whole fleet comes back, hardly anybody says anything new. A row that changes has the host asked for anew.
        const row = this.#rowOf(systemId);
        if (row !== undefined && isAsReported(row, said, underlayMtu)) return accepted(row);
        const registration = await store.registerHypervisor(said);
        if (registration.kind === 'refused') return registration;
        return accepted(registration.hypervisor);
      },
    };
  }

  /**
   * What a Weft that stands by knows of a host. It writes nothing: two hosts of one name, each admitted by another Weft, would
   * overwrite each other's address for ever. @throws Error, to be asked again, where the one in charge has not made the row yet
   */
  #knownHypervisor(systemId: string): AcceptedHypervisor | RefusedHypervisor {
    const row = this.#rowOf(systemId);
    if (row === undefined) throw new Error(`the Weft in charge does not know ${systemId} yet`);
    if (!row.approved) return { kind: 'refused', reason: `${systemId} waits for approval` };
    return accepted(row);
  }

  #rowOf(systemId: string): Hypervisor | undefined {
    return this.view.by('hypervisors', 'all', all).find(each => each.systemId === systemId);
  }

  #goalOf(session: HypervisorSession): HostGoal | null {
    const { store, advertise } = this.#options;
    const row = this.view.get('hypervisors', session.hypervisor.id);
    // One whose row is not here yet is looked at again when it is.
    if (row === null) return null;
    return hostGoal(session, row, receivedEncapsulations(this.view.by('hypervisors', 'all', all)), {
      databaseId: store.databaseId,
      isInCharge: this.#isInCharge,
      advertise,
      openflow: this.southbound.endpoints('flows'),
      punt: this.southbound.endpoints('punt'),
      mirrorTunnels: mirrorTunnelsOf(this.view, row.id),
      gatewayTunnels: gatewayTunnelsOf(this.view, row.id),
      physicalNetworks: this.view
        .by('physical-attachments', 'hypervisorId', row.id)
        .flatMap(({ number, bridge: leading }) => (leading === null ? [] : [{ key: number, bridge: leading }])),
      queues: this.view.by('egress-queues', 'hypervisorId', row.id),
      internalInterfaces: this.#internalInterfaces.of(row.name),
    });
  }

  /** Everything that follows from a batch of revisions, in the order of dependence. What is large is compiled in several turns. */
  async #takeIn(touched: Touched, isNext: boolean): Promise<void> {
    const { fleet, hosts, southbound, view } = this;
    const changed = touched.changes.filter(change => change.kind === 'hypervisors');
    for (const { id, after } of changed) {
      if (after !== null && isMember(after)) fleet.addHypervisor(id, after.name);
    }
    this.rowsTaken.add(touched.changes);
    const compiling = this.compiler.updating(touched);
    let step = compiling.next();
    for (; step.done !== true; step = compiling.next()) await nextTurn();
    fleet.apply(step.value, isNext);
    this.slowPath.networkMoved(touched);
    for (const { id, after } of changed) if (after === null || !isMember(after)) fleet.removeHypervisor(id);
    for (const listener of this.#moveListeners) listener();
    if (changed.length > 0) {
      const rows = view.by('hypervisors', 'all', all);
      southbound.setDialled(
        rows.flatMap(row => (isMember(row) && row.ovsdbTarget !== null ? (parseTarget(row.ovsdbTarget) ?? []) : [])),
      );
      for (const { after, before } of changed) {
        const systemId = (after ?? before)?.systemId;
        if (typeof systemId === 'string') southbound.reconsider(systemId);
      }
      // A host is to be set up by its own row, and by what others receive.
      const received = receivedEncapsulations(rows).join();
      hosts.goalsChanged(received === this.#received ? changed.map(({ id }) => id) : undefined);
      this.#received = received;
    }
    const concerned = new Set([
      ...mirrorTunnelsTouched(view, touched),
      ...gatewayTunnelsTouched(view, touched),
      ...placesTouched('physical-attachments', touched),
      ...placesTouched('egress-queues', touched),
      ...this.#internalInterfaces.touched(touched),
    ]);
    if (concerned.size > 0) hosts.goalsChanged(concerned);
    hosts.bindingsChanged(bindingMoves(touched));
  }
}

function accepted({ id, number, datapathId, allowed }: Hypervisor): AcceptedHypervisor {
  return { kind: 'accepted', id, number, datapathId, isLeaving: !allowed };
}

/** A target as the listener writes it. */
function canonicalTarget(text: string | null): string | null {
  const target = text === null ? null : parseTarget(text);
  return target === null ? null : formatTarget(target);
}

/** Whether a hypervisor is to be programmed: approved, and not deleted. */
const isMember = ({ allowed, approved }: Pick<Hypervisor, 'allowed' | 'approved'>): boolean => allowed && approved;
