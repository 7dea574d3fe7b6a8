/** How many requests a token may send: a bucket that fills at the rate and holds two seconds of it. */
import type { Clock } from '../../src/base/clock.js';

interface Bucket {
  requests: number;
  atMs: number;
}

/** Buckets kept: of whoever has asked last. One that is left alone for two seconds is full, and needs no keeping. */
const mostBuckets = 10_000;

export class RateLimit {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #most: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#most = perSecond * 2;
  }

  /** Takes one request of the subject; returns in how many seconds to come again where there is none left, else 0. */
  take(subject: string): number {
    const atMs = this.#clock.nowMs();
    const filled = this.#filled(subject, atMs);
    // The last who asked is at the end.
    this.#buckets.delete(subject);
    if (this.#buckets.size >= mostBuckets) this.#forgetOldest();
    // One that is refused takes nothing: else who asks too often would never be served again.
    this.#buckets.set(subject, { requests: filled >= 1 ? filled - 1 : filled, atMs });
    return this.#secondsUntilOne(filled);
  }

  /** The same without taking one. */
  wait(subject: string): number {
    return this.#secondsUntilOne(this.#filled(subject, this.#clock.nowMs()));
  }

  #filled(subject: string, atMs: number): number {
    const bucket = this.#buckets.get(subject);
    if (bucket === undefined) return this.#most;
    return Math.min(this.#most, bucket.requests + ((atMs - bucket.atMs) / 1_000) * this.#perSecond);
  }

  #secondsUntilOne(filled: number): number {
    return filled >= 1 ? 0 : Math.ceil((1 - filled) / this.#perSecond);
  }

  #forgetOldest(): void {
    for (const subject of this.#buckets.keys()) {
      this.#buckets.delete(subject);
      return;
    }
  }
}
