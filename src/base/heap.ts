/** How the memory of this process grows. */
import { setFlagsFromString } from 'node:v8';

/**
 * Percent by which the heap may grow over what was alive after one full collection until the next. V8 by itself lets a heap of our
 * size grow to four times of that where the machine has memory enough.
 */
const GROWTH_PERCENT = 50;

/** To be called first: V8 looks at this setting at every collection. */
export function boundHeapGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
