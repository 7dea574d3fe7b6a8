/** Every kind of rule of a security group over real Open vSwitch: both families, on one host, across hosts, and through a router. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ipBatch, setKernelOptions } from '../../lab/namespaces.js';
import { ping } from '../../lab/probe.js';
import type { Workload } from '../../lab/workload.js';
import { create, planRouter, planSwitch, type Value } from '../fixtures/topology.js';
import { APPLIED_WITHIN_MS, usesSharedWeftLab } from '../fixtures/weft-lab.js';
import { type Outcome, serve, tryReach } from './streams.js';

type Probe = 'ping' | `${'tcp' | 'udp'} ${number}`;
type Families = Readonly<Record<Probe, readonly (4 | 6)[]>>;

const both = [4, 6] as const;
const applied = { appliedWithinMs: APPLIED_WITHIN_MS };
const ingress = { direction: 'ingress' } as const;
const egress = { direction: 'egress' } as const;
const range = (protocol: string, first: number, last = first): Value => ({
  protocol,
  port_min: first,
  port_max: last,
});

interface RuleKind {
  readonly what: string;
  readonly rules: readonly Value[];
  readonly answers: Partial<Families>;
  readonly refuses?: Partial<Families>;
}

/**
 * Rules of the server's only group, over which families the client then gets answers, and over which it is refused at once: a reset, port
 * unreachable, or prohibited. What is neither is silence. `CLIENT4` and `SET` stand for what is made at the start.
 */
const kinds: readonly RuleKind[] = [
  { what: 'none', rules: [], answers: { ping: [], 'tcp 80': [], 'udp 80': [] } },
  { what: 'anything', rules: [ingress], answers: { ping: both, 'tcp 80': both, 'udp 80': both } },
  {
    what: 'a range of ports',
    rules: [{ ...ingress, ...range('tcp', 81, 82) }],
    answers: { 'tcp 80': [], 'tcp 81': both, 'tcp 82': both, 'udp 81': [], ping: [] },
  },
  {
    what: 'a family',
    rules: [{ ...ingress, ethertype: 'ipv6' }],
    answers: { 'tcp 80': [6], 'udp 80': [6], ping: [6] },
  },
  {
    what: 'a protocol by number',
    rules: [{ ...ingress, protocol: 17 }],
    answers: { 'tcp 80': [], 'udp 80': both, ping: [] },
  },
  {
    what: 'ICMP types',
    rules: [
      { ...ingress, protocol: 'icmp', ethertype: 'ipv4', icmp_type: 13 },
      { ...ingress, protocol: 'icmp', ethertype: 'ipv6', icmp_type: 128, icmp_code: 0 },
    ],
    answers: { ping: [6], 'tcp 80': [] },
  },
  {
    what: 'networks',
    rules: [
      { ...ingress, ...range('tcp', 80), remote_cidr: 'CLIENT4' },
      { ...ingress, ...range('tcp', 81), remote_cidr: '192.0.2.0/24' },
      { ...ingress, ...range('tcp', 82), remote_cidr: '::/0' },
    ],
    answers: { 'tcp 80': [4], 'tcp 81': [], 'tcp 82': [6] },
  },
  {
    what: 'an address set',
    rules: [{ ...ingress, ...range('udp', 80), remote_address_set_id: 'SET' }],
    answers: { 'udp 80': [4], 'udp 81': [] },
  },
  {
    what: 'drop and reject over allow',
    rules: [
      { ...ingress, priority: 5 },
      { ...ingress, ...range('tcp', 80), action: 'drop', priority: 6 },
      { ...ingress, ...range('tcp', 81), action: 'reject', priority: 5 },
      { ...ingress, ...range('udp', 80), action: 'drop', priority: 4 },
    ],
    answers: { 'tcp 80': [], 'tcp 81': [], 'tcp 82': both, 'udp 80': both },
    refuses: { 'tcp 81': both },
  },
  {
    what: 'reject, by port, by family, and without connections',
    rules: [
      { ...ingress },
      { ...ingress, ...range('tcp', 80), action: 'reject', priority: 1_001 },
      { ...ingress, ...range('udp', 81), action: 'reject', priority: 1_001, ethertype: 'ipv6' },
      { ...ingress, ...range('udp', 82), action: 'reject', stateless: true },
      { ...ingress, protocol: 'icmp', action: 'reject', priority: 1_001 },
    ],
    answers: { 'tcp 80': [], 'tcp 81': both, 'udp 80': both, 'udp 81': [4], 'udp 82': [], ping: [] },
    refuses: { 'tcp 80': both, 'udp 81': [6], 'udp 82': both, ping: both },
  },
  {
    what: 'stateless in one direction',
    rules: [{ ...ingress, ...range('tcp', 80), stateless: true }],
    answers: { 'tcp 80': [] },
  },
  {
    what: 'stateless in both directions, beside connections',
    rules: [
      { ...ingress, ...range('tcp', 80), stateless: true },
      { direction: 'egress', protocol: 'tcp', stateless: true },
      { ...ingress, ...range('udp', 80) },
    ],
    answers: { 'tcp 80': both, 'tcp 81': [], 'udp 80': both },
  },
];

