/** What is done to routers beside changing them: interfaces on networks, and routes one by one. */
import type { FastifyRequest } from 'fastify';
import { cidrContains } from '../../src/base/address.js';
import type { LogicalRouter, LogicalRouterPort, Subnet } from '../../src/model/index.js';
import { knownCidr, knownIp, subnetOf } from '../../src/model/invariants.js';
import { isObject } from '../../src/model/value-types.js';
import type { Act } from './act.js';
import { access, type Edge, idOf } from './edge.js';
import { badRequest, badRequestOf, NeutronFault, notFound } from './faults.js';
import { cidr, ip, list, members, uuid } from './forms.js';
import { fixedIpsOf } from './port-rows.js';
import { represent, requireWriter } from './resource.js';
import { snatAddressOf } from './router-gateway.js';
import { settleSnat } from './router-snat.js';
import { extraRoutesOf, requireRouter, type Route, setRoutes } from './routers.js';
import type { Scene } from './scene.js';

/** What a body names: a subnet, a port, or both. */
interface Interface {
  readonly subnetId: string | null;
  readonly portId: string | null;
}

function interfaceIn(body: unknown): Interface {
  const read = (name: string): string | null => {
    const value = isObject(body) ? (body[name] ?? null) : null;
    return value === null ? null : uuid.read(value, name);
  };
  const [subnetId, portId] = [read('subnet_id'), read('port_id')];
  if (subnetId === null && portId === null)
    throw badRequestOf('router', 'Either subnet_id or port_id must be specified');
  return { subnetId, portId };
}

function requireSubnet(scene: Scene, id: string): Subnet {
  const subnet = scene.get('subnets', id);
  if (subnet === null) throw notFound('Subnet', id);
  return subnet;
}

/** The port of a router on a subnet, as the view has it. */
function portOn(scene: Scene, router: LogicalRouter, subnetId: string): LogicalRouterPort | null {
  const ports = scene.view.by('logical-router-ports', 'logicalRouterId', router.id);
  return (
    ports.find(
      port => port.logicalSwitchId !== null && fixedIpsOf(scene, port).some(each => each.subnet_id === subnetId),
    ) ?? null
  );
}

/** What both actions answer. */
interface Done {
  readonly portId: string;
  readonly networkId: string;
  readonly subnetIds: readonly string[];
}

function answerOf(router: LogicalRouter, { portId, networkId, subnetIds }: Done) {
  const { id, projectId } = router;
  const [subnetId] = subnetIds;
  return {
    id,
    tenant_id: projectId,
    project_id: projectId,
    port_id: portId,
    network_id: networkId,
    subnet_id: subnetId,
    subnet_ids: subnetIds,
  };
}

const again = (subnetId: string): NeutronFault =>
  badRequestOf('router', `Router already has a port on subnet ${subnetId}`);

async function addSubnet(act: Act, router: LogicalRouter, subnet: Subnet): Promise<Done> {
  const { scene } = act;
  if (portOn(scene, router, subnet.id) !== null) throw again(subnet.id);
  if (subnet.gatewayIp === null) throw badRequestOf('router', 'Subnet for router interface must have a gateway IP');
  const network = scene.view.get('logical-switches', subnet.logicalSwitchId);
  const owner = scene.owns(subnet) || (network !== null && scene.owns(network));
  if (!owner) throw notFound('Subnet', subnet.id);
  const used = scene.view
    .by('logical-router-ports', 'logicalSwitchId', subnet.logicalSwitchId)
    .find(port => port.networks.some(each => each.startsWith(`${subnet.gatewayIp ?? ''}/`)));
  if (used !== undefined)
    throw new NeutronFault(
      409,
      'IpAddressInUse',
      `Unable to complete operation for network ${subnet.logicalSwitchId}. The IP address ${subnet.gatewayIp} is in use.`,
    );
  const id = act.newId();
  await act.tx.create('logical-router-ports', {
    id,
    name: id,
    project_id: router.projectId,
    logical_router_id: router.id,
    logical_switch_id: subnet.logicalSwitchId,
    networks: [`${subnet.gatewayIp}/${knownCidr(subnet.cidr).prefixLength}`],
  });
  await settleSnat(act, router, { externalIp: snatAddressOf(scene, router), added: [subnet].filter(isOfIpv4) });
  return { portId: id, networkId: subnet.logicalSwitchId, subnetIds: [subnet.id] };
}

