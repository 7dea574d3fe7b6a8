/** Networks: logical switches. */
import { EVERY_PROJECT } from '../../src/model/audience.js';
import type { LogicalSwitch } from '../../src/model/index.js';
import type { Act } from './act.js';
import { given, kept, named, shown, standard } from './attributes.js';
import { NeutronFault, notFound } from './faults.js';
import { boolean, integer, list, nullable, oneOf, refuseValue, text, textIn, type Values } from './forms.js';
import { neutronResource } from './resource.js';
import type { Scene } from './scene.js';

/** What networks of tunnels are called: a port of any encapsulation is on them. */
const TUNNELLED = 'geneve';

/**
 * A network that routers may have their gateway on. Admins say so; a logical switch made by REST is one as soon as a router is
 * outside on it.
 */
export function isExternal(scene: Scene, row: LogicalSwitch): boolean {
  const said = scene.said(row.id)['router:external'];
  if (typeof said === 'boolean') return said;
  return (
    row.provider !== null &&
    scene.view.rows('logical-routers').some(({ gatewaySwitchId }) => gatewaySwitchId === row.id)
  );
}

export const isShared = ({ sharedWith }: Pick<LogicalSwitch, 'sharedWith'>): boolean =>
  sharedWith.includes(EVERY_PROJECT);

/** The network, if the caller may know of it: external ones everybody does. */
export function findNetwork(scene: Scene, id: string): LogicalSwitch | null {
  const seen = scene.get('logical-switches', id);
  if (seen !== null) return seen;
  const row = scene.view.get('logical-switches', id);
  return row !== null && isExternal(scene, row) ? row : null;
}

/** @throws NeutronFault NetworkNotFound */
export function requireNetwork(scene: Scene, id: string): LogicalSwitch {
  const row = findNetwork(scene, id);
  if (row === null) throw notFound('Network', id);
  return row;
}

const networkType = ({ provider }: LogicalSwitch): string =>
  provider === null ? TUNNELLED : provider.vlan === null ? 'flat' : 'vlan';

/** What the provider attributes of a body mean: the part of a physical network, or null for tunnels. */
function providerOf(values: Values): { physical_network: string; vlan: number | null } | null {
  const type = values['provider:network_type'] ?? null;
  const physicalNetwork = values['provider:physical_network'] ?? null;
  const segment = values['provider:segmentation_id'] ?? null;
  if (type === null && (physicalNetwork !== null || segment !== null))
    return refuseValue('provider', 'provider:network_type is missing');
  if (type === null || type === 'local' || type === 'geneve' || type === 'vxlan') {
    if (physicalNetwork !== null)
      refuseValue(
        'provider:physical_network',
        `it does not go with network type ${textIn(values, 'provider:network_type')}`,
      );
    if (segment !== null) refuseValue('provider:segmentation_id', 'Weft chooses the keys of tunnels');
    return null;
  }
  if (physicalNetwork === null)
    return refuseValue(
      'provider:physical_network',
      `network type ${textIn(values, 'provider:network_type')} needs one`,
    );
  if (type === 'flat' && segment !== null)
    refuseValue('provider:segmentation_id', 'it does not go with network type flat');
  if (type === 'vlan' && segment === null) refuseValue('provider:segmentation_id', 'network type vlan needs one');
  return { physical_network: textIn(values, 'provider:physical_network'), vlan: segment as number | null };
}

/** Members of the noun that the values set. */
function membersOf(values: Values, id: string, sharedWith: readonly string[]): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  if (values['name'] !== undefined) body['name'] = values['name'] === '' ? id : values['name'];
  if (values['mtu'] !== undefined) body['mtu'] = values['mtu'] === 0 ? null : values['mtu'];
  if (values['dns_domain'] !== undefined) body['dns_domain'] = domainIn(textIn(values, 'dns_domain'));
  if (values['shared'] !== undefined) {
    const others = sharedWith.filter(project => project !== EVERY_PROJECT);
    body['shared_with'] = values['shared'] === true ? [...others, EVERY_PROJECT] : others;
  }
  return body;
}

/** OpenStack writes domains with a dot at the end. */
const domainIn = (value: string): string | null => (value === '' ? null : value.replace(/\.$/, ''));

