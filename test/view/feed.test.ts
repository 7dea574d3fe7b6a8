import assert from 'node:assert/strict';
import { silentLogger } from '../../src/base/log.js';
import { Feed, type FeedSource, type LoggedChanges } from '../../src/view/feed.js';
import { NetworkView, type RowAfter, type Snapshot, type Touched } from '../../src/view/network-view.js';
import type { Kind } from '../../src/model/index.js';
import { RandomNetwork } from '../compiler/random-network.js';
import { ManualClock } from '../fakes/manual-clock.js';

/** A store that remembers every revision of a random network, and fails when told to. */
class FakeStore implements FeedSource {
  #network: RandomNetwork;
  #log: { readonly revision: number; readonly rows: readonly RowAfter<Kind>[] }[] = [];
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

  write(times: number): void {
    for (let time = 0; time < times; time += 1) {
      const rows = this.#network.operate();
      this.#log.push({ revision: this.#network.revision, rows });
    }
  }

  restore(seed: number): void {
    this.#network = new RandomNetwork(seed);
    this.#log = [];
  }

  contents(): Snapshot {
    return this.#network.snapshot();
  }

  async snapshot(): Promise<Snapshot> {
    this.snapshots += 1;
    return this.#answer(() => this.#network.snapshot());
  }

  async changesSince(revision: number, limitRevisions: number): Promise<LoggedChanges | 'trimmed'> {
    this.reads += 1;
    return this.#answer(() => {
      if (revision < this.trimmedTo) return 'trimmed';
      const entries = this.#log.filter(entry => entry.revision > revision && entry.revision !== this.gapAt);
      const read = entries.slice(0, limitRevisions);
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

interface Following {
  readonly store: FakeStore;
  readonly view: NetworkView;
  readonly clock: ManualClock;
  readonly feed: Feed;
  readonly touched: Touched[];
  /** Lets reads in flight come to their end. */
  readonly settle: () => Promise<void>;
}

function follow(limitRevisions = 500): Following {
  const store = new FakeStore(7);
  const view = new NetworkView();
  const clock = new ManualClock();
  const touched: Touched[] = [];
  const onTouched = (batch: Touched): void => void touched.push(batch);
  const feed = new Feed({ source: store, view, clock, log: silentLogger, onTouched, limitRevisions });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 40; turn += 1) await new Promise(resolve => setImmediate(resolve));
  };
  return { store, view, clock, feed, touched, settle };
}

function assertHolds({ view, store }: Following): void {
  const rows = view
    .everything()
    .changes.flatMap(({ after }) => (after !== null && 'createdAt' in after ? [after] : []));
  const expected = new Map(Object.values(store.contents().rows).flatMap(ofKind => ofKind.map(row => [row.id, row])));
  assert.deepEqual(new Map(rows.map(row => [row.id, row])), expected);
  assert.equal(view.revision, store.revision);
}

describe('The feed', () => {
  it('starts with a snapshot, then reads what follows it', async () => {
    const following = follow();
    const { feed, store, settle } = following;
    await feed.start();
    await settle();
    assert.equal(store.snapshots, 1);
    store.write(10);
    feed.nudge();
    await settle();
    assertHolds(following);
    assert.equal(store.snapshots, 1);
    assert.equal(following.touched.length, 2);
    await feed.stop();
  });

  it('finds what nobody told it of within a second', async () => {
    const following = follow();
    const { feed, store, clock, settle } = following;
    await feed.start();
    await settle();
    store.write(3);
    clock.advance(999);
    await settle();
    assert.notEqual(following.view.revision, store.revision);
    clock.advance(1);
    await settle();
    assertHolds(following);
    await feed.stop();
  });

  it('applies whole revisions in order, a limited number at a time, with one read in flight', async () => {
    const following = follow(4);
    const { feed, store, settle, touched } = following;
    await feed.start();
    await settle();
    store.write(10);
    for (let nudge = 0; nudge < 5; nudge += 1) feed.nudge();
    await settle();
    assertHolds(following);
    assert.deepEqual(
      touched.map(batch => batch.revision),
      [1, 5, 9, 11],
    );
    assert.equal(store.mostInFlight, 1);
    await feed.stop();
  });

  it('takes a nudge during a read as a reason to read again', async () => {
    const following = follow();
    const { feed, store, settle } = following;
    await feed.start();
    await settle();
    feed.nudge();
    store.write(1);
    feed.nudge();
    await settle();
    assertHolds(following);
    await feed.stop();
  });

  for (const [name, spoil] of [
    ['trimmed', (store: FakeStore) => (store.trimmedTo = store.revision - 2)],
    ['lacks a revision in the middle', (store: FakeStore) => (store.gapAt = store.revision - 2)],
    ['lacks the last revisions', (store: FakeStore) => (store.gapAt = store.revision)],
  ] as const) {
    it(`applies the difference to a snapshot when the log ${name}`, async () => {
      const following = follow();
      const { feed, store, settle, touched } = following;
      await feed.start();
      await settle();
      store.write(20);
      spoil(store);
      feed.nudge();
      await settle();
      assertHolds(following);
      assert.equal(store.snapshots, 2);
      const last = touched.at(-1)?.changes ?? [];
      assert.ok(last.length > 0 && last.length < 200, `${last.length} changes`);
      await feed.stop();
    });
  }

  it('does not read in a tight loop when snapshots do not help', async () => {
    const following = follow();
    const { feed, store, settle } = following;
    store.trimmedTo = Number.POSITIVE_INFINITY;
    await feed.start();
    await settle();
    assert.ok(store.snapshots <= 2, `${store.snapshots} snapshots`);
    await feed.stop();
  });

  it('follows a store that has gone back to an older state', async () => {
    const following = follow();
    const { feed, store, settle } = following;
    await feed.start();
    store.write(10);
    feed.nudge();
    await settle();
    store.restore(8);
    store.write(2);
    feed.nudge();
    await settle();
    assertHolds(following);
    await feed.stop();
  });

  it('tries again after failures, waiting longer each time, and is not hurried by nudges', async () => {
    const following = follow();
    const { feed, store, clock, settle } = following;
    store.failures = 3;
    const started = feed.start();
    await settle();
    const delaysMs = [100, 200, 400];
    for (const [place, delayMs] of delaysMs.entries()) {
      assert.equal(store.snapshots, place + 1);
      feed.nudge();
      clock.advance(delayMs - 1);
      await settle();
      assert.equal(store.snapshots, place + 1);
      clock.advance(1);
      await settle();
    }
    await started;
    assertHolds(following);
    store.write(5);
    store.failures = 1;
    feed.nudge();
    await settle();
    clock.advance(100);
    await settle();
    assertHolds(following);
    await feed.stop();
  });

  it('leaves nothing behind when stopped, even during a read', async () => {
    const following = follow();
    const { feed, store, clock, touched, settle } = following;
    await feed.start();
    await settle();
    const before = touched.length;
    store.write(1);
    feed.nudge();
    await feed.stop();
    assert.equal(clock.pending, 0);
    assert.equal(touched.length, before);
    assert.equal(store.inFlight, 0);
  });
});