const isOfIpv4 = ({ cidr: range }: Subnet): boolean => knownCidr(range).family === 4;

/** A port that somebody made becomes the router's, with its id and its addresses. */
async function addPort(act: Act, router: LogicalRouter, portId: string): Promise<Done> {
  const { scene } = act;
  const port = scene.get('logical-switch-ports', portId);
  if (port === null) {
    const taken = scene.get('logical-router-ports', portId);
    if (taken === null) throw notFound('Port', portId);
    throw new NeutronFault(
      409,
      'PortInUse',
      `Unable to complete operation on port ${portId}: it is used by router ${taken.logicalRouterId}.`,
    );
  }
  const device = scene.said(portId)['device_id'];
  if (typeof device === 'string' && device !== '')
    throw new NeutronFault(
      409,
      'PortInUse',
      `Unable to complete operation on port ${portId} for network ${port.logicalSwitchId}. Port already has an attached device ${device}.`,
    );
  if (port.ips.length === 0) throw badRequestOf('router', 'Router port must have at least one fixed IP');
  const subnetIds = [...new Set(port.ips.map(each => each.subnetId))];
  for (const subnetId of subnetIds) if (portOn(scene, router, subnetId) !== null) throw again(subnetId);
  const networks = port.ips.map(({ ip: address, subnetId }) => {
    const subnet = scene.view.get('subnets', subnetId);
    return `${address}/${subnet === null ? 32 : knownCidr(subnet.cidr).prefixLength}`;
  });
  await act.tx.delete('logical-switch-ports', portId);
  await act.tx.create('logical-router-ports', {
    id: portId,
    name: port.name,
    project_id: port.projectId,
    logical_router_id: router.id,
    logical_switch_id: port.logicalSwitchId,
    mac: port.mac,
    networks,
  });
  const added = subnetIds.flatMap(id => scene.view.get('subnets', id) ?? []).filter(isOfIpv4);
  await settleSnat(act, router, { externalIp: snatAddressOf(scene, router), added });
  return { portId, networkId: port.logicalSwitchId, subnetIds };
}

async function removeInterface(act: Act, router: LogicalRouter, { subnetId, portId }: Interface): Promise<Done> {
  const { scene } = act;
  if (subnetId !== null && portId === null) requireSubnet(scene, subnetId);
  const port = portId === null ? portOn(scene, router, subnetId ?? '') : scene.get('logical-router-ports', portId);
  if (port === null || port.logicalRouterId !== router.id || port.logicalSwitchId === null)
    throw new NeutronFault(
      404,
      portId === null ? 'RouterInterfaceNotFoundForSubnet' : 'RouterInterfaceNotFound',
      `Router ${router.id} has no interface ${portId === null ? 'on subnet' : 'with id'} ${portId ?? subnetId ?? ''}`,
    );
  const addresses = fixedIpsOf(scene, port);
  if (subnetId !== null && !addresses.some(each => each.subnet_id === subnetId))
    throw new NeutronFault(
      409,
      'SubnetMismatchForPort',
      `Subnet on port ${port.id} does not match the requested subnet ${subnetId}`,
    );
  const done = { portId: port.id, networkId: port.logicalSwitchId };
  const removedIds = portId === null && subnetId !== null ? [subnetId] : addresses.map(each => each.subnet_id);
  refuseFloating(scene, router, removedIds);
  await settleSnat(act, router, { externalIp: snatAddressOf(scene, router), removedIds });
  const subnet = portId === null && subnetId !== null ? requireSubnet(scene, subnetId) : null;
  const rest = subnet === null ? [] : port.networks.filter(each => !isIn(subnet, each));
  if (subnet !== null && rest.length > 0) {
    await act.tx.merge('logical-router-ports', port.id, { networks: rest });
    return { ...done, subnetIds: [subnet.id] };
  }
  try {
    await act.tx.delete('logical-router-ports', port.id);
  } catch (error) {
    throw inUseByRoutes(error, router, subnetId ?? addresses[0]?.subnet_id ?? '');
  }
  return { ...done, subnetIds: addresses.map(each => each.subnet_id) };
}

