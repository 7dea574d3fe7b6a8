/** Passive ends: sockets that hypervisors dial. TLS peers must present a certificate of our authority. */
import { constants } from 'node:crypto';
import { createServer as createTcpServer, Socket, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Clock } from '../../src/base/clock.js';
import { formatTarget, type Target, type TlsIdentity, tlsContext } from '../ovsdb/transport.js';
import { certificateFault, certificateOf, handshakeFault, noCertificate, type Refused } from './certificate.js';
import type { PeerCertificate } from './certificate.js';
import type { Caller } from './refusals.js';
import { WaitingRoom } from './waiting-room.js';

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
  /** Where the peer is, without its port. */
  readonly address: string;
  /** The peer's verified certificate; empty without TLS. */
  readonly certificate: PeerCertificate;
}

/** A peer as somebody at the door. */
export const callerOf = ({ address, certificate }: Peer): Caller => ({ address, names: certificate.names });

/** An IPv4 peer of a dual-stack socket is written as the IPv4 address that it is. */
function plainAddress(address: string | undefined): string | null {
  return address?.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, '') ?? null;
}

/** Describes the ends of a connected socket. */
export function describePeer(stream: Duplex, direction: Peer['direction'], target: Target): Peer {
  const dialledTarget = direction === 'dialled' ? formatTarget(target) : null;
  const socket = stream instanceof Socket ? stream : null;
  const remoteAddress = plainAddress(socket?.remoteAddress);
  if (target.kind === 'unix' || remoteAddress === null || !socket) {
    const name = formatTarget(target);
    const local = { localHost: null, localPort: null, address: 'local', certificate: noCertificate };
    return { name, transport: target.kind, direction, target: dialledTarget, ...local };
  }
  return {
    name: formatTarget({ kind: target.kind, host: remoteAddress, port: socket.remotePort ?? 0 }),
    transport: target.kind,
    direction,
    localHost: plainAddress(socket.localAddress),
    localPort: socket.localPort ?? null,
    target: dialledTarget,
    address: remoteAddress,
    certificate: certificateOf(socket),
  };
}

export interface ListenOptions {
  readonly tls: TlsIdentity | null;
  /** Further connections are closed at once. */
  readonly maximumConnections: number;
  /** Connections of one certificate, for each host that it names. */
  readonly maximumOfHost: number;
  /** A handshake of TLS that takes longer is given up. */
  readonly handshakeTimeoutMs: number;
  /** Handshakes of TLS under way at a time. */
  readonly maximumHandshakes: number;
  readonly clock: Clock;
  /** Told of each peer whose handshake failed, or whose certificate is not good. */
  readonly onRefused: (caller: Caller, refused: Refused) => void;
}

export interface Endpoint {
  /** Where it listens; a port 0 that was asked for is replaced by the one that was given. */
  readonly target: Target;
  /** Connections that are up, those in the handshake too. */
  connections(): number;
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
  const places = new HostPlaces(options);
  server.maxConnections = options.maximumConnections;
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    socket.once('close', () => (connections -= 1));
  });
  server.on('drop', dropped => {
    const address = plainAddress(dropped?.remoteAddress) ?? 'unknown';
    const reason = `more than ${options.maximumConnections} connections are up`;
    options.onRefused({ address, names: [] }, { code: 'crowded', reason });
  });
  server.on(target.kind === 'ssl' ? 'secureConnection' : 'connection', (socket: Socket) => {
    // An error before the user has its own listener must not end the process.
    socket.on('error', () => socket.destroy());
    if (target.kind === 'ssl' && !isTrusted(socket, options.onRefused)) return;
    if (!places.enter(socket)) return;
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
    connections: () => connections,
    setTls: tls => {
      if (target.kind === 'ssl') (server as TlsServer).setSecureContext(serverContext(tls));
    },
    close: () => void server.close(),
  };
}

/** No session can be taken up again: whoever comes back is looked at anew, by the authority and list of revocations of now. */
const serverContext = (tls: TlsIdentity) => ({ ...tlsContext(tls), secureOptions: constants.SSL_OP_NO_TICKET });

