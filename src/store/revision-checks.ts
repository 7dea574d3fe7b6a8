/**
 * The random checks of the newest revisions, remembered from what the feed reads. Delivery writes them into the sentinel of a
 * switch, so that a revision of a restored database is not mistaken for one of the same number before.
 */
import type { Changes } from './change-log.js';
import type { CommittedRevision } from './committed-revision.js';
import type { Snapshot } from './reading.js';

export interface RevisionSource {
  snapshot(): Promise<Snapshot>;
  /** With the check of the revision that the reader holds, `rewound` if the source has another one of that number. */
  changesSince(
    revision: number,
    limitRevisions: number,
    options: { readonly check: number },
  ): Promise<Changes | 'trimmed' | 'rewound'>;
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

  async changesSince(revision: number, limitRevisions: number): Promise<Changes | 'trimmed' | 'rewound'> {
    const read = await this.#source.changesSince(revision, limitRevisions, { check: this.checkOf(revision) });
    if (typeof read === 'string') return read;
    for (const change of read.changes) this.#remember(change.revision, change.check);
    return read;
  }

  /** Whether the revision is the one after what is held here, and not one of another life of the database; then it is remembered. */
  continues({ revision, check, previousCheck }: CommittedRevision): boolean {
    if (previousCheck === 0 || this.checkOf(revision - 1) !== previousCheck) return false;
    this.#remember(revision, check);
    return true;
  }

  #remember(revision: number, check: number): void {
    this.#checks.set(revision, check);
    for (const oldest of this.#checks.keys()) {
      if (this.#checks.size <= kept) break;
      this.#checks.delete(oldest);
    }
  }

  /** 24 bits; 0 for a revision that is not among the newest, which agrees with none. */
  checkOf(revision: number): number {
    return this.#checks.get(revision) ?? 0;
  }
}
