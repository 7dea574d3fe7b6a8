/**
 * Random values for every field of every noun; the types make a new field or noun break the build here.
 * Few distinct addresses and networks on purpose, so that routes, subnets and ports meet.
 */
import type { Kind, RowOf } from '../../src/model/index.js';
import type { PortSelector } from '../../src/model/port-selector.js';
import { kinds } from '../../src/model/kinds.js';
import { dhcpProtocols } from '../../src/model/dhcp-option.js';
import { dnsRecordTypes } from '../../src/model/dns-record.js';
import { backendName, balancedProtocols } from '../../src/model/load-balancer.js';
import { mirrorDirections } from '../../src/model/mirror.js';
import { qosDirections, qosRuleKinds } from '../../src/model/qos-rule.js';
import { ipv6AddressModes } from '../../src/model/subnet.js';
import type { CommonRow } from '../../src/model/resource.js';
import type { SeededRandom } from '../seeded-random.js';
import { balancedRouter, gatewayNames, natFields } from './random-nat.js';
import {
  bfdFields,
  consistentPolicy,
  neighbourFields,
  nextHop,
  policyFields,
  virtualAddressFields,
} from './random-routing.js';
import { consistentRule, type Draft } from './consistent-rule.js';

type OwnFields<K extends Kind> = Exclude<keyof RowOf<K>, keyof CommonRow>;
type Tables = { readonly [K in Kind]: ReadonlyMap<string, RowOf<K>> };

export interface Context {
  readonly random: SeededRandom;
  readonly tables: Tables;
}

/** How many ids of each kind are ever used, and how many of them exist in the base network. */
export const population: { readonly [K in Kind]: { readonly pool: number; readonly base: number } } = {
  hypervisors: { pool: 6, base: 5 },
  'logical-switches': { pool: 11, base: 9 },
  subnets: { pool: 18, base: 15 },
  'logical-routers': { pool: 5, base: 4 },
  'security-groups': { pool: 6, base: 5 },
  'address-sets': { pool: 4, base: 3 },
  'security-group-rules': { pool: 45, base: 36 },
  'logical-switch-ports': { pool: 125, base: 112 },
  'logical-router-ports': { pool: 20, base: 16 },
  'static-routes': { pool: 16, base: 12 },
  // So few that a router gets its first, and loses its last.
  'policy-routes': { pool: 8, base: 5 },
  'static-neighbours': { pool: 10, base: 7 },
  'bfd-sessions': { pool: 16, base: 11 },
  'virtual-addresses': { pool: 14, base: 10 },
  'qos-rules': { pool: 40, base: 25 },
  mirrors: { pool: 30, base: 20 },
  'dhcp-options': { pool: 10, base: 6 },
  'dns-records': { pool: 10, base: 6 },
  'load-balancers': { pool: 14, base: 10 },
  'nat-rules': { pool: 16, base: 12 },
  'port-bindings': { pool: 105, base: 85 },
  tokens: { pool: 2, base: 1 },
  quotas: { pool: 2, base: 1 },
  'join-tokens': { pool: 2, base: 1 },
  'neutron-objects': { pool: 2, base: 1 },
};

/** What failed when there were others. */
const nowhere = [{ ip: '10.1.0.99', port: 80 }];

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

export const idOf = (kind: Kind, place: number): string =>
  `${hex(kinds.indexOf(kind), 8)}-0000-7000-8000-${hex(place, 12)}`;

/** Mostly an id that exists; sometimes one that may not. */
export function refer({ random, tables }: Context, kind: Kind): string {
  const existing = tables[kind];
  if (existing.size === 0 || random.chance(0.08)) return idOf(kind, random.below(population[kind].pool));
  let place = random.below(existing.size);
  for (const id of existing.keys()) {
    if (place === 0) return id;
    place -= 1;
  }
  return idOf(kind, 0);
}

export const maybe = <T>({ random }: Context, probability: number, make: () => T): T | null =>
  random.chance(probability) ? make() : null;

export const several = <T>({ random }: Context, most: number, make: () => T): T[] =>
  Array.from({ length: random.below(most + 1) }, make);

