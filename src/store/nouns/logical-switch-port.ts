import { isDeepStrictEqual } from 'node:util';
import { cidrContains, isHostAddress } from '../../base/address.js';
import { pointerTo, WeftError } from '../../base/errors.js';
import type { InputOf, LogicalSwitchPort, PortAddress, PortAddressRequest, Subnet } from '../../model/index.js';
import { snakeCase } from '../../model/letter-case.js';
import { checkStationAddress, knownCidr, knownIp, subnetOf } from '../../model/invariants.js';
import { looksLikeUuid, refuse } from '../../model/value-types.js';
import { isOwnEui64 } from '../allocation.js';
import type { Claim } from '../claims.js';
import { inUse } from '../references.js';
import { isStorable } from '../sql.js';
import type { UnitOfWork } from '../unit-of-work.js';
import type { Behaviour } from './behaviour.js';
import { membershipClaim, requireGroups } from './security-group.js';
import { requireRow } from './require.js';

export const logicalSwitchPortBehaviour: Behaviour<'logical-switch-ports'> = {
  async complete(unit, request, current, common) {
    const logicalSwitchId = request.logicalSwitchId ?? refuse('missing_member', '/logical_switch_id', 'It is missing.');
    const logicalSwitch = await requireRow(unit, 'logical-switches', logicalSwitchId, '/logical_switch_id');
    if (!unit.owns(logicalSwitch)) refuseOpenPort(request, current);
    const hypervisor = request.hypervisor ?? null;
    if (hypervisor !== null && hypervisor !== current?.hypervisor) await requireHypervisorName(unit, hypervisor);
    const parent = request.parent ?? null;
    if (parent !== null) await requireParent(unit, parent.portId, common.id, current);
    const local = request.local ?? null;
    if (local !== null) checkLocal(local.addresses, request);
    const internalInterface = request.internalInterface ?? false;
    if (internalInterface && hypervisor === null)
      refuse('contradiction', '/internal_interface', 'Its interface can be made where hypervisor says where.');
    if (internalInterface && parent !== null)
      refuse('contradiction', '/internal_interface', 'A sub-port has the interface of its parent.');
    const subnets = await unit.children('subnets', 'logicalSwitchId', logicalSwitchId);
    const mac = request.mac ?? current?.mac ?? unit.allocator.mac(logicalSwitchId);
    const ips =
      request.ips === undefined
        ? await defaultAddresses(unit, subnets, mac, current)
        : await requestedAddresses(unit, subnets, mac, request.ips, current);
    return {
      ...common,
      logicalSwitchId,
      mac,
      ips,
      portSecurity: request.portSecurity ?? true,
      allowedAddresses: request.allowedAddresses ?? [],
      enabled: request.enabled ?? true,
      unknownMacs: request.unknownMacs ?? false,
      securityGroups: await requireGroups(unit, request.securityGroups ?? [], current),
      parent,
      parentId: parent?.portId ?? null,
      local,
      hypervisor,
      internalInterface,
      portKey: current?.portKey ?? (await unit.allocator.portKey(logicalSwitchId)),
    };
  },
  async prefetch(unit, bodies) {
    const switchIds = knownIds(bodies.map(body => body['logical_switch_id']));
    const names = bodies.map(body => body['hypervisor']).filter(isStorable);
    await Promise.all([
      unit.prefetchChildren('subnets', 'logicalSwitchId', switchIds),
      // A port and, if an interface has claimed it already, its binding.
      unit.allocator.prefetchForPorts(switchIds, bodies.length * 2),
      unit.hypervisorNames(names),
    ]);
  },
  claims: row => [
    claim(row, 'mac', row.mac, '/mac', null),
    claim(row, 'port_key', String(row.portKey), '', null),
    ...row.securityGroups.map((group, index) => membershipClaim(group, row.id, pointerTo('/security_groups', index))),
    ...row.ips.map(({ ip, subnetId }, index) => claim(row, 'ip', ip, pointerTo('/ips', index), subnetId)),
    ...(row.local?.addresses ?? []).map((ip, index) =>
      claim(row, 'ip', ip, pointerTo('/local/addresses', index), null),
    ),
    ...subPortClaims(row),
  ],
  namedBy: [{ kind: 'logical-switch-ports', field: 'parentId' }],
  async release(unit, row, cascade) {
    if (row.parentId !== null) return;
    const subPorts = await unit.children('logical-switch-ports', 'parentId', row.id);
    if (subPorts.length > 0 && !(cascade && subPorts.every(port => unit.owns(port))))
      throw inUse('logical-switch-ports', row.id, 'logical-switch-ports', subPorts);
    // They have addresses and groups of their own, and live on without a place.
    for (const port of subPorts)
      unit.put('logical-switch-ports', port.id, { ...port, parent: null, parentId: null, updatedAt: unit.now });
  },
};

