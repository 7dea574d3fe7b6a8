/**
 * One check of one backend, as far as it is decided by what comes back: what is sent first, and for each answer what is sent next and what
 * it says of the backend. Nothing here knows of time, addresses or switches.
 *
 *   tcp    SYN ->  <- SYN/ACK: up.  RST: down.                       Up or down, the connection is reset.
 *   http   SYN ->  <- SYN/ACK  GET ->  <- status 2xx, 3xx: up; another, or RST: down
 *   udp    empty datagram ->  <- anything, or nothing: up.  ICMP port unreachable: down
 */
import { type ReceivedSegment, type Segment, tcpFlag } from '../packets/tcp.js';

export type Outcome = 'up' | 'down';

/** A segment without its ports, which stay the same. */
export type Sent = Omit<Segment, 'srcPort' | 'dstPort'>;

export type Probe =
  | { readonly kind: 'datagram' }
  | {
      readonly kind: 'connection';
      /** Is sent when the connection is there; null: that it is there is the answer. */
      readonly request: Uint8Array | null;
      readonly phase: 'opening' | 'asked';
      /** The number of the next byte of ours, and of theirs. */
      readonly ours: number;
      readonly theirs: number;
      /** What has come, as far as it matters. */
      readonly answer: string;
    };

type Connection = Extract<Probe, { kind: 'connection' }>;

/** What follows from a segment. */
export interface Step {
  readonly probe: Probe;
  readonly send: readonly Sent[];
  /** Null: not decided yet. */
  readonly outcome: Outcome | null;
}

/** So much of an answer may come at once: a status line, and nothing that would cost. */
const window = 256;
const nothing = new Uint8Array(0);
const statusLine = /^HTTP\/1\.[01] (?<status>\d{3})/;
const statusBytes = 'HTTP/1.1 200'.length;

const number32 = (value: number): number => value >>> 0;

function segment(probe: Connection, flags: number, payload: Uint8Array = nothing): Sent {
  return { sequence: probe.ours, acknowledgment: probe.theirs, flags, window, payload };
}

/** Ends the connection at the backend, which keeps nothing of it then. */
const reset = (probe: Connection): Sent => segment(probe, tcpFlag.rst | tcpFlag.ack);

/** A connection that begins with this number. */
export function openConnection(first: number, request: Uint8Array | null): Step {
  const probe = {
    kind: 'connection',
    request,
    phase: 'opening',
    ours: number32(first),
    theirs: 0,
    answer: '',
  } as const;
  const syn = { ...segment(probe, tcpFlag.syn), acknowledgment: 0 };
  return { probe: { ...probe, ours: number32(first + 1) }, send: [syn], outcome: null };
}

/** What a request of HTTP asks. */
export function httpRequest(host: string, path: string): Uint8Array {
  return Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: weft\r\nConnection: close\r\n\r\n`,
    'latin1',
  );
}

const waiting = (probe: Probe): Step => ({ probe, send: [], outcome: null });

/** A segment of the backend has come, from and to the ports of the connection. */
export function hear(probe: Connection, received: ReceivedSegment): Step {
  const { flags, acknowledgment } = received;
  const isForUs = (flags & tcpFlag.ack) !== 0 && acknowledgment === probe.ours;
  if ((flags & tcpFlag.rst) !== 0) {
    const isMeant = probe.phase === 'opening' ? isForUs : received.sequence === probe.theirs;
    return isMeant ? { probe, send: [], outcome: 'down' } : waiting(probe);
  }
  return probe.phase === 'opening' ? opened(probe, received, isForUs) : answered(probe, received);
}

function opened(probe: Connection, received: ReceivedSegment, isForUs: boolean): Step {
  const isOpen = (received.flags & tcpFlag.syn) !== 0 && isForUs;
  if (!isOpen) {
    // Left over from a check before: it is ended as any host would, so that the next one is not mistaken for it.
    const stale = { ...segment(probe, tcpFlag.rst), sequence: received.acknowledgment, acknowledgment: 0 };
    return (received.flags & tcpFlag.ack) === 0 ? waiting(probe) : { probe, send: [stale], outcome: null };
  }
  const open = { ...probe, theirs: number32(received.sequence + 1) };
  if (probe.request === null) return { probe: open, send: [reset(open)], outcome: 'up' };
  return {
    probe: { ...open, phase: 'asked', ours: number32(open.ours + probe.request.length) },
    send: [segment(open, tcpFlag.psh | tcpFlag.ack, probe.request)],
    outcome: null,
  };
}

function answered(probe: Connection, received: ReceivedSegment): Step {
  const { sequence, payload, length, flags } = received;
  if (length === 0 || sequence !== probe.theirs) return waiting(probe);
  const answer = probe.answer + Buffer.from(payload.subarray(0, statusBytes)).toString('latin1');
  const heard = { ...probe, theirs: number32(sequence + length), answer };
  const hasEnded = (flags & tcpFlag.fin) !== 0;
  if (answer.length < statusBytes && !hasEnded)
    return { probe: heard, send: [segment(heard, tcpFlag.ack)], outcome: null };
  const status = Number(statusLine.exec(answer)?.groups?.['status'] ?? 0);
  return { probe: heard, send: [reset(heard)], outcome: status >= 200 && status < 400 ? 'up' : 'down' };
}

/** Nothing more is waited for. */
export function giveUp(probe: Probe): Step {
  if (probe.kind === 'datagram') return { probe, send: [], outcome: 'up' };
  return { probe, send: probe.phase === 'asked' ? [reset(probe)] : [], outcome: 'down' };
}
