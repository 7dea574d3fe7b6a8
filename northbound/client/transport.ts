/**
 * HTTP by Node's own modules and without a package, so that a program of one request starts fast: `fetch` alone takes tens of milliseconds
 * to load, and knows no authority of one's own.
 */
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
} from 'node:http';
import { UnreachableError } from './errors.js';

/** Where the controller is, and how it is asked. */
export interface Endpoint {
  /** Its root, such as http://127.0.0.1:8080. */
  readonly url: string;
  readonly token: string | null;
  /** PEM of the authority behind an https URL, beside those that Node.js trusts. */
  readonly authority?: string | null;
}

export interface Outgoing {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** JSON text; null: no body. */
  readonly body: string | null;
  readonly contentType?: string;
  /** For how long nothing may come, milliseconds. */
  readonly silenceMs: number;
}

type Send = (url: URL, options: RequestOptions, answered: (reply: IncomingMessage) => void) => ClientRequest;

/** Such requests may be sent again where a connection turned out to be closed: done twice is as done once. */
const repeatable: ReadonlySet<string> = new Set(['GET', 'PUT', 'DELETE']);

export class Transport {
  readonly #endpoint: Endpoint;
  readonly #root: string;
  #send: Promise<Send> | null = null;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#root = endpoint.url.replace(/\/+$/, '');
  }

  /**
   * Sends a request. The reply's body is still to be read.
   * @throws UnreachableError
   */
  async open(outgoing: Outgoing): Promise<IncomingMessage> {
    const url = this.#urlOf(outgoing.path);
    const send = await (this.#send ??= this.#sender(url));
    return this.#attempt(send, url, outgoing, repeatable.has(outgoing.method));
  }

  #urlOf(path: string): URL {
    const text = `${this.#root}${path}`;
    if (!URL.canParse(text) || !/^https?:/.test(text)) throw new UnreachableError(`${this.#root} is not an http URL`);
    return new URL(text);
  }

  async #sender({ protocol }: URL): Promise<Send> {
    const { authority = null } = this.#endpoint;
    if (protocol === 'http:') {
      const agent = new Agent({ keepAlive: true });
      return (url, options, answered) => httpRequest(url, { ...options, agent }, answered);
    }
    // What a plain connection does not need to load.
    const [https, tls] = await Promise.all([import('node:https'), import('node:tls')]);
    const ca = authority === null ? undefined : [...tls.rootCertificates, authority];
    const agent = new https.Agent({ keepAlive: true, ...(ca === undefined ? {} : { ca }) });
    return (url, options, answered) => https.request(url, { ...options, agent }, answered);
  }

  #attempt(send: Send, url: URL, outgoing: Outgoing, mayRepeat: boolean): Promise<IncomingMessage> {
    const { method, body, contentType = 'application/json', silenceMs } = outgoing;
    const { token } = this.#endpoint;
    const headers: Record<string, string> = {};
    if (token !== null) headers['authorization'] = `Bearer ${token}`;
    if (body !== null) {
      headers['content-type'] = contentType;
      headers['content-length'] = String(Buffer.byteLength(body));
    }
    return new Promise((resolve, reject) => {
      const request = send(url, { method, headers, timeout: silenceMs }, resolve);
      request.on('timeout', () => request.destroy(new Error(`no answer within ${silenceMs} ms`)));
      request.on('error', (error: NodeJS.ErrnoException) => {
        // The controller closes connections that nobody uses, sometimes while a request is on its way.
        const wasClosed = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        if (wasClosed && mayRepeat) resolve(this.#attempt(send, url, outgoing, false));
        else reject(unreachable(error));
      });
      request.end(body ?? undefined);
    });
  }
}

/** Connections to a name with several addresses fail with an error that has no words of its own. */
function unreachable(error: Error): UnreachableError {
  const first = error instanceof AggregateError ? (error.errors[0] as Error | undefined) : undefined;
  return new UnreachableError(error.message || first?.message || 'no connection', { cause: error });
}

/** The whole body of a reply. @throws UnreachableError when it breaks off */
export async function readText(reply: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of reply) chunks.push(chunk as Buffer);
  } catch (error) {
    throw unreachable(error as Error);
  }
  return Buffer.concat(chunks).toString();
}
