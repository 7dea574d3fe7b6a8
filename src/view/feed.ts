/**
 * Keeps the view up to date with the store: reads the change log since the view's revision and applies whole
 * revisions. Where the log cannot say (at the start, after it was trimmed, across a gap, or when the store has gone
 * back to an older state) a snapshot is read, and its difference from what is held is applied like any other change.
 *
 *   reading ──read──► apply, tell the listener ──► reading again while there is more or a nudge came
 *      ▲                                      └──► waiting (poll interval) ──nudge or time──► reading
 *      └──── back-off ◄──failed──                     ▲  │ what this process itself committed, if it is
 *                                                     └──┘ the very next revision: applied without a read
 *
 * At most one read is in flight. A nudge is a hint that there is something; polling is what can be relied on.
 */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import { nextTurn } from '../base/next-turn.js';
import type { Kind } from '../model/index.js';
import type { NetworkView, RowAfter, Snapshot, Touched } from './network-view.js';

/** A row of the change log. */
export type LoggedChange = RowAfter<Kind> & { readonly revision: number };

/** All changes of some whole revisions, oldest first; `revision` is the last of them. */
export interface LoggedChanges {
  readonly revision: number;
  readonly changes: readonly LoggedChange[];
}

/** One revision that this process has committed, as the log has it. */
export interface CommittedChanges extends LoggedChanges {
  /** The random check of the revision. */
  readonly check: number;
  /** The check of the revision before it. */
  readonly previousCheck: number;
}

/** What the feed needs of a store. Reads may fail and are tried again. */
export interface FeedSource {
  snapshot(): Promise<Snapshot>;
  /**
   * The revisions that follow `revision`, at most `limitRevisions` of them. `trimmed` when the log begins later, `rewound` when it is
   * not the one that the reader has followed: a database that was restored, or a replica that lacked the last commits.
   */
  changesSince(revision: number, limitRevisions: number): Promise<LoggedChanges | 'trimmed' | 'rewound'>;
  /** Whether it follows what was last read from here, or taken in through this; without it nothing does. */
  continues?(committed: CommittedChanges): boolean;
  /** The check of a revision that was read or taken in; 0 where that is not known any more. */
  checkOf?(revision: number): number;
}

export interface FeedOptions {
  readonly source: FeedSource;
  readonly view: NetworkView;
  readonly clock: Clock;
  readonly log: Logger;
  /**
   * Told of every batch right after the view holds it; the view stays as it is until the promise, if there is one, resolves. What it
   * throws is a programmer's error and ends the process.
   *
   * @param isNext false after a stretch that nobody has followed: the store may have been restored in it
   */
  readonly onTouched: (touched: Touched, isNext: boolean) => Promise<void> | void;
  readonly pollMs?: number;
  /** Revisions in one read. */
  readonly limitRevisions?: number;
  /** Of several revisions, so many changes are taken in at once: what follows from them in this process keeps others waiting. */
  readonly changesATurn?: number;
}

const defaultPollMs = 1_000;
const defaultLimitRevisions = 500;
const firstBackoffMs = 100;
/** Short: what is read is small, and a store that is back is to be noticed soon. */
const maxBackoffMs = 500;
/** More than this in one go are read from the log. */
const maxOffered = 1_000;
const defaultChangesATurn = 1_000;

type Outcome = 'more' | 'current' | 'failed';

