/** Subnets. */
import { cidrContains, formatIp, lastAddress, parseIp } from '../../src/base/address.js';
import type { Subnet } from '../../src/model/index.js';
import { allocationRanges, checkStationAddress, knownCidr, knownIp } from '../../src/model/invariants.js';
import { ipv6AddressModes } from '../../src/model/subnet.js';
import type { Act } from './act.js';
import { given, kept, shown, standard } from './attributes.js';
import { badRequest, NeutronFault } from './faults.js';
import {
  boolean,
  cidr,
  distinct,
  integer,
  ip,
  list,
  members,
  nullable,
  oneOf,
  refuseValue,
  text,
  uuid,
  type Values,
  textIn,
} from './forms.js';
import { isShared, requireNetwork } from './networks.js';
import { neutronResource } from './resource.js';
import type { Scene } from './scene.js';
import { allocateFrom, type PoolRequest, releaseTo } from './subnet-pools.js';

interface Range {
  readonly start: string;
  readonly end: string;
}

/** Ranges as they are shown: where addresses come from, without the gateway. */
function poolsOf(subnet: Subnet): readonly Range[] {
  const { family } = knownCidr(subnet.cidr);
  const gateway = subnet.gatewayIp === null ? null : knownIp(subnet.gatewayIp).value;
  return allocationRanges(subnet)
    .flatMap(({ first, last }) => {
      if (gateway === null || gateway < first || gateway > last) return [{ first, last }];
      return [
        { first, last: gateway - 1n },
        { first: gateway + 1n, last },
      ];
    })
    .filter(({ first, last }) => first <= last)
    .map(({ first, last }) => ({ start: formatIp(family, first), end: formatIp(family, last) }));
}

/** The first address that a station can have; null where there is none to spare. */
function firstAddressOf(network: string): string | null {
  const parsed = knownCidr(network);
  const value = parsed.network + 1n;
  if (value >= lastAddress(parsed)) return null;
  return formatIp(parsed.family, value);
}

/** The gateway of a new subnet: the one that is named, none, or the first address. */
function gatewayOf(values: Values, network: string): string | null {
  const asked = values['gateway_ip'];
  return asked === undefined ? firstAddressOf(network) : (asked as string | null);
}

/** Members of the noun that the values set. */
function membersOf(values: Values): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  if (values['name'] !== undefined) body['name'] = values['name'];
  if (values['enable_dhcp'] !== undefined) body['dhcp'] = values['enable_dhcp'];
  if (values['dns_nameservers'] !== undefined) body['dns_servers'] = values['dns_nameservers'];
  if (values['allocation_pools'] !== undefined) body['allocation_pools'] = values['allocation_pools'];
  if (values['ipv6_address_mode'] !== undefined) body['ipv6_address_mode'] = values['ipv6_address_mode'];
  if (values['host_routes'] !== undefined) {
    const routes = values['host_routes'] as readonly { destination: string; nexthop: string }[];
    body['host_routes'] = routes.map(({ destination, nexthop }) => ({ destination, next_hop: nexthop }));
  }
  return body;
}

function requireFamily(values: Values, network: string): void {
  const { family } = knownCidr(network);
  const version = values['ip_version'];
  if (version !== undefined && version !== family)
    refuseValue('cidr', `cidr ${network} does not match the ip_version '${textIn(values, 'ip_version')}'`);
  if (family === 4 && (values['ipv6_ra_mode'] ?? values['ipv6_address_mode'] ?? null) !== null)
    refuseValue('ipv6_address_mode', 'ipv6_ra_mode and ipv6_address_mode are only for IPv6 subnets');
  const [ra, mode] = [values['ipv6_ra_mode'] ?? null, values['ipv6_address_mode'] ?? null];
  if (ra !== null && mode !== null && ra !== mode)
    refuseValue(
      'ipv6_ra_mode',
      `ipv6_ra_mode set to '${textIn(values, 'ipv6_ra_mode')}' with ipv6_address_mode set to '${textIn(values, 'ipv6_address_mode')}' is not valid`,
    );
}

/** What a body asks of a pool; null: it names its own range. */
function poolRequest(scene: Scene, values: Values): PoolRequest | null {
  const poolId = (values['subnetpool_id'] ?? null) as string | null;
  const network = (values['cidr'] ?? null) as string | null;
  const isDefault = values['use_default_subnetpool'] === true;
  if (poolId === null && !isDefault) {
    if (network === null) throw badRequest('a subnetpool must be specified in the absence of a cidr');
    if (values['ip_version'] === undefined)
      throw badRequest("Failed to parse request. Required attribute 'ip_version' not specified");
    return null;
  }
  return {
    poolId,
    network,
    prefixLength: (values['prefixlen'] ?? null) as number | null,
    family: values['ip_version'] as 4 | 6 | undefined,
    scene,
  };
}

