/**
 * Places of flows on a switch: table, priority and match. There can be one flow in each, so a fragment that puts a flow where another
 * has one takes it away from that one. Among what is desired at one time no place is wanted twice; between what is there still and
 * what comes, an address that goes from one object to another is such a place.
 */
import { flowMessages, type EncodedFragment } from './encoded-fragment.js';
import { imageOfAdd } from './encoding.js';
import type { FlightEntry } from './host-ledger.js';

/** Of versions that are held back: looked at again in every round until they go. */
const placesOf = new WeakMap<EncodedFragment, readonly string[]>();

function places(fragment: EncodedFragment): readonly string[] {
  let known = placesOf.get(fragment);
  if (known === undefined) {
    known = flowMessages(fragment).map(message => imageOfAdd(message).identity);
    placesOf.set(fragment, known);
  }
  return known;
}

/** Keys of `staying` of whose installed version some flow is replaced once the targets of `going` are on the switch. */
export function displaced(going: Iterable<FlightEntry>, staying: Iterable<FlightEntry>): ReadonlySet<string> {
  const holders = new Map<string, string>();
  for (const { entry } of staying) {
    if (entry.installed === null || entry.installed === 'unknown') continue;
    for (const place of places(entry.installed)) holders.set(place, entry.key);
  }
  const found = new Set<string>();
  if (holders.size === 0) return found;
  for (const { target } of going) {
    for (const message of target === null ? [] : flowMessages(target)) {
      const holder = holders.get(imageOfAdd(message).identity);
      if (holder !== undefined && holder !== target?.key) found.add(holder);
    }
  }
  return found;
}
