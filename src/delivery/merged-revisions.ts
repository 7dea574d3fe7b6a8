/**
 * Which revisions came to delivery together, as one delta. Of such a one nobody knows any more what it changed by itself: two that
 * undo each other change nothing together. A switch that still lacks something older may hold exactly what it was before the second.
 */

/** Ranges remembered; older revisions all count as merged. */
const rangesKept = 1_024;

export class MergedRevisions {
  /** First and last revision of each delta that stood for several. Ascending. */
  #ranges: (readonly [number, number])[] = [];
  #forgottenUpTo = 0;

  /** A delta that stands for these was delivered. */
  add(first: number, last: number): void {
    if (first >= last) return;
    this.#ranges.push([first, last]);
    if (this.#ranges.length <= rangesKept) return;
    this.#forgottenUpTo = this.#ranges.shift()?.[1] ?? this.#forgottenUpTo;
  }

  has(revision: number): boolean {
    if (revision <= this.#forgottenUpTo) return true;
    for (let at = this.#ranges.length - 1; at >= 0; at -= 1) {
      const [first, last] = this.#ranges[at] ?? [0, 0];
      if (revision > last) return false;
      if (revision >= first) return true;
    }
    return false;
  }

  /** The database was restored: what came after this revision is to come once more. */
  goBack(revision: number): void {
    this.#ranges = this.#ranges.flatMap(([first, last]) =>
      first > revision ? [] : [[first, Math.min(last, revision)]],
    );
    this.#forgottenUpTo = Math.min(this.#forgottenUpTo, revision);
  }
}