/** The port that is to be the parent, of the same project; one that is a sub-port, or a parent that would become one, is refused. */
async function requireParent(
  unit: UnitOfWork,
  parentId: string,
  id: string,
  current: LogicalSwitchPort | null,
): Promise<void> {
  // What was right stays so: whoever would change it meets the refusals below.
  if (current?.parentId === parentId) return;
  const pointer = '/parent/port_id';
  if (parentId === id) refuse('contradiction', pointer, 'A port cannot be behind itself.');
  const { parentId: grandparentId, local } = await requireRow(unit, 'logical-switch-ports', parentId, pointer);
  if (local !== null) refuse('contradiction', pointer, `${parentId} is a local port, which is in several places.`);
  if (grandparentId !== null)
    refuse('contradiction', pointer, `${parentId} is a sub-port itself, of ${grandparentId}.`);
  if (current === null || current.parentId !== null) return;
  const [subPort] = await unit.children('logical-switch-ports', 'parentId', id);
  if (subPort !== undefined) refuse('contradiction', '/parent', `It has sub-ports itself, such as ${subPort.id}.`);
}

/** Members that say what a port on many hypervisors at once cannot have. */
const notLocal = ['parent', 'hypervisor', 'unknownMacs', 'securityGroups', 'allowedAddresses'] as const;

/** A local port has link-local addresses, which are of every link and never routed, and nothing that needs one place. */
function checkLocal(addresses: readonly string[], request: InputOf<'logical-switch-ports'>): void {
  for (const [index, ip] of addresses.entries()) {
    const isLinkLocal = linkLocalNetworks.some(network => cidrContains(network, knownIp(ip)));
    if (!isLinkLocal || !isHostAddress(knownIp(ip)))
      refuse('out_of_range', pointerTo('/local/addresses', index), `${ip} is no link-local address.`);
  }
  const other = notLocal.find(member => {
    const value = request[member];
    return Array.isArray(value) ? value.length > 0 : (value ?? null) !== null && value !== false;
  });
  if (other !== undefined) refuse('contradiction', pointerTo('', snakeCase(other)), 'A local port cannot have this.');
}

const linkLocalNetworks = ['169.254.0.0/16', 'fe80::/64'].map(knownCidr);

/** Two sub-ports with one tag could not be told apart. */
function subPortClaims({ parent }: Pick<LogicalSwitchPort, 'parent'>): readonly Claim[] {
  if (parent === null) return [];
  const { portId: scope, vlan } = parent;
  return [{ scope, class: 'sub_port', value: `VLAN ${vlan}`, pointer: '/parent/vlan', subnetId: null }];
}

/** On a switch that others share, a port speaks for itself alone: only the owner lets one pass for somebody else. */
function refuseOpenPort(request: InputOf<'logical-switch-ports'>, current: LogicalSwitchPort | null): void {
  const detail = 'Only the owner of the logical switch may set this on it.';
  if (request.portSecurity === false && current?.portSecurity !== false) refuse('forbidden', '/port_security', detail);
  if (request.unknownMacs === true && current?.unknownMacs !== true) refuse('forbidden', '/unknown_macs', detail);
  const before = current?.allowedAddresses ?? [];
  if (request.allowedAddresses?.some(each => !before.some(had => isDeepStrictEqual(had, each))) === true)
    refuse('forbidden', '/allowed_addresses', detail);
}

function claim(
  row: LogicalSwitchPort,
  claimClass: 'mac' | 'ip' | 'port_key',
  value: string,
  pointer: string,
  subnetId: string | null,
): Claim {
  return { scope: row.logicalSwitchId, class: claimClass, value, pointer, subnetId };
}

