/** Ports: logical switch ports, and what routers have on logical switches. */
import { cidrContains, formatIp, parseIp } from '../../src/base/address.js';
import { isOpenTo } from '../../src/model/audience.js';
import { hostOrNetwork } from '../../src/model/address-set.js';
import type { LogicalSwitch, LogicalSwitchPort, Subnet } from '../../src/model/index.js';
import { knownCidr, knownIp } from '../../src/model/invariants.js';
import type { Act } from './act.js';
import { type Attribute, given, kept, shown, standard } from './attributes.js';
import { closedGroup, closedGroupId, defaultGroupId, defaultGroupOf } from './default-groups.js';
import { badRequest, badRequestOf, invalidInput, NeutronFault, notFound } from './faults.js';
import {
  addressOrPrefix,
  boolean,
  dictionary,
  ip,
  list,
  mac,
  members,
  nullable,
  oneOf,
  text,
  uuid,
  type Values,
  textIn,
} from './forms.js';
import { floatingBeside, letGoOfPort } from './floating-ips.js';
import { requireNetwork } from './networks.js';
import { dnsAssignmentOf, dnsNameForm, namesIn, namesOf } from './port-names.js';
import { dhcpOptionsForm, dhcpOptionsOf, setDhcpOptions } from './port-options.js';
import {
  deviceOf,
  findPort,
  fixedIpsOf,
  holdsFloatingIp,
  hostOf,
  hypervisorNamed,
  isRouterPort,
  networkOf,
  type PortRow,
  portRows,
  statusOf,
  vifOf,
} from './port-rows.js';
import { neutronResource } from './resource.js';
import type { Scene } from './scene.js';
import { refuseTrunkPort, trunkDetailsOf } from './trunks.js';

interface AskedIp {
  readonly subnet_id?: string | undefined;
  readonly ip_address?: string | undefined;
}

const askedIps = list(members({ subnet_id: uuid, ip_address: ip }), 64);

const pairs = list(members({ ip_address: addressOrPrefix, mac_address: mac }, ['ip_address']), 128);

/** Addresses as the noun takes them. A network whose ports make addresses themselves gives each port one, asked for or not. */
function ipsIn(scene: Scene, network: LogicalSwitch, asked: readonly AskedIp[]): readonly Values[] {
  const subnets = scene.view.by('subnets', 'logicalSwitchId', network.id);
  for (const each of asked) checkAsked(scene, network, subnets, each);
  const named = new Set(asked.map(each => each.subnet_id));
  const automatic = subnets.filter(
    ({ id, ipv6AddressMode, cidr: range }) =>
      (ipv6AddressMode === 'slaac' || ipv6AddressMode === 'dhcpv6-stateless') &&
      !named.has(id) &&
      !asked.some(each => each.ip_address !== undefined && cidrContains(knownCidr(range), knownIp(each.ip_address))),
  );
  return [
    ...asked.map(({ subnet_id: subnetId, ip_address: address }) => ({
      ...(subnetId === undefined ? {} : { subnet_id: subnetId }),
      ...(address === undefined ? {} : { ip: address }),
    })),
    ...automatic.map(({ id }) => ({ subnet_id: id })),
  ];
}

function checkAsked(scene: Scene, network: LogicalSwitch, subnets: readonly Subnet[], asked: AskedIp): void {
  const { subnet_id: subnetId, ip_address: address } = asked;
  if (subnetId === undefined && address === undefined)
    throw invalidInput('IP allocation requires subnet_id or ip_address.');
  if (subnetId !== undefined && !subnets.some(({ id }) => id === subnetId)) {
    if (scene.get('subnets', subnetId) === null) throw notFound('Subnet', subnetId);
    throw invalidInput(
      `Invalid input for operation: fixed_ips included invalid subnet ${subnetId}, which is not of network ${network.id}.`,
    );
  }
  if (address === undefined) return;
  const within = subnets.filter(each => cidrContains(knownCidr(each.cidr), knownIp(address)));
  if (within.length === 0)
    throw new NeutronFault(
      400,
      'InvalidIpForNetwork',
      `IP address ${address} is not a valid IP for any of the subnets on the specified network.`,
    );
  if (subnetId !== undefined && !within.some(({ id }) => id === subnetId))
    throw new NeutronFault(
      400,
      'InvalidIpForSubnet',
      `IP address ${address} is not a valid IP for the specified subnet.`,
    );
}

