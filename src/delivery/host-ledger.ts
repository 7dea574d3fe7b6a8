/**
 * What one hypervisor may not hold yet: the dirty map of its reconciler. It has an entry only for keys whose desired
 * version differs from what the switch is known to hold, never for the rest, so its size is that of the backlog.
 *
 *   delta --mark--> dirty --take--> in flight --commit--> gone
 *                     ^                 |
 *                     +----rollback-----+  (or refuse: dirty, with the switch's words and a time for the next try)
 *
 * An entry remembers the version that was installed when the key became dirty. The newest desired version is looked
 * up when a round is put together, so any number of changes meanwhile cost one entry.
 */
import type { FragmentOwner } from '../compiler/fragment.js';
import { Backlog, everyRank, type Rank, rankOf } from './backlog.js';
import type { HostChange } from './desired-state.js';
import type { EncodedFragment } from './encoded-fragment.js';
import type { MergedRevisions } from './merged-revisions.js';

/** What the switch holds of a key. `unknown`: only a dump can tell. */
export type Installed = EncodedFragment | null | 'unknown';

/** Why a fragment is not on a switch although it should be. */
export interface Refusal {
  /** What the switch (or our encoder) said. */
  readonly error: string;
  /** The version refused: another one is tried at once. Null when a removal was refused. */
  readonly fragment: EncodedFragment | null;
  readonly owner: FragmentOwner;
  readonly isOptional: boolean;
  /** Clock.nowMs() from which it is tried again. */
  readonly retryAtMs: number;
  readonly attempts: number;
  /** Key of the refused fragment that this one depends on: it goes as soon as that one can. Null: refused itself. */
  readonly causedBy: string | null;
}

export interface DirtyEntry {
  readonly key: string;
  readonly installed: Installed;
  /** First and last revision whose change of this key is not acknowledged. */
  readonly since: number;
  readonly latest: number;
  /** The version that was desired when it was last marked, which ranks it while it is in no round. */
  readonly desired: EncodedFragment | null;
  /** Clock.nowMs() when it became dirty: holding it back is bounded from here. */
  readonly sinceMs: number;
  /** Hypervisors that held pointers to this one when the key became dirty, itself among them: a removal waits for them. */
  readonly pointedFrom: ReadonlySet<string> | null;
  readonly refusal: Refusal | null;
}

export interface MarkContext {
  /** First and last revision of the delta (a delta may stand for several). */
  readonly since: number;
  readonly latest: number;
  readonly nowMs: number;
  readonly pointedFrom: ReadonlySet<string> | null;
  /** Entries made for other hypervisors from the same delta, by key: most changes are the same on many. */
  readonly shared: Map<string, DirtyEntry>;
}

/** An entry taken into a round, with the version that the round installs. */
export interface FlightEntry {
  readonly entry: DirtyEntry;
  readonly target: EncodedFragment | null;
}

const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

export class HostLedger {
  readonly #dirty = new Map<string, DirtyEntry>();
  readonly #inFlight = new Map<string, FlightEntry>();

  /** Of what is in either map and not refused. */
  readonly #backlog = new Backlog();
  /** Keys in either map whose entry is refused. */
  readonly #refused = new Set<string>();
  /** Keys that came into these maps, or left both, since they were last taken away. */
  #moved = new Set<string>();
  readonly #onBehind: () => void;
  #version = 0;

  /** @param onBehind told when something comes in while nothing was there */
  constructor(onBehind: () => void = () => {}) {
    this.#onBehind = onBehind;
  }

  /** Keys of which something is now unacknowledged that was not, or the other way round, since the last call. */
  takeMoved(): ReadonlySet<string> {
    const moved = this.#moved;
    if (moved.size > 0) this.#moved = new Set();
    return moved;
  }

  /** Grows with every change, so that what is derived from the entries can be kept until then. */
  get version(): number {
    return this.#version;
  }

  /** Entries not in a round at the moment, refused ones included. */
  get dirty(): ReadonlyMap<string, DirtyEntry> {
    return this.#dirty;
  }

  get inFlight(): ReadonlyMap<string, FlightEntry> {
    return this.#inFlight;
  }

  get isClean(): boolean {
    return this.#dirty.size === 0 && this.#inFlight.size === 0;
  }

