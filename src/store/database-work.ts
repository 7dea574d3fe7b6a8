/** Counts what is asked of the database, by what it is asked for. */

/** What a session was borrowed for: `log` is the change log, which the feed and watches read; `tokens` are their uses, and what projects have. */
export const purposes = ['write', 'read', 'snapshot', 'log', 'lease', 'notify', 'trim', 'tokens'] as const;
export type Purpose = (typeof purposes)[number];

/** Since the start. */
export interface DatabaseWork {
  /** Statements sent. */
  readonly statements: number;
  /** Times that something was sent: statements that are sent together are one round trip. */
  readonly roundTrips: number;
  /** Rows in the answers. */
  readonly rows: number;
}

export type MutableWork = { -readonly [K in keyof DatabaseWork]: DatabaseWork[K] };

export class DatabaseWorkCounts {
  readonly #counts: Readonly<Record<Purpose, MutableWork>> = {
    write: noWork(),
    read: noWork(),
    snapshot: noWork(),
    log: noWork(),
    lease: noWork(),
    notify: noWork(),
    trim: noWork(),
    tokens: noWork(),
  };

  /** Where to count what is done for this purpose. */
  of(purpose: Purpose): MutableWork {
    return this.#counts[purpose];
  }
}

function noWork(): MutableWork {
  return { statements: 0, roundTrips: 0, rows: 0 };
}
