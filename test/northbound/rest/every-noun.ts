/** One valid object of every noun, in the order in which they can be made, for tests that go over all nouns. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { kinds, resourceOf } from '../../../src/model/index.js';
import { isOffered, type OfferedKind } from '../../../src/model/kinds.js';
import { operatorMembers } from '../../../src/store/tenancy.js';
import type { Json, RestFixture } from './rest-fixture.js';

/** The collections of REST. */
export const collections = kinds.filter((kind): kind is OfferedKind => resourceOf(kind).exposed && isOffered(kind));

export type Samples = Readonly<Record<OfferedKind, Json>>;

/** Values of a network of its own: each refers to the ids of the ones before it. */
export function sampleValues(): Samples {
  const id = Object.fromEntries(collections.map(kind => [kind, randomUUID()])) as Record<OfferedKind, string>;
  const common = { project_id: `project-${id.hypervisors.slice(0, 8)}`, labels: { sample: 'yes' } };
  return {
    hypervisors: { id: id.hypervisors, name: 'hv', ovsdb_target: 'tcp:192.0.2.9:6640', ...common },
    'logical-switches': { id: id['logical-switches'], name: 'net', ...common },
    subnets: {
      id: id.subnets,
      name: 'sub',
      logical_switch_id: id['logical-switches'],
      cidr: '10.0.0.0/24',
      gateway_ip: '10.0.0.1',
      allocation_pools: [{ start: '10.0.0.10', end: '10.0.0.99' }],
      dns_servers: ['192.0.2.53'],
      host_routes: [{ destination: '198.51.100.0/24', next_hop: '10.0.0.1' }],
      ...common,
    },
    'logical-routers': { id: id['logical-routers'], name: 'router', ...common },
    'security-groups': {
      id: id['security-groups'],
      name: 'web',
      isolates: ['ingress'],
      port_selector: {
        match_labels: { tier: 'web' },
        match_expressions: [{ key: 'stage', operator: 'In', values: ['live'] }],
      },
      ...common,
    },
    'address-sets': {
      id: id['address-sets'],
      name: 'office',
      addresses: ['192.0.2.7', '198.51.100.0/24', '2001:db8::/32'],
      ...common,
    },
    'security-group-rules': {
      id: id['security-group-rules'],
      name: 'https',
      security_group_id: id['security-groups'],
      direction: 'ingress',
      ethertype: 'ipv4',
      protocol: 'tcp',
      port_min: 443,
      port_max: 443,
      remote_address_set_id: id['address-sets'],
      ...common,
    },
    'logical-switch-ports': {
      id: id['logical-switch-ports'],
      name: 'port',
      logical_switch_id: id['logical-switches'],
      ips: ['10.0.0.20'],
      allowed_addresses: [{ cidr: '198.51.100.7/32' }],
      security_groups: [id['security-groups']],
      ...common,
    },
    'logical-router-ports': {
      id: id['logical-router-ports'],
      name: 'leg',
      logical_router_id: id['logical-routers'],
      logical_switch_id: id['logical-switches'],
      networks: ['10.0.0.1/24'],
      ...common,
    },
    tokens: { id: id.tokens, name: 'token', role: 'member', scopes: ['subnets:read'], ...common },
    quotas: { id: id.quotas, name: 'quota', limits: { 'logical-switches': 1_000 }, ...common },
    'static-routes': {
      id: id['static-routes'],
      name: 'route',
      logical_router_id: id['logical-routers'],
      destination: '203.0.113.0/24',
      next_hop: '10.0.0.254',
      ...common,
    },
    'virtual-addresses': {
      id: id['virtual-addresses'],
      name: 'moves',
      logical_switch_id: id['logical-switches'],
      ip: '10.0.0.200',
      logical_switch_port_ids: [id['logical-switch-ports']],
      ...common,
    },
    'policy-routes': {
      id: id['policy-routes'],
      name: 'by the appliance',
      logical_router_id: id['logical-routers'],
      priority: 100,
      source: '10.0.0.0/24',
      protocol: 'tcp',
      port_min: 80,
      port_max: 90,
      mark: { value: 16, mask: 255 },
      action: 'reroute',
      next_hops: ['10.0.0.254'],
      ...common,
    },
    'static-neighbours': {
      id: id['static-neighbours'],
      name: 'appliance',
      logical_router_port_id: id['logical-router-ports'],
      ip: '10.0.0.254',
      mac: '0a:00:00:00:00:fe',
      ...common,
    },
    'bfd-sessions': {
      id: id['bfd-sessions'],
      name: 'the appliance lives',
      logical_router_port_id: id['logical-router-ports'],
      ip: '10.0.0.254',
      min_tx_ms: 300,
      min_rx_ms: 400,
      detect_multiplier: 5,
      ...common,
    },
    'qos-rules': {
      id: id['qos-rules'],
      name: 'limit',
      logical_switch_port_id: id['logical-switch-ports'],
      kind: 'bandwidth_limit',
      max_kbps: 1000,
      ...common,
    },
    mirrors: {
      id: id.mirrors,
      name: 'mirror',
      logical_switch_port_id: id['logical-switch-ports'],
      kind: 'gre',
      remote_ip: '192.0.2.99',
      key: 7,
      ...common,
    },
    'dhcp-options': {
      id: id['dhcp-options'],
      name: 'clock',
      logical_switch_port_id: id['logical-switch-ports'],
      protocol: 'dhcpv4',
      option: 'ntp-server',
      value: '192.0.2.123',
      ...common,
    },
    'dns-records': {
      id: id['dns-records'],
      name: 'www.example.org',
      logical_switch_id: id['logical-switches'],
      type: 'A',
      values: ['192.0.2.80'],
      ...common,
    },
    'load-balancers': {
      id: id['load-balancers'],
      name: 'shop',
      vip: '10.96.0.1',
      port: 80,
      backends: [{ ip: '10.0.0.20', port: 8080, weight: 1, state: 'active' }],
      health_check: { protocol: 'http', port: 8081, path: '/ready', interval_s: 3, timeout_s: 1, rise: 2, fall: 3 },
      logical_switch_ids: [id['logical-switches']],
      logical_router_ids: [id['logical-routers']],
      ...common,
    },
    'nat-rules': {
      id: id['nat-rules'],
      name: 'floating',
      logical_router_id: id['logical-routers'],
      kind: 'floating_ip',
      external_ip: '203.0.113.9',
      logical_ip: '10.0.0.20',
      exempted_destinations: ['198.51.100.0/24'],
      logical_switch_port_id: id['logical-switch-ports'],
      ...common,
    },
  };
}

/** Those of which tenants make objects. */
export const tenantCollections = collections.filter(kind => resourceOf(kind).audience.write === 'project');

/** A value as a tenant may send it: where copies leave the logical networks only an operator says, its own go to a port of its own. */
export function tenantValue(kind: OfferedKind, value: Json, collectorPortId: string): Json {
  const hidden = operatorMembers(kind);
  const rest = Object.fromEntries(Object.entries(value).filter(([member]) => !hidden.includes(member)));
  if (kind !== 'mirrors') return rest;
  const { key: _, ...mirror } = rest;
  return { ...mirror, kind: 'local', collector_port_id: collectorPortId };
}

/** Makes one object of every noun, in one transaction. */
export async function createSamples(rest: RestFixture): Promise<Samples> {
  const values = sampleValues();
  const operations = collections.map(kind => ({ op: 'create', kind, value: values[kind] }));
  const { status, text } = await rest.request('POST', '/v1/transactions', { operations });
  assert.equal(status, 200, text);
  return values;
}
