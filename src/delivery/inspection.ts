/**
 * Looking at what one switch holds and putting it right, as the reconciler's loop asks for it: the whole of the switch (its content is
 * not known, or an audit), or what others are said to have touched.
 */
import type { Logger } from '../base/log.js';
import { unlessEnded, type AuditAppointment } from './audit-appointment.js';
import type { SwitchChange } from './bundle-plan.js';
import { deliverChanges } from './delivery-round.js';
import type { DriftWatch, Suspicion } from './drift-watch.js';
import type { HostLedger } from './host-ledger.js';
import type { DeliveryCounters, HostConnection, ReconcilerContext } from './reconciler-context.js';
import type { RoundLoop, Rounds } from './rounds.js';
import type { StockDifference, StockTaking } from './stock-taking.js';
import { describeRepair, touchesSentinel } from './suspects.js';

export interface InspectionParts {
  readonly loop: RoundLoop;
  /** By which what is found is put right. */
  readonly rounds: Rounds;
  readonly context: ReconcilerContext;
  readonly log: Logger;
  readonly ledger: HostLedger;
  readonly counters: DeliveryCounters;
  readonly stock: StockTaking;
  readonly drift: DriftWatch;
  readonly audits: AuditAppointment;
}

export class Inspection {
  readonly #loop: RoundLoop;
  readonly #rounds: Rounds;
  readonly #context: ReconcilerContext;
  readonly #log: Logger;
  readonly #ledger: HostLedger;
  readonly #counters: DeliveryCounters;
  readonly #stock: StockTaking;
  readonly #drift: DriftWatch;
  readonly #audits: AuditAppointment;

  constructor({ loop, rounds, context, log, ledger, counters, stock, drift, audits }: InspectionParts) {
    this.#loop = loop;
    this.#rounds = rounds;
    this.#context = context;
    this.#log = log;
    this.#ledger = ledger;
    this.#counters = counters;
    this.#stock = stock;
    this.#drift = drift;
    this.#audits = audits;
  }

  /** Compares the whole of the switch, once it is its turn, and sends the difference. */
  async compare(connection: HostConnection, suspicion = this.#drift.take()): Promise<void> {
    this.#loop.move('comparing', this.#stock.isKnown ? 'audit' : 'unknown content');
    connection.target.matchFragments();
    const turn = this.#context.comparisonTurn();
    try {
      const found = await this.#takeStock(connection, turn);
      this.#loop.checkOpen(connection);
      if (found !== null) return await this.#deliverDifference(connection, found);
    } catch (error) {
      this.#drift.putBack(suspicion, true);
      throw error;
    } finally {
      void turn.then(done => done());
    }
    this.#drift.putBack(suspicion);
    this.#loop.move('idle', 'a change goes before the audit');
  }

  /** Null: the switch is known, and something is to be delivered to it. */
  async #takeStock(connection: HostConnection, turn: Promise<unknown>): Promise<StockDifference | null> {
    const { clock } = this.#context;
    const ended = this.#stock.isKnown && this.#ledger.isClean ? this.#audits.begin() : null;
    try {
      if ((await (ended === null ? turn : unlessEnded(turn, ended))) === null) return null;
      this.#loop.checkOpen(connection);
      this.#counters.resyncs += 1;
      const { target } = connection;
      const isAudit = ended !== null && this.#ledger.isClean;
      return await (isAudit
        ? this.#stock.audit(target, clock.nowMs(), ended)
        : this.#stock.compare(target, clock.nowMs()));
    } finally {
      this.#audits.end(clock.nowMs());
    }
  }

  async #deliverDifference(connection: HostConnection, found: StockDifference): Promise<void> {
    const { changes, wasKnown, unencodable } = found;
    for (const { key, error } of unencodable) this.#rounds.refused(key, error);
    if (changes.length > 0) this.#log.info({ fragments: changes.length, wasKnown }, 'differences found');
    this.#counters.repairs += changes.length;
    const outcome = await deliverChanges(
      this.#rounds.roundContext(connection),
      changes,
      changes.length > 0 || !wasKnown,
    );
    if (outcome.kind === 'done') this.#stock.compared();
    this.#loop.checkOpen(connection);
    this.#rounds.settle(outcome, null);
  }

  /** Others have changed the switch: looks at what they touched, and puts it right. */
  async mend(connection: HostConnection): Promise<void> {
    const suspicion = this.#drift.take();
    if (suspicion.isEverything) {
      this.#audits.insist();
      return this.compare(connection, suspicion);
    }
    this.#loop.move('comparing', 'somebody else changed the switch');
    const done = await this.#context.comparisonTurn();
    try {
      this.#loop.checkOpen(connection);
      this.#counters.driftChecks += 1;
      const changes = await this.#stock.examine(connection.target, suspicion, this.#context.clock.nowMs());
      this.#loop.checkOpen(connection);
      if (changes !== null) return await this.#repair(connection, suspicion, changes);
    } catch (error) {
      this.#drift.putBack(suspicion, true);
      throw error;
    } finally {
      done();
    }
    this.#loop.move('idle', 'only a comparison of the whole can tell');
    this.#audits.insist();
  }

  async #repair(connection: HostConnection, suspicion: Suspicion, changes: readonly SwitchChange[]): Promise<void> {
    const isSentinelGone = touchesSentinel(suspicion);
    if (changes.length === 0 && !isSentinelGone) return this.#loop.move('idle', 'what was touched is as it should be');
    this.#log.warn(describeRepair(changes), 'somebody else changed the switch; it is put right');
    this.#counters.repairs += Math.max(1, changes.length);
    const outcome = await deliverChanges(this.#rounds.roundContext(connection), changes, isSentinelGone);
    this.#loop.checkOpen(connection);
    this.#rounds.settle(outcome, []);
  }
}
