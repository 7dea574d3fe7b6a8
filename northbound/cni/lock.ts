/**
 * One call at a time for an attachment. The lock is a name of an abstract socket, which the kernel takes back however the process ends: a plugin
 * that is killed leaves none behind.
 */
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CniError } from './cni-error.js';

const retryMs = 10;

async function tryLock(name: string): Promise<Server | null> {
  const server = createServer(connection => connection.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(new CniError('commandFailed', 'the attachment cannot be locked', error.message, { cause: error }));
    });
    server.listen({ path: `\0weft-cni/${name}` }, () => resolve(server));
  });
}

/** Does the work while no other process of this host holds the name. @throws CniError tryAgainLater after `withinMs` */
export async function withLock<T>(name: string, withinMs: number, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + withinMs;
  let held = await tryLock(name);
  while (held === null) {
    if (performance.now() >= deadline)
      throw new CniError('tryAgainLater', `another call for the same interface has not ended within ${withinMs} ms`);
    await sleep(retryMs);
    held = await tryLock(name);
  }
  try {
    return await work();
  } finally {
    held.close();
  }
}

/** Does the work if the name is free now. */
export async function ifUnlocked(name: string, work: () => Promise<void>): Promise<void> {
  const held = await tryLock(name);
  if (held === null) return;
  try {
    await work();
  } finally {
    held.close();
  }
}
