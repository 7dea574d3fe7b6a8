/** TCP as it is at its worst, in virtual time: latency, cuts at any byte, silence without an end, readers that are slow. */
import { Duplex } from 'node:stream';
import type { Endpoint, listen, Peer } from '../../southbound/hypervisor/endpoint.js';
import { formatTarget, type Target } from '../../southbound/ovsdb/transport.js';
import type { SeededRandom } from '../seeded-random.js';
import type { ProcessClock, VirtualTime } from './virtual-time.js';

type Accept = (stream: Duplex, peer: Peer) => void;

interface Listening {
  readonly accept: Accept;
  readonly process: ProcessClock;
  readonly host: string;
  readonly port: number;
}

/** One end of a connection. */
export class SimulatedSocket extends Duplex {
  far: SimulatedSocket | null = null;
  readonly link: Link;
  /** Is this the end that dialled (a host's), or the one that was dialled (a controller's)? */
  readonly isDialler: boolean;
  #inFlight = 0;
  /** Written in this tick: leaves together, as what a socket is given at once mostly does. */
  #gathered: Buffer[] = [];
  #waiting: (() => void) | null = null;

  constructor(link: Link, isDialler: boolean) {
    super({ allowHalfOpen: false });
    this.link = link;
    this.isDialler = isDialler;
    this.on('error', () => this.destroy());
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.#send(Buffer.from(chunk), done);
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: () => void): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  #send(bytes: Buffer, done: () => void): void {
    this.#inFlight += bytes.length;
    if (this.#gathered.push(bytes) === 1) process.nextTick(() => this.#flush());
    if (this.#inFlight <= this.link.windowBytes) return done();
    this.#waiting = done;
  }

  #flush(): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    if (gathered.length > 1 && !this.link.isSplit()) this.link.carry(this, Buffer.concat(gathered));
    else for (const bytes of gathered) this.link.carry(this, bytes);
  }

