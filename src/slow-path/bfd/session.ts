/**
 * One BFD session in asynchronous mode (RFC 5880, section 6.8), as far as packets and time decide it. Nothing here knows of addresses or
 * switches, and the time is what the caller says.
 *
 *                        peer: down                       peer: init, up
 *              ┌── down ─────────────► init ──────────────────────────────► up
 *              │    ▲ └───────────────────── peer: init ────────────────────┘ │
 *              │    └──── nothing heard for the detection time, peer: admin_down (and down, if it was up) ┘
 *
 * Sessions outlive the Weft that runs them: a session that has neither sent nor heard anything yet goes on where its peer believes that it
 * is, if the peer calls it by its discriminator and is up.
 */
import type { BfdState, ControlPacket } from '../packets/bfd.js';

/** What the session says of itself while it is up. */
export interface Timing {
  readonly minTxMs: number;
  readonly minRxMs: number;
  readonly detectMultiplier: number;
}

/** Codes of section 4.1 that a session gives itself. */
export const diagnostic = { none: 0, detectionTimeExpired: 1, neighbourSaidDown: 3, administrativelyDown: 7 } as const;

interface Remote {
  /** 0: not known. */
  readonly discriminator: number;
  readonly state: BfdState;
  readonly minTxMs: number;
  readonly minRxMs: number;
  readonly detectMultiplier: number;
  readonly isDemanding: boolean;
}

export interface Session {
  readonly state: BfdState;
  /** Why it left the state `up` last. */
  readonly diagnostic: number;
  readonly discriminator: number;
  readonly timing: Timing;
  /** While the peer is asked to confirm new times: what holds until it has. */
  readonly polling: Pick<Timing, 'minTxMs' | 'minRxMs'> | null;
  readonly remote: Remote;
  /** Null: not for a detection time. */
  readonly heardAtMs: number | null;
  readonly sendAtMs: number;
  /** It has neither sent nor heard anything. */
  readonly isFresh: boolean;
  /** Of one that is `admin_down`: until then it says so. */
  readonly endsAtMs: number;
}

/** When it is, and a number from 0 up to 1 by which packets of several sessions are kept apart. */
export interface Moment {
  readonly nowMs: number;
  readonly jitter: number;
}

export interface Step {
  readonly session: Session;
  readonly send: readonly ControlPacket[];
}

/** Who is not up sends no faster (section 6.8.3). */
const slowMs = 1_000;
const microseconds = 1_000;

const unheard: Remote = {
  discriminator: 0,
  state: 'down',
  minTxMs: slowMs,
  minRxMs: 1 / microseconds,
  detectMultiplier: 1,
  isDemanding: false,
};

/** A session that listens first: longer than a peer that is up is silent. */
export function begin(discriminator: number, timing: Timing, { nowMs }: Moment): Session {
  return {
    state: 'down',
    diagnostic: diagnostic.none,
    discriminator,
    timing,
    polling: null,
    remote: unheard,
    heardAtMs: null,
    sendAtMs: nowMs + Math.max(slowMs, timing.minRxMs),
    isFresh: true,
    endsAtMs: Infinity,
  };
}

/** What it says it would like to send. */
const saidTxMs = ({ state, timing }: Session): number =>
  state === 'up' ? timing.minTxMs : Math.max(slowMs, timing.minTxMs);

/** From one packet to the next (section 6.8.2, 6.8.7). */
function intervalMs(session: Session, jitter: number): number {
  const { state, polling, remote, timing } = session;
  const ownMs = state === 'up' && polling !== null ? polling.minTxMs : saidTxMs(session);
  // A peer that lets no packet be missed gets each in time.
  const share = timing.detectMultiplier === 1 ? 0.9 - 0.15 * jitter : 1 - 0.25 * jitter;
  return Math.max(ownMs, remote.minRxMs) * share;
}

/** So long may the peer be silent (section 6.8.4). */
export function detectionMs({ polling, remote, timing }: Session): number {
  const rxMs = polling?.minRxMs ?? timing.minRxMs;
  return remote.detectMultiplier * Math.max(rxMs, remote.minTxMs);
}

const detectsAtMs = (session: Session): number =>
  session.heardAtMs === null ? Infinity : session.heardAtMs + detectionMs(session);

/** Whether it sends by itself, and not only when it is asked. */
function isPeriodic({ state, remote, polling, sendAtMs, endsAtMs }: Session): boolean {
  if (sendAtMs >= endsAtMs || remote.minRxMs === 0) return false;
  return polling !== null || !(remote.isDemanding && state === 'up' && remote.state === 'up');
}

/** When there is something to do for `elapse`; Infinity: not before a packet comes. */
export function nextAtMs(session: Session): number {
  return Math.min(isPeriodic(session) ? session.sendAtMs : Infinity, detectsAtMs(session));
}

