/**
 * Health checks of backends. The Weft in charge asks each as often as its load balancer says: a packet-out on the hypervisor that has the
 * backend's port, straight out of its interface and from the virtual address, so that every backend that can answer clients can answer this.
 * What comes back is taken out of the stages of load balancers there (compiler/load-balancing/health.ts) and is believed of that port only.
 *
 * Only what changes is written: a backend that has failed, or is well again. While no Weft is there, or the hypervisor of a backend is not
 * connected, everything stays as it was found last.
 */
import { parseMac } from '../../base/address.js';
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import { checkPorts, virtualMac } from '../../compiler/punts/punted-packet.js';
import { knownIp } from '../../model/invariants.js';
import type { HealthFinding } from '../../store/nouns/load-balancer.js';
import { checkedBackends, reachedSwitches } from '../../view/checked-backends.js';
import type { NetworkReader, Touched } from '../../view/network-view.js';
import { all, type ViewRow } from '../../view/rows.js';
import type { Answer, Punted } from '../answer.js';
import { senderOf } from '../location.js';
import { encodeFrame, type Frame, type IpContent, ipProtocol, parseFrame } from '../packets/frame.js';
import { quotedPacket } from '../packets/icmp.js';
import { parseSegment, tcpSegment } from '../packets/tcp.js';
import { datagram, parseDatagram } from '../packets/udp.js';
import { giveUp, hear, httpRequest, openConnection, type Outcome, type Probe, type Sent, type Step } from './probe.js';
import { afterOutcome, intervalMs, type Standing } from './standing.js';

type LoadBalancer = ViewRow<'load-balancers'>;

export interface HealthChecksOptions {
  readonly view: NetworkReader;
  readonly clock: Clock;
  readonly log: Logger;
  isInCharge(this: void): boolean;
  /** Sends through a hypervisor; false: it is not connected. */
  inject(this: void, hypervisorId: string, answers: readonly Answer[]): boolean;
  /** Writes findings into the store. */
  record(this: void, findings: readonly HealthFinding[]): Promise<void>;
}

/** Since the start. */
export interface HealthCounters {
  up: number;
  down: number;
  /** Not asked: the hypervisor was not connected. */
  skipped: number;
}

/** A check that is under way. */
interface Underway {
  readonly probe: Probe;
  readonly port: number;
  readonly key: string;
  readonly endsAtMs: number;
}

interface Checked {
  balancer: LoadBalancer;
  check: NonNullable<LoadBalancer['healthCheck']>;
  readonly name: string;
  readonly ip: string;
  /** That is asked. */
  readonly toPort: number;
  /** The logical switch port that has the address. */
  readonly portId: string;
  standing: Standing;
  nextAtMs: number;
  underway: Underway | null;
}

/** Where many ports come and go, it is looked so often who is to be checked. */
const lookEveryMs = 1_000;
/** How often it is looked whose turn it is. */
const sweepMs = 200;
/** Who is new is asked within so long, each at a time of its own. */
const firstWithinMs = 1_000;
const stride = 0x9e37_79b1;
const nothing = new Uint8Array(0);

export class HealthChecks {
  readonly #options: HealthChecksOptions;
  readonly counters: HealthCounters = { up: 0, down: 0, skipped: 0 };
  /** By id of the load balancer and name of the backend. */
  #checked = new Map<string, Checked>();
  /** Checks under way, by number of the port that is asked and our own port. */
  readonly #underway = new Map<string, Checked>();
  /** Logical switches whose ports may be backends that are checked. */
  readonly #switches = new Set<string>();
  #isStale = true;
  #lookAtMs = 0;
  #isRecording = false;
  #begun = 0;
  #cancelSweep: (() => void) | null = null;

  constructor(options: HealthChecksOptions) {
    this.#options = options;
  }

