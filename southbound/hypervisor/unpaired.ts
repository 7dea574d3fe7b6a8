/**
 * OpenFlow connections between their handshake and their hypervisor's session. After a restart of ours a bridge often
 * dials before its database does, so a connection whose datapath id is not known yet is kept for a while.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../src/base/clock.js';
import type { Logger } from '../../src/base/log.js';
import { listNames, namesHost, type Refused } from './certificate.js';
import { callerOf, type Peer } from './endpoint.js';
import { OpenFlowChannel } from './openflow-channel.js';
import type { Refusals } from './refusals.js';
import type { HypervisorSession, OpenFlowUse } from './session.js';
import { WaitingRoom } from './waiting-room.js';

export interface UnpairedOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly refusals: Refusals;
  /** Silence after which a switch is asked, and after as long again given up. */
  readonly probeIntervalMs: number;
  /** Most connections that are held. */
  readonly maximum: number;
  sessionOf(datapathId: string): HypervisorSession | null;
}

interface Unpaired {
  readonly use: OpenFlowUse;
  readonly channel: OpenFlowChannel;
  /** Null until the handshake is done. */
  datapathId: string | null;
}

/** How long a connection may stay without a session. The host dials again, so closing it loses nothing. */
const patienceMs = 15_000;
const crowded: Refused = { code: 'crowded', reason: 'too many OpenFlow connections are without a hypervisor' };

/**
 * A datapath id is no secret to whoever reads the host's database, so where the host is known by its certificate its bridge must
 * show one with the same name; null if it may be paired.
 */
function pairingFault(session: HypervisorSession, { transport, certificate }: Peer): Refused | null {
  if (transport === 'ssl') {
    if (namesHost(certificate.names, session.systemId)) return null;
    const named = listNames(certificate.names);
    return { code: 'wrong_name', reason: `its certificate is for ${named}, its bridge that of ${session.systemId}` };
  }
  if (session.report.peer.transport !== 'ssl') return null;
  return {
    code: 'not_encrypted',
    reason: `${session.systemId} is known by its certificate, and this is not encrypted`,
  };
}

export class UnpairedConnections {
  readonly #options: UnpairedOptions;
  readonly #waiting = new Set<Unpaired>();
  readonly #room: WaitingRoom<Unpaired>;

  constructor(options: UnpairedOptions) {
    this.#options = options;
    const { clock, maximum } = options;
    this.#room = new WaitingRoom({ clock, maximum, expel: entry => this.#refuse(entry, crowded) });
  }

  /** Takes a fresh socket: handshake first, then pairing. */
  take(use: OpenFlowUse, stream: Duplex, peer: Peer): void {
    const channel = new OpenFlowChannel(stream, peer, this.#options);
    const entry: Unpaired = { use, channel, datapathId: null };
    this.#waiting.add(entry);
    if (!this.#room.enter(peer.address, entry)) return this.#refuse(entry, crowded);
    const cancel = this.#options.clock.after(patienceMs, () => {
      if (this.#waiting.has(entry)) channel.close('no hypervisor has this datapath id');
    });
    channel.onClose(reason => {
      cancel();
      if (!this.#leave(entry)) return;
      this.#options.log.info(
        { use, peer: peer.name, reason: reason.detail },
        'OpenFlow connection without a hypervisor ended',
      );
    });
    channel.datapathId.then(
      datapathId => {
        entry.datapathId = datapathId;
        const session = this.#options.sessionOf(datapathId);
        if (session !== null && this.#waiting.has(entry)) this.#handOver(entry, session);
      },
      () => {}, // It closed, and was told above.
    );
  }

  /** Hands over every connection that is of this session. When a whole fleet dials, many wait. */
  pair(session: HypervisorSession): void {
    const { datapathId } = session.hypervisor;
    for (const entry of this.#waiting) if (entry.datapathId === datapathId) this.#handOver(entry, session);
  }

  #handOver(entry: Unpaired, session: HypervisorSession): void {
    const { use, channel } = entry;
    const fault = pairingFault(session, channel.peer);
    if (fault === null) {
      this.#leave(entry);
      this.#options.refusals.settle(use, channel.peer.address);
      session.attachOpenFlow(use, channel);
    } else this.#refuse(entry, fault);
  }

  /** Whether it was still here. */
  #leave(entry: Unpaired): boolean {
    this.#room.leave(entry);
    return this.#waiting.delete(entry);
  }

  #refuse(entry: Unpaired, refused: Refused): void {
    this.#leave(entry);
    this.#options.refusals.add(entry.use, callerOf(entry.channel.peer), refused);
    entry.channel.close(refused.reason);
  }

  /** Ends the connections that `isWanted` does not name. */
  closeUnwanted(isWanted: (peer: Peer) => boolean, reason: string): void {
    for (const { channel } of this.#waiting) if (!isWanted(channel.peer)) channel.close(reason);
  }

  close(reason: string): void {
    for (const { channel } of this.#waiting) channel.close(reason);
  }
}
