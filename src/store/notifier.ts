/**
 * The nudge after a commit: in this process at once, and to other controllers by NOTIFY, coalesced and after the commit (within
 * it, NOTIFY would make commits wait for each other). A nudge may be lost; who needs to be sure polls as well.
 */
import pg from 'pg';
import type { DataSource } from 'typeorm';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';

const CHANNEL = 'weft_revision';
const COALESCE_MS = 5;
const RECONNECT_MS = 1_000;

export type CommitListener = () => void;

export class Notifier {
  readonly #dataSource: DataSource;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listenerConfig: pg.ClientConfig | null;
  readonly #listeners = new Set<CommitListener>();
  #client: pg.Client | null = null;
  #notifyPlanned = false;
  #cancelReconnect: (() => void) | null = null;
  #closed = false;

  constructor(dataSource: DataSource, listenerConfig: pg.ClientConfig | null, clock: Clock, log: Logger) {
    this.#dataSource = dataSource;
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
  committed(): void {
    this.#nudge();
    if (this.#listenerConfig === null || this.#notifyPlanned || this.#closed) return;
    this.#notifyPlanned = true;
    this.#clock.after(COALESCE_MS, () => void this.#notify());
  }

  #nudge(): void {
    for (const listener of this.#listeners) listener();
  }

  async #notify(): Promise<void> {
    this.#notifyPlanned = false;
    if (this.#closed) return;
    try {
      await this.#dataSource.query(`NOTIFY ${CHANNEL}`);
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
    client.on('notification', () => this.#nudge());
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      this.#client = client;
      // What was committed while nobody listened was not heard.
      this.#nudge();
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
