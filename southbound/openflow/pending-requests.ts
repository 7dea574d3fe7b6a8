/** Requests that wait for their answers, by xid. Replies may come in any order; an answer without a request is not ours. */
import type { MultipartReplyBody } from './messages/multipart.js';
import type { Message, MessageKind } from './message-codec.js';
import { RequestLimitError } from './connection-types.js';

interface SingleRequest {
  readonly kind: 'single';
  readonly replyKind: MessageKind;
  readonly resolve: (reply: Message) => void;
  readonly reject: (error: Error) => void;
}

interface MultipartRequest {
  readonly kind: 'multipart';
  readonly onPart: (part: MultipartReplyBody, bodyBytes: number) => void;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly maximumBytes: number;
  receivedBytes: number;
  /** The caller has been told of a failure; the parts that still come are dropped. */
  isAbandoned: boolean;
}

/** A multipart request whose reply is given as bytes. */
interface BytesRequest {
  readonly kind: 'bytes';
  readonly onPart: (bytes: Uint8Array) => void;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

type Pending = SingleRequest | MultipartRequest | BytesRequest;

const multipartReplyType = 19;
/** Of a message, and of a multipart. */
const headerBytes = 16;
const flagsAt = 10;
const moreFlag = 1;

export class PendingRequests {
  private readonly byXid = new Map<number, Pending>();
  private readonly maximum: number;
  /** Requests whose replies are given as bytes. */
  private bytesWaiting = 0;

  constructor(maximum: number) {
    this.maximum = maximum;
  }

  has(xid: number): boolean {
    return this.byXid.has(xid);
  }

  get size(): number {
    return this.byXid.size;
  }

  /** Why no further request can wait, or null. */
  refusal(): RequestLimitError | null {
    if (this.byXid.size < this.maximum) return null;
    return new RequestLimitError(`${this.maximum} requests already wait for their answers`);
  }

  expect(xid: number, replyKind: MessageKind): Promise<Message> {
    return new Promise((resolve, reject) => {
      this.byXid.set(xid, { kind: 'single', replyKind, resolve, reject });
    });
  }

  expectParts(xid: number, onPart: MultipartRequest['onPart'], maximumBytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const state = { receivedBytes: 0, isAbandoned: false };
      this.byXid.set(xid, { kind: 'multipart', onPart, resolve, reject, maximumBytes, ...state });
    });
  }

  /** Each part of the reply is what follows the headers of its message, valid until `onPart` returns. */
  expectBytes(xid: number, onPart: (bytes: Uint8Array) => void): Promise<void> {
    this.bytesWaiting += 1;
    const over = (): void => {
      this.bytesWaiting -= 1;
    };
    return new Promise<void>((resolve, reject) => {
      this.byXid.set(xid, { kind: 'bytes', onPart, resolve, reject });
    }).finally(over);
  }

  /** Gives a message that is not decoded to the request that asked for bytes. False: it is none of these. */
  settleBytes(message: Uint8Array): boolean {
    if (this.bytesWaiting === 0 || message[1] !== multipartReplyType || message.length < headerBytes) return false;
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    const xid = view.getUint32(4);
    const pending = this.byXid.get(xid);
    if (pending?.kind !== 'bytes') return false;
    const isLast = (view.getUint16(flagsAt) & moreFlag) === 0;
    // It waits until its last part is taken in: what is wrong with that one ends the connection, and the request with it.
    pending.onPart(message.subarray(headerBytes));
    if (isLast) this.complete(xid, pending);
    return true;
  }

  /** Gives a message to the request that it answers. False: it answers none. */
  settle(xid: number, message: Message, messageBytes: number): boolean {
    const pending = this.byXid.get(xid);
    if (!pending) return false;
    if (pending.kind === 'single') {
      if (pending.replyKind !== message.kind) return false;
      this.byXid.delete(xid);
      pending.resolve(message);
      return true;
    }
    if (pending.kind === 'bytes' || message.kind !== 'multipartReply') return false;
    this.takePart(pending, message.body, messageBytes);
    if (!message.more) this.complete(xid, pending);
    return true;
  }

  private complete(xid: number, pending: MultipartRequest | BytesRequest): void {
    this.byXid.delete(xid);
    pending.resolve();
  }

  private takePart(pending: MultipartRequest, part: MultipartReplyBody, messageBytes: number): void {
    if (pending.isAbandoned) return;
    pending.receivedBytes += messageBytes;
    if (pending.receivedBytes <= pending.maximumBytes) {
      pending.onPart(part, messageBytes - headerBytes);
      return;
    }
    pending.isAbandoned = true;
    pending.reject(new RequestLimitError(`the reply is longer than ${pending.maximumBytes} bytes`));
  }

  /** The request was refused. False: no request with this xid waits. */
  refuse(xid: number, error: Error): boolean {
    const pending = this.byXid.get(xid);
    if (!pending) return false;
    this.byXid.delete(xid);
    pending.reject(error);
    return true;
  }

  /** No answer will come any more. */
  rejectAll(error: Error): void {
    const waiting = [...this.byXid.values()];
    this.byXid.clear();
    for (const pending of waiting) pending.reject(error);
  }
}
