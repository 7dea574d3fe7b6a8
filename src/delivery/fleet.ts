/**
 * All hypervisors: one reconciler for each, fed with deltas from the compiler and connections from the southbound,
 * and what others may ask about them.
 *
 *   compiler ── apply(delta) ──► desired state ──► ledgers ──► reconcilers ──► switches
 *   sessions ── connect(...) ─────────────────────────────────────┘    │
 *   REST     ◄── convergence, status, drops ◄───────────────────────────┘
 */
import { nextTurn } from '../base/next-turn.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import { PacedSet } from '../base/paced-set.js';
import type { Delta } from '../compiler/compiler.js';
import { nextAuditAtMs } from './audit-schedule.js';
import { CompiledTables } from './compiled-tables.js';
import { Convergence } from './convergence.js';
import {
  readDrops,
  readDropTotals,
  readRuleCounts,
  type DropCount,
  type DropReading,
  type DropTotal,
  type RuleCount,
  type RuleReading,
} from './counter-reading.js';
import { DesiredState } from './desired-state.js';
import type { EncodedFragment } from './encoded-fragment.js';
import type { DirtyEntry } from './host-ledger.js';
import { InstalledPorts } from './installed-ports.js';
import { MergedRevisions } from './merged-revisions.js';
import { Reconciler } from './reconciler.js';
import type { DeliveryCounters, DeliveryIdentity, HostConnection, ReconcilerContext } from './reconciler-context.js';
import type { ReconcilerState } from './reconciler-state.js';
import { type Switch, SwitchClosedError } from './switch.js';
import { forgetShipments } from './shipment.js';
import { TurnQueue } from './turn-queue.js';

export interface FleetOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly identity: DeliveryIdentity;
  readonly drops: DropReading;
  readonly rules: RuleReading;
  /** Tables that nobody but Weft writes: what others do to them is noticed and put right at once. None by default. */
  readonly watchedTables?: readonly number[];
  /** Time between two audits of one switch; grows with the fleet, so that one a second is compared on average. */
  readonly auditIntervalMs?: number;
  /**
   * Logical switch ports whose physical flows the hypervisor has acknowledged, all of them: their interfaces are
   * marked `weft-installed`, and no others. Told once when it becomes known, and when it changes: `changed` are the
   * ports that came or went. The set is live.
   */
  portsInstalled?(this: void, hypervisorId: string, portIds: ReadonlySet<string>, changed: readonly string[]): void;
  /** A switch has seen a newer term than the lease has: the lease has to go above it. */
  fenced?(this: void, hypervisorId: string, currentTerm: bigint | null): void;
}

export interface HypervisorDelivery {
  readonly hypervisorId: string;
  readonly name: string;
  readonly state: ReconcilerState;
  readonly connected: boolean;
  readonly appliedRevision: number;
  /** Revisions delivered but not applied here. */
  readonly lag: number;
  /** Flows that it should hold. */
  readonly flows: number;
  readonly ovsVersion: string | null;
  readonly lastError: string | null;
  /** Hypervisors that changes here are held back for. */
  readonly waitsFor: readonly string[];
  readonly counters: Readonly<DeliveryCounters>;
}

const defaultAuditIntervalMs = 60_000;
const comparisonsAtOnce = 2;
/** After this a comparison goes on without its turn, ms: a switch that answers probes and never a barrier must not keep others waiting. */
const longestTurnMs = 120_000;
const kicksATurn = 100;
/** Hypervisors of which what they should hold is kept in tables. */
const tablesKept = 8;
const nobody: ReadonlySet<never> = new Set();

/** The hypervisors that a delta says something is to be on. */
function* named(delta: Delta<EncodedFragment>): Generator<string> {
  for (const { hypervisorId, resident } of delta.residency) if (resident) yield hypervisorId;
  for (const { hypervisorId, member } of delta.meshes) if (member) yield hypervisorId;
  for (const { after } of delta.changes) if (after?.scope.kind === 'hypervisor') yield after.scope.hypervisorId;
}

