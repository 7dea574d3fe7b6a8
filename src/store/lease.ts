/**
 * Leases: who may act for a name, with a term that grows each time the holder changes. The database's clock alone decides when
 * one has run out; the holder counts from before it asked, on its own monotonic clock, so it stops believing first. The term goes
 * into OpenFlow's generation id, and so the switch itself refuses a holder of the past.
 */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { Sessions } from './sessions.js';

export interface LeaseSettings {
  readonly name: string;
  /** Names this process, uniquely for each start. */
  readonly holder: string;
  /** How long the lease lasts without renewal, in milliseconds; it is renewed three times as often. */
  readonly ttlMs: number;
}

export interface LeaseEvents {
  /** The lease is ours, under this term; also called when the term was raised. */
  acquired(term: number): void;
  /** The lease is not ours any more, or may not be. */
  lost(): void;
  /** It had run out for a moment (see `isOurs`) and is held again, under the same term. */
  resumed(): void;
}

/** Where leases stand: one row for each name, with one clock for all that ask. */
export interface LeaseRows {
  /** Takes the lease if it is free, run out or the holder's already; null if another holds it. A new holder gets a new term. */
  acquire(settings: LeaseSettings): Promise<number | null>;
  /** Makes the term larger than `seen`, and larger than it is; null if the lease is not the holder's. */
  raise(settings: LeaseSettings, seen: number): Promise<number | null>;
  /** Lets the lease run out at once, if it is the holder's. */
  release(settings: LeaseSettings): Promise<void>;
}

const LONGEST_QUERY_MS = 1_000;

/** The rows in the database. */
export class DatabaseLeaseRows implements LeaseRows {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  async acquire(settings: LeaseSettings): Promise<number | null> {
    const { rows } = await this.#query(
      settings,
      `INSERT INTO leases AS l (name, holder, term, expires_at)
       VALUES ($1, $2, 1, clock_timestamp() + make_interval(secs => $3::float8 / 1000))
       ON CONFLICT (name) DO UPDATE
       SET holder = excluded.holder, expires_at = excluded.expires_at,
           term = CASE WHEN l.holder = excluded.holder THEN l.term ELSE l.term + 1 END
       WHERE l.holder = excluded.holder OR l.expires_at < clock_timestamp()
       RETURNING l.term::float8 AS term`,
      [settings.name, settings.holder, settings.ttlMs],
    );
    return termOf(rows);
  }

  async raise(settings: LeaseSettings, seen: number): Promise<number | null> {
    const { rows } = await this.#query(
      settings,
      `WITH raised AS (
         UPDATE leases SET term = greatest(term, $3) + 1
         WHERE name = $1 AND holder = $2 AND expires_at > clock_timestamp() RETURNING term)
       SELECT term::float8 AS term FROM raised`,
      [settings.name, settings.holder, seen],
    );
    return termOf(rows);
  }

  async release(settings: LeaseSettings): Promise<void> {
    const text = `UPDATE leases SET expires_at = '-infinity' WHERE name = $1 AND holder = $2`;
    await this.#query(settings, text, [settings.name, settings.holder]);
  }

  /** One that is not answered in time for the next is given up: a later one may get through where this one waits. */
  #query({ ttlMs }: LeaseSettings, text: string, values: unknown[]): Promise<{ rows: Record<string, unknown>[] }> {
    const withinMs = Math.min(LONGEST_QUERY_MS, ttlMs);
    return this.#sessions.run('lease', { withinMs }, session => session.query(text, values));
  }
}

function termOf(rows: readonly Record<string, unknown>[]): number | null {
  const term = rows[0]?.['term'];
  return term === undefined ? null : Number(term);
}

