/**
 * Who is asking. With `auth` none, everyone is the admin (the listener is on loopback then); with `token`, the bearer of the
 * admin token is. The token's file is made with mode 0600 at the first start; there is no default secret.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FastifyRequest } from 'fastify';
import { WeftError } from '../../src/base/errors.js';
import type { Caller } from './access.js';

export interface Authenticator {
  /** @throws WeftError unauthenticated */
  authenticate(authorization: string | undefined): Caller | Promise<Caller>;
}

/**
 * Who asks. Where anyone may ask, a token that is not valid is that of nobody (null): liveness must not depend on it.
 * @throws WeftError unauthenticated if the caller must say who he is
 */
export async function identify(
  authenticator: Authenticator,
  { headers }: Pick<FastifyRequest, 'headers'>,
  isRequired: boolean,
): Promise<Caller | null> {
  try {
    return await authenticator.authenticate(headers.authorization);
  } catch (error) {
    if (isRequired || !(error instanceof WeftError) || error.code !== 'unauthenticated') throw error;
    return null;
  }
}

const admin = (name: string): Caller => ({ name, subject: name, role: 'admin', projectId: null, scopes: [] });

const anonymous = admin('anonymous');
export const openAuthenticator: Authenticator = { authenticate: () => anonymous };

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Compares digests, so that neither the length nor a common beginning of the token shows in the time taken. */
export function tokenAuthenticator(token: string): Authenticator {
  const expected = digestOf(token);
  const bearer = admin('admin');
  return {
    authenticate(authorization) {
      const [, presented] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
      if (presented === undefined || !timingSafeEqual(digestOf(presented), expected)) {
        throw new WeftError('unauthenticated', {
          detail: authorization === undefined ? 'The Authorization header is missing.' : 'The token is not valid.',
        });
      }
      return bearer;
    },
  };
}

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
