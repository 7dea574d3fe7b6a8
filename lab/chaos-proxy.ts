/**
 * A TCP proxy that stands before Postgres, before a controller's listener, or before anything else, and brings about what
 * networks and dying peers do: delay, crumbs and lumps, silence, resets, and cuts at a chosen message.
 *
 *   client ──► chaos proxy ──► server        toServer: what the client sends; toClient: what the server sends
 *
 * It is plain and invisible until it is told something. `target` may be changed at any time, and holds for new connections:
 * that is how a database fails over.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { ChaosPipe, type LinkMode, type LinkShape, straightLink } from './chaos-pipe.js';
import { type Direction, frameConnection, type WireMessage, type WireProtocol } from './wire-framing.js';

const directions: readonly Direction[] = ['toServer', 'toClient'];

export interface ChaosTarget {
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
}

export interface ChaosProxyOptions {
  readonly target: ChaosTarget;
  /** What passes; default `bytes`. Cuts and observers see its messages. */
  readonly protocol?: WireProtocol;
  /** Port of 127.0.0.1 to listen on; default: a free one. */
  readonly port?: number;
  /** Of jitter and bit flips. Default 1. */
  readonly seed?: number;
}

/** Where and how a connection is cut: once, at the first message that matches. */
export interface Cut {
  readonly direction: Direction;
  matches(this: void, message: WireMessage): boolean;
  /** What of the message still arrives: nothing, half of it, all of it. */
  readonly place: 'before' | 'inside' | 'after';
  /** `blackHole`: both sides believe that they are still connected. */
  readonly how: 'reset' | 'end' | 'blackHole';
}

interface ArmedCut extends Cut {
  readonly fired: (message: WireMessage) => void;
}

/** Told every message before it is passed on. `connection` numbers them from 1. */
export type MessageObserver = (direction: Direction, message: WireMessage, connection: number) => void;

interface Connection {
  readonly client: Socket;
  readonly server: Socket;
  readonly pipes: Readonly<Record<Direction, ChaosPipe>>;
}

export class ChaosProxy {
  target: ChaosTarget;
  readonly protocol: WireProtocol;
  readonly #shapes: Record<Direction, LinkShape> = { toServer: straightLink, toClient: straightLink };
  readonly #modes: Record<Direction, LinkMode> = { toServer: 'forward', toClient: 'forward' };
  readonly #connections = new Set<Connection>();
  readonly #cuts = new Set<ArmedCut>();
  readonly #observers = new Set<MessageObserver>();
  #server: Server | null = null;
  #port: number;
  #accepted = 0;
  #state: number;

  private constructor(options: ChaosProxyOptions) {
    this.target = options.target;
    this.protocol = options.protocol ?? 'bytes';
    this.#port = options.port ?? 0;
    this.#state = options.seed ?? 1;
  }

