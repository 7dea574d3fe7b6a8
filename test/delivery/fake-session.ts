/** A hypervisor's session whose state, interfaces and registration the test sets. It has no connection. */
import type { ReportedInterface } from '../../southbound/hypervisor/inventory.js';
import type { AcceptedHypervisor, HypervisorSession } from '../../southbound/hypervisor/session.js';
import type { SessionState } from '../../southbound/hypervisor/session-state.js';
import { parseTarget, type Target } from '../../southbound/ovsdb/transport.js';

export class FakeSession {
  state: SessionState = 'disconnected';
  reason = 'as the test says';
  openflow = null;
  readonly punt = null;
  readonly ovsdb = null;
  hypervisor: AcceptedHypervisor;
  report = {
    unreadMappings: [],
    ovsVersion: '3.1.0',
    bridge: 'br-int',
    datapathType: 'netdev',
    encapIp: '192.0.2.11',
    peer: { transport: 'tcp', localHost: null } as { transport: 'tcp' | 'ssl' | 'unix'; localHost: string | null },
  };
  /** Where the host dials; null: nothing is known of it. */
  dialledHost: string | null = '192.0.2.1';
  interfaces: ReportedInterface[] = [];
  readonly replica = { isCurrent: true, onChange: () => () => {} };
  readonly #stateListeners = new Set<(state: SessionState) => void>();
  readonly #inventoryListeners = new Set<(changed: readonly string[]) => void>();
  readonly inventory = {
    interfaces: (): readonly ReportedInterface[] => this.interfaces,
    get: (uuid: string): ReportedInterface | null => this.interfaces.find(each => each.uuid === uuid) ?? null,
    isOnBridge: () => true,
    onChange: (listener: (changed: readonly string[]) => void) => this.#inventoryListeners.add(listener),
  };

  constructor(readonly systemId: string) {
    this.hypervisor = { kind: 'accepted', id: `id-of-${systemId}`, number: 1, datapathId: '1', isLeaving: false };
  }

  /** As the program takes it. */
  get asSession(): HypervisorSession {
    return this as unknown as HypervisorSession;
  }

  onState(listener: (state: SessionState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }
  onReport(): () => void {
    return () => {};
  }
  onOpenFlow(): () => void {
    return () => {};
  }
  managerRow(): null {
    return null;
  }
  openFlowTarget(endpoint: Target, advertise: string | null): Target | null {
    const host = advertise ?? this.dialledHost;
    return host === null || endpoint.kind === 'unix' ? null : { ...endpoint, host };
  }

  move(state: SessionState): void {
    this.state = state;
    for (const listener of this.#stateListeners) listener(state);
  }

  /** The whole list of interfaces that claim ports. */
  claim(...interfaces: ReportedInterface[]): void {
    const changed = new Set([...this.interfaces, ...interfaces].map(each => each.uuid));
    this.interfaces = interfaces;
    for (const listener of this.#inventoryListeners) listener([...changed]);
  }
}

/** A target that is known to be well-formed. */
export function target(text: string): Target {
  const parsed = parseTarget(text);
  if (parsed === null) throw new Error(`${text} is no target`);
  return parsed;
}
