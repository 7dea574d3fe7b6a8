/** The sleep of a loop: until a time, or until somebody says that there is something new to look at. */
import type { Clock } from '../base/clock.js';

export class WakeUp {
  readonly #clock: Clock;
  #isCalled = false;
  #wake: (() => void) | null = null;

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
    return new Promise(resolve => {
      const delayMs = Math.max(0, untilMs - this.#clock.nowMs());
      const cancel = Number.isFinite(delayMs) ? this.#clock.after(delayMs, () => this.#wake?.()) : null;
      this.#wake = () => {
        this.#wake = null;
        cancel?.();
        resolve();
      };
    });
  }
}