  static async start(options: ChaosProxyOptions): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(options);
    await proxy.accept();
    return proxy;
  }

  /** Where it listens on 127.0.0.1. */
  get port(): number {
    return this.#port;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Connections since the start, those that are gone included. */
  get acceptedCount(): number {
    return this.#accepted;
  }

  /** Shapes one or both directions, of all connections, at once and from now on; what is left out becomes straight. */
  shape(shape: Partial<LinkShape>, which: readonly Direction[] = directions): void {
    for (const direction of which) this.#shapes[direction] = { ...straightLink, ...shape };
  }

  /** Nothing is read any more, of connections that come now neither; `heal` lets everything arrive that was held. */
  stall(which: readonly Direction[] = directions): void {
    this.#setMode('stall', which);
  }

  /** What is sent disappears, and so does every end or reset of the other side. `heal` resets these connections. */
  blackHole(which: readonly Direction[] = directions): void {
    this.#setMode('blackHole', which);
  }

  /** Straight and forwarding again; accepts again. */
  async heal(): Promise<void> {
    this.shape({});
    for (const connection of this.#connections) {
      if (directions.some(direction => connection.pipes[direction].mode === 'blackHole')) reset(connection);
    }
    this.#setMode('forward', directions);
    if (this.#server === null) await this.accept();
  }

  /** New connections are refused, as where no process listens; those that exist stay. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    // `close` is reported once the last connection has ended; the port is free at once.
    server.close();
    await new Promise(resolve => setImmediate(resolve));
  }

  async accept(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    server.on('connection', client => this.#join(client));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
    this.#server = server;
  }

  resetAll(): void {
    for (const connection of this.#connections) reset(connection);
  }

  endAll(): void {
    for (const { client, server } of this.#connections) {
      client.end();
      server.end();
    }
  }

  /** Arms a cut. Resolves with the message at which it fired; each cut fires once. */
  cut(cut: Cut): Promise<WireMessage> {
    return new Promise(resolve => {
      this.#cuts.add({ ...cut, fired: resolve });
    });
  }

  /** Takes back every cut that has not fired. */
  disarm(): void {
    this.#cuts.clear();
  }

  /** Returns what ends the observation. */
  observe(observer: MessageObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  async stop(): Promise<void> {
    await this.refuse();
    this.resetAll();
  }

  #setMode(mode: LinkMode, which: readonly Direction[]): void {
    for (const direction of which) {
      this.#modes[direction] = mode;
      for (const { pipes } of this.#connections) pipes[direction].mode = mode;
    }
  }

  #join(client: Socket): void {
    this.#accepted += 1;
    const number = this.#accepted;
    const server = connect({ host: this.target.host ?? '127.0.0.1', port: this.target.port, allowHalfOpen: true });
    server.setNoDelay(true);
    const framing = frameConnection(this.protocol);
    const pipe = (direction: Direction, source: Socket, destination: Socket): ChaosPipe =>
      new ChaosPipe({
        source,
        destination,
        shape: () => this.#shapes[direction],
        random: () => this.#random(),
        filter: chunk => {
          const messages = framing[direction].push(chunk);
          return this.#passed(connection, direction, messages, number);
        },
      });
    const pipes = { toServer: pipe('toServer', client, server), toClient: pipe('toClient', server, client) };
    const connection: Connection = { client, server, pipes };
    this.#connections.add(connection);
    for (const direction of directions) pipes[direction].mode = this.#modes[direction];
    this.#closeTogether(connection, client, server, 'toServer');
    this.#closeTogether(connection, server, client, 'toClient');
  }

  /** A reset is passed on as one; in a black hole nothing is heard of it. */
  #closeTogether(connection: Connection, from: Socket, to: Socket, direction: Direction): void {
    const isHeard = (): boolean => connection.pipes[direction].mode !== 'blackHole';
    from.on('error', () => {
      if (isHeard()) to.resetAndDestroy();
    });
    from.on('close', () => {
      if (isHeard()) to.destroySoon();
      if (to.destroyed) this.#connections.delete(connection);
    });
  }

  /** What of the messages goes on: all, or what comes before a cut. */
  #passed(connection: Connection, direction: Direction, messages: readonly WireMessage[], number: number): Buffer {
    const passed: Buffer[] = [];
    for (const message of messages) {
      const cut = [...this.#cuts].find(armed => armed.direction === direction && armed.matches(message));
      if (cut === undefined) {
        for (const observer of this.#observers) observer(direction, message, number);
        passed.push(message.bytes);
        continue;
      }
      this.#cuts.delete(cut);
      const { length } = message.bytes;
      const arrives = { before: 0, inside: Math.floor(length / 2), after: length }[cut.place];
      passed.push(message.bytes.subarray(0, arrives));
      // Once what was passed has arrived.
      setImmediate(() => void this.#fire(connection, direction, cut, message));
      break;
    }
    return passed.length === 1 && passed[0] !== undefined ? passed[0] : Buffer.concat(passed);
  }

  async #fire(connection: Connection, direction: Direction, cut: ArmedCut, message: WireMessage): Promise<void> {
    const { client, server, pipes } = connection;
    const source = direction === 'toServer' ? client : server;
    // Nothing that follows the message may slip through meanwhile.
    source.pause();
    await pipes[direction].drained();
    if (cut.how === 'reset') reset(connection);
    else if (cut.how === 'end') {
      client.destroySoon();
      server.destroySoon();
    } else for (const each of directions) pipes[each].mode = 'blackHole';
    cut.fired(message);
  }

  /** xorshift32. */
  #random(): number {
    let state = this.#state | 0 || 1;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) / 2 ** 32;
  }
}

function reset({ client, server }: Connection): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}
