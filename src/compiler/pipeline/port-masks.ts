/** Ranges of port numbers as flows match them. */
import type { Masked } from './flow.js';

/** The port numbers from `first` to `last` as masked values: as few as there can be. */
export function portMasks(first: number, last: number): readonly Masked[] {
  const masks: Masked[] = [];
  for (let start = first; start <= last; ) {
    let size = start === 0 ? 0x1_0000 : start & -start;
    while (start + size - 1 > last) size /= 2;
    masks.push({ value: BigInt(start), mask: BigInt(0x1_0000 - size) });
    start += size;
  }
  return masks;
}