/** The groups of a port as the noun has them: where port security is on and none is named, nothing passes. */
async function groupsIn(
  act: Act,
  groups: readonly string[],
  isSecure: boolean,
  projectId: string,
): Promise<readonly string[]> {
  if (!isSecure) {
    if (groups.length > 0)
      throw new NeutronFault(
        400,
        'PortSecurityAndIPRequiredForSecurityGroups',
        'Port security must be enabled and port must have an IP address in order to use security groups.',
      );
    return [];
  }
  const unknown = groups.find(id => act.scene.get('security-groups', id) === null);
  if (unknown !== undefined) throw notFound('SecurityGroup', unknown);
  return groups.length > 0 ? [...new Set(groups)] : [await closedGroup(act, projectId)];
}

const shownGroups = (row: PortRow): readonly string[] =>
  isRouterPort(row) ? [] : row.securityGroups.filter(id => id !== closedGroupId(row.projectId));

/** Members of the noun, besides those that depend on each other. */
function plainMembers(values: Values): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  if (values['admin_state_up'] !== undefined) body['enabled'] = values['admin_state_up'];
  if (values['mac_address'] !== undefined) body['mac'] = values['mac_address'];
  return body;
}

function pairsIn(values: Values, ownMac: string | undefined): readonly Values[] {
  const asked = values['allowed_address_pairs'] as readonly { ip_address: string; mac_address?: string }[];
  const read = asked.map(({ ip_address: address, mac_address: other }) => {
    const { network, family, prefixLength } = knownCidr(address);
    return {
      cidr: `${formatIp(family, network)}/${prefixLength}`,
      ...(other === undefined || other === ownMac ? {} : { mac: other }),
    };
  });
  const seen = new Set(read.map(each => JSON.stringify(each)));
  if (seen.size < read.length)
    throw new NeutronFault(400, 'DuplicateAddressPairInRequest', 'Request contains duplicate address pair.');
  return read;
}

/** Where the host is known to Weft, the noun says it; else what was asked is kept. */
export function hostMembers(scene: Scene, host: unknown): { readonly noun: Values; readonly said: Values } {
  const name = typeof host === 'string' ? host : '';
  const hypervisor = name === '' ? null : hypervisorNamed(scene, name);
  return {
    noun: { hypervisor: hypervisor?.name ?? null },
    said: { 'binding:host_id': name === '' || hypervisor !== null ? undefined : name },
  };
}

async function create(act: Act, values: Values, projectId: string): Promise<string> {
  const { scene } = act;
  const network = requireNetwork(scene, textIn(values, 'network_id'));
  // An external network is known to everybody, and nobody's to put ports on.
  if (!scene.owns(network) && !isOpenTo(network, projectId)) throw notFound('Network', network.id);
  const id = act.newId();
  const isSecure =
    (values['port_security_enabled'] ?? scene.said(network.id)['port_security_enabled'] ?? true) === true;
  const named = values['security_groups'] as readonly string[] | undefined;
  const groups = await groupsIn(act, named ?? (isSecure ? [defaultGroupId(projectId)] : []), isSecure, projectId);
  const asked = values['fixed_ips'] as readonly AskedIp[] | undefined;
  const pairValues = pairsIn(values, values['mac_address'] as string | undefined);
  if (pairValues.length > 0 && !isSecure) throw pairsNeedSecurity();
  const host = hostMembers(scene, values['binding:host_id']);
  const names = namesIn(values, id, namesOf(scene, null));
  await act.tx.create('logical-switch-ports', {
    id,
    name: names.noun,
    ...plainMembers(values),
    project_id: projectId,
    logical_switch_id: network.id,
    port_security: isSecure,
    security_groups: groups,
    allowed_addresses: pairValues,
    ...(asked === undefined ? {} : { ips: ipsIn(scene, network, asked) }),
    ...(host.noun['hypervisor'] === null ? {} : host.noun),
  });
  await act.say('ports', { id, projectId }, { ...host.said, ...names.said });
  await setDhcpOptions(act, { id, projectId }, values['extra_dhcp_opts']);
  return id;
}

const pairsNeedSecurity = (): NeutronFault =>
  new NeutronFault(
    409,
    'AddressPairAndPortSecurityRequired',
    'Port Security must be enabled in order to have allowed address pairs on a port.',
  );

