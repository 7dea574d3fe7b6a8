/** Passive ends: sockets that hypervisors dial. TLS peers must present a certificate of our authority. */
import { createServer as createTcpServer, Socket, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, TLSSocket, type Server as TlsServer } from 'node:tls';
import { formatTarget, type Target, type TlsIdentity } from '../ovsdb/transport.js';

/** What a connection tells about its two ends before a byte is read. */
export interface Peer {
  /** For people: where the peer is, `tcp:192.0.2.11:49152`. */
  readonly name: string;
  readonly transport: 'tcp' | 'ssl' | 'unix';
  /** Did we dial, or were we dialled? */
  readonly direction: 'accepted' | 'dialled';
  /** Our own end as the peer reached it; null for a unix socket. */
  readonly localHost: string | null;
  readonly localPort: number | null;
  /** The target that we dialled; null when we were dialled. */
  readonly target: string | null;
  /** Subject CN and DNS alternative names of the peer's verified certificate; empty without TLS. */
  readonly certificateNames: readonly string[];
}

/** An IPv4 peer of a dual-stack socket is written as the IPv4 address that it is. */
function plainAddress(address: string | undefined): string | null {
  return address?.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, '') ?? null;
}

function certificateNames(socket: TLSSocket): readonly string[] {
  const certificate = socket.getPeerCertificate();
  const commonName: string | string[] | undefined = certificate.subject?.CN;
  const alternatives = (certificate.subjectaltname ?? '').split(', ').filter(name => name.startsWith('DNS:'));
  const names = [commonName ?? [], alternatives.map(name => name.slice('DNS:'.length))].flat();
  return [...new Set(names)];
}

/** Describes the ends of a connected socket. */
export function describePeer(stream: Duplex, direction: Peer['direction'], target: Target): Peer {
  const dialledTarget = direction === 'dialled' ? formatTarget(target) : null;
  const socket = stream instanceof Socket ? stream : null;
  const remoteAddress = plainAddress(socket?.remoteAddress);
  if (target.kind === 'unix' || remoteAddress === null || !socket) {
    const name = formatTarget(target);
    const local = { localHost: null, localPort: null, certificateNames: [] };
    return { name, transport: target.kind, direction, target: dialledTarget, ...local };
  }
  return {
    name: formatTarget({ kind: target.kind, host: remoteAddress, port: socket.remotePort ?? 0 }),
    transport: target.kind,
    direction,
    localHost: plainAddress(socket.localAddress),
    localPort: socket.localPort ?? null,
    target: dialledTarget,
    certificateNames: socket instanceof TLSSocket ? certificateNames(socket) : [],
  };
}

export interface ListenOptions {
  readonly tls: TlsIdentity | null;
  /** Further connections are closed at once. */
  readonly maximumConnections: number;
  /** A handshake of TLS that takes longer is given up. */
  readonly handshakeTimeoutMs: number;
}

export interface Endpoint {
  /** Where it listens; a port 0 that was asked for is replaced by the one that was given. */
  readonly target: Target;
  /** Replaces the certificates for connections to come. */
  setTls(tls: TlsIdentity): void;
  /** Stops listening; connections that were handed over are not touched. */
  close(): void;
}

/**
 * Listens, and hands over each connection when it is ready to be read.
 * @throws Error when the address cannot be bound, or an `ssl:` target has no certificate
 */
export async function listen(
  target: Target,
  options: ListenOptions,
  accept: (stream: Duplex, peer: Peer) => void,
): Promise<Endpoint> {
  const server = makeServer(target, options);
  server.maxConnections = options.maximumConnections;
  server.on(target.kind === 'ssl' ? 'secureConnection' : 'connection', (socket: Socket) => {
    // An error before the user has its own listener must not end the process.
    socket.on('error', () => socket.destroy());
    socket.setNoDelay(true);
    accept(socket, describePeer(socket, 'accepted', target));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const ready = () => {
      server.off('error', reject);
      resolve();
    };
    if (target.kind === 'unix') server.listen({ path: target.path }, ready);
    else server.listen({ host: target.host, port: target.port }, ready);
  });
  const address = server.address();
  const bound = target.kind !== 'unix' && typeof address === 'object' && address ? { port: address.port } : {};
  return {
    target: { ...target, ...bound },
    setTls: tls => {
      if (target.kind === 'ssl') (server as TlsServer).setSecureContext(secureContext(tls));
    },
    close: () => void server.close(),
  };
}

function secureContext(tls: TlsIdentity) {
  return { key: tls.key, cert: tls.cert, ca: tls.ca, minVersion: 'TLSv1.2' as const };
}

function makeServer(target: Target, options: ListenOptions): Server {
  if (target.kind !== 'ssl') return createTcpServer();
  if (!options.tls) throw new Error(`${formatTarget(target)} needs a certificate and key`);
  const server = createTlsServer({
    ...secureContext(options.tls),
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: options.handshakeTimeoutMs,
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}
