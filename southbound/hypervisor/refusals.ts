/**
 * Who was not let in, and why. A host that is refused dials again every second: it is logged once for each peer, listener and
 * reason, counted every time, and shown for as long as it keeps trying.
 */
import type { Clock } from '../../src/base/clock.js';
import type { Logger } from '../../src/base/log.js';
import { listNames, type RefusalCode, type Refused } from './certificate.js';

/** What the listener is for. */
export type ListenerUse = 'ovsdb' | 'flows' | 'punt';

/** Somebody at a door, as far as it is known who. */
export interface Caller {
  /** Without the port, which is another at each attempt. */
  readonly address: string;
  /** Names in its certificate, whether or not that is to be trusted. */
  readonly names: readonly string[];
}

export interface Refusal extends Caller, Refused {
  readonly listener: ListenerUse;
  /** Attempts since the first. */
  readonly count: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

export interface RefusalTotal {
  readonly listener: ListenerUse;
  readonly code: RefusalCode;
  readonly count: number;
}

/** Open vSwitch dials again within 8 s: whoever is silent for this long has given up. */
const rememberedMs = 600_000;
/** Peers and reasons that are told apart; what comes beyond is only counted. */
const maximumEntries = 256;
/** Of one address, so that it cannot hide the others. */
const maximumOfAddress = 32;
/** Names of a certificate that are shown. */
const mostNames = 4;
const longestText = 300;

/**
 * What a peer says of itself, for logs and terminals: only so much of it, without control characters. A new text, because a slice
 * keeps all that it was cut from.
 */
export function printable(text: string): string {
  const start = text.slice(0, longestText).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  return Buffer.from(text.length > longestText ? `${start}…` : start).toString();
}

interface Entry {
  readonly refusal: Refusal;
  readonly lastMs: number;
  /** It was let in since: not shown, but not logged again either. */
  isSettled: boolean;
}

export class Refusals {
  readonly #clock: Clock;
  readonly #log: Logger;
  /** By peer, listener and reason, those that tried last at the end. */
  readonly #entries = new Map<string, Entry>();
  readonly #totals = new Map<string, { listener: ListenerUse; code: RefusalCode; count: number }>();
  #isFullSinceMs: number | null = null;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Those who were refused in the last ten minutes, the latest last. */
  get recent(): readonly Refusal[] {
    this.#forget();
    return [...this.#entries.values()].filter(entry => !entry.isSettled).map(entry => entry.refusal);
  }

  /** All refusals since the start. */
  get totals(): Iterable<RefusalTotal> {
    return this.#totals.values();
  }

  add(listener: ListenerUse, caller: Caller, refused: Refused): void {
    this.#count(listener, refused.code);
    this.#forget();
    const { address } = caller;
    const names = caller.names.slice(0, mostNames).map(printable);
    const reason = printable(refused.reason);
    const key = JSON.stringify([listener, address, names, reason]);
    const known = this.#entries.get(key);
    if (known === undefined && this.#isFull(address)) return this.#tellFull();
    const at = this.#clock.wallTime();
    this.#entries.delete(key);
    this.#entries.set(key, {
      lastMs: this.#clock.nowMs(),
      isSettled: false,
      refusal: {
        listener,
        address,
        names,
        code: refused.code,
        reason,
        count: (known?.refusal.count ?? 0) + 1,
        firstAt: known?.refusal.firstAt ?? at,
        lastAt: at,
      },
    });
    if (known !== undefined) return;
    this.#log.warn(
      { listener, peer: address, certificate: listNames(names), code: refused.code, reason },
      'a peer is refused; further attempts of it are only counted',
    );
  }

  /** A host was let in from there: what was wrong before is mended. */
  settle(listener: ListenerUse, address: string): void {
    for (const entry of this.#entries.values()) {
      if (entry.refusal.listener === listener && entry.refusal.address === address) entry.isSettled = true;
    }
  }

  #count(listener: ListenerUse, code: RefusalCode): void {
    const key = `${listener} ${code}`;
    const total = this.#totals.get(key) ?? { listener, code, count: 0 };
    total.count += 1;
    this.#totals.set(key, total);
  }

  #isFull(address: string): boolean {
    if (this.#entries.size >= maximumEntries) return true;
    let ofAddress = 0;
    for (const { refusal } of this.#entries.values()) if (refusal.address === address) ofAddress += 1;
    return ofAddress >= maximumOfAddress;
  }

  #forget(): void {
    const sinceMs = this.#clock.nowMs() - rememberedMs;
    for (const [key, { lastMs }] of this.#entries) {
      if (lastMs >= sinceMs) break;
      this.#entries.delete(key);
    }
  }

  /** A crowd of ever new peers must not fill the log. */
  #tellFull(): void {
    const nowMs = this.#clock.nowMs();
    if (this.#isFullSinceMs !== null && nowMs - this.#isFullSinceMs < rememberedMs) return;
    this.#isFullSinceMs = nowMs;
    this.#log.warn(
      { peers: this.#entries.size },
      'more peers are refused than can be told apart: the others are only counted',
    );
  }
}