/** The same for the client's only group, while the server's lets everything in. `SERVERS` is a set of their addresses, `GROUP` their group. */
const egressKinds: readonly RuleKind[] = [
  { what: 'none', rules: [], answers: { ping: [], 'tcp 80': [], 'udp 80': [] } },
  {
    what: 'a range of ports, of one family, and ICMP types',
    rules: [
      { ...egress, ...range('tcp', 81, 82), ethertype: 'ipv4' },
      { ...egress, protocol: 'icmp', ethertype: 'ipv4', icmp_type: 13 },
      { ...egress, protocol: 'icmp', ethertype: 'ipv6', icmp_type: 128 },
    ],
    answers: { 'tcp 80': [], 'tcp 81': [4], 'tcp 82': [4], 'udp 81': [], ping: [6] },
  },
  {
    what: 'networks',
    rules: [
      { ...egress, ...range('tcp', 80), remote_cidr: '10.0.0.0/8' },
      { ...egress, ...range('tcp', 81), remote_cidr: '192.0.2.0/24' },
      { ...egress, ...range('tcp', 82), remote_cidr: 'fd00::/8' },
    ],
    answers: { 'tcp 80': [4], 'tcp 81': [], 'tcp 82': [6] },
  },
  {
    what: 'an address set and a group',
    rules: [
      { ...egress, ...range('udp', 80), remote_address_set_id: 'SERVERS' },
      { ...egress, ...range('tcp', 80), remote_group_id: 'GROUP' },
    ],
    answers: { 'udp 80': [4], 'tcp 80': both, 'tcp 81': [] },
  },
  {
    what: 'drop and reject over allow, of a port and of a set',
    rules: [
      { ...egress, priority: 5 },
      { ...egress, ...range('tcp', 80), action: 'drop', priority: 6 },
      { ...egress, ...range('udp', 80), action: 'drop', priority: 6, remote_address_set_id: 'SERVERS' },
      { ...egress, ...range('tcp', 82), action: 'reject', priority: 6 },
    ],
    answers: { 'tcp 80': [], 'tcp 81': both, 'tcp 82': [], 'udp 80': [6], 'udp 81': both },
    refuses: { 'tcp 82': both },
  },
  {
    what: 'stateless in one direction, and in both',
    rules: [
      { ...egress, ...range('udp', 80), stateless: true },
      { ...egress, ...range('tcp', 80), stateless: true },
      { ...ingress, protocol: 'tcp', stateless: true },
      { ...egress, ...range('udp', 81) },
    ],
    answers: { 'tcp 80': both, 'tcp 81': [], 'udp 80': [], 'udp 81': both },
  },
];

