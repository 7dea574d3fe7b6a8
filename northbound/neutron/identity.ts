/**
 * Who asks in the OpenStack API: nobody in particular where REST knows nobody either; else a token of Weft in X-Auth-Token, or one that
 * Keystone knows.
 */
import { WeftError } from '../../src/base/errors.js';
import type { Caller } from '../rest/access.js';
import type { Authenticator } from '../rest/authentication.js';
import type { FailedAttempts } from '../rest/failed-attempts.js';

export interface Identity {
  readonly caller: Caller;
  /** The project of the token; objects belong to it unless an admin says otherwise. Empty: none. */
  readonly projectId: string;
  readonly isAdmin: boolean;
}

/** Tokens that another service has made. */
export interface TokenValidator {
  /**
   * `beforeCheck` is called before the service is asked.
   * @throws WeftError unauthenticated; identity_provider_unavailable
   */
  validate(token: string, beforeCheck: () => void): Promise<Identity>;
}

export interface IdentityParts {
  readonly authenticator: Authenticator;
  readonly keystone: TokenValidator | null;
  /** Whether REST lets everyone in: then tokens mean nothing where there is no Keystone. */
  readonly isOpen: boolean;
  readonly failed: FailedAttempts;
}

interface Presented {
  readonly token: string | undefined;
  readonly ip: string;
}

/** @throws WeftError unauthenticated, rate_limited, forbidden */
export async function identityOf(parts: IdentityParts, { token, ip }: Presented): Promise<Identity> {
  const { authenticator, keystone, failed } = parts;
  if (parts.isOpen && keystone === null) return identityOfCaller(await authenticator.authenticate(undefined, () => {}));
  if (token === undefined || token === '')
    throw new WeftError('unauthenticated', { detail: 'The request you have made requires authentication.' });
  const beforeCheck = (): void => {
    if (failed.wait(ip) > 0)
      throw new WeftError('rate_limited', { detail: 'Too many tokens from this address were not valid.' });
  };
  try {
    const own = parts.isOpen ? null : await callerOf(authenticator, token, beforeCheck, keystone !== null);
    if (own !== null) return identityOfCaller(own);
    if (keystone === null) throw new WeftError('unauthenticated', { detail: 'The token is not valid.' });
    return await keystone.validate(token, beforeCheck);
  } catch (error) {
    if (error instanceof WeftError && error.code === 'unauthenticated') failed.count(ip);
    throw error;
  }
}

/** The caller whom a token of Weft names; null: none, where it may be that of another service. */
async function callerOf(
  authenticator: Authenticator,
  token: string,
  beforeCheck: () => void,
  isElsewhere: boolean,
): Promise<Caller | null> {
  try {
    return await authenticator.authenticate(`Bearer ${token}`, beforeCheck);
  } catch (error) {
    if (isElsewhere && error instanceof WeftError && error.code === 'unauthenticated') return null;
    throw error;
  }
}

/** A token of Weft that is for some collections of REST only says nothing of this API. */
function identityOfCaller(caller: Caller): Identity {
  if (caller.scopes.length > 0)
    throw new WeftError('forbidden', { detail: 'A token with scopes is for REST, and not for this API.' });
  return { caller, projectId: caller.projectId ?? '', isAdmin: caller.projectId === null && caller.role === 'admin' };
}