async function create(act: Act, values: Values, projectId: string): Promise<string> {
  const id = act.newId();
  const provider = providerOf(values);
  const body = {
    id,
    name: id,
    project_id: projectId,
    ...membersOf(values, id, []),
    ...(provider === null ? {} : { provider }),
  };
  await act.tx.create('logical-switches', body);
  return id;
}

async function remove(act: Act, { id }: LogicalSwitch): Promise<void> {
  const { view } = act.scene;
  const inUse =
    view.by('logical-switch-ports', 'logicalSwitchId', id).length +
    view.by('logical-router-ports', 'logicalSwitchId', id).length;
  if (inUse > 0)
    throw new NeutronFault(
      409,
      'NetworkInUse',
      `Unable to complete operation on network ${id}. There are one or more ports still in use on the network.`,
    );
  for (const subnet of view.by('subnets', 'logicalSwitchId', id)) await act.tx.delete('subnets', subnet.id);
  await act.tx.delete('logical-switches', id);
}

function rows(scene: Scene): readonly LogicalSwitch[] {
  if (scene.identity.isAdmin) return scene.rows('logical-switches');
  return scene.view
    .rows('logical-switches')
    .filter(row => scene.sight.sees('logical-switches', row) || isExternal(scene, row));
}

export const networks = neutronResource<LogicalSwitch>({
  collection: 'networks',
  member: 'network',
  title: 'Network',
  said: 'networks',
  kindOf: () => 'logical-switches',
  rows,
  find: findNetwork,
  hasTags: true,
  attributes: {
    ...standard<LogicalSwitch>(),
    name: named(),
    admin_state_up: kept('admin_state_up', boolean, true),
    status: shown((scene, { id }) => (scene.said(id)['admin_state_up'] === false ? 'DOWN' : 'ACTIVE')),
    mtu: given(integer(0, 65_521), (scene, row) => scene.state.effectiveMtu(row)),
    subnets: shown((scene, { id }) => scene.view.by('subnets', 'logicalSwitchId', id).map(subnet => subnet.id)),
    shared: given(boolean, (_scene, row) => isShared(row), { initial: false, admin: 'set' }),
    'router:external': kept('router:external', boolean, false, { admin: 'set' }),
    is_default: kept('is_default', boolean, false, { admin: 'set' }),
    port_security_enabled: kept('port_security_enabled', boolean, true),
    dns_domain: given(text(255), (_scene, row) => (row.dnsDomain === null ? '' : `${row.dnsDomain}.`)),
    availability_zone_hints: kept('availability_zone_hints', list(text(), 10), [], { only: 'creation' }),
    availability_zones: shown(() => ['default']),
    ipv4_address_scope: shown((scene, row) => addressScopeOf(scene, row, 4)),
    ipv6_address_scope: shown((scene, row) => addressScopeOf(scene, row, 6)),
    l2_adjacency: shown(() => true),
    'provider:network_type': given(
      oneOf('local', 'flat', 'vlan', 'geneve', 'vxlan'),
      (_scene, row) => networkType(row),
      {
        admin: 'all',
        only: 'creation',
      },
    ),
    'provider:physical_network': given(nullable(text(64)), (_scene, row) => row.provider?.physicalNetwork ?? null, {
      admin: 'all',
      only: 'creation',
    }),
    'provider:segmentation_id': given(
      nullable(integer(1, 16_777_215)),
      (_scene, row) => (row.provider === null ? row.datapathKey : row.provider.vlan),
      { admin: 'all', only: 'creation' },
    ),
  },
  create,
  update: async (act, row, values) => {
    const body = membersOf(values, row.id, row.sharedWith);
    if (Object.keys(body).length > 0) await act.tx.merge('logical-switches', row.id, body);
  },
  remove,
});

/** The address scope of the pool that a subnet of the family is of. */
function addressScopeOf(scene: Scene, { id }: LogicalSwitch, family: 4 | 6): unknown {
  for (const subnet of scene.view.by('subnets', 'logicalSwitchId', id)) {
    if (subnet.cidr.includes(':') !== (family === 6)) continue;
    const pool = scene.said(subnet.id)['subnetpool_id'];
    const scope = typeof pool === 'string' ? scene.said(pool)['address_scope_id'] : null;
    if (typeof scope === 'string') return scope;
  }
  return null;
}
