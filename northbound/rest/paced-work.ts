/**
 * Questions whose answer keeps the process busy for a while: one at a time, in the order in which they came, and after each a rest, so that
 * all of them together, whoever asks, take a share of the time and no more.
 */
import type { Clock } from '../../src/base/clock.js';

/** After each answer the process is free for so many times as long as it took. */
const restsFor = 3;

export class PacedWork {
  readonly #clock: Clock;
  #before: Promise<void> = Promise.resolve();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Answers when it is its turn. */
  async run<T>(answer: () => T): Promise<T> {
    let resolve = (): void => undefined;
    const promise = new Promise<void>(done => (resolve = done));
    const before = this.#before;
    this.#before = promise;
    await before;
    const beganMs = this.#clock.nowMs();
    try {
      return answer();
    } finally {
      const tookMs = this.#clock.nowMs() - beganMs;
      if (tookMs > 0) this.#clock.after(tookMs * restsFor, resolve);
      else resolve();
    }
  }
}