export class Fleet {
  readonly convergence: Convergence;
  readonly #options: FleetOptions;
  readonly #desired = new DesiredState();
  readonly #merged = new MergedRevisions();
  readonly #reconcilers = new Map<string, Reconciler>();
  readonly #comparisons = new TurnQueue(comparisonsAtOnce);
  readonly #installed = new Map<string, InstalledPorts>();
  readonly #tables = new Map<string, CompiledTables>();
  /** Hypervisors of which `portsInstalled` has been told. */
  readonly #told = new Set<string>();
  /** By hypervisor: where something is held back for it. */
  readonly #heldFor = new Map<string, Set<Reconciler>>();
  #largeRounds: Promise<void> = Promise.resolve();
  /** A delta for a thousand hypervisors must not hold up anything else. */
  readonly #kicks = new PacedSet<Reconciler>(kicksATurn, reconciler => reconciler.kick());
  #term: bigint | null = null;
  #delivered = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.convergence = new Convergence(options.clock);
  }

  /** A hypervisor exists, whether connected or not. Also renames it. */
  addHypervisor(hypervisorId: string, name: string): void {
    this.#tables.delete(hypervisorId);
    this.#desired.addHypervisor(hypervisorId);
    const known = this.#reconcilers.get(hypervisorId);
    if (known !== undefined) {
      known.name = name;
      return;
    }
    const reconciler = new Reconciler(hypervisorId, name, this.#context());
    this.#reconcilers.set(hypervisorId, reconciler);
    this.convergence.track(reconciler);
  }

  /** It is gone for good; its connection is closed and nothing waits for it any more. */
  removeHypervisor(hypervisorId: string): void {
    const reconciler = this.#reconcilers.get(hypervisorId);
    reconciler?.disconnect('the hypervisor was removed');
    if (reconciler !== undefined) this.#setHeld(reconciler, reconciler.waitsFor, nobody);
    this.#reconcilers.delete(hypervisorId);
    this.#installed.delete(hypervisorId);
    this.#told.delete(hypervisorId);
    this.#desired.removeHypervisor(hypervisorId);
    this.convergence.untrack(hypervisorId);
    this.#kickHeldFor(hypervisorId);
  }

  /**
   * Takes what the compiler made of one or more revisions. Deltas come in order; one that stands for several
   * revisions carries the last of them.
   *
   * @param isNext false: it does not stand for the revisions since the last one alone, as the database may have been restored meanwhile
   */
  apply(delta: Delta<EncodedFragment>, isNext = true): void {
    this.#tables.clear();
    const isBack = !isNext || delta.revision < this.#delivered;
    if (isBack) this.#goBack(delta.revision);
    const { changes, untracked, pointedFrom } = this.#desired.apply(
      delta,
      hypervisorId => this.#reconcilers.get(hypervisorId)?.tracksChanges === true,
    );
    const nowMs = this.#options.clock.nowMs();
    // Nobody knows to what revision the database was restored, and so which are new of those that this one brings.
    const since = isBack ? 1 : Math.min(this.#delivered + 1, delta.revision);
    this.#delivered = Math.max(this.#delivered, delta.revision);
    this.#merged.add(since, delta.revision);
    for (const hypervisorId of named(delta)) {
      if (!this.#reconcilers.has(hypervisorId)) this.addHypervisor(hypervisorId, hypervisorId);
    }
    const shared = new Map<string, DirtyEntry>();
    for (const [hypervisorId, hostChanges] of changes) {
      const reconciler = this.#reconcilers.get(hypervisorId);
      if (reconciler === undefined) continue;
      const from = pointedFrom.get(hypervisorId) ?? null;
      reconciler.mark(hostChanges, { since, latest: delta.revision, nowMs, pointedFrom: from, shared });
      this.#kicks.add(reconciler);
      this.#tellInstalled(reconciler);
    }
    for (const hypervisorId of untracked) this.#reconcilers.get(hypervisorId)?.doubt(delta.revision);
    this.convergence.delivered(this.#delivered);
  }

  /** The database was restored to an older state: what is to come has numbers that were there before, and is not applied for that. */
  #goBack(revision: number): void {
    this.#delivered = revision;
    this.#desired.goBack(revision);
    this.#merged.goBack(revision);
    for (const reconciler of this.#reconcilers.values()) reconciler.ledger.goBack(revision);
    this.convergence.goBack(revision);
  }

  /** The host's OpenFlow connection is up. False, and nothing is done with it, if the hypervisor is not here (any more). */
  connect(hypervisorId: string, connection: HostConnection): boolean {
    const reconciler = this.#reconcilers.get(hypervisorId);
    reconciler?.connect(connection);
    return reconciler !== undefined;
  }

  /** The term of the lease that this Weft holds; null: it does not, and only stands by. */
  setTerm(term: bigint | null): void {
    if (term === this.#term) return;
    this.#term = term;
    for (const reconciler of this.#reconcilers.values()) this.#kicks.add(reconciler);
  }

  /** Rows of the host's database have changed: looks at once whether they are in order. */
  databaseChanged(hypervisorId: string): void {
    this.#reconcilers.get(hypervisorId)?.kick();
  }

  /** Compares a switch with what it should hold as soon as possible, and mends what differs. */
  audit(hypervisorId: string): void {
    this.#reconcilers.get(hypervisorId)?.audit();
  }

  status(hypervisorId: string): HypervisorDelivery | null {
    const reconciler = this.#reconcilers.get(hypervisorId);
    return reconciler === undefined ? null : this.#statusOf(reconciler);
  }

  *statuses(): Generator<HypervisorDelivery> {
    for (const reconciler of this.#reconcilers.values()) yield this.#statusOf(reconciler);
  }

  /** Reads the drop counters from the switch. Null, as of the other counters, when the hypervisor is unknown or not connected. */
  drops(hypervisorId: string): Promise<readonly DropCount[] | null> {
    return this.#readFrom(hypervisorId, target => readDrops(target, this.#options.drops));
  }

  /** The same by reason alone, which costs the same however many ports there are. */
  dropTotals(hypervisorId: string): Promise<readonly DropTotal[] | null> {
    return this.#readFrom(hypervisorId, target => readDropTotals(target, this.#options.drops));
  }

  /** What security group rules have decided there: these, by their numbers, or all (null). */
  ruleCounts(hypervisorId: string, ruleNumbers: readonly number[] | null): Promise<readonly RuleCount[] | null> {
    return this.#readFrom(hypervisorId, target => readRuleCounts(target, this.#options.rules, ruleNumbers));
  }

  async #readFrom<T>(hypervisorId: string, read: (target: Switch) => Promise<T>): Promise<T | null> {
    const target = this.#reconcilers.get(hypervisorId)?.target ?? null;
    if (target === null) return null;
    try {
      return await read(target);
    } catch (error) {
      // Its connection ended meanwhile.
      if (error instanceof SwitchClosedError) return null;
      throw error;
    }
  }

  /** What the hypervisor should hold now, to look packets up in. Kept until something changes, since one who asks asks again. */
  tablesOf(hypervisorId: string): CompiledTables {
    let tables = this.#tables.get(hypervisorId);
    if (tables === undefined) {
      tables = new CompiledTables(this.#desired.fragmentsOn(hypervisorId));
      if (this.#tables.size >= tablesKept) this.#tables.clear();
      this.#tables.set(hypervisorId, tables);
    }
    return tables;
  }

  /** Closes every connection. Switches keep what they have. */
  close(): void {
    for (const reconciler of this.#reconcilers.values()) reconciler.disconnect('Weft stops');
    forgetShipments();
  }

  #statusOf(reconciler: Reconciler): HypervisorDelivery {
    const { hypervisorId, name, state, isConnected, appliedRevision, openVswitchVersion, lastError } = reconciler;
    const desired = this.#desired;
    const reconcilers = this.#reconcilers;
    return {
      hypervisorId,
      name,
      state,
      connected: isConnected,
      appliedRevision,
      lag: Math.max(0, desired.revision - appliedRevision),
      // Made when somebody looks: the status is asked for with every port, and this goes over all networks or many hypervisors.
      get flows() {
        return desired.flowsOn(hypervisorId);
      },
      ovsVersion: openVswitchVersion,
      lastError,
      get waitsFor() {
        return Array.from(reconciler.waitsFor, id => reconcilers.get(id)?.name ?? id);
      },
      counters: reconciler.counters,
    };
  }

  #context(): ReconcilerContext {
    const { clock, log, identity, watchedTables = [], auditIntervalMs = defaultAuditIntervalMs } = this.#options;
    return {
      clock,
      log,
      identity,
      watchedTables,
      desired: this.#desired,
      merged: this.#merged,
      peers: this.#reconcilers,
      nextAuditAtMs: hypervisorId =>
        nextAuditAtMs(hypervisorId, clock.nowMs(), Math.max(auditIntervalMs, this.#reconcilers.size * 1_000)),
      term: () => this.#term,
      comparisonTurn: () => this.#comparisonTurn(),
      largeRoundTurn: () => this.#largeRoundTurn(),
      waits: (hypervisorId, before, now) => {
        const reconciler = this.#reconcilers.get(hypervisorId);
        if (reconciler !== undefined) this.#setHeld(reconciler, before, now);
      },
      isAskedFor: () => this.convergence.isAskedFor,
      fellBehind: reconciler => this.convergence.fellBehind(reconciler),
      progressed: hypervisorId => this.#progressed(hypervisorId),
      fenced: (hypervisorId, currentTerm) => this.#options.fenced?.(hypervisorId, currentTerm),
    };
  }

  async #comparisonTurn(): Promise<() => void> {
    const done = await this.#comparisons.take();
    const cancel = this.#options.clock.after(longestTurnMs, done);
    return () => {
      cancel();
      done();
    };
  }

  #progressed(hypervisorId: string): void {
    const reconciler = this.#reconcilers.get(hypervisorId);
    if (reconciler === undefined) return;
    this.convergence.changed(reconciler);
    this.#kickHeldFor(hypervisorId);
    this.#tellInstalled(reconciler);
  }

  #tellInstalled(reconciler: Reconciler): void {
    const { hypervisorId } = reconciler;
    let installed = this.#installed.get(hypervisorId);
    if (installed === undefined) {
      installed = new InstalledPorts(hypervisorId, this.#desired);
      this.#installed.set(hypervisorId, installed);
    }
    const changed = installed.look(reconciler);
    if (changed === null || (changed.length === 0 && this.#told.has(hypervisorId))) return;
    this.#told.add(hypervisorId);
    this.#options.portsInstalled?.(hypervisorId, installed.ports, changed);
  }

  #setHeld(reconciler: Reconciler, before: ReadonlySet<string>, now: ReadonlySet<string>): void {
    for (const awaited of before) {
      if (now.has(awaited)) continue;
      const held = this.#heldFor.get(awaited);
      held?.delete(reconciler);
      if (held?.size === 0) this.#heldFor.delete(awaited);
    }
    for (const awaited of now) {
      const held = this.#heldFor.get(awaited);
      if (held === undefined) this.#heldFor.set(awaited, new Set([reconciler]));
      else held.add(reconciler);
    }
  }

  #kickHeldFor(hypervisorId: string): void {
    for (const reconciler of this.#heldFor.get(hypervisorId) ?? nobody) this.#kicks.add(reconciler);
  }

  #largeRoundTurn(): Promise<void> {
    this.#largeRounds = this.#largeRounds.then(nextTurn);
    return this.#largeRounds;
  }
}
