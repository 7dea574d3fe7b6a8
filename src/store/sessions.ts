/**
 * Sessions of the database, each borrowed from the pool for one piece of work and for a bounded time. A database that does not
 * answer is left: its socket is destroyed, so that whoever waits gets an error in time and nobody is ever given an answer that
 * belongs to another query. Statements are sent without waiting for the answers of those before, together where that can be
 * (statement-batch.ts), and each text is prepared once on a connection.
 */
import type pg from 'pg';
import type { Clock } from '../base/clock.js';
import { DatabaseWorkCounts, type MutableWork, type Purpose } from './database-work.js';
import type { Session } from './sql.js';
import { isConnectTimeout, isFollowingFailure } from './sql-errors.js';
import { PreparedStatements, type Statement, StatementBatch, type StatementResult } from './statement-batch.js';

/** How long a piece of work may take. */
export interface TimeLimit {
  /** Milliseconds until it is given up, the wait for a connection included; an answer that came in time still counts. */
  readonly withinMs: number;
  /** Milliseconds without a byte from the database, while it owes an answer, until it is given up; default: none. */
  readonly silenceMs?: number;
}

/** However long the work may take, its connection must be there by then. */
const BORROW_WITHIN_MS = 5_000;

/** The database did not answer in time. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly code = 'ETIMEDOUT';
}

/**
 * A borrowed connection. What is asked within one turn of the event loop is sent together, and answered in that order. A query whose
 * failure nobody awaits is not an unhandled one.
 */
export class DatabaseSession implements Session {
  readonly #client: pg.PoolClient;
  readonly #prepared: PreparedStatements;
  readonly #work: MutableWork;
  #owed = 0;
  #answers = 0;
  /** What is to be sent at the end of this turn. */
  #batch: StatementBatch | null = null;
  #firstFailure: unknown = null;
  #isOver = false;

  constructor(client: pg.PoolClient, prepared: PreparedStatements, work: MutableWork) {
    this.#client = client;
    this.#prepared = prepared;
    this.#work = work;
  }

  /** How many queries have no answer yet. */
  get owed(): number {
    return this.#owed;
  }

  /** Grows with all that comes from the database. */
  get progress(): number {
    const { stream } = this.#client.connection;
    return this.#answers + ('bytesRead' in stream && typeof stream.bytesRead === 'number' ? stream.bytesRead : 0);
  }

  query(query: { text: string; values?: unknown[]; rowMode: 'array' }): Promise<{ rows: unknown[][] }>;
  query(
    text: string,
    values?: unknown[],
  ): Promise<{ command: string; rows: Record<string, unknown>[]; rowCount: number | null }>;
  query(query: string | { text: string; values?: unknown[]; rowMode: 'array' }, values?: unknown[]): Promise<unknown> {
    if (typeof query === 'string')
      return this.#send({ text: query, values: values ?? [], rowMode: 'object', isKept: values !== undefined });
    return this.#send({ ...query, values: query.values ?? [], isKept: query.values !== undefined });
  }

  /** A statement whose text is made for the occasion, which is not worth to be remembered. */
  queryOnce(text: string, values: unknown[]): Promise<{ rows: unknown[][] }> {
    return this.#send({ text, values, rowMode: 'array', isKept: false }) as Promise<{ rows: unknown[][] }>;
  }

  /** The work is over: whoever has kept the session would ask within the transaction of the next who borrows the connection. */
  end(): void {
    this.#isOver = true;
  }

  #send(statement: Statement): Promise<StatementResult> {
    this.#owed += 1;
    this.#work.statements += 1;
    const counted = this.#add(statement).then(
      result => {
        this.#answered();
        this.#work.rows += result.rows.length;
        return result;
      },
      (error: unknown) => {
        this.#answered();
        throw this.#causeOf(error);
      },
    );
    // Of several sent together only one may be awaited when it fails.
    counted.catch(() => undefined);
    return counted;
  }

  async #add(statement: Statement): Promise<StatementResult> {
    if (this.#isOver) throw new Error(`a query after the end of its session: ${statement.text}`);
    return this.#openBatch().add(statement);
  }

  /** Something is gathered that was not sent yet. */
  get hasUnsent(): boolean {
    return this.#batch !== null;
  }

  /** What is being gathered; it is sent when whoever is at work now has nothing more to say. */
  #openBatch(): StatementBatch {
    if (this.#batch !== null) return this.#batch;
    const batch = new StatementBatch(this.#prepared);
    this.#batch = batch;
    this.#work.roundTrips += 1;
    // The tick comes after all promises that are settled by now have told those who wait for them.
    queueMicrotask(() =>
      process.nextTick(() => {
        this.#batch = null;
        this.#client.query(batch);
      }),
    );
    return batch;
  }

  #answered(): void {
    this.#owed -= 1;
    this.#answers += 1;
  }

  /** What was sent behind a query that failed is refused because of it: each tells of the one that is to blame. */
  #causeOf(error: unknown): unknown {
    if (isFollowingFailure(error)) return this.#firstFailure ?? error;
    this.#firstFailure ??= error;
    return error;
  }
}

