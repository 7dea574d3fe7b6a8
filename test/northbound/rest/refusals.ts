/**
 * What every field of every noun refuses: the members that are changed in a valid body, the code, and the pointer. The fields
 * test checks that no field that a caller may set is missing here.
 */
import { randomUUID } from 'node:crypto';
import type { ErrorCode } from '../../../src/base/errors.js';
import type { OfferedKind } from '../../../src/model/kinds.js';
import type { Samples } from './every-noun.js';
import { natRefusals } from './nat-refusals.js';
import type { Json } from './rest-fixture.js';
import { routingRefusals } from './route-refusals.js';

export interface Refusal {
  /** Laid over a body that is valid by itself. */
  readonly members: Json;
  readonly code: ErrorCode;
  readonly pointer: string;
}

export const refusal = (members: Json, code: ErrorCode, pointer: string): Refusal => ({ members, code, pointer });

/** The same member with several values that are refused alike. */
export const each = (member: string, code: ErrorCode, ...values: unknown[]): Refusal[] =>
  values.map(value => refusal({ [member]: value }, code, `/${member}`));

const tooLong = 'x'.repeat(256);
const controlCharacters = ['a\nb', 'a\u0000b', 'a\u202eb', '\ud800'];
export const notBooleans = ['true', 1, null, [], {}];
export const notIps = ['x', '10.0.0', '10.0.0.256', '010.0.0.1', '1.2.3.4/32', 'fd00::1%eth0', 5, {}, ''];
export const notMacs = ['x', '0a:00:00:00:00', '0a-00-00-00-00-01', '01:00:5e:00:00:01', '00:00:00:00:00:00', 5, ''];
export const notNetworks = ['x', '10.0.0.0', '10.0.0.0/33', '10.0.0.1/24', 'fd00::1/64', '10.0.0.0/-1', 5, null];

function text(member: string, ...more: Refusal[]): Refusal[] {
  return [
    ...each(member, 'invalid_value', 5, [], {}, true, ...controlCharacters),
    ...each(member, 'out_of_range', tooLong),
    ...more,
  ];
}

const commonRefusals: readonly Refusal[] = [
  ...text('name'),
  ...text('project_id'),
  ...each('labels', 'invalid_value', 5, 'a=b', [], null),
  refusal({ labels: { 'a b': '1' } }, 'invalid_value', '/labels/a b'),
  refusal({ labels: { a: 1 } }, 'invalid_value', '/labels/a'),
  refusal({ labels: { a: tooLong } }, 'out_of_range', '/labels/a'),
  refusal(
    { labels: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`k${n}`, ''])) },
    'out_of_range',
    '/labels',
  ),
  ...each('id', 'invalid_value', 5, 'x', '', {}),
];

/** A required reference: missing, malformed, dangling. */
export function reference(member: string): Refusal[] {
  return [
    ...each(member, 'missing_member', undefined),
    ...each(member, 'invalid_value', 5, 'x', null, ''),
    ...each(member, 'reference_not_found', randomUUID()),
  ];
}

function addressLists(): Refusal[] {
  const ips = 'ips';
  return [
    ...each(ips, 'invalid_value', 5, 'x', {}, null),
    ...notIps.filter(ip => typeof ip === 'string').map(ip => refusal({ ips: [ip] }, 'invalid_value', '/ips/0')),
    refusal({ ips: [{ ip: 'x' }] }, 'invalid_value', '/ips/0/ip'),
    refusal({ ips: [{ ip: '10.0.0.30', colour: 1 }] }, 'unknown_member', '/ips/0/colour'),
    refusal({ ips: [{ subnet_id: 'x' }] }, 'invalid_value', '/ips/0/subnet_id'),
    refusal({ ips: [{ subnet_id: randomUUID() }] }, 'reference_not_found', '/ips/0/subnet_id'),
    refusal({ ips: ['10.0.1.5'] }, 'address_outside_subnet', '/ips/0'),
    refusal({ ips: ['10.0.0.0'] }, 'address_reserved', '/ips/0'),
    refusal({ ips: ['10.0.0.255'] }, 'address_reserved', '/ips/0'),
    refusal({ ips: ['10.0.0.20'] }, 'address_in_use', '/ips/0'),
    refusal({ ips: ['10.0.0.1'] }, 'address_in_use', '/ips/0'),
    refusal({ ips: ['10.0.0.40', '10.0.0.40'] }, 'duplicate_value', '/ips/1'),
    refusal({ ips: Array.from({ length: 65 }, (_, n) => `10.0.0.${n + 100}`) }, 'out_of_range', '/ips'),
  ];
}

