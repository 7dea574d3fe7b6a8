/** What the feed reads from in tests. */
import type { CommittedChanges, FeedSource, LoggedChanges } from '../../src/view/feed.js';
import type { RowAfter, Snapshot } from '../../src/view/network-view.js';
import type { Kind } from '../../src/model/index.js';
import { RandomNetwork } from '../compiler/random-network.js';

/** A store that remembers every revision of a random network, and fails when told to. */
export class FakeStore implements FeedSource {
  #network: RandomNetwork;
  #log: { readonly revision: number; readonly rows: readonly RowAfter<Kind>[] }[] = [];
  #life = 1;
  /** Checks of the revisions that the reader has got from here. */
  readonly #followed = new Map<number, number>();
  failures = 0;
  snapshots = 0;
  reads = 0;
  inFlight = 0;
  mostInFlight = 0;
  /** Revisions up to this one are no longer in the log. */
  trimmedTo = 0;
  /** This revision is missing from the log. */
  gapAt = 0;

  constructor(seed: number) {
    this.#network = new RandomNetwork(seed);
  }

  get revision(): number {
    return this.#network.revision;
  }

  /** Returns what was committed, as the process that did is told. */
  write(times: number): CommittedChanges[] {
    return Array.from({ length: times }, () => {
      const rows = this.#network.operate();
      const { revision } = this.#network;
      this.#log.push({ revision, rows });
      const changes = rows.map(row => ({ ...row, revision }));
      return { revision, changes, check: this.#checkOf(revision), previousCheck: this.#checkOf(revision - 1) };
    });
  }

  /** Another life of the database; told from the old one if `isTold`. */
  restore(seed: number, isTold = false): void {
    this.#network = new RandomNetwork(seed);
    this.#log = [];
    if (isTold) this.#life += 1;
  }

  #checkOf(revision: number): number {
    return revision * 100 + this.#life;
  }

  continues({ revision, check, previousCheck }: CommittedChanges): boolean {
    if (this.#followed.get(revision - 1) !== previousCheck) return false;
    this.#followed.set(revision, check);
    return true;
  }

  checkOf(revision: number): number {
    return this.#followed.get(revision) ?? 0;
  }

  contents(): Snapshot {
    return this.#network.snapshot();
  }

  async snapshot(): Promise<Snapshot> {
    this.snapshots += 1;
    return this.#answer(() => {
      this.#followed.set(this.revision, this.#checkOf(this.revision));
      return this.#network.snapshot();
    });
  }

  async changesSince(revision: number, limitRevisions: number): Promise<LoggedChanges | 'trimmed' | 'rewound'> {
    this.reads += 1;
    return this.#answer(() => {
      if (this.#life > 1 && this.#followed.get(revision) !== this.#checkOf(revision)) return 'rewound';
      if (revision < this.trimmedTo) return 'trimmed';
      const entries = this.#log.filter(entry => entry.revision > revision && entry.revision !== this.gapAt);
      const read = entries.slice(0, limitRevisions);
      for (const entry of read) this.#followed.set(entry.revision, this.#checkOf(entry.revision));
      const changes = read.flatMap(entry => entry.rows.map(row => ({ ...row, revision: entry.revision })));
      return { revision: read.at(-1)?.revision ?? this.revision, changes };
    });
  }

  async #answer<T>(make: () => T): Promise<T> {
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    await new Promise(resolve => setImmediate(resolve));
    this.inFlight -= 1;
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('the connection was lost');
    }
    return make();
  }
}
