/**
 * JSON-RPC 1.0 over one connection, as ovsdb-server really speaks it: a request has exactly `id`, `method` and `params`
 * (it hangs up on `"jsonrpc"` and on every other member it does not know, and on replies that it did not ask for), an error
 * may be a bare string or an object, and an error reply may lack `result`.
 */
import type { Duplex } from 'node:stream';
import {
  defaultJsonStreamLimits,
  isJsonObject,
  JsonStream,
  JsonStreamError,
  type JsonObject,
  type JsonStreamLimits,
  type JsonValue,
} from './json-stream.js';
import { NotationError } from './notation.js';

/** Time as this library needs it; a simulation brings its own. */
export interface Timers {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Calls `action` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, action: () => void): () => void;
}

export const systemTimers: Timers = {
  nowMs: () => performance.now(),
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};

export interface RpcOptions {
  readonly limits?: JsonStreamLimits;
  readonly timers?: Timers;
  /** A request without an answer for this long ends the connection. */
  readonly requestTimeoutMs?: number;
  /** After this long without a byte from the peer it is sent an echo; after as long again it is taken for dead. */
  readonly probeIntervalMs?: number;
  /** Bytes that the peer may leave unread before the connection is ended. */
  readonly unsentBytes?: number;
}

/** The peer answered a request with an error. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  constructor(
    readonly method: string,
    /** The error itself where it is a string, else its member `error`. */
    readonly code: string,
    readonly details: string,
  ) {
    super(`${method}: ${code}${details ? `: ${details}` : ''}`);
  }
}

/** The connection ended before the answer came. Whether the request took effect is not known. */
export class RpcClosedError extends Error {
  override readonly name = 'RpcClosedError';
}

/** The peer sent JSON that is no JSON-RPC message, or that does not fit what was asked. */
export class RpcProtocolError extends Error {
  override readonly name = 'RpcProtocolError';
}

interface Pending {
  readonly method: string;
  /** Runs in the order of the stream, before any later message is looked at. */
  readonly accept: (result: JsonValue) => void;
  readonly reject: (error: Error) => void;
  readonly cancelTimeout: () => void;
}

const outstandingRequests = 4096;

function rpcError(method: string, error: JsonValue): RpcError {
  if (typeof error === 'string') return new RpcError(method, error, '');
  if (!isJsonObject(error)) return new RpcError(method, 'unknown error', JSON.stringify(error).slice(0, 200));
  const code = typeof error['error'] === 'string' ? error['error'] : 'unknown error';
  return new RpcError(method, code, typeof error['details'] === 'string' ? error['details'] : '');
}

export class RpcConnection {
  readonly #stream: Duplex;
  readonly #timers: Timers;
  readonly #json: JsonStream;
  readonly #requestTimeoutMs: number;
  readonly #probeIntervalMs: number;
  readonly #unsentBytes: number;
  readonly #pending = new Map<number, Pending>();
  readonly #handlers = new Map<string, (params: readonly JsonValue[]) => void>();
  readonly #closeListeners: ((reason: string) => void)[] = [];
  #nextId = 1;
  #lastHeardMs: number;
  #cancelProbe: () => void = () => {};
  #closeReason: string | null = null;

  constructor(stream: Duplex, options: RpcOptions = {}) {
    this.#stream = stream;
    this.#timers = options.timers ?? systemTimers;
    this.#json = new JsonStream(options.limits ?? defaultJsonStreamLimits);
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 30_000;
    this.#probeIntervalMs = options.probeIntervalMs ?? 3_000;
    this.#unsentBytes = options.unsentBytes ?? 16 * 1024 * 1024;
    this.#lastHeardMs = this.#timers.nowMs();
    stream.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    stream.on('error', error => this.close(error.message));
    stream.on('end', () => this.close('the peer ended the connection'));
    stream.on('close', () => this.close('the connection was closed'));
    this.#scheduleProbe(this.#probeIntervalMs);
  }

  /** Why the connection ended; null while it is up. */
  get closeReason(): string | null {
    return this.#closeReason;
  }

