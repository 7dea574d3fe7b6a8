/**
 * Rows of one kind by id, with secondary indexes. A bucket of an index is an immutable array sorted by id that is
 * replaced when a row in it changes: whoever holds one holds a consistent list, and "is it the same array" answers
 * "has anything in it changed".
 */
import { byId, mergeSorted, placeOf } from './row-order.js';
import type { IndexValue } from './rows.js';
import { SortedRows } from './sorted-rows.js';

/** One row's change: absent before is a creation, absent after a deletion. */
export interface TableChange<R> {
  readonly id: string;
  readonly before: R | null;
  readonly after: R | null;
}

interface Index<R> {
  readonly valuesOf: (row: R) => readonly IndexValue[];
  readonly buckets: Map<IndexValue, readonly R[]>;
}

/** What a batch of changes does to one bucket. */
interface BucketEdit<R> {
  removed: Set<string> | null;
  readonly added: R[];
}

const empty: readonly never[] = Object.freeze([]);

export class Table<R extends { readonly id: string }> {
  readonly #rows = new Map<string, R>();
  readonly #sorted = new SortedRows(this.#rows);
  readonly #indexes = new Map<string, Index<R>>();

  constructor(indexes: Readonly<Record<string, (row: R) => readonly IndexValue[]>>) {
    for (const [name, valuesOf] of Object.entries(indexes)) {
      this.#indexes.set(name, { valuesOf, buckets: new Map() });
    }
  }

  get size(): number {
    return this.#rows.size;
  }

  get(id: string): R | null {
    return this.#rows.get(id) ?? null;
  }

  /** The rows under `value`, sorted by id. */
  by(index: string, value: IndexValue): readonly R[] {
    return this.#index(index).buckets.get(value) ?? empty;
  }

  /** Every row, sorted by id: good until the next change. */
  sorted(): readonly R[] {
    return this.#sorted.list();
  }

  ids(): Iterable<string> {
    return this.#rows.keys();
  }

  /** Applies changes of distinct rows; `before` must be what the table holds. */
  apply(changes: readonly TableChange<R>[]): void {
    for (const { id, after } of changes) {
      if (after === null) this.#rows.delete(id);
      else this.#rows.set(id, after);
      this.#sorted.note(id);
    }
    for (const index of this.#indexes.values()) applyToIndex(index, changes);
  }

  #index(name: string): Index<R> {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new Error(`no index ${name} is declared`);
    return index;
  }
}

function applyToIndex<R extends { readonly id: string }>(index: Index<R>, changes: readonly TableChange<R>[]): void {
  const edits = new Map<IndexValue, BucketEdit<R>>();
  const edit = (value: IndexValue): BucketEdit<R> => {
    let found = edits.get(value);
    if (found === undefined) edits.set(value, (found = { removed: null, added: [] }));
    return found;
  };
  for (const { id, before, after } of changes) {
    if (before !== null) for (const value of index.valuesOf(before)) (edit(value).removed ??= new Set()).add(id);
    if (after === null) continue;
    for (const value of index.valuesOf(after)) {
      const { added } = edit(value);
      // A list may name a value twice; the row's own entries in a bucket are adjacent.
      if (added.at(-1) !== after) added.push(after);
    }
  }
  for (const [value, { removed, added }] of edits) {
    const held = index.buckets.get(value) ?? empty;
    const bucket = isSmall(held, removed, added) ? spliced(held, removed, added) : merged(held, removed, added);
    if (bucket.length === 0) index.buckets.delete(value);
    else index.buckets.set(value, bucket);
  }
}

type Removed = ReadonlySet<string> | null;

/** Few rows of many: then finding their places is less than going over all of them. */
function isSmall<R>(held: readonly R[], removed: Removed, added: readonly R[]): boolean {
  return ((removed?.size ?? 0) + added.length) * 16 < held.length;
}

function spliced<R extends { readonly id: string }>(held: readonly R[], removed: Removed, added: R[]): readonly R[] {
  const bucket = held.slice();
  for (const id of removed ?? []) {
    const place = placeOf(bucket, id);
    if (bucket[place]?.id === id) bucket.splice(place, 1);
  }
  for (const row of added) bucket.splice(placeOf(bucket, row.id), 0, row);
  return bucket;
}

function merged<R extends { readonly id: string }>(held: readonly R[], removed: Removed, added: R[]): readonly R[] {
  const kept = removed === null ? held : held.filter(row => !removed.has(row.id));
  return mergeSorted(kept, added.sort(byId));
}
