import type { Timers } from '../../../southbound/ovsdb/rpc.js';

/** Time that passes only when a test says so. */
export class FakeTimers implements Timers {
  #nowMs = 0;
  #waiting: { readonly atMs: number; readonly action: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, action };
    this.#waiting.push(entry);
    return () => {
      this.#waiting = this.#waiting.filter(other => other !== entry);
    };
  }

  /** Time passes while the process does nothing else: what is due runs late. */
  stall(byMs: number): void {
    this.#nowMs += byMs;
  }

  /** Lets time pass, running what falls due in order, and lets promises settle. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const due = this.#waiting.filter(entry => entry.atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      this.#waiting = this.#waiting.filter(entry => entry !== due);
      due.action();
      await new Promise(resolve => setImmediate(resolve));
    }
    this.#nowMs = untilMs;
    await new Promise(resolve => setImmediate(resolve));
  }
}