/** What floating IPs need stays. */
function refuseFloating({ view }: Scene, { id }: LogicalRouter, subnetIds: readonly string[]): void {
  const subnets = subnetIds.flatMap(each => view.get('subnets', each) ?? []);
  for (const { kind, logicalIp } of view.by('nat-rules', 'logicalRouterId', id)) {
    const subnet = kind === 'floating_ip' ? subnetOf(logicalIp, subnets) : null;
    if (subnet !== null)
      throw new NeutronFault(
        409,
        'RouterInterfaceInUseByFloatingIP',
        `Router interface for subnet ${subnet.id} on router ${id} cannot be deleted, as it is required by one or more floating IPs.`,
      );
  }
}

/** What routes need stays. */
function inUseByRoutes(error: unknown, router: LogicalRouter, subnetId: string): unknown {
  if ((error as { code?: unknown }).code !== 'in_use') return error;
  return new NeutronFault(
    409,
    'RouterInterfaceInUseByRoute',
    `Router interface for subnet ${subnetId} on router ${router.id} cannot be deleted, as it is required by one or more routes.`,
    error,
  );
}

function isIn(subnet: Subnet, network: string): boolean {
  const { family, address } = knownCidr(network);
  return cidrContains(knownCidr(subnet.cidr), { family, value: address });
}

const routeForm = members({ destination: cidr, nexthop: ip }, ['destination', 'nexthop']);

/** The routes of a body: `{"router": {"routes": [...]}}` */
function routesIn(body: unknown): readonly Route[] {
  const inner = isObject(body) && isObject(body['router']) ? body['router'] : null;
  if (inner === null || inner['routes'] === undefined) throw badRequest("Unable to find 'routes' in request body");
  // Both are required, and so there.
  return list(routeForm, 100).read(inner['routes'], 'routes') as readonly Route[];
}

const sameRoute = (a: Route, b: Route): boolean =>
  a.destination === b.destination && knownIp(a.nexthop).value === knownIp(b.nexthop).value;

export function registerRouterActions(edge: Edge): void {
  const { app } = edge;
  const resource = edge.resourceOf('routers');
  const routerOf = (request: FastifyRequest): LogicalRouter => {
    const router = requireRouter(request.scene, idOf(request));
    requireWriter(resource, 'update', request.scene.identity, router);
    return router;
  };
  const concern = ({ id }: LogicalRouter) => ({ title: 'Router', id });

  app.put('/v2.0/routers/:id/add_router_interface', access('write'), async request => {
    const router = routerOf(request);
    const { subnetId, portId } = interfaceIn(request.body);
    if (subnetId !== null && portId !== null) throw badRequestOf('router', 'Cannot specify both subnet-id and port-id');
    const subnet = subnetId === null ? null : requireSubnet(request.scene, subnetId);
    return edge.write(request, concern(router), async act =>
      answerOf(
        router,
        subnet === null ? await addPort(act, router, portId ?? '') : await addSubnet(act, router, subnet),
      ),
    );
  });
  app.put('/v2.0/routers/:id/remove_router_interface', access('write'), async request => {
    const router = routerOf(request);
    const named = interfaceIn(request.body);
    return edge.write(request, concern(router), async act =>
      answerOf(router, await removeInterface(act, router, named)),
    );
  });
  const change = (
    path: string,
    routesAfter: (there: readonly Route[], asked: readonly Route[]) => readonly Route[],
  ): void => {
    app.put(`/v2.0/routers/:id/${path}`, access('write'), async request => {
      const router = routerOf(request);
      const asked = routesIn(request.body);
      const there = extraRoutesOf(request.scene, router.id).map(({ destination, nextHop }) => ({
        destination,
        nexthop: nextHop ?? '',
      }));
      await edge.write(request, concern(router), act => setRoutes(act, router, routesAfter(there, asked)));
      return { router: represent(resource, request.scene, requireRouter(request.scene, router.id)) };
    });
  };
  change('add_extraroutes', (there, asked) => [
    ...there,
    ...asked.filter(each => !there.some(other => sameRoute(each, other))),
  ]);
  change('remove_extraroutes', (there, asked) => there.filter(each => !asked.some(other => sameRoute(each, other))));
}
