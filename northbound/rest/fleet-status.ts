/** How ports and hypervisors fare, from what delivery and the sessions know; the other half of what REST shows. */
import type { Clock } from '../../src/base/clock.js';
import { WeftError } from '../../src/base/errors.js';
import type { Fleet, HypervisorDelivery } from '../../src/delivery/fleet.js';
import type { Hosts, HostStatus } from '../../src/delivery/hosts.js';
import type { RowOf } from '../../src/model/index.js';
import { bridgeFor } from '../../src/model/provider-ports.js';
import { arbitrate } from '../../src/store/arbitration.js';
import type { NetworkView } from '../../src/view/network-view.js';
import { asksTooMuch } from '../../src/view/security-rows.js';
import { guaranteesOf } from './guarantee-status.js';
import type {
  DropCount,
  FleetStatus,
  HostRuleCounts,
  HypervisorStatus,
  PhysicalNetworkStatus,
  PortStatus,
} from './network-state.js';

export interface FleetStatusParts {
  readonly view: NetworkView;
  readonly fleet: Pick<Fleet, 'status' | 'drops' | 'ruleCounts' | 'convergence'>;
  readonly hosts: Pick<
    Hosts,
    'status' | 'claims' | 'isInstalled' | 'awaitRemoval' | 'whyNotJoined' | 'whyNoQueues' | 'watched'
  >;
  /** Whether an interface may claim a port by its name. */
  readonly acceptNames: boolean;
  /** What a drop's reason means. */
  readonly dropHelp: (reason: string) => string;
  readonly clock: Clock;
}

export function fleetStatus(parts: FleetStatusParts): FleetStatus {
  return {
    port: row => portStatus(parts, row),
    hypervisor: row => hypervisorStatus(parts, row),
    watched: hypervisorId => parts.hosts.watched(hypervisorId),
    guarantees: row => guaranteesOf(parts, row),
    drops: hypervisorId => readDrops(parts, hypervisorId),
    ruleCounts: (hypervisorId, ruleNumbers) => readRuleCounts(parts, hypervisorId, ruleNumbers),
    awaitRemoval: (hypervisorId, timeoutMs) => parts.hosts.awaitRemoval(hypervisorId, timeoutMs),
  };
}

const closed =
  'nothing passes: its security groups name too many sets for a switch to ask them all (acl_too_many); use fewer groups or sets';

function portStatus(parts: FleetStatusParts, row: RowOf<'logical-switch-ports'>): PortStatus {
  const [binding, ...others] = parts.view.by('port-bindings', 'logicalSwitchPortId', row.id);
  if (binding === undefined) return unboundStatus(whyUnbound(parts, row));
  return row.local === null ? boundStatus(parts, row, binding) : localStatus(parts, row, [binding, ...others]);
}

const unboundStatus = (reason: string | null): PortStatus => ({
  bound_to: null,
  up: false,
  applied_revision: null,
  state: 'unbound',
  reason,
});

/** Of a local port: up where all of its interfaces are, with those who lack one. */
function localStatus(
  parts: FleetStatusParts,
  row: RowOf<'logical-switch-ports'>,
  bindings: readonly RowOf<'port-bindings'>[],
): PortStatus {
  const { view } = parts;
  const nameOf = (hypervisorId: string): string => view.get('hypervisors', hypervisorId)?.name ?? hypervisorId;
  const statuses = bindings.map(binding => boundStatus(parts, row, binding));
  const worst = statuses.find(({ up }) => !up) ?? statuses[0] ?? unboundStatus(null);
  const here = new Set(bindings.map(({ hypervisorId }) => hypervisorId));
  const lacking = view
    .by('switch-presences', 'logicalSwitchId', row.logicalSwitchId)
    .flatMap(({ hypervisorId }) => (here.has(hypervisorId) ? [] : [nameOf(hypervisorId)]));
  const lack = `its switch has ports on ${lacking.toSorted().slice(0, 5).join(', ')}, where no interface claims it`;
  return {
    ...worst,
    bound_to: [...here].map(nameOf).toSorted().join(', '),
    reason: worst.reason ?? (lacking.length === 0 ? null : lack),
  };
}

