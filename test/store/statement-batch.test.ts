/** Statements that go together: what comes back of each, and what is left at the server when one fails. The protocol is written by hand there. */
import assert from 'node:assert/strict';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/log.js';
import { openDataSource, type OpenDataSource } from '../../src/store/data-source.js';
import type { DatabaseSession } from '../../src/store/sessions.js';
import { sharedPostgres } from '../fixtures/postgres.js';

const postgres = sharedPostgres();
const databases: [string, () => Promise<string | null>][] = [['PGlite', async () => null]];
if (postgres !== null) databases.push(['Postgres', async () => (await postgres).createDatabase()]);

for (const [name, database] of databases) {
  describe(`Statements in a batch (${name})`, function () {
    this.timeout(60_000);
    let open: OpenDataSource;
    before(async () => {
      const settings = { databaseUrl: await database(), dataDirectory: 'memory:' };
      open = await openDataSource(settings, silentLogger, systemClock, () => undefined);
      await run(session => session.query('CREATE TABLE things (id integer PRIMARY KEY, name text)'));
    });
    after(() => open.close());

    const run = <T>(work: (session: DatabaseSession) => Promise<T>): Promise<T> =>
      open.sessions.run('read', { withinMs: 20_000 }, work);
    const prepared = async (session: DatabaseSession): Promise<number> =>
      Number((await session.query('SELECT count(*)::integer AS n FROM pg_prepared_statements')).rows[0]?.['n']);

    it('gives texts and lists back as they were given', async () => {
      const texts = ['', 'NULL', '{}', 'a,b', '"quoted"', 'back\\slash', "it's", 'ünï\n', '{"a":1}'];
      const { rows } = await run(session =>
        session.query('SELECT $1::text AS one, $2::text[] AS list, $3::text AS none, $4::integer[] AS numbers', [
          texts[4],
          [...texts, null],
          null,
          [1, -2],
        ]),
      );
      assert.deepEqual(rows, [{ one: texts[4], list: [...texts, null], none: null, numbers: [1, -2] }]);
    });

    it('tells the answers of several statements apart, also of the same one', async () => {
      const results = await run(session =>
        Promise.all([
          session.query('SELECT $1::integer AS n', [1]),
          session.query('SELECT generate_series(1, 3) AS m, true AS t', []),
          session.query('SELECT $1::integer AS n', [2]),
          session.query({ text: 'SELECT $1::integer, $2::text', values: [3, 'x'], rowMode: 'array' }),
          session.query("INSERT INTO things VALUES ($1, 'one'), ($2, 'two')", [1, 2]),
        ]),
      );
      assert.deepEqual(results[0].rows, [{ n: 1 }]);
      assert.deepEqual(
        results[1].rows,
        [1, 2, 3].map(m => ({ m, t: true })),
      );
      assert.deepEqual(results[2].rows, [{ n: 2 }]);
      assert.deepEqual(results[3].rows, [[3, 'x']]);
      assert.deepEqual([results[4].command, results[4].rowCount], ['INSERT', 2]);
    });

    for (const at of [0, 1, 2]) {
      it(`fails as a whole when statement ${at} of three does, and the next batch goes on`, async () => {
        await run(async session => {
          const texts = ['SELECT 1 AS n', 'SELECT 2 AS n', 'SELECT 3 AS n'];
          texts[at] = 'SELECT 1 / $1::integer AS n';
          const outcomes = await Promise.allSettled(
            texts.map((text, index) => session.query(text, index === at ? [0] : [])),
          );
          assert.deepEqual(
            outcomes.map(({ status }) => status),
            ['rejected', 'rejected', 'rejected'],
          );
          for (const outcome of outcomes)
            assert.match(String((outcome as PromiseRejectedResult).reason), /division by zero/);
          const again = await Promise.all(texts.map((text, index) => session.query(text, index === at ? [1] : [])));
          assert.deepEqual(
            again.map(({ rows }) => rows[0]?.['n']),
            [1, 2, 3].map((n, index) => (index === at ? 1 : n)),
          );
        });
      });
    }

    it('does not pile up at the server what fails', async () => {
      await run(async session => {
        await session.query('SELECT $1::integer', [1]);
        const before = await prepared(session);
        for (let attempt = 0; attempt < 20; attempt += 1) {
          await assert.rejects(session.query('SELECT 10 / ($1::integer - 5) AS often', [5]), /division by zero/);
        }
        assert.ok((await prepared(session)) <= before + 1);
      });
    });

    it('prepares anew what is of no use any more', async () => {
      const ask = (session: DatabaseSession) => session.query('SELECT * FROM things WHERE id = $1', [1]);
      await run(async session => {
        await ask(session);
        await session.query('ALTER TABLE things ADD COLUMN more text');
        await assert.rejects(ask(session), /cached plan/);
        assert.deepEqual(Object.keys((await ask(session)).rows[0] ?? {}), ['id', 'name', 'more']);
      });
    });

    it('refuses a value that is no parameter where it is asked, and sends the others', async () => {
      await run(async session => {
        const good = session.query('SELECT $1::integer AS n', [7]);
        await assert.rejects(session.query('SELECT $1::json', [{ an: 'object' }]), TypeError);
        assert.deepEqual((await good).rows, [{ n: 7 }]);
      });
    });

    it('takes no query after the end of its work', async () => {
      const kept = await run(async session => {
        await session.query('SELECT 1 AS n', []);
        return session;
      });
      await assert.rejects(kept.query('SELECT 2 AS n', []), /after the end of its session/);
      assert.deepEqual((await run(session => session.query('SELECT 3 AS n', []))).rows, [{ n: 3 }]);
    });
  });
}

describe('The URL of the database', () => {
  for (const parameter of ['options=-c%20jit=on', 'query_timeout=5000']) {
    it(`cannot set ${parameter}`, async () => {
      const databaseUrl = `postgres://weft@127.0.0.1:1/weft?application_name=x&${parameter}`;
      const opening = openDataSource({ databaseUrl, dataDirectory: '' }, silentLogger, systemClock, () => undefined);
      await assert.rejects(opening, { code: 'invalid_option' });
    });
  }
});