/** Ends the work when its time is over. */
class Watchdog {
  #cancel: () => void = () => undefined;
  #over = false;

  constructor(
    private readonly clock: Clock,
    private readonly untilMs: number,
    private readonly silenceMs: number,
    private readonly session: DatabaseSession,
    private readonly expire: (reason: string) => void,
  ) {
    this.#watch(clock.nowMs(), -1);
  }

  #watch(sinceMs: number, seen: number): void {
    const dueMs = Math.min(this.untilMs, sinceMs + this.silenceMs);
    this.#cancel = this.clock.after(Math.max(0, dueMs - this.clock.nowMs()), () => {
      // A process that was busy itself finds the timer before the answer that has long arrived: look at the socket first.
      setImmediate(() => setImmediate(() => this.#look(seen)));
    });
  }

  #look(seen: number): void {
    if (this.#over) return;
    const nowMs = this.clock.nowMs();
    const { progress, owed } = this.session;
    if (nowMs >= this.untilMs) this.expire('no answer in time');
    else if (owed > 0 && progress === seen) this.expire(`no answer for ${this.silenceMs} ms`);
    else this.#watch(nowMs, progress);
  }

  stop(): void {
    this.#over = true;
    this.#cancel();
  }
}

/** Of a connection. */
interface Birth {
  /** When it was first seen here. */
  readonly atMs: number;
  readonly prepared: PreparedStatements;
}

export class Sessions {
  readonly #pool: pg.Pool;
  readonly #clock: Clock;
  readonly #isEmbedded: boolean;
  /** What was asked of the database through these sessions. */
  readonly work = new DatabaseWorkCounts();
  readonly #born = new WeakMap<pg.PoolClient, Birth>();
  #made = 0;
  /** Connections older than this may lead to the same silence as the one that was given up then. */
  #suspectBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(pool: pg.Pool, clock: Clock, isEmbedded: boolean) {
    this.#pool = pool;
    this.#clock = clock;
    this.#isEmbedded = isEmbedded;
  }

  /** Borrows a session for the work, which is counted under the purpose. Rejects with what the driver reports, or `NoAnswer`. */
  async run<T>(purpose: Purpose, limit: TimeLimit, work: (session: DatabaseSession) => Promise<T>): Promise<T> {
    const nowMs = this.#clock.nowMs();
    const untilMs = nowMs + limit.withinMs;
    const client = await this.#borrow(Math.min(untilMs, nowMs + BORROW_WITHIN_MS));
    const session = new DatabaseSession(client, this.#birth(client).prepared, this.work.of(purpose));
    // The queries report what breaks the connection; without a listener it would end the process as well.
    const ignore = (): void => undefined;
    client.on('error', ignore);
    let isSpoilt = false;
    const watchdog = new Watchdog(
      this.#clock,
      untilMs,
      limit.silenceMs ?? Number.POSITIVE_INFINITY,
      session,
      reason => {
        isSpoilt = true;
        this.#suspectBeforeMs = this.#clock.nowMs();
        client.connection.stream.destroy(new NoAnswer(`The database gave ${reason}.`));
      },
    );
    try {
      return await work(session);
    } finally {
      watchdog.stop();
      client.off('error', ignore);
      session.end();
      // What is still to be sent would go out behind the end of the work.
      client.release(isSpoilt || session.hasUnsent);
    }
  }

  async #borrow(untilMs: number): Promise<pg.PoolClient> {
    for (;;) {
      try {
        const client = await this.#connect(untilMs);
        if (this.#birth(client).atMs >= this.#suspectBeforeMs) return client;
        client.release(true);
      } catch (error) {
        // Another attempt sends a fresh packet, which a network that came back meanwhile answers at once.
        if (!isConnectTimeout(error) || this.#clock.nowMs() >= untilMs) throw error;
      }
    }
  }

  #connect(untilMs: number): Promise<pg.PoolClient> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const cancel = this.#clock.after(Math.max(0, untilMs - this.#clock.nowMs()), () => {
        isLate = true;
        reject(new NoAnswer('No connection to the database in time.'));
      });
      this.#pool.connect().then(
        client => {
          cancel();
          if (isLate) client.release();
          else resolve(client);
        },
        (error: unknown) => {
          cancel();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }

  #birth(client: pg.PoolClient): Birth {
    let birth = this.#born.get(client);
    if (birth === undefined) {
      this.#made += 1;
      // The embedded database has one session for all its connections, and so one set of names.
      const prepared = new PreparedStatements(this.#isEmbedded ? `_${this.#made}` : '');
      birth = { atMs: this.#clock.nowMs(), prepared };
      this.#born.set(client, birth);
    }
    return birth;
  }
}
