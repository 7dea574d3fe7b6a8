/**
 * Targets in Open vSwitch's own spelling, and active connections to them.
 *   tcp:HOST:PORT   ssl:HOST:PORT   unix:PATH      (an IPv6 address stands in brackets)
 */
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type SecureContextOptions } from 'node:tls';
import { systemTimers, type Timers } from './rpc.js';

/** Where to dial, or where to listen. */
export type Target =
  | { readonly kind: 'tcp' | 'ssl'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** PEM texts. The peer must present a certificate that `ca` signed, in both directions. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
  /** Certificates that the authority has taken back; every authority of `ca` needs its own list if there is one. */
  readonly crl?: string;
}

/** What both ends of a connection are secured with. */
export function tlsContext({ key, cert, ca, crl }: TlsIdentity): SecureContextOptions {
  // Of a text with several lists Node takes the first.
  const lists = crl?.match(/-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g) ?? [];
  return { key, cert, ca, minVersion: 'TLSv1.2', ...(crl === undefined ? {} : { crl: [...lists] }) };
}

/** Reads a target; null if it is not one. `defaultPort` stands in where OVS has one too (6640, 6653). */
export function parseTarget(text: string, defaultPort?: number): Target | null {
  const unix = /^unix:(.+)$/.exec(text);
  if (unix?.[1]) return { kind: 'unix', path: unix[1] };
  const match = /^(tcp|ssl):(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text);
  if (!match) return null;
  const port = match[4] === undefined ? defaultPort : Number(match[4]);
  const host = match[2] ?? match[3];
  if (port === undefined || port > 65535 || host === undefined) return null;
  return { kind: match[1] === 'ssl' ? 'ssl' : 'tcp', host, port };
}

/** The inverse of `parseTarget`. */
export function formatTarget(target: Target): string {
  if (target.kind === 'unix') return `unix:${target.path}`;
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  return `${target.kind}:${host}:${target.port}`;
}

/**
 * Connects once.
 * @throws Error of the socket, or when nothing came about within `timeoutMs`
 */
export function dial(
  target: Target,
  tls: TlsIdentity | null,
  timeoutMs: number,
  timers = systemTimers,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    if (target.kind === 'ssl' && !tls) return reject(new Error(`${formatTarget(target)} needs a certificate and key`));
    const socket =
      target.kind === 'unix'
        ? createConnection({ path: target.path })
        : target.kind === 'tcp'
          ? createConnection({ host: target.host, port: target.port, noDelay: true })
          : // Open vSwitch certificates name a switch, not a host: the CA is what decides.
            connectTls({
              host: target.host,
              port: target.port,
              ...(tls === null ? {} : tlsContext(tls)),
              // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
              rejectUnauthorized: true,
              checkServerIdentity: () => undefined,
            });
    const cancel = timers.after(timeoutMs, () => fail(new Error(`no connection within ${timeoutMs} ms`)));
    const fail = (error: Error) => {
      cancel();
      socket.destroy();
      reject(error);
    };
    socket.once('error', fail);
    socket.once(target.kind === 'ssl' ? 'secureConnect' : 'connect', () => {
      cancel();
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

export interface RedialOptions {
  readonly timers?: Timers;
  readonly connectTimeoutMs?: number;
  readonly leastBackoffMs?: number;
  readonly mostBackoffMs?: number;
}

/** Keeps one connection to a target: dials, hands it over, and dials again when it has ended. */
export class Redialler {
  readonly #target: Target;
  readonly #tls: () => TlsIdentity | null;
  readonly #timers: Timers;
  readonly #connectTimeoutMs: number;
  readonly #leastBackoffMs: number;
  readonly #mostBackoffMs: number;
  readonly #use: (stream: Duplex) => Promise<void>;
  readonly #failed: (error: Error) => void;
  #backoffMs: number;
  #isStopped = false;
  #cancelWait: () => void = () => {};

  /**
   * @param tls gives the certificates of now, at each dial
   * @param use resolves when the connection is over; if it lasted, the next back-off is the shortest again
   * @param failed is told each dial that came to nothing
   */
  constructor(
    target: Target,
    tls: () => TlsIdentity | null,
    use: (stream: Duplex) => Promise<void>,
    failed: (error: Error) => void,
    options: RedialOptions = {},
  ) {
    this.#target = target;
    this.#tls = tls;
    this.#use = use;
    this.#failed = failed;
    this.#timers = options.timers ?? systemTimers;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 5_000;
    this.#leastBackoffMs = options.leastBackoffMs ?? 500;
    this.#mostBackoffMs = options.mostBackoffMs ?? 8_000;
    this.#backoffMs = this.#leastBackoffMs;
  }

  start(): void {
    void this.#attempt();
  }

  /** Dials no more. A connection that was handed over is its user's to close. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelWait();
  }

  async #attempt(): Promise<void> {
    const startedMs = this.#timers.nowMs();
    const stream = await dial(this.#target, this.#tls(), this.#connectTimeoutMs, this.#timers).catch((error: Error) => {
      this.#failed(error);
      return null;
    });
    if (stream && this.#isStopped) stream.destroy();
    else if (stream) await this.#use(stream);
    if (this.#isStopped) return;
    const lasted = this.#timers.nowMs() - startedMs > this.#mostBackoffMs;
    this.#backoffMs = lasted ? this.#leastBackoffMs : Math.min(this.#backoffMs * 2, this.#mostBackoffMs);
    this.#cancelWait = this.#timers.after(this.#backoffMs, () => void this.#attempt());
  }
}
