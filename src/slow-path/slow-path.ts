/**
 * The slow path: answers what switches send to Weft on their punt connections. One Weft answers, the one that holds the lease; the
 * connections of the others stay silent. While nobody answers, what was punted is just dropped, as it would be without.
 *
 *   packet-in ─► allowance of hypervisor ─► believed? ─► of port and class ─► queue, in turn ─► answer ─► packet-out
 *       │                   │                   │                 │                │              │
 *       │           read no further             └──── dropped, counted ────────────┴──────────────┘
 *       ├ of a check ─► the same, of its port ─► health/
 *       ├ of a neighbour that is watched ─► the same, of its session ─► bfd/
 *       └ to be logged ─► the same with allowances of its own, which leave out and hold back nothing ─► log
 */
import type { OpenFlowChannel } from '../../southbound/hypervisor/openflow-channel.js';
import type { HypervisorSession } from '../../southbound/hypervisor/session.js';
import type { PacketIn2 } from '../../southbound/openflow/messages/packet-in2.js';
import { type PuntClass, puntClassEntries, puntControllerId, readPuntedAt } from '../compiler/punts/punted-packet.js';
import type { BfdFinding } from '../store/nouns/bfd-session.js';
import type { HealthFinding } from '../store/nouns/load-balancer.js';
import type { HolderFinding } from '../store/nouns/virtual-address.js';
import type { Touched } from '../view/network-view.js';
import { announcements } from './addressing/answers.js';
import { Allowances } from './allowance.js';
import { announcementSweepMs, portsDue, switchesChanged } from './announcements.js';
import { type Account, accountOf, type Answer, answersTo, type Punted, type Silence } from './answer.js';
import { BfdSessions } from './bfd/bfd-sessions.js';
import { FairQueue } from './fair-queue.js';
import { HealthChecks } from './health/health-checks.js';
import { answersATurn, holdMs, hostRates, latestMs, queueLimits } from './limits.js';
import { OutsideAnnouncer } from './outside-announcements.js';
import { isReady, send } from './sending.js';
import { VirtualAddresses } from './virtual-addresses.js';
import { VerdictLog, type VerdictLogOptions } from './verdict-log.js';

/** Why a packet that came was not answered. */
export type PuntDrop =
  | Silence
  | 'unknown_class'
  | 'unknown_rule'
  | 'host_limit'
  | 'log_limit'
  | 'log_off'
  | 'limit'
  | 'queue_full'
  | 'too_late'
  | 'not_connected'
  | 'not_in_charge';

/** Since the start. */
export interface PuntCounters {
  readonly puntClass: PuntClass;
  readonly received: number;
  readonly answered: number;
  /** From when they came until they were answered, of all together. */
  readonly answeredAfterMs: number;
}

export interface SlowPathOptions extends VerdictLogOptions {
  /** What the underlay carries, in bytes, until a hypervisor has said its own. */
  readonly defaultUnderlayMtu: number;
  /** Whether this Weft answers. */
  isInCharge(this: void): boolean;
  /** Whether a hypervisor that watches the one with the key has lost it; left out: none is ever lost. */
  isGone?(this: void, hypervisorId: string, peerKey: number): boolean;
  /** Writes down what checks of backends have found. */
  recordHealth(this: void, findings: readonly HealthFinding[]): Promise<void>;
  /** Writes down which neighbours of routers are alive. */
  recordBfd(this: void, findings: readonly BfdFinding[]): Promise<void>;
  /** Writes down who has announced virtual addresses. */
  recordHolders(this: void, findings: readonly HolderFinding[]): Promise<void>;
}

/** Takes down what is found out here. */
export type Findings = Pick<SlowPathOptions, 'recordHealth' | 'recordBfd' | 'recordHolders'>;

interface Waiting extends Punted {
  readonly channel: OpenFlowChannel;
  readonly port: Account['port'];
  readonly atMs: number;
}

type Counters = { -readonly [P in keyof PuntCounters]: PuntCounters[P] };

const puntClasses = Object.keys(puntClassEntries) as readonly PuntClass[];

/** Every reason for which a packet may have been sent by an action: as it is, of a group, of a packet-out. */
const packetInReasons = 0b111010;