export class Lease {
  readonly #rows: LeaseRows;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #settings: LeaseSettings;
  readonly #events: LeaseEvents;
  #term: number | null = null;
  /** A switch has seen this term, or refused ours: only a larger one is of use. */
  #mustExceed = 0;
  #validUntilMs = 0;
  /** It has run out, and is asked for once more before it is given up; Clock.nowMs() since when. */
  #lateSinceMs: number | null = null;
  #isAsking = false;
  #cancelRound: (() => void) | null = null;
  #cancelExpiry: (() => void) | null = null;
  #round: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(rows: LeaseRows, clock: Clock, log: Logger, settings: LeaseSettings, events: LeaseEvents) {
    this.#rows = rows;
    this.#clock = clock;
    this.#log = log;
    this.#settings = settings;
    this.#events = events;
  }

  /** The term under which the lease is held now; null while it is not. */
  get term(): number | null {
    return this.#clock.nowMs() < this.#validUntilMs ? this.#term : null;
  }

  /** It is held, or has run out and is asked for once more before it is given up: `lost` was not told since `acquired`. */
  get isOurs(): boolean {
    return this.#term !== null;
  }

  /** Begins to ask for the lease and to renew it. Resolves after the first attempt. */
  start(): Promise<void> {
    this.#round = this.#attempt();
    return this.#round;
  }

  async #attempt(): Promise<void> {
    const askedMs = this.#clock.nowMs();
    this.#isAsking = true;
    try {
      const term = await this.#rows.acquire(this.#settings);
      if (term === null) this.#setLost('another holds it');
      else {
        this.#setHeld(term, askedMs);
        // It could not be raised, or the database was restored since: nobody asks again, as the switches wait for another term.
        if (term <= this.#mustExceed) await this.raiseTermAbove(this.#mustExceed);
      }
    } catch (error) {
      // The lease may be ours still: it runs out by our own clock unless a later round renews it.
      this.#log.warn({ err: error, lease: this.#settings.name }, 'the lease could not be renewed');
      if (this.#lateSinceMs !== null) this.#setLost('it ran out');
    }
    this.#isAsking = false;
    if (this.#stopped) return;
    this.#cancelRound = this.#clock.after(this.#untilNextMs(), () => {
      this.#round = this.#attempt();
    });
  }

  /** It lasts from when it was asked for: where the answer took long, little is left, and the next round comes well before its end. */
  #untilNextMs(): number {
    if (this.#lateSinceMs !== null) return 0;
    const usualMs = this.#settings.ttlMs / 3;
    const leftMs = this.#validUntilMs - this.#clock.nowMs();
    return this.#term === null || leftMs <= 0 ? usualMs : Math.min(usualMs, leftMs / 2);
  }

  #setHeld(term: number, askedMs: number): void {
    const changed = this.#term !== term;
    this.#term = term;
    this.#validUntilMs = askedMs + this.#settings.ttlMs;
    this.#cancelExpiry?.();
    const leftMs = this.#validUntilMs - this.#clock.nowMs();
    const isResumed = leftMs > 0 && this.#lateSinceMs !== null;
    if (leftMs > 0) this.#lateSinceMs = null;
    this.#cancelExpiry = this.#clock.after(Math.max(0, leftMs), () => this.#ranOut());
    if (!changed && isResumed) {
      this.#log.warn(
        { lease: this.#settings.name, term },
        'the lease had run out for a moment: nobody else has asked for it',
      );
      this.#events.resumed();
    }
    if (!changed) return;
    this.#log.info({ lease: this.#settings.name, term }, 'lease acquired');
    this.#events.acquired(term);
  }

  /**
   * A process that was busy finds this timer before the answer that has long come, or has asked too late although nobody else wanted the
   * lease. To give it up is to begin anew with every hypervisor, for which the next one may be late as well: so it is asked for once
   * more at once, and given up when that fails or takes as long again. `term` is null meanwhile; what is still sent to a switch
   * goes by the old term, which the switch itself refuses once it has heard of another holder.
   */
  #ranOut(): void {
    this.#cancelExpiry = null;
    const nowMs = this.#clock.nowMs();
    this.#lateSinceMs ??= nowMs;
    if (nowMs - this.#lateSinceMs >= this.#settings.ttlMs) return this.#setLost('it ran out');
    this.#cancelExpiry = this.#clock.after(this.#lateSinceMs + this.#settings.ttlMs - nowMs, () => this.#ranOut());
    if (this.#isAsking || this.#stopped) return;
    this.#cancelRound?.();
    this.#round = this.#attempt();
  }

  #setLost(reason: string): void {
    this.#cancelExpiry?.();
    this.#cancelExpiry = null;
    this.#lateSinceMs = null;
    if (this.#term === null) return;
    this.#term = null;
    this.#validUntilMs = 0;
    // Giving it back at the end is no fault.
    const level = reason === 'stopped' ? 'info' : 'warn';
    this.#log[level]({ lease: this.#settings.name, reason }, 'lease lost');
    this.#events.lost();
  }

  /**
   * Raises the term above a value that a switch has seen, from a database that was since restored. Null if the lease is not ours. What
   * fails is tried again with each renewal.
   */
  async raiseTermAbove(seen: number): Promise<number | null> {
    const askedMs = this.#clock.nowMs();
    this.#mustExceed = Math.max(this.#mustExceed, seen, this.#term ?? 0);
    const term = await this.#rows.raise(this.#settings, seen);
    if (term === null) return null;
    if (this.term !== null) this.#setHeld(term, Math.min(askedMs, this.#validUntilMs - this.#settings.ttlMs));
    return term;
  }

  /** Gives the lease up at once, so that another need not wait for it to run out. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRound?.();
    await this.#round;
    this.#cancelRound?.();
    this.#setLost('stopped');
    await this.#rows.release(this.#settings);
  }
}
