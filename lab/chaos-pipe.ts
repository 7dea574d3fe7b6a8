/** One direction of a connection through the chaos proxy: late, slow, in crumbs, in lumps, damaged, or not at all. */
import type { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/** How bytes travel. The order of bytes is always kept. */
export interface LinkShape {
  readonly latencyMs: number;
  /** Up to this much more, another for each piece that arrives. */
  readonly jitterMs: number;
  readonly bytesPerSecond: number;
  /** Written in pieces of at most this many bytes. */
  readonly sliceBytes: number;
  /** Held back until so many have come together, or nothing has followed for some milliseconds. */
  readonly joinBytes: number;
  /** One bit of every so many bytes is flipped. */
  readonly flipEveryBytes: number;
}

export const straightLink: LinkShape = {
  latencyMs: 0,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  sliceBytes: Number.POSITIVE_INFINITY,
  joinBytes: 0,
  flipEveryBytes: Number.POSITIVE_INFINITY,
};

/**
 * `stall`: nothing is read, so the sender's window closes; later everything arrives, as over a cable that was pulled and put
 * back. `blackHole`: what is sent is taken and lost for ever; such a connection can only be reset.
 */
export type LinkMode = 'forward' | 'stall' | 'blackHole';

/** Above this, the source is not read. */
const heldBytesLimit = 1 << 20;
const joinWaitMs = 5;

interface Piece {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

export interface PipeOptions {
  readonly source: Socket;
  readonly destination: Socket;
  shape(this: void): LinkShape;
  /** What is to be passed on of what arrived. */
  filter(this: void, chunk: Buffer): Buffer;
  /** A number of [0, 1), repeatable. */
  random(this: void): number;
}

export class ChaosPipe {
  #mode: LinkMode = 'forward';
  readonly #queue: Piece[] = [];
  #queuedBytes = 0;
  #isPumping = false;
  #hasEnded = false;
  #lastDueMs = 0;
  #sinceFlip = 0;
  #resume: (() => void) | null = null;
  /** Bytes that were written to the destination. */
  bytesPassed = 0;

  constructor(private readonly options: PipeOptions) {
    const { source } = options;
    source.on('data', chunk => this.#take(Buffer.from(chunk)));
    source.on('end', () => {
      this.#hasEnded = true;
      void this.#pump();
    });
  }

  get mode(): LinkMode {
    return this.#mode;
  }

  set mode(mode: LinkMode) {
    if (this.#mode === 'blackHole') return; // bytes are missing: there is no way back
    this.#mode = mode;
    if (mode === 'blackHole') {
      this.#queue.length = 0;
      this.#queuedBytes = 0;
    }
    this.#regulate();
    this.#resume?.();
  }

  /** Resolves when everything that was taken so far has been handed to the destination. */
  async drained(): Promise<void> {
    while (this.#isPumping && this.#mode === 'forward' && !this.options.destination.destroyed) await sleep(1);
  }

  #take(chunk: Buffer): void {
    if (this.#mode === 'blackHole') return;
    const bytes = this.options.filter(chunk);
    if (bytes.length === 0) return;
    const { latencyMs, jitterMs } = this.options.shape();
    const wantedMs = performance.now() + latencyMs + jitterMs * this.options.random();
    this.#lastDueMs = Math.max(this.#lastDueMs, wantedMs);
    this.#queue.push({ bytes, dueMs: this.#lastDueMs });
    this.#queuedBytes += bytes.length;
    this.#regulate();
    void this.#pump();
  }

  #regulate(): void {
    const { source } = this.options;
    if (this.#mode === 'stall' || this.#queuedBytes > heldBytesLimit) source.pause();
    else source.resume();
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    const { destination } = this.options;
    while (!destination.destroyed) {
      if (this.#mode === 'stall') await this.#untilResumed();
      const [first] = this.#queue;
      if (first === undefined) break;
      const waitMs = first.dueMs - performance.now();
      if (waitMs > 0) {
        await sleep(waitMs);
        continue;
      }
      await this.#join();
      await this.#write(this.#takeDue());
    }
    this.#isPumping = false;
    if (this.#hasEnded && this.#mode === 'forward') destination.end();
  }

  #untilResumed(): Promise<void> {
    return new Promise(resolve => {
      this.#resume = () => {
        this.#resume = null;
        resolve();
      };
    });
  }

  /** Waits for more while there is less than the shape wants at once, and more keeps coming. */
  async #join(): Promise<void> {
    const { joinBytes } = this.options.shape();
    for (let before = -1; this.#queuedBytes < joinBytes && this.#queuedBytes > before && !this.#hasEnded; ) {
      before = this.#queuedBytes;
      await sleep(joinWaitMs);
    }
  }

  #takeDue(): Buffer {
    const nowMs = performance.now();
    const due: Buffer[] = [];
    for (let [first] = this.#queue; first !== undefined && first.dueMs <= nowMs; [first] = this.#queue) {
      due.push(first.bytes);
      this.#queue.shift();
    }
    const bytes = due.length === 1 && due[0] !== undefined ? due[0] : Buffer.concat(due);
    this.#queuedBytes -= bytes.length;
    return bytes;
  }

  async #write(bytes: Buffer): Promise<void> {
    const { destination } = this.options;
    for (let at = 0; at < bytes.length && !destination.destroyed && this.#mode !== 'blackHole'; ) {
      if (this.#mode === 'stall') await this.#untilResumed();
      const { sliceBytes, bytesPerSecond } = this.options.shape();
      // A slow link is fed in steps of some 10 ms, so that its rate is even.
      const most = Math.max(1, Math.floor(Math.min(sliceBytes, bytesPerSecond / 100)));
      const slice = this.#damage(bytes.subarray(at, at + most));
      at += slice.length;
      this.bytesPassed += slice.length;
      if (!destination.write(slice)) await this.#untilDrained();
      if (Number.isFinite(bytesPerSecond)) await sleep((slice.length / bytesPerSecond) * 1000);
      else if (at < bytes.length) await nextTurn();
    }
    this.#regulate();
  }

  #untilDrained(): Promise<void> {
    const { destination } = this.options;
    return new Promise(resolve => {
      const done = (): void => {
        destination.off('drain', done);
        destination.off('close', done);
        resolve();
      };
      destination.on('drain', done);
      destination.on('close', done);
    });
  }

  #damage(bytes: Buffer): Buffer {
    const { flipEveryBytes } = this.options.shape();
    if (!Number.isFinite(flipEveryBytes)) return bytes;
    const damaged = Buffer.from(bytes);
    for (let at = 0; at < damaged.length; at += 1) {
      this.#sinceFlip += 1;
      if (this.#sinceFlip < flipEveryBytes) continue;
      this.#sinceFlip = 0;
      damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(this.options.random() * 8));
    }
    return damaged;
  }
}
