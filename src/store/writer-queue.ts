/** Who writes next: a line before the database. */
import type { Clock } from '../base/clock.js';
import { WeftError } from '../base/errors.js';

interface Waiting {
  readonly enter: () => void;
  readonly cancel: () => void;
}

export interface WriterLimits {
  /** How many may be at work at a time. */
  readonly writers: number;
  /** The longest that one waits while others go ahead, in milliseconds. */
  readonly waitMs: number;
  /** The longest that one waits while none gets done, in milliseconds. */
  readonly stalledMs: number;
}

/**
 * Lets a limited number of writers in, in the order in which they came. Fewer than the pool has connections, so that readers always
 * find one, and a burst of writes waits here instead of being taken for a database that cannot be reached.
 */
export class WriterQueue {
  readonly #clock: Clock;
  readonly #limits: WriterLimits;
  readonly #waiting: Waiting[] = [];
  #free: number;
  #lastDoneMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, limits: WriterLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#free = limits.writers;
  }

  /**
   * Runs the work once there is room; `store_unavailable` if there is none in time. The work is given the time, on the clock,
   * from which to count: of the request, or of its admission if the line before it has moved all the while.
   */
  async run<T>(sinceMs: number, work: (sinceMs: number) => Promise<T>): Promise<T> {
    await this.#enter(sinceMs);
    try {
      const result = await work(this.#isMoving() ? this.#clock.nowMs() : sinceMs);
      this.#lastDoneMs = this.#clock.nowMs();
      return result;
    } catch (error) {
      // Refusals show as well that the database answers.
      if (error instanceof WeftError && error.entry.status < 500) this.#lastDoneMs = this.#clock.nowMs();
      throw error;
    } finally {
      this.#leave();
    }
  }

  #isMoving(): boolean {
    return this.#clock.nowMs() - this.#lastDoneMs < this.#limits.stalledMs / 2;
  }

  #enter(sinceMs: number): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      let cancel = (): void => undefined;
      const waiting: Waiting = { enter: resolve, cancel: () => cancel() };
      const look = (): void => {
        const nowMs = this.#clock.nowMs();
        const { waitMs, stalledMs } = this.#limits;
        const untilMs = Math.min(sinceMs + waitMs, Math.max(sinceMs, this.#lastDoneMs) + stalledMs);
        if (nowMs < untilMs) {
          cancel = this.#clock.after(untilMs - nowMs, look);
          return;
        }
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(new WeftError('store_unavailable', { detail: `${this.#waiting.length} other writes are waiting.` }));
      };
      this.#waiting.push(waiting);
      look();
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    next.cancel();
    next.enter();
  }
}
