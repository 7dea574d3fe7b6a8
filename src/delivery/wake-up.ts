/** The sleep of a loop: until a time, or until somebody says that there is something new to look at. */
import type { Clock } from '../base/clock.js';

export class WakeUp {
  readonly #clock: Clock;
  #isCalled = false;
  #wake: (() => void) | null = null;
  /** The timer that runs, from an earlier sleep perhaps: waking too early does no harm, setting a timer each time costs. */
  #timer: { readonly atMs: number; cancel(): void } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the sleep; the next one too, unless `awake` was called in between. */
  call(): void {
    this.#isCalled = true;
    this.#wake?.();
  }

  /** The loop is about to look at everything: calls from now on are news. */
  awake(): void {
    this.#isCalled = false;
  }

  /** Resolves at Clock.nowMs() `untilMs` (Infinity: only when called), or when called, at once if that has happened. */
  sleepUntil(untilMs: number): Promise<void> {
    if (this.#isCalled) return Promise.resolve();
    this.#setTimer(untilMs);
    return new Promise(resolve => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }

  /** No sleep will come any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #setTimer(untilMs: number): void {
    if (untilMs === Infinity || (this.#timer !== null && this.#timer.atMs <= untilMs)) return;
    this.#timer?.cancel();
    const cancel = this.#clock.after(Math.max(0, untilMs - this.#clock.nowMs()), () => {
      this.#timer = null;
      this.#wake?.();
    });
    this.#timer = { atMs: untilMs, cancel };
  }
}
