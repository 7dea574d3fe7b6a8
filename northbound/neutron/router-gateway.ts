/** The way outside of a router: a port on an external network, and the route that leads there. */
import { formatIp, type IpFamily } from '../../src/base/address.js';
import type { LogicalRouter, LogicalRouterPort, StaticRoute, Subnet } from '../../src/model/index.js';
import { allocationRanges, knownCidr, knownIp, subnetOf } from '../../src/model/invariants.js';
import type { Act } from './act.js';
import { badRequestOf, invalidInput, NeutronFault, notFound } from './faults.js';
import { isExternal, requireNetwork } from './networks.js';
import { namedId } from './named-id.js';
import type { AskedGateway } from './routers.js';
import { settleSnat } from './router-snat.js';
import type { Scene } from './scene.js';

const families: readonly IpFamily[] = [4, 6];
const everywhere: Readonly<Record<IpFamily, string>> = { 4: '0.0.0.0/0', 6: '::/0' };

const defaultRouteId = (routerId: string, family: IpFamily): string =>
  namedId('default route', routerId, String(family));

/** Whether the route follows from the gateway. */
export const isDefaultRoute = ({ id, logicalRouterId }: StaticRoute): boolean =>
  families.some(family => id === defaultRouteId(logicalRouterId, family));

/** What the router has on the network outside. */
export function gatewayPortOf(
  { view }: Pick<Scene, 'view'>,
  { id, gatewaySwitchId }: LogicalRouter,
): LogicalRouterPort | null {
  if (gatewaySwitchId === null) return null;
  return (
    view.by('logical-router-ports', 'logicalRouterId', id).find(port => port.logicalSwitchId === gatewaySwitchId) ??
    null
  );
}

/** Puts the router outside, somewhere else outside, or (null) nowhere. The caller may change the router; it need not own the network. */
export async function setGateway(act: Act, router: LogicalRouter, asked: AskedGateway | null): Promise<void> {
  const { scene } = act;
  const networkId = asked?.network_id ?? null;
  if (networkId !== null) {
    const network = requireNetwork(scene, networkId);
    if (!isExternal(scene, network)) throw badRequestOf('router', `Network ${networkId} is not an external network`);
    if (network.provider === null)
      throw badRequestOf(
        'router',
        `network ${networkId} is not part of a physical network, so a router cannot reach the outside there`,
      );
  }
  const isSame = networkId !== null && networkId === router.gatewaySwitchId;
  let entered: readonly string[] | null = null;
  if (!isSame || asked?.external_fixed_ips !== undefined) {
    refuseFloating(scene, router, networkId);
    await settleSnat(act, router, { externalIp: null });
    await leave(act, router);
    if (networkId !== null) entered = await enter(act, router, networkId, asked?.external_fixed_ips ?? []);
  }
  const isTranslating = networkId !== null && (asked?.enable_snat ?? true);
  const outside = entered ?? addressesOf(gatewayPortOf(scene, router));
  const externalIp = isTranslating ? (outside.find(address => !address.includes(':')) ?? null) : null;
  await act.say('routers', router, { enable_snat: networkId === null ? undefined : isTranslating });
  if (networkId !== null) await settleSnat(act, router, { externalIp });
}

/** A floating IP is of the network outside: it goes before the router leaves it. */
function refuseFloating({ view }: Scene, { id, gatewaySwitchId }: LogicalRouter, networkId: string | null): void {
  const isInUse = view.by('nat-rules', 'logicalRouterId', id).some(({ kind }) => kind === 'floating_ip');
  if (isInUse && networkId !== gatewaySwitchId)
    throw new NeutronFault(
      409,
      'RouterExternalGatewayInUseByFloatingIp',
      `Gateway cannot be updated for router ${id}, since a gateway to external network ${gatewaySwitchId ?? ''} is required by one or more floating IPs.`,
    );
}

/** Addresses of a port, without the length of their networks. */
const addressesOf = (port: LogicalRouterPort | null): readonly string[] =>
  (port?.networks ?? []).map(network => network.replace(/\/.*$/, ''));

/** The IPv4 address outside that what is inside gets; null: none, for it is not wanted, or the router is not outside. */
export function snatAddressOf(scene: Scene, router: LogicalRouter): string | null {
  if (scene.said(router.id)['enable_snat'] !== true) return null;
  return addressesOf(gatewayPortOf(scene, router)).find(address => !address.includes(':')) ?? null;
}

async function leave(act: Act, router: LogicalRouter): Promise<void> {
  const { view } = act.scene;
  for (const route of view.by('static-routes', 'logicalRouterId', router.id))
    if (isDefaultRoute(route)) await act.tx.delete('static-routes', route.id);
  if (router.gateway !== null) await act.tx.merge('logical-routers', router.id, { gateway: null });
  const port = gatewayPortOf(act.scene, router);
  if (port !== null) await act.tx.delete('logical-router-ports', port.id);
}

