/**
 * What has to change in a host's database so that it is as we want it: a pure function of a snapshot, tried again until
 * there is nothing to do.
 *
 * Order matters to Open vSwitch: the first controller of a bridge, the last one that goes, and a change of fail_mode without
 * a controller all empty the flow tables. So a new bridge is one transaction, and later changes never pass through zero
 * controllers.
 */
import type { OpenFlowUse } from '../../southbound/hypervisor/session.js';
import type { NamedUuid } from '../../southbound/ovsdb/notation.js';
import type { DatabaseSnapshot } from '../../southbound/ovsdb/replica.js';
import type { Row, RowInput } from '../../southbound/ovsdb/schema.js';
import {
  adding,
  byUuid,
  condition,
  insert,
  mutate,
  named,
  removingKeys,
  update,
  wait,
  type Operation,
} from '../../southbound/ovsdb/transact.js';
import type { Encapsulation } from '../model/hypervisor.js';
import { type GatewayTunnel, gatewayTunnelName } from '../model/gateway-tunnels.js';
import { type MirrorTunnel, TUNNEL_PORT_NAMES } from '../model/tunnel-ports.js';
import { planGatewayTunnels } from './ovsdb-gateway-tunnels.js';
import { type InternalInterface, planInternalInterfaces } from './ovsdb-internal-interfaces.js';
import { planJoints, type PhysicalNetworkJoint } from './ovsdb-provider.js';
import { planQueues, type PortQueue } from './ovsdb-queues.js';
import { planBridgeRemoval, planJoinTokenRemoval } from './ovsdb-removal.js';
import { insertTunnel, lacking, ownerIds, planTunnels, settingIds, tunnelsOf } from './ovsdb-tunnels.js';
import {
  encodeFormerBridge,
  encodeFormerManager,
  formerBridge,
  hasLostMark,
  isOfPeer,
  isOwned,
  managerKey,
  ownerKey,
  restoreKey,
  rowsOf,
  useKey,
} from './ovsdb-ownership.js';

/** A controller row of the bridge. */
export interface DesiredController {
  readonly use: OpenFlowUse;
  /** `tcp:192.0.2.1:6653` */
  readonly target: string;
}

/** How a host's database should be. */
export interface DesiredHost {
  /** Id of our own database: the mark on rows that are ours. */
  readonly databaseId: string;
  readonly bridge: string;
  /** Null: as it is, or Open vSwitch's default for a new bridge. */
  readonly datapathType: string | null;
  /** 16 hexadecimal digits. */
  readonly datapathId: string;
  /** May a bridge be taken over that is in use? */
  readonly adopt: boolean;
  /** Source address of its tunnels. */
  readonly encapIp: string;
  /** Every encapsulation that some peer receives. */
  readonly encapsulations: readonly Encapsulation[];
  /** Tunnels to collectors of mirrors. */
  readonly mirrorTunnels: readonly MirrorTunnel[];
  /** Tunnels to single hypervisors, by which they watch each other. */
  readonly gatewayTunnels: readonly GatewayTunnel[];
  /** Physical networks that its ports need, where the host has a bridge for them. */
  readonly physicalNetworks: readonly PhysicalNetworkJoint[];
  /** Queues of its ports that are guaranteed bandwidth, where the host names interfaces that can have some. */
  readonly queues: readonly PortQueue[];
  /** Interfaces of workloads that are for us to make. */
  readonly internalInterfaces: readonly InternalInterface[];
  readonly controllers: readonly DesiredController[];
  /** Longest wait of Open vSwitch before it dials again; at least 1000. */
  readonly maxBackoffMs: number;
  /** Silence after which Open vSwitch asks whether we live. */
  readonly inactivityProbeMs: number;
  /** UUID of the manager row through which the host talks to us; null where it cannot be told. */
  readonly managerRow: string | null;
  /** The active target of that row, by which the host tells several Wefts apart; null where we dial, or it cannot be told. */
  readonly reachedBy: string | null;
}

export type OvsdbPlan =
  | { readonly kind: 'nothing' }
  /** Open vSwitch has to do something first. */
  | { readonly kind: 'waiting'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }
  /** One transaction. */
  | { readonly kind: 'change'; readonly summary: string; readonly operations: readonly Operation[] };

const protocols = ['OpenFlow13', 'OpenFlow14', 'OpenFlow15'] as const;
const remedy = 'set adopt to true to take it over';

