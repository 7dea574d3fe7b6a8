/**
 * Time that passes only when nothing is left to do. What falls due at one moment runs in the order in which it was planned, and
 * everything that follows from it at once (promises, ticks, `setImmediate`) runs before the next moment: so a run depends on
 * nothing but its seed.
 */
import type { Clock } from '../../src/base/clock.js';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  action: (() => void) | null;
}

/** Ticks let pass so that chains of promises and ticks come to their end. */
const ticksATurn = 4;
const epochMs = Date.UTC(2026, 0, 1);

export class VirtualTime implements Clock {
  #nowMs = 0;
  #order = 0;
  /** A binary heap by time, then order. */
  readonly #heap: Timer[] = [];
  #immediates: (() => void)[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallTime(): Date {
    return new Date(epochMs + this.#nowMs);
  }

  after(delayMs: number, action: () => void): () => void {
    // In whole microseconds: a rest of a delay that rounding leaves would else be planned for the same moment for ever.
    const dueUs = Math.round(this.#nowMs * 1_000) + Math.ceil(Math.max(0, delayMs) * 1_000);
    return this.#plan(dueUs / 1_000, action);
  }

  /** As `after`, at a moment that is not over: what is planned for a later one never comes earlier. */
  at(dueMs: number, action: () => void): void {
    this.#plan(Math.max(Math.ceil(dueMs * 1_000) / 1_000, this.#nowMs), action);
  }

  #plan(dueMs: number, action: () => void): () => void {
    const timer: Timer = { dueMs, order: (this.#order += 1), action };
    this.#push(timer);
    return () => {
      timer.action = null;
    };
  }

  /** Lets so much time pass. */
  async pass(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    await this.#settle();
    for (let next = this.#heap[0]; next !== undefined && next.dueMs <= untilMs; next = this.#heap[0]) {
      this.#pop();
      const { action } = next;
      if (action === null) continue;
      this.#nowMs = next.dueMs;
      action();
      if (this.#heap[0]?.dueMs !== this.#nowMs) await this.#settle();
    }
    this.#nowMs = untilMs;
  }

  /**
   * Runs `work` with `setImmediate` in the hands of this time: product code uses it to let others run, and real turns of the event
   * loop would come in whatever order the machine likes.
   */
  async govern<T>(work: () => Promise<T>): Promise<T> {
    const real = globalThis.setImmediate;
    globalThis.setImmediate = ((action: () => void) => {
      this.#immediates.push(action);
    }) as unknown as typeof setImmediate;
    try {
      return await work();
    } finally {
      globalThis.setImmediate = real;
    }
  }

  async #settle(): Promise<void> {
    for (;;) {
      for (let tick = 0; tick < ticksATurn; tick += 1) await new Promise<void>(resolve => process.nextTick(resolve));
      if (this.#immediates.length === 0) return;
      const due = this.#immediates;
      this.#immediates = [];
      for (const action of due) action();
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Timer;
      if (!isBefore(timer, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Timer;
    if (heap.length === 0) return;
    let at = 0;
    for (let below = 1; below < heap.length; below = 2 * at + 1) {
      const right = heap[below + 1];
      if (right !== undefined && isBefore(right, heap[below] as Timer)) below += 1;
      const child = heap[below] as Timer;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(left: Timer, right: Timer): boolean {
  return left.dueMs < right.dueMs || (left.dueMs === right.dueMs && left.order < right.order);
}

/** The time of one process: when it is killed, nothing that it has planned happens any more. */
export class ProcessClock implements Clock {
  readonly #time: VirtualTime;
  isAlive = true;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  nowMs(): number {
    return this.#time.nowMs();
  }

  wallTime(): Date {
    return this.#time.wallTime();
  }

  after(delayMs: number, action: () => void): () => void {
    return this.#time.after(delayMs, () => {
      if (this.isAlive) action();
    });
  }
}