  mark(changes: readonly HostChange[], context: MarkContext): void {
    this.#version += 1;
    if (this.isClean && changes.length > 0) this.#onBehind();
    for (const change of changes) {
      const { key, after, pointedFrom = null } = change;
      this.#moved.add(key);
      const entry = this.#dirty.get(key);
      if (entry === undefined) {
        this.#setDirty(key, freshEntry(change, context));
        continue;
      }
      this.#setDirty(key, {
        ...entry,
        latest: context.latest,
        sinceMs: context.nowMs,
        pointedFrom: union(entry.pointedFrom, union(context.pointedFrom, pointedFrom)),
        desired: after,
        refusal: null,
      });
    }
  }

  /** The database was restored, nobody knows how far back, and is at this revision: what is not acknowledged now is lacking from any on. */
  goBack(revision: number): void {
    this.#version += 1;
    const earlier = (entry: DirtyEntry): DirtyEntry => ({
      ...entry,
      since: 1,
      latest: Math.min(entry.latest, revision),
    });
    for (const [key, entry] of this.#dirty) this.#setDirty(key, earlier(entry));
    for (const [key, { entry, target }] of this.#inFlight) this.#setInFlight(key, { entry: earlier(entry), target });
  }

  /** Moves entries into the round that is being put together. */
  take(entries: readonly FlightEntry[]): void {
    this.#version += 1;
    for (const flight of entries) {
      this.#setDirty(flight.entry.key, null);
      this.#setInFlight(flight.entry.key, flight);
    }
  }

  /** Adds to the round a key that was not known to be dirty. A newer change of it that came meanwhile stays dirty. */
  launch(flight: FlightEntry): void {
    this.#version += 1;
    if (this.isClean) this.#onBehind();
    this.#moved.add(flight.entry.key);
    this.#setInFlight(flight.entry.key, flight);
  }

  /** Forgets an entry whose desired version turned out to be the installed one. */
  drop(key: string): void {
    this.#version += 1;
    this.#moved.add(key);
    this.#setDirty(key, null);
  }

  /** The switch has acknowledged these keys. */
  commit(keys: Iterable<string>): void {
    this.#version += 1;
    for (const key of keys) {
      this.#moved.add(key);
      this.#setInFlight(key, null);
    }
  }

  /** The round (or what is left of it) did not happen: its entries are dirty again. */
  rollback(): void {
    this.#version += 1;
    for (const [key, flight] of this.#inFlight) {
      this.#setInFlight(key, null);
      this.#putBack(flight, flight.entry.installed, flight.entry.refusal);
    }
  }

  /** What is installed of a key that stays dirty is not known any more. */
  doubt(key: string): void {
    this.#version += 1;
    const entry = this.#dirty.get(key);
    if (entry !== undefined) this.#setDirty(key, { ...entry, installed: 'unknown' });
  }

  /** A part of the change of a key in flight may be on the switch: only a dump can tell. */
  forgetInstalled(keys: Iterable<string>): void {
    this.#version += 1;
    for (const key of keys) {
      const flight = this.#inFlight.get(key);
      if (flight !== undefined) this.#setInFlight(key, { ...flight, entry: { ...flight.entry, installed: 'unknown' } });
    }
  }

  /**
   * The version in flight is not on the switch and will not be sent for a while: the switch refused it, or
   * (`causedBy`) it depends on one that was refused. It stays dirty and is tried again with growing pauses.
   */
  refuse(key: string, error: string, nowMs: number, causedBy: string | null = null): void {
    this.#version += 1;
    const flight = this.#inFlight.get(key);
    if (flight === undefined) return;
    this.#setInFlight(key, null);
    const { entry, target } = flight;
    const before = entry.refusal?.fragment === target ? entry.refusal : null;
    const attempts = (before?.attempts ?? 0) + 1;
    const subject = target ?? (entry.installed === 'unknown' ? null : entry.installed);
    if (subject === null) throw new Error(`refused ${key}, of which no version is known`);
    this.#putBack(flight, entry.installed, {
      error,
      fragment: target,
      owner: subject.owner,
      isOptional: subject.isOptional === true,
      retryAtMs: nowMs + Math.min(longestRetryMs, firstRetryMs * 2 ** (attempts - 1)),
      attempts,
      causedBy,
    });
  }

  /** True when the key is in the round. */
  isInFlight(key: string): boolean {
    return this.#inFlight.has(key);
  }

  /**
   * True when a change made at `revision` is not acknowledged. Refused fragments are not pending: they have failed. A revision that
   * came `merged` with others may have changed whatever was not acknowledged then.
   */
  isPending(revision: number, merged: Pick<MergedRevisions, 'has'>): boolean {
    const found = this.#backlog.at(revision);
    return found === 'lacks' || (found === 'older' && merged.has(revision));
  }

  /** The newest revision such that nothing older is unacknowledged; `delivered` when nothing is. */
  appliedRevision(delivered: number): number {
    return Math.min(delivered, this.#backlog.lowest(everyRank) - 1);
  }

  /** Lowest revision with an unacknowledged change of a rank below `rank`; Infinity when there is none. */
  lowestPending(rank: Rank): number {
    return this.#backlog.lowest(rank);
  }

  /** Something is on the switch no more, or not yet, because that refused it. */
  get hasRefused(): boolean {
    return this.#refused.size > 0;
  }

  *refused(): Generator<DirtyEntry & { readonly refusal: Refusal }> {
    for (const key of this.#refused) {
      for (const entry of [this.#dirty.get(key), this.#inFlight.get(key)?.entry]) {
        const refusal = entry?.refusal ?? null;
        if (entry !== undefined && refusal !== null) yield { ...entry, refusal };
      }
    }
  }

  #putBack(flight: FlightEntry, installed: Installed, refusal: Refusal | null): void {
    const { key } = flight.entry;
    const newer = this.#dirty.get(key);
    this.#setDirty(
      key,
      newer === undefined
        ? { ...flight.entry, desired: flight.target, installed, refusal }
        : {
            ...newer,
            installed,
            since: Math.min(flight.entry.since, newer.since),
            pointedFrom: union(flight.entry.pointedFrom, newer.pointedFrom),
            refusal,
          },
    );
  }

  #setDirty(key: string, entry: DirtyEntry | null): void {
    const former = this.#dirty.get(key);
    if (former !== undefined) this.#account(former, former.desired, -1);
    if (entry === null) this.#dirty.delete(key);
    else this.#dirty.set(key, entry);
    if (entry !== null) this.#account(entry, entry.desired, 1);
    if ((former?.refusal ?? null) !== (entry?.refusal ?? null)) this.#noteRefusal(key);
  }

  #setInFlight(key: string, flight: FlightEntry | null): void {
    const former = this.#inFlight.get(key);
    if (former !== undefined) this.#account(former.entry, former.target, -1);
    if (flight === null) this.#inFlight.delete(key);
    else this.#inFlight.set(key, flight);
    if (flight !== null) this.#account(flight.entry, flight.target, 1);
    if ((former?.entry.refusal ?? null) !== (flight?.entry.refusal ?? null)) this.#noteRefusal(key);
  }

  /** What is refused is not awaited. */
  #account(entry: DirtyEntry, target: EncodedFragment | null, by: 1 | -1): void {
    if (entry.refusal === null) this.#backlog.count(entry.since, entry.latest, rankOf(entry.pointedFrom, target), by);
  }

  #noteRefusal(key: string): void {
    const refusal = this.#dirty.get(key)?.refusal ?? this.#inFlight.get(key)?.entry.refusal ?? null;
    if (refusal === null) this.#refused.delete(key);
    else this.#refused.add(key);
  }
}

/** The entry of a key that was not dirty. Where nothing pointed there it is the same for every hypervisor. */
function freshEntry(change: HostChange, context: MarkContext): DirtyEntry {
  const { key, before, after, pointedFrom = null } = change;
  const { since, latest, nowMs: sinceMs, shared } = context;
  const pointers = union(context.pointedFrom, pointedFrom);
  const known = pointers === null ? shared.get(key) : undefined;
  if (known !== undefined && known.installed === before && known.desired === after) return known;
  const entry: DirtyEntry = {
    key,
    installed: before,
    since,
    latest,
    sinceMs,
    desired: after,
    pointedFrom: pointers,
    refusal: null,
  };
  if (pointers === null) shared.set(key, entry);
  return entry;
}

function union(left: ReadonlySet<string> | null, right: ReadonlySet<string> | null): ReadonlySet<string> | null {
  if (left === null || right === null) return left ?? right;
  return new Set([...left, ...right]);
}