function allowedAddresses(): Refusal[] {
  const at = '/allowed_addresses';
  return [
    ...each('allowed_addresses', 'invalid_value', 5, {}, null),
    refusal({ allowed_addresses: ['10.0.0.0/24'] }, 'invalid_value', `${at}/0`),
    refusal({ allowed_addresses: [{}] }, 'missing_member', `${at}/0/cidr`),
    refusal({ allowed_addresses: [{ cidr: '10.0.0.1/24' }] }, 'invalid_value', `${at}/0/cidr`),
    refusal({ allowed_addresses: [{ cidr: '10.0.0.0/24', mac: 'x' }] }, 'invalid_value', `${at}/0/mac`),
    refusal({ allowed_addresses: [{ cidr: '10.0.0.0/24', ip: '1' }] }, 'unknown_member', `${at}/0/ip`),
    refusal({ allowed_addresses: [{ cidr: 'fd00::/64' }, { cidr: 'FD00::/64' }] }, 'duplicate_value', `${at}/1`),
  ];
}

function subnetRefusals(): Refusal[] {
  const pools = (...ranges: [string, string][]): Json => ({
    cidr: '10.9.0.0/24',
    gateway_ip: '10.9.0.1',
    host_routes: [],
    allocation_pools: ranges.map(([start, end]) => ({ start, end })),
  });
  const free = { cidr: '10.9.0.0/24', gateway_ip: null, allocation_pools: [], host_routes: [] };
  const route = (destination: unknown, next_hop: unknown): Json => ({
    ...free,
    host_routes: [{ destination, next_hop }],
  });
  return [
    ...reference('logical_switch_id'),
    ...each('cidr', 'missing_member', undefined),
    ...each('cidr', 'invalid_value', ...notNetworks),
    refusal({ ...free, cidr: '0.0.0.0/0' }, 'out_of_range', '/cidr'),
    refusal({ ...free, cidr: '127.0.0.0/8' }, 'address_reserved', '/cidr'),
    refusal({ ...free, cidr: '224.0.0.0/24' }, 'address_reserved', '/cidr'),
    refusal({ ...free, cidr: 'ff00::/64' }, 'address_reserved', '/cidr'),
    refusal({ ...free, cidr: '10.0.0.128/25' }, 'subnet_overlap', '/cidr'),
    refusal({ ...free, cidr: '10.0.0.0/16' }, 'subnet_overlap', '/cidr'),
    ...each('gateway_ip', 'invalid_value', ...notIps),
    refusal({ ...free, gateway_ip: '10.0.0.1' }, 'address_outside_subnet', '/gateway_ip'),
    refusal({ ...free, gateway_ip: '10.9.0.255' }, 'address_reserved', '/gateway_ip'),
    ...each('allocation_pools', 'invalid_value', 5, {}, null),
    refusal({ allocation_pools: ['x'] }, 'invalid_value', '/allocation_pools/0'),
    refusal({ allocation_pools: [{ start: '10.0.0.5' }] }, 'missing_member', '/allocation_pools/0/end'),
    refusal(pools(['10.9.0.20', '10.9.0.10']), 'out_of_range', '/allocation_pools/0/end'),
    refusal(pools(['10.9.0.20', '10.9.1.1']), 'address_outside_subnet', '/allocation_pools/0/end'),
    refusal(pools(['10.9.0.0', '10.9.0.9']), 'address_reserved', '/allocation_pools/0/start'),
    refusal(pools(['10.9.0.1', '10.9.0.9']), 'pool_contains_gateway', '/allocation_pools/0'),
    refusal(pools(['10.9.0.2', '10.9.0.9'], ['10.9.0.9', '10.9.0.20']), 'pool_overlap', '/allocation_pools/1'),
    ...each('dns_servers', 'invalid_value', 5, {}, null),
    refusal({ dns_servers: ['x'] }, 'invalid_value', '/dns_servers/0'),
    refusal({ dns_servers: ['192.0.2.1', '192.0.2.1'] }, 'duplicate_value', '/dns_servers/1'),
    refusal({ dns_servers: Array.from({ length: 9 }, (_, n) => `192.0.2.${n + 1}`) }, 'out_of_range', '/dns_servers'),
    ...each('dhcp', 'invalid_value', ...notBooleans),
    ...each('ipv6_address_mode', 'invalid_value', 'x', 5, {}),
    refusal({ ...free, ipv6_address_mode: 'slaac' }, 'contradiction', '/ipv6_address_mode'),
    ...each('host_routes', 'invalid_value', 5, {}, null),
    refusal(route('10.0.0.1/24', '10.9.0.1'), 'invalid_value', '/host_routes/0/destination'),
    refusal(route('10.0.0.0/24', 'x'), 'invalid_value', '/host_routes/0/next_hop'),
    refusal(route('fd00::/64', '10.9.0.1'), 'family_mismatch', '/host_routes/0'),
  ];
}