export class SlowPath {
  readonly #options: SlowPathOptions;
  readonly #channels = new Map<HypervisorSession, OpenFlowChannel>();
  readonly #held = new Set<OpenFlowChannel>();
  /** Of ports, and of hypervisors: so no crowd of ports takes the place of a hypervisor. */
  readonly #allowances: Allowances;
  readonly #hostAllowances: Allowances;
  readonly #queue = new FairQueue<Waiting>(queueLimits);
  readonly #counters = new Map<PuntClass, Counters>();
  readonly #drops = new Map<PuntDrop, number>();
  #isAnswering = false;
  /** What security groups want logged. */
  readonly verdictLog: VerdictLog;
  /** Checks of the backends of load balancers. */
  readonly healthChecks: HealthChecks;
  /** Liveness of next hops. */
  readonly bfd: BfdSessions;
  #announced = 0;
  /** Logical switches whose ports are told in the next sweep, whoever's turn it is, with the MACs that their routers had. */
  #changed = new Map<string, Set<string>>();
  #cancelSweep: (() => void) | null = null;
  readonly #outside: OutsideAnnouncer;
  readonly #virtualAddresses: VirtualAddresses;

  constructor(options: SlowPathOptions) {
    this.#options = options;
    this.verdictLog = new VerdictLog(options);
    this.healthChecks = new HealthChecks({
      ...options,
      inject: (hypervisorId, answers) => this.#inject(hypervisorId, answers),
      record: findings => options.recordHealth(findings),
    });
    this.#virtualAddresses = new VirtualAddresses({ ...options, record: found => options.recordHolders(found) });
    this.#allowances = new Allowances(options.clock);
    this.#hostAllowances = new Allowances(options.clock);
    const { view, clock, isGone = () => false } = options;
    this.bfd = new BfdSessions({
      ...options,
      isGone,
      isConnected: hypervisorId => this.#channelOf(hypervisorId) !== null,
      inject: (hypervisorId, answers) => this.#inject(hypervisorId, answers),
      record: findings => options.recordBfd(findings),
    });
    const say = (id: string, answers: readonly Answer[]): void => this.#sayOutside(id, answers);
    this.#outside = new OutsideAnnouncer({ view, clock, isGone, say });
    for (const puntClass of puntClasses) {
      this.#counters.set(puntClass, { puntClass, received: 0, answered: 0, answeredAfterMs: 0 });
    }
  }

  /** A hypervisor was admitted for the first time since the start. */
  add(session: HypervisorSession): void {
    session.onOpenFlow((use, channel) => {
      if (use === 'punt') this.#connectionMoved(session, channel);
    });
    this.#connectionMoved(session, session.punt);
  }