/** Plans the next transaction towards the desired state. */
export function planHost(database: DatabaseSnapshot, desired: DesiredHost): OvsdbPlan {
  const { databaseId, bridge: name } = desired;
  const bridges = [...database.rows('Bridge').values()];
  const outdated = bridges.find(row => row.external_ids.get(ownerKey) === databaseId && row.name !== name);
  if (outdated) return planBridgeRemoval(database, outdated);
  const refusal = reasonAgainst(database, desired);
  if (refusal !== null) return { kind: 'refused', reason: refusal };
  const bridge = bridges.find(row => row.name === name);
  const change = (summary: string, onBridge: readonly Operation[]): OvsdbPlan => {
    const operations = [...onBridge, ...planManager(database, desired), ...planJoinTokenRemoval(database)];
    return operations.length === 0 ? { kind: 'nothing' } : { kind: 'change', summary, operations };
  };
  if (!bridge) return change(`makes bridge ${name}`, createBridge(desired));
  if (bridge.external_ids.get(ownerKey) === databaseId) {
    return change(`puts bridge ${name} right`, maintainBridge(database, bridge, desired));
  }
  if (hasLostMark(database, bridge, databaseId)) {
    const mark = mutate('Bridge', [byUuid(bridge._uuid)], settingIds('Bridge', ownerIds(desired)));
    return change(`marks bridge ${name} again`, [mark, ...maintainBridge(database, bridge, desired)]);
  }
  const obstacle = desired.adopt ? null : obstacleToAdoption(database, bridge);
  if (obstacle !== null) return { kind: 'refused', reason: obstacle };
  return change(`takes over bridge ${name}`, adoptBridge(database, bridge, desired));
}

/**
 * What a Weft that stands by may do on a host: keep its own controller rows on the bridge that the one in charge has made, so
 * that the switch is connected to it when it takes over. Nothing where its rows could not be told from those of others.
 */
export function planStandby(database: DatabaseSnapshot, desired: DesiredHost): OvsdbPlan {
  const { databaseId, bridge: name, reachedBy } = desired;
  if (reachedBy === null) return { kind: 'nothing' };
  const isMade = (row: Row<'Bridge'>) => row.name === name && row.external_ids.get(ownerKey) === databaseId;
  const bridge = [...database.rows('Bridge').values()].find(isMade);
  // The first controller of a bridge empties its tables: it is not for us to be that.
  if (!bridge || bridge.controller.length === 0) {
    return { kind: 'waiting', reason: `the Weft in charge has not made bridge ${name} yet` };
  }
  const present = rowsOf(bridge.controller, database.rows('Controller'));
  const own = present.filter(row => isOwned(row) && row.external_ids.get(managerKey) === reachedBy);
  const others = present.filter(row => !own.includes(row));
  const { operations, members } = planControllers(bridge, desired, own, others);
  const column = members === null ? [] : [update('Bridge', [byUuid(bridge._uuid)], { controller: members })];
  const all = [...operations, ...column, ...planManager(database, desired)];
  if (all.length === 0) return { kind: 'nothing' };
  return { kind: 'change', summary: `makes bridge ${name} dial a Weft that stands by`, operations: all };
}

/** Why the bridge must not be taken over without our being told so; null if it is not in use. */
function obstacleToAdoption(database: DatabaseSnapshot, bridge: Row<'Bridge'>): string | null {
  const owner = bridge.external_ids.get(ownerKey);
  if (owner !== undefined) return `bridge ${bridge.name} belongs to the Weft whose database is ${owner}: ${remedy}`;
  if (bridge.controller.length > 0) {
    const targets = rowsOf(bridge.controller, database.rows('Controller')).map(row => row.target);
    return `bridge ${bridge.name} has another controller (${targets.join(', ')}): ${remedy}`;
  }
  const ports = rowsOf(bridge.ports, database.rows('Port')).filter(port => port.name !== bridge.name);
  if (ports.length === 0) return null;
  const names = ports.slice(0, 5).map(port => port.name);
  return `bridge ${bridge.name} already has ports (${names.join(', ')}${ports.length > 5 ? ', ...' : ''}): ${remedy}`;
}

