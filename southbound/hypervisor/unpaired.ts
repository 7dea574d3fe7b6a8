/**
 * OpenFlow connections between their handshake and their hypervisor's session. After a restart of ours a bridge often
 * dials before its database does, so a connection whose datapath id is not known yet is kept for a while.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../src/base/clock.js';
import type { Logger } from '../../src/base/log.js';
import type { Peer } from './endpoint.js';
import { OpenFlowChannel } from './openflow-channel.js';
import type { HypervisorSession, OpenFlowUse } from './session.js';

export interface UnpairedOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Silence after which a switch is asked, and after as long again given up. */
  readonly probeIntervalMs: number;
  /** Most connections that are held: the oldest goes first, after a time of grace. */
  readonly maximum: number;
  sessionOf(datapathId: string): HypervisorSession | null;
}

interface Unpaired {
  readonly use: OpenFlowUse;
  readonly channel: OpenFlowChannel;
  readonly sinceMs: number;
  /** Null until the handshake is done. */
  datapathId: string | null;
}

/** How long a connection may stay without a session. The host dials again, so closing it loses nothing. */
const patienceMs = 15_000;
/** The least time that one gets before a newer one may push it out: enough for a handshake. */
const graceMs = 2_000;

export class UnpairedConnections {
  readonly #options: UnpairedOptions;
  readonly #waiting = new Set<Unpaired>();

  constructor(options: UnpairedOptions) {
    this.#options = options;
  }

  /** Takes a fresh socket: handshake first, then pairing. */
  take(use: OpenFlowUse, stream: Duplex, peer: Peer): void {
    const { clock, maximum } = this.#options;
    const [oldest] = this.#waiting;
    if (oldest !== undefined && this.#waiting.size >= maximum) {
      // Those who wait longest go first, so that a crowd of strangers cannot keep a real switch out.
      if (clock.nowMs() - oldest.sinceMs < graceMs) return void stream.destroy();
      oldest.channel.close('too many unpaired connections');
    }
    const channel = new OpenFlowChannel(stream, peer, this.#options);
    const entry: Unpaired = { use, channel, sinceMs: clock.nowMs(), datapathId: null };
    this.#waiting.add(entry);
    const cancel = this.#options.clock.after(patienceMs, () => {
      if (this.#waiting.has(entry)) channel.close('no hypervisor has this datapath id');
    });
    channel.onClose(reason => {
      cancel();
      if (!this.#waiting.delete(entry)) return;
      this.#options.log.info(
        { use, peer: peer.name, reason: reason.detail },
        'OpenFlow connection without a hypervisor ended',
      );
    });
    channel.datapathId.then(
      datapathId => {
        entry.datapathId = datapathId;
        this.pair();
      },
      () => {}, // It closed, and was told above.
    );
  }

  /** Hands over every connection whose session has come to be. */
  pair(): void {
    for (const entry of this.#waiting) {
      const session = entry.datapathId === null ? null : this.#options.sessionOf(entry.datapathId);
      if (!session) continue;
      this.#waiting.delete(entry);
      session.attachOpenFlow(entry.use, entry.channel);
    }
  }

  close(reason: string): void {
    for (const { channel } of this.#waiting) channel.close(reason);
  }
}