  /** Whether this Weft answers may be different now. What waits is left to whoever does. */
  chargeMoved(): void {
    if (!this.#options.isInCharge()) this.#drop('not_in_charge', this.#queue.clear());
    for (const channel of this.#channels.values()) this.#subscribe(channel);
    this.healthChecks.chargeMoved();
    this.bfd.chargeMoved();
  }

  get counters(): readonly PuntCounters[] {
    return [...this.#counters.values()];
  }

  /** Packets that came and were not answered, by reason. */
  get drops(): ReadonlyMap<PuntDrop, number> {
    return this.#drops;
  }

  /** Packets that wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Router advertisements that were sent without being asked for. */
  get announced(): number {
    return this.#announced;
  }

  /** The view has moved: what ports were told of routers may be different now. */
  networkMoved(touched: Touched): void {
    this.healthChecks.networkMoved(touched);
    this.bfd.networkMoved(touched);
    if (this.#channels.size === 0 || !this.#options.isInCharge()) return;
    for (const { id, formerRouter } of switchesChanged(this.#options.view, touched)) {
      const former = this.#changed.get(id) ?? new Set();
      if (formerRouter !== null) former.add(formerRouter);
      this.#changed.set(id, former);
    }
    this.#outside.networkMoved(touched);
  }

  /** A hypervisor has seen others that it watches come or go. */
  watchedMoved(hypervisorId: string): void {
    if (!this.#options.isInCharge()) return;
    this.#outside.watchedMoved(hypervisorId);
    this.bfd.watchedMoved();
  }

  #sayOutside(hypervisorId: string, answers: readonly Answer[]): void {
    if (this.#options.isInCharge()) this.#inject(hypervisorId, answers);
  }

  /** Sends through a hypervisor; false: it is not connected, or does not read. */
  #inject(hypervisorId: string, answers: readonly Answer[]): boolean {
    const channel = this.#channelOf(hypervisorId);
    if (channel === null || !isReady(channel)) return false;
    send(channel, answers);
    return true;
  }

  #channelOf(hypervisorId: string): OpenFlowChannel | null {
    const channel = [...this.#channels].find(([{ hypervisor }]) => hypervisor.id === hypervisorId)?.[1];
    return channel?.connection.state.kind === 'open' ? channel : null;
  }

  /** Nothing is announced any more. */
  stop(): void {
    this.healthChecks.stop();
    this.bfd.stop();
    this.#virtualAddresses.stop();
    this.#cancelSweep?.();
    this.#cancelSweep = null;
    this.#outside.stop();
  }

  #connectionMoved(session: HypervisorSession, channel: OpenFlowChannel | null): void {
    if (channel === null) {
      this.#channels.delete(session);
      return;
    }
    this.#channels.set(session, channel);
    channel.onMessage(({ message }) => {
      if (message.kind === 'packetIn2') this.#receive(session.hypervisor.id, channel, message);
    });
    channel.onError(error => this.#options.log.debug({ hypervisor: session.systemId, err: error }, 'answer refused'));
    this.#subscribe(channel);
    this.#sweepLater();
  }

  /** As long as somebody is connected. */
  #sweepLater(): void {
    if (this.#cancelSweep !== null || this.#channels.size === 0) return;
    const { clock } = this.#options;
    const sinceMs = clock.nowMs();
    this.#cancelSweep = clock.after(announcementSweepMs, () => {
      this.#cancelSweep = null;
      if (this.#options.isInCharge()) this.#announce(sinceMs, clock.nowMs());
      this.#sweepLater();
    });
  }

  #announce(sinceMs: number, nowMs: number): void {
    const { view, defaultUnderlayMtu } = this.#options;
    const changed = this.#changed;
    this.#changed = new Map();
    for (const [{ hypervisor }, channel] of this.#channels) {
      for (const port of portsDue(view, hypervisor.id, { sinceMs, nowMs, changed })) {
        if (!isReady(channel)) break;
        const answers = announcements(view, port, defaultUnderlayMtu, changed.get(port.logicalSwitchId));
        send(channel, answers);
        this.#announced += answers.length;
      }
    }
  }

  /** The role of the connection stays what it begins with (EQUAL): nothing of what the others do changes it. */
  #subscribe(channel: OpenFlowChannel): void {
    const { connection } = channel;
    if (connection.state.kind !== 'open') return;
    if (!this.#options.isInCharge()) {
      channel.quieten();
      return;
    }
    connection.send({ kind: 'setPacketInFormat', format: 'nxt_packet_in2' });
    connection.send({ kind: 'setControllerId', controllerId: puntControllerId });
    connection.send({ kind: 'setAsync', properties: [{ kind: 'packetInMaster', mask: packetInReasons }] });
  }

  #receive(hypervisorId: string, channel: OpenFlowChannel, { properties }: PacketIn2): void {
    const { view, clock, isInCharge } = this.#options;
    // The switch may not know yet, or this process may have stood still: another Weft answers the same packet.
    if (!isInCharge()) return this.#drop('not_in_charge');
    let data: Uint8Array | null = null;
    let at: ReturnType<typeof readPuntedAt> = null;
    for (const property of properties) {
      if (property.kind === 'packet') data = property.data;
      else if (property.kind === 'metadata') at = readPuntedAt(property.fields);
    }
    if (at !== null) this.#count(at.puntClass).received += 1;
    if (at?.puntClass === 'verdict' && data !== null) return this.#log({ hypervisorId, at, data }, channel);
    if ((at?.puntClass === 'health' || at?.puntClass === 'bfd') && data !== null)
      return this.#check({ hypervisorId, at, data }, at.puntClass, channel);
    if (!this.#hasRoom(hypervisorId, 'asked')) {
      this.#hold(channel);
      return this.#drop('host_limit');
    }
    if (at === null || data === null) return this.#drop('unknown_class');
    const punted = { hypervisorId, at, data };
    const account = accountOf(view, punted);
    if (typeof account === 'string') return this.#drop(account);
    const { port, key, rate } = account;
    if (!this.#allowances.take(`${key} ${at.puntClass}`, rate)) return this.#drop('limit');
    if (at.puntClass === 'virtual_address') return this.#hearHolder(port, data);
    const turn = { group: hypervisorId, member: key };
    if (!this.#queue.offer(turn, { ...punted, channel, port, atMs: clock.nowMs() })) return this.#drop('queue_full');
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    setImmediate(() => this.#answerSome());
  }

  #hasRoom(hypervisorId: string, of: keyof typeof hostRates): boolean {
    return this.#hostAllowances.take(`${of} ${hypervisorId}`, hostRates[of]);
  }

  /** At once: it takes no place of those who wait for an answer, and is itself little. */
  #log(punted: Punted, channel: OpenFlowChannel): void {
    const isBeyond = !this.#hasRoom(punted.hypervisorId, 'logged');
    if (isBeyond && !this.#hasRoom(punted.hypervisorId, 'leftOut')) {
      this.#hold(channel);
      return this.#drop('host_limit');
    }
    const account = accountOf(this.#options.view, punted);
    if (typeof account === 'string') return this.#drop(account);
    const { port, key, rate } = account;
    if (port === null) return this.#drop('foreign_port');
    const isAllowed = !isBeyond && this.#allowances.take(`${key} verdict`, rate);
    if (!isAllowed) {
      this.verdictLog.pass(port);
      return this.#drop(isBeyond ? 'log_limit' : 'limit');
    }
    const refused = this.verdictLog.take(punted, port);
    if (refused === null) this.#answered('verdict', 0);
    else this.#drop(refused);
  }

  /** At once, as it is of one who is waited for; who answers unasked spends what his own port may. */
  #check(punted: Punted, of: 'health' | 'bfd', channel: OpenFlowChannel): void {
    if (!this.#hasRoom(punted.hypervisorId, of)) {
      this.#hold(channel);
      return this.#drop('host_limit');
    }
    const account = accountOf(this.#options.view, punted);
    if (typeof account === 'string') return this.#drop(account);
    if (!this.#allowances.take(`${account.key} ${of}`, account.rate)) return this.#drop('limit');
    const isHeard = of === 'health' ? this.healthChecks.hear(punted) : this.bfd.hear(punted);
    if (isHeard) this.#answered(of, 0);
    else this.#drop('not_to_be_answered');
  }

  /** At once: nobody waits for it, and the latest of several counts. */
  #hearHolder(port: Account['port'], frame: Uint8Array): void {
    if (port !== null && this.#virtualAddresses.hear(port, frame)) this.#answered('virtual_address', 0);
    else this.#drop('not_to_be_answered');
  }

  /** Reads no more of that connection for a while. */
  #hold(channel: OpenFlowChannel): void {
    if (this.#held.has(channel)) return;
    this.#held.add(channel);
    const goOn = channel.connection.holdReading();
    this.#options.clock.after(holdMs, () => {
      this.#held.delete(channel);
      goOn();
    });
  }

  #answerSome(): void {
    for (let count = 0; count < answersATurn; count += 1) {
      const waiting = this.#queue.take();
      if (waiting === undefined) break;
      this.#answer(waiting);
    }
    this.#isAnswering = this.#queue.size > 0;
    if (this.#isAnswering) setImmediate(() => this.#answerSome());
  }

  #answer({ channel, port, atMs, ...punted }: Waiting): void {
    const { view, clock, isInCharge, defaultUnderlayMtu } = this.#options;
    const waitedMs = clock.nowMs() - atMs;
    if (!isInCharge()) return this.#drop('not_in_charge');
    if (waitedMs > latestMs) return this.#drop('too_late');
    if (!isReady(channel)) return this.#drop('not_connected');
    const answers = answersTo(view, punted, port, defaultUnderlayMtu);
    if (typeof answers === 'string') return this.#drop(answers);
    send(channel, answers);
    this.#answered(punted.at.puntClass, waitedMs);
  }

  #answered(puntClass: PuntClass, waitedMs: number): void {
    const counters = this.#count(puntClass);
    counters.answered += 1;
    counters.answeredAfterMs += waitedMs;
  }

  #count(puntClass: PuntClass): Counters {
    const counters = this.#counters.get(puntClass);
    if (counters === undefined) throw new Error(`no counters for ${puntClass}`);
    return counters;
  }

  #drop(reason: PuntDrop, count = 1): void {
    if (count > 0) this.#drops.set(reason, (this.#drops.get(reason) ?? 0) + count);
  }
}
