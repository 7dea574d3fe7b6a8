/**
 * Time as a dependency. Everything that waits takes a Clock, so that a simulation can replace it
 * and a test never sleeps. Wall clock time is for display only; durations come from `nowMs`.
 */
export interface Clock {
  /** Monotonic time in milliseconds; only differences mean anything. */
  nowMs(): number;
  /** Wall clock, for timestamps that people read. */
  wallTime(): Date;
  /** Calls `action` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallTime: () => new Date(),
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};
