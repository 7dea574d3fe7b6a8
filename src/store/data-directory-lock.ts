/**
 * The exclusive lock on the data directory. PGlite has none of its own: two processes that open one directory lose committed
 * rows. Two sockets hold the lock, so that it ends with the process however that ends:
 *  - an abstract socket named by the directory's inode: taken or refused by the kernel in one step, within a network namespace;
 *  - a socket in the directory: a connection tells whether its owner lives, in other namespaces and containers too.
 */
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { WeftError } from '../base/errors.js';

export interface DataDirectoryLock {
  /** A short path of the directory: the path of a Unix socket has at most 107 bytes. */
  readonly shortPath: string;
  release(): Promise<void>;
}

const SOCKET = 'weft.lock';

/** Takes the lock; throws `data_directory_in_use` if a living process has it. */
export async function lockDataDirectory(directory: string): Promise<DataDirectoryLock> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const handle = openSync(directory, 'r');
  const shortPath = process.platform === 'linux' ? `/proc/self/fd/${handle}` : directory;
  const servers: Server[] = [];
  try {
    const { dev, ino } = statSync(directory);
    if (process.platform === 'linux') servers.push(await listen(`\0weft-data-${dev}-${ino}`));
    const path = `${shortPath}/${SOCKET}`;
    if (await answers(path)) throw inUse();
    rmSync(path, { force: true });
    servers.push(await listen(path));
  } catch (error) {
    for (const server of servers) server.close();
    closeSync(handle);
    if (error instanceof WeftError || !isAddressInUse(error)) throw error;
    throw inUse();
  }
  return {
    shortPath,
    release: async () => {
      // Closing the server removes its socket from the directory.
      await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
      closeSync(handle);
    },
  };

  function inUse(): WeftError {
    return new WeftError('data_directory_in_use', { detail: `Another process works in ${directory}.` });
  }
}

async function listen(path: string): Promise<Server> {
  const server = createServer(socket => socket.end());
  server.unref();
  server.listen({ path });
  await once(server, 'listening');
  return server;
}

async function answers(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    // Nobody listens, or there is no such socket: the owner is gone.
    return false;
  } finally {
    socket.destroy();
  }
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}
