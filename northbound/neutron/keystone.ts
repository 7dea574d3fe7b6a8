/**
 * Validation of tokens by Keystone v3: `GET /v3/auth/tokens` with a token of our own (X-Auth-Token), which is got by name and password when
 * there is none and when Keystone no longer takes it. What it says is believed for a minute, so that a revoked token is not
 * accepted for long and Keystone is not asked with every request.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../src/base/clock.js';
import { WeftError } from '../../src/base/errors.js';
import type { Role } from '../../src/model/audience.js';
import { isObject } from '../../src/model/value-types.js';
import type { Identity, TokenValidator } from './identity.js';

export interface KeystoneAccount {
  /** The root, such as `http://keystone:5000` or `https://cloud/identity/v3`. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly project: string;
}

/** How long an answer is believed, ms. */
const believedMs = 60_000;
const answersWithinMs = 5_000;
/** Answers that are kept. */
const mostKept = 10_000;
/** The largest token that is passed on, characters. */
const longestToken = 8_192;
const domain = { id: 'default' };

interface Known {
  readonly identity: Identity;
  readonly untilMs: number;
}

const unavailable = (detail: string, cause?: unknown): WeftError =>
  new WeftError('identity_provider_unavailable', { detail, cause });
const refused = (detail: string): WeftError => new WeftError('unauthenticated', { detail });

export class Keystone implements TokenValidator {
  readonly #account: KeystoneAccount;
  readonly #clock: Clock;
  readonly #root: string;
  readonly #known = new Map<string, Known>();
  readonly #asking = new Map<string, Promise<Identity>>();
  #own: Promise<string> | null = null;

  constructor(account: KeystoneAccount, clock: Clock) {
    this.#account = account;
    this.#clock = clock;
    this.#root = `${account.url.replace(/\/+$/, '').replace(/\/v3$/, '')}/v3`;
  }

  async validate(token: string, beforeCheck: () => void): Promise<Identity> {
    if (token.length > longestToken || !/^[\x21-\x7e]+$/.test(token)) throw refused('The token is not valid.');
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.#known.get(digest);
    if (known !== undefined && known.untilMs > this.#clock.nowMs()) return known.identity;
    this.#known.delete(digest);
    const asking = this.#asking.get(digest);
    if (asking !== undefined) return asking;
    beforeCheck();
    const question = this.#ask(token, digest).finally(() => this.#asking.delete(digest));
    this.#asking.set(digest, question);
    return question;
  }

  async #ask(token: string, digest: string): Promise<Identity> {
    let answer = await this.#question(token);
    if (answer.status === 401) {
      // Our own token has ended, or was revoked.
      this.#own = null;
      answer = await this.#question(token);
    }
    if (answer.status === 404) throw refused('The token is not valid.');
    if (answer.status !== 200) throw unavailable(`Keystone answered ${answer.status} to the validation of a token.`);
    const { identity, expiresInMs } = this.#identityIn(answer.body);
    if (expiresInMs <= 0) throw refused('The token has expired.');
    const [oldest] = this.#known.keys();
    if (this.#known.size >= mostKept && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(digest, { identity, untilMs: this.#clock.nowMs() + Math.min(expiresInMs, believedMs) });
    return identity;
  }

  async #question(token: string): Promise<{ status: number; body: unknown }> {
    const own = await (this.#own ??= this.#authenticate());
    const headers = { 'x-auth-token': own, 'x-subject-token': token, accept: 'application/json' };
    const reply = await this.#send('/auth/tokens?nocatalog', { headers });
    return { status: reply.status, body: reply.status === 200 ? await bodyOf(reply) : null };
  }

  async #authenticate(): Promise<string> {
    try {
      const { user, password, project } = this.#account;
      const auth = {
        identity: { methods: ['password'], password: { user: { name: user, domain, password } } },
        scope: { project: { name: project, domain } },
      };
      const body = JSON.stringify({ auth });
      const reply = await this.#send('/auth/tokens', {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      });
      await reply.arrayBuffer();
      const token = reply.headers.get('x-subject-token');
      if (reply.status !== 201 || token === null)
        throw unavailable(`Keystone answered ${reply.status} to Weft's own name and password.`);
      return token;
    } catch (error) {
      this.#own = null;
      throw error;
    }
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(`${this.#root}${path}`, {
        ...init,
        redirect: 'error',
        signal: AbortSignal.timeout(answersWithinMs),
      });
    } catch (error) {
      throw unavailable(`Keystone cannot be asked: ${(error as Error).message}.`, error);
    }
  }

  #identityIn(body: unknown): { identity: Identity; expiresInMs: number } {
    const token = isObject(body) && isObject(body['token']) ? body['token'] : {};
    const { project, user, roles, expires_at: expiresAt } = token;
    const expiresMs = typeof expiresAt === 'string' ? Date.parse(expiresAt) : Number.NaN;
    if (!isObject(user) || typeof user['id'] !== 'string' || Number.isNaN(expiresMs))
      throw unavailable('Keystone told nothing of the token that can be read.');
    if (!isObject(project) || typeof project['id'] !== 'string' || project['id'] === '')
      throw refused('The token is of no project.');
    const role = roleIn(roles);
    if (role === null) throw refused('The token has none of the roles admin, member and reader.');
    const isAdmin = role === 'admin';
    const caller = {
      name: typeof user['name'] === 'string' ? user['name'] : user['id'],
      subject: `keystone:${user['id']}`,
      role,
      projectId: isAdmin ? null : project['id'],
      scopes: [],
      expiresAtMs: expiresMs,
    };
    const expiresInMs = expiresMs - this.#clock.wallTime().getTime();
    return { identity: { caller, projectId: project['id'], isAdmin }, expiresInMs };
  }
}

async function bodyOf(reply: Response): Promise<unknown> {
  try {
    return await reply.json();
  } catch (error) {
    throw unavailable('Keystone told nothing of the token that can be read.', error);
  }
}

/** The strongest of the roles that mean something here; `_member_` is what older clouds call a member. */
function roleIn(roles: unknown): Role | null {
  const names = Array.isArray(roles) ? roles.map((role: unknown) => (isObject(role) ? role['name'] : null)) : [];
  if (names.includes('admin')) return 'admin';
  if (names.includes('member') || names.includes('_member_')) return 'member';
  return names.includes('reader') ? 'reader' : null;
}
