/** Security groups and their rules, and groups of addresses that rules name. */
import { formatCidr, parseCidr } from '../../src/base/address.js';
import { hostOrNetwork } from '../../src/model/address-set.js';
import type { AddressSet, SecurityGroup, SecurityGroupRule } from '../../src/model/index.js';
import { isIcmp } from '../../src/model/protocol.js';
import { familiesOf } from '../../src/model/rule-invariants.js';
import type { Act } from './act.js';
import { given, kept, named, shown, standard } from './attributes.js';
import { defaultGroupOf, isClosedGroup, isDefaultGroup, makeEgressRule } from './default-groups.js';
import { NeutronFault, notFound } from './faults.js';
import {
  addressOrPrefix,
  type Form,
  integer,
  list,
  nullable,
  oneOf,
  refuseValue,
  text,
  uuid,
  type Values,
  textIn,
} from './forms.js';
import { neutronResource, represent } from './resource.js';
import type { Scene } from './scene.js';

function findGroup(scene: Scene, id: string): SecurityGroup | null {
  const row = scene.get('security-groups', id);
  return row !== null && !isClosedGroup(row) ? row : null;
}

/** Rules that this API can say: others exist in REST alone. */
const isSayable = ({ action, stateless }: SecurityGroupRule): boolean => action === 'allow' && !stateless;

function rulesOf(scene: Scene, groupId: string): readonly SecurityGroupRule[] {
  return scene.view.by('security-group-rules', 'securityGroupId', groupId).filter(isSayable);
}

async function createGroup(act: Act, values: Values, projectId: string): Promise<string> {
  if (values['name'] === 'default')
    throw new NeutronFault(409, 'SecurityGroupDefaultAlreadyExists', 'Default security group already exists.');
  const id = act.newId();
  await act.tx.create('security-groups', {
    id,
    name: values['name'] === '' ? id : values['name'],
    project_id: projectId,
  });
  for (const ethertype of ['ipv4', 'ipv6']) await makeEgressRule(act, id, projectId, ethertype);
  return id;
}

async function removeGroup(act: Act, row: SecurityGroup): Promise<void> {
  const { view, identity } = act.scene;
  if (isDefaultGroup(row) && !identity.isAdmin)
    throw new NeutronFault(
      409,
      'SecurityGroupCannotRemoveDefault',
      'Insufficient rights for removing default security group.',
    );
  // A rule that lets the group in ends with the group.
  for (const rule of view.by('security-group-rules', 'remoteGroupId', row.id))
    if (rule.securityGroupId !== row.id) await act.tx.delete('security-group-rules', rule.id);
  await act.tx.delete('security-groups', row.id);
}

export const securityGroups = neutronResource<SecurityGroup>({
  collection: 'security_groups',
  member: 'security_group',
  title: 'SecurityGroup',
  said: 'security_groups',
  kindOf: () => 'security-groups',
  rows: scene => scene.rows('security-groups').filter(row => !isClosedGroup(row)),
  find: findGroup,
  hasTags: true,
  prepare: (scene, values) => defaultGroupOf(scene, textIn(values ?? {}, 'project_id', scene.identity.projectId)),
  attributes: {
    ...standard<SecurityGroup>(),
    name: named(),
    stateful: shown(() => true),
    shared: shown(() => false),
    security_group_rules: shown(
      (scene, { id }) => rulesOf(scene, id).map(rule => represent(securityGroupRules, scene, rule)),
      {
        filter: false,
      },
    ),
  },
  create: createGroup,
  update: async (act, row, values) => {
    if (values['name'] === undefined) return;
    if (isDefaultGroup(row))
      throw new NeutronFault(409, 'SecurityGroupCannotUpdateDefault', 'Updating default security group not allowed.');
    await act.tx.merge('security-groups', row.id, { name: values['name'] === '' ? row.id : values['name'] });
  },
  remove: removeGroup,
});

/** Names of OpenStack that the model has by number, or otherwise. */
const protocols: Readonly<Record<string, string>> = {
  'ipv6-icmp': 'icmpv6',
  ipip: '4',
  'ipv6-encap': '41',
  'ipv6-route': '43',
  'ipv6-frag': '44',
  'ipv6-nonxt': '59',
  'ipv6-opts': '60',
};

