/** Agents (hypervisors, which have none), availability zones, and how many addresses networks have left: places, mostly to be looked at. */
import { lastAddress } from '../../src/base/address.js';
import type { CommonRow, Hypervisor, LogicalSwitch, Subnet } from '../../src/model/index.js';
import { allocationRanges, knownCidr, subnetOf } from '../../src/model/invariants.js';
import { given, secondsOf, shown } from './attributes.js';
import { boolean } from './forms.js';
import { fixedIpsOf } from './port-rows.js';
import { neutronResource } from './resource.js';
import type { Scene } from './scene.js';

const ZONE = 'default';

/** A hypervisor in the words for what runs on one elsewhere. */
export const agents = neutronResource<Hypervisor>({
  collection: 'agents',
  member: 'agent',
  title: 'Agent',
  said: null,
  writers: 'admin',
  kindOf: () => 'hypervisors',
  rows: scene => (scene.identity.isAdmin ? scene.rows('hypervisors') : []),
  find: (scene, id) => (scene.identity.isAdmin ? scene.get('hypervisors', id) : null),
  attributes: {
    id: shown((_scene, { id }) => id),
    agent_type: shown(() => 'Open vSwitch agent'),
    binary: shown(() => 'ovs-vswitchd'),
    host: shown((_scene, { name }) => name),
    topic: shown(() => 'N/A'),
    availability_zone: shown(() => ZONE),
    admin_state_up: given(boolean, (_scene, { allowed, approved, drain }) => allowed && approved && !drain, {
      only: 'update',
    }),
    alive: shown((scene, row) => scene.state.fleet.hypervisor(row).connected),
    created_at: shown((_scene, { createdAt }) => secondsOf(createdAt)),
    started_at: shown((_scene, { createdAt }) => secondsOf(createdAt)),
    heartbeat_timestamp: shown((_scene, { updatedAt }) => secondsOf(updatedAt)),
    description: shown((scene, row) => scene.state.fleet.hypervisor(row).reason ?? ''),
    resources_synced: shown((scene, row) => scene.state.fleet.hypervisor(row).lag === 0),
    configurations: shown(
      (_scene, row) => ({
        integration_bridge: row.bridge,
        datapath_type: row.datapathType,
        tunneling_ip: row.encapIp,
        tunnel_types: row.encapTypes,
        bridge_mappings: Object.fromEntries(
          row.bridgeMappings.map(({ physicalNetwork, bridge }) => [physicalNetwork, bridge]),
        ),
      }),
      { filter: false },
    ),
  },
  // No agent runs on one: what it does besides its own workloads goes elsewhere.
  update: async (act, { id }, { admin_state_up: isUp }) => {
    if (isUp !== undefined) await act.tx.merge('hypervisors', id, { drain: isUp !== true });
  },
});

interface Zone extends CommonRow {
  readonly resource: 'network' | 'router';
}

const zones = (['network', 'router'] as const).map(
  (resource): Zone => ({
    id: `${ZONE}-${resource}`,
    name: ZONE,
    projectId: '',
    labels: {},
    createdAt: '',
    updatedAt: '',
    revision: 0,
    number: 0,
    resource,
  }),
);

/** One: every hypervisor is in it. */
export const availabilityZones = neutronResource<Zone>({
  collection: 'availability_zones',
  member: 'availability_zone',
  path: 'availability_zones',
  title: 'AvailabilityZone',
  said: null,
  writers: 'admin',
  kindOf: () => 'hypervisors',
  rows: () => zones,
  find: () => null,
  attributes: {
    name: shown((_scene, { name }) => name),
    resource: shown((_scene, { resource }) => resource),
    state: shown(() => 'available'),
  },
});

function totalOf(subnet: Subnet): bigint {
  if (subnet.allocationPools.length > 0)
    return allocationRanges(subnet).reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
  const cidr = knownCidr(subnet.cidr);
  const size = lastAddress(cidr) - cidr.network + 1n;
  return cidr.family === 4 && cidr.prefixLength <= 30 ? size - 2n : size;
}

/** Addresses in use by subnet. */
function usedOn(scene: Scene, networkId: string): ReadonlyMap<string, number> {
  const used = new Map<string, number>();
  const ports = [
    ...scene.view.by('logical-switch-ports', 'logicalSwitchId', networkId),
    ...scene.view.by('logical-router-ports', 'logicalSwitchId', networkId),
  ];
  for (const port of ports)
    for (const { subnet_id: id } of fixedIpsOf(scene, port)) used.set(id, (used.get(id) ?? 0) + 1);
  const subnets = subnetsOf(scene, networkId);
  for (const { externalIp } of scene.view.by('nat-rules', 'outsideSwitchId', networkId)) {
    const id = subnetOf(externalIp, subnets)?.id;
    if (id !== undefined) used.set(id, (used.get(id) ?? 0) + 1);
  }
  return used;
}

function subnetsOf({ view }: Scene, networkId: string): readonly Subnet[] {
  return view.by('subnets', 'logicalSwitchId', networkId);
}

/** Large numbers of IPv6 are no exact numbers of JSON readers; OpenStack sends them all the same. */
const sum = (values: readonly bigint[]): number => Number(values.reduce((total, value) => total + value, 0n));

/** A network with its subnets, or those of one family that is asked for. */
interface Counted extends LogicalSwitch {
  readonly subnets: readonly Subnet[];
}

function counted(scene: Scene, row: LogicalSwitch, versions: readonly string[] | undefined): Counted {
  const isAsked = ({ cidr }: Subnet): boolean => versions?.includes(String(knownCidr(cidr).family)) ?? true;
  return { ...row, subnets: subnetsOf(scene, row.id).filter(isAsked) };
}

export const ipAvailabilities = neutronResource<Counted>({
  collection: 'network_ip_availabilities',
  member: 'network_ip_availability',
  title: 'Network',
  said: null,
  writers: 'admin',
  kindOf: () => 'logical-switches',
  rows: (scene, wanted) => scene.rows('logical-switches').map(row => counted(scene, row, wanted.get('ip_version'))),
  find: (scene, id) => {
    const row = scene.get('logical-switches', id);
    return row === null ? null : counted(scene, row, undefined);
  },
  // Which subnets are counted; networks are shown all the same.
  filters: { ip_version: () => true },
  attributes: {
    network_id: shown((_scene, { id }) => id),
    network_name: shown((_scene, { id, name }) => (name === id ? '' : name)),
    tenant_id: shown((_scene, { projectId }) => projectId),
    project_id: shown((_scene, { projectId }) => projectId),
    total_ips: shown((_scene, { subnets }) => sum(subnets.map(totalOf))),
    used_ips: shown((scene, { id, subnets }) => {
      const used = usedOn(scene, id);
      return subnets.reduce((total, subnet) => total + (used.get(subnet.id) ?? 0), 0);
    }),
    subnet_ip_availability: shown(
      (scene, { id, subnets }) => {
        const used = usedOn(scene, id);
        return subnets.map(subnet => ({
          subnet_id: subnet.id,
          subnet_name: subnet.name,
          cidr: subnet.cidr,
          ip_version: knownCidr(subnet.cidr).family,
          total_ips: sum([totalOf(subnet)]),
          used_ips: used.get(subnet.id) ?? 0,
        }));
      },
      { filter: false },
    ),
  },
});
