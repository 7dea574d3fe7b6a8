/**
 * The random checks of the newest revisions, remembered from what the feed reads. Delivery writes them into the sentinel of a
 * switch, so that a revision of a restored database is not mistaken for one of the same number before.
 */
import type { Changes } from './change-log.js';
import type { Snapshot } from './reading.js';

export interface RevisionSource {
  snapshot(): Promise<Snapshot>;
  changesSince(revision: number, limitRevisions: number): Promise<Changes | 'trimmed'>;
}

const kept = 4_096;

export class RevisionChecks implements RevisionSource {
  readonly #source: RevisionSource;
  /** By revision, oldest first. */
  readonly #checks = new Map<number, number>();

  constructor(source: RevisionSource) {
    this.#source = source;
  }

  async snapshot(): Promise<Snapshot> {
    const snapshot = await this.#source.snapshot();
    // What came before may have been another life of the database.
    this.#checks.clear();
    this.#checks.set(snapshot.revision, snapshot.check);
    return snapshot;
  }

  async changesSince(revision: number, limitRevisions: number): Promise<Changes | 'trimmed'> {
    const read = await this.#source.changesSince(revision, limitRevisions);
    if (read === 'trimmed') return read;
    for (const change of read.changes) this.#checks.set(change.revision, change.check);
    for (const oldest of this.#checks.keys()) {
      if (this.#checks.size <= kept) break;
      this.#checks.delete(oldest);
    }
    return read;
  }

  /** 24 bits; 0 for a revision that is not among the newest, which agrees with none. */
  checkOf(revision: number): number {
    return this.#checks.get(revision) ?? 0;
  }
}