async function update(act: Act, row: PortRow, values: Values): Promise<void> {
  if (isRouterPort(row)) return updateRouterPort(act, row, values);
  const { scene } = act;
  const body = plainMembers(values);
  if (values['name'] !== undefined || values['dns_name'] !== undefined) {
    const names = namesIn(values, row.id, namesOf(scene, row));
    body['name'] = names.noun;
    await act.say('ports', row, names.said);
  }
  if (values['fixed_ips'] !== undefined)
    body['ips'] = ipsIn(scene, requireNetwork(scene, row.logicalSwitchId), values['fixed_ips'] as readonly AskedIp[]);
  if (values['allowed_address_pairs'] !== undefined)
    body['allowed_addresses'] = pairsIn(values, textIn(values, 'mac_address', row.mac));
  await changeSecurity(act, row, values, body);
  if (values['binding:host_id'] !== undefined) {
    const host = hostMembers(scene, values['binding:host_id']);
    Object.assign(body, host.noun);
    await act.say('ports', row, host.said);
  }
  if (Object.keys(body).length > 0) {
    const { row: after } = await act.tx.merge('logical-switch-ports', row.id, body);
    await letGoOfPort(
      act,
      row.id,
      after.ips.map(each => each.ip),
    );
  }
  await setDhcpOptions(act, row, values['extra_dhcp_opts']);
}

/**
 * Whether floating IPs may be of addresses that the values take from the port. What is then written in the name of the operator is
 * this alone: of all else the store judges whether the caller may.
 */
function losesAddresses(scene: Scene, { id }: PortRow, values: Values): boolean {
  if (values['fixed_ips'] === undefined) return false;
  const kept = (values['fixed_ips'] as readonly AskedIp[]).map(each => each.ip_address ?? '');
  if (floatingBeside(scene, id, kept).length === 0) return false;
  if (scene.identity.isAdmin || Object.keys(values).length === 1) return true;
  throw badRequestOf('port', 'fixed IPs with floating IPs are taken from a port by a request for nothing else');
}

async function changeSecurity(
  act: Act,
  row: LogicalSwitchPort,
  values: Values,
  body: Record<string, unknown>,
): Promise<void> {
  const asked = values['security_groups'] as readonly string[] | undefined;
  const isSecure = (values['port_security_enabled'] ?? row.portSecurity) === true;
  if (asked === undefined && isSecure === row.portSecurity) return;
  const hasPairs = (values['allowed_address_pairs'] ?? row.allowedAddresses) as readonly unknown[];
  if (!isSecure && hasPairs.length > 0) throw pairsNeedSecurity();
  if (!isSecure && asked === undefined && shownGroups(row).length > 0)
    throw new NeutronFault(
      409,
      'PortSecurityPortHasSecurityGroup',
      'Port has security group associated. Cannot disable port security or IP address until security group is removed.',
    );
  body['port_security'] = isSecure;
  body['security_groups'] = await groupsIn(act, asked ?? shownGroups(row), isSecure, row.projectId);
}

/** Of what a router has on a network only the name is changed here. */
async function updateRouterPort(act: Act, row: PortRow, values: Values): Promise<void> {
  const fixed = [
    'mac_address',
    'fixed_ips',
    'security_groups',
    'allowed_address_pairs',
    'port_security_enabled',
    'extra_dhcp_opts',
    'device_id',
    'device_owner',
    'dns_name',
  ];
  const named = fixed.find(each => values[each] !== undefined);
  if (named !== undefined)
    throw badRequest(`Cannot update attribute ${named} of a port of a router: change the router`);
  if (values['name'] !== undefined)
    await act.tx.merge('logical-router-ports', row.id, { name: values['name'] === '' ? row.id : values['name'] });
}

async function remove(act: Act, row: PortRow): Promise<void> {
  if (isRouterPort(row) || holdsFloatingIp(act.scene, row))
    throw new NeutronFault(
      409,
      'ServicePortInUse',
      `Port ${row.id} cannot be deleted directly via the port API: has device owner ${deviceOf(act.scene, row).owner}.`,
    );
  refuseTrunkPort(act.scene, row);
  await letGoOfPort(act, row.id);
  await act.tx.delete('logical-switch-ports', row.id);
}

