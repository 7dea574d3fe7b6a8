/**
 * An OpenFlow connection to one switch, over any duplex stream: hello and version, features, keepalive, requests and
 * their replies, errors, back-pressure. Whatever the peer sends, it throws nothing: it closes, with a reason.
 *
 *   stream ─► framer ─► decodeMessage ─► echo, handshake │ pending requests (by xid) │ onMessage, onError
 *   stream ◄─ gathered for a tick ◄─ send, request, barrier, multipart, write (bytes encoded elsewhere)
 */
import type { Duplex } from 'node:stream';
import { WireError } from '../wire/wire-error.js';
import {
  allowedMoves,
  ConnectionClosedError,
  defaultLimits,
  OpenFlowError,
  replyKinds,
  type CloseReason,
  type ConnectionLimits,
  type ConnectionOptions,
  type ConnectionState,
  type ReplyTo,
  type RequestKind,
} from './connection-types.js';
import { deadline } from './deadline.js';
import { deferred } from './deferred.js';
import { Framer } from './framer.js';
import { decodeMessage, encodeMessage, type Message, type MessageOf, type ReceivedMessage } from './message-codec.js';
import type { FeaturesReply } from './messages/features.js';
import { hello, highestCommon } from './messages/hello.js';
import type {
  MultipartKind,
  MultipartReplyBody,
  MultipartReplyOf,
  MultipartRequestBody,
} from './messages/multipart.js';
import { Progress } from './progress.js';
import { PendingRequests } from './pending-requests.js';
import { Version } from './version.js';

/** Xids from here on are never allocated: they belong to bytes that are encoded once and sent to many switches. */
export const firstReservedXid = 0x8000_0000;

const allVersions: readonly Version[] = [Version.openflow13, Version.openflow14, Version.openflow15];
const helloXid = 0;
/** What the event loop reads of a socket at a time, when there is as much: some milliseconds of work. */
const chunkATurn = 64 * 1024;

export class OpenFlowConnection {
  /** The features of the switch, once the connection is open; rejects with ConnectionClosedError if it never is. */
  readonly ready: Promise<FeaturesReply>;
  private current: ConnectionState = { kind: 'negotiating' };
  private readonly stream: Duplex;
  private readonly options: ConnectionOptions;
  private readonly limits: ConnectionLimits;
  private readonly versions: readonly Version[];
  private readonly framer = new Framer();
  private readonly pending: PendingRequests;
  private nextXid = 1;
  /** Written in this tick: joined, because many small writes cost more than the copy. */
  private gathered: Uint8Array[] = [];
  private gatheredBytes = 0;
  private lastReceivedMs: number;
  private holds = 0;
  private cancelTimer: () => void = () => undefined;
  private settleReady: { resolve: (features: FeaturesReply) => void; reject: (error: Error) => void };

  constructor(stream: Duplex, options: ConnectionOptions) {
    this.stream = stream;
    this.options = options;
    this.limits = { ...defaultLimits, ...options.limits };
    this.versions = options.versions ?? allVersions;
    this.pending = new PendingRequests(this.limits.maximumRequests);
    this.lastReceivedMs = options.timers.nowMs();
    const { promise, resolve, reject } = deferred<FeaturesReply>();
    this.ready = promise;
    this.settleReady = { resolve, reject };
    stream.on('data', (chunk: Uint8Array) => this.receive(chunk));
    stream.on('end', () => this.end({ kind: 'peer', detail: 'the switch ended the connection' }));
    stream.on('close', () => this.end({ kind: 'peer', detail: 'the connection was cut' }));
    stream.on('error', cause => this.end({ kind: 'stream', detail: cause.message, cause }));
    this.cancelTimer = deadline(options.timers, this.limits.handshakeTimeoutMs, () =>
      this.end({ kind: 'handshakeTimeout', detail: `no handshake within ${this.limits.handshakeTimeoutMs} ms` }),
    );
    this.write(encodeMessage(hello(this.versions), helloXid, Math.max(...this.versions)));
  }

  get state(): ConnectionState {
    return this.current;
  }

