import { formatIp } from '../../base/address.js';
import { pointerTo, WeftError } from '../../base/errors.js';
import type { LogicalRouterPort, Subnet } from '../../model/index.js';
import {
  checkPeer,
  checkRouterPortFits,
  checkRouterPortNetworks,
  isConnected,
  knownCidr,
} from '../../model/invariants.js';
import { refuse } from '../../model/value-types.js';
import type { Claim } from '../claims.js';
import type { UnitOfWork } from '../unit-of-work.js';
import type { Behaviour } from './behaviour.js';
import { requireRow } from './require.js';

export const logicalRouterPortBehaviour: Behaviour<'logical-router-ports'> = {
  async complete(unit, request, current, common) {
    const logicalRouterId = request.logicalRouterId ?? refuse('missing_member', '/logical_router_id', 'It is missing.');
    const logicalSwitchId = request.logicalSwitchId ?? null;
    const networks = request.networks ?? [];
    await requireRow(unit, 'logical-routers', logicalRouterId, '/logical_router_id');
    const subnets = logicalSwitchId === null ? [] : await subnetsOf(unit, logicalSwitchId);
    const sameSwitch = current !== null && current.logicalSwitchId === logicalSwitchId;
    const row: LogicalRouterPort = {
      ...common,
      logicalRouterId,
      logicalSwitchId,
      peerId: request.peerId ?? null,
      mac: request.mac ?? current?.mac ?? unit.allocator.mac(logicalSwitchId),
      networks,
      portKey: current?.portKey ?? (await unit.allocator.portKey(logicalRouterId)),
      switchPortKey:
        logicalSwitchId === null
          ? null
          : sameSwitch
            ? current.switchPortKey
            : await unit.allocator.portKey(logicalSwitchId),
    };
    checkRouterPortNetworks(row, await unit.children('logical-router-ports', 'logicalRouterId', logicalRouterId));
    checkRouterPortFits(row, subnets);
    if (current !== null) await refuseLosingRoutes(unit, current, row);
    return row;
  },
  claims: row =>
    row.logicalSwitchId === null
      ? [routerKeyClaim(row)]
      : [routerKeyClaim(row), ...switchClaims(row, row.logicalSwitchId)],
  async release(unit, row, cascade, remove) {
    await unit.get('logical-routers', row.logicalRouterId);
    const lost = await lostRoutes(unit, row, null);
    if (lost.length > 0 && !cascade) throw routesInUse(lost);
    for (const { kind, id } of lost) await remove(kind, id);
  },
};

async function subnetsOf(unit: UnitOfWork, logicalSwitchId: string): Promise<Subnet[]> {
  await requireRow(unit, 'logical-switches', logicalSwitchId, '/logical_switch_id');
  return unit.children('subnets', 'logicalSwitchId', logicalSwitchId);
}

function routerKeyClaim(row: LogicalRouterPort): Claim {
  return { scope: row.logicalRouterId, class: 'port_key', value: String(row.portKey), pointer: '', subnetId: null };
}

function switchClaims(row: LogicalRouterPort, scope: string): Claim[] {
  const addresses = row.networks.map((network, index): Claim => {
    const { family, address } = knownCidr(network);
    return {
      scope,
      class: 'ip',
      value: formatIp(family, address),
      pointer: pointerTo('/networks', index),
      subnetId: null,
    };
  });
  return [
    { scope, class: 'mac', value: row.mac, pointer: '/mac', subnetId: null },
    { scope, class: 'port_key', value: String(row.switchPortKey), pointer: '', subnetId: null },
    ...addresses,
  ];
}

/** A route that would have a next hop which its router cannot reach. */
interface LostRoute {
  readonly kind: 'static-routes' | 'policy-routes';
  readonly id: string;
  readonly nextHop: string;
}

/** Routes with a next hop that is reached through this port alone: with `after` as it is to be, or null if it goes. */
async function lostRoutes(
  unit: UnitOfWork,
  before: LogicalRouterPort,
  after: LogicalRouterPort | null,
): Promise<readonly LostRoute[]> {
  const { logicalRouterId } = before;
  const routes = await unit.children('static-routes', 'logicalRouterId', logicalRouterId);
  const policies = await unit.children('policy-routes', 'logicalRouterId', logicalRouterId);
  const ports = await unit.children('logical-router-ports', 'logicalRouterId', logicalRouterId);
  const others = ports.filter(port => port.id !== before.id);
  const remaining = after === null ? others : [...others, after];
  const isLost = (nextHop: string): boolean => isConnected(nextHop, [before]) && !isConnected(nextHop, remaining);
  return [
    ...routes.flatMap(({ id, nextHop }) =>
      nextHop !== null && isLost(nextHop) ? [{ kind: 'static-routes', id, nextHop } as const] : [],
    ),
    ...policies.flatMap(({ id, nextHops }) =>
      nextHops
        .filter(isLost)
        .slice(0, 1)
        .map(nextHop => ({ kind: 'policy-routes', id, nextHop }) as const),
    ),
  ];
}

async function refuseLosingRoutes(
  unit: UnitOfWork,
  before: LogicalRouterPort,
  after: LogicalRouterPort,
): Promise<void> {
  const lost = await lostRoutes(unit, before, after);
  if (lost.length > 0) throw routesInUse(lost, '/networks');
}

function routesInUse(routes: readonly LostRoute[], pointer?: string): WeftError {
  return new WeftError('in_use', {
    detail: `${routes.length} routes have a next hop in its networks, such as ${routes[0]?.nextHop ?? ''}.`,
    related: routes.map(({ kind, id }) => ({ kind, id })),
    ...(pointer === undefined ? {} : { pointer }),
  });
}

/**
 * Joins and parts peers, once all operations of the transaction are done: two ports may be created in one transaction, each
 * naming the other. Afterwards a port's peer is a port of another router, and that port's peer is this one.
 */
export async function settlePeers(unit: UnitOfWork): Promise<void> {
  for (const { before, after, operation } of unit.changesOf('logical-router-ports')) {
    unit.operation = operation;
    if (before !== null && before.peerId !== null && before.peerId !== after?.peerId)
      await part(unit, before.peerId, before.id);
    if (after !== null && after.peerId !== null && after.peerId !== before?.peerId)
      await join(unit, after, after.peerId);
  }
}

async function part(unit: UnitOfWork, id: string, from: string): Promise<void> {
  const peer = await unit.get('logical-router-ports', id);
  if (peer?.peerId === from) unit.put('logical-router-ports', id, { ...peer, peerId: null, updatedAt: unit.now });
}

async function join(unit: UnitOfWork, port: LogicalRouterPort, peerId: string): Promise<void> {
  const peer = await requireRow(unit, 'logical-router-ports', peerId, '/peer_id');
  checkPeer(port, peer);
  if (peer.peerId === null) unit.put('logical-router-ports', peerId, { ...peer, peerId: port.id, updatedAt: unit.now });
}
