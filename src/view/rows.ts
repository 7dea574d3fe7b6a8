/**
 * What the network in memory holds: the rows of every noun of the model, and the rows that placement.ts derives
 * from them. Secondary indexes are declared here, once, and kept by table.ts.
 */
import { broadcastAddress } from '../base/address.js';
import { structurallyEqual } from '../base/structural-equality.js';
import type { Kind, RowOf } from '../model/index.js';
import { tunnelMtu } from '../model/effective-mtu.js';
import { attachmentsOf, backendOf, backendsInUse, virtualAddress, type BalancedSwitch } from './balancing-rows.js';
import { neighbourPlace } from './neighbour-rows.js';
import { logicalAddress, sharedExternal } from './translation-rows.js';
import type { GroupTraits, PortGroups, RemoteAddresses } from './security-rows.js';
import type {
  BoundPort,
  EgressQueue,
  FloatingPlace,
  GatewayPair,
  GatewayPlace,
  LocalPlace,
  MeshMember,
  PhysicalAttachment,
  Residency,
  SwitchPresence,
} from './place-rows.js';
import { isListed } from '../model/neutron-object.js';
import { learnsMacs, mayHaveUnlistedAddresses } from '../model/port-addresses.js';

/** The one row that stands for all hypervisors: the subject of rules whose fragments name no object. */
export interface Fleet {
  readonly id: 'fleet';
  readonly number: 0;
  /** The largest IP packet, in bytes, that fits the tunnels to some hypervisor; 0 when there is none. */
  readonly largestTunnelMtu: number;
}

/**
 * What rules about ports and switches need of a hypervisor, which never changes: what else its row says would run the units of
 * all its ports again.
 */
export interface HypervisorKey {
  /** The id of the hypervisor. */
  readonly id: string;
  readonly hypervisorKey: number;
  readonly number: number;
}

export function hypervisorKeyOf({ id, hypervisorKey, number }: RowOf<'hypervisors'>): HypervisorKey {
  return { id, hypervisorKey, number };
}

export const fleetId = 'fleet';

function tunnelMtuTo(hypervisor: RowOf<'hypervisors'> | null): number {
  return hypervisor?.allowed === true && hypervisor.encapIp !== null ? tunnelMtu(hypervisor) : 0;
}

/** The row of the fleet that has these hypervisors. */
export function fleetOf(hypervisors: Iterable<RowOf<'hypervisors'>>): Fleet {
  let largestTunnelMtu = 0;
  for (const hypervisor of hypervisors) largestTunnelMtu = Math.max(largestTunnelMtu, tunnelMtuTo(hypervisor));
  return { id: fleetId, number: 0, largestTunnelMtu };
}

type HypervisorChange = { readonly [K in 'before' | 'after']: RowOf<'hypervisors'> | null };

/** The same after these changes, without a look at those that have not changed; null: it takes one. */
export function fleetAfter({ largestTunnelMtu }: Fleet, changes: readonly HypervisorChange[]): Fleet | null {
  const largest = (side: 'before' | 'after'): number =>
    Math.max(0, ...changes.map(change => tunnelMtuTo(change[side])));
  const after = largest('after');
  if (largest('before') === largestTunnelMtu && after < largestTunnelMtu) return null;
  return { id: fleetId, number: 0, largestTunnelMtu: Math.max(largestTunnelMtu, after) };
}

/** Derived tables, by name. */
export interface DerivedRows {
  readonly fleet: Fleet;
  readonly 'hypervisor-keys': HypervisorKey;
  readonly residencies: Residency;
  readonly 'mesh-members': MeshMember;
  readonly 'switch-presences': SwitchPresence;
  readonly 'bound-ports': BoundPort;
  readonly 'local-places': LocalPlace;
  readonly 'physical-attachments': PhysicalAttachment;
  readonly 'gateway-places': GatewayPlace;
  readonly 'gateway-pairs': GatewayPair;
  readonly 'floating-places': FloatingPlace;
  readonly 'egress-queues': EgressQueue;
  readonly 'port-groups': PortGroups;
  readonly 'group-traits': GroupTraits;
  readonly 'remote-addresses': RemoteAddresses;
  readonly 'balanced-switches': BalancedSwitch;
}

export type DerivedKind = keyof DerivedRows;
export type ViewKind = Kind | DerivedKind;
export type ViewRow<K extends ViewKind> = K extends Kind ? RowOf<K> : K extends DerivedKind ? DerivedRows[K] : never;

/**
 * Members that say something about the object and nothing about the network. Rules cannot read them, so that a
 * change of only these re-runs nothing. (`revision` and the times change with every write.)
 */
export const descriptiveMembers = [
  'name',
  'labels',
  'createdAt',
  'updatedAt',
  'revision',
  'projectId',
  'sharedWith',
] as const;

export type DescriptiveMember = (typeof descriptiveMembers)[number];

const descriptive: ReadonlySet<string> = new Set(descriptiveMembers);

