/**
 * The southbound door: OVSDB, OpenFlow and punt listeners, and the hosts that we dial; it turns connections into sessions.
 *
 *   OVSDB socket ──► Admission ──► HypervisorSession ◄── paired by datapath id ── OpenFlow socket
 */
import type { Duplex } from 'node:stream';
import { isLoopback } from '../../src/base/address.js';
import type { Clock } from '../../src/base/clock.js';
import type { Logger } from '../../src/base/log.js';
import type { JsonStreamLimits } from '../ovsdb/json-stream.js';
import { formatTarget, Redialler, type Target, type TlsIdentity } from '../ovsdb/transport.js';
import { Admission, type AdmissionContext } from './admission.js';
import { dialFault, type Refused } from './certificate.js';
import { callerOf, describePeer, listen, type Endpoint, type ListenOptions, type Peer } from './endpoint.js';
import type { AcceptedHypervisor, HypervisorRegistry } from './session.js';
import { HypervisorSession } from './session.js';
import type { HypervisorReport } from './identity.js';
import { Refusals, type ListenerUse } from './refusals.js';
import { UnpairedConnections } from './unpaired.js';
import { WaitingRoom } from './waiting-room.js';

export interface SouthboundLimits {
  /** Connections of each listener. */
  readonly connections: number;
  /** Of those, of one certificate, for each host that it names. */
  readonly ofHost: number;
  /** Handshakes of TLS under way at each listener. */
  readonly handshakes: number;
  /** OVSDB connections that have no session. */
  readonly unidentified: number;
  /** OpenFlow connections that have none. After a restart of ours two or three of every host come before its database does. */
  readonly unpaired: number;
  /** Longest message of a host that is admitted: its whole database comes in one. */
  readonly message: JsonStreamLimits;
}

export const defaultSouthboundLimits: SouthboundLimits = {
  connections: 10_000,
  ofHost: 16,
  handshakes: 1_024,
  unidentified: 1_024, // Of 256 KB at most, as long as they are strangers.
  unpaired: 4_096, // Of 64 KB at most, OpenFlow's longest message.
  message: { depth: 64, messageBytes: 16 * 1024 * 1024 },
};

export interface SouthboundOptions {
  readonly ovsdb: readonly Target[];
  readonly openflow: readonly Target[];
  readonly punt: readonly Target[];
  readonly tls: TlsIdentity | null;
  readonly registry: HypervisorRegistry;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether hosts on other machines are dialled in plain, too; else that is refused. */
  readonly allowPlain?: boolean;
  /** Told once of each hypervisor, when it is admitted for the first time. */
  readonly onSession: (session: HypervisorSession) => void;
  readonly limits?: SouthboundLimits;
  /** Silence after which a peer is asked, and after as long again given up. Default 2500. */
  readonly probeIntervalMs?: number;
  /** How it listens; with sockets where it is absent. */
  readonly listen?: typeof listen;
}

/** A host that is connected but not admitted. */
export interface UnadmittedHost {
  readonly peer: string;
  /** What it calls itself, or null. */
  readonly systemId: string | null;
  readonly reason: string;
  readonly sinceMs: number;
}

/** Somebody who has not been admitted yet. */
interface Stranger {
  readonly peer: Peer;
  end: (reason: string) => void;
}

const crowded: Refused = { code: 'crowded', reason: 'too many hosts that are not admitted are connected' };
/** Whether the way there is open to others. */
const isPlainElsewhere = (target: Target): boolean => target.kind === 'tcp' && !isLoopback(target.host);
const revoked: Refused = { code: 'revoked', reason: 'its certificate is revoked' };

export class SouthboundListener {
  readonly #options: SouthboundOptions;
  readonly #limits: SouthboundLimits;
  readonly #sessions = new Map<string, HypervisorSession>();
  readonly #admissions = new Set<Admission>();
  readonly #strangers: WaitingRoom<Stranger>;
  readonly #unpaired: UnpairedConnections;
  readonly #redials = new Map<string, Redialler>();
  readonly #context: AdmissionContext;
  /** Who was not let in, and why. */
  readonly refusals: Refusals;
  #endpoints: { readonly use: ListenerUse; readonly endpoint: Endpoint }[] = [];
  #tls: TlsIdentity | null;
  /** Targets on other machines that are to be dialled in plain. */
  #plainDialled: readonly string[] = [];
  /** Of now: a handshake that is under way is judged by the list of its beginning. */
  #revoked: ReadonlySet<string> = new Set();