/** `fixed_ips=subnet_id=S`, `ip_address=A`, `ip_address_substr=T`: alternatives of one kind, conditions of several. */
function hasFixedIp(scene: Scene, row: PortRow, values: readonly string[]): boolean {
  const asked = new Map<string, string[]>();
  for (const value of values.flatMap(each => each.split(','))) {
    const at = value.indexOf('=');
    const key = at < 0 ? '' : value.slice(0, at);
    if (key !== 'subnet_id' && key !== 'ip_address' && key !== 'ip_address_substr')
      throw badRequest(`Invalid filter for fixed_ips: '${value.slice(0, 60)}'`);
    asked.set(key, [...(asked.get(key) ?? []), value.slice(at + 1)]);
  }
  const own = fixedIpsOf(scene, row);
  return [...asked].every(([key, wanted]) =>
    own.some(({ subnet_id: subnetId, ip_address: address }) => {
      if (key === 'subnet_id') return wanted.includes(subnetId);
      if (key === 'ip_address') return wanted.some(each => sameAddress(each, address));
      return wanted.some(each => address.includes(each));
    }),
  );
}

function sameAddress(asked: string, address: string): boolean {
  const parsed = parseIp(asked);
  return parsed === null ? asked === address : formatIp(parsed.family, parsed.value) === address;
}

/** Kept for ports of workloads; of those of routers it follows. */
function device(name: 'device_id' | 'device_owner', of: 'id' | 'owner'): Attribute<PortRow> {
  return { ...kept<PortRow>(name, text(), ''), read: (scene, row) => deviceOf(scene, row)[of] };
}

const vnicTypes = [
  'normal',
  'direct',
  'macvtap',
  'baremetal',
  'direct-physical',
  'virtio-forwarder',
  'smart-nic',
  'vdpa',
  'accelerator-direct',
] as const;

export const ports = neutronResource<PortRow>({
  collection: 'ports',
  member: 'port',
  title: 'Port',
  said: 'ports',
  kindOf: row => (isRouterPort(row) ? 'logical-router-ports' : 'logical-switch-ports'),
  rows: portRows,
  find: findPort,
  hasTags: true,
  filters: { fixed_ips: hasFixedIp },
  prepare: (scene, values) =>
    values === null || values['security_groups'] !== undefined
      ? null
      : defaultGroupOf(scene, textIn(values, 'project_id', scene.identity.projectId)),
  attributes: {
    ...standard<PortRow>(),
    name: given(text(), (scene, row) => namesOf(scene, row).name, { initial: '' }),
    dns_name: given(dnsNameForm, (scene, row) => namesOf(scene, row).dnsName, { initial: '' }),
    dns_assignment: shown(dnsAssignmentOf, { filter: false }),
    network_id: given(uuid, (_scene, row) => networkOf(row), { required: true, only: 'creation' }),
    mac_address: given(mac, (_scene, row) => row.mac),
    admin_state_up: given(boolean, (_scene, row) => isRouterPort(row) || row.enabled, { initial: true }),
    status: shown(statusOf),
    device_id: device('device_id', 'id'),
    device_owner: device('device_owner', 'owner'),
    fixed_ips: given(askedIps, fixedIpsOf),
    security_groups: given(list(uuid, 32), (_scene, row) => shownGroups(row)),
    allowed_address_pairs: given(pairs, (_scene, row) => pairsOf(row), { initial: [], filter: false }),
    extra_dhcp_opts: given(dhcpOptionsForm, (scene, { id }) => dhcpOptionsOf(scene, id), {
      initial: [],
      filter: false,
    }),
    port_security_enabled: given(boolean, (_scene, row) => !isRouterPort(row) && row.portSecurity),
    'binding:vnic_type': kept('binding:vnic_type', oneOf(...vnicTypes), 'normal'),
    'binding:host_id': given(nullable(text()), hostOf, { admin: 'all' }),
    'binding:profile': kept('binding:profile', dictionary, {}, { admin: 'all', filter: false }),
    'binding:vif_type': shown((scene, row) => vifOf(scene, row).type, { admin: 'all' }),
    'binding:vif_details': shown((scene, row) => vifOf(scene, row).details, { admin: 'all', filter: false }),
    ip_allocation: shown((scene, row) => (fixedIpsOf(scene, row).length === 0 ? 'none' : 'immediate')),
    propagate_uplink_status: shown(() => false),
    trunk_details: shown((scene, row) => (isRouterPort(row) ? undefined : trunkDetailsOf(scene, row)), {
      filter: false,
    }),
  },
  create,
  update,
  remove,
  // Floating IPs of what goes are given back to a network of the operator's.
  asOperator: (values, row, scene) => values === null || (row !== null && losesAddresses(scene, row, values)),
});

function pairsOf(row: PortRow): readonly Values[] {
  if (isRouterPort(row)) return [];
  return row.allowedAddresses.map(({ mac: other, cidr: range }) => ({
    ip_address: hostOrNetwork(range),
    mac_address: other ?? row.mac,
  }));
}
