/**
 * Floating IPs. One that is of a port is a NAT rule; one that is of none is a disabled port on the external network that holds its address. Both have
 * the id of the floating IP, so what is said of it stays where it turns from one into the other.
 */
import type { LogicalRouter, LogicalSwitchPort, NatRule } from '../../src/model/index.js';
import { knownCidr } from '../../src/model/invariants.js';
import type { Act } from './act.js';
import { given, nameOf, secondsOf, shown, standard } from './attributes.js';
import { badRequestOf, NeutronFault, notFound } from './faults.js';
import { ip, nullable, oneOf, textIn, uuid, type Values } from './forms.js';
import { isExternal, requireNetwork } from './networks.js';
import {
  deviceOf,
  FLOATING_IP_OWNER,
  findPort,
  fixedIpsOf,
  holdsFloatingIp,
  isRouterPort,
  statusOf,
} from './port-rows.js';
import { neutronResource } from './resource.js';
import type { Scene } from './scene.js';

/** As it is now: of a port, or waiting for one. */
type FloatingIp = NatRule | LogicalSwitchPort;

const isOfPort = (row: FloatingIp): row is NatRule => 'externalIp' in row;

/** Floating IPs that the caller may know of; one that waits is found by what is said of it, one of a port by that. */
function rows(scene: Scene, wanted: ReadonlyMap<string, readonly string[]>): readonly FloatingIp[] {
  const ports = (wanted.get('port_id') ?? []).filter(id => id !== '' && id !== 'None');
  if (ports.length > 0 && ports.length === wanted.get('port_id')?.length)
    return ports
      .flatMap(id => scene.view.by('nat-rules', 'logicalSwitchPortId', id))
      .filter(row => scene.sight.sees('nat-rules', row));
  const waiting = scene.view
    .by('neutron-objects', 'collection', 'floatingips')
    .flatMap(({ id }) => scene.get('logical-switch-ports', id) ?? [])
    .filter(row => holdsFloatingIp(scene, row));
  const ofPorts = scene.rows('nat-rules').filter(({ kind }) => kind === 'floating_ip');
  return [...ofPorts, ...waiting].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function find(scene: Scene, id: string): FloatingIp | null {
  const rule = scene.get('nat-rules', id);
  if (rule !== null) return rule.kind === 'floating_ip' ? rule : null;
  const port = scene.get('logical-switch-ports', id);
  return port !== null && holdsFloatingIp(scene, port) ? port : null;
}

const addressOf = (row: FloatingIp): string => (isOfPort(row) ? row.externalIp : (row.ips[0]?.ip ?? ''));
const networkOf = (row: FloatingIp): string | null => (isOfPort(row) ? row.outsideSwitchId : row.logicalSwitchId);

/** The port of the workload, as the rule says; one that REST has made may name an address alone. */
function portOf(scene: Scene, row: FloatingIp): LogicalSwitchPort | null {
  if (!isOfPort(row)) return null;
  return row.logicalSwitchPortId === null ? null : scene.view.get('logical-switch-ports', row.logicalSwitchPortId);
}

/** A router that has the subnet inside and is outside on the network. */
function routerBetween(scene: Scene, subnetId: string, networkId: string): LogicalRouter | null {
  const subnet = scene.view.get('subnets', subnetId);
  if (subnet === null) return null;
  for (const port of scene.view.by('logical-router-ports', 'logicalSwitchId', subnet.logicalSwitchId)) {
    const router = scene.view.get('logical-routers', port.logicalRouterId);
    if (router?.gatewaySwitchId === networkId && fixedIpsOf(scene, port).some(each => each.subnet_id === subnetId))
      return router;
  }
  return null;
}

interface Target {
  readonly port: LogicalSwitchPort;
  readonly router: LogicalRouter;
  readonly address: string;
}

/** What the values ask it to be of. */
function targetOf(scene: Scene, portId: string, asked: string | null, networkId: string): Target {
  const port = findPort(scene, portId);
  if (port === null || isRouterPort(port)) throw notFound('Port', portId);
  const own = fixedIpsOf(scene, port).filter(each => !each.ip_address.includes(':'));
  const fixed = asked === null ? own[0] : own.find(each => each.ip_address === asked);
  if (fixed === undefined)
    throw badRequestOf(
      'floatingip',
      asked === null
        ? `Cannot add floating IP to port ${portId} that has no fixed IPv4 addresses`
        : `Port ${portId} does not have fixed ip ${asked}`,
    );
  const router = routerBetween(scene, fixed.subnet_id, networkId);
  if (router === null)
    throw new NeutronFault(
      404,
      'ExternalGatewayForFloatingIPNotFound',
      `External network ${networkId} is not reachable from subnet ${fixed.subnet_id}. Therefore, cannot associate Port ${portId} with a Floating IP.`,
    );
  return { port, router, address: fixed.ip_address };
}

/** Holds the address without a port. */
async function hold(
  act: Act,
  object: { id: string; projectId: string },
  networkId: string,
  address: string | null,
  subnetId: string | null,
): Promise<void> {
  const subnets = act.scene.view
    .by('subnets', 'logicalSwitchId', networkId)
    .filter(({ cidr }) => knownCidr(cidr).family === 4);
  const subnet =
    subnetId === null ? subnets.toSorted((a, b) => a.number - b.number)[0] : subnets.find(({ id }) => id === subnetId);
  if (subnet === undefined && address === null) {
    if (subnetId !== null) throw notFound('Subnet', subnetId);
    throw badRequestOf('floatingip', `Network ${networkId} does not contain any IPv4 subnet`);
  }
  const { id, projectId } = object;
  await act.tx.create('logical-switch-ports', {
    id,
    name: id,
    project_id: projectId,
    logical_switch_id: networkId,
    ips: [address === null ? { subnet_id: subnet?.id } : { ip: address }],
    enabled: false,
  });
}

/** A fixed address has one floating IP. */
function refuseSecond(scene: Scene, id: string, address: string, { port, router, address: inside }: Target): void {
  const other = scene.view
    .by('nat-rules', 'logicalRouterId', router.id)
    .find(rule => rule.kind === 'floating_ip' && rule.logicalIp === inside && rule.id !== id);
  if (other !== undefined)
    throw new NeutronFault(
      409,
      'FloatingIPPortAlreadyAssociated',
      `Cannot associate floating IP ${address} with port ${port.id} using fixed IP ${inside}, as that fixed IP already has a floating IP on external network ${router.gatewaySwitchId ?? ''}.`,
    );
}

/** Gives the address to a port. The caller has let go of it before. */
async function give(
  act: Act,
  object: { id: string; projectId: string },
  address: string,
  target: Target,
): Promise<void> {
  refuseSecond(act.scene, object.id, address, target);
  const { port, router, address: inside } = target;
  await act.tx.create('nat-rules', {
    id: object.id,
    project_id: object.projectId,
    logical_router_id: router.id,
    kind: 'floating_ip',
    external_ip: address,
    logical_ip: inside,
    logical_switch_port_id: port.id,
  });
}

/** What the values say of a port: undefined is nothing, null none. */
const portIn = (values: Values): string | null | undefined => values['port_id'] as string | null | undefined;
const orNull = (values: Values, name: string): string | null => (values[name] ?? null) as string | null;

/** The port that the values name, which is the caller's. */
function targetIn(scene: Scene, values: Values, networkId: string): Target | null {
  const portId = portIn(values) ?? null;
  if (portId === null) {
    if (orNull(values, 'fixed_ip_address') === null) return null;
    throw badRequestOf('floatingip', 'fixed_ip_address cannot be specified without a port_id');
  }
  const target = targetOf(scene, portId, orNull(values, 'fixed_ip_address'), networkId);
  if (!scene.owns(target.port)) throw notFound('Port', target.port.id);
  return target;
}

async function create(act: Act, values: Values, projectId: string): Promise<string> {
  const { scene } = act;
  const network = requireNetwork(scene, textIn(values, 'floating_network_id'));
  if (!isExternal(scene, network))
    throw badRequestOf('floatingip', `Network ${network.id} is not a valid external network`);
  const object = { id: act.newId(), projectId };
  const target = targetIn(scene, values, network.id);
  await hold(act, object, network.id, orNull(values, 'floating_ip_address'), orNull(values, 'subnet_id'));
  await sayWhose(act, object);
  if (target !== null) {
    const held = await act.tx.get('logical-switch-ports', object.id);
    await act.tx.delete('logical-switch-ports', object.id);
    await give(act, object, held?.ips[0]?.ip ?? '', target);
  }
  return object.id;
}

/** As ports of this API say whose they are. */
const sayWhose = (act: Act, object: { id: string; projectId: string }): Promise<void> =>
  act.say('floatingips', object, { device_owner: FLOATING_IP_OWNER, device_id: object.id });

async function update(act: Act, row: FloatingIp, values: Values): Promise<void> {
  const portId = portIn(values);
  if (portId === undefined && orNull(values, 'fixed_ip_address') === null) return;
  const { scene } = act;
  const networkId = networkOf(row);
  if (networkId === null) throw badRequestOf('floatingip', 'its router is not outside on any network');
  const target = targetIn(scene, values, networkId);
  if (target === null) {
    if (isOfPort(row)) await letGo(act, row, networkId);
    return;
  }
  if (isOfPort(row) && row.logicalRouterId === target.router.id) {
    refuseSecond(scene, row.id, row.externalIp, target);
    const goal = { logical_ip: target.address, logical_switch_port_id: target.port.id };
    await act.tx.merge('nat-rules', row.id, goal);
    return;
  }
  if (isOfPort(row)) await act.tx.delete('nat-rules', row.id);
  else await act.tx.delete('logical-switch-ports', row.id);
  await give(act, row, addressOf(row), target);
}

async function letGo(act: Act, row: NatRule, networkId: string): Promise<void> {
  await act.tx.delete('nat-rules', row.id);
  await hold(act, row, networkId, row.externalIp, null);
  await sayWhose(act, row);
}

/** Rules that are of the port, and of none of these addresses. */
export function floatingBeside(
  { view }: Pick<Scene, 'view'>,
  portId: string,
  addresses: readonly string[],
): readonly NatRule[] {
  return view
    .by('nat-rules', 'logicalSwitchPortId', portId)
    .filter(rule => rule.kind === 'floating_ip' && !addresses.includes(rule.logicalIp));
}

/** Floating IPs of a port that goes, or keeps only these addresses, wait for another. The write is the operator's. */
export async function letGoOfPort(act: Act, portId: string, kept: readonly string[] = []): Promise<void> {
  for (const rule of floatingBeside(act.scene, portId, kept))
    if (rule.outsideSwitchId !== null) await letGo(act, rule, rule.outsideSwitchId);
}

function portDetails(scene: Scene, row: FloatingIp): unknown {
  const port = portOf(scene, row);
  if (port === null) return null;
  const device = deviceOf(scene, port);
  return {
    name: nameOf(port),
    network_id: port.logicalSwitchId,
    mac_address: port.mac,
    admin_state_up: port.enabled,
    status: statusOf(scene, port),
    device_id: device.id,
    device_owner: device.owner,
  };
}

export const floatingIps = neutronResource<FloatingIp>({
  collection: 'floatingips',
  member: 'floatingip',
  title: 'FloatingIP',
  said: 'floatingips',
  kindOf: row => (isOfPort(row) ? 'nat-rules' : 'logical-switch-ports'),
  rows,
  find,
  hasTags: true,
  // The address is of a network of the operator's.
  asOperator: () => true,
  attributes: {
    ...standard<FloatingIp>(),
    // The rows of one turn into each other; what is said of it stays.
    created_at: shown((scene, row) => secondsOf(scene.view.get('neutron-objects', row.id)?.createdAt ?? row.createdAt)),
    floating_network_id: given(uuid, (_scene, row) => networkOf(row), { required: true, only: 'creation' }),
    floating_ip_address: given(nullable(ip), (_scene, row) => addressOf(row), { only: 'creation', admin: 'set' }),
    subnet_id: given(nullable(uuid), () => undefined, { only: 'creation', filter: false }),
    port_id: given(nullable(uuid), (_scene, row) => (isOfPort(row) ? row.logicalSwitchPortId : null)),
    fixed_ip_address: given(nullable(ip), (_scene, row) => (isOfPort(row) ? row.logicalIp : null)),
    router_id: shown((_scene, row) => (isOfPort(row) ? row.logicalRouterId : null)),
    status: shown((scene, row) =>
      isOfPort(row) && (scene.view.get('logical-routers', row.logicalRouterId)?.gateway ?? null) !== null
        ? 'ACTIVE'
        : 'DOWN',
    ),
    port_details: shown(portDetails, { filter: false }),
    port_forwardings: shown(() => [], { filter: false }),
    // Nobody outside is told of names.
    dns_name: given(oneOf(''), () => '', { initial: '', only: 'creation' }),
    dns_domain: given(oneOf(''), () => '', { initial: '', only: 'creation' }),
  },
  create,
  update,
  remove: async (act, row) => {
    if (isOfPort(row)) await act.tx.delete('nat-rules', row.id);
    else await act.tx.delete('logical-switch-ports', row.id);
  },
});
