/** The embedded database: PGlite in a worker thread behind a Unix socket, with an exclusive lock on its directory. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type DataDirectoryLock, lockDataDirectory } from './data-directory-lock.js';

/** What the worker is started with. */
export interface EmbeddedOptions {
  readonly dataDirectory: string;
  readonly socketPath: string;
}

export type EmbeddedMessage = 'started' | 'stop' | 'stopped';

export interface EmbeddedDatabase {
  /** Directory of the socket, for a Postgres client's `host`. */
  readonly socketDirectory: string;
  stop(): Promise<void>;
}

/** A directory name that stands for a database in memory, gone when it is stopped; for tests. */
export const IN_MEMORY = 'memory:';

const STOP_TIMEOUT_MS = 10_000;

/** Starts the embedded database. `onFailure` is called if its thread ends by itself. */
export async function startEmbedded(
  dataDirectory: string,
  onFailure: (error: Error) => void,
): Promise<EmbeddedDatabase> {
  const place = dataDirectory === IN_MEMORY ? inMemory() : await onDisk(dataDirectory);
  const options: EmbeddedOptions = {
    dataDirectory: place.dataDirectory,
    socketPath: join(place.socketDirectory, '.s.PGSQL.5432'),
  };
  // A socket left by a process that was killed: the lock says that nobody listens on it.
  rmSync(options.socketPath, { force: true });
  const worker = new Worker(new URL('./pglite-worker.js', import.meta.url), { workerData: options });
  try {
    await started(worker);
  } catch (error) {
    await place.release();
    throw error;
  }
  let stopping = false;
  worker.on('error', error => onFailure(error instanceof Error ? error : new Error(String(error))));
  worker.on('exit', code => {
    if (!stopping) onFailure(new Error(`the embedded database ended with status ${code}`));
  });
  return {
    socketDirectory: place.socketDirectory,
    stop: async () => {
      stopping = true;
      const exited = once(worker, 'exit');
      const timer = setTimeout(() => void worker.terminate(), STOP_TIMEOUT_MS);
      worker.postMessage('stop' satisfies EmbeddedMessage);
      await exited;
      clearTimeout(timer);
      await place.release();
    },
  };
}

/** Resolves when the thread serves; rejects if it ends before, with or without an error. */
function started(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (code: number): void => reject(new Error(`the embedded database ended with status ${code}`));
    worker.once('exit', ended);
    worker.once('error', reject);
    worker.once('message', () => {
      worker.off('exit', ended);
      worker.off('error', reject);
      resolve();
    });
  });
}

interface Place {
  readonly dataDirectory: string;
  readonly socketDirectory: string;
  release(): Promise<void>;
}

function inMemory(): Place {
  const socketDirectory = mkdtempSync(join(tmpdir(), 'weft-'));
  return {
    dataDirectory: 'memory://',
    socketDirectory,
    release: async () => rmSync(socketDirectory, { recursive: true, force: true }),
  };
}

async function onDisk(directory: string): Promise<Place> {
  const lock: DataDirectoryLock = await lockDataDirectory(directory);
  const dataDirectory = join(directory, 'pglite');
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  return { dataDirectory, socketDirectory: lock.shortPath, release: () => lock.release() };
}
