import type { Timers } from './connection-types.js';
import { deadline } from './deadline.js';

export interface ProgressEvents {
  /** Nothing can be expected at the moment: both times stand still. */
  readonly isSuspended: () => boolean;
  /** Nothing was made for the whole time; told once. */
  readonly stalled: () => void;
  /** Steps are made, but there is no end of them; told once. */
  readonly tookTooLong: () => void;
}

/** Watches something that goes on step by step, and tells when no step was made for too long, or when all of it takes too long. */
export class Progress {
  private readonly timers: Timers;
  private readonly stepTimeoutMs: number;
  private readonly events: ProgressEvents;
  private madeMs: number;
  /** Since when nothing is known to have been suspended. */
  private lookedMs: number;
  private leftInAllMs: number;
  private cancel: () => void;

  constructor(timers: Timers, stepTimeoutMs: number, wholeTimeoutMs: number, events: ProgressEvents) {
    this.timers = timers;
    this.stepTimeoutMs = stepTimeoutMs;
    this.events = events;
    this.madeMs = timers.nowMs();
    this.lookedMs = this.madeMs;
    this.leftInAllMs = wholeTimeoutMs;
    this.cancel = deadline(timers, Math.min(stepTimeoutMs, wholeTimeoutMs), () => this.look());
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
    const nowMs = this.timers.nowMs();
    // Of a time that ends suspended nobody knows how much of it was: it is given again.
    if (this.events.isSuspended()) this.madeMs = nowMs;
    else this.leftInAllMs -= nowMs - this.lookedMs;
    this.lookedMs = nowMs;
    const leftMs = this.madeMs + this.stepTimeoutMs - nowMs;
    if (leftMs <= 0) this.events.stalled();
    else if (this.leftInAllMs <= 0) this.events.tookTooLong();
    else this.cancel = deadline(this.timers, Math.min(leftMs, this.leftInAllMs), () => this.look());
  }
}