  /** The version that was agreed. Throws before the hellos are exchanged and after the end. */
  get version(): Version {
    if (this.current.kind === 'closed') throw new ConnectionClosedError(this.current.reason);
    if (this.current.kind === 'negotiating') throw new Error('the OpenFlow version is not yet agreed');
    return this.current.version;
  }

  /** Whether more can be sent without growing the queue: if not, wait for `drained()`. */
  get writable(): boolean {
    return this.current.kind !== 'closed' && !this.stream.writableNeedDrain;
  }

  /** Bytes that wait to be sent. */
  get queuedBytes(): number {
    return this.stream.writableLength + this.gatheredBytes;
  }

  /** Requests that wait for their answers. */
  get waitingRequests(): number {
    return this.pending.size;
  }

  /** A fresh xid, below the reserved range and of no request that waits. */
  allocateXid(): number {
    do {
      this.nextXid = this.nextXid + 1 >= firstReservedXid ? 1 : this.nextXid + 1;
    } while (this.pending.has(this.nextXid));
    return this.nextXid;
  }

  /** Sends a message and returns its xid, under which an error would come to `onError`. */
  send(message: Message, xid: number = this.allocateXid()): number {
    this.write(encodeMessage(message, xid, this.version));
    return xid;
  }

  /** Sends bytes that are whole messages, encoded for the agreed version. They are not copied: do not change them. */
  write(bytes: Uint8Array): void {
    if (this.current.kind === 'closed') throw new ConnectionClosedError(this.current.reason);
    if (this.gathered.push(bytes) === 1) process.nextTick(() => this.flush());
    this.gatheredBytes += bytes.length;
    // More than the stream likes to hold is given to it at once: it tells when to hold on.
    if (this.gatheredBytes >= this.stream.writableHighWaterMark) this.flush();
  }

  private flush(): void {
    if (this.current.kind === 'closed') return;
    this.putGathered();
    if (this.stream.writableLength > this.limits.maximumQueuedBytes) {
      this.end({ kind: 'overflow', detail: `${this.stream.writableLength} bytes wait to be sent` });
    }
  }