function routerPortRefusals(samples: Samples): Refusal[] {
  const leg = samples['logical-router-ports'];
  const elsewhere = { logical_switch_id: null, networks: ['172.16.0.1/30'] };
  return [
    ...reference('logical_router_id'),
    ...each('logical_switch_id', 'invalid_value', 5, 'x', ''),
    ...each('logical_switch_id', 'reference_not_found', randomUUID()),
    ...each('peer_id', 'invalid_value', 5, 'x', ''),
    refusal({ ...elsewhere, peer_id: randomUUID() }, 'reference_not_found', '/peer_id'),
    refusal({ peer_id: leg['id'], networks: ['10.0.0.2/24'] }, 'contradiction', '/peer_id'),
    ...each('mac', 'invalid_value', ...notMacs, null),
    ...each('networks', 'missing_member', undefined),
    ...each('networks', 'invalid_value', 5, {}, null),
    ...each('networks', 'out_of_range', []),
    refusal({ networks: ['10.0.0.1'] }, 'invalid_value', '/networks/0'),
    refusal({ networks: ['x'] }, 'invalid_value', '/networks/0'),
    refusal({ networks: ['10.0.0.0/24'] }, 'address_reserved', '/networks/0'),
    refusal({ ...elsewhere, networks: ['172.16.0.1/30', '172.16.0.1/30'] }, 'duplicate_value', '/networks/1'),
    // The samples' own router has 10.0.0.1/24 already.
    refusal({ networks: ['10.0.0.2/24'] }, 'network_overlap', '/networks/0'),
  ];
}

function qosRefusals(): Refusal[] {
  const numbers = ['max_kbps', 'max_burst_kbps', 'max_kpps', 'max_burst_kpps', 'min_kbps', 'dscp_mark'];
  return [
    ...each('logical_switch_port_id', 'invalid_value', 5, 'x'),
    ...each('logical_switch_port_id', 'reference_not_found', randomUUID()),
    ...each('logical_switch_port_id', 'missing_member', null),
    ...each('logical_switch_id', 'invalid_value', 5, 'x'),
    ...each('logical_switch_id', 'contradiction', randomUUID()),
    ...each('kind', 'missing_member', undefined),
    ...each('kind', 'invalid_value', 'limit', 5, null),
    ...each('direction', 'invalid_value', 'out', 5, null),
    ...numbers.flatMap(member => [
      ...each(member, 'invalid_value', '5', 1.5, true),
      ...each(member, 'out_of_range', -1, 2 ** 31),
    ]),
    ...each('max_kbps', 'missing_member', null),
    ...each('dscp_mark', 'contradiction', 46),
    refusal({}, 'qos_rule_in_use', '/kind'),
  ];
}