const protocol: Form<string | null> = {
  read: (value, name) => {
    if (value === null || value === '' || value === 'any') return null;
    if (typeof value === 'number') return String(value);
    return typeof value === 'string'
      ? value.toLowerCase()
      : refuseValue(name, 'it is neither the name nor the number of a protocol');
  },
};

function networkOf(text: string): string {
  const parsed = parseCidr(text);
  return parsed === null ? text : formatCidr({ ...parsed, address: parsed.network });
}

/** Ports of the protocols that have them, types and codes of ICMP. */
function rangeMembers(values: Values, name: string | null): Values {
  const min = (values['port_range_min'] ?? null) as number | null;
  const max = (values['port_range_max'] ?? null) as number | null;
  if (min === null && max === null) return {};
  if (name === null)
    throw new NeutronFault(
      400,
      'SecurityGroupProtocolRequiredWithPorts',
      'Must also specify protocol if port range is given.',
    );
  if (isIcmp(name)) {
    if (min === null)
      throw new NeutronFault(
        400,
        'SecurityGroupMissingIcmpType',
        `ICMP code (port-range-max) ${String(max)} is provided but ICMP type (port-range-min) is missing.`,
      );
    for (const [field, value] of [
      ['port-range-min', min],
      ['port-range-max', max],
    ] as const)
      if (value !== null && value > 255)
        throw new NeutronFault(
          400,
          'SecurityGroupInvalidIcmpValue',
          `Invalid value for ICMP ${field}: ${value}. It must be 0 to 255.`,
        );
    return { icmp_type: min, icmp_code: max };
  }
  if (min === null || max === null || min > max)
    throw new NeutronFault(
      400,
      'SecurityGroupInvalidPortRange',
      'For TCP/UDP protocols, port_range_min must be <= port_range_max',
    );
  if (min === 0) throw new NeutronFault(400, 'SecurityGroupInvalidPortValue', 'Invalid value for port 0');
  return { port_min: min, port_max: max };
}

async function createRule(act: Act, values: Values): Promise<string> {
  const groupId = textIn(values, 'security_group_id');
  const group = findGroup(act.scene, groupId);
  if (group === null || !act.scene.owns(group)) throw notFound('SecurityGroup', groupId);
  const remotes = ['remote_ip_prefix', 'remote_group_id', 'remote_address_group_id'].filter(
    each => (values[each] ?? null) !== null,
  );
  if (remotes.length > 1)
    throw new NeutronFault(
      400,
      'SecurityGroupRemoteGroupAndRemoteIpPrefix',
      'Only remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.',
    );
  const ethertype = textIn(values, 'ethertype').toLowerCase();
  const asked = values['protocol'] as string | null;
  const known = asked === null ? null : (protocols[asked] ?? asked);
  if (known === 'icmpv6' && ethertype === 'ipv4')
    throw new NeutronFault(
      400,
      'SecurityGroupEthertypeConflictWithProtocol',
      `Invalid ethertype IPv4 for protocol ${asked ?? ''}.`,
    );
  const prefixText = (values['remote_ip_prefix'] ?? null) as string | null;
  if (prefixText !== null && prefixText.includes(':') !== (ethertype === 'ipv6'))
    throw new NeutronFault(
      400,
      'SecurityGroupRuleParameterConflict',
      `Conflicting value ethertype ${textIn(values, 'ethertype')} for CIDR ${prefixText}`,
    );
  const id = act.newId();
  const body = {
    id,
    project_id: group.projectId,
    security_group_id: group.id,
    direction: values['direction'],
    ethertype,
    protocol: known,
    ...rangeMembers(values, known),
    remote_cidr: prefixText === null ? null : networkOf(prefixText),
    remote_group_id: values['remote_group_id'] ?? null,
    remote_address_set_id: values['remote_address_group_id'] ?? null,
  };
  const { row } = await act.tx.create('security-group-rules', body);
  // As it was written, where the model has another way to write it.
  const written = {
    ...(asked === row.protocol ? {} : { protocol: asked }),
    ...(prefixText === row.remoteCidr ? {} : { remote_ip_prefix: prefixText }),
  };
  await act.say('security_group_rules', { id, projectId: group.projectId }, written);
  return id;
}

function familyOf(row: SecurityGroupRule): string | null {
  const [family, other] = familiesOf(row);
  return other === undefined ? `IPv${family ?? 4}` : null;
}

