/** When tokens were last used: noted in memory, and written together now and then, for it need not be exact. */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { Sessions, TimeLimit } from './sessions.js';

const WRITE_EVERY_MS = 30_000;
const LIMIT: TimeLimit = { withinMs: 5_000 };

export class TokenUses {
  readonly #sessions: Sessions;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** What this process has seen since it last wrote. */
  #fresh = new Map<string, string>();
  /** What the database had then, which includes the uses that other controllers saw. */
  #known = new Map<string, string>();
  #cancel: () => void = () => undefined;

  constructor(sessions: Sessions, clock: Clock, log: Logger) {
    this.#sessions = sessions;
    this.#clock = clock;
    this.#log = log;
  }

  note(tokenId: string): void {
    this.#fresh.set(tokenId, this.#clock.wallTime().toISOString());
  }

  /** As ISO 8601; null if it was never used. */
  lastUsed(tokenId: string): string | null {
    return this.#fresh.get(tokenId) ?? this.#known.get(tokenId) ?? null;
  }

  /** Reads what is known, and writes from now on; returns how to end it. */
  async start(): Promise<() => Promise<void>> {
    await this.#exchange();
    this.#plan();
    return async () => {
      this.#cancel();
      await this.#exchange();
    };
  }

  #plan(): void {
    this.#cancel = this.#clock.after(WRITE_EVERY_MS, () => void this.#exchange().finally(() => this.#plan()));
  }

  async #exchange(): Promise<void> {
    const written = this.#fresh;
    this.#fresh = new Map();
    try {
      const { rows } = await this.#sessions.run('tokens', LIMIT, session => {
        const writing = session.query(WRITE, [[...written.keys()], [...written.values()]]);
        const forgetting = session.query(FORGET, []);
        return Promise.all([writing, forgetting, session.query(READ, [])]).then(([, , read]) => read);
      });
      this.#known = new Map(rows.map(row => [String(row['token_id']), String(row['used_at'])]));
    } catch (error) {
      // Told again with the next: nothing depends on it.
      for (const [id, at] of written) if (!this.#fresh.has(id)) this.#fresh.set(id, at);
      this.#log.debug({ err: error }, 'when tokens were used could not be written');
    }
  }
}

const WRITE = `INSERT INTO token_uses (token_id, used_at) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
  ON CONFLICT (token_id) DO UPDATE SET used_at = greatest(token_uses.used_at, excluded.used_at)`;

const FORGET = 'DELETE FROM token_uses u WHERE NOT EXISTS (SELECT 1 FROM tokens t WHERE t.id = u.token_id)';

const READ = `SELECT token_id, to_char(used_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS used_at FROM token_uses`;
