/**
 * Every verb of the API on every noun, as the rows that it writes. The types make a noun or a field without a case break the
 * build.
 */
import type { Kind, RowOf } from '../../src/model/index.js';
import { kinds } from '../../src/model/kinds.js';
import type { CommonRow } from '../../src/model/resource.js';
import type { RowAfter, Snapshot } from '../../src/view/network-view.js';
import { rowOf } from './work-network.js';

export interface Verb {
  readonly name: string;
  readonly rows: readonly RowAfter<Kind>[];
  /** Brings back what was there. */
  readonly undo: readonly RowAfter<Kind>[];
}

/** Fixed from the beginning, and named by nothing that a caller could change. */
type FixedField =
  | ('number' | 'portKey' | 'switchPortKey' | 'datapathKey')
  | ('physicalNetworkKey' | 'gatewaySwitchId' | 'outsideSwitchId' | 'natZone' | 'parentId' | 'hypervisorKey');
type Values<K extends Kind> = Required<Omit<RowOf<K>, keyof CommonRow | FixedField>>;

interface Case<K extends Kind> {
  /** The object that is changed. */
  readonly id: string;
  /** The one that is deleted, and comes back; the same where it is left out. */
  readonly goes?: string;
  /** Another value of each field. */
  readonly values: Values<K>;
  /** What makes another object of this one. */
  readonly another: Partial<RowOf<K>>;
}