const port = nullable(integer(0, 65_535));

export const securityGroupRules = neutronResource<SecurityGroupRule>({
  collection: 'security_group_rules',
  member: 'security_group_rule',
  title: 'SecurityGroupRule',
  said: 'security_group_rules',
  kindOf: () => 'security-group-rules',
  rows: (scene, wanted) => {
    const [group, more] = wanted.get('security_group_id') ?? [];
    const all =
      group === undefined || more !== undefined
        ? scene.rows('security-group-rules')
        : scene.view
            .by('security-group-rules', 'securityGroupId', group)
            .filter(row => scene.sight.sees('security-group-rules', row));
    return all.filter(isSayable);
  },
  find: (scene, id) => {
    const row = scene.get('security-group-rules', id);
    return row !== null && isSayable(row) ? row : null;
  },
  attributes: {
    ...standard<SecurityGroupRule>(),
    description: kept('description', text(), '', { only: 'creation' }),
    security_group_id: given(uuid, (_scene, row) => row.securityGroupId, { required: true, only: 'creation' }),
    direction: given(oneOf('ingress', 'egress'), (_scene, row) => row.direction, { required: true, only: 'creation' }),
    ethertype: given(oneOf('IPv4', 'IPv6'), (_scene, row) => familyOf(row), { initial: 'IPv4', only: 'creation' }),
    protocol: given(protocol, (scene, row) => scene.said(row.id)['protocol'] ?? row.protocol, {
      initial: null,
      only: 'creation',
    }),
    port_range_min: given(port, (_scene, row) => row.portMin ?? row.icmpType, { initial: null, only: 'creation' }),
    port_range_max: given(port, (_scene, row) => row.portMax ?? row.icmpCode, { initial: null, only: 'creation' }),
    remote_ip_prefix: given(
      nullable(addressOrPrefix),
      (scene, row) => scene.said(row.id)['remote_ip_prefix'] ?? row.remoteCidr,
      {
        initial: null,
        only: 'creation',
      },
    ),
    normalized_cidr: shown((_scene, row) => row.remoteCidr),
    remote_group_id: given(nullable(uuid), (_scene, row) => row.remoteGroupId, { initial: null, only: 'creation' }),
    remote_address_group_id: given(nullable(uuid), (_scene, row) => row.remoteAddressSetId, {
      initial: null,
      only: 'creation',
    }),
    belongs_to_default_sg: shown((scene, row) => {
      const group = scene.view.get('security-groups', row.securityGroupId);
      return group !== null && isDefaultGroup(group);
    }),
  },
  create: (act, values) => createRule(act, values),
  remove: async (act, { id }) => {
    await act.tx.delete('security-group-rules', id);
  },
});

/** Addresses as this API writes them: with the length of their network, always. */
const withLength = (address: string): string => {
  if (address.includes('/')) return address;
  return `${address}/${address.includes(':') ? 128 : 32}`;
};

const addresses = list(addressOrPrefix, 10_000);
export const readAddresses = (value: unknown): readonly string[] =>
  addresses.read(value, 'addresses').map(each => hostOrNetwork(networkOf(each)));

export const addressGroups = neutronResource<AddressSet>({
  collection: 'address_groups',
  member: 'address_group',
  title: 'AddressGroup',
  said: 'address_groups',
  kindOf: () => 'address-sets',
  rows: scene => scene.rows('address-sets'),
  find: (scene, id) => scene.get('address-sets', id),
  attributes: {
    ...standard<AddressSet>(),
    name: named(),
    shared: shown(() => false),
    addresses: given({ read: readAddresses }, (_scene, row) => row.addresses.map(withLength), {
      initial: [],
      only: 'creation',
    }),
  },
  create: async (act, values, projectId) => {
    const id = act.newId();
    const name = values['name'] === '' ? id : values['name'];
    await act.tx.create('address-sets', {
      id,
      name,
      project_id: projectId,
      addresses: [...new Set(values['addresses'] as string[])],
    });
    return id;
  },
  update: async (act, row, values) => {
    if (values['name'] !== undefined)
      await act.tx.merge('address-sets', row.id, { name: values['name'] === '' ? row.id : values['name'] });
  },
  remove: async (act, { id }) => {
    await act.tx.delete('address-sets', id);
  },
});
