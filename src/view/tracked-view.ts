/**
 * How a rule sees the network. Whatever is read through it is recorded, and is all that the rule's output may
 * depend on: nothing else (no module state, no time, no randomness) may enter.
 */
import type { IndexName, IndexValue, NetworkRow, ViewKind } from './rows.js';

export interface TrackedView {
  /** The row, or null when there is none; a row that appears later counts as a change of this read. */
  get<K extends ViewKind>(kind: K, id: string): NetworkRow<K> | null;
  /** The rows under one value of a declared index, sorted by id. */
  by<K extends ViewKind, I extends IndexName<K>>(kind: K, index: I, value: IndexValue): readonly NetworkRow<K>[];
}