/** What stands in the way on this host, whatever the bridge; null if nothing does. */
function reasonAgainst(database: DatabaseSnapshot, desired: DesiredHost): string | null {
  if (desired.controllers.length === 0) return 'no address is known that its bridge could dial: set WEFT_ADVERTISE';
  for (const root of database.rows('Open_vSwitch').values()) {
    // Empty until ovs-vswitchd has written down what it can do.
    const missing = tunnelsOf(desired).find(type => !root.iface_types.includes(type));
    if (missing && root.iface_types.length > 0) return `this Open vSwitch has no ${missing} tunnels`;
  }
  // Names of ports are unique on a host: somebody else's port with one of ours cannot be worked around.
  const tunnelNames = tunnelsOf(desired).map(type => TUNNEL_PORT_NAMES[type]);
  const watching = desired.gatewayTunnels.map(({ peerKey }) => gatewayTunnelName(peerKey));
  const names = new Set([desired.bridge, ...tunnelNames, ...watching]);
  for (const port of database.rows('Port').values()) {
    if (!names.has(port.name)) continue;
    const holder = [...database.rows('Bridge').values()].find(bridge => bridge.ports.includes(port._uuid));
    // On a bridge that is ours already, a port of that name has only lost its mark.
    const isOurs = isOwned(port) || holder?.external_ids.get(ownerKey) === desired.databaseId;
    const isInPlace = holder?.name === desired.bridge && (port.name === desired.bridge || isOurs);
    if (isInPlace) continue;
    return `the name ${port.name} is taken by a port of bridge ${holder?.name ?? '(none)'} that is not ours`;
  }
  return null;
}

function controllerRow(desired: DesiredHost, controller: DesiredController) {
  return {
    target: controller.target,
    connection_mode: 'out-of-band',
    max_backoff: desired.maxBackoffMs,
    inactivity_probe: desired.inactivityProbeMs,
    external_ids: new Map([
      ...ownerIds(desired),
      [useKey, controller.use],
      ...(desired.reachedBy === null ? [] : ([[managerKey, desired.reachedBy]] as const)),
    ]),
  } satisfies RowInput<'Controller'>;
}

function bridgeConfig(desired: DesiredHost): ReadonlyMap<string, string> {
  return new Map([
    ['datapath-id', desired.datapathId],
    ['disable-in-band', 'true'],
  ]);
}

function createBridge(desired: DesiredHost): readonly Operation[] {
  const { bridge: name } = desired;
  const [local, localPort, bridge] = [named('interface_local'), named('port_local'), named('bridge')];
  const tunnels = tunnelsOf(desired).map(type => insertTunnel(desired, type));
  const controllers = desired.controllers.map((controller, index) => {
    const controllerName = named(`controller_${index}`);
    return {
      name: controllerName,
      operation: insert('Controller', controllerRow(desired, controller), controllerName),
    };
  });
  const row: RowInput<'Bridge'> = {
    name,
    datapath_type: desired.datapathType ?? '',
    fail_mode: 'secure',
    protocols,
    other_config: bridgeConfig(desired),
    external_ids: ownerIds(desired),
    ports: [localPort, ...tunnels.map(tunnel => tunnel.port)],
    controller: controllers.map(controller => controller.name),
  };
  return [
    wait('Bridge', [condition('Bridge', 'name', '==', name)], '==', ['name'], []),
    insert('Interface', { name, type: 'internal' }, local),
    insert('Port', { name, interfaces: [local] }, localPort),
    ...tunnels.flatMap(tunnel => tunnel.operations),
    ...controllers.map(controller => controller.operation),
    insert('Bridge', row, bridge),
    mutate('Open_vSwitch', [], [adding('Open_vSwitch', 'bridges', [bridge])]),
  ];
}

/** Takes over a bridge, and writes down what it was, unless another Weft made it or has written that down already. */
function adoptBridge(database: DatabaseSnapshot, bridge: Row<'Bridge'>, desired: DesiredHost): readonly Operation[] {
  const { fail_mode, datapath_type, controller, ports, other_config } = bridge;
  const former = isOwned(bridge) ? [] : ([[restoreKey, encodeFormerBridge(formerBridge(database, bridge))]] as const);
  return [
    // What is recorded, and that the bridge is not in use, must still be so when the record is written.
    wait(
      'Bridge',
      [byUuid(bridge._uuid)],
      '==',
      ['fail_mode', 'datapath_type', 'protocols', 'controller', 'ports', 'other_config'],
      [{ fail_mode, datapath_type, protocols: bridge.protocols, controller, ports, other_config }],
    ),
    mutate('Bridge', [byUuid(bridge._uuid)], settingIds('Bridge', new Map([...ownerIds(desired), ...former]))),
    ...maintainBridge(database, bridge, desired),
  ];
}

