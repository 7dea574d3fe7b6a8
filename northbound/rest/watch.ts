/**
 * `GET /v1/watch`: the change log as server-sent events, one for each changed object. A subscriber is a cursor into the log, not
 * a queue: it reads the next changes when its socket has taken the last ones, so a slow reader costs nothing but its own delay.
 * The event id is set on the last event of a revision only: a reader that comes back with it (Last-Event-ID) misses nothing.
 */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../src/base/clock.js';
import { WeftError } from '../../src/base/errors.js';
import type { Logger } from '../../src/base/log.js';
import type { Kind } from '../../src/model/index.js';
import type { Sight } from './sight.js';

/** A change as a subscriber is told of it. */
export interface WatchEvent {
  readonly kind: Kind;
  readonly operation: 'created' | 'updated' | 'deleted';
  readonly id: string;
  /** The object as GET shows it; null when it is gone. */
  readonly object: unknown;
}

/** One row of the log, which each subscriber sees in his own way. */
export interface WatchedChange {
  readonly revision: number;
  /** What the subscriber is told of it: nothing where it is not for him. */
  readonly show: (subscriber: Subscriber) => readonly WatchEvent[];
}

/** What a subscriber wants and may see. */
export interface Subscriber {
  readonly sight: Sight;
  readonly kinds: ReadonlySet<Kind> | null;
  /** Whether the token is still valid: a stream ends with it. */
  readonly isAdmitted: () => boolean;
}

export interface WatchSource {
  /** Changes after `revision`, whole revisions, a bounded number; `upTo` is the revision that they bring the reader to. */
  read(revision: number): Promise<{ readonly upTo: number; readonly changes: readonly WatchedChange[] } | 'trimmed'>;
  /** Calls `listener` when there is more to read, whoever committed it; returns the way to stop. */
  onCommit(listener: () => void): () => void;
}

/**
 * One reader for many subscribers: those that are at the same revision, which is nearly all of them nearly always, share a read
 * that is in flight, and look for more only when there is some.
 */
export function sharedSource(source: WatchSource): WatchSource {
  let inFlight = new Map<number, ReturnType<WatchSource['read']>>();
  // Told first: whoever is nudged by a commit must not share a read that began before it.
  source.onCommit(() => {
    inFlight = new Map();
  });
  return {
    onCommit: listener => source.onCommit(listener),
    read(revision) {
      const shared = inFlight;
      let reading = shared.get(revision);
      if (reading === undefined) {
        reading = source.read(revision).finally(() => shared.delete(revision));
        shared.set(revision, reading);
      }
      return reading;
    },
  };
}

/** A comment line this often keeps proxies from closing a quiet stream, and tells us of readers that are gone. */
const heartbeatMs = 15_000;
export class WatchStream {
  #cursor: number;
  #running = false;
  #closed = false;
  /** Something may have been committed since the last read began. */
  #nudged = true;
  readonly #stops: (() => void)[] = [];

  constructor(
    private readonly response: ServerResponse,
    private readonly source: WatchSource,
    private readonly subscriber: Subscriber,
    since: number,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    this.#cursor = since;
  }

  start(): void {
    if (this.response.destroyed) return this.close();
    this.response.on('close', () => this.close());
    this.#stops.push(this.source.onCommit(() => this.#nudge()));
    this.#repeat(heartbeatMs, () => {
      if (this.subscriber.isAdmitted()) this.response.write(': alive\n\n');
      else this.close();
    });
    this.#nudge();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stop of this.#stops) stop();
    this.response.end();
  }

  #repeat(everyMs: number, action: () => void): void {
    let cancel = (): void => {};
    const next = (): void => {
      cancel = this.clock.after(everyMs, () => {
        if (this.#closed) return;
        action();
        next();
      });
    };
    next();
    this.#stops.push(() => cancel());
  }

  #nudge(): void {
    this.#nudged = true;
    if (this.#running || this.#closed) return;
    this.#running = true;
    this.#run()
      .catch((error: unknown) => {
        // The reader resumes from its last event id; a stream that cannot go on must not look alive.
        this.log.warn({ err: error }, 'watch ended');
        this.close();
      })
      .finally(() => {
        this.#running = false;
        // A nudge may have come after the last look at the flag.
        if (this.#nudged) this.#nudge();
      });
  }

  async #run(): Promise<void> {
    while (this.#nudged && !this.#closed) {
      this.#nudged = false;
      const batch = await this.source.read(this.#cursor);
      // Closed meanwhile, it would wait for ever for a reader that is gone.
      if (this.#closed) return;
      if (batch === 'trimmed') {
        this.response.write(`event: error\ndata: ${JSON.stringify({ code: 'log_trimmed' })}\n\n`);
        return this.close();
      }
      if (!this.subscriber.isAdmitted()) return this.close();
      if (batch.upTo <= this.#cursor) continue;
      await this.#send(batch.changes, batch.upTo);
      this.#cursor = batch.upTo;
      this.#nudged = true;
    }
  }

  async #send(changes: readonly WatchedChange[], upTo: number): Promise<void> {
    const { kinds } = this.subscriber;
    const wanted = changes.flatMap(({ revision, show }) =>
      show(this.subscriber)
        .filter(({ kind }) => kinds === null || kinds.has(kind))
        .map(event => ({ revision, ...event })),
    );
    let text = '';
    for (const [index, change] of wanted.entries()) {
      const { kind, id, operation, revision, object } = change;
      const isLastOfRevision = wanted[index + 1]?.revision !== revision;
      text += `event: ${operation}\n${isLastOfRevision ? `id: ${revision}\n` : ''}`;
      text += `data: ${JSON.stringify({ revision, kind, operation, id, object })}\n\n`;
    }
    // Whatever the filter left out is behind the reader too: it must not resume from before it.
    text += `id: ${upTo}\n: revision ${upTo}\n\n`;
    if (!this.response.write(text)) {
      await new Promise<void>(resolve => {
        const done = (): void => {
          this.response.off('drain', done);
          this.response.off('close', done);
          resolve();
        };
        this.response.on('drain', done);
        this.response.on('close', done);
      });
    }
  }
}

/** The revision to go on from: the header of a reader that comes back wins over the query of its first request. */
export function sinceOf(query: string | undefined, lastEventId: string | undefined, current: number): number {
  const text = lastEventId ?? query;
  if (text === undefined || text === '') return current;
  if (!/^\d{1,15}$/.test(text)) {
    throw new WeftError('invalid_query', { detail: `since is "${text.slice(0, 40)}", which is not a revision.` });
  }
  return Number(text);
}
