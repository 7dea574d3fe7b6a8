/**
 * Tokens by which a new host is approved before it comes. Only a hash is kept: whoever reads the database can enrol nobody. 256
 * random bits need no salt and no slow hash.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import { READ_LIMIT } from './reading.js';
import type { Sessions } from './sessions.js';
import type { Session } from './sql.js';
import { newId } from './write-operations.js';

export interface JoinToken {
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** The only host that may use it; null: any. */
  readonly systemId: string | null;
  readonly usesLeft: number;
  readonly createdAt: string;
  readonly expiresAt: string;
}

export interface JoinTokenRequest {
  readonly name: string;
  readonly systemId: string | null;
  readonly uses: number;
  readonly lifetimeMs: number;
}

/** What a token begins with, so that people and scanners know what they have found. */
const prefix = 'weft-join-';

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
const columns = 'id, name, system_id, uses_left, created_at, expires_at';

function tokenOf(row: Readonly<Record<string, unknown>>): JoinToken {
  const at = (value: unknown): string => (value instanceof Date ? value : new Date(String(value))).toISOString();
  return {
    id: String(row['id']),
    name: String(row['name']),
    systemId: (row['system_id'] ?? null) as string | null,
    usesLeft: Number(row['uses_left']),
    createdAt: at(row['created_at']),
    expiresAt: at(row['expires_at']),
  };
}

export class JoinTokens {
  readonly #sessions: Sessions;
  readonly #clock: Clock;

  constructor(sessions: Sessions, clock: Clock) {
    this.#sessions = sessions;
    this.#clock = clock;
  }

  /** Makes a token; its value is nowhere but in the answer. */
  async create(request: JoinTokenRequest): Promise<{ readonly token: string; readonly row: JoinToken }> {
    const token = `${prefix}${randomBytes(32).toString('base64url')}`;
    const now = this.#clock.wallTime();
    const values = [
      newId(),
      request.name,
      hashOf(token),
      request.systemId,
      request.uses,
      now.toISOString(),
      new Date(now.getTime() + request.lifetimeMs).toISOString(),
    ];
    const { rows } = await this.#sessions.run('write', READ_LIMIT, session =>
      session.query(
        `INSERT INTO join_tokens (id, name, hash, system_id, uses_left, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ${columns}`,
        values,
      ),
    );
    return { token, row: tokenOf(rows[0] ?? {}) };
  }

  /** Every token that can still be used, the oldest first. */
  async list(): Promise<readonly JoinToken[]> {
    const now = this.#clock.wallTime().toISOString();
    const { rows } = await this.#sessions.run('read', READ_LIMIT, session =>
      session.query(
        `SELECT ${columns} FROM join_tokens WHERE uses_left > 0 AND expires_at > $1::timestamptz ORDER BY created_at, id`,
        [now],
      ),
    );
    return rows.map(tokenOf);
  }

  /** Takes a token back, and forgets those that are of no use any more; whether it was there. */
  async delete(id: string): Promise<boolean> {
    const now = this.#clock.wallTime().toISOString();
    const { rows } = await this.#sessions.run('write', READ_LIMIT, session =>
      session.query(
        'DELETE FROM join_tokens WHERE id = $1 OR uses_left = 0 OR expires_at <= $2::timestamptz RETURNING id',
        [id, now],
      ),
    );
    return rows.some(row => row['id'] === id);
  }
}

/** Uses a token for this host within a transaction; whether it was good. Two hosts cannot both have its last use. */
export async function useJoinToken(session: Session, token: string, systemId: string, now: string): Promise<boolean> {
  const { rows } = await session.query(
    `UPDATE join_tokens SET uses_left = uses_left - 1
     WHERE hash = $1 AND uses_left > 0 AND expires_at > $2::timestamptz AND (system_id IS NULL OR system_id = $3)
     RETURNING id`,
    [hashOf(token), now, systemId],
  );
  return rows.length > 0;
}