/** Those that have the form of an id, each once. */
function knownIds(values: readonly unknown[]): string[] {
  const ids = values.filter(value => typeof value === 'string' && looksLikeUuid(value)) as string[];
  return [...new Set(ids.map(id => id.toLowerCase()))].toSorted();
}

async function requireHypervisorName(unit: UnitOfWork, name: string): Promise<void> {
  const found = (await unit.hypervisorNames([name])).get(name) ?? 0;
  if (found === 1) return;
  if (found === 0) refuse('reference_not_found', '/hypervisor', `There is no hypervisor named ${name}.`);
  refuse('reference_ambiguous', '/hypervisor', `Several hypervisors are named ${name}.`);
}

/**
 * The addresses of a port whose request leaves them out: those that it has, or one of each family. An address that follows from
 * the MAC follows it to a new one.
 */
async function defaultAddresses(
  unit: UnitOfWork,
  subnets: readonly Subnet[],
  mac: string,
  current: LogicalSwitchPort | null,
): Promise<readonly PortAddress[]> {
  if (current !== null) {
    if (current.mac === mac) return current.ips;
    const moved = current.ips.map(async each => {
      const subnet = subnets.find(({ id }) => id === each.subnetId);
      if (subnet === undefined || !isOwnEui64(each.ip, current.mac, subnet)) return each;
      return { ...each, ip: await unit.allocator.address(subnet, mac, '/mac') };
    });
    return Promise.all(moved);
  }
  const addresses: PortAddress[] = [];
  for (const family of [4, 6] as const) {
    const candidates = subnets
      .filter(subnet => knownCidr(subnet.cidr).family === family)
      .toSorted((a, b) => a.number - b.number);
    if (candidates.length > 0) addresses.push(await allocateFromFirst(unit, candidates, mac, '/ips'));
  }
  return addresses;
}

/** An address of the first subnet that has one left. */
async function allocateFromFirst(
  unit: UnitOfWork,
  subnets: readonly Subnet[],
  mac: string,
  pointer: string,
): Promise<PortAddress> {
  let exhausted: WeftError | null = null;
  for (const subnet of subnets) {
    try {
      return { ip: await unit.allocator.address(subnet, mac, pointer), subnetId: subnet.id };
    } catch (error) {
      if (!(error instanceof WeftError) || error.code !== 'addresses_exhausted') throw error;
      exhausted = error;
    }
  }
  throw exhausted ?? new WeftError('addresses_exhausted', { detail: 'The logical switch has no subnet.', pointer });
}

async function requestedAddresses(
  unit: UnitOfWork,
  subnets: readonly Subnet[],
  mac: string,
  requests: readonly PortAddressRequest[],
  current: LogicalSwitchPort | null,
): Promise<readonly PortAddress[]> {
  const addresses: PortAddress[] = [];
  // Who names one of the addresses and asks for another of the subnet gets another.
  const free = (current?.ips ?? []).filter(each => !requests.some(({ ip }) => ip === each.ip));
  for (const [index, { ip, subnetId }] of requests.entries()) {
    const pointer = pointerTo('/ips', index);
    const named = subnetId === null ? null : (subnets.find(({ id }) => id === subnetId) ?? null);
    if (subnetId !== null && named === null)
      refuse('reference_not_found', pointerTo(pointer, 'subnet_id'), `The logical switch has no subnet ${subnetId}.`);
    if (ip === null) {
      const kept = free.find(each => each.subnetId === subnetId && !addresses.includes(each));
      addresses.push(kept ?? (await allocateFromFirst(unit, named === null ? subnets : [named], mac, pointer)));
      continue;
    }
    const subnet = named ?? subnetOf(ip, subnets);
    if (subnet === null || !cidrContains(knownCidr(subnet.cidr), knownIp(ip)))
      return refuse(
        'address_outside_subnet',
        pointer,
        `${ip} is not in ${subnet?.cidr ?? 'any subnet of the logical switch'}.`,
      );
    if (ip === subnet.gatewayIp) refuse('address_in_use', pointer, `${ip} is the gateway of subnet ${subnet.id}.`);
    checkStationAddress(ip, knownCidr(subnet.cidr), pointer);
    if (addresses.some(each => each.ip === ip)) refuse('duplicate_value', pointer, `${ip} is in the list twice.`);
    addresses.push({ ip, subnetId: subnet.id });
  }
  return addresses;
}
