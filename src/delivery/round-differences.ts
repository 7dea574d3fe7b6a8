/**
 * The differences that a round is made of. Those of a large round are made beforehand, a slice at a time, and kept until it is put
 * together: there may be more of them than are kept for all switches (difference.ts).
 */
import { nextTurn } from '../base/next-turn.js';
import type { SwitchChange } from './bundle-plan.js';
import { fragmentDifference } from './difference.js';
import type { EncodedFragment } from './encoded-fragment.js';
import type { DirtyEntry, HostLedger, Installed } from './host-ledger.js';

/** So many fragments cannot be looked at without others having to wait: more than a millisecond. */
export const largeRound = 100;
/** To make a difference takes so many times as long as to see that it need not be made. */
const stepsMade = 8;

interface Made {
  readonly from: Installed;
  readonly to: EncodedFragment | null;
  readonly change: SwitchChange;
}

export class RoundDifferences {
  #made: Map<string, Made> | null = null;

  /**
   * Makes what a large round needs.
   * @param isHeld whether the change is held back for now: there may be many more of these than go
   */
  async warmUp(
    ledger: HostLedger,
    desired: (key: string) => EncodedFragment | null,
    isHeld: (entry: DirtyEntry, target: EncodedFragment | null) => boolean,
  ): Promise<void> {
    const made = new Map<string, Made>();
    let steps = 0;
    for (const entry of ledger.dirty.values()) {
      const { key, installed } = entry;
      const to = desired(key);
      const isWanted = installed !== 'unknown' && installed !== to && !isHeld(entry, to);
      if (isWanted) made.set(key, { from: installed, to, change: fragmentDifference(installed, to) });
      steps += isWanted ? stepsMade : 1;
      if (steps < largeRound * stepsMade) continue;
      steps = 0;
      await nextTurn();
    }
    this.#made = made;
  }

  /** What turns what is installed into the target. */
  of({ key, installed }: DirtyEntry, target: EncodedFragment | null): SwitchChange {
    if (installed === 'unknown') throw new Error(`what is installed of ${key} is not known`);
    const made = this.#made?.get(key);
    if (made !== undefined && made.from === installed && made.to === target) return made.change;
    return fragmentDifference(installed, target);
  }

  /** The round is put together. */
  forget(): void {
    this.#made = null;
  }
}