  /** Resolves when the queue is short again. Rejects with ConnectionClosedError at the end, also if the switch does not read. */
  drained(): Promise<void> {
    if (this.current.kind === 'closed') return Promise.reject(new ConnectionClosedError(this.current.reason));
    if (!this.stream.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const { drainTimeoutMs } = this.limits;
      const cancel = deadline(this.options.timers, drainTimeoutMs, () =>
        this.end({ kind: 'overflow', detail: `the switch did not read for ${drainTimeoutMs} ms` }),
      );
      const settle = (): void => {
        cancel();
        this.stream.off('drain', settle);
        this.stream.off('close', settle);
        if (this.current.kind === 'closed') reject(new ConnectionClosedError(this.current.reason));
        else resolve();
      };
      this.stream.on('drain', settle);
      this.stream.on('close', settle);
    });
  }

  private putGathered(): void {
    const [first] = this.gathered;
    if (first === undefined) return;
    this.stream.write(this.gathered.length === 1 ? first : Buffer.concat(this.gathered, this.gatheredBytes));
    this.gathered = [];
    this.gatheredBytes = 0;
  }

  /**
   * Sends a request and waits for its reply. Rejects with OpenFlowError if the switch refuses it, ConnectionClosedError
   * at the end, RequestLimitError if too many wait.
   */
  request<K extends RequestKind>(message: MessageOf<K>): Promise<ReplyTo<K>> {
    const { kind }: { readonly kind: string } = message;
    return this.exchange(message, xid => this.pending.expect(xid, replyKinds[kind as K])) as Promise<ReplyTo<K>>;
  }

  /** Resolves when the switch has acted on everything sent before. */
  async barrier(): Promise<void> {
    await this.request<'barrierRequest'>({ kind: 'barrierRequest' });
  }

  /** Asks, and collects every part of the reply. Rejects as `request`, and if the reply is longer than the limit. */
  async multipart<K extends MultipartKind>(
    body: Extract<MultipartRequestBody, { readonly kind: K }>,
  ): Promise<readonly MultipartReplyOf<K>[]> {
    const parts: MultipartReplyOf<K>[] = [];
    await this.ask(body, part => parts.push(part as MultipartReplyOf<K>), this.limits.maximumMultipartBytes);
    return parts;
  }

  /** Asks, and gives each part of the reply to `onPart` as it comes; resolves after the last. Rejects as `request`. */
  multipartStream<K extends MultipartKind>(
    body: Extract<MultipartRequestBody, { readonly kind: K }>,
    onPart: (part: MultipartReplyOf<K>) => void,
  ): Promise<void> {
    return this.ask(body, part => onPart(part as MultipartReplyOf<K>), Number.POSITIVE_INFINITY);
  }

  /** As `multipartStream`, not decoded: what a part says, valid until `onPart` returns. A WireError of it ends the connection. */
  multipartBytes(body: MultipartRequestBody, onPart: (bytes: Uint8Array) => void): Promise<void> {
    return this.askFor(body, (xid, progress) =>
      this.pending.expectBytes(xid, bytes => {
        if (bytes.length > 0) progress.made();
        onPart(bytes);
      }),
    );
  }

  private ask(
    body: MultipartRequestBody,
    onPart: (part: MultipartReplyBody) => void,
    maximumBytes: number,
  ): Promise<void> {
    return this.askFor(body, (xid, progress) => {
      const take = (part: MultipartReplyBody, bodyBytes: number): void => {
        if (bodyBytes > 0) progress.made();
        onPart(part);
      };
      return this.pending.expectParts(xid, take, maximumBytes);
    });
  }

  private askFor(
    body: MultipartRequestBody,
    expect: (xid: number, progress: Progress) => Promise<void>,
  ): Promise<void> {
    const message = { kind: 'multipartRequest', more: false, body } as const;
    const { partTimeoutMs, replyTimeoutMs } = this.limits;
    const end = (detail: string): void => this.end({ kind: 'replyTimeout', detail });
    const progress = new Progress(this.options.timers, partTimeoutMs, replyTimeoutMs, {
      isSuspended: () => this.holds > 0,
      stalled: () => end(`no part of a reply within ${partTimeoutMs} ms`),
      tookTooLong: () => end(`a reply took more than ${replyTimeoutMs} ms`),
    });
    return this.exchange(message, xid => expect(xid, progress)).finally(() => progress.over());
  }

  /** Waits for the answer before the request is sent, so that an end in between is not missed. */
  private async exchange<T>(message: Message, expect: (xid: number) => Promise<T>): Promise<T> {
    const refusal = this.pending.refusal();
    if (refusal) throw refusal;
    const xid = this.allocateXid();
    const bytes = encodeMessage(message, xid, this.version);
    const answer = expect(xid);
    this.write(bytes);
    return answer;
  }

  /** Ends the connection; what was written is still sent. */
  close(detail = 'closed by the controller'): void {
    this.end({ kind: 'closed', detail });
  }

  /**
   * Reads no further until the returned function is called: whoever takes in a long reply is behind. Meanwhile the switch counts as
   * alive.
   */
  holdReading(): () => void {
    this.holds += 1;
    this.stream.pause();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.lastReceivedMs = this.options.timers.nowMs();
      this.holds -= 1;
      if (this.holds === 0) this.stream.resume();
    };
  }

  private receive(chunk: Uint8Array): void {
    if (this.current.kind === 'closed') return;
    this.lastReceivedMs = this.options.timers.nowMs();
    // There is more where this came from, and the event loop would read it all before it turns to anybody else.
    if (chunk.length >= chunkATurn) setImmediate(this.holdReading());
    try {
      this.framer.push(chunk, bytes => {
        this.dispatch(bytes);
        return this.current.kind !== 'closed';
      });
    } catch (cause) {
      if (!(cause instanceof WireError)) throw cause;
      this.end({ kind: 'malformed', detail: cause.message, cause });
    }
  }

  private dispatch(bytes: Uint8Array): void {
    if (this.current.kind === 'open') {
      if (this.options.isOfNoInterest?.(bytes) === true) return;
      if (bytes[0] === this.current.version && this.pending.settleBytes(bytes)) return;
    }
    const received = decodeMessage(bytes);
    const { message, xid } = received;
    if (this.current.kind === 'negotiating') {
      this.negotiate(received);
      return;
    }
    if (received.version !== this.version && message.kind !== 'hello' && message.kind !== 'error') {
      const detail = `a message of version ${received.version} where ${this.version} was agreed`;
      this.end({ kind: 'version', detail });
      return;
    }
    if (message.kind === 'echoRequest') this.send({ kind: 'echoReply', data: message.data }, xid);
    else if (message.kind === 'error') this.fail(new OpenFlowError(message, xid));
    else if (message.kind === 'hello' || this.pending.settle(xid, message, bytes.length)) return;
    else if (message.kind !== 'echoReply') this.options.onMessage?.(received);
  }

  private fail(error: OpenFlowError): void {
    if (!this.pending.refuse(error.xid, error)) this.options.onError?.(error);
  }

  private negotiate({ message, version: headerVersion }: ReceivedMessage): void {
    if (message.kind === 'error') {
      this.end({ kind: 'version', detail: new OpenFlowError(message, helloXid).message });
      return;
    }
    if (message.kind !== 'hello') {
      this.end({ kind: 'version', detail: `${message.kind} came before the hello` });
      return;
    }
    const version = highestCommon(this.versions, message, headerVersion);
    if (version === undefined) {
      const detail = `the switch offers none of the versions ${this.versions.join(', ')}`;
      const data = new TextEncoder().encode(detail);
      const error: Message = { kind: 'error', type: 0, code: 0, experimenter: null, data };
      this.write(encodeMessage(error, helloXid, headerVersion));
      this.end({ kind: 'version', detail });
      return;
    }
    this.move({ kind: 'identifying', version });
    this.identify(version).catch((cause: unknown) => this.identifyFailed(cause));
  }

  private async identify(version: Version): Promise<void> {
    const features = await this.request<'featuresRequest'>({ kind: 'featuresRequest' });
    if (this.current.kind === 'closed') return;
    this.cancelTimer();
    this.move({ kind: 'open', version, features });
    this.watch();
    this.settleReady.resolve(features);
  }

  private identifyFailed(cause: unknown): void {
    if (cause instanceof ConnectionClosedError) return;
    if (!(cause instanceof OpenFlowError)) throw cause;
    this.end({ kind: 'version', detail: `the switch does not tell its features: ${cause.message}` });
  }

  /** Keepalive: asks for an echo when nothing has come for a while, and ends when nothing comes after that. */
  private watch(): void {
    const { echoIntervalMs, echoTimeoutMs } = this.limits;
    if (this.holds > 0) this.lastReceivedMs = this.options.timers.nowMs();
    const silentMs = this.options.timers.nowMs() - this.lastReceivedMs;
    if (silentMs < echoIntervalMs) {
      this.cancelTimer = this.options.timers.after(echoIntervalMs - silentMs, () => this.watch());
      return;
    }
    const askedMs = this.lastReceivedMs;
    this.send({ kind: 'echoRequest', data: new Uint8Array() });
    this.cancelTimer = deadline(this.options.timers, echoTimeoutMs, () => {
      if (this.lastReceivedMs !== askedMs) this.watch();
      else this.end({ kind: 'echoTimeout', detail: `nothing came for ${echoIntervalMs + echoTimeoutMs} ms` });
    });
  }

  private flushAndDestroy(): void {
    this.putGathered();
    const destroy = (): void => {
      this.stream.destroy();
    };
    const cancel = this.options.timers.after(this.limits.handshakeTimeoutMs, destroy);
    this.stream.once('close', cancel);
    this.stream.end(destroy);
  }

  private move(next: ConnectionState): void {
    const previous = this.current.kind;
    if (!allowedMoves[previous].includes(next.kind))
      throw new Error(`OpenFlow connection: ${previous} to ${next.kind}`);
    this.current = next;
    this.options.onState?.(next, previous);
  }

  private end(reason: CloseReason): void {
    if (this.current.kind === 'closed') return;
    this.move({ kind: 'closed', reason });
    this.cancelTimer();
    if (reason.kind === 'closed' || reason.kind === 'version') this.flushAndDestroy();
    else this.stream.destroy();
    const error = new ConnectionClosedError(reason);
    this.settleReady.reject(error);
    this.pending.rejectAll(error);
    this.options.onClose?.(reason);
  }
}
