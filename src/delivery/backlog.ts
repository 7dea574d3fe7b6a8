/**
 * What one hypervisor lacks, summed up: how many changes of each rank were made between the same two revisions. Kept with every change of
 * an entry, so that the questions that others ask all the time (how far is it, has it got this revision, is it ready for who points at
 * it) cost as many steps as there are different pairs of revisions, which in a bulk of thousands of changes are a few.
 */
import type { EncodedFragment } from './encoded-fragment.js';

/** The order between hypervisors, see holds.ts. */
export type Rank = 0 | 1 | 2;

const ranks: readonly Rank[] = [0, 1, 2];
/** Above all ranks. */
export const everyRank = 3;

/**
 * @param desired the version that is wanted on the hypervisor; null: none
 * @param pointedFrom hypervisors that held pointers to this one when the change came
 */
export function rankOf(pointedFrom: ReadonlySet<string> | null, desired: Pick<EncodedFragment, 'after'> | null): Rank {
  if (desired === null) return pointedFrom === null || pointedFrom.size === 0 ? 0 : 2;
  return desired.after === undefined || desired.after.length === 0 ? 0 : 1;
}

/** How many there are, by rank. */
type Counts = [number, number, number];

export class Backlog {
  /** By first, then by last revision. Changes come in the order of revisions, so the lowest is nearly always the first. */
  readonly #spans = new Map<number, Map<number, Counts>>();
  /** By rank: the lowest first revision of a lower rank, where it is known. */
  readonly #lowest: (number | undefined)[] = [Infinity, Infinity, Infinity, Infinity];

  /** One more (`by` 1), or one less, that was made between these revisions and is of this rank. */
  count(since: number, latest: number, rank: Rank, by: 1 | -1): void {
    let ofSince = this.#spans.get(since);
    if (ofSince === undefined) this.#spans.set(since, (ofSince = new Map()));
    let counts = ofSince.get(latest);
    if (counts === undefined) ofSince.set(latest, (counts = [0, 0, 0]));
    counts[rank] += by;
    if (counts[rank] < 0) throw new Error(`nothing of rank ${rank} lacks revisions ${since} to ${latest}`);
    if (by === 1) this.#lower(since, rank);
    else if (counts[rank] === 0) this.#raise(since, rank);
    if (counts.some(count => count > 0)) return;
    ofSince.delete(latest);
    if (ofSince.size === 0) this.#spans.delete(since);
  }

  #lower(since: number, rank: Rank): void {
    for (let below = rank + 1; below <= everyRank; below += 1) {
      const known = this.#lowest[below];
      if (known !== undefined && since < known) this.#lowest[below] = since;
    }
  }

  /** The last of these is gone: what follows is found when somebody asks. */
  #raise(since: number, rank: Rank): void {
    for (let below = rank + 1; below <= everyRank; below += 1) {
      if (this.#lowest[below] === since) this.#lowest[below] = undefined;
    }
  }

  /** The lowest first revision of what has a rank below this one; Infinity: there is nothing. */
  lowest(below: number): number {
    return (this.#lowest[below] ??= this.#find(below));
  }

  #find(below: number): number {
    let lowest = Infinity;
    for (const [since, ofSince] of this.#spans) {
      if (since >= lowest) continue;
      for (const counts of ofSince.values()) {
        if (ranks.some(rank => rank < below && counts[rank] > 0)) lowest = since;
      }
    }
    return lowest;
  }

  /** `lacks`: some change was made with the revision or around it; `older`: only older ones were. Null: neither. */
  at(revision: number): 'lacks' | 'older' | null {
    if (this.lowest(everyRank) > revision) return null;
    for (const [since, ofSince] of this.#spans) {
      if (since > revision) continue;
      for (const latest of ofSince.keys()) if (revision <= latest) return 'lacks';
    }
    return 'older';
  }
}