async function create(act: Act, values: Values, projectId: string): Promise<string> {
  const { scene } = act;
  const network = requireNetwork(scene, textIn(values, 'network_id'));
  if (!scene.owns(network)) throw new NeutronFault(404, 'NetworkNotFound', `Network ${network.id} could not be found.`);
  const id = act.newId();
  const request = poolRequest(scene, values);
  const allocated =
    request === null ? null : await allocateFrom(act, request, { subnetId: id, networkId: network.id, projectId });
  const range = allocated?.cidr ?? textIn(values, 'cidr');
  requireFamily(values, range);
  const gateway = gatewayOf(values, range);
  if (gateway !== null && !cidrContains(knownCidr(range), knownIp(gateway)))
    refuseValue('gateway_ip', `gateway ${gateway} is not in ${range}`);
  const body = {
    ...membersOf(values),
    id,
    project_id: projectId,
    logical_switch_id: network.id,
    cidr: range,
    gateway_ip: gateway,
  };
  await act.tx.create('subnets', body);
  if (allocated !== null) await act.say('subnets', { id, projectId }, { subnetpool_id: allocated.poolId });
  return id;
}

async function update(act: Act, row: Subnet, values: Values): Promise<void> {
  const body = membersOf(values);
  const gateway = values['gateway_ip'];
  if (gateway !== undefined && gateway !== row.gatewayIp) {
    if (typeof gateway === 'string') checkGateway(row, gateway);
    const used = act.scene.view
      .by('logical-router-ports', 'logicalSwitchId', row.logicalSwitchId)
      .find(port => port.networks.some(each => each.startsWith(`${row.gatewayIp ?? ''}/`)));
    if (used !== undefined)
      throw new NeutronFault(
        409,
        'GatewayIpInUse',
        `Current gateway ip ${row.gatewayIp ?? ''} already in use by port ${used.id}. Unable to update.`,
      );
    body['gateway_ip'] = gateway;
  }
  if (Object.keys(body).length > 0) await act.tx.merge('subnets', row.id, body);
}

function checkGateway({ cidr: range }: Subnet, gateway: string): void {
  if (parseIp(gateway)?.family !== knownCidr(range).family)
    refuseValue('gateway_ip', `${gateway} is not of the family of ${range}`);
  checkStationAddress(gateway, knownCidr(range), '/gateway_ip');
}

async function remove(act: Act, row: Subnet): Promise<void> {
  await releaseTo(act, row.id);
  await act.tx.delete('subnets', row.id);
}

const range = members({ start: ip, end: ip }, ['start', 'end']);
const route = members({ destination: cidr, nexthop: ip }, ['destination', 'nexthop']);
const mode = nullable(oneOf(...ipv6AddressModes));

export const subnets = neutronResource<Subnet>({
  collection: 'subnets',
  member: 'subnet',
  title: 'Subnet',
  said: 'subnets',
  kindOf: () => 'subnets',
  rows: (scene, wanted) => {
    const [network, more] = wanted.get('network_id') ?? [];
    if (network === undefined || more !== undefined) return scene.rows('subnets');
    return scene.view.by('subnets', 'logicalSwitchId', network).filter(row => scene.sight.sees('subnets', row));
  },
  find: (scene, id) => scene.get('subnets', id),
  hasTags: true,
  attributes: {
    ...standard<Subnet>(),
    name: given(text(), (_scene, { name }) => name, { initial: '' }),
    network_id: given(uuid, (_scene, row) => row.logicalSwitchId, { required: true, only: 'creation' }),
    ip_version: given(integer(4, 6), (_scene, row) => knownCidr(row.cidr).family, { only: 'creation' }),
    cidr: given(nullable(cidr), (_scene, row) => row.cidr, { only: 'creation' }),
    subnetpool_id: given(nullable(uuid), (scene, { id }) => scene.said(id)['subnetpool_id'] ?? null, {
      only: 'creation',
    }),
    prefixlen: given(nullable(integer(1, 128)), () => undefined, { only: 'creation', filter: false }),
    use_default_subnetpool: given(boolean, () => undefined, { only: 'creation', filter: false }),
    enable_dhcp: given(boolean, (_scene, row) => row.dhcp, { initial: true }),
    gateway_ip: given(nullable(ip), (_scene, row) => row.gatewayIp),
    allocation_pools: given(list(range, 64), (_scene, row) => poolsOf(row)),
    dns_nameservers: given(distinct(ip, 8), (_scene, row) => row.dnsServers, { initial: [] }),
    host_routes: given(
      list(route, 64),
      (_scene, row) => row.hostRoutes.map(({ destination, nextHop }) => ({ destination, nexthop: nextHop })),
      { initial: [] },
    ),
    ipv6_ra_mode: kept('ipv6_ra_mode', mode, null, { only: 'creation' }),
    ipv6_address_mode: given(mode, (_scene, row) => row.ipv6AddressMode, { only: 'creation' }),
    service_types: kept('service_types', distinct(text(), 20), []),
    dns_publish_fixed_ip: shown(() => false),
    shared: shown((scene, row) => {
      const network = scene.view.get('logical-switches', row.logicalSwitchId);
      return network !== null && isShared(network);
    }),
    segment_id: shown(() => null),
  },
  create,
  update,
  remove,
  // A pool may be somebody else's, shared: whether it and the network may be used is known by then.
  asOperator: values =>
    values !== null && ((values['subnetpool_id'] ?? null) !== null || values['use_default_subnetpool'] === true),
});
