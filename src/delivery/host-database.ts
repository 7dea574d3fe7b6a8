/**
 * Keeps one host's database as it should be: plans, applies one transaction, plans again, until there is nothing to do.
 * Level-triggered: whatever wakes it, it looks at the newest snapshot and at the newest desired state.
 */
import type { HypervisorSession } from '../../southbound/hypervisor/session.js';
import type { OvsdbClient } from '../../southbound/ovsdb/client.js';
import type { DatabaseSnapshot, RowChange } from '../../southbound/ovsdb/replica.js';
import { RpcClosedError, RpcError } from '../../southbound/ovsdb/rpc.js';
import { comment, TransactionError, type Operation } from '../../southbound/ovsdb/transact.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import { InstalledMarks } from './installed-marks.js';
import { hasLostSettings } from './ovsdb-internal-interfaces.js';
import { planHost, planStandby, type DesiredHost, type OvsdbPlan } from './ovsdb-plan.js';
import { concernsQueues } from './ovsdb-queues.js';
import { planRemoval } from './ovsdb-removal.js';

/** What is wanted of a host: to be set up, to be connected to us though another Weft sets it up, or that nothing of ours is left. */
export type HostGoal =
  | { readonly kind: 'joined'; readonly host: DesiredHost }
  | { readonly kind: 'standby'; readonly host: DesiredHost }
  | { readonly kind: 'left'; readonly databaseId: string };

export type HostDatabaseStatus =
  /** Not connected, or not looked at yet. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'changing'; readonly summary: string }
  | { readonly kind: 'waiting'; readonly reason: string }
  /** Everything is as it should be. */
  | { readonly kind: 'joined' }
  /** As far as a Weft that stands by is concerned. */
  | { readonly kind: 'standby' }
  /** Nothing of ours is left. */
  | { readonly kind: 'left' }
  | { readonly kind: 'refused'; readonly reason: string }
  /** A transaction was refused by the server; it is tried again. */
  | { readonly kind: 'failed'; readonly reason: string };

/** What was written to one host's database since the start. */
export interface HostDatabaseCounters {
  transactions: number;
  operations: number;
}

export interface HostDatabaseOptions {
  readonly session: HypervisorSession;
  /** The newest goal; null while it cannot be told (nothing is done then). */
  readonly goal: () => HostGoal | null;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told each change of status. */
  readonly onStatus?: (status: HostDatabaseStatus) => void;
}

/** The wait after a refusal or an undone change: doubled each time, up to the longest. */
const shortestWaitMs = 100;
const longestWaitMs = 10_000;
/** A change that is needed again this soon means that somebody undoes what we do. */
const undoneWithinMs = 5_000;
/** Changes in a row that are normal (a join, a removal in steps) before waiting begins. */
const stepsWithoutWait = 4;

function planFor(database: DatabaseSnapshot, goal: HostGoal): OvsdbPlan {
  switch (goal.kind) {
    case 'joined':
      return planHost(database, goal.host);
    case 'standby':
      return planStandby(database, goal.host);
    case 'left':
      return planRemoval(database, goal.databaseId);
  }
}

/** Everything but what Open vSwitch and the workloads report about Interfaces. */
function concernsPlan(change: RowChange): boolean {
  if (change.table !== 'Interface') return true;
  const { before, after } = change;
  if (before === null || after === null) return true;
  return (
    before.type !== after.type ||
    before.ofport_request !== after.ofport_request ||
    before.options !== after.options ||
    before.bfd !== after.bfd ||
    (before.link_state !== after.link_state && !after.external_ids.has('iface-id')) ||
    hasLostSettings(before, after) ||
    concernsQueues(before, after)
  );
}

export class HostDatabase {
  readonly #options: HostDatabaseOptions;
  readonly #log: Logger;
  readonly #stopListening: (() => void)[];
  #status: HostDatabaseStatus = { kind: 'unknown' };
  readonly #marks: InstalledMarks;
  readonly counters: HostDatabaseCounters = { transactions: 0, operations: 0 };
  #isRunning = false;
  #isDirty = false;
  /** Something other than marks may have to change. */
  #needsPlan = false;
  #isStopped = false;
  #cancelWait: (() => void) | null = null;
  #failures = 0;
  #recentChanges = 0;
  #lastChangeMs = Number.NEGATIVE_INFINITY;

  constructor(options: HostDatabaseOptions) {
    this.#options = options;
    this.#log = options.log.child({ hypervisor: options.session.systemId });
    const { session } = options;
    this.#marks = new InstalledMarks(session);
    this.#stopListening = [
      session.replica.onChange(changes => this.#replicaChanged(changes)),
      session.onState(state => {
        if (state === 'following') this.#forgetFailures();
        this.nudge();
      }),
      session.onReport(() => this.nudge()),
    ];
    this.nudge();
  }

  get status(): HostDatabaseStatus {
    return this.#status;
  }

  /** The goal, or something that it depends on, may have changed. Cheap: any number of nudges is one look. */
  nudge(): void {
    this.#needsPlan = true;
    this.#look();
  }