  constructor(options: SouthboundOptions) {
    this.#options = options;
    this.#limits = options.limits ?? defaultSouthboundLimits;
    this.#tls = options.tls;
    const probeIntervalMs = options.probeIntervalMs ?? 2_500;
    this.refusals = new Refusals(options.clock, options.log);
    this.#strangers = new WaitingRoom({
      clock: options.clock,
      maximum: this.#limits.unidentified,
      expel: stranger => this.#expel(stranger),
    });
    this.#unpaired = new UnpairedConnections({
      clock: options.clock,
      log: options.log,
      refusals: this.refusals,
      probeIntervalMs,
      maximum: this.#limits.unpaired,
      sessionOf: datapathId => this.#sessionByDatapathId(datapathId),
    });
    this.#context = {
      registry: options.registry,
      refusals: this.refusals,
      clock: options.clock,
      log: options.log,
      identifiedLimits: this.#limits.message,
      probeIntervalMs,
      sessionOf: systemId => this.#sessions.get(systemId),
      sessionsAt: (encapIp, systemId) =>
        [...this.#sessions.values()].filter(
          session => session.ovsdb !== null && session.systemId !== systemId && session.report.encapIp === encapIp,
        ),
      onUpdate: systemId => this.#letTry(systemId),
      openSession: (report, hypervisor) => this.#openSession(report, hypervisor),
    };
  }

  /** All hypervisors that were admitted since the start, connected or not, by system-id. */
  get sessions(): ReadonlyMap<string, HypervisorSession> {
    return this.#sessions;
  }

  /** What operators should know of hosts that are to be dialled in plain. */
  get dialWarnings(): readonly string[] {
    const isAllowed = this.#options.allowPlain === true;
    const fate = isAllowed
      ? 'is neither encrypted nor authenticated'
      : 'is not dialled: WEFT_ALLOW_PLAIN_SOUTHBOUND is not 1';
    return this.#plainDialled.map(target => `${target} ${fate}`);
  }

  /** Hosts that are connected but not admitted, and why. */
  get unadmitted(): readonly UnadmittedHost[] {
    return [...this.#admissions]
      .filter(admission => admission.session === null)
      .map(({ peer, systemId, reason, sinceMs }) => ({ peer: peer.name, systemId, reason, sinceMs }));
  }

  /** Where it listens for OpenFlow, with the ports that were given: what controller targets are made from. */
  endpoints(use: ListenerUse): readonly Target[] {
    return this.#endpoints.filter(entry => entry.use === use).map(entry => entry.endpoint.target);
  }

  /** Opens every listener, or none. @throws Error naming the target that cannot be bound */
  async start(): Promise<void> {
    const { ovsdb, openflow, punt } = this.#options;
    try {
      for (const target of ovsdb) await this.#listen('ovsdb', target);
      for (const target of openflow) await this.#listen('flows', target);
      for (const target of punt) await this.#listen('punt', target);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Closes listeners and connections. Nothing is changed on any host. */
  stop(): void {
    for (const { endpoint } of this.#endpoints) endpoint.close();
    for (const redial of this.#redials.values()) redial.stop();
    this.#redials.clear();
    for (const admission of this.#admissions) admission.close('Weft stops');
    for (const session of this.#sessions.values()) session.disconnect('Weft stops');
    this.#unpaired.close('Weft stops');
  }

  /**
   * Takes new certificates for connections to come. Those that are there stay, but for peers whose certificate is revoked now:
   * `revokedIds` has them as `revocableId` writes them.
   */
  setTls(tls: TlsIdentity, revokedIds: ReadonlySet<string>): void {
    this.#tls = tls;
    this.#revoked = revokedIds;
    for (const { endpoint } of this.#endpoints) endpoint.setTls(tls);
    const isWanted = (peer: Peer): boolean => !this.#isRevoked(peer);
    const { reason } = revoked;
    for (const admission of this.#admissions) if (!isWanted(admission.peer)) admission.close(reason);
    for (const session of this.#sessions.values()) session.disconnectUnwanted(isWanted, reason);
    this.#unpaired.closeUnwanted(isWanted, reason);
  }

  /** Connections of each listener. */
  get load(): readonly { readonly use: ListenerUse; readonly target: string; readonly connections: number }[] {
    return this.#endpoints.map(({ use, endpoint }) => ({
      use,
      target: formatTarget(endpoint.target),
      connections: endpoint.connections(),
    }));
  }

  /** Dials exactly these hosts from now on; a connection to one that is no longer named ends. */
  setDialled(targets: readonly Target[]): void {
    const allowed = targets.filter(target => this.#options.allowPlain === true || !isPlainElsewhere(target));
    const wanted = new Map(allowed.map(target => [formatTarget(target), target]));
    this.#plainDialled = targets.filter(isPlainElsewhere).map(formatTarget);
    for (const [text, redial] of this.#redials) {
      if (wanted.has(text)) continue;
      redial.stop();
      this.#redials.delete(text);
      for (const admission of this.#admissions) {
        if (admission.peer.target === text) admission.close('no longer dialled');
      }
    }
    for (const [text, target] of wanted)
      if (!this.#redials.has(text)) this.#redials.set(text, this.#dial(text, target));
  }

  /** Asks the registry anew about this host (all hosts if none is named): its row was changed. */
  reconsider(systemId?: string): void {
    for (const admission of this.#admissions) {
      if (systemId === undefined || admission.systemId === systemId) admission.reconsider();
    }
  }

  async #listen(use: ListenerUse, target: Target): Promise<void> {
    const { log } = this.#options;
    const options: ListenOptions = {
      tls: this.#tls,
      maximumConnections: this.#limits.connections,
      maximumOfHost: this.#limits.ofHost,
      handshakeTimeoutMs: 10_000,
      maximumHandshakes: this.#limits.handshakes,
      clock: this.#options.clock,
      onRefused: (caller, refused) => this.refusals.add(use, caller, refused),
    };
    const endpoint = await (this.#options.listen ?? listen)(target, options, (stream, peer) => {
      if (this.#isRevoked(peer)) this.#turnAway(use, stream, peer);
      else if (use === 'ovsdb') void this.#admit(stream, peer);
      else this.#unpaired.take(use, stream, peer);
    }).catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`cannot listen at ${formatTarget(target)}: ${reason}`, { cause });
    });
    this.#endpoints.push({ use, endpoint });
    log.info({ use, target: formatTarget(endpoint.target) }, 'listening for hypervisors');
  }

  #dial(text: string, target: Target): Redialler {
    const { log, clock } = this.#options;
    const address = target.kind === 'unix' ? 'local' : target.host;
    let told = '';
    const failed = (error: Error): void => {
      const fault = dialFault(error);
      if (fault !== null) this.refusals.add('ovsdb', { address, names: [] }, fault);
      else if (told !== error.message) log.info({ target: text, reason: error.message }, 'host not reached');
      told = error.message;
    };
    const redial = new Redialler(
      target,
      () => this.#tls,
      async stream => {
        const peer = describePeer(stream, 'dialled', target);
        told = '';
        if (this.#isRevoked(peer)) this.#turnAway('ovsdb', stream, peer);
        else await this.#admit(stream, peer);
      },
      failed,
      { timers: clock },
    );
    redial.start();
    return redial;
  }

  #isRevoked({ certificate: { revocableId } }: Peer): boolean {
    return revocableId !== null && this.#revoked.has(revocableId);
  }

  #turnAway(use: ListenerUse, stream: Duplex, peer: Peer): void {
    this.refusals.add(use, callerOf(peer), revoked);
    stream.destroy();
  }

  /** Resolves when the connection is over. */
  async #admit(stream: Duplex, peer: Peer): Promise<void> {
    const stranger: Stranger = { peer, end: () => stream.destroy() };
    if (!this.#strangers.enter(peer.address, stranger)) return this.#expel(stranger);
    const admission = new Admission(stream, peer, this.#context, () => this.#strangers.leave(stranger));
    stranger.end = reason => admission.close(reason);
    this.#admissions.add(admission);
    await admission.over;
    this.#strangers.leave(stranger);
    this.#admissions.delete(admission);
    // Whoever waited for this one's system-id or address has its turn.
    const systemId = admission.session?.systemId;
    if (systemId === undefined) return;
    this.reconsider(systemId);
    this.#letTry(systemId);
  }

  /** Looks anew at those in whose way this host was, and at connections that were not its own. */
  #letTry(systemId: string): void {
    const session = this.#sessions.get(systemId);
    if (session !== undefined) this.#unpaired.pair(session);
    for (const admission of this.#admissions) if (admission.waitsFor === systemId) admission.reconsider();
  }

  #expel({ peer, end }: Stranger): void {
    this.refusals.add('ovsdb', callerOf(peer), crowded);
    end(crowded.reason);
  }

  #openSession(report: HypervisorReport, hypervisor: AcceptedHypervisor): HypervisorSession {
    const { clock, log, onSession } = this.#options;
    const session = new HypervisorSession(report, hypervisor, clock, log);
    this.#sessions.set(report.systemId, session);
    onSession(session);
    this.#unpaired.pair(session);
    return session;
  }

  #sessionByDatapathId(datapathId: string): HypervisorSession | null {
    for (const session of this.#sessions.values()) if (session.hypervisor.datapathId === datapathId) return session;
    return null;
  }
}