  /** Runs once when the connection ends, at once if it has. */
  onClose(listener: (reason: string) => void): void {
    if (this.#closeReason !== null) listener(this.#closeReason);
    else this.#closeListeners.push(listener);
  }

  setLimits(limits: JsonStreamLimits): void {
    this.#json.setLimits(limits);
  }

  /** Takes the notifications of one method; the handler runs in the order of the stream. */
  onNotification(method: string, handler: (params: readonly JsonValue[]) => void): void {
    this.#handlers.set(method, handler);
  }

  /**
   * Sends a request. `accept` turns the result into what the promise gives, and runs before any message behind the reply
   * is looked at: state that later notifications build upon must be set there, not after the await.
   * @throws RpcError when the peer answers with an error, RpcClosedError when no answer will come
   */
  request<T>(method: string, params: readonly JsonValue[], accept: (result: JsonValue) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closeReason !== null) return reject(new RpcClosedError(`${method}: ${this.#closeReason}`));
      if (this.#pending.size >= outstandingRequests) {
        return reject(new RpcClosedError(`${method}: more than ${outstandingRequests} requests are not answered yet`));
      }
      const id = this.#nextId++;
      const cancelTimeout = this.#timers.after(this.#requestTimeoutMs, () =>
        this.close(`no answer to ${method} within ${this.#requestTimeoutMs} ms`),
      );
      this.#pending.set(id, { method, accept: result => resolve(accept(result)), reject, cancelTimeout });
      this.#send({ id, method, params });
    });
  }

  /** Asks whether the peer is alive; ends the connection and gives false if it says nothing within `timeoutMs`. */
  async probe(timeoutMs: number): Promise<boolean> {
    const cancel = this.#timers.after(timeoutMs, () => this.close(`no answer to echo within ${timeoutMs} ms`));
    try {
      await this.request('echo', [], () => null);
      return true;
    } catch (error) {
      if (error instanceof RpcError) return true; // an error is an answer too
      if (error instanceof RpcClosedError) return false;
      throw error;
    } finally {
      cancel();
    }
  }

  /** Ends the connection; requests under way fail with this reason. */
  close(reason: string): void {
    if (this.#closeReason !== null) return;
    this.#closeReason = reason;
    this.#cancelProbe();
    this.#stream.destroy();
    for (const { method, reject, cancelTimeout } of this.#pending.values()) {
      cancelTimeout();
      reject(new RpcClosedError(`${method}: ${reason}`));
    }
    this.#pending.clear();
    for (const listener of this.#closeListeners.splice(0)) listener(reason);
  }

  #send(message: JsonObject): void {
    this.#stream.write(JSON.stringify(message));
    if (this.#stream.writableLength > this.#unsentBytes) {
      this.close(`the peer leaves more than ${this.#unsentBytes} bytes unread`);
    }
  }

  #receive(chunk: Uint8Array): void {
    this.#lastHeardMs = this.#timers.nowMs();
    try {
      for (const message of this.#json.push(chunk)) {
        this.#dispatch(message);
        if (this.#closeReason !== null) return;
      }
    } catch (error) {
      // What the peer sent is at fault in these three, and only in these: everything else is a bug and must be seen.
      const isPeersFault =
        error instanceof JsonStreamError || error instanceof NotationError || error instanceof RpcProtocolError;
      if (!isPeersFault) throw error;
      this.close(error.message);
    }
  }

  #dispatch(message: JsonObject): void {
    const { id, method, params } = message;
    if (method !== undefined) {
      if (typeof method !== 'string' || !Array.isArray(params)) throw new RpcProtocolError('malformed request');
      this.#dispatchCall(id ?? null, method, params as readonly JsonValue[]);
    } else if (id !== undefined && (message['result'] !== undefined || message['error'] !== undefined)) {
      this.#dispatchReply(id, message['result'] ?? null, message['error'] ?? null);
    } else throw new RpcProtocolError('a message is neither request, notification nor reply');
  }

  #dispatchCall(id: JsonValue, method: string, params: readonly JsonValue[]): void {
    if (id === null) this.#handlers.get(method)?.(params);
    else if (method === 'echo') this.#send({ id, result: params, error: null });
    else this.#send({ id, result: null, error: 'unknown method' });
  }

  #dispatchReply(id: JsonValue, result: JsonValue, error: JsonValue): void {
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (typeof id !== 'number' || !pending) throw new RpcProtocolError('a reply to nothing that was asked');
    this.#pending.delete(id);
    pending.cancelTimeout();
    if (error !== null) return pending.reject(rpcError(pending.method, error));
    try {
      pending.accept(result);
    } catch (cause) {
      pending.reject(cause instanceof Error ? cause : new Error(String(cause)));
      if (cause instanceof NotationError || cause instanceof RpcProtocolError) throw cause;
    }
  }

  #scheduleProbe(delayMs: number): void {
    const dueMs = this.#timers.nowMs() + delayMs;
    this.#cancelProbe = this.#timers.after(delayMs, () => {
      const nowMs = this.#timers.nowMs();
      // A late timer means that this process was busy: what the peer said meanwhile may not have been read yet.
      const isLate = nowMs - dueMs > this.#probeIntervalMs / 2;
      if (isLate) this.#lastHeardMs = Math.max(this.#lastHeardMs, nowMs - this.#probeIntervalMs);
      const silentMs = nowMs - this.#lastHeardMs;
      if (silentMs >= 2 * this.#probeIntervalMs) {
        return this.close(`the peer was silent for ${Math.round(silentMs)} ms`);
      }
      if (silentMs < this.#probeIntervalMs) return this.#scheduleProbe(this.#probeIntervalMs - silentMs);
      // The answer is bytes, and any byte is a sign of life: the result itself does not matter.
      this.request('echo', [], () => null).catch(() => {});
      this.#scheduleProbe(2 * this.#probeIntervalMs - silentMs);
    });
  }
}
