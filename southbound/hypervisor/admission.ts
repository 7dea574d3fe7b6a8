/**
 * From a fresh OVSDB connection to a hypervisor's session: reads who the host is, asks the registry, and makes sure that a
 * system-id is in use only once. A host that cannot be admitted stays connected and watched (up to a limit): what is missing is
 * shown, and the moment it is set the host is looked at again.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../src/base/clock.js';
import type { Logger } from '../../src/base/log.js';
import { OvsdbClient } from '../ovsdb/client.js';
import type { JsonStreamLimits } from '../ovsdb/json-stream.js';
import { NotationError } from '../ovsdb/notation.js';
import { Replica } from '../ovsdb/replica.js';
import { RpcClosedError, RpcError, RpcProtocolError } from '../ovsdb/rpc.js';
import { SchemaError } from '../ovsdb/schema.js';
import type { Refused } from './certificate.js';
import { callerOf, type Peer } from './endpoint.js';
import { readIdentity, type HypervisorReport, type Identity } from './identity.js';
import { printable, type Refusals } from './refusals.js';
import type { AcceptedHypervisor, HypervisorRegistry, HypervisorSession } from './session.js';

/** What admissions share: the sessions that exist, and how one is made. */
export interface AdmissionContext {
  readonly registry: HypervisorRegistry;
  readonly refusals: Refusals;
  readonly clock: Clock;
  readonly log: Logger;
  readonly identifiedLimits: JsonStreamLimits;
  readonly probeIntervalMs: number;
  sessionOf(systemId: string): HypervisorSession | undefined;
  /** Sessions of other hosts with this end of tunnels. */
  sessionsAt(encapIp: string, systemId: string): readonly HypervisorSession[];
  /** An admitted host may have given up what others wait for. */
  onUpdate(systemId: string): void;
  openSession(report: HypervisorReport, hypervisor: AcceptedHypervisor): HypervisorSession;
}

/** A peer that nobody knows gets only what its schema (27 KB in Open vSwitch 3.1) and one row need. */
const unidentifiedLimits: JsonStreamLimits = { depth: 64, messageBytes: 256 * 1024 };
const registryRetryMs = 1_000;

/** Did the peer, or the way to it, fail? Everything else is a bug. */
function isPeersFault(error: unknown): error is Error {
  return [RpcError, RpcClosedError, RpcProtocolError, NotationError, SchemaError].some(kind => error instanceof kind);
}

const notAdmitted = (reason: string): Refused => ({ code: 'not_admitted', reason });

export class Admission {
  readonly peer: Peer;
  readonly sinceMs: number;
  /** Resolves when the connection is over. */
  readonly over: Promise<void>;
  readonly #stream: Duplex;
  readonly #onAdmitted: () => void;
  readonly #context: AdmissionContext;
  readonly #log: Logger;
  /** Only the root row: enough to know who it is. */
  readonly #root = new Replica(['Open_vSwitch'], { maximumRows: 16, maximumCharacters: 512 * 1024 });
  #client: OvsdbClient | null = null;
  #session: HypervisorSession | null = null;
  #reason = 'has not said who it is';
  #waitsFor: string | null = null;
  #isLooking = false;
  #mustLookAgain = false;
  /** The identity that was looked at last, as text. */
  #lookedAt = '';
  /** What the root row says, until it changes: every change of a hypervisor asks all admissions who they are. */
  #identityNow: Identity | null = null;

  /** @param onAdmitted is called when it is known whose connection it is */
  constructor(stream: Duplex, peer: Peer, context: AdmissionContext, onAdmitted: () => void) {
    this.peer = peer;
    this.sinceMs = context.clock.nowMs();
    this.#context = context;
    this.#log = context.log.child({ peer: peer.name });
    this.#stream = stream;
    this.#onAdmitted = onAdmitted;
    this.over = this.#run();
  }

  /** The session that this connection serves; null while it is not admitted. */
  get session(): HypervisorSession | null {
    return this.#session;
  }

  /** Why it is not admitted. */
  get reason(): string {
    return this.#reason;
  }

  /** The connected host whose name or address it says to have; null if none is in its way. */
  get waitsFor(): string | null {
    return this.#waitsFor;
  }

  /** Who it said it is; null while it has not. */
  get systemId(): string | null {
    const identity = this.#identity();
    return identity.kind === 'complete' ? identity.report.systemId : null;
  }