/** Networks are numbered: 10.n.0.0/24 and fd00:n::/64. */
const networkNumber = ({ random }: Context): number => 1 + random.below(12);
export const prefix4 = (context: Context): string => `10.${networkNumber(context)}.0`;
const prefix6 = (context: Context): string => `fd00:${hex(networkNumber(context), 1)}:`;
export const ipv4 = (context: Context): string => `${prefix4(context)}.${1 + context.random.below(200)}`;
export const ipv6 = (context: Context): string => `${prefix6(context)}:${hex(1 + context.random.below(0xfff), 1)}`;
export const anyIp = (context: Context): string => (context.random.chance(0.5) ? ipv4(context) : ipv6(context));
const physicalNetwork = ({ random }: Context): string => `physnet${1 + random.below(3)}`;
export const mac = ({ random }: Context): string =>
  `02:00:00:00:${hex(random.below(4), 2)}:${hex(random.below(256), 2)}`;

/** The EUI-64 address of a MAC in some network, in the canonical text of RFC 5952. */
function eui64(context: Context, address: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = address.split(':').map(byte => Number.parseInt(byte, 16));
  const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  // The MACs above flip to a first word of zero, which joins the run of zeros before it.
  const suffix = words[0] === 0 ? words.slice(1) : words;
  return `${prefix6(context)}:${suffix.map(word => hex(word, 1)).join(':')}`;
}

export const cidr = (context: Context): string =>
  context.random.pick([
    () => `${prefix4(context)}.0/24`,
    () => `${prefix4(context)}.0/24`,
    () => `10.${networkNumber(context)}.0.0/16`,
    () => `${prefix6(context)}:/64`,
    () => '0.0.0.0/0',
    () => '::/0',
  ])();

const addressOrNetwork = (context: Context): string => (context.random.chance(0.6) ? anyIp(context) : cidr(context));

const tier = ({ random }: Context): string => `${random.below(5)}`;

const selector = (context: Context): PortSelector => ({
  matchLabels: context.random.chance(0.5) ? { tier: tier(context) } : {},
  matchExpressions: several(context, 1, () => ({
    key: 'tier',
    ...context.random.pick([
      { operator: 'In', values: [tier(context)] },
      { operator: 'NotIn', values: [tier(context)] },
      { operator: 'Exists', values: [] },
      { operator: 'DoesNotExist', values: [] },
    ] as const),
  })),
});

/** Mostly a logical switch on which the router has a port. */
function switchOfRouter({ random, tables }: Context, routerId: string): string | null {
  const ports = [...tables['logical-router-ports'].values()].filter(port => port.logicalRouterId === routerId);
  return ports.length === 0 || random.chance(0.1) ? null : random.pick(ports).logicalSwitchId;
}

/** The two ends of a link between routers. */
export function linkNetworks(context: Context): readonly [readonly string[], readonly string[]] {
  const [four, six] = [prefix4(context), prefix6(context)];
  return [
    [`${four}.1/24`, `${six}:1/64`],
    [`${four}.2/24`, `${six}:2/64`],
  ];
}