/** Whether two states of a row are the same to every rule. */
export function descriptiveOnly(before: ViewRow<ViewKind> | null, after: ViewRow<ViewKind> | null): boolean {
  if (before === null || after === null) return before === after;
  const [left, right] = [before, after] as unknown as readonly [Members, Members];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every(
    name => descriptive.has(name) || structurallyEqual(left[name], right[name]),
  );
}

type Members = Readonly<Record<string, unknown>>;

/** A row as rules see it. */
export type NetworkRow<K extends ViewKind> = K extends ViewKind ? Omit<ViewRow<K>, DescriptiveMember> : never;

export type IndexValue = string | number;

/** The values under which an index finds a row: none, one, or several (each address of a list). */
type IndexFunction<K extends ViewKind> = (row: NetworkRow<K>) => readonly IndexValue[];

type Indexes = { readonly [K in ViewKind]: { readonly [name: string]: IndexFunction<K> } };

const one = (value: string | null): readonly string[] => (value === null ? [] : [value]);

/** The value under which the index `all` of a kind holds every row; for small kinds only. */
export const all = '';

/** The value of index `presence` of bound ports, and the id of the switch presence. */
export const presenceId = (logicalSwitchId: string, hypervisorId: string): string =>
  `${logicalSwitchId}@${hypervisorId}`;

/** The id of a physical attachment. */
export const attachmentId = (physicalNetworkKey: number, hypervisorId: string): string =>
  `${physicalNetworkKey}@${hypervisorId}`;

/** The id of a local place. */
export const localPlaceId = (portId: string, hypervisorId: string): string => `${portId}@${hypervisorId}`;

/** The id of a gateway place. */
export const gatewayPlaceId = (logicalRouterId: string, hypervisorId: string): string =>
  `${logicalRouterId}@${hypervisorId}`;

/** The id of a gateway pair. */
export const gatewayPairId = (hypervisorId: string, peerId: string): string => `${hypervisorId} ${peerId}`;

/** The id of a residency. */
export const residencyId = (datapathId: string, hypervisorId: string): string => `${datapathId}@${hypervisorId}`;

/** The id of a member of a mesh. */
export const meshMemberId = (meshId: string, hypervisorId: string): string => `${meshId}@${hypervisorId}`;

/** The value of index `zone` of bound ports. */
export const zonePlace = (hypervisorId: string, ctZone: number): string => `${hypervisorId} ${ctZone}`;

/** The value of index `broadcast` of router ports: an IPv4 address that is for everybody on a network of that router. */
export const broadcastPlace = (logicalRouterId: string, address: bigint): string => `${logicalRouterId} ${address}`;

/** The value of index `destination` of static routes: the routes that share traffic as equal-cost paths. */
export const routeDestination = (logicalRouterId: string, destination: string): string =>
  `${logicalRouterId} ${destination}`;

/** The value of index `address` of virtual addresses. */
export const virtualPlace = (logicalSwitchId: string, ip: string): string => `${logicalSwitchId} ${ip}`;

/** The value of index `rivals` of security group rules. */
export function ruleRivals(row: NetworkRow<'security-group-rules'>): string {
  // A network of everything is no condition in a flow; which family it is of shows in the conditions.
  const cidr = row.remoteCidr?.endsWith('/0') === true ? null : row.remoteCidr;
  const remote = cidr ?? row.remoteGroupId ?? row.remoteAddressSetId ?? '';
  const protocol = row.protocol === 'icmpv6' ? 'icmp' : row.protocol;
  return [row.securityGroupId, row.direction, row.stateless, row.priority, row.action, protocol ?? '', remote].join(
    ' ',
  );
}

