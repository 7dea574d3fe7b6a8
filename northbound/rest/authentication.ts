/**
 * Who is asking. With `auth` none, everyone is the admin (the listener is on loopback then); with `token`, token-authenticator.ts
 * tells. The file of the first admin token is made with mode 0600 at the first start; there is no default secret.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FastifyRequest } from 'fastify';
import { WeftError } from '../../src/base/errors.js';
import type { Caller } from './access.js';
import type { FailedAttempts } from './failed-attempts.js';

export interface Authenticator {
  /**
   * `beforeCheck` is called before anything is done that costs more than a look; what it throws is thrown.
   * @throws WeftError unauthenticated
   */
  authenticate(authorization: string | undefined, beforeCheck: () => void): Caller | Promise<Caller>;
  /** Whether the token of the caller is still accepted, for what lasts longer than a request. */
  isStillValid(caller: Caller): boolean;
}

/**
 * Who asks. Where anyone may ask, a token that is not valid is that of nobody (null): liveness must not depend on it.
 * @throws WeftError unauthenticated if the caller must say who he is; rate_limited if too many of that address could not
 */
export async function identify(
  authenticator: Authenticator,
  failed: FailedAttempts,
  { headers, ip }: Pick<FastifyRequest, 'headers' | 'ip'>,
  isRequired: boolean,
): Promise<Caller | null> {
  try {
    return await authenticator.authenticate(headers.authorization, () => {
      const comeAgainInS = failed.wait(ip);
      if (comeAgainInS > 0) throw new TooManyRefused(comeAgainInS);
    });
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    if (error.code === 'unauthenticated' && headers.authorization !== undefined) failed.count(ip);
    if (isRequired || !(error.code === 'unauthenticated' || error instanceof TooManyRefused)) throw error;
    return null;
  }
}

/** So many tokens from there were refused that no more are looked at for a while. */
export class TooManyRefused extends WeftError {
  constructor(readonly comeAgainInS: number) {
    super('rate_limited', { detail: 'Too many tokens from this address were not valid.' });
  }
}

const anonymous: Caller = {
  name: 'anonymous',
  subject: '',
  role: 'admin',
  projectId: null,
  scopes: [],
  expiresAtMs: null,
};

/** Everyone is the admin. */
export const openAuthenticator: Authenticator = { authenticate: () => anonymous, isStillValid: () => true };

/** Reads the admin token, or makes one: 256 random bits, readable by this user only. */
export async function readOrCreateToken(path: string): Promise<{ token: string; created: boolean }> {
  await mkdir(dirname(path), { recursive: true });
  const fresh = randomBytes(32).toString('base64url');
  try {
    // "wx" makes creation atomic: of two that start at once one creates, the other reads.
    await writeFile(path, `${fresh}\n`, { mode: 0o600, flag: 'wx' });
    return { token: fresh, created: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const token = (await readFile(path, 'utf8')).trim();
  if (token.length < 16) {
    throw new WeftError('invalid_option', { detail: `The token in ${path} is shorter than 16 characters.` });
  }
  return { token, created: false };
}
