import assert from 'node:assert/strict';
import pg from 'pg';
import { migrations } from '../../migrations/index.js';
import { systemClock } from '../../src/base/clock.js';
import { WeftError } from '../../src/base/errors.js';
import { silentLogger } from '../../src/base/log.js';
import { openDataSource } from '../../src/store/data-source.js';
import { schemaDataSource } from '../../src/store/schema.js';
import { sharedPostgres } from '../fixtures/postgres.js';

const postgres = sharedPostgres();
const suite = postgres === null ? describe.skip : describe;

suite('The schema', function () {
  this.timeout(60_000);
  let databaseUrl = '';
  before(async () => {
    databaseUrl = (await (await postgres)?.createDatabase()) ?? '';
  });
  const open = () => openDataSource({ databaseUrl, dataDirectory: '' }, silentLogger, systemClock, () => undefined);

  it('made by the migrations is the one that the entities describe', async () => {
    await (await open()).close();
    const dataSource = await schemaDataSource({ connectionString: databaseUrl }).initialize();
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    await dataSource.destroy();
    assert.deepEqual(
      upQueries.map(({ query }) => query),
      [],
    );
  });

  it('can be taken back and made again', async () => {
    await (await open()).close();
    const dataSource = await schemaDataSource({ connectionString: databaseUrl }).initialize();
    for (const _ of migrations) await dataSource.undoLastMigration();
    const tables: { n: number }[] = await dataSource.query(
      `SELECT count(*)::integer AS n FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migrations'`,
    );
    assert.equal(tables[0]?.n, 0);
    await dataSource.destroy();
    await (await open()).close();
  });

  it('of a newer Weft is refused', async () => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query(`INSERT INTO migrations (timestamp, name) VALUES (4102444800000, 'FromTheFuture4102444800000')`);
    await assert.rejects(open(), (error: unknown) => {
      assert.ok(error instanceof WeftError);
      assert.equal(error.code, 'schema_too_new');
      assert.match(error.detail, /FromTheFuture/);
      return true;
    });
    await client.query('DELETE FROM migrations WHERE timestamp = 4102444800000');
    await client.end();
  });

  it('is not reached where there is no database', async () => {
    const settings = { databaseUrl: 'postgres://weft@127.0.0.1:1/none', dataDirectory: '' };
    await assert.rejects(
      openDataSource(settings, silentLogger, systemClock, () => undefined),
      { code: 'store_unavailable' },
    );
  });
});
