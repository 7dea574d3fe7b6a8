import type { Timers } from './connection-types.js';

/**
 * Calls `action` once after `delayMs` in which this process was awake; the returned function cancels it.
 *
 * A timer that comes much too late means that the process itself stood still, and whatever the peer said meanwhile has
 * not been read: the whole delay is given again. Even in time, what has arrived is read before the action is called.
 */
export function deadline(timers: Timers, delayMs: number, action: () => void): () => void {
  const dueMs = timers.nowMs() + delayMs;
  let cancel = timers.after(delayMs, () => {
    const lateMs = timers.nowMs() - dueMs;
    cancel = lateMs > delayMs / 2 ? deadline(timers, delayMs, action) : timers.after(0, action);
  });
  return () => cancel();
}
