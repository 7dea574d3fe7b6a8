/** A thin REST client: JSON in and out, problem details as errors, server-sent events as an async iterable. */

export interface ClientOptions {
  /** Root of the controller, such as http://127.0.0.1:8080. */
  readonly url: string;
  readonly token: string | null;
}

/** A refusal by the controller, in its own words. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly help: string,
    readonly pointer: string | null,
    readonly related: readonly { readonly kind: string; readonly id: string; readonly name?: string }[],
  ) {
    super(detail);
  }
}

export type JsonObject = Readonly<Record<string, unknown>>;

export interface Reply {
  readonly status: number;
  readonly revision: number | null;
  readonly body: unknown;
}

export interface ServerEvent {
  readonly event: string;
  readonly data: unknown;
}

export class Client {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /**
   * @throws ProblemError when the controller refuses
   * @throws TypeError when it cannot be reached (fetch's own)
   */
  async request(method: string, path: string, body?: unknown): Promise<Reply> {
    const response = await fetch(new URL(path, this.#options.url), {
      method,
      headers: { ...this.#headers(), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed: unknown = text === '' ? null : JSON.parse(text);
    if (!response.ok) throw problemOf(response.status, parsed);
    const revision = response.headers.get('weft-revision');
    return { status: response.status, revision: revision === null ? null : Number(revision), body: parsed };
  }

  /** Every page of a list. */
  async list(collection: string, query: URLSearchParams): Promise<JsonObject[]> {
    const items: JsonObject[] = [];
    for (let after: string | undefined; ; ) {
      if (after !== undefined) query.set('after', after);
      const { body } = await this.request('GET', `/v1/${collection}?${query.toString()}`);
      const page = body as { items: JsonObject[]; next?: string };
      items.push(...page.items);
      if (page.next === undefined) return items;
      after = page.next;
    }
  }

  /** Events of a stream until it ends. */
  async *events(path: string): AsyncGenerator<ServerEvent> {
    const response = await fetch(new URL(path, this.#options.url), { headers: this.#headers() });
    if (!response.ok) throw problemOf(response.status, await response.json());
    if (response.body === null) return;
    const decoder = new TextDecoder();
    let waiting = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      waiting += decoder.decode(chunk, { stream: true });
      for (let end = waiting.indexOf('\n\n'); end >= 0; end = waiting.indexOf('\n\n')) {
        const event = parseEvent(waiting.slice(0, end));
        waiting = waiting.slice(end + 2);
        if (event !== null) yield event;
      }
    }
  }

  #headers(): Record<string, string> {
    const { token } = this.#options;
    return token === null ? {} : { authorization: `Bearer ${token}` };
  }
}

function parseEvent(block: string): ServerEvent | null {
  let event = 'message';
  let data = '';
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) event = line.slice(7);
    else if (line.startsWith('data: ')) data += line.slice(6);
  }
  return data === '' ? null : { event, data: JSON.parse(data) as unknown };
}

function problemOf(status: number, body: unknown): ProblemError {
  const problem = (body ?? {}) as Partial<Record<'code' | 'detail' | 'help' | 'pointer', string>> & {
    related?: ProblemError['related'];
  };
  return new ProblemError(
    status,
    problem.code ?? 'unknown',
    problem.detail ?? `The controller answered ${status}.`,
    problem.help ?? '',
    problem.pointer ?? null,
    problem.related ?? [],
  );
}
