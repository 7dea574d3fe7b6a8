/**
 * The nudge after a commit: in this process at once, and to other controllers by NOTIFY, coalesced and after the commit (within
 * it, NOTIFY would make commits wait for each other). A nudge may be lost; who needs to be sure polls as well.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { CommittedRevision } from './committed-revision.js';
import type { Sessions, TimeLimit } from './sessions.js';

const CHANNEL = 'weft_revision';
const COALESCE_MS = 5;
/** The least time from one NOTIFY to the next: it costs a transaction, and wakes every listener. */
const SPACING_MS = 50;
const RECONNECT_MS = 1_000;
const NOTIFY_LIMIT: TimeLimit = { withinMs: 2_000 };

/** `committed` is what this process has committed; null for a nudge from elsewhere. */
export type CommitListener = (committed: CommittedRevision | null) => void;

export class Notifier {
  readonly #sessions: Sessions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listenerConfig: pg.ClientConfig | null;
  readonly #listeners = new Set<CommitListener>();
  /** Tells the notifications of this process from those of others. */
  readonly #self: string = randomUUID();
  #client: pg.Client | null = null;
  #notifyPlanned = false;
  #notifiedMs = Number.NEGATIVE_INFINITY;
  #cancelReconnect: (() => void) | null = null;
  #closed = false;

  constructor(sessions: Sessions, listenerConfig: pg.ClientConfig | null, clock: Clock, log: Logger) {
    this.#sessions = sessions;
    this.#listenerConfig = listenerConfig;
    this.#clock = clock;
    this.#log = log;
  }

  /** Calls the listener after commits of this and other controllers, and when some may have been missed. */
  subscribe(listener: CommitListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Says that this process has committed. */
  committed(committed: CommittedRevision): void {
    this.#nudge(committed);
    if (this.#listenerConfig === null || this.#notifyPlanned || this.#closed) return;
    this.#notifyPlanned = true;
    const nowMs = this.#clock.nowMs();
    const dueMs = Math.max(nowMs + COALESCE_MS, this.#notifiedMs + SPACING_MS);
    this.#clock.after(dueMs - nowMs, () => void this.#notify());
  }

  #nudge(committed: CommittedRevision | null): void {
    for (const listener of this.#listeners) listener(committed);
  }

  async #notify(): Promise<void> {
    this.#notifyPlanned = false;
    this.#notifiedMs = this.#clock.nowMs();
    if (this.#closed) return;
    try {
      await this.#sessions.run('notify', NOTIFY_LIMIT, session => session.query(`NOTIFY ${CHANNEL}, '${this.#self}'`));
    } catch (error) {
      // The others poll too; a database that is away is reported by whoever needs it.
      this.#log.debug({ err: error }, 'notify failed');
    }
  }

  /** Starts to listen; comes back by itself when the connection breaks. */
  async listen(): Promise<void> {
    if (this.#listenerConfig === null || this.#closed) return;
    const client = new pg.Client({ ...this.#listenerConfig, application_name: 'weft listener' });
    let over = false;
    const reconnect = (error?: Error): void => {
      if (over || this.#closed) return;
      over = true;
      this.#log.warn({ err: error }, 'the database listener has lost its connection');
      client.end().catch(() => undefined);
      this.#cancelReconnect = this.#clock.after(RECONNECT_MS, () => void this.listen());
    };
    client.on('error', reconnect);
    client.on('end', reconnect);
    // What this process has committed, its listeners have been told.
    client.on('notification', ({ payload }) => {
      if (payload !== this.#self) this.#nudge(null);
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      this.#client = client;
      // What was committed while nobody listened was not heard.
      this.#nudge(null);
    } catch (error) {
      reconnect(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelReconnect?.();
    this.#listeners.clear();
    await this.#client?.end().catch(() => undefined);
  }
}
