/**
 * Tokens that were refused, by the address that they came from. Whoever presents many is not told any more whether a further one is good,
 * where that would take the check of a signature: what costs nothing (tokens of Weft's own, and those that were found good before) goes on.
 */
import { parseIp } from '../../src/base/address.js';
import type { Clock } from '../../src/base/clock.js';
import { RateLimit } from './rate-limit.js';

/** Refused tokens a second of one address; twice as many at once. */
const perSecond = 10;
/** Whoever has one IPv6 address has all of its network. */
const interfaceBits = 64n;

export class FailedAttempts {
  readonly #limit: RateLimit;

  constructor(clock: Clock) {
    this.#limit = new RateLimit(clock, perSecond);
  }

  /** A token from there was refused. */
  count(address: string): void {
    this.#limit.take(keyOf(address));
  }

  /** In how many seconds a signature is checked again for that address; 0: now. */
  wait(address: string): number {
    return this.#limit.wait(keyOf(address));
  }
}

function keyOf(address: string): string {
  const ip = parseIp(address);
  return ip?.family === 6 ? `${ip.value >> interfaceBits}` : address;
}
