/** The order of rows by their ids, and sorted lists of them. */

interface HasId {
  readonly id: string;
}

/** Compares by UTF-16 code units: the same order on every machine, unlike `localeCompare`. */
export const compareIds = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

/** The same for rows. */
export const byId = (left: HasId, right: HasId): number => compareIds(left.id, right.id);

/** Where the row with this id is, or would be. */
export function placeOf(rows: readonly HasId[], id: string): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const row = rows[middle];
    if (row !== undefined && row.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Both in one, in the order of ids; a copy unless the second is empty. */
export function mergeSorted<R extends HasId>(left: readonly R[], right: readonly R[]): readonly R[] {
  // Copied: an array that grew by `push` has room for many more, and most buckets have one row.
  if (left.length === 0) return right.slice();
  if (right.length === 0) return left;
  const merged: R[] = [];
  let next = 0;
  for (const row of left) {
    for (let other = right[next]; other !== undefined && other.id < row.id; other = right[next]) {
      merged.push(other);
      next += 1;
    }
    merged.push(row);
  }
  for (; next < right.length; next += 1) merged.push(right[next] as R);
  return merged.slice();
}
