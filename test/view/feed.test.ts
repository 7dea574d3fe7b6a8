import assert from 'node:assert/strict';
import { silentLogger } from '../../src/base/log.js';
import { type CommittedChanges, Feed } from '../../src/view/feed.js';
import { NetworkView, type Touched } from '../../src/view/network-view.js';
import { SeededRandom } from '../seeded-random.js';
import { ManualClock } from '../fakes/manual-clock.js';
import { FakeStore } from './fake-feed-source.js';

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

interface Following {
  readonly store: FakeStore;
  readonly view: NetworkView;
  readonly clock: ManualClock;
  readonly feed: Feed;
  readonly touched: Touched[];
  /** Lets reads in flight come to their end. */
  readonly settle: () => Promise<void>;
}

function follow(limitRevisions = 500, changesATurn = 1_000): Following {
  const store = new FakeStore(7);
  const view = new NetworkView();
  const clock = new ManualClock();
  const touched: Touched[] = [];
  const onTouched = (batch: Touched): void => void touched.push(batch);
  const feed = new Feed({ source: store, view, clock, log: silentLogger, onTouched, limitRevisions, changesATurn });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 40; turn += 1) await nextTurn();
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
      const whole = touched[0]?.changes.length ?? 0;
      assert.ok(last.length > 0 && last.length < whole / 2, `${last.length} changes, where all would be ${whole}`);
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

  it('has caught up when a read that began later has brought everything, however little is read at a time', async () => {
    const following = follow(2);
    const { store, view, feed, settle, clock } = following;
    await feed.start();
    await settle();
    store.write(1);
    feed.nudge();
    await nextTurn();
    // This one is read already.
    store.write(5);
    const heldThen = feed.caughtUp().then(() => view.revision);
    assert.equal(await heldThen, store.revision);
    store.failures = 2;
    store.write(1);
    let isCaughtUp = false;
    void feed.caughtUp().then(() => (isCaughtUp = true));
    await settle();
    assert.equal(isCaughtUp, false);
    clock.advance(1_000);
    await settle();
    clock.advance(1_000);
    await settle();
    assert.equal(isCaughtUp, true);
    assertHolds(following);
    // The database was restored, and nobody has said so.
    store.restore(11, true);
    store.write(3);
    await feed.caughtUp();
    assertHolds(following);
    await feed.stop();
  });

  it('takes what this process has committed without a read, if it is the next revision', async () => {
    const following = follow();
    const { store, feed, settle, touched } = following;
    store.write(3);
    await feed.start();
    await settle();
    const reads = store.reads;
    for (const committed of store.write(5)) {
      feed.offer(committed);
      await settle();
    }
    assertHolds(following);
    assert.equal(store.reads, reads);
    assert.equal(touched.length, 6);
    // Several at once are one batch, in whichever order they are told.
    for (const committed of store.write(4).toReversed()) feed.offer(committed);
    await settle();
    assertHolds(following);
    assert.equal(touched.length, 7);
    await feed.stop();
  });

  it('lets others run after so many changes, of what it has read and of what it was told', async () => {
    for (const [isTold, isSlow] of [
      [false, false],
      [true, false],
      [true, true],
    ]) {
      const turns: number[] = [];
      let turn = 0;
      const store = new FakeStore(7);
      const view = new NetworkView();
      const onTouched = async (): Promise<void> => {
        turns.push(turn);
        const { revision } = view;
        if (isSlow === true) for (let rest = 0; rest < 3; rest += 1) await nextTurn();
        assert.equal(view.revision, revision, 'the view stays as it is until all is done that follows from it');
      };
      const clock = new ManualClock();
      const feed = new Feed({ source: store, view, clock, log: silentLogger, onTouched, changesATurn: 4 });
      await feed.start();
      for (let rest = 0; rest < 10; rest += 1) await nextTurn();
      turns.length = 0;
      const committed = store.write(30);
      if (isTold === true) for (const each of committed) feed.offer(each);
      else feed.nudge();
      while (view.revision < store.revision) {
        await nextTurn();
        turn += 1;
      }
      await feed.stop();
      assert.equal(view.revision, store.revision);
      assert.equal(new Set(turns).size, turns.length, 'no two batches in one turn');
      assert.ok(turns.length > 3 && turns.length < 30, `${turns.length} batches`);
    }
  });

  it('reads the log where others have committed between', async () => {
    const following = follow();
    const { store, feed, settle } = following;
    store.write(3);
    await feed.start();
    await settle();
    store.write(2);
    for (const committed of store.write(1)) feed.offer(committed);
    await settle();
    assertHolds(following);
    await feed.stop();
  });

  it('never takes a revision of another life of the database for the next one, and follows that one', async () => {
    const following = follow();
    const { store, feed, settle, view } = following;
    store.write(20);
    await feed.start();
    await settle();
    store.restore(99, true);
    store.write(20);
    assert.equal(store.revision, view.revision);
    for (const committed of store.write(1)) feed.offer(committed);
    await settle();
    assertHolds(following);
    assert.equal(feed.rewinds, 1);
    await feed.stop();
  });

  it('learns from what it has committed itself that the database has lost it, whether or not another has that number now', async () => {
    for (const ahead of [0, 1]) {
      const following = follow();
      const { store, feed, settle, view } = following;
      store.write(20);
      await feed.start();
      await settle();
      const [committed] = store.write(1);
      assert.ok(committed !== undefined);
      feed.offer({ ...committed, revision: committed.revision + ahead, check: committed.check + 1, previousCheck: 1 });
      await settle();
      assertHolds(following);
      assert.equal(view.revision, committed.revision);
      assert.deepEqual([feed.snapshots, feed.rewinds], [2, 1]);
      await feed.stop();
    }
  });

  it('counts the snapshot after a gap, within which the database may have been restored unnoticed', async () => {
    const following = follow();
    const { store, feed, settle, view } = following;
    store.write(20);
    await feed.start();
    await settle();
    assert.equal(feed.snapshots, 1);
    store.gapAt = view.revision + 1;
    store.write(2);
    feed.nudge();
    await settle();
    assertHolds(following);
    assert.deepEqual([feed.snapshots, feed.rewinds], [2, 0]);
    await feed.stop();
  });

  it('holds every revision once and in order, however offers, nudges and failures come', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = new SeededRandom(seed);
      const following = follow(1 + (seed % 4), 1 + (seed % 7));
      const { store, feed, settle, clock, touched } = following;
      store.write(2);
      await feed.start();
      const late: CommittedChanges[] = [];
      for (let step = 0; step < 40; step += 1) {
        const committed = store.write(random.below(3));
        // Told at once, late, twice, out of order or never.
        for (const each of committed) {
          if (random.chance(0.6)) feed.offer(each);
          if (random.chance(0.4)) late.push(each);
        }
        if (random.chance(0.3)) for (const each of late.splice(0).toReversed()) feed.offer(each);
        if (random.chance(0.2)) feed.nudge();
        if (random.chance(0.1)) store.failures = 1;
        if (random.chance(0.5)) await new Promise(resolve => setImmediate(resolve));
        if (random.chance(0.2)) clock.advance(700);
      }
      store.failures = 0;
      for (let time = 0; time < 4; time += 1) {
        clock.advance(1_000);
        await settle();
      }
      assertHolds(following);
      let revision = 0;
      for (const batch of touched) {
        assert.ok(batch.revision > revision, `seed ${seed}`);
        ({ revision } = batch);
      }
      await feed.stop();
    }
  });
});
