/**
 * Tokens of an identity provider (OpenID Connect): signed JWTs whose issuer, audience, time and signature are checked by jose, and
 * whose claims say of which project the caller is, and in which role.
 */
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { Clock } from '../../src/base/clock.js';
import { WeftError } from '../../src/base/errors.js';
import { type Role, roles } from '../../src/model/audience.js';
import { nameText } from '../../src/model/fields.js';
import { tokenDigest } from '../../src/store/nouns/token.js';
import type { Caller } from './access.js';
import type { ForeignTokens } from './token-authenticator.js';

export interface IdentityProviderSettings {
  readonly issuer: string;
  readonly audience: string;
  /** Where its keys are; null: as its discovery document says. */
  readonly jwksUrl: string | null;
  /** Claims, a dot between those that are within each other. */
  readonly projectClaim: string;
  readonly roleClaim: string;
}

/** Signatures that need a public key alone: with a secret that is shared, Weft could be made to believe its own. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const clockToleranceS = 5;
const answersWithinMs = 5_000;
/** Tokens whose signature was found right, so that it is not computed for each request. */
const mostRemembered = 10_000;
/** As the project of a caller who is of none. */
const NO_PROJECT = '*';

export class IdentityProvider implements ForeignTokens {
  readonly #settings: IdentityProviderSettings;
  readonly #clock: Pick<Clock, 'wallTime'>;
  readonly #remembered = new Map<string, Caller>();
  #keys: Promise<JWTVerifyGetKey> | null = null;

  constructor(settings: IdentityProviderSettings, clock: Pick<Clock, 'wallTime'>) {
    this.#settings = settings;
    this.#clock = clock;
  }

  recognizes(text: string): boolean {
    return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
  }

  async verify(text: string, beforeCheck: () => void): Promise<Caller> {
    const now = this.#clock.wallTime();
    const digest = tokenDigest(text);
    const remembered = this.#remembered.get(digest);
    if (remembered !== undefined && (remembered.expiresAtMs ?? 0) > now.getTime()) return remembered;
    this.#remembered.delete(digest);
    beforeCheck();
    const { issuer, audience } = this.#settings;
    const options = { issuer, audience, algorithms, clockTolerance: clockToleranceS, currentDate: now };
    const requiredClaims = ['sub', 'exp'];
    const { payload } = await this.#keysNow()
      .then(keys => jwtVerify(text, keys, { ...options, requiredClaims }))
      .catch((error: unknown) => refuse(error));
    const caller = this.#callerOf(payload);
    if (this.#remembered.size >= mostRemembered) this.#remembered.clear();
    this.#remembered.set(digest, caller);
    return caller;
  }

  #keysNow(): Promise<JWTVerifyGetKey> {
    if (this.#keys === null) {
      this.#keys = this.#findKeys();
      // What could not be found is looked for again.
      this.#keys.catch(() => {
        this.#keys = null;
      });
    }
    return this.#keys;
  }

  async #findKeys(): Promise<JWTVerifyGetKey> {
    const { issuer, jwksUrl } = this.#settings;
    return createRemoteJWKSet(new URL(jwksUrl ?? (await discover(issuer))), { timeoutDuration: answersWithinMs });
  }

  /** @throws WeftError forbidden for claims that give no role here */
  #callerOf(payload: JWTPayload): Caller {
    const { projectClaim, roleClaim } = this.#settings;
    const project = projectOf(claimOf(payload, projectClaim), projectClaim);
    const role = roleOf(claimOf(payload, roleClaim));
    if (role === null) throw noRole(`claim ${roleClaim} names none of ${roles.join(', ')}`);
    const { iss = '', sub = '', exp = 0 } = payload;
    const identity = { name: nameOf(payload), subject: `${iss}#${sub}`, scopes: [], expiresAtMs: exp * 1_000 };
    if (project === NO_PROJECT) {
      if (role === 'member') throw noRole(`claim ${projectClaim} names no project`);
      return { ...identity, role, projectId: null };
    }
    // The admin of a project is its member: only who is of no project is the admin of all.
    return { ...identity, role: role === 'admin' ? 'member' : role, projectId: project };
  }
}

const noRole = (why: string): WeftError =>
  new WeftError('forbidden', { detail: `The token gives no role here: its ${why}.` });

/**
 * The project that the claim names, `NO_PROJECT` included. A claim that is missing or of another form is no way to be of none: where
 * the claim is misconfigured, the admin of each project would else be the admin of everything. Throws `forbidden`.
 */
function projectOf(claim: unknown, name: string): string {
  try {
    return nameText.parse(claim, '');
  } catch {
    throw noRole(`claim ${name} names no project`);
  }
}

function refuse(error: unknown): never {
  if (error instanceof WeftError) throw error;
  const { JWKSTimeout, JWKSInvalid, JOSEError } = errors;
  const isTheirs = error instanceof JWKSTimeout || error instanceof JWKSInvalid || !(error instanceof JOSEError);
  // jose throws its base class for answers of the provider that are not 200.
  if (isTheirs || (error as Error).constructor === JOSEError)
    throw new WeftError('identity_provider_unavailable', { detail: (error as Error).message, cause: error });
  throw new WeftError('unauthenticated', { detail: `The token is not valid: ${error.message}.`, cause: error });
}

/** OpenID Connect Discovery 1.0, section 4: the document names the issuer that it was asked of. */
async function discover(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(answersWithinMs), redirect: 'error' });
  const document: unknown = response.ok ? await response.json() : null;
  const { issuer: named, jwks_uri: jwks } = (document ?? {}) as { issuer?: unknown; jwks_uri?: unknown };
  if (named === issuer && typeof jwks === 'string') return jwks;
  throw new WeftError('identity_provider_unavailable', { detail: `${url} is no discovery document of ${issuer}.` });
}

/** `a.b` is member b of member a. */
function claimOf(payload: JWTPayload, path: string): unknown {
  return path.split('.').reduce<unknown>((value, member) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, member)) return undefined;
    return (value as Readonly<Record<string, unknown>>)[member];
  }, payload);
}

/** The highest of those named. */
function roleOf(claim: unknown): Role | null {
  const named: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return roles.find(role => named.includes(role)) ?? null;
}

/** What revisions show: a name for people if the provider tells one, without what could pretend to be another line. */
function nameOf({ sub = '', preferred_username: username, email }: JWTPayload): string {
  const [name = ''] = [username, email, sub].filter(each => typeof each === 'string' && each !== '') as string[];
  return name.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '').slice(0, 255);
}
