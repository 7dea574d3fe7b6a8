/**
 * The reconciler of one hypervisor: a level-triggered loop with at most one round in flight. It looks at the newest
 * desired state whenever it gets to it; any number of changes meanwhile are one round. States: reconciler-state.ts.
 *
 *   kick ─► database rows ─► round (rounds.ts): plan, meters, bundles, sentinel ─► ledger ─► convergence
 *
 * It ends a connection only when the switch says something that makes no sense; silence is never answered.
 */
import type { Logger } from '../base/log.js';
import { AuditAppointment } from './audit-appointment.js';
import type { FragmentFailure, HostProgress } from './convergence.js';
import { DatabaseGate } from './database-gate.js';
import type { HostChange } from './desired-state.js';
import { DriftWatch } from './drift-watch.js';
import { HostLedger, type MarkContext } from './host-ledger.js';
import type { Rank } from './backlog.js';
import type { HoldPeer } from './holds.js';
import { Inspection } from './inspection.js';
import { Mastership } from './mastership.js';
import { noneCounted, type HostConnection, type ReconcilerContext } from './reconciler-context.js';
import { reconcilerMoves, type ReconcilerState } from './reconciler-state.js';
import { Rounds } from './rounds.js';
import { StockTaking } from './stock-taking.js';
import { SwitchClosedError, type Switch } from './switch.js';
import { WakeUp } from './wake-up.js';

const nobody: ReadonlySet<string> = new Set();

export class Reconciler implements HostProgress, HoldPeer {
  readonly hypervisorId: string;
  name: string;
  readonly ledger: HostLedger;
  readonly counters = noneCounted();

  readonly #context: ReconcilerContext;
  readonly #log: Logger;
  readonly #stock: StockTaking;
  readonly #wakeUp: WakeUp;
  readonly #database: DatabaseGate;
  readonly #drift: DriftWatch;
  readonly #audits = new AuditAppointment();
  readonly #inspection: Inspection;
  readonly #rounds: Rounds;
  #state: ReconcilerState = 'disconnected';
  #connection: HostConnection | null = null;
  #disconnectedAtMs: number;
  #lastError: string | null = null;
  readonly #mastership = new Mastership();
  #running: Promise<void> = Promise.resolve();
  #waitsFor = nobody;

