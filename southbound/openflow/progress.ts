import type { Timers } from './connection-types.js';
import { deadline } from './deadline.js';

export interface ProgressEvents {
  /** Nothing can be expected at the moment: the time begins anew. */
  readonly isSuspended: () => boolean;
  /** Nothing was made for the whole time; told once. */
  readonly stalled: () => void;
}

/** Watches something that goes on step by step, and tells when no step was made for too long. */
export class Progress {
  private readonly timers: Timers;
  private readonly timeoutMs: number;
  private readonly events: ProgressEvents;
  private madeMs: number;
  private cancel: () => void;

  constructor(timers: Timers, timeoutMs: number, events: ProgressEvents) {
    this.timers = timers;
    this.timeoutMs = timeoutMs;
    this.events = events;
    this.madeMs = timers.nowMs();
    this.cancel = deadline(timers, timeoutMs, () => this.look());
  }

  /** A step was made. */
  made(): void {
    this.madeMs = this.timers.nowMs();
  }

  /** There is nothing to wait for any more. */
  over(): void {
    this.cancel();
  }

  private look(): void {
    if (this.events.isSuspended()) this.made();
    const leftMs = this.madeMs + this.timeoutMs - this.timers.nowMs();
    if (leftMs <= 0) this.events.stalled();
    else this.cancel = deadline(this.timers, leftMs, () => this.look());
  }
}