const cases: { readonly [K in Kind]: Case<K> } = {
  hypervisors: {
    id: 'hv1',
    // What a hypervisor that goes takes along are its own ports: it has one, and no unrelated ones.
    goes: 'lonely',
    values: {
      systemId: 'hv1-renamed',
      encapIp: '192.0.2.253',
      encapTypes: ['vxlan'],
      underlayMtu: 1400,
      datapathId: 'ffffffffffffffff',
      drain: true,
      gateway: true,
      adopt: true,
      allowed: false,
      approved: false,
      ovsdbTarget: 'tcp:198.51.100.1:6640',
      bridge: 'br-other',
      datapathType: 'system',
      bridgeMappings: [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }],
    },
    another: { systemId: 'another', encapIp: '192.0.2.252', hypervisorKey: 4_000, datapathId: 'fffffffffffffffe' },
  },
  'logical-switches': {
    id: 's1',
    values: {
      mtu: 1_300,
      dnsDomain: 'example.org',
      sharedWith: ['p2'],
      provider: { physicalNetwork: 'physnet1', vlan: 100 },
    },
    another: { datapathKey: 1_000_000 },
  },
  subnets: {
    id: 's2 10.9.2.0/24',
    values: {
      logicalSwitchId: 's3',
      cidr: '10.9.4.0/24',
      gatewayIp: '10.9.2.254',
      allocationPools: [{ start: '10.9.2.20', end: '10.9.2.30' }],
      dnsServers: ['192.0.2.53'],
      dhcp: true,
      ipv6AddressMode: 'dhcpv6-stateful',
      hostRoutes: [{ destination: '203.0.113.0/24', nextHop: '10.9.2.9' }],
    },
    another: { cidr: 'fd00:9:2::/64' },
  },
  'logical-routers': {
    id: 'router',
    values: { enabled: false, gateway: { logicalSwitchId: 's2', hypervisors: null } },
    another: { datapathKey: 1_000_001 },
  },
  'security-groups': {
    id: 'servers',
    values: {
      isolates: ['ingress'],
      portSelector: { matchLabels: { tier: 'gold' }, matchExpressions: [] },
      logDenied: true,
    },
    another: {},
  },
  'address-sets': { id: 'office', values: { addresses: ['192.0.2.9', '2001:db8::/32'] }, another: {} },
  'security-group-rules': {
    id: 'from clients',
    values: {
      securityGroupId: 'others',
      direction: 'egress',
      ethertype: 'ipv6',
      protocol: 'udp',
      portMin: 400,
      portMax: 500,
      icmpType: 8,
      icmpCode: 0,
      remoteCidr: '203.0.113.0/24',
      remoteGroupId: 'others',
      remoteAddressSetId: 'home',
      action: 'drop',
      priority: 7,
      stateless: true,
      log: true,
    },
    another: { portMin: 80, portMax: 80 },
  },
  'logical-switch-ports': {
    id: 'p1',
    values: {
      logicalSwitchId: 's3',
      mac: '02:00:00:00:01:77',
      ips: [{ ip: '10.9.1.77', subnetId: 's1 10.9.1.0/24' }],
      portSecurity: false,
      allowedAddresses: [{ mac: null, cidr: '198.51.100.0/25' }],
      enabled: false,
      unknownMacs: true,
      securityGroups: ['others', 'servers'],
      parent: { portId: 'p2', vlan: 7 },
      local: { addresses: ['169.254.169.254'] },
      hypervisor: 'hv3',
      internalInterface: true,
    },
    another: { mac: '02:00:00:00:01:78', portKey: 30_000, ips: [{ ip: '10.9.1.78', subnetId: 's1 10.9.1.0/24' }] },
  },
  'logical-router-ports': {
    id: 'leg2',
    values: {
      logicalRouterId: 'other-router',
      logicalSwitchId: null,
      peerId: 'other-leg',
      mac: '02:00:00:00:02:77',
      networks: ['10.9.2.2/24'],
    },
    another: {
      logicalSwitchId: 's3',
      mac: '02:00:00:00:03:78',
      networks: ['10.9.3.2/24'],
      portKey: 30_001,
      switchPortKey: 30_001,
    },
  },
  'static-routes': {
    id: 'route',
    values: { logicalRouterId: 'other-router', destination: '198.51.100.0/25', nextHop: '10.9.1.12', discard: true },
    another: { destination: '203.0.113.0/24' },
  },
  'policy-routes': {
    id: 'policy',
    values: {
      logicalRouterId: 'other-router',
      priority: 77,
      source: '10.9.2.0/24',
      destination: '198.51.100.0/25',
      protocol: 'tcp',
      portMin: 80,
      portMax: 90,
      mark: { value: 1, mask: 255 },
      action: 'drop',
      nextHops: ['10.9.1.12', '10.9.1.13'],
    },
    another: { priority: 78 },
  },
  'virtual-addresses': {
    id: 'moves',
    values: { logicalSwitchId: 's3', ip: '10.9.1.201', logicalSwitchPortIds: ['p1'], holderId: 'p1' },
    another: { ip: '10.9.1.202' },
  },
  'static-neighbours': {
    id: 'appliance',
    values: { logicalRouterPortId: 'leg2', ip: '10.9.1.78', mac: '02:00:00:00:00:78' },
    another: { ip: '10.9.1.79' },
  },
  'bfd-sessions': {
    id: 'watch',
    values: {
      logicalRouterPortId: 'leg1',
      ip: '10.9.1.12',
      minTxMs: 300,
      minRxMs: 400,
      detectMultiplier: 5,
      enabled: false,
      finding: { isUp: false, diagnostic: 1, since: '2026-11-22T08:00:00.000Z' },
    },
    another: { ip: '10.9.2.13' },
  },
  'qos-rules': {
    id: 'limit',
    values: {
      logicalSwitchPortId: 'p2',
      logicalSwitchId: null,
      kind: 'packet_rate_limit',
      direction: 'ingress',
      maxKbps: 2_000,
      maxBurstKbps: 1_000,
      maxKpps: 5,
      maxBurstKpps: 2,
      dscpMark: 46,
      minKbps: 7,
    },
    another: { logicalSwitchPortId: null, logicalSwitchId: 's2' },
  },
  mirrors: {
    id: 'mirror',
    values: {
      logicalSwitchPortId: 'p2',
      direction: 'in',
      kind: 'gre',
      collectorPortId: 'q1',
      remoteIp: '192.0.2.200',
      key: 7,
    },
    another: { logicalSwitchPortId: 'p3', datapathKey: 1_000_002 },
  },
  'dhcp-options': {
    id: 'mtu of p1',
    values: { logicalSwitchPortId: null, subnetId: 's2 10.9.2.0/24', protocol: 'dhcpv6', option: '224', value: 'ff' },
    another: { logicalSwitchPortId: 'p2' },
  },
  'dns-records': {
    id: 'www',
    values: { logicalSwitchId: 's3', type: 'AAAA', values: ['fd00::1'], ttl: 5 },
    another: { type: 'PTR' },
  },
  'load-balancers': {
    id: 'balancer',
    values: {
      vip: '10.96.0.77',
      protocol: 'udp',
      port: 5353,
      backends: [{ ip: '10.9.1.13', port: 8077, weight: 2, state: 'draining' }],
      healthCheck: { protocol: 'udp', port: 5353, path: '/', intervalS: 1, timeoutS: 1, rise: 1, fall: 1 },
      failedBackends: ['10.9.1.13 8077'],
      affinityTimeoutS: 60,
      logicalSwitchIds: ['s2'],
      logicalRouterIds: [],
    },
    another: { port: 81 },
  },
  'nat-rules': {
    id: 'floating',
    values: {
      logicalRouterId: 'other-border',
      kind: 'dnat',
      externalIp: '203.0.113.1',
      logicalIp: '10.9.1.13',
      exemptedDestinations: ['198.51.100.0/24'],
      portMap: { protocol: 'tcp', externalPort: 80, externalPortMax: 81, logicalPort: 8080 },
      logicalSwitchPortId: 'r1',
      externalMac: '02:00:00:00:0a:01',
    },
    another: { externalIp: '203.0.113.78', logicalIp: '10.9.1.78' },
  },
  'port-bindings': {
    id: 'binding of p1',
    values: {
      logicalSwitchPortId: 'p4',
      hypervisorId: 'hv3',
      interfaceName: 'tap77',
      interfaceUuid: '00000000-0000-7000-8000-000000000077',
      ofport: 40_077,
      ctZone: 20_077,
      reason: 'the newest claim',
    },
    another: { logicalSwitchPortId: 'p4', ofport: 40_078 },
  },
  tokens: {
    id: 'token',
    values: { role: 'member', scopes: ['subnets'], expiresAt: '2026-12-01T00:00:00.000Z', digest: 'f'.repeat(64) },
    another: { digest: 'e'.repeat(64) },
  },
  'join-tokens': {
    id: 'join',
    values: { systemId: 'hv7', usesLeft: 7, expiresAt: '2026-12-02T00:00:00.000Z', digest: 'd'.repeat(64) },
    another: { digest: 'c'.repeat(64) },
  },
  quotas: { id: 'quota', values: { limits: { subnets: 7 } }, another: {} },
  'neutron-objects': {
    id: 'neutron',
    values: { collection: 'networks', attributes: { description: 'another' } },
    another: {},
  },
};

