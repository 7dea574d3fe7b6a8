/**
 * When the whole of one switch is looked at next, and who goes first. A change that comes before or while a switch is audited does not
 * wait for it: the audit is left at that and is due again a moment later. After some times in a row changes wait, so that it is not
 * starved.
 *
 *   due ── something is to be delivered, or comes meanwhile ──► postponed ── a second later ──► due ── through ──► next interval
 */

/** An audit makes way for a change this many times in a row, and is due again after this pause; then changes wait for it. */
const mostPostponements = 3;
const postponedByMs = 1_000;

export class AuditAppointment {
  #atMs = 0;
  #postponements = 0;
  /** Ends the audit that goes on. */
  #ending: AbortController | null = null;

  /** Clock.nowMs() from which the switch is to be audited. */
  get atMs(): number {
    return this.#atMs;
  }

  /** The switch was looked at as a whole, or need not be: the next audit is at this time. */
  make(atMs: number): void {
    this.#atMs = atMs;
    this.#postponements = 0;
  }

  /** The audit is due now. */
  bringForward(): void {
    this.#atMs = 0;
  }

  /** The audit is due now, and changes wait for it: something is known to be wrong. */
  insist(): void {
    this.#atMs = 0;
    this.#postponements = mostPostponements;
  }

  /** True when the audit is to begin. What is to be delivered goes first: then it is postponed. */
  isDue(nowMs: number, isDeliveryWaiting: () => boolean): boolean {
    if (nowMs < this.#atMs) return false;
    if (this.#postponements >= mostPostponements || !isDeliveryWaiting()) return true;
    this.#postpone(nowMs);
    return false;
  }

  /** An audit of a switch that lacks nothing begins; the signal ends it. */
  begin(): AbortSignal {
    this.#ending = new AbortController();
    return this.#ending.signal;
  }

  /** It is through, or was ended or cut off. */
  end(nowMs: number): void {
    if (this.#ending?.signal.aborted === true) this.#postpone(nowMs);
    this.#ending = null;
  }

  /** Something is to be delivered: ends the audit that goes on, unless it was ended often enough. */
  makeWay(): void {
    if (this.#postponements < mostPostponements) this.#ending?.abort();
  }

  #postpone(nowMs: number): void {
    this.#postponements += 1;
    this.#atMs = nowMs + postponedByMs;
  }
}

/** What comes of `pending`, or null as soon as the signal is aborted; then nobody hears of it any more, nor of its failure. */
export async function unlessEnded<T>(pending: Promise<T>, ended: AbortSignal): Promise<T | null> {
  pending.catch(() => undefined);
  const end = new Promise<null>(resolve => {
    if (ended.aborted) resolve(null);
    else ended.addEventListener('abort', () => resolve(null), { once: true });
  });
  const first = await Promise.race([pending, end]);
  return ended.aborted ? null : first;
}