export const indexes = {
  'logical-switches': { datapathKey: row => [row.datapathKey] },
  subnets: { logicalSwitchId: row => [row.logicalSwitchId] },
  'security-groups': {},
  'address-sets': {},
  'security-group-rules': {
    securityGroupId: row => [row.securityGroupId],
    number: row => [row.number],
    /** Those of one group that may match the same packets with the same priority and say the same. */
    rivals: row => [ruleRivals(row)],
    remoteGroupId: row => one(row.remoteGroupId),
    remoteAddressSetId: row => one(row.remoteAddressSetId),
  },
  'logical-switch-ports': {
    logicalSwitchId: row => [row.logicalSwitchId],
    parentId: row => one(row.parentId),
    /** By switch: only its local ports. */
    local: row => (row.local === null ? [] : [row.logicalSwitchId]),
    securityGroups: row => row.securityGroups,
    /** By the name of the hypervisor that is asked for. */
    hypervisor: row => one(row.hypervisor),
    /** By switch: only its ports whose source MACs are learned. */
    learning: row => (learnsMacs(row) ? [row.logicalSwitchId] : []),
    /** By switch: only its ports that may have addresses which no row names. */
    unlisted: row => (mayHaveUnlistedAddresses(row) ? [row.logicalSwitchId] : []),
  },
  'virtual-addresses': {
    logicalSwitchId: row => [row.logicalSwitchId],
    address: row => [virtualPlace(row.logicalSwitchId, row.ip)],
  },
  'logical-routers': { datapathKey: row => [row.datapathKey] },
  'logical-router-ports': {
    logicalRouterId: row => [row.logicalRouterId],
    logicalSwitchId: row => one(row.logicalSwitchId),
    peerId: row => one(row.peerId),
    broadcast: row =>
      row.networks.flatMap(broadcastAddress).map(address => broadcastPlace(row.logicalRouterId, address)),
  },
  'static-routes': {
    logicalRouterId: row => [row.logicalRouterId],
    destination: row => [routeDestination(row.logicalRouterId, row.destination)],
  },
  'policy-routes': { logicalRouterId: row => [row.logicalRouterId] },
  'static-neighbours': { logicalRouterPortId: row => [row.logicalRouterPortId] },
  'bfd-sessions': {
    logicalRouterPortId: row => [row.logicalRouterPortId],
    neighbour: row => [neighbourPlace(row.logicalRouterPortId, row.ip)],
    /** That are wanted. */
    enabled: row => (row.enabled ? [all] : []),
  },
  'qos-rules': {
    logicalSwitchPortId: row => one(row.logicalSwitchPortId),
    logicalSwitchId: row => one(row.logicalSwitchId),
  },
  mirrors: {
    logicalSwitchPortId: row => [row.logicalSwitchPortId],
    collectorPortId: row => one(row.collectorPortId),
    /** Those that leave the logical networks through a tunnel. */
    remote: row => (row.kind === 'local' ? [] : [all]),
  },
  'load-balancers': {
    /** By logical switch or router. */
    attached: attachmentsOf,
    virtualAddress: row => attachmentsOf(row).map(id => virtualAddress(id, row.vip)),
    /** The same, of those alone whose backends are checked. */
    checkedAddress: row => (row.healthCheck === null ? [] : attachmentsOf(row).map(id => virtualAddress(id, row.vip))),
    /** Whose backends are checked. */
    checked: row => (row.healthCheck === null ? [] : [all]),
    backend: row =>
      attachmentsOf(row).flatMap(id => backendsInUse(row).map(backend => backendOf(id, row.protocol, backend))),
  },
  'nat-rules': {
    logicalRouterId: row => [row.logicalRouterId],
    external: row => [sharedExternal(row.logicalRouterId, row.externalIp)],
    calledInside: row => (row.kind === 'snat' ? [] : [logicalAddress(row.logicalRouterId, row.logicalIp)]),
    logicalSwitchPortId: row => one(row.logicalSwitchPortId),
    /** By the switch outside: those that have an address there of their own. */
    outsideSwitchId: row => (row.kind === 'floating_ip' ? one(row.outsideSwitchId) : []),
  },
  hypervisors: {
    all: () => [all],
    key: row => [row.hypervisorKey],
    /** By the address of its tunnels: only those that may join. */
    encapIp: row => (row.allowed ? one(row.encapIp) : []),
  },
  'dhcp-options': {
    logicalSwitchPortId: row => one(row.logicalSwitchPortId),
    subnetId: row => one(row.subnetId),
  },
  'dns-records': { logicalSwitchId: row => [row.logicalSwitchId] },
  'port-bindings': {
    logicalSwitchPortId: row => [row.logicalSwitchPortId],
    hypervisorId: row => [row.hypervisorId],
  },
  tokens: { digest: row => [row.digest] },
  'join-tokens': {},
  quotas: {},
  'neutron-objects': {
    /** Of the collections alone whose objects are found by what is said of them. */
    collection: row => (isListed(row.collection) ? [row.collection] : []),
  },
  fleet: {},
  'hypervisor-keys': {},
  residencies: { datapathId: row => [row.datapathId], hypervisorId: row => [row.hypervisorId] },
  'mesh-members': { meshId: row => [row.meshId], hypervisorId: row => [row.hypervisorId] },
  'switch-presences': { logicalSwitchId: row => [row.logicalSwitchId], hypervisorId: row => [row.hypervisorId] },
  'bound-ports': {
    logicalSwitchId: row => [row.logicalSwitchId],
    hypervisorId: row => [row.hypervisorId],
    presence: row => [presenceId(row.logicalSwitchId, row.hypervisorId)],
    number: row => [row.number],
    zone: row => [zonePlace(row.hypervisorId, row.ctZone)],
  },
  'local-places': { portId: row => [row.portId], hypervisorId: row => [row.hypervisorId] },
  'physical-attachments': { hypervisorId: row => [row.hypervisorId] },
  'gateway-places': {
    logicalRouterId: row => [row.logicalRouterId],
    logicalSwitchId: row => [row.logicalSwitchId],
    hypervisorId: row => [row.hypervisorId],
  },
  'gateway-pairs': { hypervisorId: row => [row.hypervisorId] },
  'floating-places': { logicalRouterId: row => [row.logicalRouterId] },
  'egress-queues': { hypervisorId: row => [row.hypervisorId] },
  'port-groups': {},
  'group-traits': {},
  'remote-addresses': {},
  'balanced-switches': {},
} as const satisfies Indexes;

export type IndexName<K extends ViewKind> = Extract<keyof (typeof indexes)[K], string>;