describe('rules of security groups', function () {
  this.timeout(180_000);
  const weftLab = usesSharedWeftLab();
  const ending: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ending.splice(0)) await end();
  });

  /** Silence takes its time; whatever else is expected may take longer on a busy machine. */
  async function outcomeOf(
    from: Workload,
    to: Workload,
    family: 4 | 6,
    { probe, expected }: { readonly probe: Probe; readonly expected: Outcome },
  ): Promise<Outcome> {
    const address = to.address(family);
    if (probe === 'ping') {
      const { received, text } = await ping(from, address, { count: 2 });
      if (received > 0) return 'answered';
      return (family === 4 ? /Packet filtered/ : /Administratively prohibited/).test(text) ? 'refused' : 'silence';
    }
    const [transport, port] = probe.split(' ') as ['tcp' | 'udp', string];
    return tryReach(from, transport, address, Number(port), expected === 'silence' ? 1_500 : 10_000);
  }

  /** Makes the rules of each kind in turn, and asks everything. */
  async function meanWhatTheySay(
    kindsOfRules: readonly RuleKind[],
    group: string,
    standsFor: Readonly<Record<string, string>>,
    client: Workload,
    servers: readonly Workload[],
  ): Promise<void> {
    const { client: api } = weftLab();
    for (const { what, rules, answers, refuses = {} } of kindsOfRules) {
      let text = JSON.stringify(rules);
      for (const [word, value] of Object.entries(standsFor)) text = text.replaceAll(word, value);
      const made = (JSON.parse(text) as readonly Value[]).map(rule =>
        create('security-group-rules', { security_group_id: group, ...rule }),
      );
      if (made.length > 0) await api.transaction(made, applied);
      const probes = (Object.entries(answers) as [Probe, readonly (4 | 6)[]][]).flatMap(([probe, families]) =>
        servers.flatMap(to =>
          both.map(family => {
            const otherwise = refuses[probe]?.includes(family) === true ? 'refused' : 'silence';
            return { probe, to, family, expected: families.includes(family) ? 'answered' : otherwise } as const;
          }),
        ),
      );
      const wrong = await Promise.all(
        probes.map(async ({ to, family, ...asked }) => {
          const { probe, expected } = asked;
          const found = await outcomeOf(client, to, family, asked);
          return found === expected ? [] : [`${probe} of ${to.name} over IPv${family}: ${found}`];
        }),
      );
      assert.deepEqual(wrong.flat(), [], what);
      const gone = made.map(({ id = '' }) => ({ op: 'delete', kind: 'security-group-rules', id }) as const);
      if (gone.length > 0) await api.transaction(gone, applied);
    }
  }

  /** A network behind the server that carries little, so that the server, as a router, sends ICMP errors about what goes there. */
  async function routes(client: Workload, server: Workload): Promise<void> {
    await setKernelOptions(server.namespace, { 'ipv4/ip_forward': 1, 'ipv6/conf/all/forwarding': 1 });
    await ipBatch(server.namespace, [
      'link add beyond type veth peer name nobody',
      'link set nobody up',
      'link set beyond mtu 1280 up',
      'route add 198.51.100.0/24 dev beyond',
      'route add 2001:db8:7::/64 dev beyond',
    ]);
    await ipBatch(client.namespace, [
      `route add 198.51.100.0/24 via ${server.address(4)}`,
      `route add 2001:db8:7::/64 via ${server.address(6)}`,
    ]);
  }

  it('mean what they say', async () => {
    const [group, set, clients, all] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    const server = { security_groups: [group] };
    const near = planSwitch({ name: 'near', ports: { client: {}, here: server, there: server } });
    const far = planSwitch({ name: 'far', ports: { routed: server } });
    await weftLab().build([
      create('address-sets', { name: 'set' }, set),
      create('address-sets', { name: 'all' }, all),
      create('security-groups', { name: 'servers' }, group),
      create('security-groups', { name: 'clients' }, clients),
      ...near.operations,
      ...far.operations,
      ...planRouter('r', [near, far]).operations,
    ]);
    const [client, ...servers] = await weftLab().plug({ client: 'hv1', here: 'hv1', there: 'hv2', routed: 'hv2' });
    const [here, there] = servers;
    assert.ok(client !== undefined && here !== undefined && there !== undefined && servers.length === 3);
    const { client: api } = weftLab();
    await api.patch('address-sets', set, { addresses: [client.address(4)] }, applied);
    await api.patch('address-sets', all, { addresses: servers.map(each => each.address(4)) }, applied);
    for (const workload of servers) ending.push(await serve(workload, 80, 81, 82));
    await meanWhatTheySay(kinds, group, { CLIENT4: `${client.address(4)}/32`, SET: set }, client, servers);

    await api.patch('logical-switch-ports', (await api.workloadPort('client')).portId, { security_groups: [clients] });
    await api.transaction([create('security-group-rules', { ...ingress, security_group_id: group })], applied);
    await meanWhatTheySay(egressKinds, clients, { SERVERS: all, GROUP: group }, client, servers);

    // Both sides may only ping; what the server says of it as a router comes back all the same.
    const echo = { ...egress, security_group_id: clients, protocol: 'icmp' };
    await api.transaction([create('security-group-rules', echo)], applied);
    for (const router of [here, there]) {
      await routes(client, router);
      for (const [address, asked, answer] of [
        ['198.51.100.9', ['-t', '1'], /Time to live exceeded/],
        ['198.51.100.9', ['-M', 'do', '-s', '1300'], /Frag needed and DF set \(mtu = 1280\)/],
        ['2001:db8:7::9', ['-t', '1'], /Time exceeded: Hop limit/],
        ['2001:db8:7::9', ['-M', 'do', '-s', '1300'], /Packet too big: mtu=1280/],
      ] as const) {
        const told = await client.exec(['ping', '-n', '-c', '1', '-W', '2', ...asked, address], { allowFailure: true });
        assert.match(told.stdout, answer, `${router.name}: ${address} ${asked.join(' ')}`);
      }
      await ipBatch(client.namespace, ['route del 198.51.100.0/24', 'route del 2001:db8:7::/64']);
    }
  });
});
