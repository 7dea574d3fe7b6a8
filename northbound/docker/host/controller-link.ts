/** Requests to Weft: repeated while it cannot be reached, and what only takes away is kept until it can. */
import type { Backlog } from './backlog.js';

export interface LinkOptions {
  /** Root of Weft's REST, such as https://weft.example:8080. */
  readonly url: string;
  readonly token: string | null;
  readonly hypervisor: string;
  readonly attach: 'internal' | 'veth';
  readonly scope: 'local' | 'global';
  /** What is to be taken away as soon as Weft is back. */
  readonly backlog: Backlog;
  readonly log: (line: string) => void;
}

export type Body = Readonly<Record<string, unknown>>;

/** What came back, for Docker. */
export interface Reply {
  readonly status: number;
  readonly body: Body;
}

/** Docker waits for an answer without a limit of its own: so long it may take Weft to come back, and to answer. */
const patienceMs = 20_000;
const answerWithinMs = 25_000;
const shortestPauseMs = 100;
const longestPauseMs = 2_000;

/** What takes away. Docker goes on whatever the answer is, and would not ask again. */
const removals: ReadonlySet<string> = new Set([
  'NetworkDriver.DeleteEndpoint',
  'NetworkDriver.DeleteNetwork',
  'NetworkDriver.FreeNetwork',
  'IpamDriver.ReleaseAddress',
  'IpamDriver.ReleasePool',
]);

/** Weft could not be asked; it may have done what it was asked for. */
class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

export class ControllerLink {
  readonly #options: LinkOptions;
  #draining: Promise<void> | null = null;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Asks Weft. What it refuses is in the reply, under the name that Docker knows. */
  async ask(method: string, body: Body): Promise<Reply> {
    const { backlog, log } = this.#options;
    const isRemoval = removals.has(method);
    const deadlineMs = performance.now() + (isRemoval ? 0 : patienceMs);
    for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        // What was taken away before comes before what is asked for now: an address may be the same.
        await this.drain();
        return await this.#send(method, body);
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        if (isRemoval) {
          await backlog.add({ method, body });
          log(`${method} waits for Weft: ${error.message}`);
          return { status: 200, body: {} };
        }
        if (performance.now() >= deadlineMs) return refusal(method, `Weft cannot be reached: ${error.message}`);
        await pause(pauseMs);
      }
    }
  }

  /** Sends what waits, in its order. @throws Unreachable */
  async drain(): Promise<void> {
    const { backlog } = this.#options;
    if (backlog.isEmpty) return;
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = null;
    });
    await this.#draining;
  }

  async #drain(): Promise<void> {
    const { backlog, log } = this.#options;
    for (let next = backlog.first; next !== null; next = backlog.first) {
      const { body } = await this.#send(next.method, next.body);
      const refused = body['Err'] ?? body['Error'];
      if (typeof refused === 'string') log(`${next.method}, which had waited, was refused: ${refused}`);
      await backlog.removeFirst();
    }
  }

  async #send(method: string, body: Body): Promise<Reply> {
    const { url, token, hypervisor, attach, scope } = this.#options;
    const path = `/docker/v1/${encodeURIComponent(hypervisor)}/${encodeURIComponent(method)}`;
    const target = new URL(`${path}?attach=${attach}&scope=${scope}`, url);
    let status: number;
    let text: string;
    try {
      const response = await fetch(target, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(answerWithinMs),
      });
      status = response.status;
      text = await response.text();
    } catch (error) {
      const cause = (error as Error).cause;
      throw new Unreachable(cause instanceof Error ? cause.message : (error as Error).message, { cause: error });
    }
    // Between us and Weft may be something that answers for it.
    if (status === 502 || status === 503 || status === 504) throw new Unreachable(`it answers ${status}`);
    const answer = parse(text);
    if (status === 200) return { status, body: answer };
    const detail = typeof answer['detail'] === 'string' ? answer['detail'] : `it answers ${status}`;
    if (status === 404) return { status: 404, body: { Err: detail } };
    return refusal(method, `Weft refuses: ${detail}`);
  }
}

function parse(text: string): Body {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Body) : {};
  } catch {
    return {}; // Not Weft's own answer: its status says enough.
  }
}

/** An error under the name that the protocol has for it. */
export function refusal(method: string, reason: string): Reply {
  return { status: 200, body: { [method.startsWith('IpamDriver.') ? 'Error' : 'Err']: reason } };
}