  close(reason: string): void {
    if (this.#client) this.#client.close(reason);
    else this.#stream.destroy();
  }

  /** Something that decides about this host may have changed: looks at it anew. Any number of calls is one look. */
  reconsider(): void {
    this.#mustLookAgain = true;
    if (this.#isLooking || !this.#root.isCurrent) return;
    this.#isLooking = true;
    void this.#look().finally(() => {
      this.#isLooking = false;
      // It may have been asked for after the last look, before this moment.
      if (this.#mustLookAgain && this.#client?.closeReason === null) this.reconsider();
    });
  }

  #identity(): Identity {
    return (this.#identityNow ??= readIdentity(this.#root.only('Open_vSwitch'), this.peer));
  }

  async #run(): Promise<void> {
    const { clock, probeIntervalMs } = this.#context;
    try {
      const client = await OvsdbClient.open(this.#stream, {
        limits: unidentifiedLimits,
        timers: clock,
        probeIntervalMs,
      });
      this.#client = client;
      const ended = new Promise<string>(resolve => client.onClose(resolve));
      this.#root.onChange(() => {
        this.#identityNow = null;
        // The row also counts every configuration change on the host, which says nothing about who it is.
        if (JSON.stringify(this.#identity()) !== this.#lookedAt) this.reconsider();
      });
      await this.#root.follow(client);
      this.reconsider();
      this.#log.debug({ reason: await ended }, 'OVSDB connection ended');
    } catch (error) {
      this.#giveUp(error);
    }
  }

  /** Ends a connection that cannot be used. @throws what is not the peer's fault */
  #giveUp(error: unknown): void {
    if (!isPeersFault(error)) throw error;
    const reason = printable(error.message);
    this.#log.info({ reason }, 'OVSDB connection given up');
    this.#client?.close(reason);
  }

  async #look(): Promise<void> {
    while (this.#mustLookAgain && this.#client?.closeReason === null) {
      this.#mustLookAgain = false;
      try {
        await this.#lookOnce(this.#client);
      } catch (error) {
        this.#giveUp(error);
      }
    }
  }

  async #lookOnce(client: OvsdbClient): Promise<void> {
    const identity = this.#identity();
    this.#lookedAt = JSON.stringify(identity);
    this.#waitsFor = null;
    if (identity.kind === 'incomplete') return this.#refuse(client, identity);
    const { report } = identity;
    if (this.#session && this.#session.systemId !== report.systemId) {
      return client.close(`the host is now called ${report.systemId}`);
    }
    // Before the registry hears of it: that would write this host's address over that of the one whose name it uses.
    if (!this.#session && (await this.#refuseTwin(client, report))) return;
    if (await this.#refuseNeighbour(client, report)) return;
    const verdict = await this.#ask(report);
    if (verdict === null) return;
    if (verdict.kind === 'refused') return this.#refuse(client, notAdmitted(verdict.reason));
    if (this.#session) {
      this.#session.update(report, verdict);
      return this.#context.onUpdate(report.systemId);
    }
    // Another may have been admitted while the registry was asked.
    if ((await this.#refuseTwin(client, report)) || (await this.#refuseNeighbour(client, report))) return;
    if (client.closeReason !== null) return;
    const session = this.#context.sessionOf(report.systemId) ?? this.#context.openSession(report, verdict);
    this.#session = session;
    this.#reason = '';
    this.#onAdmitted();
    this.#context.refusals.settle('ovsdb', this.peer.address);
    session.update(report, verdict);
    client.setLimits(this.#context.identifiedLimits);
    await session.attachOvsdb(client);
  }

  /** Asks the registry; null, and asks again later, while it is out of reach. */
  async #ask(report: HypervisorReport) {
    try {
      return await this.#context.registry.identify(report);
    } catch (error) {
      // In words: where it is away, all hosts ask again and again.
      this.#log.warn({ reason: printable(String(error)) }, 'the registry of hypervisors does not answer');
      if (!this.#session) this.#reason = 'the registry of hypervisors does not answer';
      this.#context.clock.after(registryRetryMs, () => this.reconsider());
      return null;
    }
  }

  /** Refuses a host whose system-id another one is connected with. */
  async #refuseTwin(client: OvsdbClient, report: HypervisorReport): Promise<boolean> {
    const twin = await this.#liveTwin(report);
    if (twin === null) return false;
    this.#waitsFor = report.systemId;
    this.#refuse(client, notAdmitted(twin));
    return true;
  }

  /**
   * Refuses a host with the address of another one that is connected: what is sent to that one would come here. One that is gone may
   * have left its address to another.
   */
  async #refuseNeighbour(client: OvsdbClient, { encapIp, systemId }: HypervisorReport): Promise<boolean> {
    for (const session of this.#context.sessionsAt(encapIp, systemId)) {
      if ((await session.ovsdb?.probe(this.#context.probeIntervalMs)) !== true) continue;
      if (session.report.encapIp !== encapIp) continue;
      this.#waitsFor = session.systemId;
      this.#refuse(client, notAdmitted(`${encapIp} is the end of tunnels of ${session.systemId}, which is connected`));
      return true;
    }
    return false;
  }

  /** Why this host must wait for another connection with its system-id; null if there is none that is alive. */
  async #liveTwin(report: HypervisorReport): Promise<string | null> {
    const session = this.#context.sessionOf(report.systemId);
    const current = session?.ovsdb;
    if (!session || !current) return null;
    // It may be this very host's old connection, of which only the host knows that it is dead.
    if (!(await current.probe(this.#context.probeIntervalMs))) return null;
    const { databaseRow, peer } = session.report;
    return databaseRow === report.databaseRow
      ? `${report.systemId} is already connected from ${peer.name}, with the same database`
      : `system-id ${report.systemId} is already used by another host, connected from ${peer.name}`;
  }

  #refuse(client: OvsdbClient, refused: Refused): void {
    const reason = printable(refused.reason);
    // A session's host that stops being admissible must come back through the front door.
    if (this.#session) return client.close(reason);
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.#context.refusals.add('ovsdb', callerOf(this.peer), refused);
  }
}
