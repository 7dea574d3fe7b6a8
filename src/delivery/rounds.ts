/**
 * The rounds of one hypervisor, as the reconciler's loop asks for them: what goes out next, sent, and what the switch made of it.
 *
 *   ledger ─► plan (round-plan) ─► meters, bundles, sentinel (delivery-round) ─► settled in the ledger, or rolled back
 */
import type { Logger } from '../base/log.js';
import type { AuditAppointment } from './audit-appointment.js';
import { deliverChanges, type RoundContext, type RoundOutcome } from './delivery-round.js';
import type { EncodedFragment } from './encoded-fragment.js';
import { Gathering } from './gathering.js';
import { holdOf, type HoldPeer } from './holds.js';
import type { DirtyEntry, FlightEntry, HostLedger } from './host-ledger.js';
import type { Mastership } from './mastership.js';
import { AcceptedShapes } from './message-shape.js';
import type { DeliveryCounters, HostConnection, ReconcilerContext } from './reconciler-context.js';
import type { ReconcilerState } from './reconciler-state.js';
import { roundContext } from './round-context.js';
import { largeRound, RoundDifferences } from './round-differences.js';
import type { RoundPlan } from './round-plan.js';
import { prepareRound } from './round-preparation.js';
import type { StockTaking } from './stock-taking.js';

/** What a round asks of the loop that it is a step of. */
export interface RoundLoop {
  move(to: ReconcilerState, reason: string): void;
  /** Throws SwitchClosedError when the connection is not the hypervisor's any more. */
  checkOpen(connection: HostConnection): void;
  /** What is wrong with the switch as a whole, for its status; null: nothing is. */
  say(error: string | null): void;
  /** Ends the connection, whichever it is now. */
  close(reason: string): void;
}

export interface RoundsParts {
  readonly loop: RoundLoop;
  readonly self: HoldPeer;
  readonly context: ReconcilerContext;
  readonly log: Logger;
  readonly ledger: HostLedger;
  readonly counters: DeliveryCounters;
  readonly stock: StockTaking;
  readonly audits: AuditAppointment;
  readonly mastership: Mastership;
}

const failureRetryMs = 1_000;
const failuresBeforeClose = 3;

export class Rounds {
  readonly #parts: RoundsParts;
  readonly #gathering = new Gathering();
  readonly #differences = new RoundDifferences();
  /** What this connection's switch has accepted. */
  #accepted = new AcceptedShapes();
  #pauseUntilMs = 0;
  #failures = 0;

  constructor(parts: RoundsParts) {
    this.#parts = parts;
  }

  /** Clock.nowMs() before which no round is to be tried, because the last one failed. */
  get pauseUntilMs(): number {
    return this.#pauseUntilMs;
  }

  /** Clock.nowMs() at which what is gathered goes; Infinity: nothing is. */
  get gatheredUntilMs(): number {
    return this.#gathering.untilMs;
  }

  /** Another connection. */
  reset(): void {
    this.#accepted = new AcceptedShapes();
  }

  /** What would go now waits for more to go with it. */
  isGathering(nowMs: number): boolean {
    const { ledger, context } = this.#parts;
    return this.#gathering.isOn(ledger.version, nowMs, context.isAskedFor(), context.peers);
  }

  /** There is nothing to send. */
  rest(): void {
    this.#gathering.over();
  }

  /** So much may go next that others would have to wait while it is put together: see `makeReady`. */
  get isLarge(): boolean {
    return this.#parts.ledger.dirty.size >= largeRound;
  }

  /** Makes what a large round is put together from beforehand, a slice at a time. */
  async makeReady(connection: HostConnection): Promise<void> {
    const { ledger, context, loop } = this.#parts;
    const isHeld = (entry: DirtyEntry, target: EncodedFragment | null): boolean => this.#isHeld(entry, target);
    await this.#differences.warmUp(ledger, key => this.#desired(key), isHeld);
    await context.largeRoundTurn();
    loop.checkOpen(connection);
  }