function boundStatus(
  parts: FleetStatusParts,
  row: RowOf<'logical-switch-ports'>,
  binding: RowOf<'port-bindings'>,
): PortStatus {
  const { view, fleet, hosts } = parts;
  const name = view.get('hypervisors', binding.hypervisorId)?.name ?? binding.hypervisorId;
  const delivery = fleet.status(binding.hypervisorId);
  const place = { bound_to: name, applied_revision: delivery?.appliedRevision ?? null };
  const [failure] = fleet.convergence.failuresOf('logical-switch-ports', row.id);
  const contested = binding.reason ?? null;
  if (failure !== undefined) {
    return { ...place, up: false, state: 'failed', reason: `${failure.name} refused its flows: ${failure.error}` };
  }
  if (delivery?.connected !== true)
    return { ...place, up: false, state: 'unknown', reason: `${name} is not connected` };
  if (delivery.state === 'standby')
    return { ...place, up: false, state: 'unknown', reason: 'this Weft stands by: the one in charge knows' };
  if (!hosts.isInstalled(row.id))
    return { ...place, up: false, state: 'pending', reason: `${name} has not acknowledged its flows yet` };
  if (!row.enabled) return { ...place, up: false, state: 'disabled', reason: 'the port is administratively disabled' };
  const network = view.get('logical-switches', row.logicalSwitchId)?.provider?.physicalNetwork;
  const isolation = network === undefined ? null : physicalNetworkStatus(parts, binding.hypervisorId, network).reason;
  if (isolation !== null) return { ...place, up: false, state: 'isolated', reason: isolation };
  const groups = view.get('port-groups', row.id)?.groupIds.flatMap(id => view.get('group-traits', id) ?? []) ?? [];
  return { ...place, up: true, state: 'up', reason: asksTooMuch(groups) ? closed : contested };
}

function hypervisorStatus(parts: FleetStatusParts, row: RowOf<'hypervisors'>): HypervisorStatus {
  const delivery = parts.fleet.status(row.id);
  const host = parts.hosts.status(row.id);
  return {
    encap_type: row.encapTypes[0] ?? null,
    ...stateOf(row, delivery, host),
    connected: isConnected(host, delivery),
    punt_connected: host?.isPunting ?? false,
    applied_revision: delivery?.appliedRevision ?? null,
    lag: delivery?.lag ?? null,
    flows: delivery?.flows ?? null,
    ovs_version: host?.ovsVersion ?? delivery?.ovsVersion ?? null,
    physical_networks: physicalNetworksOf(parts, row),
    last_error: host?.database.kind === 'failed' ? host.database.reason : (delivery?.lastError ?? null),
  };
}

/** Those that the host names, and those that its ports need. */
function physicalNetworksOf(parts: FleetStatusParts, row: RowOf<'hypervisors'>): readonly PhysicalNetworkStatus[] {
  const needed = parts.view.by('physical-attachments', 'hypervisorId', row.id).map(each => each.physicalNetwork);
  const names = new Set([...row.bridgeMappings.map(each => each.physicalNetwork), ...needed]);
  return [...names].sort().map(name => physicalNetworkStatus(parts, row.id, name));
}

function physicalNetworkStatus(
  { view, hosts }: FleetStatusParts,
  hypervisorId: string,
  physicalNetwork: string,
): PhysicalNetworkStatus {
  const row = view.get('hypervisors', hypervisorId);
  const host = row?.name ?? hypervisorId;
  const bridge = bridgeFor(row?.bridgeMappings ?? [], physicalNetwork);
  const status = (reason: string | null): PhysicalNetworkStatus => ({
    physical_network: physicalNetwork,
    bridge,
    connected: reason === null,
    reason,
  });
  if (bridge === null) {
    const remedy = `set external_ids:weft-bridge-mappings=${physicalNetwork}:BRIDGE there`;
    const unread =
      hosts.status(hypervisorId)?.unreadMappings.map(text => `; ${JSON.stringify(text)} there is not network:bridge`) ??
      [];
    return status(`${host} names no bridge for physical network ${physicalNetwork}: ${remedy}${unread.join('')}`);
  }
  const attachments = view.by('physical-attachments', 'hypervisorId', hypervisorId);
  const needed = attachments.find(each => each.physicalNetwork === physicalNetwork);
  if (needed === undefined) return status(`no port on ${host} is on a logical switch of ${physicalNetwork}`);
  const problem = hosts.whyNotJoined(hypervisorId, { key: needed.number, bridge });
  return status(problem === null ? null : `${host} is not joined with physical network ${physicalNetwork}: ${problem}`);
}

const isConnected = (host: HostStatus | null, delivery: HypervisorDelivery | null): boolean =>
  host?.session === 'connected' && delivery?.connected === true;

