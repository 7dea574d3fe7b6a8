/**
 * The client library: every route with the types of the OpenAPI document (api.ts), the verbs of the collections, waiting until a write is in
 * force, and watching. It depends on nothing but Node.js.
 *
 *   const weft = new WeftClient({ url: 'http://127.0.0.1:8080', token: null });
 *   const net = await weft.create('logical-switches', { name: 'web' }, { appliedWithinMs: 5_000 });
 *   await weft.request('GET /v1/logical-switches/{id}', { path: { id: net.id } });
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Collections, Problem, Progress, RevisionReport, Routes } from './api.js';
import { NotAppliedError, ProblemError, problemOf, UnreachableError } from './errors.js';
import { eventsOf, type ServerEvent } from './events.js';
import { type Endpoint, readText, Transport } from './transport.js';

export { NotAppliedError, type Problem, ProblemError, type ServerEvent, UnreachableError };

export type JsonObject = Readonly<Record<string, unknown>>;
export type CollectionName = keyof Collections;
export type Route = keyof Routes;

export interface Reply<T = unknown> {
  /** HTTP status: 200, 201, 202 or 204. */
  readonly status: number;
  /** The revision that the reply reflects. */
  readonly revision: number | null;
  readonly body: T;
}

export interface WaitOptions {
  /** Hold the reply until every connected hypervisor concerned has acknowledged the write, for so many milliseconds; then NotAppliedError. */
  readonly appliedWithinMs?: number;
}

type NamesIn<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;
type Given<Member extends string, T> = [T] extends [never] ? unknown : { readonly [M in Member]: T };

/** What a route takes: `path` for the names in its path, `body`, `query`. */
export type RouteOptions<R extends Route> = WaitOptions & { readonly query?: Routes[R]['query'] } & Given<
    'body',
    Routes[R]['body']
  > &
  Given<'path', [NamesIn<R>] extends [never] ? never : Readonly<Record<NamesIn<R>, string | number>>>;

type QueryValue = string | number | boolean | readonly string[] | undefined;
export type Query = Readonly<Record<string, QueryValue>>;

/** A filter of a list; a label may be given several times. */
export type Filter<K extends CollectionName> = Omit<Collections[K]['filter'], 'label' | 'after'> & {
  readonly label?: string | readonly string[];
};

/** One write of a transaction. */
export type Operation = {
  readonly [K in CollectionName]:
    | { readonly op: 'create'; readonly kind: K; readonly id?: string; readonly value: Collections[K]['create'] }
    | { readonly op: 'replace'; readonly kind: K; readonly id: string; readonly value: Collections[K]['replace'] }
    | { readonly op: 'merge'; readonly kind: K; readonly id: string; readonly value: Collections[K]['patch'] }
    | { readonly op: 'delete'; readonly kind: K; readonly id: string; readonly cascade?: boolean };
}[CollectionName];

export interface ClientOptions extends Endpoint {
  /** For how long the controller may say nothing, milliseconds; waiting for hypervisors comes on top. Default 30,000. */
  readonly silenceMs?: number;
}

const pollMs = 50;

export class WeftClient {
  readonly #transport: Transport;
  readonly #silenceMs: number;

  constructor({ silenceMs = 30_000, ...endpoint }: ClientOptions) {
    this.#transport = new Transport(endpoint);
    this.#silenceMs = silenceMs;
  }

