/** What a connection is given, what it tells, and how it ends. */
import type { WireError } from '../wire/wire-error.js';
import { errorName, failedRequest, type FailedRequest } from './error-names.js';
import type { MessageKind, MessageOf, ReceivedMessage } from './message-codec.js';
import type { ErrorMessage } from './messages/error.js';
import type { FeaturesReply } from './messages/features.js';
import type { Version } from './version.js';

/** Time as the connection needs it; the program's clock fits. */
export interface Timers {
  /** Monotonic time in milliseconds; only differences mean anything. */
  nowMs(): number;
  /** Calls `action` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, action: () => void): () => void;
}

/** Why a connection ended. */
export type CloseReason =
  /** this side, on purpose */
  | { readonly kind: 'closed'; readonly detail: string }
  /** the peer ended the stream */
  | { readonly kind: 'peer'; readonly detail: string }
  /** the stream failed */
  | { readonly kind: 'stream'; readonly detail: string; readonly cause: Error }
  /** the peer sent what is not OpenFlow */
  | { readonly kind: 'malformed'; readonly detail: string; readonly cause: WireError }
  /** no version in common, or messages of another version than agreed */
  | { readonly kind: 'version'; readonly detail: string }
  /** hello or features did not come in time */
  | { readonly kind: 'handshakeTimeout'; readonly detail: string }
  /** nothing came for too long after an echo request */
  | { readonly kind: 'echoTimeout'; readonly detail: string }
  /** the peer lives, but does not go on with a reply */
  | { readonly kind: 'replyTimeout'; readonly detail: string }
  /** the peer does not read what it is sent */
  | { readonly kind: 'overflow'; readonly detail: string };

/**
 * `negotiating`: hellos are under way. `identifying`: the version is agreed, features are asked. `open`: usable.
 * `closed`: over, for good.
 */
export type ConnectionState =
  | { readonly kind: 'negotiating' }
  | { readonly kind: 'identifying'; readonly version: Version }
  | { readonly kind: 'open'; readonly version: Version; readonly features: FeaturesReply }
  | { readonly kind: 'closed'; readonly reason: CloseReason };

export const allowedMoves: Readonly<Record<ConnectionState['kind'], readonly ConnectionState['kind'][]>> = {
  negotiating: ['identifying', 'closed'],
  identifying: ['open', 'closed'],
  open: ['closed'],
  closed: [],
};

export interface ConnectionLimits {
  readonly handshakeTimeoutMs: number;
  /** After so long without a byte from the peer it is asked for an echo. */
  readonly echoIntervalMs: number;
  /** After so long without a byte since that, the connection is dead. */
  readonly echoTimeoutMs: number;
  /** Requests that may wait for their replies at one time. */
  readonly maximumRequests: number;
  /** Bytes of one multipart reply that is collected; a streamed one has no limit. */
  readonly maximumMultipartBytes: number;
  /** Bytes that wait to be sent; more close the connection. */
  readonly maximumQueuedBytes: number;
  /** A switch that has not taken what waited to be sent for so long, while somebody waits for that, is given up. */
  readonly drainTimeoutMs: number;
  /** A switch that lives, but has not gone on with a multipart reply for so long, is given up; an empty part does not count. */
  readonly partTimeoutMs: number;
  /** So is one that goes on with a multipart reply, but is not through with it after so long, in which we read what came. */
  readonly replyTimeoutMs: number;
}

export const defaultLimits: ConnectionLimits = {
  handshakeTimeoutMs: 10_000,
  echoIntervalMs: 5_000,
  echoTimeoutMs: 15_000,
  maximumRequests: 4_096,
  maximumMultipartBytes: 64 * 1024 * 1024,
  maximumQueuedBytes: 16 * 1024 * 1024,
  drainTimeoutMs: 15_000,
  partTimeoutMs: 30_000,
  replyTimeoutMs: 180_000,
};

export interface ConnectionOptions {
  readonly timers: Timers;
  /** Versions to offer. Default: 1.3, 1.4 and 1.5; the highest in common is spoken. */
  readonly versions?: readonly Version[];
  readonly limits?: Partial<ConnectionLimits>;
  /** A message that answers no request; from the hello on, so also before the connection is open. */
  readonly onMessage?: (received: ReceivedMessage) => void;
  /** Messages of an open connection that need not even be decoded: they are passed over. */
  readonly isOfNoInterest?: (bytes: Uint8Array) => boolean;
  /** An error that answers no request that waits: of a message given to `send` or `write`. */
  readonly onError?: (error: OpenFlowError) => void;
  /** Called once, after the state has become `closed`. */
  readonly onClose?: (reason: CloseReason) => void;
  /** Called for each move of the state. */
  readonly onState?: (state: ConnectionState, previous: ConnectionState['kind']) => void;
}

/** The switch refused a message. */
export class OpenFlowError extends Error {
  /** The error as it came. */
  readonly error: ErrorMessage;
  /** Of the message that was refused. */
  readonly xid: number;
  /** Such as `OFPBMC_BAD_PREREQ`. */
  readonly code: string;
  /** What the switch quotes of the message that was refused. */
  readonly request: FailedRequest | null;

  constructor(error: ErrorMessage, xid: number) {
    const code = errorName(error);
    super(`the switch refused message ${xid}: ${code}`);
    this.name = 'OpenFlowError';
    this.error = error;
    this.xid = xid;
    this.code = code;
    this.request = failedRequest(error);
  }
}

/** The connection ended before the answer came, or before the message could be sent. */
export class ConnectionClosedError extends Error {
  readonly reason: CloseReason;

  constructor(reason: CloseReason) {
    super(`the OpenFlow connection is closed: ${reason.detail}`, 'cause' in reason ? { cause: reason.cause } : {});
    this.name = 'ConnectionClosedError';
    this.reason = reason;
  }
}

/** A limit of the connection keeps this request from being made or answered; the connection goes on. */
export class RequestLimitError extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'RequestLimitError';
  }
}

/** Requests and the kind of message that answers each. */
export const replyKinds = {
  featuresRequest: 'featuresReply',
  getConfigRequest: 'getConfigReply',
  barrierRequest: 'barrierReply',
  roleRequest: 'roleReply',
  getAsyncRequest: 'getAsyncReply',
  bundleControl: 'bundleControl',
  tlvTableRequest: 'tlvTableReply',
  echoRequest: 'echoReply',
} as const satisfies Partial<Record<MessageKind, MessageKind>>;
export type RequestKind = keyof typeof replyKinds;
export type ReplyTo<K extends RequestKind> = MessageOf<(typeof replyKinds)[K]>;
