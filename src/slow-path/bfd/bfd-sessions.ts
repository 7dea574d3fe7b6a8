/**
 * BFD sessions of router ports with their neighbours. The Weft in charge runs them: packet-outs on the hypervisor of the neighbour's port, or
 * on the gateway, from the router port and past routing, and what comes back by a flow of its own (compiler/routing/bfd-session.ts).
 *
 * Only what changes is written: a neighbour that is dead, or alive again. While no Weft is there, or the hypervisor is not connected to it,
 * everything stays as it was found last; and whoever begins has nobody for dead before a session had the time to come up.
 */
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import type { BfdFinding } from '../../store/nouns/bfd-session.js';
import { type BfdPlace, bfdPlace, type IsGone } from '../../view/bfd-places.js';
import type { NetworkReader, Touched } from '../../view/network-view.js';
import { all, type ViewRow } from '../../view/rows.js';
import type { Answer, Punted } from '../answer.js';
import { bfdPorts, bfdTtl, type ControlPacket, encodeControl } from '../packets/bfd.js';
import { encodeFrame } from '../packets/frame.js';
import { datagram } from '../packets/udp.js';
import { controlIn, sessionOf } from './believed.js';
import {
  begin,
  diagnostic,
  elapse,
  end,
  excuse,
  hear,
  type Moment,
  nextAtMs,
  retime,
  type Session,
  type Step,
  type Timing,
} from './session.js';

type Row = ViewRow<'bfd-sessions'>;

export interface BfdSessionsOptions {
  readonly view: NetworkReader;
  readonly clock: Clock;
  readonly log: Logger;
  isInCharge(this: void): boolean;
  isGone: IsGone;
  /** Whether packets can be sent through a hypervisor, and come from it. */
  isConnected(this: void, hypervisorId: string): boolean;
  /** Sends through a hypervisor; false: it is not connected. */
  inject(this: void, hypervisorId: string, answers: readonly Answer[]): boolean;
  /** Writes findings into the store. */
  record(this: void, findings: readonly BfdFinding[]): Promise<void>;
}

/** Since the start. */
export interface BfdCounters {
  sent: number;
  received: number;
  up: number;
  down: number;
}

interface Running {
  row: Row;
  session: Session;
  place: BfdPlace | string;
  /** Before that a session that is not up says nothing of the neighbour. */
  excusedUntilMs: number;
  /** Its hypervisor is not connected: nothing is sent, and silence means nothing. */
  isBlind: boolean;
  /** What the neighbour is said to be was changed last. */
  writtenAtMs: number;
  wakeAtMs: number;
  cancelWake: () => void;
}

/** How often it is looked who is to be watched and from where, and what is to be written. */
const sweepMs = 250;
/** Where many ports come and go, it is looked for who is to be watched so often. */
const lookEveryMs = 1_000;
/** A neighbour that comes and goes is written down no more often: each is a revision. */
const writeEveryMs = 1_000;
/** Who wakes up later than that has stood still, and packets wait to be read. */
const lateMs = 50;
const establishingMs = 1_000;
const stride = 0x9e37_79b1;
/** Control traffic of networks (CS6), which is not dropped before others. */
const typeOfService = 0xc0;

const timingOf = ({ minTxMs, minRxMs, detectMultiplier }: Row): Timing => ({ minTxMs, minRxMs, detectMultiplier });

/** Long enough for a session to come up from nothing, or for its silence to count: the time to listen, and one to detect. */
const patienceMs = ({ minTxMs, minRxMs, detectMultiplier }: Row): number =>
  (detectMultiplier + 1) * Math.max(establishingMs, minTxMs, minRxMs);

export class BfdSessions {
  readonly #options: BfdSessionsOptions;
  readonly counters: BfdCounters = { sent: 0, received: 0, up: 0, down: 0 };
  /** By id of the session. */
  readonly #running = new Map<string, Running>();
  /** That nobody wants any more, and that still say so. */
  readonly #ending = new Map<string, Running>();
  /** Logical switches on which somebody is watched. */
  readonly #switches = new Set<string>();
  #isStale = true;
  #lookAtMs = 0;
  #isRecording = false;
  #isStopped = false;
  #turns = 0;
  #cancelSweep: (() => void) | null = null;

  constructor(options: BfdSessionsOptions) {
    this.#options = options;
  }

