/**
 * What was held back goes out together: a switch that is told half of a revision when the first of the others is ready, and the rest
 * one by one, is woken many times for nothing. Nobody waits longer for that than for the last of the same revision, and not
 * longer than a moment.
 *
 *   some of a revision could go, some of its rank is held back  wait for the rest of this revision
 *   all of a large revision could go, and nobody asks for it    wait for the next revision, which may be on its way: both go as one
 *
 * Changes that are not held back never wait, and take along what is ready. A revision whose hosts are ready never waits for another's.
 */
import type { Rank } from './backlog.js';
import type { Hold, HoldPeer } from './holds.js';
import type { DirtyEntry } from './host-ledger.js';

/** So long is gathered at most, in milliseconds; far below the bound of a hold. */
const gatherBoundMs = 100;
/** So many changes that were held back are a bulk, which is not sent for its own sake. */
const bulk = 32;

interface Awaited {
  readonly hypervisorId: string;
  readonly rank: Hold['rank'];
  readonly revision: number;
}

type Reason = 'the rest of a revision' | 'the next revision';

/** The last revision of a change, and its rank. */
export interface Ready extends Pick<DirtyEntry, 'latest'> {
  readonly rank: Rank;
}

export interface GatherInputs {
  /** Ready to go, and nothing goes that could have gone at any time. */
  readonly ready: readonly Ready[];
  /** Held back. */
  readonly held: Iterable<{ readonly entry: Pick<DirtyEntry, 'latest'>; readonly hold: Hold }>;
  readonly nowMs: number;
  /** Somebody waits for revisions to be applied. */
  readonly isAskedFor: boolean;
}

export class Gathering {
  /** What is gathered for, and since when. */
  #reason: Reason | null = null;
  #sinceMs = 0;
  /** The first of what is held back goes then at the latest. */
  #heldUntilMs = Infinity;
  #version = -1;
  /** By revision and rank: whom its changes wait for. A rank does not wait for a higher one, which waits for it elsewhere. */
  #awaited = new Map<number, Map<string, Awaited>>();

  /** Clock.nowMs() at which it ends. Infinity: nothing is gathered. */
  get untilMs(): number {
    return this.#reason === null ? Infinity : Math.min(this.#sinceMs + gatherBoundMs, this.#heldUntilMs);
  }

  /** True while nothing can have changed that would let something go: a look at the whole ledger would be for nothing. */
  isOn(version: number, nowMs: number, isAskedFor: boolean, peers: ReadonlyMap<string, HoldPeer>): boolean {
    if (this.#reason === null || version !== this.#version || nowMs >= this.untilMs) return false;
    if (this.#reason === 'the next revision' && isAskedFor) return false;
    for (const awaited of this.#awaited.values()) if (areReady(awaited, peers)) return false;
    return true;
  }

  /** Should what is ready wait? Asked with each plan in which nothing goes that was not held back. */
  waits({ ready, held, nowMs, isAskedFor }: GatherInputs): boolean {
    const isTimeOver = nowMs >= this.untilMs;
    this.#awaited = new Map();
    this.#heldUntilMs = Infinity;
    for (const { entry, hold } of held) {
      this.#await(entry.latest, hold);
      this.#heldUntilMs = Math.min(this.#heldUntilMs, hold.untilMs);
    }
    const reason = this.#reasonFor(ready, isAskedFor);
    if (reason !== this.#reason || isTimeOver) {
      // What has waited for as long as it may goes; what is held back on is gathered anew.
      if (reason !== null && reason === this.#reason && ready.length > 0) {
        this.over();
        return false;
      }
      this.#reason = reason;
      this.#sinceMs = nowMs;
    }
    return reason !== null;
  }

  /** The ledger is as the plan has left it: what is new in it from now on ends the gathering. */
  looked(version: number): void {
    this.#version = version;
  }

  /** Something was sent, or everything is different. */
  over(): void {
    this.#reason = null;
    this.#awaited = new Map();
  }

  #reasonFor(ready: GatherInputs['ready'], isAskedFor: boolean): Reason | null {
    if (ready.every(({ latest, rank }) => this.#awaited.has(groupOf(latest, rank))))
      return this.#awaited.size === 0 ? null : 'the rest of a revision';
    const isBulk = ready.length >= bulk && this.#awaited.size === 0;
    return isBulk && !isAskedFor ? 'the next revision' : null;
  }

  #await(latest: number, { waitsFor, rank, revision }: Hold): void {
    const group = groupOf(latest, rank);
    let ofGroup = this.#awaited.get(group);
    if (ofGroup === undefined) this.#awaited.set(group, (ofGroup = new Map()));
    for (const hypervisorId of waitsFor) {
      const known = ofGroup.get(hypervisorId);
      if (known === undefined || known.revision < revision) ofGroup.set(hypervisorId, { hypervisorId, rank, revision });
    }
  }
}

/** Asked for each of thousands of changes that are held back: a number, not a text. */
const groupOf = (latest: number, rank: Rank): number => latest * 4 + rank;

function areReady(awaited: ReadonlyMap<string, Awaited>, peers: ReadonlyMap<string, HoldPeer>): boolean {
  for (const { hypervisorId, rank, revision } of awaited.values()) {
    const peer = peers.get(hypervisorId);
    if (peer !== undefined && peer.lowestPending(rank) <= revision) return false;
  }
  return true;
}
