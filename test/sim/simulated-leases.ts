/** The leases of the simulated database, with the semantics of the rows in Postgres. */
import type { VirtualTime } from './virtual-time.js';

interface LeaseRow {
  holder: string;
  term: number;
  expiresMs: number;
}

/** By name. */
export type LeaseBackup = ReadonlyMap<string, Readonly<LeaseRow>>;

export class SimulatedLeases {
  readonly #time: VirtualTime;
  #rows = new Map<string, LeaseRow>();

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** The term that the holder has it with from now on; null: another one has it. */
  acquire(name: string, holder: string, ttlMs: number): number | null {
    const nowMs = this.#time.nowMs();
    const row = this.#rows.get(name);
    if (row === undefined) {
      this.#rows.set(name, { holder, term: 1, expiresMs: nowMs + ttlMs });
      return 1;
    }
    if (row.holder !== holder && row.expiresMs >= nowMs) return null;
    if (row.holder !== holder) row.term += 1;
    row.holder = holder;
    row.expiresMs = nowMs + ttlMs;
    return row.term;
  }

  /** A term above `seen`; null: the holder has it no more. */
  raise(name: string, holder: string, seen: number): number | null {
    const row = this.#rows.get(name);
    if (row?.holder !== holder || row.expiresMs <= this.#time.nowMs()) return null;
    row.term = Math.max(row.term, seen) + 1;
    return row.term;
  }

  holderOf(name: string): string | null {
    return this.#rows.get(name)?.holder ?? null;
  }

  release(name: string, holder: string): void {
    const row = this.#rows.get(name);
    if (row?.holder === holder) row.expiresMs = Number.NEGATIVE_INFINITY;
  }

  backUp(): LeaseBackup {
    return new Map([...this.#rows].map(([name, row]) => [name, { ...row }]));
  }

  restore(backup: LeaseBackup): void {
    this.#rows = new Map([...backup].map(([name, row]) => [name, { ...row }]));
  }
}