  /** The view has moved. */
  networkMoved({ changes }: Pick<Touched, 'changes'>): void {
    this.#isStale ||= changes.some(change => {
      switch (change.kind) {
        case 'bfd-sessions':
          return true;
        case 'logical-switch-ports':
        case 'bound-ports':
        case 'virtual-addresses':
          return this.#switches.has((change.after ?? change.before)?.logicalSwitchId ?? '');
        case 'logical-routers':
        case 'logical-router-ports':
        case 'static-neighbours':
        case 'gateway-places':
          return this.#running.size > 0;
        default:
          return false;
      }
    });
    this.#sweepLater();
  }

  /** Hypervisors have seen others come or go, so gateways may be others now. */
  watchedMoved(): void {
    this.#isStale = true;
    this.#lookAtMs = 0;
  }

  /** Whether this Weft runs them may be different now: whoever does begins with what was found last. */
  chargeMoved(): void {
    this.#clear();
    this.#isStale = true;
    this.#lookAtMs = 0;
    this.#sweepLater();
  }

  /** Nothing is sent any more, nor said: the neighbours may not miss this Weft before another one goes on. */
  stop(): void {
    this.#isStopped = true;
    this.#clear();
  }

  #clear(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = null;
    for (const each of [...this.#running.values(), ...this.#ending.values()]) each.cancelWake();
    this.#running.clear();
    this.#ending.clear();
  }

  /** Sessions by their state; those that are wanted no more not among them. */
  get states(): ReadonlyMap<Session['state'], number> {
    const states = new Map<Session['state'], number>();
    for (const { session } of this.#running.values()) states.set(session.state, (states.get(session.state) ?? 0) + 1);
    return states;
  }

  #sweepLater(): void {
    const { view, clock, isInCharge } = this.#options;
    if (this.#cancelSweep !== null || this.#isStopped || !isInCharge()) return;
    if (this.#running.size === 0 && view.by('bfd-sessions', 'enabled', all).length === 0) return;
    this.#cancelSweep = clock.after(sweepMs, () => {
      this.#cancelSweep = null;
      if (isInCharge()) this.#sweep(clock.nowMs());
      this.#sweepLater();
    });
  }

  #sweep(nowMs: number): void {
    if (this.#isStale && nowMs >= this.#lookAtMs) this.#look(nowMs);
    for (const each of this.#running.values()) this.#lookAround(each);
    this.#record(nowMs);
  }

  /** Who is to be watched, from the network as it is; sessions that were there go on. */
  #look(nowMs: number): void {
    const { view, isGone } = this.#options;
    this.#isStale = false;
    this.#lookAtMs = nowMs + lookEveryMs;
    const rows = new Map(view.by('bfd-sessions', 'enabled', all).map(row => [row.id, row]));
    for (const [id, each] of this.#running) if (!rows.has(id)) this.#end(id, each);
    this.#switches.clear();
    for (const [id, row] of rows) {
      const logicalSwitchId = view.get('logical-router-ports', row.logicalRouterPortId)?.logicalSwitchId ?? null;
      if (logicalSwitchId !== null) this.#switches.add(logicalSwitchId);
      const place = bfdPlace(view, row, isGone);
      const known = this.#running.get(id);
      if (known === undefined) {
        this.#begin(row, place);
        continue;
      }
      const isRetimed = (['minTxMs', 'minRxMs', 'detectMultiplier'] as const).some(
        name => row[name] !== known.row[name],
      );
      Object.assign(known, { row, place });
      if (isRetimed) known.session = retime(known.session, timingOf(row), this.#moment());
      this.#wakeLater(known);
    }
  }

  #begin(row: Row, place: BfdPlace | string): void {
    const moment = this.#moment();
    this.#ending.get(row.id)?.cancelWake();
    this.#ending.delete(row.id);
    const each: Running = {
      row,
      place,
      session: begin(row.number, timingOf(row), moment),
      excusedUntilMs: moment.nowMs + patienceMs(row),
      isBlind: false,
      writtenAtMs: -Infinity,
      wakeAtMs: Infinity,
      cancelWake: () => undefined,
    };
    this.#running.set(row.id, each);
    this.#wakeLater(each);
  }

  /** The neighbour is told, so that it does not take it for a failure. */
  #end(id: string, each: Running): void {
    this.#running.delete(id);
    if (each.session.remote.discriminator === 0) return each.cancelWake();
    this.#ending.set(id, each);
    this.#take(each, end(each.session, this.#moment()));
  }

  /** While its hypervisor is away nothing is found out; when it is back, the session begins anew, without a verdict on the neighbour. */
  #lookAround(each: Running): void {
    const { place } = each;
    const isBlind = typeof place !== 'string' && !this.#options.isConnected(place.hypervisorId);
    if (isBlind === each.isBlind) return;
    each.isBlind = isBlind;
    if (isBlind) return each.cancelWake();
    const moment = this.#moment();
    each.session = begin(each.row.number, timingOf(each.row), moment);
    each.excusedUntilMs = moment.nowMs + patienceMs(each.row);
    this.#wakeLater(each);
  }

  /** At the time at which the session has something to do, unless it is woken sooner already. */
  #wakeLater(each: Running): void {
    const { clock } = this.#options;
    const wakeAtMs = nextAtMs(each.session);
    each.cancelWake();
    each.wakeAtMs = wakeAtMs;
    if (wakeAtMs === Infinity || each.isBlind) return;
    each.cancelWake = clock.after(Math.max(0, wakeAtMs - clock.nowMs()), () => this.#wake(each));
  }

  #wake(each: Running): void {
    const { isInCharge, clock } = this.#options;
    if (!isInCharge()) return;
    this.#lookAround(each);
    if (each.isBlind) return;
    const overdueMs = clock.nowMs() - each.wakeAtMs;
    // What came while this process stood still is read after timers.
    const session = overdueMs > lateMs ? excuse(each.session, overdueMs) : each.session;
    this.#take(each, elapse(session, this.#moment()));
    if (nextAtMs(each.session) === Infinity) this.#ending.delete(each.row.id);
  }

  /** A packet of a neighbour, if the switch says the truth; false: of none. */
  hear(punted: Punted): boolean {
    const { view } = this.#options;
    const packet = controlIn(punted.data);
    const row = packet === null ? null : sessionOf(view, punted);
    const each = row === null ? undefined : this.#running.get(row.id);
    if (packet === null || each === undefined) return false;
    const step = hear(each.session, packet, this.#moment());
    if (step === null) return false;
    this.counters.received += 1;
    this.#take(each, step);
    return true;
  }

  #take(each: Running, { session, send }: Step): void {
    const before = each.session.state;
    each.session = session;
    if (send.length > 0) this.#send(each, send);
    this.#wakeLater(each);
    if (session.state === before) return;
    if (session.state === 'up') this.counters.up += 1;
    else if (before === 'up') this.counters.down += 1;
    this.#record(this.#options.clock.nowMs());
  }

  #send({ place, row }: Running, packets: readonly ControlPacket[]): void {
    if (typeof place === 'string') return;
    const { own, neighbour, mac, datapath, inPort, hypervisorId } = place;
    const ports = { srcPort: bfdPorts.firstSource + (row.number % bfdPorts.sources), dstPort: bfdPorts.control };
    const answers = packets.map((packet): Answer => {
      const ends = { src: own.value, dst: neighbour.value };
      const content = datagram(own.family, ends, { ...ports, payload: encodeControl(packet) });
      const frame = encodeFrame({ ethSrc: mac, ethDst: 0n }, { ...content, ttl: bfdTtl, typeOfService });
      return { frame, into: { kind: 'neighbour', datapath, inPort, neighbour } };
    });
    if (this.#options.inject(hypervisorId, answers)) this.counters.sent += answers.length;
  }

  #moment(): Moment {
    this.#turns += 1;
    return { nowMs: this.#options.clock.nowMs(), jitter: (Math.imul(this.#turns, stride) >>> 0) / 2 ** 32 };
  }

  /** Whether the neighbour is alive; null: that is not known. */
  #verdictOn({ session, excusedUntilMs, isBlind }: Running, nowMs: number): boolean | null {
    if (session.state === 'up') return isBlind ? null : true;
    return isBlind || nowMs < excusedUntilMs ? null : false;
  }

  /** Writes what differs from what is written. What could not be written is tried again by the next sweep. */
  #record(nowMs: number): void {
    const { log, record } = this.#options;
    if (this.#isRecording) return;
    const findings = [...this.#running.values()].flatMap(each => this.#findingOf(each, nowMs) ?? []);
    if (findings.length === 0) return;
    this.#isRecording = true;
    record(findings)
      .catch((error: unknown) => log.warn({ err: error }, 'what BFD has found could not be written; trying again'))
      .finally(() => {
        this.#isRecording = false;
      });
  }

  #findingOf(each: Running, nowMs: number): BfdFinding | null {
    const { view, log } = this.#options;
    const isUp = this.#verdictOn(each, nowMs);
    const { id } = each.row;
    const written = view.get('bfd-sessions', id);
    if (isUp === null || written === null || !written.enabled || written.finding?.isUp === isUp) return null;
    if (nowMs < each.writtenAtMs + writeEveryMs) return null;
    each.writtenAtMs = nowMs;
    const why = each.session.diagnostic === diagnostic.none ? diagnostic.detectionTimeExpired : each.session.diagnostic;
    log.info({ bfdSession: id, neighbour: each.row.ip, state: isUp ? 'up' : 'down' }, 'a neighbour changed');
    return { sessionId: id, isUp, diagnostic: isUp ? diagnostic.none : why };
  }
}