function maintainBridge(database: DatabaseSnapshot, bridge: Row<'Bridge'>, desired: DesiredHost): readonly Operation[] {
  const where = [byUuid(bridge._uuid)];
  const present = rowsOf(bridge.controller, database.rows('Controller')).filter(isOwned);
  const peers = present.filter(row => isOfPeer(database, row, desired));
  const own = present.filter(row => !peers.includes(row));
  const { operations, members } = planControllers(bridge, desired, own, peers);
  const hasType = desired.datapathType === null || bridge.datapath_type === desired.datapathType;
  const speaksAll = protocols.every(name => bridge.protocols.includes(name));
  const columns: RowInput<'Bridge'> = {
    ...(bridge.fail_mode === 'secure' ? {} : { fail_mode: 'secure' }),
    ...(hasType ? {} : { datapath_type: desired.datapathType ?? '' }),
    // Versions that somebody else needs beside ours stay.
    ...(speaksAll ? {} : { protocols: [...new Set([...bridge.protocols, ...protocols])] }),
    ...(members === null ? {} : { controller: members }),
  };
  const config = lacking(bridge.other_config, bridgeConfig(desired));
  const replaced = removingKeys('Bridge', 'other_config', [...config.keys()]);
  return [
    ...operations,
    ...(Object.keys(columns).length > 0 ? [update('Bridge', where, columns)] : []),
    ...(config.size > 0 ? [mutate('Bridge', where, [replaced, adding('Bridge', 'other_config', config)])] : []),
    ...planTunnels(database, bridge, desired),
    ...planGatewayTunnels(database, bridge, desired),
    ...planJoints(database, bridge, desired),
    ...planQueues(database, desired),
    ...planInternalInterfaces(database, bridge, desired),
  ];
}

/**
 * Exactly our own controller rows and those that are kept for others. One that is there is changed in place. `members` is the
 * new value of the bridge's column, null if it stays.
 */
function planControllers(
  bridge: Row<'Bridge'>,
  desired: DesiredHost,
  own: readonly Row<'Controller'>[],
  kept: readonly Row<'Controller'>[],
) {
  const free = new Set(own);
  const operations: Operation[] = [];
  const wantedRows = desired.controllers.map((controller, index): string | NamedUuid => {
    const wanted = controllerRow(desired, controller);
    const ofUse = [...free].filter(row => row.external_ids.get(useKey) === controller.use);
    const row = ofUse.find(candidate => candidate.target === controller.target) ?? ofUse[0];
    if (!row) {
      operations.push(insert('Controller', wanted, named(`controller_${index}`)));
      return named(`controller_${index}`);
    }
    free.delete(row);
    if (!isController(row, wanted)) operations.push(update('Controller', [byUuid(row._uuid)], wanted));
    return row._uuid;
  });
  const members = [...wantedRows, ...kept.map(row => row._uuid)];
  const isSame = members.length === bridge.controller.length && bridge.controller.every(uuid => members.includes(uuid));
  if (isSame) return { operations, members: null };
  const guard = wait('Bridge', [byUuid(bridge._uuid)], '==', ['controller'], [{ controller: bridge.controller }]);
  return { operations: [guard, ...operations], members };
}

function isController(row: Row<'Controller'>, wanted: ReturnType<typeof controllerRow>): boolean {
  return (
    row.target === wanted.target &&
    row.connection_mode === wanted.connection_mode &&
    row.max_backoff === wanted.max_backoff &&
    row.inactivity_probe === wanted.inactivity_probe &&
    lacking(row.external_ids, wanted.external_ids).size === 0
  );
}

/** Our timers on the manager row that names us; what it had is remembered in it. */
function planManager(database: DatabaseSnapshot, desired: DesiredHost): readonly Operation[] {
  const manager = desired.managerRow === null ? undefined : database.rows('Manager').get(desired.managerRow);
  if (!manager) return [];
  const { max_backoff, inactivity_probe } = manager;
  if (max_backoff === desired.maxBackoffMs && inactivity_probe === desired.inactivityProbeMs) return [];
  // A number that could not be put back exactly is left alone.
  if ([max_backoff, inactivity_probe].some(ms => ms !== null && !Number.isSafeInteger(ms))) return [];
  const where = [byUuid(manager._uuid)];
  const former = encodeFormerManager({ maxBackoffMs: max_backoff, inactivityProbeMs: inactivity_probe });
  const remember = mutate('Manager', where, settingIds('Manager', new Map([[restoreKey, former]])));
  return [
    wait('Manager', where, '==', ['max_backoff', 'inactivity_probe'], [{ max_backoff, inactivity_probe }]),
    ...(manager.external_ids.has(restoreKey) ? [] : [remember]),
    update('Manager', where, { max_backoff: desired.maxBackoffMs, inactivity_probe: desired.inactivityProbeMs }),
  ];
}
