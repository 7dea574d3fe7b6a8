/**
 * Strangers: connections of which it is not known yet whose they are. There is room for so many; when it is full, the address
 * that takes the most room gives way, so that a crowd from one machine cannot keep a host on another out.
 */
import type { Clock } from '../../src/base/clock.js';

export interface WaitingRoomOptions<Guest> {
  readonly clock: Clock;
  readonly maximum: number;
  /** Must end the guest's stay: it has left when this returns. */
  readonly expel: (guest: Guest) => void;
}

/** Among equals, the least time that one gets before a newer one may push it out: enough to say who it is. */
const graceMs = 2_000;

export class WaitingRoom<Guest> {
  readonly #options: WaitingRoomOptions<Guest>;
  /** In the order of their coming. */
  readonly #guests = new Map<Guest, { readonly address: string; readonly sinceMs: number }>();
  readonly #counts = new Map<string, number>();

  constructor(options: WaitingRoomOptions<Guest>) {
    this.#options = options;
  }

  get size(): number {
    return this.#guests.size;
  }

  /** Lets a guest in, another one out if it must be; false if there is no room for this one. */
  enter(address: string, guest: Guest): boolean {
    if (this.#guests.size >= this.#options.maximum) {
      const leaving = this.#whoGivesWay(address);
      if (leaving === null) return false;
      this.#options.expel(leaving);
      this.leave(leaving);
    }
    this.#guests.set(guest, { address, sinceMs: this.#options.clock.nowMs() });
    this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1);
    return true;
  }

  /** It is known now, or gone. */
  leave(guest: Guest): void {
    const entry = this.#guests.get(guest);
    if (entry === undefined) return;
    this.#guests.delete(guest);
    const left = (this.#counts.get(entry.address) ?? 1) - 1;
    if (left === 0) this.#counts.delete(entry.address);
    else this.#counts.set(entry.address, left);
  }

  #whoGivesWay(newcomer: string): Guest | null {
    const own = (this.#counts.get(newcomer) ?? 0) + 1;
    let [most, mostCount] = [newcomer, own];
    for (const [address, count] of this.#counts) if (count > mostCount) [most, mostCount] = [address, count];
    // Where everybody has one place, whoever has had it longest goes first.
    const isAmongEquals = most === newcomer;
    for (const [guest, { address, sinceMs }] of this.#guests) {
      if (address !== most && mostCount > 1) continue;
      const isInGrace = this.#options.clock.nowMs() - sinceMs < graceMs;
      return isAmongEquals && isInGrace ? null : guest;
    }
    return null;
  }
}