function groupRefusals(): Refusal[] {
  const selector = (port_selector: unknown): Json => ({ port_selector });
  const expressions = (...match_expressions: unknown[]): Json => selector({ match_expressions });
  const at = '/port_selector/match_expressions';
  return [
    ...each('isolates', 'invalid_value', 5, 'ingress', {}, null),
    refusal({ isolates: ['ingress', 'both'] }, 'invalid_value', '/isolates/1'),
    ...each('log_denied', 'invalid_value', 1, 'true', null),
    ...each('port_selector', 'invalid_value', 5, 'x', []),
    refusal(selector({ labels: {} }), 'unknown_member', '/port_selector/labels'),
    refusal(selector({ match_labels: { 'a b': 'x' } }), 'invalid_value', '/port_selector/match_labels/a b'),
    refusal(expressions({ operator: 'Exists' }), 'missing_member', `${at}/0/key`),
    refusal(expressions({ key: 'a b', operator: 'Exists' }), 'invalid_value', `${at}/0/key`),
    refusal(expressions({ key: 'a', operator: 'Is' }), 'invalid_value', `${at}/0/operator`),
    refusal(expressions({ key: 'a', operator: 'In' }), 'missing_member', `${at}/0/values`),
    refusal(expressions({ key: 'a', operator: 'Exists', values: ['b'] }), 'contradiction', `${at}/0/values`),
  ];
}

function ruleRefusals(): Refusal[] {
  const any = { port_min: null, port_max: null };
  return [
    ...reference('security_group_id'),
    ...each('direction', 'missing_member', undefined),
    ...each('direction', 'invalid_value', 'in', 5, null),
    ...each('ethertype', 'invalid_value', 'IPv4', 4),
    ...each('protocol', 'invalid_value', 'TCP', '', 6.5, {}),
    ...each('protocol', 'out_of_range', 256, '300'),
    refusal({ protocol: 'icmp' }, 'contradiction', '/port_min'),
    refusal({ protocol: 'icmpv6', ...any }, 'family_mismatch', '/protocol'),
    ...each('port_min', 'out_of_range', 0, 65_536),
    ...each('port_min', 'missing_member', null),
    ...each('port_max', 'missing_member', null),
    ...each('port_max', 'out_of_range', 442),
    refusal({ icmp_type: 8 }, 'contradiction', '/icmp_type'),
    refusal({ protocol: 'icmp', ...any, icmp_code: 0 }, 'missing_member', '/icmp_type'),
    refusal({ protocol: 'icmp', ...any, icmp_type: 8, ethertype: null }, 'missing_member', '/ethertype'),
    ...each('icmp_type', 'out_of_range', -1, 256),
    ...each('remote_cidr', 'invalid_value', '10.0.0.1', '10.0.0.1/24', 5),
    refusal({ remote_cidr: 'fd00::/8', remote_address_set_id: null }, 'family_mismatch', '/remote_cidr'),
    refusal({ remote_cidr: '10.0.0.0/8' }, 'contradiction', '/remote_address_set_id'),
    ...each('remote_group_id', 'invalid_value', 5, 'x'),
    refusal({ remote_group_id: randomUUID(), remote_address_set_id: null }, 'reference_not_found', '/remote_group_id'),
    ...each('remote_address_set_id', 'reference_not_found', randomUUID()),
    ...each('action', 'invalid_value', 'deny', null),
    ...each('priority', 'out_of_range', -1, 10_001),
    ...each('stateless', 'invalid_value', ...notBooleans),
    ...each('log', 'invalid_value', ...notBooleans),
    refusal({}, 'rule_in_use', ''),
  ];
}

