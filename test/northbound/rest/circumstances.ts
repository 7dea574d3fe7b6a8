/** What the status of ports and hypervisors is read from, as a test wants it. */
import { fleetStatus, type FleetStatusParts } from '../../../northbound/rest/fleet-status.js';
import type { GuaranteeStatus } from '../../../northbound/rest/guarantee-status.js';
import type { PhysicalNetworkStatus } from '../../../northbound/rest/network-state.js';
import { Convergence } from '../../../src/delivery/convergence.js';
import type { DropCount } from '../../../src/delivery/counter-reading.js';
import type { HypervisorDelivery } from '../../../src/delivery/fleet.js';
import type { HostClaim, HostStatus } from '../../../src/delivery/hosts.js';
import type { RowOf } from '../../../src/model/index.js';
import { NetworkView } from '../../../src/view/network-view.js';
import type { NetworkBuilder } from '../../compiler/network-builder.js';
import { ManualClock } from '../../fakes/manual-clock.js';

export const ready = {
  name: 'hv1',
  state: 'idle',
  connected: true,
  appliedRevision: 7,
  lag: 0,
  flows: 120,
  ovsVersion: '3.1.0',
  lastError: null,
  waitsFor: [],
} as unknown as HypervisorDelivery;
export const joined: HostStatus = {
  session: 'connected',
  reason: 'r',
  database: { kind: 'joined' },
  ovsVersion: '3.1.0',
  isPunting: true,
  unreadMappings: ['physnet'],
};

/** Everything that a status is made of, as the test wants it. */
export class Circumstances {
  delivery: HypervisorDelivery | null = ready;
  host: HostStatus | null = joined;
  isInstalled = true;
  claims: Partial<HostClaim>[] = [];
  drops: DropCount[] | null = null;
  /** Why the host is not joined with the network behind a bridge. */
  joints: Record<string, string> = {};
  /** Why a host queues nothing towards a bridge, or (no name of a bridge) tunnels. */
  queueless: Record<string, string> = {};
  acceptNames = true;
  readonly convergence = new Convergence(new ManualClock());
  readonly view = new NetworkView();

  constructor(network: NetworkBuilder) {
    this.view.replace(network.snapshot());
  }

  get #parts(): FleetStatusParts {
    return {
      view: this.view,
      fleet: {
        status: () => this.delivery,
        drops: async () => this.drops,
        ruleCounts: async () => null,
        convergence: this.convergence,
      },
      hosts: {
        status: () => this.host,
        claims: () => this.claims as HostClaim[],
        whyNotJoined: (_, { bridge }) => this.joints[bridge] ?? null,
        whyNoQueues: (id, way) => this.queueless[`${id} ${way.kind === 'tunnel' ? '' : way.bridge}`] ?? null,
        isInstalled: () => this.isInstalled,
        awaitRemoval: async () => true,
        watched: () => new Map(),
      },
      acceptNames: this.acceptNames,
      dropHelp: reason => `about ${reason}`,
      clock: new ManualClock(),
    };
  }

  port(id: string): { state: string; up: boolean; bound_to: string | null; reason: string | null } {
    return fleetStatus(this.#parts).port(this.view.get('logical-switch-ports', id) as RowOf<'logical-switch-ports'>);
  }

  hypervisor(): [string, string | null] {
    const { state, reason } = fleetStatus(this.#parts).hypervisor(
      this.view.get('hypervisors', 'hv1') as RowOf<'hypervisors'>,
    );
    return [state, reason];
  }

  physicalNetworks(): readonly PhysicalNetworkStatus[] {
    const row = this.view.get('hypervisors', 'hv1') as RowOf<'hypervisors'>;
    return fleetStatus(this.#parts).hypervisor(row).physical_networks;
  }

  guarantees(id: string): readonly GuaranteeStatus[] {
    return fleetStatus(this.#parts).guarantees(this.view.get('qos-rules', id) as RowOf<'qos-rules'>);
  }

  readDrops(): Promise<readonly unknown[]> {
    return fleetStatus(this.#parts).drops('hv1');
  }
}
