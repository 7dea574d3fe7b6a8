/** Write transactions: the operations of a caller, run under locks, written together and committed as one revision. */
import type { Clock } from '../base/clock.js';
import { WeftError } from '../base/errors.js';
import type { CommonRow, Kind, RowOf } from '../model/index.js';
import { isWritable, type WritableKind } from '../model/kinds.js';
import { AllocationMemory } from './allocation-memory.js';
import { affectedBy, readEvidence, settleBindings } from './bindings.js';
import { AllocationCollision, type Claim } from './claims.js';
import { commitRevision, type Head, lockHead } from './commit.js';
import { type CommittedRevision, describeCommit } from './committed-revision.js';
import type { Behaviour } from './nouns/behaviour.js';
import { type Behaviours, makeBehaviours } from './nouns/index.js';
import { settlePeers } from './nouns/logical-router-port.js';
import { settleCompanions } from './nouns/neutron-object.js';
import type { Quotas } from './quotas.js';
import type { DatabaseSession, Sessions } from './sessions.js';
import { isCollision, isConnectionLoss, translateDatabaseError } from './sql-errors.js';
import { UnitOfWork } from './unit-of-work.js';
import { type WriteContext, WriteOperations } from './write-operations.js';
import { WriterQueue } from './writer-queue.js';

export interface WriteResult<T> {
  /** The revision that the write made; the current one if it changed nothing. */
  readonly revision: number;
  readonly result: T;
}

/** What an inner writer gets beside the operations: the rows, and the iface-ids whose claims it has touched. */
export interface WriteScope {
  readonly operations: WriteOperations;
  readonly unit: UnitOfWork;
  readonly claimedTexts: Set<string>;
}

const MAX_ATTEMPTS = 8;
/** A connection that broke while nobody used it says so to the next who does. */
const MAX_CONNECTION_LOSSES = 3;

const WRITE_WITHIN_MS = 5_000;
/** What a large one may take longer, for each row that it has read or changed. */
const WITHIN_MS_A_ROW = 2;
const QUEUE_WAIT_MS = 30_000;

export interface TransactionSettings {
  readonly underlayMtu: number;
  /** Whether an interface may claim a port by its name. */
  readonly acceptNames: boolean;
  /** Null where nobody is authenticated: nothing is counted then. */
  readonly quotas: Quotas | null;
  /** How many transactions may write at a time. */
  readonly writers: number;
  /** Milliseconds within which a write is answered, whatever the database does; default 5,000. */
  readonly writeWithinMs?: number;
}

export interface WriteOptions {
  /** How many rows the work is going to read or change, where that is many: it is given more time. */
  readonly rows?: number;
}

export class Transactions {
  readonly #sessions: Sessions;
  readonly #clock: Clock;
  readonly #settings: TransactionSettings;
  readonly #withinMs: number;
  readonly #behaviours: Behaviours;
  readonly #memory = new AllocationMemory();
  readonly #queue: WriterQueue;
  readonly #afterCommit: (committed: CommittedRevision) => void;

  constructor(
    sessions: Sessions,
    clock: Clock,
    settings: TransactionSettings,
    afterCommit: (committed: CommittedRevision) => void,
  ) {
    this.#sessions = sessions;
    this.#clock = clock;
    this.#settings = settings;
    const { writers, writeWithinMs = WRITE_WITHIN_MS } = settings;
    this.#withinMs = writeWithinMs;
    this.#queue = new WriterQueue(clock, { writers, waitMs: QUEUE_WAIT_MS, stalledMs: writeWithinMs });
    this.#behaviours = makeBehaviours(settings.underlayMtu);
    this.#afterCommit = afterCommit;
  }

  /**
   * Runs `work` in one transaction and commits what it changed as one revision. It runs again, from the start, when it lost
   * against a concurrent writer: it must have no effect but through what it is given.
   */
  write<T>(
    context: WriteContext,
    work: (scope: WriteScope) => Promise<T>,
    options: WriteOptions = {},
  ): Promise<WriteResult<T>> {
    const allowedMs = this.#withinMs + WITHIN_MS_A_ROW * (options.rows ?? 0);
    return this.#queue.run(this.#clock.nowMs(), sinceMs => this.#persist(context, work, sinceMs + allowedMs));
  }