  /** The far end has read so many bytes of ours. */
  consumed(bytes: number): void {
    this.#inFlight -= bytes;
    if (this.#inFlight > this.link.windowBytes) return;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }

  override _final(done: () => void): void {
    done();
    this.destroy();
  }

  override _destroy(_error: Error | null, done: (error?: Error | null) => void): void {
    this.#flush();
    this.link.ended(this);
    done();
  }
}

/** What is between the two ends. */
export class Link {
  readonly kind: 'ovsdb' | 'openflow';
  windowBytes = 1 << 20;
  /** Largest piece that is read at a time, and the pause after it; null: everything at once. */
  slow: { readonly pieceBytes: number; readonly pauseMs: number } | null = null;
  /** Nothing arrives any more, in either direction, and neither end is told. */
  isSilent = false;
  /** Cut after so many more bytes to the host. */
  cutAfterBytes: number | null = null;
  /** Added to what goes from the host to the controller. */
  lateMs = 0;
  isOver = false;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #onCut: (link: Link) => void;
  readonly #lastDueMs = new Map<boolean, number>();

  constructor(kind: Link['kind'], time: VirtualTime, random: SeededRandom, onCut: (link: Link) => void) {
    this.kind = kind;
    this.#time = time;
    this.#random = random;
    this.#onCut = onCut;
  }

  /** Now and then what was written at once comes in as many pieces. */
  isSplit(): boolean {
    return this.#random.chance(0.2);
  }

  carry(from: SimulatedSocket, bytes: Buffer): void {
    if (this.isSilent || this.isOver) return;
    const { slow } = this;
    if (slow === null || from.isDialler) return this.#later(from, 0, () => this.#arrive(from, bytes));
    for (let at = 0; at < bytes.length; at += slow.pieceBytes) {
      const piece = bytes.subarray(at, at + slow.pieceBytes);
      this.#later(from, slow.pauseMs, () => this.#arrive(from, piece));
    }
  }

  /** One end is closed: the other hears of it a little later, unless the way is silent. */
  ended(end: SimulatedSocket): void {
    if (this.isSilent || this.isOver) return;
    this.#later(end, 0, () => end.far?.destroy());
  }

  /** Both ends hear at once that it is over. */
  cut(): void {
    this.isOver = true;
    this.#onCut(this);
  }

  #arrive(from: SimulatedSocket, bytes: Buffer): void {
    if (this.isSilent || this.isOver) return;
    let arriving = bytes;
    if (!from.isDialler ? this.cutAfterBytes !== null : false) {
      const left = this.cutAfterBytes ?? 0;
      arriving = bytes.subarray(0, left);
      this.cutAfterBytes = left - arriving.length;
    }
    const { far } = from;
    if (far !== null && !far.destroyed && arriving.length > 0) far.push(arriving);
    from.consumed(bytes.length);
    if (this.cutAfterBytes === 0) this.cut();
  }

  /** In order, each direction for itself. */
  #later(from: SimulatedSocket, extraMs: number, action: () => void): void {
    const lateMs = from.isDialler ? this.lateMs : 0;
    const soonMs = this.#time.nowMs() + 0.1 + this.#random.below(10) / 10 + lateMs;
    const dueMs = Math.max(soonMs, (this.#lastDueMs.get(from.isDialler) ?? 0) + extraMs);
    this.#lastDueMs.set(from.isDialler, dueMs);
    this.#time.at(dueMs, action);
  }
}

interface Connection {
  readonly link: Link;
  /** Of the host that dialled. */
  readonly from: string;
  readonly hostEnd: SimulatedSocket;
  readonly controllerEnd: SimulatedSocket;
  readonly process: ProcessClock;
}

export class SimulatedNetwork {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #listening = new Map<string, Listening>();
  readonly #connections = new Set<Connection>();
  #nextPort = 40_000;

  constructor(time: VirtualTime, random: SeededRandom) {
    this.#time = time;
    this.#random = random;
  }

  /** How a controller that runs in `process`, at this address, listens. */
  listenOn(process: ProcessClock): typeof listen {
    return (target, _options, accept): Promise<Endpoint> => {
      if (target.kind === 'unix') throw new Error('the simulated network has no unix sockets');
      const key = formatTarget(target);
      const { host, port } = target;
      const listening: Listening = { accept, process, host, port };
      this.#listening.set(key, listening);
      const close = (): void => {
        if (this.#listening.get(key) === listening) this.#listening.delete(key);
      };
      return Promise.resolve({ target, connections: () => 0, setTls: () => {}, close });
    };
  }

  /** How a host dials. */
  async dial(from: string, target: Target): Promise<Duplex> {
    await this.#pause();
    const listening = target.kind === 'unix' ? undefined : this.#listening.get(formatTarget(target));
    if (listening?.process.isAlive !== true) throw new Error(`nobody listens at ${formatTarget(target)}`);
    const { host, port } = listening;
    const kind = port === ports.ovsdb ? 'ovsdb' : 'openflow';
    const link = new Link(kind, this.#time, this.#random, cut => this.#cut(cut));
    const hostEnd = new SimulatedSocket(link, true);
    const controllerEnd = new SimulatedSocket(link, false);
    hostEnd.far = controllerEnd;
    controllerEnd.far = hostEnd;
    const connection: Connection = { link, from, hostEnd, controllerEnd, process: listening.process };
    this.#connections.add(connection);
    hostEnd.on('close', () => this.#over(connection));
    controllerEnd.on('close', () => this.#over(connection));
    const peer: Peer = {
      name: `tcp:${from}:${(this.#nextPort += 1)}`,
      transport: 'tcp',
      direction: 'accepted',
      localHost: host,
      localPort: port,
      target: null,
      address: '192.0.2.11',
      certificate: { names: [], revocableId: null },
    };
    this.#time.after(0.1, () => {
      if (listening.process.isAlive) listening.accept(controllerEnd, peer);
      else hostEnd.destroy();
    });
    return hostEnd;
  }

  /** Connections of a host, by what they carry. */
  linksOf(from: string, kind: Link['kind']): Link[] {
    return [...this.#connections]
      .filter(each => each.from === from && each.link.kind === kind && !each.link.isOver && !each.link.isSilent)
      .map(({ link }) => link);
  }

  /** A process is gone, with all its sockets: the hosts hear of it, the process hears nothing. */
  kill(process: ProcessClock): void {
    process.isAlive = false;
    for (const [key, listening] of this.#listening) if (listening.process === process) this.#listening.delete(key);
    for (const { link, hostEnd, controllerEnd } of [...this.#connections].filter(each => each.process === process)) {
      link.isOver = true;
      controllerEnd.removeAllListeners();
      controllerEnd.on('error', () => {});
      this.#time.after(0.5, () => hostEnd.destroy());
    }
  }

  #cut(link: Link): void {
    for (const connection of this.#connections) {
      if (connection.link !== link) continue;
      connection.hostEnd.destroy();
      connection.controllerEnd.destroy();
    }
  }

  #over(connection: Connection): void {
    if (connection.hostEnd.destroyed && connection.controllerEnd.destroyed) this.#connections.delete(connection);
  }

  #pause(): Promise<void> {
    return new Promise(resolve => void this.#time.after(0.2 + this.#random.below(10) / 10, resolve));
  }
}

/** Where every simulated controller listens. */
export const ports = { ovsdb: 6640, openflow: 6653, punt: 6654 } as const;
