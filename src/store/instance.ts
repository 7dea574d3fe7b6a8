/**
 * Who this Weft is when it asks for the lease. A Weft that is started again in its data directory is the same one and has its lease
 * back at once; the lock on the directory makes sure that the process before it is gone. One that finds the directory taken is
 * another, and stands by under a name of its own.
 */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WeftError } from '../base/errors.js';
import { looksLikeUuid } from '../model/value-types.js';
import { lockDataDirectory } from './data-directory-lock.js';

export interface Instance {
  readonly holder: string;
  release(): Promise<void>;
}

export async function claimInstance(dataDirectory: string): Promise<Instance> {
  const directory = join(dataDirectory, 'instance');
  try {
    const lock = await lockDataDirectory(directory);
    return { holder: await readOrMakeName(join(directory, 'id')), release: () => lock.release() };
  } catch (error) {
    if (!(error instanceof WeftError) || error.code !== 'data_directory_in_use') throw error;
    return { holder: randomUUID(), release: () => Promise.resolve() };
  }
}

async function readOrMakeName(path: string): Promise<string> {
  const known = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  });
  if (looksLikeUuid(known.trim())) return known.trim();
  const fresh = randomUUID();
  await writeFile(path, `${fresh}\n`, { mode: 0o600 });
  return fresh;
}