const describing = { name: 'another name', labels: { tier: 'gold' }, projectId: 'p2' } as const;

function change<K extends Kind>(kind: K, id: string, after: RowOf<K> | null): RowAfter<Kind> {
  return { kind, id, after } as RowAfter<Kind>;
}

function verbsOf<K extends Kind>(kind: K, network: Snapshot): readonly Verb[] {
  const { id, values, another }: Case<K> = cases[kind];
  const row = rowOf(network, kind, id);
  const made = { ...row, ...another, id: `another ${id}`, number: 9_000_000 + kinds.indexOf(kind) };
  const undo = [change(kind, id, row)];
  const gone = rowOf(network, kind, cases[kind].goes ?? id);
  const fields = { ...describing, ...values };
  return [
    { name: `${kind}: create`, rows: [change(kind, made.id, made)], undo: [change(kind, made.id, null)] },
    { name: `${kind}: delete`, rows: [change(kind, gone.id, null)], undo: [change(kind, gone.id, gone)] },
    ...Object.entries(fields).map(([field, value]) => ({
      name: `${kind}: set ${field}`,
      rows: [change(kind, id, { ...row, [field]: value })],
      undo,
    })),
    { name: `${kind}: replace`, rows: [change(kind, id, { ...row, ...describing, ...values })], undo },
  ];
}

/** Verbs that write several rows. */
function compositions(network: Snapshot): readonly Verb[] {
  const port = rowOf(network, 'logical-switch-ports', 'p1');
  const binding = rowOf(network, 'port-bindings', 'binding of p1');
  const logicalSwitch = rowOf(network, 'logical-switches', 's1');
  const provider = { physicalNetwork: 'physnet1', vlan: 100 } as const;
  const attachments = [change('port-bindings', binding.id, null), change('logical-switch-ports', port.id, null)];
  const madePort = { ...port, ...cases['logical-switch-ports'].another, id: 'bound', number: 9_100_000 };
  const madeBinding = { ...binding, id: 'binding of bound', logicalSwitchPortId: 'bound', ofport: 40_100 };
  return [
    {
      name: 'create a port that an interface waits for',
      rows: [change('logical-switch-ports', 'bound', madePort), change('port-bindings', madeBinding.id, madeBinding)],
      undo: [change('port-bindings', madeBinding.id, null), change('logical-switch-ports', 'bound', null)],
    },
    {
      name: 'make a switch part of a physical network',
      rows: [change('logical-switches', 's1', { ...logicalSwitch, provider, physicalNetworkKey: 1 })],
      undo: [change('logical-switches', 's1', logicalSwitch)],
    },
    {
      name: 'delete a bound port',
      rows: attachments,
      undo: [change('logical-switch-ports', port.id, port), change('port-bindings', binding.id, binding)],
    },
    {
      name: 'detach a switch from its router, with its routes',
      rows: [change('static-routes', 'route', null), change('logical-router-ports', 'leg2', null)],
      undo: [
        change('logical-router-ports', 'leg2', rowOf(network, 'logical-router-ports', 'leg2')),
        change('static-routes', 'route', rowOf(network, 'static-routes', 'route')),
      ],
    },
  ];
}

export function verbsOn(network: Snapshot): readonly Verb[] {
  return [...kinds.flatMap(kind => verbsOf(kind, network)), ...compositions(network)];
}