  /**
   * One request of a route of the OpenAPI document.
   * @throws ProblemError, UnreachableError; NotAppliedError with `appliedWithinMs`
   */
  async request<R extends Route>(
    route: R,
    ...[options]: Record<never, never> extends RouteOptions<R>
      ? [options?: RouteOptions<R>]
      : [options: RouteOptions<R>]
  ): Promise<Reply<Routes[R]['reply']>> {
    const {
      path = {},
      query = {},
      body,
      appliedWithinMs,
    } = (options ?? {}) as {
      path?: Readonly<Record<string, string | number>>;
      query?: Query;
      body?: unknown;
      appliedWithinMs?: number;
    };
    const [method = '', template = ''] = route.split(' ');
    const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path[name] ?? '')));
    const wait = appliedWithinMs === undefined ? {} : { wait: 'applied', timeout_ms: appliedWithinMs };
    const reply = await this.send(method, `${filled}${queryText({ ...query, ...wait })}`, body, appliedWithinMs);
    if (reply.status === 202) throw new NotAppliedError(reply.body as Progress);
    return reply as Reply<Routes[R]['reply']>;
  }

  /**
   * Any request, for programs that learn only when they run what to ask. `waitMs` is how long the path asks the controller to hold its reply.
   * @throws ProblemError, UnreachableError
   */
  async send(method: string, path: string, body?: unknown, waitMs = 0): Promise<Reply> {
    const reply = await this.#transport.open({
      method,
      path,
      body: body === undefined ? null : JSON.stringify(body),
      silenceMs: this.#silenceMs + waitMs,
    });
    const text = await readText(reply);
    const status = reply.statusCode ?? 0;
    const isJson = /json/.test(reply.headers['content-type'] ?? '');
    const parsed: unknown = isJson && text !== '' ? JSON.parse(text) : text === '' ? null : text;
    if (status >= 300) throw problemOf(status, parsed, reply.headers['retry-after']);
    const revision = reply.headers['weft-revision'];
    return { status, revision: typeof revision === 'string' ? Number(revision) : null, body: parsed };
  }

  /** Every object of a collection that passes the filter, over all pages. */
  async list<K extends CollectionName>(
    kind: K,
    filter: Filter<K> = {} as Filter<K>,
  ): Promise<Collections[K]['object'][]> {
    const items: Collections[K]['object'][] = [];
    for (let after: string | undefined; ; ) {
      const { body } = await this.send('GET', `/v1/${kind}${queryText({ ...(filter as Query), after })}`);
      const page = body as { readonly items: readonly Collections[K]['object'][]; readonly next?: string };
      items.push(...page.items);
      if (page.next === undefined) return items;
      after = page.next;
    }
  }

  get<K extends CollectionName>(kind: K, id: string): Promise<Collections[K]['object']> {
    return this.#object('GET', `/v1/${kind}/${encodeURIComponent(id)}`);
  }

  /** With an `id` in the value it is safe to repeat. */
  create<K extends CollectionName>(
    kind: K,
    value: Collections[K]['create'],
    options?: WaitOptions,
  ): Promise<Collections[K]['object']> {
    return this.#object('POST', `/v1/${kind}`, value, options);
  }

  /** Creates, or replaces as a whole. */
  replace<K extends CollectionName>(
    kind: K,
    id: string,
    value: Collections[K]['replace'],
    options?: WaitOptions,
  ): Promise<Collections[K]['object']> {
    return this.#object('PUT', `/v1/${kind}/${encodeURIComponent(id)}`, value, options);
  }

  /** Merges (RFC 7396): null removes. */
  patch<K extends CollectionName>(
    kind: K,
    id: string,
    value: Collections[K]['patch'],
    options?: WaitOptions,
  ): Promise<Collections[K]['object']> {
    return this.#object('PATCH', `/v1/${kind}/${encodeURIComponent(id)}`, value, options);
  }

  /** Whether there was something to delete: what is gone already is no error. */
  async delete(
    kind: CollectionName,
    id: string,
    options: WaitOptions & { readonly cascade?: boolean } = {},
  ): Promise<boolean> {
    const { cascade, ...wait } = options;
    const path = `/v1/${kind}/${encodeURIComponent(id)}`;
    try {
      await this.#object('DELETE', path, undefined, wait, cascade === true ? { cascade } : {});
      return true;
    } catch (error) {
      if (error instanceof ProblemError && error.code === 'not_found') return false;
      throw error;
    }
  }

  /** All operations or none, and one revision. Gives each object as the transaction left it; null where it deleted. */
  async transaction(
    operations: readonly Operation[],
    options?: WaitOptions,
  ): Promise<{ readonly revision: number; readonly results: readonly unknown[] }> {
    return this.#object('POST', '/v1/transactions', { operations }, options);
  }

  /** Waits until a revision is in force on every connected hypervisor, at most `withinMs`, and tells how far it has come. */
  async applied(
    revision: number,
    withinMs: number,
  ): Promise<{ readonly isApplied: boolean; readonly report: RevisionReport }> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const { body } = await this.request('GET /v1/revisions/{n}', { path: { n: revision } });
      const isApplied = isSettled(body.hypervisors);
      if (isApplied || performance.now() >= deadline) return { isApplied, report: body };
      await sleep(pollMs);
    }
  }

  /** Changes as they happen: of these collections, after a revision. Ends when the controller does. */
  async *watch(
    options: { readonly kinds?: readonly string[]; readonly since?: number } = {},
  ): AsyncGenerator<ServerEvent> {
    const { kinds, since } = options;
    yield* this.events(`/v1/watch${queryText({ kinds: kinds?.join(','), since })}`);
  }

  /** The events of any stream until it ends. */
  async *events(path: string): AsyncGenerator<ServerEvent> {
    const reply = await this.#transport.open({ method: 'GET', path, body: null, silenceMs: 0 });
    const status = reply.statusCode ?? 0;
    if (status >= 300) throw problemOf(status, JSON.parse(await readText(reply)), reply.headers['retry-after']);
    try {
      yield* eventsOf(reply);
    } finally {
      reply.destroy();
    }
  }

  async #object<T>(
    method: string,
    path: string,
    body?: unknown,
    { appliedWithinMs }: WaitOptions = {},
    query: Query = {},
  ): Promise<T> {
    const wait = appliedWithinMs === undefined ? {} : { wait: 'applied', timeout_ms: appliedWithinMs };
    const reply = await this.send(method, `${path}${queryText({ ...query, ...wait })}`, body, appliedWithinMs);
    if (reply.status === 202) throw new NotAppliedError(reply.body as Progress);
    return reply.body as T;
  }
}

/** Whether nobody who is there is behind. Who is away is named, and not waited for. */
export function isSettled({ pending, failed }: RevisionReport['hypervisors']): boolean {
  // A tenant is told numbers, and those that are away apart.
  const late = typeof pending === 'number' ? pending : pending.filter(({ reason }) => reason !== 'disconnected').length;
  return late === 0 && (typeof failed === 'number' ? failed : failed.length) === 0;
}

/** `?a=1&b=2`, or nothing. */
export function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const each of Array.isArray(value) ? (value as readonly string[]) : [value])
      parameters.append(name, String(each));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
