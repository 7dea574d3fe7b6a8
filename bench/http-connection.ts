/**
 * HTTP with a connection that stays open, as a long-lived client has: `fetch` would add a fraction of a millisecond of its own
 * to every figure.
 */
import { Agent, request } from 'node:http';

export interface HttpReply {
  readonly status: number;
  readonly body: string;
  /** From the first byte of the request to the last of the reply, milliseconds. */
  readonly elapsedMs: number;
}

export class HttpConnection {
  readonly #agent: Agent;

  constructor(
    /** Without a slash at the end. */
    private readonly url: string,
    maximumConnections = 1,
  ) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: maximumConnections, noDelay: true });
  }

  /** @throws Error for a status of 400 or more, and for 202: what was waited for did not come in time */
  send(method: string, path: string, value?: unknown): Promise<HttpReply> {
    const content = value === undefined ? null : Buffer.from(JSON.stringify(value));
    const headers = content === null ? {} : { 'content-type': 'application/json', 'content-length': content.length };
    return new Promise((resolve, reject) => {
      const startMs = performance.now();
      const outgoing = request(`${this.url}${path}`, { method, headers, agent: this.#agent }, incoming => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const elapsedMs = performance.now() - startMs;
          const status = incoming.statusCode ?? 0;
          const body = Buffer.concat(chunks).toString();
          if (status >= 400 || status === 202)
            reject(new Error(`${method} ${path}: ${status} ${body.slice(0, 2_000)}`));
          else resolve({ status, body, elapsedMs });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(content ?? undefined);
    });
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse((await this.send('GET', path)).body) as T;
  }

  close(): void {
    this.#agent.destroy();
  }
}
