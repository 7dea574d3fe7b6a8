/**
 * An OpenFlow connection that several parts listen to, each from when it likes: the connection itself has one place for each
 * callback, and is older than the session that will own it.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../src/base/clock.js';
import { OpenFlowConnection } from '../openflow/connection.js';
import type { CloseReason, OpenFlowError } from '../openflow/connection-types.js';
import type { ReceivedMessage } from '../openflow/message-codec.js';
import { asyncKinds } from '../openflow/messages/async-config.js';
import { isOwnChangeNote } from '../openflow/messages/flow-monitor.js';
import type { Peer } from './endpoint.js';

export interface ChannelTimers {
  readonly clock: Clock;
  /** Silence after which the switch is asked, and after as long again given up. */
  readonly probeIntervalMs: number;
}

const nothingUnasked = asyncKinds.map(kind => ({ kind, mask: 0 }));

export class OpenFlowChannel {
  readonly connection: OpenFlowConnection;
  readonly peer: Peer;
  /** The bridge's datapath id as 16 hexadecimal digits; rejects if the connection ends before it is known. */
  readonly datapathId: Promise<string>;
  readonly #messageListeners = new Set<(received: ReceivedMessage) => void>();
  readonly #errorListeners = new Set<(error: OpenFlowError) => void>();
  readonly #closeListeners = new Set<(reason: CloseReason) => void>();

  constructor(stream: Duplex, peer: Peer, { clock, probeIntervalMs }: ChannelTimers) {
    this.peer = peer;
    this.connection = new OpenFlowConnection(stream, {
      timers: clock,
      limits: { echoIntervalMs: probeIntervalMs, echoTimeoutMs: probeIntervalMs },
      isOfNoInterest: isOwnChangeNote,
      onMessage: received => {
        for (const listener of this.#messageListeners) listener(received);
      },
      onError: error => {
        for (const listener of this.#errorListeners) listener(error);
      },
      onClose: reason => {
        for (const listener of this.#closeListeners) listener(reason);
      },
    });
    this.datapathId = this.connection.ready.then(features => features.datapathId.toString(16).padStart(16, '0'));
    // Who is turned away at the door is closed before anybody asks for it; whoever wants to know of the end has `onClose`.
    this.datapathId.catch(() => undefined);
  }

  /** Messages that answer no request. The returned function ends it. */
  onMessage(listener: (received: ReceivedMessage) => void): () => void {
    this.#messageListeners.add(listener);
    return () => this.#messageListeners.delete(listener);
  }

  /** Errors that answer no request that waits: of messages that were only sent. The returned function ends it. */
  onError(listener: (error: OpenFlowError) => void): () => void {
    this.#errorListeners.add(listener);
    return () => this.#errorListeners.delete(listener);
  }

  /** Runs once when the connection ends, at once if it has. */
  onClose(listener: (reason: CloseReason) => void): void {
    const { state } = this.connection;
    if (state.kind === 'closed') listener(state.reason);
    else this.#closeListeners.add(listener);
  }

  /** Tells the switch to send nothing that is not asked for. Whoever wants something of it asks for that. */
  quieten(): void {
    if (this.connection.state.kind === 'open') this.connection.send({ kind: 'setAsync', properties: nothingUnasked });
  }

  close(reason: string): void {
    this.connection.close(reason);
  }
}