/** Refusals of each noun, in a network that holds `samples`. */
export function refusalsOf(samples: Samples): Readonly<Record<OfferedKind, readonly Refusal[]>> {
  const requiredName = [...each('name', 'missing_member', undefined), ...each('name', 'out_of_range', '')];
  return {
    hypervisors: [
      ...commonRefusals,
      ...each('ovsdb_target', 'missing_member', undefined),
      ...each('ovsdb_target', 'invalid_value', 5, 'x', 'tcp:host', 'tcp::6640', 'udp:192.0.2.1:6640', 'tcp:a b:1'),
      ...each('ovsdb_target', 'invalid_value', 'SSL:h:6640', 'tcp:h:99999', 'tcp:[10.0.0.9]:6640', 'ssl:[::1]'),
      ...each('ovsdb_target', 'out_of_range', '', `tcp:${tooLong}:1`),
      ...['drain', 'gateway', 'adopt', 'allowed', 'approved'].flatMap(member =>
        each(member, 'invalid_value', ...notBooleans),
      ),
    ],
    'logical-switches': [
      ...each('provider', 'invalid_value', 'physnet1', 5, []),
      refusal({ provider: {} }, 'missing_member', '/provider/physical_network'),
      refusal({ provider: { physical_network: 'a b' } }, 'invalid_value', '/provider/physical_network'),
      refusal({ provider: { physical_network: 'a', vlan: 4095 } }, 'out_of_range', '/provider/vlan'),
      ...commonRefusals,
      ...requiredName,
      ...each('mtu', 'invalid_value', '1400', 1400.5, true),
      ...each('mtu', 'out_of_range', 0, 575, 65_522, -1, 1e30),
      ...each('mtu', 'mtu_too_large', 1451),
      ...each('dns_domain', 'invalid_value', 5, '', 'a b', 'a..b'),
      ...each('shared_with', 'invalid_value', 'p', {}, null),
      refusal({ shared_with: ['p', 'p'] }, 'duplicate_value', '/shared_with/1'),
      refusal({ subnets: {} }, 'invalid_value', '/subnets'),
      refusal({ subnets: [5] }, 'invalid_value', '/subnets/0'),
      refusal({ subnets: [{ cidr: 'x' }] }, 'invalid_value', '/subnets/0/cidr'),
      refusal(
        { subnets: [{ cidr: '10.0.0.0/24', logical_switch_id: randomUUID() }] },
        'unknown_member',
        '/subnets/0/logical_switch_id',
      ),
    ],
    subnets: [...commonRefusals, ...subnetRefusals()],
    'security-groups': [...commonRefusals, ...requiredName, ...groupRefusals()],
    'address-sets': [
      ...commonRefusals,
      ...requiredName,
      ...each('addresses', 'invalid_value', 5, 'x', {}, null),
      refusal({ addresses: ['10.0.0.0/24', '10.0.0.1/24'] }, 'invalid_value', '/addresses/1'),
      refusal({ addresses: ['10.0.0.1', '10.0.0.1/32'] }, 'duplicate_value', '/addresses/1'),
    ],
    'security-group-rules': [...commonRefusals, ...ruleRefusals()],
    'logical-switch-ports': [
      ...commonRefusals,
      ...requiredName,
      ...reference('logical_switch_id'),
      ...each('mac', 'invalid_value', ...notMacs, null),
      ...addressLists(),
      ...['port_security', 'enabled', 'unknown_macs', 'internal_interface'].flatMap(member =>
        each(member, 'invalid_value', ...notBooleans),
      ),
      ...allowedAddresses(),
      ...each('security_groups', 'invalid_value', 5, 'x', {}, null),
      refusal({ security_groups: ['x'] }, 'invalid_value', '/security_groups/0'),
      refusal({ security_groups: [randomUUID()] }, 'reference_not_found', '/security_groups/0'),
      ...text('hypervisor', ...each('hypervisor', 'out_of_range', '')),
      ...each('hypervisor', 'reference_not_found', 'no-such-hypervisor'),
      ...each('parent', 'invalid_value', 5, 'x', []),
      refusal({ parent: { port_id: 'x', vlan: 7 } }, 'invalid_value', '/parent/port_id'),
      refusal({ parent: { port_id: randomUUID(), vlan: 4095 } }, 'out_of_range', '/parent/vlan'),
      refusal({ parent: { port_id: randomUUID(), vlan: 7 } }, 'reference_not_found', '/parent/port_id'),
      ...each('local', 'invalid_value', 5, 'x', []),
      refusal({ local: { addresses: ['x'] } }, 'invalid_value', '/local/addresses/0'),
      refusal({ local: { addresses: ['10.0.0.9'] }, enabled: true }, 'out_of_range', '/local/addresses/0'),
    ],
    'logical-routers': [
      ...commonRefusals,
      ...requiredName,
      ...each('enabled', 'invalid_value', ...notBooleans),
      ...each('gateway', 'invalid_value', 'gw1', 5, []),
      refusal({ gateway: {} }, 'missing_member', '/gateway/logical_switch_id'),
    ],
    'logical-router-ports': [...commonRefusals, ...requiredName, ...routerPortRefusals(samples)],
    tokens: [
      ...commonRefusals,
      ...requiredName,
      ...each('role', 'missing_member', undefined),
      ...each('role', 'invalid_value', 'root', '', 5),
      ...each('role', 'contradiction', 'admin').map(({ members }) => refusal(members, 'contradiction', '/project_id')),
      ...each('scopes', 'invalid_value', 'subnets', 5, {}),
      refusal({ scopes: ['x y'] }, 'invalid_value', '/scopes/0'),
      ...each('expires_at', 'invalid_value', 'x', 5, '2026-02-30'),
    ],
    quotas: [
      ...commonRefusals,
      ...each('limits', 'invalid_value', 5, [], null),
      refusal({ limits: { subnets: 1.5 } }, 'invalid_value', '/limits/subnets'),
      refusal({ limits: { x: 1 } }, 'unknown_kind', '/limits/x'),
    ],
    ...routingRefusals(commonRefusals),
    'qos-rules': [...commonRefusals, ...qosRefusals()],
    'dhcp-options': [
      ...commonRefusals,
      ...each('logical_switch_port_id', 'invalid_value', 5, 'x'),
      ...each('logical_switch_port_id', 'reference_not_found', randomUUID()),
      ...each('logical_switch_port_id', 'missing_member', null),
      ...each('subnet_id', 'contradiction', randomUUID()),
      ...each('protocol', 'missing_member', undefined),
      ...each('protocol', 'invalid_value', 'dhcp', 5, null),
      ...each('option', 'missing_member', undefined),
      ...each('option', 'invalid_value', 'no-such-option', '53', 5, null),
      ...each('value', 'missing_member', undefined),
      ...each('value', 'invalid_value', 'x', '192.0.2', 'fd00::1', '', 5, null),
      refusal({}, 'dhcp_option_in_use', '/option'),
    ],
    'dns-records': [
      ...commonRefusals,
      ...requiredName,
      ...each('name', 'invalid_value', 'a b', '-a.example.org', `${'a'.repeat(64)}.org`),
      ...reference('logical_switch_id'),
      ...each('type', 'missing_member', undefined),
      ...each('type', 'invalid_value', 'TXT', 5, null),
      ...each('values', 'missing_member', undefined),
      ...each('values', 'invalid_value', 5, '192.0.2.1', null),
      ...each('values', 'out_of_range', []),
      refusal({ values: ['fd00::1'] }, 'invalid_value', '/values/0'),
      refusal({ values: ['192.0.2.1', '192.0.2.1'] }, 'duplicate_value', '/values/1'),
      ...each('ttl', 'invalid_value', '5', 1.5, null),
      ...each('ttl', 'out_of_range', -1, 604_801),
      refusal({}, 'dns_record_in_use', '/name'),
    ],
    mirrors: [
      ...commonRefusals,
      ...reference('logical_switch_port_id'),
      ...each('direction', 'invalid_value', 'ingress', 5, null),
      ...each('kind', 'missing_member', undefined),
      ...each('kind', 'invalid_value', 'span', 5, null),
      ...each('collector_port_id', 'invalid_value', 5, 'x'),
      ...each('collector_port_id', 'contradiction', randomUUID()),
      ...each('remote_ip', 'invalid_value', ...notIps),
      ...each('remote_ip', 'missing_member', null),
      ...each('key', 'invalid_value', '7', 1.5, null),
      ...each('key', 'out_of_range', -1, 2 ** 32),
    ],
    'load-balancers': [
      ...commonRefusals,
      ...requiredName,
      ...each('vip', 'missing_member', undefined),
      ...each('vip', 'invalid_value', ...notIps),
      ...each('protocol', 'invalid_value', 'icmp', 6, null),
      ...each('port', 'missing_member', undefined),
      ...each('port', 'invalid_value', '80', null),
      ...each('port', 'out_of_range', 0, 65_280),
      ...each('backends', 'invalid_value', 'x', {}, null),
      ...each('health_check', 'invalid_value', 'tcp', []),
      refusal({ health_check: { interval_s: 1, timeout_s: 2 } }, 'contradiction', '/health_check/timeout_s'),
      refusal({ backends: [{ ip: 'fd00::7', port: 80 }] }, 'family_mismatch', '/backends/0/ip'),
      ...each('affinity_timeout_s', 'out_of_range', 0, 86_401),
      refusal({ logical_switch_ids: [randomUUID()] }, 'reference_not_found', '/logical_switch_ids/0'),
      refusal({ logical_router_ids: [randomUUID()] }, 'reference_not_found', '/logical_router_ids/0'),
      refusal({}, 'virtual_port_in_use', '/logical_switch_ids/0'),
    ],
    'nat-rules': natRefusals(commonRefusals),
  };
}
