/** A store whose Postgres is silent, cut off, or not the one that it was: every caller has an answer in time, and it comes back by itself. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { ChaosProxy } from '../../lab/chaos-proxy.js';
import type { WireMessage } from '../../lab/wire-framing.js';
import { systemClock } from '../../src/base/clock.js';
import { WeftError } from '../../src/base/errors.js';
import { silentLogger } from '../../src/base/log.js';
import { RevisionChecks } from '../../src/store/revision-checks.js';
import type { Store } from '../../src/store/store.js';
import { Feed } from '../../src/view/feed.js';
import { NetworkView } from '../../src/view/network-view.js';
import { sharedPostgres } from '../fixtures/postgres.js';
import { context, openTestStore } from '../fixtures/stores.js';

const postgres = sharedPostgres();
const suite = postgres === null ? describe.skip : describe;

const isCommitted = ({ name, detail }: WireMessage): boolean => name === 'CommandComplete' && detail === 'COMMIT';

suite('A store behind a bad way to Postgres', function () {
  this.timeout(60_000);
  let proxy: ChaosProxy;
  let store: Store;
  let directUrl = '';
  before(async () => {
    directUrl = (await (await postgres)?.createDatabase()) ?? '';
    const url = new URL(directUrl);
    proxy = await ChaosProxy.start({ target: { port: Number(url.port) }, protocol: 'postgres' });
    url.port = String(proxy.port);
    store = await openTestStore({ databaseUrl: url.href, writeWithinMs: 800 });
  });
  afterEach(() => proxy.heal());
  after(async () => {
    await store.close();
    await proxy.stop();
  });

  const write = (id: string = randomUUID()) =>
    store.write(context, tx => tx.create('logical-routers', { id, name: 'r' }));
  const codeOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'done',
      (error: unknown) => (error instanceof WeftError ? error.code : String(error)),
    );
  /** However long it takes on a busy machine, it ends. */
  const untilWritten = async (id?: string): Promise<void> => {
    for (;;) {
      const code = await codeOf(write(id));
      if (code === 'done') return;
      assert.ok(code === 'store_unavailable' || code === 'outcome_unknown', code);
    }
  };

  it('answers every write while nothing comes through, and serves again by itself', async () => {
    await write();
    proxy.blackHole();
    // More than have room at a time: those who wait are answered as well.
    const codes = await Promise.all(Array.from({ length: 20 }, () => codeOf(write())));
    assert.deepEqual(new Set(codes), new Set(['store_unavailable']));
    await Promise.all([assert.rejects(store.currentRevision()), assert.rejects(store.snapshot())]);
    await proxy.heal();
    await untilWritten();
  });

  it('says that it does not know when a commit is not answered, and the same request again is the same write', async () => {
    for (const how of ['reset', 'blackHole'] as const) {
      const id = randomUUID();
      await untilWritten();
      const fired = proxy.cut({ direction: 'toClient', matches: isCommitted, place: 'before', how });
      assert.equal(await codeOf(write(id)), 'outcome_unknown', how);
      await fired;
      await proxy.heal();
      await untilWritten(id);
      const { result } = await write(id);
      assert.equal(result.outcome, 'unchanged');
      assert.equal((await store.changesOf(result.row.revision)).length, 1);
    }
  });

  it('passes over connections that were closed while nobody used them', async () => {
    await Promise.all(Array.from({ length: 8 }, () => untilWritten()));
    const client = new pg.Client({ connectionString: directUrl });
    await client.connect();
    await client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await client.end();
    await write();
  });

  it('keeps the view in step through all of that, and hears of others again', async () => {
    const view = new NetworkView();
    const checks = new RevisionChecks(store);
    const feed = new Feed({ source: checks, view, clock: systemClock, log: silentLogger, onTouched: () => undefined });
    const stop = store.onCommit(committed => (committed === null ? feed.nudge() : feed.offer(committed)));
    await feed.start();
    const other = await openTestStore({ databaseUrl: directUrl });
    proxy.blackHole();
    await other.write(context, tx => tx.create('logical-routers', { name: 'meanwhile' }));
    await codeOf(write());
    await proxy.heal();
    proxy.resetAll();
    await untilWritten();
    const { revision } = await other.write(context, tx => tx.create('logical-routers', { name: 'after' }));
    while (view.revision < revision) await new Promise(resolve => setTimeout(resolve, 20));
    const { rows } = await other.list('logical-routers', { limit: 1_000 });
    assert.deepEqual(
      rows.map(row => view.get('logical-routers', row.id)),
      rows,
    );
    assert.equal(feed.rewinds, 0);
    stop();
    await feed.stop();
    await other.close();
  });

  it('is not taken in by a database that went back and was written on to the same revision', async () => {
    await write();
    const view = new NetworkView();
    const checks = new RevisionChecks(store);
    const feed = new Feed({ source: checks, view, clock: systemClock, log: silentLogger, onTouched: () => undefined });
    await feed.start();
    const lost = randomUUID();
    const { revision } = await write(lost);
    feed.nudge();
    while (view.revision < revision) await new Promise(resolve => setTimeout(resolve, 20));
    // What a restore does: the last revision never was, and another takes its number.
    const client = new pg.Client({ connectionString: directUrl });
    await client.connect();
    await client.query(`BEGIN; DELETE FROM logical_routers WHERE id = '${lost}'; DELETE FROM change_log WHERE revision = ${revision};
      DELETE FROM revisions WHERE revision = ${revision}; UPDATE store_head SET revision = ${revision - 1}; COMMIT`);
    await client.end();
    const other = await openTestStore({ databaseUrl: directUrl });
    const replacing = await other.write(context, tx => tx.create('logical-routers', { name: 'instead' }));
    assert.equal(replacing.revision, revision);
    assert.equal(await store.changesSince(revision, 10, { check: checks.checkOf(revision) }), 'rewound');
    while (view.get('logical-routers', replacing.result.row.id) === null) {
      feed.nudge();
      await new Promise(resolve => setTimeout(resolve, 20));
    }
    assert.equal(view.get('logical-routers', lost), null);
    assert.equal(feed.rewinds, 1);
    await feed.stop();
    await other.close();
  });
});