export class Feed {
  readonly #options: FeedOptions;
  readonly #pollMs: number;
  readonly #limitRevisions: number;
  readonly #changesATurn: number;
  #needsSnapshot = true;
  /** Reads in a row that failed or could not be used. */
  #failures = 0;
  #backoffDue = false;
  #nudged = false;
  #stopping = false;
  #rewinds = 0;
  #snapshots = 0;
  /** What was committed here and is not in the view yet, by revision. */
  readonly #offered = new Map<number, CommittedChanges>();
  #pollAtMs = Number.NEGATIVE_INFINITY;
  /** Told when a read that began after they asked has brought all that there was. */
  #behind: (() => void)[] = [];
  /** The last read has brought everything that there was when it began. */
  #isComplete = false;
  #running: Promise<void> | null = null;
  #wake: (() => void) | null = null;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#pollMs = options.pollMs ?? defaultPollMs;
    this.#limitRevisions = options.limitRevisions ?? defaultLimitRevisions;
    this.#changesATurn = options.changesATurn ?? defaultChangesATurn;
  }

  /** How often the store turned out not to be the one that was followed. */
  get rewinds(): number {
    return this.#rewinds;
  }

  /**
   * How many snapshots were taken. After the first, each stands for a stretch that nobody has followed: the store may have been
   * restored in it, whatever the numbers say.
   */
  get snapshots(): number {
    return this.#snapshots;
  }

  /** Starts to follow the store; resolves when the view holds its first snapshot, or the feed is stopped. */
  start(): Promise<void> {
    if (this.#running !== null) throw new Error('the feed was started before');
    return new Promise(resolve => {
      // Never caught: what the listener throws must end the process, not the feed alone.
      this.#running = this.#run(resolve);
    });
  }

  /** There may be something new. Cheap; call it as often as you like. */
  nudge(): void {
    this.#nudged = true;
    if (this.#failures === 0) this.#wake?.();
  }

  /** This process has committed a revision: taken as it is where it is the very next one, else a nudge. */
  offer(committed: CommittedChanges): void {
    if (this.#offered.size < maxOffered) this.#offered.set(committed.revision, committed);
    else this.#nudged = true;
    this.#wake?.();
  }

  /** Resolves when the view holds everything that was committed before this call. Not at all when the feed is stopped before. */
  caughtUp(): Promise<void> {
    return new Promise(resolve => {
      this.#behind.push(resolve);
      this.nudge();
    });
  }

  /** Ends following; resolves when no read is in flight any more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake?.();
    await this.#running;
  }

  async #run(ready: () => void): Promise<void> {
    while (!this.#stopping) {
      await this.#takeOffered();
      const waitMs = this.#pollAtMs - this.#options.clock.nowMs();
      // What is offered and not the next revision has others before it, which only the log has.
      if (waitMs > 0 && !this.#nudged && this.#offered.size === 0) {
        await this.#sleep(waitMs);
        continue;
      }
      await this.#read();
      if (!this.#needsSnapshot) ready();
      if (this.#failures > 0 && this.#backoffDue) await this.#sleep(this.#backoffMs());
    }
    ready();
  }

  async #read(): Promise<void> {
    this.#nudged = false;
    const covered = [...this.#offered.keys()];
    const behind = this.#behind;
    this.#behind = [];
    this.#isComplete = false;
    const outcome = await this.#readOnce();
    if (this.#isComplete) for (const told of behind) told();
    else this.#behind.unshift(...behind);
    // They were committed before the read: it has brought them, or they are of a store that is no more.
    if (outcome !== 'failed') for (const revision of covered) this.#settle(revision);
    this.#backoffDue = outcome === 'failed';
    this.#pollAtMs = outcome === 'current' ? this.#options.clock.nowMs() + this.#pollMs : Number.NEGATIVE_INFINITY;
  }

  /** Applies what was offered until now as far as it continues the view without a gap, and lets others run between its parts. */
  async #takeOffered(): Promise<void> {
    if (this.#offered.size === 0) return;
    const newest = Math.max(...this.#offered.keys());
    while (await this.#takePart()) {
      if (this.#stopping || this.#options.view.revision >= newest) return;
      await nextTurn();
    }
  }

  /** False: nothing continues it. */
  async #takePart(): Promise<boolean> {
    if (this.#needsSnapshot) return false;
    const { source, view } = this.#options;
    const changes: LoggedChange[] = [];
    let { revision } = view;
    while (changes.length < this.#changesATurn) {
      const next = this.#offered.get(revision + 1);
      if (next === undefined) break;
      if (source.continues?.(next) !== true) {
        this.#nudged = true;
        break;
      }
      changes.push(...next.changes);
      revision += 1;
    }
    const isMore = revision > view.revision;
    if (isMore) await this.#apply(revision, changes);
    for (const held of this.#offered.keys()) if (held <= revision) this.#settle(held);
    return isMore;
  }

  async #apply(revision: number, changes: readonly LoggedChange[]): Promise<void> {
    const { view, onTouched } = this.#options;
    await onTouched(view.apply(revision, changes), true);
  }

  /**
   * What was committed here is in the view, or is lost: the store was restored, or another took over that lacked it. That can be all that
   * tells of it, where the view had not come so far yet.
   */
  #settle(revision: number): void {
    const { source, view } = this.#options;
    const committed = this.#offered.get(revision);
    this.#offered.delete(revision);
    if (committed === undefined || this.#needsSnapshot) return;
    const check = revision <= view.revision ? (source.checkOf?.(revision) ?? 0) : null;
    const isLost = check === null ? this.#isComplete : check !== 0 && check !== committed.check;
    if (isLost) this.#rewound(view.revision);
  }

  #rewound(held: number): void {
    this.#rewinds += 1;
    this.#needsSnapshot = true;
    this.#options.log.error(
      { held },
      'the database is not the one that was followed: it was restored, or has lost its last commits',
    );
  }

  async #readOnce(): Promise<Outcome> {
    const read = this.#needsSnapshot ? await this.#attempt(() => this.#options.source.snapshot()) : null;
    if (read !== null) return this.#stopping ? 'current' : await this.#takeSnapshot(read);
    if (this.#needsSnapshot) return 'failed';
    const held = this.#options.view.revision;
    const changes = await this.#attempt(() => this.#options.source.changesSince(held, this.#limitRevisions));
    if (changes === null) return 'failed';
    return this.#stopping ? 'current' : await this.#takeChanges(held, changes);
  }

  /** The answer, or null after a failure. Only the source's own failures are survived here. */
  async #attempt<T>(read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      this.#failures += 1;
      this.#options.log.warn({ err: error, failures: this.#failures }, 'cannot read the store; trying again');
      return null;
    }
  }

  async #takeSnapshot(snapshot: Snapshot): Promise<Outcome> {
    const { view, log, onTouched } = this.#options;
    const held = view.revision;
    if (snapshot.revision < held) {
      log.warn({ held, revision: snapshot.revision }, 'the store has gone back; following it');
    }
    this.#snapshots += 1;
    const touched = view.replace(snapshot);
    this.#needsSnapshot = false;
    this.#isComplete = true;
    log.info({ held, revision: snapshot.revision, changes: touched.changes.length }, 'took a snapshot of the store');
    await onTouched(touched, this.#snapshots === 1);
    return 'more';
  }

  async #takeChanges(held: number, read: LoggedChanges | 'trimmed' | 'rewound'): Promise<Outcome> {
    const { log } = this.#options;
    const reason = typeof read === 'string' ? read : discontinuity(held, read);
    if (typeof read === 'string' || reason !== null) {
      if (reason === 'rewound') this.#rewound(held);
      else log.warn({ held, reason }, 'the change log does not continue what is held; taking a snapshot');
      this.#needsSnapshot = true;
      this.#failures += 1;
      // The first time at once; when a snapshot has not helped, not in a tight loop.
      return this.#failures === 1 ? 'more' : 'failed';
    }
    this.#failures = 0;
    this.#isComplete = read.revision - held < this.#limitRevisions;
    if (read.revision === held) return 'current';
    for (const { revision, changes } of inParts(read, this.#changesATurn)) {
      await this.#apply(revision, changes);
      if (revision === read.revision) break;
      await nextTurn();
      if (!this.#stopping) continue;
      this.#isComplete = false;
      return 'failed';
    }
    return 'more';
  }

  #backoffMs(): number {
    return Math.min(maxBackoffMs, firstBackoffMs * 2 ** Math.min(this.#failures - 1, 16));
  }

  #sleep(delayMs: number): Promise<void> {
    if (this.#stopping) return Promise.resolve();
    return new Promise(resolve => {
      const wake = (): void => {
        cancel();
        this.#wake = null;
        resolve();
      };
      const cancel = this.#options.clock.after(delayMs, wake);
      this.#wake = wake;
    });
  }
}

/** Whole revisions, as many at a time as it takes for so many changes. */
function* inParts({ revision: last, changes }: LoggedChanges, changesAPart: number): Generator<LoggedChanges> {
  let first = 0;
  for (let end = changesAPart; end < changes.length; end += 1) {
    const revision = changes[end - 1]?.revision ?? last;
    if (end - first < changesAPart || changes[end]?.revision === revision) continue;
    yield { revision, changes: changes.slice(first, end) };
    first = end;
  }
  yield { revision: last, changes: changes.slice(first) };
}

/** Why the changes cannot be the revisions right after `held`, or null when they are. */
function discontinuity(held: number, { revision, changes }: LoggedChanges): string | null {
  if (revision < held) return `the store is at revision ${revision}`;
  let last = held;
  for (const change of changes) {
    if (change.revision !== last && change.revision !== last + 1) {
      return `revision ${change.revision} follows ${last}`;
    }
    last = change.revision;
  }
  return last === revision ? null : `revisions ${last + 1} to ${revision} have no rows`;
}
