/**
 * Who asks, by bearer tokens: the admin token of the file, tokens of the database (looked up in the view by the hash of the
 * secret, so a request asks no database and a revocation is in force with the next revision), and those of an identity provider.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../src/base/clock.js';
import { WeftError } from '../../src/base/errors.js';
import type { Token } from '../../src/model/index.js';
import { tokenDigest } from '../../src/store/nouns/token.js';
import type { NetworkView } from '../../src/view/network-view.js';
import type { Caller } from './access.js';
import type { Authenticator } from './authentication.js';

/** Checks tokens that somebody else has made. */
export interface ForeignTokens {
  /** Whether the text has the form of such a token. */
  recognizes(text: string): boolean;
  /**
   * `beforeCheck` is called before a signature is.
   * @throws WeftError unauthenticated
   */
  verify(text: string, beforeCheck: () => void): Promise<Caller>;
}

export interface TokenParts {
  readonly view: NetworkView;
  readonly clock: Pick<Clock, 'wallTime'>;
  /** The admin token that is in a file. */
  readonly firstToken: string;
  /** Told the id of each token that is used. */
  readonly onUse: (id: string) => void;
  readonly foreign: ForeignTokens | null;
}

/** What audits call the bearer of the token in the file. */
const FIRST = 'token-file';

const refused = (detail: string): WeftError => new WeftError('unauthenticated', { detail });

export class TokenAuthenticator implements Authenticator {
  readonly #parts: TokenParts;
  readonly #firstDigest: string;
  readonly #first: Caller;
  readonly #callers = new WeakMap<object, Caller>();

  constructor(parts: TokenParts) {
    this.#parts = parts;
    this.#firstDigest = tokenDigest(parts.firstToken);
    this.#first = { name: 'admin', subject: FIRST, role: 'admin', projectId: null, scopes: [], expiresAtMs: null };
  }

  authenticate(authorization: string | undefined, beforeCheck: () => void): Caller | Promise<Caller> {
    if (authorization === undefined) throw refused('The Authorization header is missing.');
    const [, presented] = /^Bearer +(\S{1,8192})$/i.exec(authorization) ?? [];
    if (presented === undefined) throw refused('The Authorization header is not "Bearer" and a token.');
    // Found by its hash: the time that this takes tells nothing of tokens that would be accepted.
    const digest = tokenDigest(presented);
    if (digest === this.#firstDigest) return this.#first;
    const [token] = this.#parts.view.by('tokens', 'digest', digest) as readonly Token[];
    if (token !== undefined) return this.#callerOf(token);
    const { foreign } = this.#parts;
    if (foreign?.recognizes(presented) === true) return foreign.verify(presented, beforeCheck);
    throw refused('The token is not valid.');
  }

  isStillValid(caller: Caller): boolean {
    if (caller.expiresAtMs !== null && caller.expiresAtMs <= this.#nowMs()) return false;
    if (caller.isStored !== true) return true;
    const token = this.#parts.view.get('tokens', caller.subject);
    if (token === null) return false;
    // Another row: whoever it is now, of whichever project and until when, comes again.
    return isDeepStrictEqual(callerOf(token), caller);
  }

  #callerOf(token: Token): Caller {
    let caller = this.#callers.get(token);
    if (caller === undefined) this.#callers.set(token, (caller = callerOf(token)));
    if (caller.expiresAtMs !== null && caller.expiresAtMs <= this.#nowMs()) throw refused('The token has expired.');
    this.#parts.onUse(token.id);
    return caller;
  }

  #nowMs(): number {
    return this.#parts.clock.wallTime().getTime();
  }
}

function callerOf({ id, name, role, projectId, scopes, expiresAt }: Token): Caller {
  return {
    name,
    subject: id,
    role,
    projectId: projectId === '' ? null : projectId,
    scopes,
    expiresAtMs: expiresAt === null ? null : Date.parse(expiresAt),
    isStored: true,
  };
}
