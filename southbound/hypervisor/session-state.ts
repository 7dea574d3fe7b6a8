/**
 * The states of a hypervisor's session and the moves between them, as data.
 *
 *   disconnected ──► following ──► provisioning ◄──► connected ──► flows-only
 *                        │              ▲                ▲             (OVSDB lost, OpenFlow still there)
 *                        └──► refused ◄─┴────────────────┘
 *   From everywhere: to `following` when OVSDB is connected anew, to `disconnected` when both are gone.
 */
import type { Logger } from '../../src/base/log.js';

export type SessionState =
  /** Neither connection is there. */
  | 'disconnected'
  /** The OVSDB connection is accepted; its database is being read. */
  | 'following'
  /** The database is known; the bridge is being made, or its OpenFlow connection is awaited. */
  | 'provisioning'
  /** Both connections are there. */
  | 'connected'
  /** Only OpenFlow is there. Ports may have changed meanwhile: what names an ofport may be outdated. */
  | 'flows-only'
  /** The host is known, but we must not touch its bridge. */
  | 'refused';

export const sessionMoves: Readonly<Record<SessionState, readonly SessionState[]>> = {
  disconnected: ['following', 'flows-only'],
  following: ['provisioning', 'connected', 'flows-only', 'refused', 'disconnected'],
  provisioning: ['connected', 'following', 'refused', 'disconnected'],
  connected: ['provisioning', 'following', 'flows-only', 'refused', 'disconnected'],
  'flows-only': ['following', 'disconnected'],
  refused: ['provisioning', 'connected', 'following', 'flows-only', 'disconnected'],
};

/** The facts that decide the state. */
export interface SessionFacts {
  readonly hasOvsdb: boolean;
  /** Does the replica follow that connection? */
  readonly isFollowing: boolean;
  readonly hasOpenFlow: boolean;
  /** Why the bridge must not be touched; null if it may. */
  readonly refusal: string | null;
}

/** The state that the facts amount to. */
export function stateOf(facts: SessionFacts): SessionState {
  if (!facts.hasOvsdb) return facts.hasOpenFlow ? 'flows-only' : 'disconnected';
  if (!facts.isFollowing) return 'following';
  if (facts.refusal !== null) return 'refused';
  return facts.hasOpenFlow ? 'connected' : 'provisioning';
}

export class SessionStateMachine {
  readonly #log: Logger;
  readonly #listeners = new Set<(state: SessionState, reason: string) => void>();
  #state: SessionState = 'disconnected';
  #reason = 'not connected yet';

  constructor(log: Logger) {
    this.#log = log;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Why it is in this state. */
  get reason(): string {
    return this.#reason;
  }

  onMove(listener: (state: SessionState, reason: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The one setter. A move that the table does not have is a programmer error. */
  move(to: SessionState, reason: string): void {
    const from = this.#state;
    if (from === to && reason === this.#reason) return;
    if (from !== to && !sessionMoves[from].includes(to)) throw new Error(`no session moves from ${from} to ${to}`);
    this.#state = to;
    this.#reason = reason;
    this.#log.info({ from, to, reason }, 'hypervisor session');
    for (const listener of this.#listeners) listener(to, reason);
  }
}