/** Where it is on its way to being programmed, and why; states.ts tells what the states mean. */
function stateOf(
  row: RowOf<'hypervisors'>,
  delivery: HypervisorDelivery | null,
  host: HostStatus | null,
): Pick<HypervisorStatus, 'state' | 'reason'> {
  if (!row.approved && row.allowed)
    return { state: 'pending', reason: `waits for approval: weft hypervisor approve ${row.name}` };
  if (!row.allowed) {
    if (host === null || host.session === 'disconnected')
      return { state: 'removed', reason: 'not connected; cleaned up when it comes' };
    return host.database.kind === 'left'
      ? { state: 'removed', reason: 'deleted, and cleaned up; set allowed to true to let it join again' }
      : { state: 'leaving', reason: 'deleted; what Weft made on it is being removed' };
  }
  if (host === null) return { state: 'disconnected', reason: 'not connected since Weft started' };
  if (host.database.kind === 'refused') return { state: 'refused', reason: host.database.reason };
  if (host.session === 'refused') return { state: 'refused', reason: host.reason };
  if (host.session === 'disconnected' || host.session === 'flows-only')
    return { state: host.session, reason: host.reason };
  if (host.session !== 'connected') {
    const reason = host.database.kind === 'waiting' ? host.database.reason : host.reason;
    return { state: 'joining', reason };
  }
  if (delivery === null || !delivery.connected) return { state: 'joining', reason: 'waiting for its switch' };
  switch (delivery.state) {
    case 'standby':
      return { state: 'standby', reason: 'another Weft holds the lease' };
    case 'fenced':
      return { state: 'fenced', reason: 'the switch has seen a newer owner; the lease is being raised above it' };
    case 'idle':
    case 'delivering':
      return delivery.lag === 0
        ? { state: 'ready', reason: null }
        : { state: 'synchronizing', reason: waitingReason(delivery) };
    default:
      return { state: 'synchronizing', reason: `the switch is in the step "${delivery.state}"` };
  }
}

function waitingReason({ waitsFor, lag }: HypervisorDelivery): string {
  return waitsFor.length > 0 ? `holds changes back until ${waitsFor.join(', ')} followed` : `${lag} revisions behind`;
}

async function readDrops(parts: FleetStatusParts, hypervisorId: string): Promise<readonly DropCount[]> {
  const { view, fleet, dropHelp } = parts;
  const counts = await fleet.drops(hypervisorId);
  if (counts === null) {
    const name = view.get('hypervisors', hypervisorId)?.name ?? hypervisorId;
    throw new WeftError('not_connected', { detail: `${name} is not connected, so its counters cannot be read.` });
  }
  const portByNumber = new Map(
    view.by('bound-ports', 'hypervisorId', hypervisorId).map(port => [port.number, port.id]),
  );
  const elsewhere = new Map<string, number>();
  const items: DropCount[] = [];
  for (const { reason, portNumber, packets } of counts) {
    if (portNumber === null) elsewhere.set(reason, (elsewhere.get(reason) ?? 0) + Number(packets));
  }
  for (const { reason, portNumber, packets } of counts) {
    if (portNumber === null) continue;
    const counted = Number(packets);
    items.push({ reason, help: dropHelp(reason), port_id: portByNumber.get(portNumber) ?? null, packets: counted });
    // The account of a reason includes those of its ports.
    elsewhere.set(reason, (elsewhere.get(reason) ?? 0) - counted);
  }
  for (const [reason, packets] of elsewhere) {
    if (packets > 0) items.push({ reason, help: dropHelp(reason), port_id: null, packets });
  }
  return items;
}

/** From what the connected hosts say now; the store judges by the same rules. */
function whyUnbound(parts: FleetStatusParts, row: RowOf<'logical-switch-ports'>): string {
  const { view, hosts, acceptNames } = parts;
  const parent = row.parentId === null ? null : view.get('logical-switch-ports', row.parentId);
  if (parent !== null) return `its parent ${parent.name} (${parent.id}) is unbound: ${whyUnbound(parts, parent)}`;
  const claims = hosts.claims(row.id, row.name);
  const waiting = claims.find(claim => claim.ofport === null);
  if (waiting !== undefined) {
    const why = waiting.error === null ? 'it has no OpenFlow port yet' : `Open vSwitch says: ${waiting.error}`;
    return `${waiting.hypervisorName} (${waiting.interfaceName}) claims it, but ${why}`;
  }
  const usable = claims.flatMap(claim => (claim.ofport === null ? [] : [{ ...claim, ofport: claim.ofport, order: 0 }]));
  const byName = usable.some(claim => claim.ifaceId === row.name);
  const namesakes = byName ? view.rows('logical-switch-ports').filter(port => port.name === row.name).length : 1;
  const verdict = arbitrate(row, usable, namesakes, acceptNames);
  return verdict.winner === null ? (verdict.reason ?? '') : 'an interface claims it; the binding is being written';
}

async function readRuleCounts(
  { fleet, clock }: FleetStatusParts,
  hypervisorId: string,
  ruleNumbers: readonly number[],
): Promise<HostRuleCounts | null> {
  const counts = await fleet.ruleCounts(hypervisorId, ruleNumbers);
  const nowMs = clock.wallTime().getTime();
  return (
    counts?.map(({ ruleNumber, packets, bytes, durationSeconds }) => ({
      ruleNumber,
      packets: Number(packets),
      bytes: Number(bytes),
      since: new Date(nowMs - durationSeconds * 1_000).toISOString(),
    })) ?? null
  );
}