export const fields: {
  readonly [K in Kind]: { readonly [F in OwnFields<K>]: (context: Context, row: RowOf<K>) => RowOf<K>[F] };
} = {
  hypervisors: {
    systemId: ({ random }) => `hv${random.below(50)}`,
    encapIp: context =>
      maybe(context, 0.95, () => `${context.random.pick(['192.0.2.', '2001:db8::'])}${1 + context.random.below(9)}`),
    encapTypes: ({ random }) =>
      random.pick([['geneve'], ['vxlan'], ['geneve', 'vxlan'], ['vxlan', 'geneve'], []] as const),
    underlayMtu: ({ random }) => random.pick([1500, 1400, 1600, 9000]),
    datapathId: ({ random }) => hex(random.below(2 ** 31), 16),
    hypervisorKey: ({ random }) => 1 + random.below(0xffff),
    drain: ({ random }) => random.chance(0.2),
    gateway: ({ random }) => random.chance(0.5),
    adopt: ({ random }) => random.chance(0.2),
    // One that is not approved has neither address nor ports: the compiler never sees it otherwise.
    approved: () => true,
    allowed: ({ random }) => random.chance(0.9),
    ovsdbTarget: context => maybe(context, 0.3, () => `tcp:192.0.2.${context.random.below(250)}:6640`),
    bridge: ({ random }) => random.pick(['br-int', 'br-weft']),
    datapathType: ({ random }) => random.pick(['system', 'netdev']),
    bridgeMappings: context =>
      several(context, 2, () => ({
        physicalNetwork: physicalNetwork(context),
        bridge: `br-${context.random.below(2)}`,
      })),
  },
  'logical-switches': {
    mtu: context => maybe(context, 0.4, () => 1280 + context.random.below(300)),
    provider: context =>
      maybe(context, 0.35, () => ({
        physicalNetwork: physicalNetwork(context),
        vlan: maybe(context, 0.7, () => 1 + context.random.below(4094)),
      })),
    // Follows from the name, below.
    physicalNetworkKey: () => null,
    dnsDomain: context => maybe(context, 0.4, () => `d${context.random.below(3)}.example`),
    sharedWith: ({ random }) => random.pick([[], ['p1'], ['*']] as const),
    datapathKey: ({ random }) => 1 + random.below(0xfffff),
  },
  subnets: {
    logicalSwitchId: context => refer(context, 'logical-switches'),
    cidr: context => cidr(context),
    gatewayIp: context => maybe(context, 0.7, () => anyIp(context)),
    allocationPools: context => several(context, 2, () => ({ start: ipv4(context), end: ipv4(context) })),
    dnsServers: context => several(context, 2, () => ipv4(context)),
    dhcp: ({ random }) => random.chance(0.5),
    ipv6AddressMode: context => maybe(context, 0.3, () => context.random.pick(ipv6AddressModes)),
    hostRoutes: context => several(context, 1, () => ({ destination: cidr(context), nextHop: ipv4(context) })),
  },
  'logical-routers': {
    enabled: ({ random }) => random.chance(0.8),
    gateway: (context, { id }) =>
      maybe(context, 0.6, () => ({
        logicalSwitchId: switchOfRouter(context, id) ?? refer(context, 'logical-switches'),
        hypervisors: maybe(context, 0.5, () => gatewayNames(context)),
      })),
    // Only the store reads it.
    gatewaySwitchId: () => null,
    natZone: (context, { gateway }) => (gateway === null ? null : 0x6000 + context.random.below(0x1fff)),
    datapathKey: ({ random }) => 1 + random.below(0xfffff),
  },
  'security-groups': {
    logDenied: ({ random }) => random.chance(0.3),
    isolates: ({ random }) => random.pick([['ingress', 'egress'], ['ingress'], ['egress'], []] as const),
    portSelector: context => maybe(context, 0.4, () => selector(context)),
  },
  'address-sets': { addresses: context => [...new Set(several(context, 6, () => addressOrNetwork(context)))] },
  'security-group-rules': {
    securityGroupId: context => refer(context, 'security-groups'),
    direction: ({ random }) => random.pick(['ingress', 'ingress', 'egress']),
    ethertype: ({ random }) => random.pick(['ipv4', 'ipv6', null]),
    protocol: ({ random }) => random.pick(['tcp', 'tcp', 'tcp', 'tcp', 'udp', 'icmp', 'icmpv6', 'sctp', '89', null]),
    portMin: context => maybe(context, 0.5, () => 1 + context.random.below(8)),
    portMax: (context, row) => (row.portMin === null ? null : row.portMin + context.random.below(8)),
    icmpType: context => maybe(context, 0.3, () => context.random.below(3)),
    icmpCode: context => maybe(context, 0.3, () => context.random.below(2)),
    remoteCidr: context => maybe(context, 0.15, () => cidr(context)),
    remoteGroupId: context => maybe(context, 0.25, () => refer(context, 'security-groups')),
    remoteAddressSetId: context => maybe(context, 0.2, () => refer(context, 'address-sets')),
    action: ({ random }) => random.pick(['allow', 'allow', 'allow', 'allow', 'drop', 'reject']),
    priority: ({ random }) => random.pick([1000, 1000, 1000, 1000, 0, 10_000]),
    stateless: ({ random }) => random.chance(0.15),
    log: ({ random }) => random.chance(0.15),
  },
  'logical-switch-ports': {
    logicalSwitchId: context => refer(context, 'logical-switches'),
    mac: context => mac(context),
    ips: (context, row) =>
      several(context, 3, () => ({
        ip: context.random.pick([() => ipv4(context), () => ipv6(context), () => eui64(context, row.mac)])(),
        subnetId: refer(context, 'subnets'),
      })),
    portSecurity: ({ random }) => random.chance(0.7),
    allowedAddresses: context =>
      several(context, 2, () => ({ mac: maybe(context, 0.5, () => mac(context)), cidr: cidr(context) })),
    enabled: ({ random }) => random.chance(0.85),
    unknownMacs: ({ random }) => random.chance(0.1),
    securityGroups: context => [...new Set(several(context, 2, () => refer(context, 'security-groups')))],
    parent: context =>
      maybe(context, 0.2, () => ({
        portId: refer(context, 'logical-switch-ports'),
        vlan: 1 + context.random.below(4),
      })),
    parentId: () => null,
    local: context =>
      maybe(context, 0.08, () => ({ addresses: context.random.pick([['169.254.169.254', 'fe80::a9fe:a9fe'], []]) })),
    hypervisor: context => maybe(context, 0.2, () => `hv${context.random.below(5)}`),
    internalInterface: ({ random }) => random.chance(0.1),
    portKey: ({ random }) => 1 + random.below(32_767),
  },
  'logical-router-ports': {
    logicalRouterId: context => refer(context, 'logical-routers'),
    logicalSwitchId: context => maybe(context, 0.75, () => refer(context, 'logical-switches')),
    peerId: context => maybe(context, 0.9, () => refer(context, 'logical-router-ports')),
    mac: context => mac(context),
    networks: context => [
      `${prefix4(context)}.${1 + context.random.below(3)}/24`,
      ...several(context, 1, () => `${prefix6(context)}:1/64`),
    ],
    portKey: ({ random }) => 1 + random.below(32_767),
    switchPortKey: context => maybe(context, 0.9, () => 1 + context.random.below(32_767)),
  },
  'static-routes': {
    logicalRouterId: context => refer(context, 'logical-routers'),
    destination: context => cidr(context),
    nextHop: (context, row) => maybe(context, 0.8, () => nextHop(context, row.destination.includes(':'))),
    discard: ({ random }) => random.chance(0.2),
  },
  'policy-routes': policyFields,
  'static-neighbours': neighbourFields,
  'bfd-sessions': bfdFields,
  'virtual-addresses': virtualAddressFields,
  'qos-rules': {
    logicalSwitchPortId: context => maybe(context, 0.7, () => refer(context, 'logical-switch-ports')),
    logicalSwitchId: context => maybe(context, 0.5, () => refer(context, 'logical-switches')),
    kind: ({ random }) => random.pick(qosRuleKinds),
    direction: ({ random }) => random.pick(qosDirections),
    maxKbps: context => maybe(context, 0.7, () => 1 + context.random.below(100_000)),
    maxBurstKbps: context => maybe(context, 0.3, () => 1 + context.random.below(100_000)),
    maxKpps: context => maybe(context, 0.7, () => 1 + context.random.below(100)),
    maxBurstKpps: context => maybe(context, 0.3, () => 1 + context.random.below(100)),
    dscpMark: context => maybe(context, 0.7, () => context.random.below(64)),
    minKbps: context => maybe(context, 0.3, () => 1 + context.random.below(1000)),
  },
  mirrors: {
    logicalSwitchPortId: context => refer(context, 'logical-switch-ports'),
    direction: ({ random }) => random.pick(mirrorDirections),
    kind: ({ random }) => random.pick(['local', 'local', 'gre', 'erspan']),
    collectorPortId: context => maybe(context, 0.9, () => refer(context, 'logical-switch-ports')),
    remoteIp: context => maybe(context, 0.9, () => anyIp(context)),
    key: ({ random }) => random.below(1000),
    datapathKey: ({ random }) => 0x10_0000 + random.below(0xfffff),
  },
  'dhcp-options': {
    logicalSwitchPortId: context => maybe(context, 0.5, () => refer(context, 'logical-switch-ports')),
    subnetId: context => maybe(context, 0.5, () => refer(context, 'subnets')),
    protocol: ({ random }) => random.pick(dhcpProtocols),
    option: ({ random }) => random.pick(['mtu', '224', 'domain-search']),
    value: ({ random }) => random.pick(['1400', 'ff', 'example.org']),
  },
  'dns-records': {
    logicalSwitchId: context => refer(context, 'logical-switches'),
    type: ({ random }) => random.pick(dnsRecordTypes),
    values: context => [anyIp(context)],
    ttl: ({ random }) => random.below(1000),
  },
  'load-balancers': {
    vip: ({ random }) => random.pick(['10.96.0.1', '10.96.0.2', '10.1.0.250', 'fd00:96::1']),
    protocol: ({ random }) => random.pick(balancedProtocols),
    port: ({ random }) => random.pick([80, 443, 53]),
    backends: (context, { vip }) =>
      several(context, 4, () => ({
        // Few, so that several load balancers share one.
        ip: context.random.pick(vip.includes(':') ? ['fd00:1::11', 'fd00:2::11'] : ['10.1.0.11', '10.2.0.11']),
        port: context.random.pick([8080, 8443]),
        weight: 1 + context.random.below(3),
        state: context.random.pick(['active', 'active', 'draining', 'down'] as const),
      })).filter((each, index, all) => all.findIndex(({ ip, port }) => ip === each.ip && port === each.port) === index),
    healthCheck: context =>
      maybe(context, 0.5, () => ({
        ...({ protocol: 'tcp', port: null, path: '/', intervalS: 5, timeoutS: 2, rise: 2, fall: 2 } as const),
      })),
    failedBackends: (context, { backends }) => [
      ...new Set(several(context, 2, () => backendName(context.random.pick(backends.length > 0 ? backends : nowhere)))),
    ],
    affinityTimeoutS: context => maybe(context, 0.3, () => 60),
    logicalSwitchIds: context => [...new Set(several(context, 2, () => refer(context, 'logical-switches')))],
    logicalRouterIds: context => [...new Set(several(context, 2, () => balancedRouter(context)))],
  },
  'nat-rules': natFields,
  'port-bindings': {
    logicalSwitchPortId: context => refer(context, 'logical-switch-ports'),
    hypervisorId: context => refer(context, 'hypervisors'),
    interfaceName: ({ random }) => `tap${random.below(1000)}`,
    interfaceUuid: ({ random }) => `0000000f-0000-7000-8000-${hex(random.below(2 ** 31), 12)}`,
    ofport: ({ random }) => 1 + random.below(2000),
    ctZone: ({ random }) => 1 + random.below(0x5fff),
    reason: context => maybe(context, 0.1, () => 'the newest of two claims'),
  },
  tokens: {
    role: ({ random }) => random.pick(['admin', 'member', 'reader']),
    scopes: ({ random }) => random.pick([[], ['subnets:read']] as const),
    expiresAt: context => maybe(context, 0.5, () => '2026-12-01T00:00:00.000Z'),
    digest: ({ random }) => hex(random.below(2 ** 31), 64),
  },
  quotas: { limits: ({ random }) => ({ subnets: random.below(9) }) },
  'neutron-objects': { collection: () => 'trunks', attributes: ({ random }) => ({ text: `${random.below(9)}` }) },
  'join-tokens': {
    systemId: context => maybe(context, 0.5, () => 'hv7'),
    usesLeft: ({ random }) => random.below(9),
    expiresAt: () => '2026-12-01T00:00:00.000Z',
    digest: ({ random }) => hex(random.below(2 ** 31), 64),
  },
};