async function enter(
  act: Act,
  router: LogicalRouter,
  networkId: string,
  asked: NonNullable<AskedGateway['external_fixed_ips']>,
): Promise<readonly string[]> {
  const subnets = act.scene.view.by('subnets', 'logicalSwitchId', networkId);
  const addresses =
    asked.length > 0
      ? asked.map(each => addressOf(act.scene, subnets, networkId, each))
      : oneOfEachFamily(act.scene, subnets, networkId);
  if (addresses.length === 0) throw badRequestOf('router', `network ${networkId} has no subnet with a free address`);
  const id = act.newId();
  await act.tx.create('logical-router-ports', {
    id,
    name: id,
    project_id: router.projectId,
    logical_router_id: router.id,
    logical_switch_id: networkId,
    networks: addresses.map(({ ip, subnet }) => `${ip}/${knownCidr(subnet.cidr).prefixLength}`),
  });
  await act.tx.merge('logical-routers', router.id, { gateway: { logical_switch_id: networkId } });
  for (const { subnet } of addresses) {
    const { family } = knownCidr(subnet.cidr);
    if (subnet.gatewayIp === null) continue;
    const routeId = defaultRouteId(router.id, family);
    if ((await act.tx.get('static-routes', routeId)) !== null) continue;
    await act.tx.create('static-routes', {
      id: routeId,
      project_id: router.projectId,
      logical_router_id: router.id,
      destination: everywhere[family],
      next_hop: subnet.gatewayIp,
    });
  }
  return addresses.map(({ ip }) => ip);
}

interface Address {
  readonly ip: string;
  readonly subnet: Subnet;
}

function addressOf(
  scene: Scene,
  subnets: readonly Subnet[],
  networkId: string,
  {
    subnet_id: subnetId,
    ip_address: ip,
  }: { readonly subnet_id?: string | undefined; readonly ip_address?: string | undefined },
): Address {
  const named = subnetId === undefined ? undefined : subnets.find(({ id }) => id === subnetId);
  if (subnetId !== undefined && named === undefined) throw notFound('Subnet', subnetId);
  if (ip === undefined) {
    if (named === undefined) throw invalidInput('IP allocation requires subnet_id or ip_address.');
    const free = freeAddress(scene, named, networkId);
    if (free === null) throw exhausted(networkId);
    return { ip: free, subnet: named };
  }
  const subnet = subnetOf(ip, named === undefined ? subnets : [named]);
  if (subnet === null)
    throw new NeutronFault(
      400,
      'InvalidIpForNetwork',
      `IP address ${ip} is not a valid IP for any of the subnets on the specified network.`,
    );
  return { ip, subnet };
}

const exhausted = (networkId: string): NeutronFault =>
  new NeutronFault(409, 'IpAddressGenerationFailure', `No more IP addresses available on network ${networkId}.`);

function oneOfEachFamily(scene: Scene, subnets: readonly Subnet[], networkId: string): readonly Address[] {
  return families.flatMap(family => {
    const ofFamily = subnets
      .filter(({ cidr }) => knownCidr(cidr).family === family)
      .toSorted((a, b) => a.number - b.number);
    for (const subnet of ofFamily) {
      const ip = freeAddress(scene, subnet, networkId);
      if (ip !== null) return [{ ip, subnet }];
    }
    if (ofFamily.length > 0) throw exhausted(networkId);
    return [];
  });
}

/** Addresses that are looked at. */
const mostTried = 100_000n;

/**
 * An address of the pools that the view knows nobody to have. What another write takes meanwhile the store refuses: the address is then in
 * use, and the request may be repeated.
 */
function freeAddress({ view }: Pick<Scene, 'view'>, subnet: Subnet, networkId: string): string | null {
  const taken = new Set<bigint>(subnet.gatewayIp === null ? [] : [knownIp(subnet.gatewayIp).value]);
  for (const port of view.by('logical-switch-ports', 'logicalSwitchId', networkId))
    for (const { ip } of port.ips) taken.add(knownIp(ip).value);
  for (const port of view.by('logical-router-ports', 'logicalSwitchId', networkId))
    for (const network of port.networks) taken.add(knownCidr(network).address);
  for (const { externalIp } of view.by('nat-rules', 'outsideSwitchId', networkId)) taken.add(knownIp(externalIp).value);
  const { family } = knownCidr(subnet.cidr);
  let tried = 0n;
  for (const { first, last } of allocationRanges(subnet)) {
    for (let value = first; value <= last && tried < mostTried; value += 1n, tried += 1n)
      if (!taken.has(value)) return formatIp(family, value);
  }
  return null;
}
