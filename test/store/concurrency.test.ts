import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/base/clock.js';
import { WeftError } from '../../src/base/errors.js';
import { silentLogger } from '../../src/base/log.js';
import type { ChangeLogRow } from '../../src/store/change-log.js';
import { openDataSource } from '../../src/store/data-source.js';
import type { Store, Transaction } from '../../src/store/store.js';
import { sharedPostgres } from '../fixtures/postgres.js';
import { spawnWriter } from '../fixtures/writer-process.js';
import { context, openTestStore } from '../fixtures/stores.js';

type Work = (tx: Transaction) => Promise<unknown>;

/** Runs both at once and says with which code the loser was refused; fails unless exactly one won. */
async function contest(store: Store, works: readonly [Work, Work]): Promise<string> {
  const outcomes = await Promise.allSettled(works.map(work => store.write(context, work)));
  const lost = outcomes.filter(outcome => outcome.status === 'rejected').map(outcome => outcome.reason as unknown);
  assert.equal(lost.length, 1, `${lost.length} of two were refused: ${lost.map(String).join('; ')}`);
  const [failure] = lost;
  assert.ok(failure instanceof WeftError, String(failure));
  return failure.code;
}

const postgres = sharedPostgres();
const suite = postgres === null ? describe.skip : describe;

suite('Concurrent writers on Postgres', () => {
  let store: Store;
  let url: string;
  before(async function () {
    this.timeout(60_000);
    url = (await (await postgres)?.createDatabase()) ?? '';
    store = await openTestStore({ databaseUrl: url });
  });
  after(() => store.close());

  const newSwitch = async (...cidrs: string[]): Promise<string> => {
    const body = { name: 's', subnets: cidrs.map(cidr => ({ cidr })) };
    return (await store.write(context, tx => tx.create('logical-switches', body))).result.row.id;
  };
  const port =
    (switchId: string, more: object): Work =>
    tx =>
      tx.create('logical-switch-ports', { name: 'p', logical_switch_id: switchId, ...more });

  it('of 500 conflicting pairs exactly one of each wins', async function () {
    this.timeout(60_000);
    const switchId = await newSwitch('10.0.0.0/16');
    const other = await newSwitch('10.0.0.0/24');
    const { result } = await store.write(context, tx => tx.create('logical-routers', { name: 'r' }));
    const routerId = result.row.id;
    await store.write(context, tx =>
      tx.create('logical-router-ports', { name: 'rp', logical_router_id: routerId, networks: ['172.16.0.1/16'] }),
    );
    const pairs: { code: string; works: [Work, Work] }[] = [];
    for (let index = 0; index < 100; index += 1) {
      const ips = [`10.0.${Math.floor(index / 200)}.${(index % 200) + 10}`];
      const mac = `0a:00:00:00:00:${index.toString(16).padStart(2, '0')}`;
      const cidr = `10.${index + 1}.0.0`;
      const route = { logical_router_id: routerId, destination: `192.168.${index}.0/24`, next_hop: '172.16.0.9' };
      const id = randomUUID();
      const subnet =
        (length: number): Work =>
        tx =>
          tx.create('subnets', { logical_switch_id: switchId, cidr: `${cidr}/${length}` });
      pairs.push({ code: 'address_in_use', works: [port(switchId, { ips }), port(switchId, { ips })] });
      pairs.push({ code: 'mac_in_use', works: [port(switchId, { mac, ips: [] }), port(switchId, { mac, ips: [] })] });
      pairs.push({ code: 'subnet_overlap', works: [subnet(16), subnet(20)] });
      pairs.push({
        code: 'route_in_use',
        works: [tx => tx.create('static-routes', route), tx => tx.create('static-routes', route)],
      });
      pairs.push({
        code: 'id_in_use',
        works: [port(other, { id, name: 'a', ips: [] }), port(other, { id, name: 'b', ips: [] })],
      });
    }
    assert.equal(pairs.length, 500);
    const codes = await Promise.all(pairs.map(({ works }) => contest(store, works)));
    assert.deepEqual(
      codes,
      pairs.map(({ code }) => code),
    );
  });

  it('never allocate one thing twice', async () => {
    const switchId = await newSwitch('10.9.0.0/24');
    const made = await Promise.all(Array.from({ length: 200 }, () => store.write(context, port(switchId, {}))));
    assert.equal(made.length, 200);
    const { rows } = await store.list('logical-switch-ports', { filters: { logicalSwitchId: switchId }, limit: 1000 });
    for (const values of [
      rows.map(row => row.ips[0]?.ip ?? ''),
      rows.map(row => String(row.portKey)),
      rows.map(row => row.mac),
    ])
      assert.equal(new Set(values).size, 200);
    const switches = await Promise.all(Array.from({ length: 50 }, () => newSwitch()));
    const all = await store.list('logical-switches', { limit: 1000 });
    assert.equal(new Set(all.rows.map(row => row.datapathKey)).size, all.rows.length);
    assert.equal(new Set(all.rows.map(row => row.number)).size, all.rows.length);
    assert.equal(switches.length, 50);
  });

  it('share the last address of a pool so that one gets it', async () => {
    const codes = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const switchId = await newSwitch(`10.77.${index}.0/31`);
        await store.write(context, port(switchId, {}));
        return contest(store, [port(switchId, {}), port(switchId, {})]);
      }),
    );
    assert.deepEqual(new Set(codes), new Set(['addresses_exhausted']));
  });

  it('of a deletion and a reference to what it deletes one wins', async () => {
    for (let round = 0; round < 20; round += 1) {
      const switchId = await newSwitch();
      const code = await contest(store, [port(switchId, {}), tx => tx.delete('logical-switches', switchId)]);
      assert.ok(code === 'in_use' || code === 'reference_not_found', code);
    }
  });

  it('make revisions without a gap, and a reader that follows sees them in order', async function () {
    this.timeout(60_000);
    const from = await store.currentRevision();
    const switches = await Promise.all(Array.from({ length: 4 }, () => newSwitch()));
    const seen: ChangeLogRow[] = [];
    let writing = true;
    const follow = async (): Promise<void> => {
      for (let at = from; ; ) {
        const last = !writing;
        const read = await store.changesSince(at, 7);
        assert.ok(typeof read !== 'string');
        seen.push(...read.changes);
        const revisions = new Set(read.changes.map(change => change.revision));
        for (let revision = at + 1; revision <= read.revision; revision += 1)
          assert.ok(revisions.has(revision), `revision ${revision} was told of before it could be read`);
        if (last && read.revision === at) return;
        at = read.revision;
      }
    };
    const reading = follow();
    const writer = async (index: number): Promise<void> => {
      for (let round = 0; round < 15; round += 1) await store.write(context, port(switches[index % 4] ?? '', {}));
    };
    await Promise.all(Array.from({ length: 16 }, (_, index) => writer(index)));
    writing = false;
    await reading;
    const revisions = [...new Set(seen.map(change => change.revision))];
    const expected = Array.from({ length: 4 + 16 * 15 }, (_, index) => from + 1 + index);
    assert.deepEqual(revisions, expected);
    assert.deepEqual(
      seen.map(change => change.revision),
      seen.map(change => change.revision).toSorted((a, b) => a - b),
    );
  });

  it('leave whole transactions behind when they are killed, and every one that they acknowledged', async function () {
    this.timeout(60_000);
    const switchId = await newSwitch();
    const before = await store.currentRevision();
    const child = spawnWriter({ WRITER_DATABASE_URL: url, WRITER_SWITCH: switchId });
    const acknowledged: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(line);
      if (acknowledged.length === 40) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const { rows } = await store.list('logical-switch-ports', { filters: { logicalSwitchId: switchId }, limit: 1000 });
    const ids = new Set(rows.map(row => row.id));
    for (const id of acknowledged) assert.ok(ids.has(id), 'an acknowledged write is lost');
    assert.equal(rows.length % 2, 0, 'half a transaction is there');
    const after = await store.currentRevision();
    assert.equal(after - before, rows.length / 2);
    // Its locks went with it.
    await store.write(context, port(switchId, {}));
  });

  it('migrate one after the other when two start at once', async () => {
    const cluster = await postgres;
    const fresh = (await cluster?.createDatabase()) ?? '';
    const settings = { databaseUrl: fresh, dataDirectory: '' };
    const both = await Promise.all(
      [1, 2, 3].map(() => openDataSource(settings, silentLogger, systemClock, () => undefined)),
    );
    for (const open of both) await open.close();
  });

  it('hear of the commits of another controller', async () => {
    const second = await openTestStore({ databaseUrl: url });
    try {
      const heard = new Promise<void>(resolve => second.onCommit(() => resolve()));
      await newSwitch();
      await heard;
    } finally {
      await second.close();
    }
  });

  it('survive a crash of the server: refused meanwhile, served again after', async function () {
    this.timeout(60_000);
    const cluster = await postgres;
    const switchId = await newSwitch();
    await cluster?.crashAndRestart();
    const deadline = Date.now() + 10_000;
    for (;;) {
      try {
        await store.write(context, port(switchId, {}));
        break;
      } catch (error) {
        assert.ok(error instanceof WeftError && error.entry.status === 503, String(error));
        if (Date.now() > deadline) throw error;
      }
    }
  });
});