/**
 * How many connections a host has here, by its certificate. It needs one; some more may be left of those that it has lost, until they
 * are found dead. Without a certificate nobody knows whose a connection is before it has said so.
 */
class HostPlaces {
  readonly #options: ListenOptions;
  readonly #counts = new Map<string, number>();

  constructor(options: ListenOptions) {
    this.#options = options;
  }

  /** Ends the connection of a host that has too many. */
  enter(socket: Socket): boolean {
    const { names, revocableId } = certificateOf(socket);
    if (revocableId === null) return true;
    const most = this.#options.maximumOfHost * Math.max(1, names.length);
    const count = this.#counts.get(revocableId) ?? 0;
    if (count >= most) {
      const refused: Refused = { code: 'crowded', reason: `its certificate has ${most} connections here` };
      this.#options.onRefused(callerAt(socket), refused);
      socket.destroy();
      return false;
    }
    this.#counts.set(revocableId, count + 1);
    socket.once('close', () => {
      const left = (this.#counts.get(revocableId) ?? 1) - 1;
      if (left === 0) this.#counts.delete(revocableId);
      else this.#counts.set(revocableId, left);
    });
    return true;
  }
}

/** Ends the connection of a peer whose certificate is not good. We judge it, and not Node, so that it can be said who it is and why. */
function isTrusted(socket: Socket, onRefused: ListenOptions['onRefused']): boolean {
  const fault = socket instanceof TLSSocket ? certificateFault(socket) : null;
  if (socket instanceof TLSSocket && fault === null) return true;
  onRefused(callerAt(socket), fault ?? { code: 'not_encrypted', reason: 'it does not encrypt' });
  socket.destroy();
  return false;
}

/**
 * A handshake costs us a signature and the peer nothing, so only so many are under way. One that fails is told once, whoever ends it:
 * the encrypted socket forgets where its peer was when it is closed, the plain one below it does not.
 */
function watchHandshakes(server: TlsServer, { clock, maximumHandshakes, onRefused }: ListenOptions): void {
  const ends = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`;
  const underWay = new Map<string, Socket>();
  const settle = (key: string): Socket | undefined => {
    const plain = underWay.get(key);
    if (plain === undefined) return undefined;
    underWay.delete(key);
    handshakes.leave(plain);
    return plain;
  };
  const refuse = (socket: Socket, refused: Refused): void => {
    const plain = settle(ends(socket));
    if (plain === undefined) return;
    onRefused(callerAt(plain), refused);
    plain.destroy();
  };
  const crowded: Refused = { code: 'crowded', reason: 'too many TLS handshakes are under way' };
  const handshakes = new WaitingRoom<Socket>({
    clock,
    maximum: maximumHandshakes,
    expel: socket => refuse(socket, crowded),
  });
  server.on('connection', (socket: Socket) => {
    const key = ends(socket);
    underWay.set(key, socket);
    if (!handshakes.enter(callerAt(socket).address, socket)) return refuse(socket, crowded);
    socket.once('close', () => refuse(socket, handshakeFault({ code: 'ECONNRESET' })));
  });
  server.on('secureConnection', (socket: Socket) => void settle(ends(socket)));
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    if (error.code !== 'ECONNRESET') refuse(socket, handshakeFault(error));
    socket.destroy();
  });
}

const callerAt = (socket: Socket): Caller => ({
  address: plainAddress(socket.remoteAddress) ?? 'unknown',
  names: certificateOf(socket).names,
});

function makeServer(target: Target, options: ListenOptions): Server {
  if (target.kind !== 'ssl') return createTcpServer();
  if (!options.tls) throw new Error(`${formatTarget(target)} needs a certificate and key`);
  const server = createTlsServer({
    ...serverContext(options.tls),
    requestCert: true,
    // `isTrusted` rejects: Node would end the connection without a word about whose it was.
    rejectUnauthorized: false,
    handshakeTimeout: options.handshakeTimeoutMs,
  });
  watchHandshakes(server, options);
  return server;
}