  constructor(hypervisorId: string, name: string, context: ReconcilerContext) {
    this.hypervisorId = hypervisorId;
    this.name = name;
    this.#context = context;
    this.#log = context.log.child({ hypervisor: name });
    this.#disconnectedAtMs = context.clock.nowMs();
    this.#wakeUp = new WakeUp(context.clock);
    this.#database = new DatabaseGate(context.clock);
    this.#drift = new DriftWatch(context.clock, context.watchedTables);
    const onBehind = (): void => context.fellBehind(this);
    this.ledger = new HostLedger(onBehind);
    this.#stock = new StockTaking(hypervisorId, this.ledger, context.desired, context.identity.databaseId, onBehind);
    const loop = {
      move: (to: ReconcilerState, reason: string): void => this.#move(to, reason),
      checkOpen: (connection: HostConnection): void => this.#checkOpen(connection),
      say: (error: string | null): void => {
        this.#lastError = error;
      },
      close: (reason: string): void => this.disconnect(reason),
    };
    this.#rounds = new Rounds({
      loop,
      self: this,
      context,
      log: this.#log,
      ledger: this.ledger,
      counters: this.counters,
      stock: this.#stock,
      audits: this.#audits,
      mastership: this.#mastership,
    });
    this.#inspection = new Inspection({
      loop,
      rounds: this.#rounds,
      context,
      log: this.#log,
      ledger: this.ledger,
      counters: this.counters,
      stock: this.#stock,
      drift: this.#drift,
      audits: this.#audits,
    });
  }

  get state(): ReconcilerState {
    return this.#state;
  }

  get isConnected(): boolean {
    return this.#connection !== null;
  }

  get disconnectedAtMs(): number {
    return this.#disconnectedAtMs;
  }

  get openVswitchVersion(): string | null {
    return this.#connection?.openVswitchVersion ?? null;
  }

  get lastError(): string | null {
    for (const { refusal } of this.ledger.refused()) return refusal.error;
    return this.#lastError ?? this.#database.problem;
  }

  /** Hypervisors for which something here is held back. */
  get waitsFor(): ReadonlySet<string> {
    return this.#waitsFor;
  }

  get appliedRevision(): number {
    return this.#stock.uncertainUpTo === null ? this.ledger.appliedRevision(this.#context.desired.revision) : 0;
  }

  /** True once the switch is known to hold what the ledger does not list. */
  get isStockKnown(): boolean {
    return this.#stock.isKnown;
  }

  /** The connected switch, for reading statistics. */
  get target(): Switch | null {
    return this.#connection?.target ?? null;
  }

  get isBehind(): boolean {
    return !this.ledger.isClean || this.#stock.uncertainUpTo !== null;
  }

  isPending(revision: number): boolean {
    const { uncertainUpTo } = this.#stock;
    const { merged } = this.#context;
    if (uncertainUpTo !== null && (revision <= uncertainUpTo || merged.has(revision))) return true;
    return this.ledger.isPending(revision, merged);
  }

  get hasFailures(): boolean {
    return this.ledger.hasRefused;
  }

  *failures(): Generator<FragmentFailure> {
    for (const { key, refusal, installed, since: lackedSince, latest } of this.ledger.refused()) {
      const { error, owner, isOptional, attempts } = refusal;
      // Where it is not known what the switch holds of it, no version of it is there for sure.
      const since = installed === 'unknown' ? 1 : lackedSince;
      yield {
        hypervisorId: this.hypervisorId,
        name: this.name,
        key,
        owner,
        isOptional,
        error,
        attempts,
        since,
        latest,
      };
    }
  }

  /** False: what the switch holds is not known, so changes of it need not be listed. `doubt` takes their place. */
  get tracksChanges(): boolean {
    return this.#stock.isKnown || this.#state === 'comparing';
  }

  lowestPending(rank: Rank): number {
    return this.#stock.uncertainUpTo === null ? this.ledger.lowestPending(rank) : 0;
  }

  /** A delta touched this hypervisor. */
  mark(changes: readonly HostChange[], context: MarkContext): void {
    this.ledger.mark(changes, context);
    if (changes.length > 0) this.#audits.makeWay();
  }

  /** A delta touched this hypervisor, of which nothing is known. */
  doubt(revision: number): void {
    this.#stock.doubt(revision);
  }

  /** Looks again: something changed that may let the loop go on. */
  kick(): void {
    this.#wakeUp.call();
  }

  /** Compares the switch with what it should hold as soon as possible. */
  audit(): void {
    this.#audits.bringForward();
    this.kick();
  }

  /** Takes over a new connection. An older one is closed: a host has one. */
  connect(connection: HostConnection): void {
    this.#connection?.target.close('replaced by a newer connection');
    this.#connection = connection;
    this.#lastError = null;
    this.#mastership.reset();
    this.#rounds.reset();
    this.#database.reset();
    connection.target.onClose(reason => this.#disconnected(connection, reason));
    this.#context.progressed(this.hypervisorId);
    this.#running = this.#running.then(() => this.#run(connection));
  }

  disconnect(reason: string): void {
    this.#connection?.target.close(reason);
  }

  #disconnected(connection: HostConnection, reason: string): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.#disconnectedAtMs = this.#context.clock.nowMs();
    this.#drift.ended();
    this.#setWaitsFor(nobody);
    this.#move('disconnected', reason);
    this.#wakeUp.call();
    this.#context.progressed(this.hypervisorId);
  }

  async #run(connection: HostConnection): Promise<void> {
    try {
      while (this.#connection === connection) await this.#step(connection);
    } catch (error) {
      if (error instanceof SwitchClosedError) return;
      this.#lastError = error instanceof Error ? error.message : String(error);
      this.#log.error({ err: error }, 'delivery to this hypervisor failed; its connection is closed');
      connection.target.close('delivery failed');
    } finally {
      this.#wakeUp.stop();
    }
  }

  /** One turn of the loop: the first thing that has to be done. */
  async #step(connection: HostConnection): Promise<void> {
    this.#wakeUp.awake();
    const term = this.#context.term();
    if (term === null) return this.#standBy();
    if (term !== this.#mastership.term) return this.#claim(connection, term);
    const databaseAtMs = this.#database.waitUntilMs(connection.database());
    if (databaseAtMs !== null) return this.#wakeUp.sleepUntil(databaseAtMs);
    if (!this.#stock.isRead) return this.#readStock(connection);
    const nowMs = this.#context.clock.nowMs();
    const { pauseUntilMs } = this.#rounds;
    if (nowMs < pauseUntilMs) return this.#wakeUp.sleepUntil(pauseUntilMs);
    if (!this.#stock.isKnown || this.#audits.isDue(nowMs, () => this.#isDeliveryWaiting()))
      return this.#inspection.compare(connection);
    if (nowMs >= this.#drift.dueAtMs) return this.#inspection.mend(connection);
    if (this.ledger.dirty.size === 0) return this.#rest();
    if (this.#rounds.isGathering(nowMs)) return this.#sleepUntil(Infinity);
    if (this.#rounds.isLarge) await this.#rounds.makeReady(connection);
    const plan = this.#rounds.plan();
    this.#setWaitsFor(plan.waitsFor);
    if (plan.needsComparison) return this.#inspection.compare(connection);
    if (plan.changes.length > 0) return this.#rounds.deliver(connection, plan);
    return this.#sleepUntil(plan.nextAtMs);
  }

  /** Refused fragments wait for their next try, not for us. */
  #isDeliveryWaiting(): boolean {
    for (const { refusal } of this.ledger.dirty.values()) if (refusal === null) return true;
    return false;
  }

  #rest(): Promise<void> {
    this.#setWaitsFor(nobody);
    this.#rounds.rest();
    return this.#sleepUntil(Infinity);
  }

  #sleepUntil(atMs: number): Promise<void> {
    return this.#wakeUp.sleepUntil(
      Math.min(atMs, this.#rounds.gatheredUntilMs, this.#audits.atMs, this.#drift.dueAtMs),
    );
  }

  #setWaitsFor(hypervisors: ReadonlySet<string>): void {
    if (this.#waitsFor.size === 0 && hypervisors.size === 0) return;
    this.#context.waits(this.hypervisorId, this.#waitsFor, hypervisors);
    this.#waitsFor = hypervisors;
  }

  #standBy(): Promise<void> {
    this.#mastership.end();
    if (this.#state !== 'standby') {
      this.#move('standby', 'the lease is not ours');
      this.#drift.stop();
      this.#stock.unread();
    }
    return this.#wakeUp.sleepUntil(Infinity);
  }

  /** The fence: the switch itself refuses a term older than one that it has seen. */
  async #claim(connection: HostConnection, term: bigint): Promise<void> {
    this.#move('claiming', `term ${term}`);
    const reply = await this.#mastership.claim(connection.target, term, () => this.#checkOpen(connection));
    if (reply.kind === 'granted') {
      connection.target.matchFragments();
      this.#stock.unread();
      this.#drift.start(connection.target, () => this.#driftNoted());
      return;
    }
    this.#fence(reply.currentTerm);
    while (this.#connection === connection && this.#context.term() === term) {
      this.#wakeUp.awake();
      await this.#wakeUp.sleepUntil(Infinity);
    }
  }

  /** Only a newer term of the lease helps. */
  #fence(currentTerm: bigint | null): void {
    this.#lastError = `the switch has seen a newer term than ours${currentTerm === null ? '' : ` (${currentTerm})`}`;
    this.#move('fenced', this.#lastError);
    this.#stock.unread();
    this.#context.fenced(this.hypervisorId, currentTerm);
  }

  async #readStock(connection: HostConnection): Promise<void> {
    this.#move('reading', 'sentinel');
    const finding = await this.#stock.read(connection.target);
    this.#checkOpen(connection);
    this.#log.info({ finding }, 'sentinel read');
    if (finding === 'compare') {
      this.#audits.bringForward();
      return this.#inspection.compare(connection);
    }
    this.#audits.make(this.#context.nextAuditAtMs(this.hypervisorId));
    this.#context.progressed(this.hypervisorId);
    this.#move('idle', finding);
  }

  #driftNoted(): void {
    this.counters.driftEvents += 1;
    this.kick();
  }

  #checkOpen(connection: HostConnection): void {
    if (this.#connection !== connection) throw new SwitchClosedError('the connection was replaced or ended');
  }

  #move(to: ReconcilerState, reason: string): void {
    if (to === this.#state) return;
    if (!reconcilerMoves[this.#state].includes(to)) throw new Error(`no move from ${this.#state} to ${to}: ${reason}`);
    this.#log.debug({ from: this.#state, to, reason }, 'reconciler state');
    this.#state = to;
  }
}
