/** The connection to the database, Postgres or the embedded one, with its schema brought up to date. */
import type pg from 'pg';
import { DataSource, type DataSourceOptions, MigrationExecutor } from 'typeorm';
import { migrations } from '../../migrations/index.js';
import type { Clock } from '../base/clock.js';
import { WeftError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { type EmbeddedDatabase, startEmbedded } from './embedded.js';
import { entities } from './entities.js';
import { Sessions } from './sessions.js';
import { isConnectTimeout } from './sql-errors.js';

/**
 * What survives: `full` is a commit on the disk of a Postgres server; `process-crash` is a commit that outlives the process
 * but not a loss of power, because PGlite never forces its writes to disk.
 */
export type Durability = 'full' | 'process-crash';

export interface DataSourceSettings {
  /** A `postgres://` URL; null for the embedded database in `dataDirectory`. */
  readonly databaseUrl: string | null;
  readonly dataDirectory: string;
}

export interface OpenDataSource {
  readonly dataSource: DataSource;
  readonly sessions: Sessions;
  readonly durability: Durability;
  /** What the operator of the database should know, in words. */
  readonly warnings: readonly string[];
  /** How many transactions may write at a time. */
  readonly writers: number;
  /** How to open a connection outside the pool, for LISTEN; null for the embedded database, which is one session. */
  readonly listenerConfig: pg.ClientConfig | null;
  readonly close: () => Promise<void>;
}

const OLDEST_POSTGRES = 150_000;
const POOL_SIZE = 16;
/** The rest of the pool is for readers. */
const POSTGRES_WRITERS = 12;
/** Short, because it is tried again: a fresh attempt gets through at once where one from before the outage still waits. */
const CONNECT_TIMEOUT_MS = 2_000;
/** How often at the start, where nothing else tries again. */
const CONNECT_ATTEMPTS = 5;
/** The embedded database is one session: whoever waits, waits for the transactions before, among them long ones. */
const EMBEDDED_CONNECT_TIMEOUT_MS = 30_000;
/** By then whoever asked has given up; the server must not keep locks for a Weft that hangs or is cut off. */
const STATEMENT_TIMEOUT_MS = 15_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_DELAY_MS = 5_000;
/**
 * Every statement finds its rows by keys, whatever the values: planned once on each connection. Postgres by itself would plan most of
 * them at each execution, because it thinks better of a list whose length it sees; that takes as long as executing them.
 */
const PLANNING = '-c plan_cache_mode=force_generic_plan -c jit=off';
/** Two starters migrate one after the other under this key, in the numbering of pg_advisory_lock. */
const MIGRATION_LOCK = 0x77656674;

/** Opens the database and migrates it. `onFailure` is called if the embedded database ends by itself. */
export async function openDataSource(
  settings: DataSourceSettings,
  log: Logger,
  clock: Clock,
  onFailure: (error: Error) => void,
): Promise<OpenDataSource> {
  const embedded = settings.databaseUrl === null ? await startEmbedded(settings.dataDirectory, onFailure) : null;
  const connection = embedded === null ? postgresConnection(settings.databaseUrl ?? '') : embeddedConnection(embedded);
  const dataSource = new DataSource(connection);
  const warnings: string[] = [];
  const close = async (): Promise<void> => {
    if (dataSource.isInitialized) await dataSource.destroy();
    await embedded?.stop();
  };
  try {
    await connect(dataSource);
    await refuseOldServer(dataSource);
    await migrate(dataSource, log);
    if (embedded === null) warnings.push(...(await weaknesses(dataSource)));
  } catch (error) {
    await close();
    if (error instanceof WeftError) throw error;
    throw new WeftError('store_unavailable', { detail: 'The database cannot be opened.', cause: error });
  }
  const durability: Durability = embedded === null && warnings.length === 0 ? 'full' : 'process-crash';
  for (const warning of warnings) log.warn(warning);
  log.info({ durability, embedded: embedded !== null }, 'database open');
  const listenerConfig =
    settings.databaseUrl === null
      ? null
      : {
          connectionString: settings.databaseUrl,
          keepAlive: true,
          keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
          connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        };
  const writers = embedded === null ? POSTGRES_WRITERS : 1;
  const sessions = new Sessions(poolOf(dataSource), clock, embedded !== null);
  return { dataSource, sessions, durability, warnings, writers, listenerConfig, close };
}

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

const COMMON = {
  type: 'postgres',
  entities: [...entities],
  migrations: [...migrations],
  // Ids are made by Weft, so no extension is needed, nor the right to create one.
  installExtensions: false,
  uuidExtension: 'pgcrypto',
  logging: false,
} satisfies PostgresOptions;

function postgresConnection(url: string): PostgresOptions {
  return {
    ...COMMON,
    url,
    applicationName: 'weft',
    extra: {
      max: POOL_SIZE,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
      pipeline: true,
      options: PLANNING,
    },
  };
}

function embeddedConnection(embedded: EmbeddedDatabase): PostgresOptions {
  return {
    ...COMMON,
    host: embedded.socketDirectory,
    port: 5432,
    username: 'postgres',
    database: 'postgres',
    // One session whatever the number of connections: a second client would share prepared statements and settings.
    extra: { max: 1, connectionTimeoutMillis: EMBEDDED_CONNECT_TIMEOUT_MS, idleTimeoutMillis: 0, pipeline: true },
  };
}

/** The pool that TypeORM made. */
function poolOf(dataSource: DataSource): pg.Pool {
  return (dataSource.driver as unknown as { readonly master: pg.Pool }).master;
}

async function connect(dataSource: DataSource): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await dataSource.initialize();
      return;
    } catch (error) {
      if (!isConnectTimeout(error) || attempt === CONNECT_ATTEMPTS) throw error;
    }
  }
}

/** Why a commit that the server acknowledges may not survive a power failure. */
async function weaknesses(dataSource: DataSource): Promise<string[]> {
  const rows: { fsync: string; synchronous_commit: string }[] = await dataSource.query(
    `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit`,
  );
  const [{ fsync, synchronous_commit: commit } = { fsync: 'on', synchronous_commit: 'on' }] = rows;
  const settings = [...(fsync === 'off' ? ['fsync'] : []), ...(commit === 'off' ? ['synchronous_commit'] : [])];
  return settings.map(
    name => `the database runs with ${name}=off: acknowledged writes may not survive a power failure`,
  );
}

async function refuseOldServer(dataSource: DataSource): Promise<void> {
  const rows: { version: number }[] = await dataSource.query(
    `SELECT current_setting('server_version_num')::integer AS version`,
  );
  const version = rows[0]?.version ?? 0;
  if (version < OLDEST_POSTGRES)
    throw new WeftError('database_unsupported', { detail: `The server says version ${Math.floor(version / 10_000)}.` });
}

/** Brings the schema up to date; safe when several start at once. A schema newer than this program is refused. */
async function migrate(dataSource: DataSource, log: Logger): Promise<void> {
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
