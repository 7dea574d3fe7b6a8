/** The schema of the database: described by TypeORM's entities, brought up to date by its migrations. Loaded only when needed. */
import type pg from 'pg';
import { DataSource, MigrationExecutor } from 'typeorm';
import { migrations } from '../../migrations/index.js';
import { WeftError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { entities } from './entities.js';

/** Two starters migrate one after the other under this key, in the numbering of pg_advisory_lock. */
const MIGRATION_LOCK = 0x77656674;

/** TypeORM on one connection of its own. The caller initializes and destroys it. */
export function schemaDataSource({ connectionString, host, port, user, database, ...rest }: pg.PoolConfig): DataSource {
  const place =
    connectionString === undefined
      ? { host: host ?? '', port: port ?? 5432, username: user ?? '', database: String(database) }
      : { url: connectionString };
  const { connectionTimeoutMillis, keepAlive } = rest;
  return new DataSource({
    type: 'postgres',
    ...place,
    applicationName: 'weft schema',
    entities: [...entities],
    migrations: [...migrations],
    // Ids are made by Weft, so no extension is needed, nor the right to create one.
    installExtensions: false,
    uuidExtension: 'pgcrypto',
    logging: false,
    extra: { max: 1, connectionTimeoutMillis, keepAlive },
  });
}

/** Runs what is not there yet. @throws WeftError schema_too_new */
export async function migrateSchema(connection: pg.PoolConfig, log: Logger): Promise<void> {
  const dataSource = schemaDataSource(connection);
  await dataSource.initialize();
  try {
    await migrateUnderLock(dataSource, log);
  } finally {
    await dataSource.destroy();
  }
}

async function migrateUnderLock(dataSource: DataSource, log: Logger): Promise<void> {
  const queryRunner = dataSource.createQueryRunner();
  try {
    await queryRunner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const executor = new MigrationExecutor(dataSource, queryRunner);
    executor.transaction = 'each';
    const known = new Set(migrations.map(migration => migration.name));
    const foreign = (await executor.getExecutedMigrations()).map(each => each.name).filter(name => !known.has(name));
    if (foreign.length > 0)
      throw new WeftError('schema_too_new', { detail: `The database has the migration ${foreign.join(', ')}.` });
    for (const migration of await executor.executePendingMigrations())
      log.info({ migration: migration.name }, 'migrated');
  } finally {
    // Released with the session too, should the query fail on a broken connection.
    await queryRunner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    await queryRunner.release();
  }
}
