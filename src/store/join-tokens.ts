/**
 * Tokens by which a new host is approved before it comes. Only a hash is kept: whoever reads the database can enrol nobody. 256
 * random bits need no salt and no slow hash.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { JoinToken } from '../model/index.js';
import { READ_LIMIT } from './reading.js';
import type { Sessions } from './sessions.js';
import { decodeRow, type Session, shapeOf } from './sql.js';
import type { Transactions } from './transaction.js';
import type { UnitOfWork } from './unit-of-work.js';
import { newId, type WriteContext } from './write-operations.js';

export interface JoinTokenRequest {
  readonly name: string;
  readonly systemId: string | null;
  readonly uses: number;
  readonly lifetimeMs: number;
}

/** What a token begins with, so that people and scanners know what they have found. */
const prefix = 'weft-join-';
const mostCleared = 1_000;

const digestOf = (token: string): string => createHash('sha256').update(token).digest('hex');

export class JoinTokens {
  readonly #sessions: Sessions;
  readonly #transactions: Transactions;
  readonly #now: () => Date;

  constructor(sessions: Sessions, transactions: Transactions, now: () => Date) {
    this.#sessions = sessions;
    this.#transactions = transactions;
    this.#now = now;
  }

  /** Makes a token; its value is nowhere but in the answer. */
  async create(
    { name, systemId, uses, lifetimeMs }: JoinTokenRequest,
    context: WriteContext,
  ): Promise<{ readonly token: string; readonly row: JoinToken; readonly revision: number }> {
    const token = `${prefix}${randomBytes(32).toString('base64url')}`;
    const { result: row, revision } = await this.#transactions.write(context, async ({ unit }) => {
      await clear(unit);
      const made: JoinToken = {
        id: newId(),
        name,
        projectId: '',
        labels: {},
        createdAt: unit.now,
        updatedAt: unit.now,
        revision: 0,
        number: await unit.allocator.number(),
        systemId,
        usesLeft: uses,
        expiresAt: new Date(Date.parse(unit.now) + lifetimeMs).toISOString(),
        digest: digestOf(token),
      };
      unit.put('join-tokens', made.id, made);
      return made;
    });
    return { token, row, revision };
  }

  /** Every token that can still be used, the oldest first. */
  async list(): Promise<readonly JoinToken[]> {
    const text = `SELECT ${shapeOf('join-tokens').selection} FROM join_tokens t
      WHERE t.uses_left > 0 AND t.expires_at > $1::timestamptz ORDER BY t.created_at, t.id`;
    const values = [this.#now().toISOString()];
    const { rows } = await this.#sessions.run('read', READ_LIMIT, session =>
      session.query({ text, values, rowMode: 'array' }),
    );
    return rows.map(row => decodeRow('join-tokens', row));
  }

  /** Takes a token back; the revision that did it, null if it was not there. */
  async delete(id: string, context: WriteContext): Promise<number | null> {
    const { result, revision } = await this.#transactions.write(context, async ({ unit }) => {
      await clear(unit);
      const isThere = (await unit.get('join-tokens', id)) !== null;
      if (isThere) unit.put('join-tokens', id, null);
      return isThere;
    });
    return result ? revision : null;
  }
}

/** Forgets tokens that are of no use any more. */
async function clear(unit: UnitOfWork): Promise<void> {
  for (const id of await useless(unit.session, unit.now)) {
    if ((await unit.get('join-tokens', id)) !== null) unit.put('join-tokens', id, null);
  }
}

async function useless(session: Session, now: string): Promise<readonly string[]> {
  const { rows } = await session.query(
    'SELECT id FROM join_tokens WHERE uses_left = 0 OR expires_at <= $1::timestamptz ORDER BY id LIMIT $2',
    [now, mostCleared],
  );
  return rows.map(row => String(row['id']));
}

/** Uses a token for this host within a transaction; whether it was good. Two hosts cannot both have its last use. */
export async function useJoinToken(unit: UnitOfWork, token: string, systemId: string): Promise<boolean> {
  const [row] = await unit.children('join-tokens', 'digest', digestOf(token));
  if (row === undefined || row.usesLeft === 0 || Date.parse(row.expiresAt) <= Date.parse(unit.now)) return false;
  if (row.systemId !== null && row.systemId !== systemId) return false;
  unit.put('join-tokens', row.id, { ...row, usesLeft: row.usesLeft - 1, updatedAt: unit.now });
  return true;
}