function controlOf(session: Session, isFinal: boolean): ControlPacket {
  const { state, timing, discriminator, remote, polling } = session;
  return {
    diagnostic: session.diagnostic,
    state,
    poll: polling !== null && !isFinal,
    final: isFinal,
    // It runs in Weft, which forwards nothing: that it is gone says little of the way.
    controlPlaneIndependent: false,
    demand: false,
    detectMultiplier: timing.detectMultiplier,
    myDiscriminator: discriminator,
    yourDiscriminator: remote.discriminator,
    desiredMinTxUs: saidTxMs(session) * microseconds,
    requiredMinRxUs: timing.minRxMs * microseconds,
    requiredMinEchoRxUs: 0,
  };
}

/** In another state, which is said at once; that it is up begins with a poll, for it sends faster from then on. */
function moved(session: Session, state: BfdState, why: number): Session {
  if (state === session.state) return session;
  const polling = state === 'up' ? { minTxMs: session.timing.minTxMs, minRxMs: session.timing.minRxMs } : null;
  return { ...session, state, polling, diagnostic: state === 'init' ? session.diagnostic : why };
}

const sent = (session: Session, { nowMs, jitter }: Moment): Session => ({
  ...session,
  isFresh: false,
  sendAtMs: nowMs + intervalMs(session, jitter),
});

/** Section 6.8.6, from where the session is known. */
function stateAfter(own: BfdState, theirs: BfdState): BfdState {
  if (theirs === 'admin_down') return 'down';
  switch (own) {
    case 'down':
      if (theirs === 'down') return 'init';
      return theirs === 'init' ? 'up' : 'down';
    case 'init':
      return theirs === 'down' ? 'init' : 'up';
    default:
      return theirs === 'down' ? 'down' : own;
  }
}

/** A packet of the peer has come; null: it is for another session. */
export function hear(session: Session, packet: ControlPacket, moment: Moment): Step | null {
  const { yourDiscriminator: called } = packet;
  if (called !== 0 && called !== session.discriminator) return null;
  const heard: Session = {
    ...session,
    polling: packet.final ? null : session.polling,
    remote: {
      discriminator: packet.myDiscriminator,
      state: packet.state,
      minTxMs: packet.desiredMinTxUs / microseconds,
      minRxMs: packet.requiredMinRxUs / microseconds,
      detectMultiplier: packet.detectMultiplier,
      isDemanding: packet.demand,
    },
    heardAtMs: moment.nowMs,
    isFresh: false,
  };
  if (session.state === 'admin_down') return { session: { ...heard, heardAtMs: null }, send: [] };
  const goesOn = session.isFresh && packet.state === 'up';
  const state = goesOn ? 'up' : stateAfter(session.state, packet.state);
  const why = state === 'up' ? diagnostic.none : diagnostic.neighbourSaidDown;
  const after = moved(heard, state, why);
  const latestMs = moment.nowMs + intervalMs(after, moment.jitter);
  if (after.state === session.state && !packet.poll)
    return { session: { ...after, sendAtMs: Math.min(after.sendAtMs, latestMs) }, send: [] };
  return { session: { ...after, sendAtMs: latestMs }, send: [controlOf(after, packet.poll)] };
}

/** Time has passed: the peer may have been silent for too long, and it may be time to send. */
export function elapse(session: Session, moment: Moment): Step {
  const { nowMs } = moment;
  let after = session;
  if (nowMs >= detectsAtMs(session)) {
    const lost: Session = { ...session, remote: unheard, heardAtMs: null };
    const isLost = session.state === 'up' || session.state === 'init';
    after = isLost ? { ...moved(lost, 'down', diagnostic.detectionTimeExpired), sendAtMs: nowMs } : lost;
  }
  if (!isPeriodic(after) || nowMs < after.sendAtMs) return { session: after, send: [] };
  return { session: sent(after, moment), send: [controlOf(after, false)] };
}

/** Other times hold from now on, or, where they would surprise the peer, from when it has confirmed them (section 6.8.3). */
export function retime(session: Session, timing: Timing, { nowMs }: Moment): Session {
  const { state, polling } = session;
  if (state !== 'up') return { ...session, timing };
  const { minTxMs, minRxMs } = polling ?? session.timing;
  return {
    ...session,
    timing,
    polling: { minTxMs: Math.min(minTxMs, timing.minTxMs), minRxMs: Math.max(minRxMs, timing.minRxMs) },
    sendAtMs: nowMs,
  };
}

/** Nobody wants it any more: it tells the peer so for as long as that would take to miss it (section 6.8.16). */
export function end(session: Session, moment: Moment): Step {
  const ended = moved({ ...session, heardAtMs: null }, 'admin_down', diagnostic.administrativelyDown);
  const after = sent(ended, moment);
  const endsAtMs = moment.nowMs + session.timing.detectMultiplier * intervalMs(ended, 0);
  return { session: { ...after, endsAtMs }, send: [controlOf(ended, false)] };
}

/** The caller has not looked for so long: what came meanwhile is still to be read. */
export function excuse(session: Session, lateMs: number): Session {
  return session.heardAtMs === null ? session : { ...session, heardAtMs: session.heardAtMs + lateMs };
}