  async #persist<T>(
    context: WriteContext,
    work: (scope: WriteScope) => Promise<T>,
    untilMs: number,
  ): Promise<WriteResult<T>> {
    let losses = 0;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(context, work, untilMs);
      } catch (error) {
        const cause = error instanceof WeftError ? error.cause : error;
        const isLoss = error instanceof WeftError && error.code === 'store_unavailable' && isConnectionLoss(cause);
        if (isLoss) losses += 1;
        else if (!isCollision(error) && !(error instanceof AllocationCollision)) throw error;
        if (losses === MAX_CONNECTION_LOSSES || (isLoss && this.#clock.nowMs() >= untilMs)) throw error;
        if (attempt === MAX_ATTEMPTS || this.#clock.nowMs() >= untilMs)
          throw new WeftError('write_conflict', { detail: `It was tried ${attempt} times.`, cause: error });
        await new Promise<void>(resolve => this.#clock.after(Math.random() * 5 * attempt, resolve));
      }
    }
  }

  async #attempt<T>(
    context: WriteContext,
    work: (scope: WriteScope) => Promise<T>,
    untilMs: number,
  ): Promise<WriteResult<T>> {
    let committing = false;
    try {
      return await this.#sessions.run(
        'write',
        { withinMs: Math.max(0, untilMs - this.#clock.nowMs()) },
        async session => {
          try {
            return await this.#transact(session, context, work, () => {
              committing = true;
            });
          } catch (error) {
            // The session may be the very thing that broke; then the server rolls back by itself.
            await session.query('ROLLBACK').catch(() => undefined);
            throw error;
          }
        },
      );
    } catch (error) {
      throw translateDatabaseError(error, committing);
    }
  }

  async #transact<T>(
    session: DatabaseSession,
    context: WriteContext,
    work: (scope: WriteScope) => Promise<T>,
    onCommit: () => void,
  ): Promise<WriteResult<T>> {
    // Sent together with the first queries of the work.
    const begun = session.query('BEGIN');
    const now = this.#clock.wallTime().toISOString();
    const unit = new UnitOfWork(session, this.#memory, now, context, this.#claimsOf);
    const operations = new WriteOperations(unit, this.#behaviours, context);
    const scope: WriteScope = { operations, unit, claimedTexts: new Set() };
    const { result, head } = await this.#perform(scope, work, begun);
    const changes = unit.changes();
    if (head === null || changes.length === 0) {
      const [{ rows }] = await Promise.all([
        session.query('SELECT revision::float8 AS revision FROM store_head WHERE id = $1', [1]),
        session.query('COMMIT'),
      ]);
      return { revision: Number(rows[0]?.['revision']), result };
    }
    onCommit();
    const committed = await commitRevision(session, head, changes, context, now, this.#settings.quotas);
    this.#afterCommit(describeCommit(head, committed, changes, context, now));
    return { revision: committed.revision, result };
  }

  /** Does the work up to the lock of the head. What it is refused with tells a tenant nothing of others. */
  async #perform<T>(
    scope: WriteScope,
    work: (scope: WriteScope) => Promise<T>,
    begun: Promise<unknown>,
  ): Promise<{ readonly result: T; readonly head: Head | null }> {
    try {
      const result = await work(scope);
      await blamed(scope.unit, settlePeers(scope.unit));
      await settleCompanions(scope.unit);
      await begun;
      return { result, head: await this.#settle(scope) };
    } catch (error) {
      throw await scope.operations.censored(error);
    }
  }

  /**
   * Writes the claims, takes the lock of the head and brings the bindings up to date, as far as all that concerns the transaction.
   * Null if nothing is changed.
   */
  async #settle(scope: WriteScope): Promise<Head | null> {
    const { unit, claimedTexts } = scope;
    await this.#forgetRefused(unit, claimedTexts);
    const affected = affectedBy(unit, claimedTexts);
    if (affected === null && unit.changes().length === 0) return null;
    // All in one round trip, in this order: the lock of the head is the last, and what is read under it comes after.
    const [, , head, evidence] = await Promise.all([
      unit.claims.flush(),
      unit.allocator.flush(),
      lockHead(unit.session),
      affected === null ? null : readEvidence(unit, affected),
    ]);
    if (affected !== null && evidence !== null)
      await settleBindings(unit, affected, evidence, this.#settings.acceptNames);
    return head;
  }

  /** What a hypervisor claims is forgotten when it is no longer allowed. */
  async #forgetRefused(unit: UnitOfWork, claimedTexts: Set<string>): Promise<void> {
    const refused = unit.changesOf('hypervisors').filter(({ after }) => after !== null && !after.allowed);
    if (refused.length === 0) return;
    const { rows } = await unit.session.query(
      'DELETE FROM interface_claims WHERE hypervisor_id = ANY($1::uuid[]) RETURNING iface_id',
      [refused.map(({ id }) => id)],
    );
    for (const row of rows) claimedTexts.add(String(row['iface_id']));
  }

  readonly #claimsOf = (kind: Kind, row: CommonRow): readonly Claim[] => {
    if (!isWritable(kind)) return [];
    const behaviour = this.#behaviours[kind] as unknown as Behaviour<WritableKind>;
    return behaviour.claims(row as RowOf<WritableKind> & RowOf<never>);
  };
}

/** An error of what is settled at the end names the operation that is to blame. */
async function blamed(unit: UnitOfWork, settling: Promise<void>): Promise<void> {
  try {
    await settling;
  } catch (error) {
    throw error instanceof WeftError ? error.within('', unit.operation) : error;
  }
}
