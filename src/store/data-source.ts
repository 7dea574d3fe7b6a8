/** The connections to the database, Postgres or the embedded one, with its schema brought up to date. */
import pg from 'pg';
import { migrations } from '../../migrations/index.js';
import type { Clock } from '../base/clock.js';
import { WeftError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { type EmbeddedDatabase, startEmbedded } from './embedded.js';
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
 * Every statement finds its rows by keys, whatever the values: planned once on each connection. Postgres by itself plans some of them
 * at each execution, because it thinks better of a list whose length it sees; for those that takes longer than executing them.
 */
const PLANNING = '-c plan_cache_mode=force_generic_plan -c jit=off';

/** Opens the database and migrates it. `onFailure` is called if the embedded database ends by itself. */
export async function openDataSource(
  settings: DataSourceSettings,
  log: Logger,
  clock: Clock,
  onFailure: (error: Error) => void,
): Promise<OpenDataSource> {
  const embedded = settings.databaseUrl === null ? await startEmbedded(settings.dataDirectory, onFailure) : null;
  const connection = embedded === null ? postgresConnection(settings.databaseUrl ?? '') : embeddedConnection(embedded);
  const pool = new pg.Pool(connection);
  // A connection that breaks while nobody uses it is replaced when the next one is wanted.
  pool.on('error', error => log.debug({ err: error }, 'an idle connection to the database has broken'));
  const warnings: string[] = [];
  const close = async (): Promise<void> => {
    await pool.end();
    await embedded?.stop();
  };
  try {
    refuseOldServer(await serverVersion(pool));
    await migrate(pool, connection, log);
    if (embedded === null) warnings.push(...(await weaknesses(pool)));
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
  const sessions = new Sessions(pool, clock, embedded !== null);
  return { sessions, durability, warnings, writers, listenerConfig, close };
}

/** Parameters of a URL that would replace what is set here, or have the driver end connections that are in use. */
const REFUSED_PARAMETERS = ['options', 'query_timeout'];

function postgresConnection(url: string): pg.PoolConfig {
  const given = new URLSearchParams(url.slice(url.indexOf('?') + 1));
  const refused = REFUSED_PARAMETERS.find(name => url.includes('?') && given.has(name));
  if (refused !== undefined)
    throw new WeftError('invalid_option', { detail: `The URL of the database cannot set ${refused}: Weft does.` });
  return {
    connectionString: url,
    application_name: 'weft',
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    pipeline: true,
    options: PLANNING,
  };
}

function embeddedConnection(embedded: EmbeddedDatabase): pg.PoolConfig {
  return {
    host: embedded.socketDirectory,
    port: 5432,
    user: 'postgres',
    database: 'postgres',
    // One session whatever the number of connections: a second client would share prepared statements and settings.
    max: 1,
    connectionTimeoutMillis: EMBEDDED_CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: 0,
    pipeline: true,
  };
}

/** The version of the server in the numbering of Postgres, with which the first connection is made. */
async function serverVersion(pool: pg.Pool): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const text = `SELECT current_setting('server_version_num')::integer AS version`;
      const { rows } = await pool.query<{ version: number }>(text);
      return rows[0]?.version ?? 0;
    } catch (error) {
      if (!isConnectTimeout(error) || attempt === CONNECT_ATTEMPTS) throw error;
    }
  }
}

function refuseOldServer(version: number): void {
  if (version < OLDEST_POSTGRES)
    throw new WeftError('database_unsupported', { detail: `The server says version ${Math.floor(version / 10_000)}.` });
}

/** Why a commit that the server acknowledges may not survive a power failure. */
async function weaknesses(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ fsync: string; synchronous_commit: string }>(
    `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit`,
  );
  const [{ fsync, synchronous_commit: commit } = { fsync: 'on', synchronous_commit: 'on' }] = rows;
  const settings = [...(fsync === 'off' ? ['fsync'] : []), ...(commit === 'off' ? ['synchronous_commit'] : [])];
  return settings.map(
    name => `the database runs with ${name}=off: acknowledged writes may not survive a power failure`,
  );
}

/**
 * Brings the schema up to date; safe when several start at once. A schema newer than this program is refused. TypeORM is loaded only
 * where there is something to migrate: it takes a third of a second and some 15 MB, which a restart does without.
 */
async function migrate(pool: pg.Pool, connection: pg.PoolConfig, log: Logger): Promise<void> {
  if (await isMigrated(pool)) return;
  const { migrateSchema } = await import('./schema.js');
  await migrateSchema(connection, log);
}

/** Whether the database has exactly the migrations of this program. */
async function isMigrated(pool: pg.Pool): Promise<boolean> {
  const found = await pool.query<{ found: boolean }>(`SELECT to_regclass('migrations') IS NOT NULL AS found`);
  if (found.rows[0]?.found !== true) return false;
  const { rows } = await pool.query<{ name: string }>('SELECT name FROM migrations');
  const done = new Set(rows.map(({ name }) => name));
  return done.size === migrations.length && migrations.every(({ name }) => done.has(name));
}