  #look(): void {
    this.#isDirty = true;
    if (this.#isRunning || this.#isStopped || this.#cancelWait) return;
    this.#isRunning = true;
    // Not at once: a nudge may come from the middle of a notification that is still being told to others.
    queueMicrotask(() => {
      void this.#run().finally(() => {
        this.#isRunning = false;
        if (this.#isDirty) this.#look();
      });
    });
  }

  /** Workloads come, go and report all day: a plan is made only where what it looks at has changed. */
  #replicaChanged(changes: readonly RowChange[]): void {
    const needsLook = this.#marks.replicaChanged(changes);
    if (this.#status.kind !== 'joined' || changes.some(concernsPlan)) this.nudge();
    else if (needsLook) this.#look();
  }

  /**
   * The Interfaces whose flows are acknowledged, from now on: exactly these carry `weft-installed=true`.
   * @param acknowledged iface-id by UUID of the Interface
   */
  setAcknowledged(acknowledged: ReadonlyMap<string, string>): void {
    this.#marks.setAll(acknowledged);
    this.#look();
  }

  /** The same for one Interface, once all have been set; null: its flows are not acknowledged (any more). */
  changeAcknowledged(interfaceUuid: string, ifaceId: string | null): void {
    this.#marks.set(interfaceUuid, ifaceId);
    this.#look();
  }

  /** Does nothing more; the database stays as it is. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelWait?.();
    this.#cancelWait = null;
    for (const stop of this.#stopListening) stop();
  }

  async #run(): Promise<void> {
    while (this.#isDirty && !this.#isStopped && !this.#cancelWait) {
      this.#isDirty = false;
      const client = this.#options.session.ovsdb;
      const goal = this.#options.goal();
      if (!client || !this.#options.session.replica.isCurrent || !goal) return this.#setStatus({ kind: 'unknown' });
      try {
        await this.#step(client, goal);
      } catch (error) {
        this.#needsPlan = true;
        this.#failed(error);
      }
    }
  }

  async #step(client: OvsdbClient, goal: HostGoal): Promise<void> {
    const { session } = this.#options;
    if (!this.#needsPlan && goal.kind === 'joined' && this.#status.kind === 'joined') {
      return this.#mark(client, goal.host.bridge);
    }
    this.#needsPlan = false;
    const plan = planFor(session.replica, goal);
    session.setRefusal(plan.kind === 'refused' ? plan.reason : null);
    switch (plan.kind) {
      case 'nothing':
        if (goal.kind === 'joined') await this.#mark(client, goal.host.bridge);
        return this.#setStatus({ kind: goal.kind });
      case 'waiting':
      case 'refused':
        return this.#setStatus(plan);
      case 'change':
        this.#needsPlan = true;
        if (this.#mustWait()) return;
        this.#setStatus({ kind: 'changing', summary: plan.summary });
        await this.#apply(client, plan.summary, plan.operations);
        this.nudge();
    }
  }

  async #mark(client: OvsdbClient, bridge: string): Promise<void> {
    for (let operations = this.#marks.next(bridge); operations.length > 0; operations = this.#marks.next(bridge)) {
      await client.transact(operations);
      this.#marks.done();
      this.#count(operations);
    }
  }

  #count(operations: readonly Operation[]): void {
    this.#failures = 0;
    this.counters.transactions += 1;
    this.counters.operations += operations.length;
  }

  async #apply(client: OvsdbClient, summary: string, operations: readonly Operation[]): Promise<void> {
    await client.transact([...operations, comment(`weft: ${summary}`)]);
    this.#count(operations);
    this.#lastChangeMs = this.#options.clock.nowMs();
    this.#log.info({ summary }, 'host database changed');
  }

  /** Somebody who undoes our changes gets them again, but ever more slowly. */
  #mustWait(): boolean {
    const sinceMs = this.#options.clock.nowMs() - this.#lastChangeMs;
    this.#recentChanges = sinceMs < undoneWithinMs ? this.#recentChanges + 1 : 0;
    const waits = this.#recentChanges - stepsWithoutWait;
    const waitMs = Math.min(shortestWaitMs * 2 ** waits, undoneWithinMs / 2);
    if (waits < 0 || sinceMs >= waitMs) return false;
    this.#recentChanges--;
    this.#wait(waitMs - sinceMs);
    return true;
  }

  /** A host that has just come back is looked at without the wait that its last connection earned. */
  #forgetFailures(): void {
    this.#failures = 0;
    this.#cancelWait?.();
    this.#cancelWait = null;
  }

  #wait(delayMs: number): void {
    this.#cancelWait = this.#options.clock.after(delayMs, () => {
      this.#cancelWait = null;
      this.nudge();
    });
  }

  /** @throws what is a bug and not an outcome */
  #failed(error: unknown): void {
    if (error instanceof RpcClosedError) {
      // The session says why. When the host is back, its dump tells whether the transaction took effect.
      this.#setStatus({ kind: 'unknown' });
      return;
    }
    if (!(error instanceof TransactionError || error instanceof RpcError)) throw error;
    const isConflict = error instanceof TransactionError && error.isConflict;
    if (!isConflict) {
      this.#log.warn({ reason: error.message }, 'host database not changed');
      this.#setStatus({ kind: 'failed', reason: error.message });
    }
    this.#wait(Math.min(shortestWaitMs * 2 ** this.#failures++, longestWaitMs));
  }

  #setStatus(status: HostDatabaseStatus): void {
    if (JSON.stringify(status) === JSON.stringify(this.#status)) return;
    this.#status = status;
    this.#options.onStatus?.(status);
  }
}
