/** Write transactions: the operations of a caller, run under locks, written together and committed as one revision. */
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import type { Clock } from '../base/clock.js';
import { WeftError } from '../base/errors.js';
import type { CommonRow, Kind, RowOf } from '../model/index.js';
import { Admission } from './admission.js';
import { NumberBlocks } from './allocation.js';
import { affectedBy, settleBindings } from './bindings.js';
import { AllocationCollision, type Claim } from './claims.js';
import { commitRevision, lockHead } from './commit.js';
import type { Behaviour } from './nouns/behaviour.js';
import { type Behaviours, makeBehaviours, type WritableKind } from './nouns/index.js';
import { settlePeers } from './nouns/logical-router-port.js';
import type { Session } from './sql.js';
import { isCollision, translateDatabaseError } from './sql-errors.js';
import { UnitOfWork } from './unit-of-work.js';
import { type WriteContext, WriteOperations } from './write-operations.js';

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
const ADMISSION_TIMEOUT_MS = 30_000;

export interface TransactionSettings {
  readonly underlayMtu: number;
  /** Whether an interface may claim a port by its name. */
  readonly acceptNames: boolean;
  /** How many transactions may write at a time. */
  readonly writers: number;
}

export class Transactions {
  readonly #dataSource: DataSource;
  readonly #clock: Clock;
  readonly #settings: TransactionSettings;
  readonly #behaviours: Behaviours;
  readonly #numbers = new NumberBlocks();
  readonly #admission: Admission;
  readonly #afterCommit: (revision: number) => void;

  constructor(
    dataSource: DataSource,
    clock: Clock,
    settings: TransactionSettings,
    afterCommit: (revision: number) => void,
  ) {
    this.#dataSource = dataSource;
    this.#clock = clock;
    this.#settings = settings;
    this.#admission = new Admission(settings.writers, ADMISSION_TIMEOUT_MS);
    this.#behaviours = makeBehaviours(settings.underlayMtu);
    this.#afterCommit = afterCommit;
  }

  /**
   * Runs `work` in one transaction and commits what it changed as one revision. It runs again, from the start, when it lost
   * against a concurrent writer: it must have no effect but through what it is given.
   */
  async write<T>(context: WriteContext, work: (scope: WriteScope) => Promise<T>): Promise<WriteResult<T>> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#admission.run(() => this.#attempt(context, work));
      } catch (error) {
        if (!isCollision(error) && !(error instanceof AllocationCollision)) throw error;
        if (attempt === MAX_ATTEMPTS)
          throw new WeftError('write_conflict', { detail: `It was tried ${attempt} times.`, cause: error });
        await delay(Math.random() * 5 * attempt);
      }
    }
  }

  async #attempt<T>(context: WriteContext, work: (scope: WriteScope) => Promise<T>): Promise<WriteResult<T>> {
    const queryRunner = this.#dataSource.createQueryRunner();
    let committing = false;
    let session: Session | null = null;
    try {
      session = (await queryRunner.connect()) as pg.PoolClient;
      await session.query('BEGIN');
      const now = this.#clock.wallTime().toISOString();
      const unit = new UnitOfWork(session, this.#numbers, now, context.projectId, this.#claimsOf);
      const scope: WriteScope = {
        operations: new WriteOperations(unit, this.#behaviours, context),
        unit,
        claimedTexts: new Set(),
      };
      const result = await work(scope);
      await blamed(unit, settlePeers(unit));
      const revision = await this.#finish(scope, context, () => {
        committing = true;
      });
      return { revision, result };
    } catch (error) {
      // The session may be the very thing that broke; then the server rolls back by itself.
      await session?.query('ROLLBACK').catch(() => undefined);
      throw translateDatabaseError(error, committing);
    } finally {
      await queryRunner.release();
    }
  }

  async #finish({ unit, claimedTexts }: WriteScope, context: WriteContext, onCommit: () => void): Promise<number> {
    await this.#forgetRefused(unit, claimedTexts);
    await unit.claims.flush();
    await unit.allocator.flush();
    const affected = affectedBy(unit, claimedTexts);
    if (affected.texts.size > 0) {
      await lockHead(unit.session);
      await settleBindings(unit, affected, this.#settings.acceptNames);
    }
    const changes = unit.changes();
    if (changes.length === 0) {
      const { rows } = await unit.session.query('SELECT revision::float8 AS revision FROM store_head WHERE id = 1');
      onCommit();
      await unit.session.query('COMMIT');
      return Number(rows[0]?.['revision']);
    }
    onCommit();
    const revision = await commitRevision(unit.session, changes, context, unit.now);
    for (const { after } of changes) if (after !== null) setRevision(after, revision);
    this.#afterCommit(revision);
    return revision;
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
    if (kind === 'port-bindings') return [];
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

/** Rows handed to the caller before the commit learn their revision by it; nobody else has them yet. */
function setRevision(row: CommonRow, revision: number): void {
  (row as { -readonly [K in keyof CommonRow]: CommonRow[K] }).revision = revision;
}
