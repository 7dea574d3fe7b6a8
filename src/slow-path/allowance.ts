/** How many packets of each port and class are answered: a bucket of tokens for each that sends some. And what many share fairly. */
import type { Clock } from '../base/clock.js';

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
  readonly rate: Rate;
}

/** Buckets that are full again are forgotten when there are so many: all are looked at for that, so not for everybody who is new. */
const mostBuckets = 16_384;
const forgetEveryMs = 1_000;

export class Allowances {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();
  #forgotAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether `key` may have one more now. */
  take(key: string, rate: Rate): boolean {
    const nowMs = this.#clock.nowMs();
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= mostBuckets) this.#forgetFull(nowMs);
      if (this.#buckets.size >= mostBuckets) return false;
      this.#buckets.set(key, (bucket = { tokens: rate.burst, atMs: nowMs, rate }));
    }
    bucket.tokens = filled(bucket, nowMs);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #forgetFull(nowMs: number): void {
    if (nowMs - this.#forgotAtMs < forgetEveryMs) return;
    this.#forgotAtMs = nowMs;
    for (const [key, bucket] of this.#buckets)
      if (filled(bucket, nowMs) >= bucket.rate.burst) this.#buckets.delete(key);
  }
}

function filled({ tokens, atMs, rate }: Bucket, nowMs: number): number {
  return Math.min(rate.burst, tokens + ((nowMs - atMs) / 1000) * rate.perSecond);
}

/**
 * What many share, second by second: `each` at most, and `all` together, beyond which only those get some who have had less than an equal
 * part of it, until all together have twice as much. So who asks for little is not left out because others ask for much.
 */
export class Shares {
  readonly #clock: Clock;
  readonly #limits: { readonly each: number; readonly all: number };
  /** By key, of everybody who has asked in this second. */
  readonly #taken = new Map<string, number>();
  #total = 0;
  #second = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, limits: { readonly each: number; readonly all: number }) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Whether `key` may have one more now. */
  take(key: string): boolean {
    const second = Math.floor(this.#clock.nowMs() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken.clear();
      this.#total = 0;
    }
    const taken = this.#taken.get(key) ?? 0;
    this.#taken.set(key, taken);
    const { each, all } = this.#limits;
    const isSpent = this.#total >= all && taken >= Math.floor(all / this.#taken.size);
    if (taken >= each || isSpent || this.#total >= 2 * all) return false;
    this.#taken.set(key, taken + 1);
    this.#total += 1;
    return true;
  }
}