  /** The view has moved. */
  networkMoved({ changes }: Pick<Touched, 'changes'>): void {
    this.#isStale ||= changes.some(change => {
      switch (change.kind) {
        case 'load-balancers':
          return [change.before, change.after].some(row => row !== null && row.healthCheck !== null);
        case 'logical-switch-ports':
          return this.#switches.has((change.after ?? change.before)?.logicalSwitchId ?? '');
        case 'logical-router-ports':
          return this.#checked.size > 0;
        default:
          return false;
      }
    });
    this.#sweepLater();
  }

  /** Whether this Weft checks may be different now: whoever does begins with what was found last. */
  chargeMoved(): void {
    this.stop();
    this.#checked.clear();
    this.#underway.clear();
    this.#isStale = true;
    this.#lookAtMs = 0;
    this.#sweepLater();
  }

  stop(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = null;
  }

  /** Backends that are checked. */
  get size(): number {
    return this.#checked.size;
  }

  #sweepLater(): void {
    const { view, clock, isInCharge } = this.#options;
    if (this.#cancelSweep !== null || !isInCharge()) return;
    if (this.#checked.size === 0 && view.by('load-balancers', 'checked', all).length === 0) return;
    this.#cancelSweep = clock.after(sweepMs, () => {
      this.#cancelSweep = null;
      if (isInCharge()) this.#sweep(clock.nowMs());
      this.#sweepLater();
    });
  }

  #sweep(nowMs: number): void {
    if (this.#isStale && nowMs >= this.#lookAtMs) this.#look(nowMs);
    for (const each of this.#checked.values()) {
      if (each.underway !== null && nowMs >= each.underway.endsAtMs) this.#take(each, giveUp(each.underway.probe));
      if (each.underway === null && nowMs >= each.nextAtMs) this.#begin(each, nowMs);
    }
    this.#record();
  }

  /** Who is to be checked, from the network as it is; who was already keeps its turn, and the check that is under way. */
  #look(nowMs: number): void {
    const { view } = this.#options;
    this.#isStale = false;
    this.#lookAtMs = nowMs + lookEveryMs;
    const before = this.#checked;
    this.#checked = new Map();
    this.#switches.clear();
    for (const balancer of view.by('load-balancers', 'checked', all)) {
      const { healthCheck: check } = balancer;
      if (check === null) continue;
      for (const id of reachedSwitches(view, balancer)) this.#switches.add(id);
      for (const [name, { backend, port }] of checkedBackends(view, balancer)) {
        if (port === null) continue;
        const key = `${balancer.id} ${name}`;
        const place = { ip: backend.ip, toPort: check.port ?? backend.port, portId: port.id };
        const known = before.get(key);
        const each = known !== undefined && isSame(known, { ...place, balancer, check }) ? known : null;
        if (each !== null) before.delete(key);
        const turnMs = (Math.imul(this.#checked.size + 1, stride) >>> 0) % firstWithinMs;
        const standing = known?.standing ?? { isFailing: balancer.failedBackends.includes(name), contrary: 0 };
        this.#checked.set(
          key,
          each === null
            ? { balancer, check, name, ...place, standing, nextAtMs: nowMs + turnMs, underway: null }
            : Object.assign(each, { balancer, check }),
        );
      }
    }
    // A check of what is there no more is not waited for.
    for (const gone of before.values()) this.#end(gone);
  }

  #begin(each: Checked, nowMs: number): void {
    const { view } = this.#options;
    each.nextAtMs = nowMs + intervalMs(each.standing, each.check);
    const bound = view.get('bound-ports', each.portId);
    if (bound === null) return this.#conclude(each, 'down');
    this.#begun += 1;
    const port = checkPorts.first + (this.#begun % checkPorts.count);
    const key = `${bound.number} ${port}`;
    // As many checks of one port are under way as there are ports to ask from: this one has its turn again soon.
    if (this.#underway.has(key)) {
      each.nextAtMs = nowMs;
      return;
    }
    const { probe, send } = this.#firstStep(each);
    const endsAtMs = nowMs + each.check.timeoutS * 1_000;
    each.underway = { probe, port, key, endsAtMs };
    this.#underway.set(key, each);
    const isSent = probe.kind === 'datagram' ? this.#sendDatagram(each, port) : this.#send(each, send);
    if (isSent) return;
    this.counters.skipped += 1;
    this.#end(each);
  }

  #firstStep({ check, balancer }: Checked): Step {
    if (check.protocol === 'udp') return { probe: { kind: 'datagram' }, send: [], outcome: null };
    const { vip } = balancer;
    const host = vip.includes(':') ? `[${vip}]` : vip;
    const request = check.protocol === 'http' ? httpRequest(host, check.path) : null;
    return openConnection(Math.imul(this.#begun, stride), request);
  }

  /** An answer to a check, if the switch says the truth; false: it is of none that is under way. */
  hear({ hypervisorId, at, data }: Punted): boolean {
    const port = senderOf(this.#options.view, hypervisorId, at);
    const frame = parseFrame(data);
    if (port === null || frame === null) return false;
    const told = toldPort(frame);
    const each = told === null ? undefined : this.#underway.get(`${port.number} ${told.port}`);
    const probe = each?.underway?.probe;
    if (told === null || each === undefined || probe === undefined || each.portId !== port.id) return false;
    const { packet } = frame;
    if (packet.src !== knownIp(each.ip).value || packet.dst !== knownIp(each.balancer.vip).value) return false;
    if (told.isRefusal) return this.#heard(each, { probe, send: [], outcome: 'down' });
    if (told.from !== each.toPort) return false;
    if (probe.kind === 'datagram') return this.#heard(each, { probe, send: [], outcome: 'up' });
    const segment = parseSegment(packet);
    return segment !== null && this.#heard(each, hear(probe, segment));
  }

  #heard(each: Checked, step: Step): true {
    this.#take(each, step);
    if (step.outcome !== null) this.#record();
    return true;
  }

  #take(each: Checked, { probe, send, outcome }: Step): void {
    if (each.underway === null) return;
    if (send.length > 0) this.#send(each, send);
    if (outcome === null) each.underway = { ...each.underway, probe };
    else this.#conclude(each, outcome);
  }

  #conclude(each: Checked, outcome: Outcome): void {
    this.#end(each);
    this.counters[outcome] += 1;
    const before = each.standing;
    each.standing = afterOutcome(before, outcome, each.check);
    // Whoever is in doubt from now on has its turn sooner.
    if (each.standing.contrary > before.contrary) {
      const sooner = intervalMs(each.standing, each.check) - intervalMs(before, each.check);
      if (sooner < 0) each.nextAtMs += sooner;
    }
    if (each.standing.isFailing === before.isFailing) return;
    const { balancer, name } = each;
    this.#options.log.info(
      { loadBalancer: balancer.id, backend: name, health: each.standing.isFailing ? 'failing' : 'passing' },
      'a backend changed',
    );
  }

  #end(each: Checked): void {
    if (each.underway !== null) this.#underway.delete(each.underway.key);
    each.underway = null;
  }

  #send(each: Checked, segments: readonly Sent[]): boolean {
    const port = each.underway?.port ?? checkPorts.first;
    const ends = this.#ends(each);
    return this.#inject(
      each,
      segments.map(sent => tcpSegment(ends.family, ends, { ...sent, srcPort: port, dstPort: each.toPort })),
    );
  }

  #sendDatagram(each: Checked, port: number): boolean {
    const ends = this.#ends(each);
    return this.#inject(each, [datagram(ends.family, ends, { srcPort: port, dstPort: each.toPort, payload: nothing })]);
  }

  #ends({ balancer, ip }: Checked) {
    const { family, value: src } = knownIp(balancer.vip);
    return { family, src, dst: knownIp(ip).value };
  }

  /** Out of the interface of the backend, past its security groups: what Weft asks is nobody's traffic. */
  #inject({ portId }: Checked, contents: readonly IpContent[]): boolean {
    const { view, inject } = this.#options;
    const bound = view.get('bound-ports', portId);
    const port = view.get('logical-switch-ports', portId);
    const datapath = bound === null ? undefined : view.get('logical-switches', bound.logicalSwitchId)?.datapathKey;
    const mac = port === null ? null : parseMac(port.mac);
    if (bound === null || port === null || datapath === undefined || mac === null) return false;
    const ctZone = view.get('port-groups', portId) === null ? null : bound.ctZone;
    const into = { kind: 'port', datapath, outPort: port.portKey, ctZone } as const;
    return inject(
      bound.hypervisorId,
      contents.map(content => ({ frame: encodeFrame({ ethSrc: virtualMac, ethDst: mac }, content), into })),
    );
  }

  /** Writes what differs from what is written. What could not be written is tried again by the next sweep. */
  #record(): void {
    const { log, record } = this.#options;
    if (this.#isRecording) return;
    const findings = this.#findings();
    if (findings.length === 0) return;
    this.#isRecording = true;
    record(findings)
      .catch((error: unknown) => log.warn({ err: error }, 'what checks have found could not be written; trying again'))
      .finally(() => {
        this.#isRecording = false;
      });
  }

  #findings(): readonly HealthFinding[] {
    const found = new Map<string, { failed: string[]; recovered: string[] }>();
    for (const { balancer, name, standing } of this.#checked.values()) {
      const written = this.#options.view.get('load-balancers', balancer.id)?.failedBackends;
      if (written === undefined || written.includes(name) === standing.isFailing) continue;
      const finding = found.get(balancer.id) ?? { failed: [], recovered: [] };
      found.set(balancer.id, finding);
      (standing.isFailing ? finding.failed : finding.recovered).push(name);
    }
    return [...found].map(([loadBalancerId, finding]) => ({ loadBalancerId, ...finding }));
  }
}

/** Whether what is under way is still what is to be done. */
function isSame(known: Checked, now: Pick<Checked, 'ip' | 'toPort' | 'portId' | 'balancer' | 'check'>): boolean {
  return (
    known.portId === now.portId &&
    known.ip === now.ip &&
    known.toPort === now.toPort &&
    known.balancer.vip === now.balancer.vip &&
    known.check.protocol === now.check.protocol &&
    known.check.path === now.check.path
  );
}

/** Our port, the port of the backend, and whether it says that nobody listens there. */
interface Told {
  readonly port: number;
  readonly from: number;
  readonly isRefusal: boolean;
}

function toldPort({ packet }: Frame): Told | null {
  const segment = parseSegment(packet) ?? parseDatagram(packet);
  if (segment !== null) return { port: segment.dstPort, from: segment.srcPort, isRefusal: false };
  const quoted = quotedPacket(packet);
  const asked = quoted?.protocol === ipProtocol.udp ? parseDatagram({ ...quoted, hasMoreFragments: false }) : null;
  return asked === null ? null : { port: asked.srcPort, from: asked.dstPort, isRefusal: true };
}