  plan(): RoundPlan {
    const { self, ledger, context, log } = this.#parts;
    const refused = (key: string, error: string): void => this.refused(key, error);
    const { plan, late } = prepareRound(self, ledger, this.#gathering, this.#differences, context, refused);
    this.#differences.forget();
    if (late.size > 0) log.warn({ late: [...late] }, 'not waiting any longer for other hypervisors');
    if (plan.settled.length + plan.unencodable.length > 0) context.progressed(self.hypervisorId);
    return plan;
  }

  async deliver(connection: HostConnection, plan: RoundPlan): Promise<void> {
    const { loop, ledger } = this.#parts;
    loop.move('delivering', `${plan.changes.length} fragments`);
    ledger.take(plan.flights);
    const outcome = await deliverChanges(this.roundContext(connection), plan.changes, false);
    loop.checkOpen(connection);
    this.settle(outcome, plan.flights);
  }

  /** @param flights null: the whole of the switch was looked at */
  settle(outcome: RoundOutcome, flights: readonly FlightEntry[] | null): void {
    const { self, loop, context, log, ledger, counters, stock, audits, mastership } = this.#parts;
    counters.rounds += 1;
    if (outcome.kind === 'done') {
      this.#failures = 0;
      loop.say(null);
      if (flights === null) audits.make(context.nextAuditAtMs(self.hypervisorId));
      loop.move('idle', 'acknowledged');
    } else if (outcome.kind === 'fenced') {
      // What was in flight stays so: the sentinel tells what became of it when the switch is ours again.
      loop.move('fenced', 'the switch has another master');
      mastership.end();
    } else if (outcome.kind === 'torn') {
      counters.tornBundles += 1;
      log.error({ error: outcome.error }, 'the switch left out of a bundle what it had accepted before');
      ledger.rollback();
      stock.forget();
      loop.move('idle', 'a bundle was committed in part');
    } else {
      ledger.rollback();
      this.#failed(outcome.error);
    }
    context.progressed(self.hypervisorId);
  }

  /** The switch refuses, and it is nobody's fragment: look at it afresh, a little later. */
  #failed(error: string): void {
    const { loop, context, log, stock } = this.#parts;
    loop.say(error);
    this.#failures += 1;
    log.warn({ error, failures: this.#failures }, 'the switch refuses a bundle as a whole');
    if (this.#failures >= failuresBeforeClose) {
      this.#failures = 0;
      loop.close(`bundles fail: ${error}`);
      return;
    }
    stock.forget();
    loop.move('idle', error);
    this.#pauseUntilMs = context.clock.nowMs() + failureRetryMs;
  }

  roundContext(connection: HostConnection): RoundContext {
    const { context, ledger, stock, counters } = this.#parts;
    return roundContext(connection.target, {
      ledger,
      stock,
      counters,
      accepted: this.#accepted,
      nowMs: () => context.clock.nowMs(),
      identity: context.identity,
      refused: (key, error) => this.refused(key, error),
    });
  }

  refused(key: string, error: string): void {
    const { counters, log } = this.#parts;
    counters.refusals += 1;
    log.warn({ fragment: key, error }, 'fragment refused');
  }

  /** Whether a plan would hold the change back now, as far as that can be told of it alone. */
  #isHeld(entry: DirtyEntry, target: EncodedFragment | null): boolean {
    const { self, context } = this.#parts;
    const { desired, peers, clock } = context;
    const revision = target === null ? entry.latest : (desired.get(entry.key)?.revision ?? entry.latest);
    return holdOf(self, entry, target, revision, peers, clock.nowMs(), () => {}, null) !== null;
  }

  #desired(key: string): EncodedFragment | null {
    const { self, context } = this.#parts;
    return context.desired.desiredOn(self.hypervisorId, key)?.fragment ?? null;
  }
}
