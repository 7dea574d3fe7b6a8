/**
 * Quotas and uses of tokens on a real Postgres, with two Wefts on one database: PGlite's single session would hide a race.
 */
import assert from 'node:assert/strict';
import { WeftError } from '../../src/base/errors.js';
import type { Store } from '../../src/store/store.js';
import { sharedPostgres } from '../fixtures/postgres.js';
import { context, openTestStore } from '../fixtures/stores.js';

const postgres = sharedPostgres();
const suite = postgres === null ? describe.skip : describe;
const limit = 10;

suite('Trust between two Wefts', function () {
  this.timeout(60_000);
  let databaseUrl = '';
  let stores: Store[] = [];
  const open = (auth: 'none' | 'token') =>
    openTestStore({ databaseUrl, auth, quotas: new Map([['logical-switches', limit]]) });
  before(async () => {
    databaseUrl = (await (await postgres)?.createDatabase()) ?? '';
    stores = [await open('token'), await open('token')];
  });
  after(() => Promise.all(stores.map(store => store.close())));

  const store = (place: number): Store => stores[place % stores.length] ?? assert.fail('no store');
  const create = (place: number, projectId: string, of = store(place)) =>
    of.write({ ...context, projectId }, tx => tx.create('logical-switches', { name: `s${place}` }));
  const used = async (projectId: string, of = store(0)): Promise<number | undefined> =>
    (await of.usage(projectId)).find(({ kind }) => kind === 'logical-switches')?.used;

  it('a project never has more than its quota, whoever writes at the same time', async () => {
    const written = await Promise.allSettled(Array.from({ length: 40 }, (_, place) => create(place, 'crowd')));
    const refused = written.flatMap(each => (each.status === 'rejected' ? [each.reason as unknown] : []));
    assert.equal(refused.length, 40 - limit);
    for (const error of refused)
      assert.ok(error instanceof WeftError && error.code === 'quota_exceeded', String(error));
    const { rows } = await store(0).list('logical-switches', { filters: { projectId: 'crowd' }, limit: 100 });
    assert.deepEqual([rows.length, await used('crowd')], [limit, limit]);
    // What goes makes room for exactly as much, in one transaction too.
    const [first] = rows;
    assert.ok(first !== undefined);
    await store(1).write(context, async tx => {
      await tx.delete('logical-switches', first.id);
      await tx.create('logical-switches', { name: 'instead', project_id: 'crowd' });
    });
    assert.equal(await used('crowd'), limit);
    // Given to another project, it counts there.
    const [second] = rows.slice(1);
    assert.ok(second !== undefined);
    await store(0).write(context, tx => tx.merge('logical-switches', second.id, { project_id: 'heir' }));
    assert.deepEqual([await used('crowd'), await used('heir')], [limit - 1, 1]);
  });

  it('a refused write changes nothing, neither rows nor counters', async () => {
    const before = await store(0).currentRevision();
    const operations = Array.from({ length: limit + 1 }, (_, place) => ({ name: `t${place}`, project_id: 'greedy' }));
    await assert.rejects(
      store(0).write(context, async tx => {
        for (const value of operations) await tx.create('logical-switches', value);
      }),
      { code: 'quota_exceeded' },
    );
    assert.deepEqual([await store(0).currentRevision(), await used('greedy')], [before, 0]);
  });

  it('what was written while nobody was authenticated is counted at the next start', async () => {
    const open1 = await open('none');
    for (let place = 0; place < limit + 2; place += 1) await create(place, 'early', open1);
    assert.deepEqual(await open1.usage('early'), []);
    await open1.close();
    const again = await open('token');
    assert.equal(await used('early', again), limit + 2);
    await assert.rejects(create(0, 'early', again), { code: 'quota_exceeded' });
    await again.close();
  });

  it('when a token was used is known to the other Weft, and after a restart', async () => {
    const { result } = await store(0).write(context, tx =>
      tx.create('tokens', { name: 't', role: 'reader', project_id: 'p' }),
    );
    const { id } = result.row;
    const here = store(0).tokenUses();
    const stop = await here.start();
    assert.equal(here.lastUsed(id), null);
    here.note(id);
    const at = here.lastUsed(id);
    assert.ok(at !== null);
    await stop();
    const there = store(1).tokenUses();
    await (await there.start())();
    assert.equal(there.lastUsed(id), at);
    await store(0).write(context, tx => tx.delete('tokens', id));
    await (await there.start())();
    assert.equal(there.lastUsed(id), null, 'what is revoked is forgotten');
  });
});
