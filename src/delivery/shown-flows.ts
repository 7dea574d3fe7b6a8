/**
 * How switches show the flows of a fragment: the fingerprint of each that was found to be as it should be. A dump in which it is met
 * again needs no decoding, and as all switches of one build show the same bytes, one switch is looked at for all.
 */
import type { EncodedFragment } from './encoded-fragment.js';

/** NaN: not met yet. */
const fingerprintsOf = new WeakMap<EncodedFragment, number[]>();

/** The flow was found to be the one at this place of the fragment. */
export function noteShown(fragment: EncodedFragment, index: number, fingerprint: number): void {
  let known = fingerprintsOf.get(fragment);
  if (known === undefined) {
    known = Array.from({ length: fragment.flowCount }, () => Number.NaN);
    fingerprintsOf.set(fragment, known);
  }
  known[index] = fingerprint;
}

/** The fingerprints of all its flows, in their order; null while one of them was not met. */
export function shownFlowsOf(fragment: EncodedFragment): readonly number[] | null {
  if (fragment.flowCount === 0) return [];
  const known = fingerprintsOf.get(fragment);
  return known === undefined || known.some(Number.isNaN) ? null : known;
}
