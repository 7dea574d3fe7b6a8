/**
 * Where Docker engines ask Weft straight: the whole of it on a host is a line in /etc/docker/plugins/weft.spec, or weft.json with a
 * certificate. The protocol is a POST to /METHOD with a body of JSON and no content type.
 */
import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Logger } from '../../src/base/log.js';
import { isObject } from '../../src/model/value-types.js';
import { parseJsonBody } from '../rest/json-body.js';
import { callingHypervisor, type KnownHosts } from './callers.js';
import type { Driver } from './driver.js';
import type { Body } from './requests.js';

export interface DockerTarget {
  readonly transport: 'tcp' | 'ssl';
  readonly host: string;
  readonly port: number;
}

/** The certificate of ours, and whom we believe. */
export interface DockerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly crl?: string;
}

export interface DockerListenerParts {
  readonly driver: Driver;
  readonly known: () => KnownHosts;
  /** Names in the certificate of a peer that was checked. */
  readonly certificateNames: (socket: TLSSocket) => readonly string[];
  readonly log: Logger;
}

/** What libnetwork understands. */
const contentType = 'application/vnd.docker.plugins.v1.2+json';
const bodyLimit = 1024 * 1024;
const requestTimeoutMs = 30_000;

const tlsOptions = ({ cert, key, ca, crl }: DockerTls) => ({
  cert,
  key,
  ca,
  ...(crl === undefined ? {} : { crl }),
  requestCert: true,
  rejectUnauthorized: true,
  minVersion: 'TLSv1.2' as const,
});

export class DockerListener {
  readonly #parts: DockerListenerParts;
  readonly #servers: Server[] = [];
  readonly #tlsServers: TlsServer[] = [];

  constructor(parts: DockerListenerParts) {
    this.#parts = parts;
  }

  /** Listens; gives the port. @throws Error when it cannot, or where `ssl` is asked for without `tls` */
  async listen({ transport, host, port }: DockerTarget, tls: DockerTls | null): Promise<number> {
    const handle = (request: IncomingMessage, response: ServerResponse): void => void this.#serve(request, response);
    let server: Server;
    if (transport === 'tcp') server = createPlainServer({ requestTimeout: requestTimeoutMs }, handle);
    else {
      if (tls === null) throw new Error('an encrypted listener for Docker needs a certificate');
      const secure = createTlsServer({ ...tlsOptions(tls), requestTimeout: requestTimeoutMs }, handle);
      this.#tlsServers.push(secure);
      server = secure;
    }
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
    return (server.address() as AddressInfo).port;
  }

  /** Takes new certificates for connections to come. */
  setTls(tls: DockerTls): void {
    for (const server of this.#tlsServers) server.setSecureContext(tlsOptions(tls));
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map(
        server =>
          new Promise<void>(resolve => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      ),
    );
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { driver, known, log } = this.#parts;
    try {
      const { socket, headers, url = '/', method } = request;
      const names = socket instanceof TLSSocket ? this.#parts.certificateNames(socket) : null;
      const address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d)/, '');
      const caller = callingHypervisor({ address, host: headers.host ?? '', names }, known());
      if (caller.kind === 'unknown') {
        log.warn({ address, host: headers.host, reason: caller.reason }, 'a Docker engine is not known');
        return reply(response, 403, { Err: `Weft does not know this host: ${caller.reason}.` });
      }
      if (method !== 'POST') return reply(response, 405, { Err: 'Requests of plugins are POST.' });
      const body = await readBody(request);
      const { hypervisor } = caller;
      const answer = await driver.answer({ hypervisor, attach: 'internal', scope: 'local' }, url.slice(1), body);
      reply(response, answer === null ? 404 : 200, answer ?? { Err: `There is no ${url.slice(1, 81)}.` });
    } catch (error) {
      log.info({ err: error }, 'a request of Docker could not be read');
      reply(response, 400, { Err: (error as Error).message });
    }
  }
}

function reply(response: ServerResponse, status: number, body: Body): void {
  response.writeHead(status, { 'content-type': contentType }).end(JSON.stringify(body));
}

/** The body as an object; empty where there is none. @throws Error when it is none, or too large */
export async function readBody(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyLimit) throw new Error(`The body is larger than ${bodyLimit} bytes.`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8').trim();
  if (text === '') return {};
  const value = parseJsonBody(text);
  if (value === null) return {};
  if (!isObject(value)) throw new Error('The body is not an object.');
  return value;
}
