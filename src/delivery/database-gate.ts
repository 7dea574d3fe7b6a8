/** Rows first: flows wait for a host's database that is being brought into order, but not for long. */
import type { Clock } from '../base/clock.js';
import type { DatabaseState } from './reconciler-context.js';

/** A database that does not get ready must not keep flows from a switch that works, in milliseconds. */
const boundMs = 2_000;

export class DatabaseGate {
  readonly #clock: Clock;
  #boundAtMs = Infinity;
  #problem: string | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is not as it should be with the database; null when all is well. */
  get problem(): string | null {
    return this.#problem;
  }

  /** A new connection: the wait begins anew. */
  reset(): void {
    this.#boundAtMs = Infinity;
  }

  /** Null: go on. Otherwise Clock.nowMs() until which flows wait at most. */
  waitUntilMs(database: DatabaseState): number | null {
    this.#problem = database.kind === 'ready' ? null : database.reason;
    if (database.kind !== 'working') {
      this.#boundAtMs = Infinity;
      return null;
    }
    const nowMs = this.#clock.nowMs();
    if (this.#boundAtMs === Infinity) this.#boundAtMs = nowMs + boundMs;
    return nowMs < this.#boundAtMs ? this.#boundAtMs : null;
  }
}
