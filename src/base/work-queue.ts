import type { Clock } from './clock.js';

/** Delays between attempts for one failing key, in milliseconds: doubling from `firstMs` up to `maxMs`. */
export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

const DEFAULT_BACKOFF: Backoff = { firstMs: 50, maxMs: 30_000 };

/**
 * A queue of keys, not of events: a key that is added many times while it waits is handed out once, and one that is added
 * while it is being worked on is handed out again after `done`, never to two workers at a time. The worker reads the newest
 * state when it gets there, so memory is bounded by the number of keys (after the work queue of client-go).
 *
 *        add                 take                   done
 *   ──────────► waiting ──────────► processing ──────────► gone
 *                  ▲                     │ add meanwhile
 *                  └──── done ◄──────── dirty
 */
export class WorkQueue<K> {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #waiting = new Set<K>();
  readonly #processing = new Set<K>();
  readonly #dirty = new Set<K>();
  readonly #failures = new Map<K, number>();
  readonly #timers = new Map<K, { readonly dueMs: number; readonly cancel: () => void }>();
  readonly #takers: ((key: K | undefined) => void)[] = [];
  #closed = false;

  constructor(clock: Clock, backoff: Backoff = DEFAULT_BACKOFF) {
    this.#clock = clock;
    this.#backoff = backoff;
  }

  /** Keys that wait for a worker now; delayed ones and those being worked on are not counted. */
  get length(): number {
    return this.#waiting.size;
  }

  /** True when nothing waits, nothing is delayed and nothing is being worked on. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#processing.size === 0 && this.#timers.size === 0;
  }

  add(key: K): void {
    if (this.#closed) return;
    this.#cancelTimer(key);
    if (this.#processing.has(key)) {
      this.#dirty.add(key);
      return;
    }
    const taker = this.#waiting.has(key) ? undefined : this.#takers.shift();
    if (taker === undefined) {
      this.#waiting.add(key);
      return;
    }
    this.#processing.add(key);
    taker(key);
  }

  /** Adds the key once `delayMs` have passed, unless it is added before; of two delays the earlier one stays. */
  addAfter(key: K, delayMs: number): void {
    if (this.#closed || this.#waiting.has(key)) return;
    const dueMs = this.#clock.nowMs() + delayMs;
    const planned = this.#timers.get(key);
    if (planned !== undefined && planned.dueMs <= dueMs) return;
    planned?.cancel();
    const cancel = this.#clock.after(delayMs, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { dueMs, cancel });
  }

  /** Adds the key after a delay that doubles with each failure in a row; `forget` starts anew. Returns the delay in milliseconds. */
  addRateLimited(key: K): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const delayMs = Math.min(this.#backoff.maxMs, this.#backoff.firstMs * 2 ** Math.min(failures, 30));
    this.addAfter(key, delayMs);
    return delayMs;
  }

  /** How often in a row `addRateLimited` was called for the key. */
  failuresOf(key: K): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Ends the count of failures of the key: its work succeeded, or the key is gone. */
  forget(key: K): void {
    this.#failures.delete(key);
  }

  /** The next key, which stays with the caller until `done`; `undefined` once the queue is closed. */
  take(): Promise<K | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    for (const key of this.#waiting) {
      this.#waiting.delete(key);
      this.#processing.add(key);
      return Promise.resolve(key);
    }
    return new Promise(resolve => this.#takers.push(resolve));
  }

  /** The caller has finished with a key it took; it is handed out again if it was added meanwhile. */
  done(key: K): void {
    this.#processing.delete(key);
    if (this.#dirty.delete(key)) this.add(key);
  }

  /** Refuses further keys, drops those that wait and releases every waiting worker. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#waiting.clear();
    this.#dirty.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #cancelTimer(key: K): void {
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
  }
}