/** Takes out what no rule needs an answer to: a row that contradicts itself. */
export function consistent(kind: Kind, row: Draft): Draft {
  if (kind === 'static-routes') {
    const isIpv6 = (text: unknown): boolean => typeof text === 'string' && text.includes(':');
    const mixed = row['nextHop'] !== null && isIpv6(row['nextHop']) !== isIpv6(row['destination']);
    return row['discard'] === true || mixed ? { ...row, nextHop: null } : row;
  }
  if (kind === 'security-group-rules') return consistentRule(row);
  if (kind === 'policy-routes') return consistentPolicy(row);
  if (kind === 'logical-switches') {
    // The store gives every physical network one number, for ever.
    const provider = row['provider'] as RowOf<'logical-switches'>['provider'];
    return { ...row, physicalNetworkKey: provider === null ? null : Number(provider.physicalNetwork.slice(-1)) };
  }
  if (kind === 'logical-switch-ports') {
    const parent = row['parent'] as RowOf<'logical-switch-ports'>['parent'];
    return { ...row, parentId: parent?.portId ?? null };
  }
  if (kind === 'logical-router-ports') {
    return row['logicalSwitchId'] === null
      ? { ...row, switchPortKey: null }
      : { ...row, peerId: null, switchPortKey: row['switchPortKey'] ?? 1 };
  }
  return row;
}
