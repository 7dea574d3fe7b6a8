/**
 * The patch ports that join a host's bridge of ours with its bridges of physical networks. One of each pair is on a bridge that is
 * not ours: nothing else of that bridge is touched, and the port goes when no logical switch needs it.
 */
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
  type Operation,
} from '../../southbound/ovsdb/transact.js';
import { providerOfport, providerPortNames } from '../model/provider-ports.js';
import { isOwned, ownerKey, rowsOf } from './ovsdb-ownership.js';
import { lacking, ownerIds, settingIds } from './ovsdb-tunnels.js';

/** A physical network that a host is to be joined with, and the bridge that leads there. */
export interface PhysicalNetworkJoint {
  /** Number of the physical network. */
  readonly key: number;
  readonly bridge: string;
}

interface Desired {
  readonly databaseId: string;
  readonly bridge: string;
  readonly physicalNetworks: readonly PhysicalNetworkJoint[];
}

/** One of the two ports of a pair, and where it should be. */
interface PatchPort {
  readonly bridge: Row<'Bridge'>;
  readonly name: string;
  readonly peer: string;
  /** Null: any. */
  readonly ofport: number | null;
}

/** Names that ports of ours have on bridges that are not ours. */
const outsideName = /^weft-int-\d+$/;
const insideName = /^weft-phys-\d+$/;

/** Why a host's bridge cannot be joined with that of a physical network; null if it can. */
export function obstacleToJoint(
  database: DatabaseSnapshot,
  ours: string,
  { key, bridge: name }: PhysicalNetworkJoint,
): string | null {
  if (name === ours) return `${name} is Weft's own bridge, which leads to no physical network`;
  const bridges = [...database.rows('Bridge').values()];
  const bridge = bridges.find(row => row.name === name);
  if (bridge === undefined) return `there is no bridge ${name}`;
  const [type, ownType] = [bridge, bridges.find(row => row.name === ours)].map(row => row?.datapath_type || 'system');
  if (type !== ownType)
    return `bridge ${name} has the datapath type ${type} and ${ours} ${ownType}: no port can join them`;
  const names = Object.values(providerPortNames(key));
  for (const port of database.rows('Port').values()) {
    if (!names.includes(port.name) || isOwned(port)) continue;
    const holder = bridges.find(row => row.ports.includes(port._uuid));
    return `the name ${port.name} is taken by a port of bridge ${holder?.name ?? '(none)'} that is not Weft's`;
  }
  return null;
}

/** Why a host's bridge is not joined with that of a physical network (yet); null if it is. */
export function whyNotJoined(database: DatabaseSnapshot, ours: string, joint: PhysicalNetworkJoint): string | null {
  const obstacle = obstacleToJoint(database, ours, joint);
  if (obstacle !== null) return obstacle;
  const { inside, outside } = providerPortNames(joint.key);
  const interfaces = [...database.rows('Interface').values()];
  const [own, other] = [inside, outside].map(name => interfaces.find(row => row.name === name));
  if (own === undefined || other === undefined) return 'its patch ports are not made yet';
  const error = own.error ?? other.error;
  if (error !== null) return `Open vSwitch says: ${error}`;
  if (own.ofport === null) return 'its patch ports are not up yet';
  const wanted = providerOfport(joint.key);
  return own.ofport === wanted
    ? null
    : `its port ${inside} has the number ${own.ofport}, and ${wanted} belongs to another`;
}

/** Exactly the pairs that are wanted and possible. `ours` is the row of our bridge. */
export function planJoints(database: DatabaseSnapshot, ours: Row<'Bridge'>, desired: Desired): readonly Operation[] {
  const bridges = [...database.rows('Bridge').values()];
  const wanted = desired.physicalNetworks.flatMap((joint): readonly PatchPort[] => {
    const bridge = bridges.find(row => row.name === joint.bridge);
    if (bridge === undefined || obstacleToJoint(database, desired.bridge, joint) !== null) return [];
    const { inside, outside } = providerPortNames(joint.key);
    return [
      { bridge: ours, name: inside, peer: outside, ofport: providerOfport(joint.key) },
      { bridge, name: outside, peer: inside, ofport: null },
    ];
  });
  return [
    ...bridges.flatMap(bridge =>
      removal(database, bridge, port => {
        const isName = (bridge === ours ? insideName : outsideName).test(port.name);
        const isElsewhere = !wanted.some(each => each.bridge === bridge && each.name === port.name);
        return isName && isOwned(port) && isElsewhere;
      }),
    ),
    ...wanted.flatMap(port => maintainPort(database, port, desired)),
  ];
}

/** What is left of pairs once our bridge is gone: the ports on the bridges of others. */
export function planJointRemoval(database: DatabaseSnapshot, databaseId: string): readonly Operation[] {
  return [...database.rows('Bridge').values()].flatMap(bridge =>
    removal(
      database,
      bridge,
      port => outsideName.test(port.name) && port.external_ids.get(ownerKey) === databaseId && !isOwned(bridge),
    ),
  );
}

function removal(
  database: DatabaseSnapshot,
  bridge: Row<'Bridge'>,
  isGoing: (port: Row<'Port'>) => boolean,
): readonly Operation[] {
  const going = rowsOf(bridge.ports, database.rows('Port')).filter(isGoing);
  if (going.length === 0) return [];
  const uuids = going.map(port => port._uuid);
  return [mutate('Bridge', [byUuid(bridge._uuid)], [removing('Bridge', 'ports', uuids)])];
}

function maintainPort(database: DatabaseSnapshot, port: PatchPort, desired: Desired): readonly Operation[] {
  const { bridge, name, peer, ofport } = port;
  const present = rowsOf(bridge.ports, database.rows('Port')).find(row => row.name === name);
  const request = ofport === null ? {} : { ofport_request: ofport };
  if (present === undefined) {
    const device = named(`interface_${name.replaceAll('-', '_')}`);
    const row = named(`port_${name.replaceAll('-', '_')}`);
    return [
      insert('Interface', { name, type: 'patch', options: new Map([['peer', peer]]), ...request }, device),
      insert('Port', { name, interfaces: [device], external_ids: ownerIds(desired) }, row),
      mutate('Bridge', [byUuid(bridge._uuid)], [adding('Bridge', 'ports', [row])]),
    ];
  }
  const marks = lacking(present.external_ids, ownerIds(desired));
  return [
    ...(marks.size === 0 ? [] : [mutate('Port', [byUuid(present._uuid)], settingIds('Port', marks))]),
    ...rowsOf(present.interfaces, database.rows('Interface')).flatMap(row => {
      const where = [byUuid(row._uuid)];
      const isRight = row.type === 'patch' && (ofport === null || row.ofport_request === ofport);
      const leadsThere = row.options.get('peer') === peer;
      const leading = [
        removingKeys('Interface', 'options', ['peer']),
        adding('Interface', 'options', new Map([['peer', peer]])),
      ];
      return [
        ...(isRight ? [] : [update('Interface', where, { type: 'patch', ...request })]),
        ...(leadsThere ? [] : [mutate('Interface', where, leading)]),
      ];
    }),
  ];
}
