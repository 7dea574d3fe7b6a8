/**
 * What others have done to one switch, as far as it has told: keys of what has to be looked at, never the events themselves.
 * The switch tells changes of others in full and our own as one short note a bundle (a flow monitor of the tables that nobody but us
 * writes; what the switch learns by itself is in other tables and costs nothing), and other controllers' group and meter messages.
 *
 *   switch ── note ──► cookies, places, groups ── take, a moment later ──► suspects.ts looks and compares
 *
 * Memory is bounded: from some number on, everything is suspect. Somebody who keeps undoing what we do is looked at ever more
 * slowly, but always within the longest pause.
 */
import type { Clock } from '../base/clock.js';
import type { FlowPlace, ForeignChange, Switch } from './switch.js';

/** What has to be looked at. */
export interface Suspicion {
  /** More than can be told apart. */
  readonly isEverything: boolean;
  /** Cookies of flows that were added, changed or removed. */
  readonly cookies: ReadonlySet<bigint>;
  /** Where flows were put: one of ours may have been there. */
  readonly places: readonly FlowPlace[];
  /** A group or meter was added, changed or removed. */
  readonly groupsAndMeters: boolean;
}

/** One command of an administrator makes many changes: so long we wait for the rest of them. */
const gatherMs = 20;
const firstPauseMs = 50;
const longestPauseMs = 4_000;
/** Calm for this long: the next change is looked at without a pause. */
const calmMs = 10_000;
const mostCookies = 256;
const mostPlaces = 1_024;

export class DriftWatch {
  readonly #clock: Clock;
  readonly #tables: readonly number[];
  #cookies = new Set<bigint>();
  #places: FlowPlace[] = [];
  #groupsAndMeters = false;
  #isEverything = false;
  #dueAtMs = Infinity;
  #takenAtMs = Number.NEGATIVE_INFINITY;
  #pauseMs = 0;
  #target: Switch | null = null;

  /** @param tables those that only Weft writes; none: nothing is watched */
  constructor(clock: Clock, tables: readonly number[]) {
    this.#clock = clock;
    this.#tables = tables;
  }

  /** Clock.nowMs() from which `take` should be called; Infinity while there is nothing to look at. */
  get dueAtMs(): number {
    return this.#dueAtMs;
  }

  /** Asks this switch to tell, once a connection. It must be asked before its content is read, so that nothing falls between. */
  start(target: Switch, noted: () => void): void {
    if (this.#target === target || this.#tables.length === 0) return;
    this.#target = target;
    target.watch(this.#tables, change => {
      if (this.#target !== target) return;
      this.#note(change);
      noted();
    });
  }

  /** Another Weft looks after the switch: it need not tell us any more. */
  stop(): void {
    this.#target?.unwatch();
    this.#target = null;
    this.#clear();
  }

  /** The connection is gone. */
  ended(): void {
    this.#target = null;
  }

  /** What is to be looked at; it is not suspect any more. */
  take(): Suspicion {
    const suspicion: Suspicion = {
      isEverything: this.#isEverything,
      cookies: this.#cookies,
      places: this.#places,
      groupsAndMeters: this.#groupsAndMeters,
    };
    const nowMs = this.#clock.nowMs();
    if (Number.isFinite(this.#dueAtMs)) {
      const isCalm = nowMs - this.#takenAtMs >= calmMs;
      this.#pauseMs = isCalm ? firstPauseMs : Math.min(longestPauseMs, this.#pauseMs * 2);
      this.#takenAtMs = nowMs;
    }
    this.#clear();
    return suspicion;
  }

  /**
   * What was taken was not looked at. It is due at once: the pause before it is over.
   * @param andMore something of it may have been missed: everything is suspect
   */
  putBack({ isEverything, cookies, places, groupsAndMeters }: Suspicion, andMore = false): void {
    if (!isEverything && cookies.size + places.length === 0 && !groupsAndMeters) return;
    this.#isEverything ||= isEverything || andMore;
    for (const cookie of cookies) this.#cookies.add(cookie);
    this.#places.push(...places);
    this.#groupsAndMeters ||= groupsAndMeters;
    this.#bound();
    this.#dueAtMs = Math.min(this.#dueAtMs, this.#clock.nowMs() + gatherMs);
  }

  #clear(): void {
    this.#cookies = new Set();
    this.#places = [];
    this.#groupsAndMeters = false;
    this.#isEverything = false;
    this.#dueAtMs = Infinity;
  }

  #note(change: ForeignChange): void {
    if (change.kind === 'flow') {
      this.#cookies.add(change.cookie);
      if (change.place !== null) this.#places.push(change.place);
      this.#bound();
    } else this.#groupsAndMeters = true;
    this.#isDue();
  }

  #bound(): void {
    if (this.#cookies.size <= mostCookies && this.#places.length <= mostPlaces) return;
    this.#cookies.clear();
    this.#places = [];
    this.#isEverything = true;
  }

  #isDue(): void {
    const nowMs = this.#clock.nowMs();
    this.#dueAtMs = Math.min(this.#dueAtMs, Math.max(nowMs + gatherMs, this.#takenAtMs + this.#pauseMs));
  }
}
