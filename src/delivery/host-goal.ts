/** What is wanted of one host's database, from its row, those of its peers and our own listeners. Pure. */
import type { HypervisorSession } from '../../southbound/hypervisor/session.js';
import { activeTarget } from '../../southbound/hypervisor/manager-row.js';
import { formatTarget, type Target } from '../../southbound/ovsdb/transport.js';
import { type Encapsulation, type Hypervisor, encapsulations } from '../model/index.js';
import type { GatewayTunnel } from '../model/gateway-tunnels.js';
import type { MirrorTunnel } from '../model/tunnel-ports.js';
import type { HostGoal } from './host-database.js';
import type { InternalInterface } from './ovsdb-internal-interfaces.js';
import type { DesiredController } from './ovsdb-plan.js';
import type { PhysicalNetworkJoint } from './ovsdb-provider.js';
import type { PortQueue } from './ovsdb-queues.js';

/** What its own row does not say. */
export interface HostGoalContext {
  readonly databaseId: string;
  /** The lease is ours. A Weft that stands by only lets the host's bridge dial it. */
  readonly isInCharge: boolean;
  /** The host that hypervisors are told to dial; null: the one that they dialled themselves. */
  readonly advertise: string | null;
  readonly openflow: readonly Target[];
  readonly punt: readonly Target[];
  /** Tunnels that mirrors of ports there need. */
  readonly mirrorTunnels: readonly MirrorTunnel[];
  /** Tunnels by which it watches others and is watched. */
  readonly gatewayTunnels: readonly GatewayTunnel[];
  /** Physical networks that ports there need, where the host has a bridge for them. */
  readonly physicalNetworks: readonly PhysicalNetworkJoint[];
  /** Queues of ports there that are guaranteed bandwidth. */
  readonly queues: readonly PortQueue[];
  /** Interfaces of workloads there that are for us to make. */
  readonly internalInterfaces: readonly InternalInterface[];
}

/** Open vSwitch waits up to 8 s before it dials again unless told otherwise, and needs 10 s to see a dead peer. */
const maxBackoffMs = 1_000;
const inactivityProbeMs = 5_000;

type Receiver = Pick<Hypervisor, 'encapTypes' | 'allowed'>;

const receivedOf = new WeakMap<readonly Receiver[], readonly Encapsulation[]>();

/**
 * Every encapsulation that some hypervisor receives, in a fixed order. Asked once for each host with the same list of all of
 * them, which is replaced when one changes: so it is computed once a list.
 */
export function receivedEncapsulations(hypervisors: readonly Receiver[]): readonly Encapsulation[] {
  let received = receivedOf.get(hypervisors);
  if (received === undefined) {
    const types = new Set(hypervisors.filter(({ allowed }) => allowed).flatMap(({ encapTypes }) => encapTypes));
    received = encapsulations.filter(type => types.has(type));
    receivedOf.set(hypervisors, received);
  }
  return received;
}

/**
 * Which of our endpoints a host is to dial: one, since of two connections for the same use each would end the other. One that is known
 * by its certificate shows it everywhere; else it is one like that by which it came, at the same address of ours if we have one there.
 */
function endpointFor(
  { transport, localHost }: Pick<HypervisorSession['report']['peer'], 'transport' | 'localHost'>,
  endpoints: readonly Target[],
): Target | null {
  const isSecure = transport === 'ssl';
  const alike = endpoints.filter(({ kind }) => (kind === 'ssl') === isSecure);
  const near = alike.find(endpoint => endpoint.kind !== 'unix' && endpoint.host === localHost);
  return near ?? alike[0] ?? (isSecure ? null : (endpoints[0] ?? null));
}

/** Null while the host cannot be told where to dial, or is another Weft's to clean up. */
export function hostGoal(
  session: HypervisorSession,
  row: Hypervisor,
  received: readonly Encapsulation[],
  context: HostGoalContext,
): HostGoal | null {
  const { databaseId, isInCharge, advertise, openflow, punt } = context;
  const { mirrorTunnels, gatewayTunnels, physicalNetworks, queues, internalInterfaces } = context;
  if (!row.allowed || session.hypervisor.isLeaving) return isInCharge ? { kind: 'left', databaseId } : null;
  const controllers: DesiredController[] = [];
  for (const [use, endpoints] of [
    ['flows', openflow],
    ['punt', punt],
  ] as const) {
    const endpoint = endpointFor(session.report.peer, endpoints);
    if (endpoint === null) continue;
    const target = session.openFlowTarget(endpoint, advertise);
    if (target === null) return null;
    controllers.push({ use, target: formatTarget(target) });
  }
  const { report } = session;
  const manager = session.managerRow();
  return {
    kind: isInCharge ? 'joined' : 'standby',
    host: {
      databaseId,
      bridge: report.bridge,
      datapathType: report.datapathType,
      datapathId: row.datapathId,
      adopt: row.adopt,
      encapIp: report.encapIp,
      encapsulations: received,
      mirrorTunnels,
      gatewayTunnels,
      physicalNetworks,
      queues,
      internalInterfaces,
      controllers,
      maxBackoffMs,
      inactivityProbeMs,
      managerRow: manager?._uuid ?? null,
      reachedBy: manager !== null && activeTarget(manager) !== null ? manager.target : null,
    },
  };
}
