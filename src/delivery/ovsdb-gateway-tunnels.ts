/** The ports of a host's bridge by which it watches single other hypervisors, and is watched: tunnels with BFD. */
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
  type Condition,
  type Operation,
} from '../../southbound/ovsdb/transact.js';
import {
  BFD_INTERVAL_MS,
  type BfdSession,
  bfdSessionOf,
  type GatewayTunnel,
  gatewayTunnelName,
  gatewayTunnelOfport,
  isGatewayTunnelName,
} from '../model/gateway-tunnels.js';
import { isOwned, rowsOf } from './ovsdb-ownership.js';
import type { PhysicalNetworkJoint } from './ovsdb-provider.js';
import { lacking, ownerIds, settingIds } from './ovsdb-tunnels.js';

interface Desired {
  readonly databaseId: string;
  readonly encapIp: string;
  readonly gatewayTunnels: readonly GatewayTunnel[];
  readonly physicalNetworks: readonly PhysicalNetworkJoint[];
}

/** The key by which a hypervisor tells those that watch it to take it for gone, though it lives. */
const notToBeUsed = 'cpath_down';

/** Both directions at one pace, so that both sides know a loss at the same time. */
const timers: readonly (readonly [string, string])[] = [
  ['enable', 'true'],
  ['min_rx', String(BFD_INTERVAL_MS)],
  ['min_tx', String(BFD_INTERVAL_MS)],
];

/** No card of a bridge that leads to a physical network has a link: whatever the tunnels do, nothing gets out there. */
function hasLostUplink(database: DatabaseSnapshot, { physicalNetworks }: Desired): boolean {
  const names = new Set(physicalNetworks.map(({ bridge }) => bridge));
  if (names.size === 0) return false;
  const bridges = [...database.rows('Bridge').values()].filter(({ name }) => names.has(name));
  return bridges.some(bridge => {
    const ports = rowsOf(bridge.ports, database.rows('Port'));
    const cards = ports
      .flatMap(port => rowsOf(port.interfaces, database.rows('Interface')))
      .filter(({ type }) => type !== 'internal' && type !== 'patch');
    return cards.length > 0 && cards.every(card => card.link_state === 'down');
  });
}

/**
 * The key 0, which no datapath has: Open vSwitch gives what a peer sends to the port that names it only where the key fits too. So what
 * logical networks send comes in by the port for all, whether this one is there or not.
 */
function optionsOf({ encapIp }: Desired, { remoteIp }: GatewayTunnel): ReadonlyMap<string, string> {
  return new Map([
    ['key', '0'],
    ['local_ip', encapIp],
    ['remote_ip', remoteIp],
  ]);
}

/** Exactly the tunnels that are wanted. */
export function planGatewayTunnels(
  database: DatabaseSnapshot,
  bridge: Row<'Bridge'>,
  desired: Desired,
): readonly Operation[] {
  const ports = new Map(
    rowsOf(bridge.ports, database.rows('Port')).flatMap(row =>
      isGatewayTunnelName(row.name) ? [[row.name, row]] : [],
    ),
  );
  const wanted = new Map(desired.gatewayTunnels.map(tunnel => [gatewayTunnelName(tunnel.peerKey), tunnel]));
  const going = [...ports.values()].filter(port => !wanted.has(port.name) && isOwned(port)).map(({ _uuid }) => _uuid);
  const where = [byUuid(bridge._uuid)];
  if (wanted.size === 0 && going.length === 0) return [];
  const isLost = hasLostUplink(database, desired);
  const bfd = new Map(isLost ? [...timers, [notToBeUsed, 'true']] : timers);
  return [
    ...(going.length === 0 ? [] : [mutate('Bridge', where, [removing('Bridge', 'ports', going)])]),
    ...[...wanted].flatMap(([name, tunnel]) => {
      const port = ports.get(name);
      if (port !== undefined) return maintain(database, port, tunnel, { ...desired, bfd });
      const device = named(`interface_bfd_${tunnel.peerKey}`);
      const row = named(`port_bfd_${tunnel.peerKey}`);
      return [
        insert('Interface', { name, ...deviceOf(tunnel), options: optionsOf(desired, tunnel), bfd }, device),
        insert('Port', { name, interfaces: [device], external_ids: ownerIds(desired) }, row),
        mutate('Bridge', where, [adding('Bridge', 'ports', [row])]),
      ];
    }),
  ];
}

function deviceOf({ peerKey, encapsulation }: GatewayTunnel) {
  return { type: encapsulation, ofport_request: gatewayTunnelOfport(peerKey) } as const;
}

/** What somebody added to the options or to the timers of BFD stays. */
function maintain(
  database: DatabaseSnapshot,
  port: Row<'Port'>,
  tunnel: GatewayTunnel,
  desired: Desired & { readonly bfd: ReadonlyMap<string, string> },
): readonly Operation[] {
  const marks = lacking(port.external_ids, ownerIds(desired));
  const device = deviceOf(tunnel);
  return [
    ...(marks.size === 0 ? [] : [mutate('Port', [byUuid(port._uuid)], settingIds('Port', marks))]),
    ...rowsOf(port.interfaces, database.rows('Interface')).flatMap(row => {
      const where = [byUuid(row._uuid)];
      const isRight = row.type === device.type && row.ofport_request === device.ofport_request;
      const [options, bfd] = [lacking(row.options, optionsOf(desired, tunnel)), lacking(row.bfd, desired.bfd)];
      const isToBeUsedAgain = row.bfd.has(notToBeUsed) && !desired.bfd.has(notToBeUsed);
      return [
        ...(isRight ? [] : [update('Interface', where, device)]),
        ...(options.size === 0 ? [] : [setting(where, 'options', options)]),
        ...(bfd.size === 0 ? [] : [setting(where, 'bfd', bfd)]),
        ...(isToBeUsedAgain ? [mutate('Interface', where, [removingKeys('Interface', 'bfd', [notToBeUsed])])] : []),
      ];
    }),
  ];
}

function setting(
  where: readonly Condition[],
  column: 'options' | 'bfd',
  pairs: ReadonlyMap<string, string>,
): Operation {
  return mutate('Interface', where, [
    removingKeys('Interface', column, [...pairs.keys()]),
    adding('Interface', column, pairs),
  ]);
}

/** What a host says of those that it watches, by their keys. */
export function bfdSessions(database: DatabaseSnapshot): ReadonlyMap<number, BfdSession> {
  const sessions = new Map<number, BfdSession>();
  for (const { name, bfd_status } of database.rows('Interface').values()) {
    if (!isGatewayTunnelName(name)) continue;
    sessions.set(Number(name.slice(name.lastIndexOf('-') + 1)), bfdSessionOf(bfd_status));
  }
  return sessions;
}
