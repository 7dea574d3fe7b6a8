/** The tunnel ports of a host's bridge that lead to whomever a flow says: hypervisors, and collectors of mirrors. */
import type { DatabaseSnapshot } from '../../southbound/ovsdb/replica.js';
import type { Row } from '../../southbound/ovsdb/schema.js';
import {
  adding,
  byUuid,
  insert,
  mutate,
  named,
  removing,
  removingKeys,
  update,
  type Mutation,
  type Operation,
} from '../../southbound/ovsdb/transact.js';
import { type Encapsulation, encapsulations } from '../model/hypervisor.js';
import {
  MIRROR_OFPORTS,
  type MirrorTunnel,
  mirrorTunnels,
  TUNNEL_OFPORTS,
  TUNNEL_PORT_NAMES,
} from '../model/tunnel-ports.js';
import { isOwned, ownerKey, rowsOf } from './ovsdb-ownership.js';

type TunnelType = Encapsulation | MirrorTunnel;

/** What of a host its tunnels depend on. */
interface TunnelEnd {
  readonly databaseId: string;
  readonly encapIp: string;
  readonly encapsulations: readonly Encapsulation[];
  readonly mirrorTunnels: readonly MirrorTunnel[];
}

const tunnelTypes: readonly TunnelType[] = [...encapsulations, ...mirrorTunnels];
const ofports: Readonly<Record<TunnelType, number>> = { ...TUNNEL_OFPORTS, ...MIRROR_OFPORTS };

/** ERSPAN type II; the index is of no use to anybody, and Open vSwitch wants one. */
const erspanOptions: readonly (readonly [string, string])[] = [
  ['erspan_ver', '1'],
  ['erspan_idx', '1'],
];

/** Every tunnel that the host should have. */
export function tunnelsOf(desired: Pick<TunnelEnd, 'encapsulations' | 'mirrorTunnels'>): readonly TunnelType[] {
  return [...desired.encapsulations, ...desired.mirrorTunnels];
}

/** The mark on rows that are ours. */
export function ownerIds(desired: Pick<TunnelEnd, 'databaseId'>): ReadonlyMap<string, string> {
  return new Map([[ownerKey, desired.databaseId]]);
}

/** Mutations that set these external_ids, whatever they were. */
export function settingIds(
  table: 'Bridge' | 'Manager' | 'Port' | 'QoS' | 'Queue',
  pairs: ReadonlyMap<string, string>,
): readonly Mutation[] {
  return [removingKeys(table, 'external_ids', [...pairs.keys()]), adding(table, 'external_ids', pairs)];
}

/** The pairs of `wanted` that `present` has not. */
export function lacking(
  present: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  return new Map([...wanted].filter(([key, value]) => present.get(key) !== value));
}

function tunnelOptions(desired: TunnelEnd, type: TunnelType): ReadonlyMap<string, string> {
  return new Map([
    ['key', 'flow'],
    ['local_ip', desired.encapIp],
    ['remote_ip', 'flow'],
    ...(type === 'erspan' ? erspanOptions : []),
  ]);
}

/** A tunnel port and its interface, under names of the transaction. */
export function insertTunnel(desired: TunnelEnd, type: TunnelType) {
  const name = TUNNEL_PORT_NAMES[type];
  const device = named(`interface_${type}`);
  const port = named(`port_${type}`);
  const row = { name, type, options: tunnelOptions(desired, type), ofport_request: ofports[type] };
  const operations = [
    insert('Interface', row, device),
    insert('Port', { name, interfaces: [device], external_ids: ownerIds(desired) }, port),
  ];
  return { port, operations };
}

/** Exactly the tunnel ports that are wanted. */
export function planTunnels(
  database: DatabaseSnapshot,
  bridge: Row<'Bridge'>,
  desired: TunnelEnd,
): readonly Operation[] {
  const where = [byUuid(bridge._uuid)];
  const ports = rowsOf(bridge.ports, database.rows('Port'));
  return tunnelTypes.flatMap(type => {
    const port = ports.find(row => row.name === TUNNEL_PORT_NAMES[type]);
    const isWanted = tunnelsOf(desired).includes(type);
    if (port && isWanted) return maintainTunnel(database, port, type, desired);
    if (port && isOwned(port)) return [mutate('Bridge', where, [removing('Bridge', 'ports', [port._uuid])])];
    if (!isWanted) return [];
    const tunnel = insertTunnel(desired, type);
    return [...tunnel.operations, mutate('Bridge', where, [adding('Bridge', 'ports', [tunnel.port])])];
  });
}

/** Options that somebody added to a tunnel port of ours (`csum`, `dst_port`, ...) stay. */
function maintainTunnel(
  database: DatabaseSnapshot,
  port: Row<'Port'>,
  type: TunnelType,
  desired: TunnelEnd,
): readonly Operation[] {
  const marks = lacking(port.external_ids, ownerIds(desired));
  const onInterfaces = rowsOf(port.interfaces, database.rows('Interface')).flatMap(row => {
    const where = [byUuid(row._uuid)];
    const isRight = row.type === type && row.ofport_request === ofports[type];
    const options = lacking(row.options, tunnelOptions(desired, type));
    const replaced = removingKeys('Interface', 'options', [...options.keys()]);
    return [
      ...(isRight ? [] : [update('Interface', where, { type, ofport_request: ofports[type] })]),
      ...(options.size > 0 ? [mutate('Interface', where, [replaced, adding('Interface', 'options', options)])] : []),
    ];
  });
  if (marks.size === 0) return onInterfaces;
  return [mutate('Port', [byUuid(port._uuid)], settingIds('Port', marks)), ...onInterfaces];
}
