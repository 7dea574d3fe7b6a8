import assert from 'node:assert/strict';
import { WeftError } from '../../src/base/errors.js';
import type { Visit } from '../../src/trace/tracer.js';
import { NetworkBuilder } from '../compiler/network-builder.js';
import { AskedNetwork } from './asked-network.js';

const macs = (last: number): string => `02:00:00:00:00:${last.toString(16).padStart(2, '0')}`;

/** Two switches on a router, over two hosts: clients and a server with groups, others without. */
function network(): NetworkBuilder {
  const builder = new NetworkBuilder()
    .hypervisor('hv1')
    .hypervisor('hv2')
    .logicalSwitch('front', '10.1.0.0/24', 'fd00:1::/64')
    .logicalSwitch('back', '10.2.0.0/24')
    .router('edge')
    .attach('edge-front', 'edge', 'front', '0a:00:00:00:00:01', ['10.1.0.1/24'])
    .attach('edge-back', 'edge', 'back', '0a:00:00:00:00:02', ['10.2.0.1/24'])
    .securityGroup('clients', { isolates: ['ingress'] })
    .securityGroup('servers')
    .addressSet('office', '198.51.100.0/24', '10.1.0.12')
    .rule('egress', 'clients', 'egress', { protocol: 'tcp' })
    .rule('web', 'servers', 'ingress', { protocol: 'tcp', portMin: 80, portMax: 89, remoteGroupId: 'clients' })
    .rule('no 85', 'servers', 'ingress', { protocol: 'tcp', portMin: 85, action: 'drop', priority: 2000 })
    .rule('no 86', 'servers', 'ingress', { protocol: 'tcp', portMin: 86, action: 'reject', priority: 2000 })
    .rule('office', 'servers', 'ingress', { protocol: 'udp', portMin: 53, remoteAddressSetId: 'office' })
    .rule('ping', 'servers', 'ingress', { protocol: 'icmp', icmpType: 8 })
    .rule('probe', 'servers', 'ingress', { protocol: 'udp', portMin: 9, stateless: true })
    .port('client', 'front', macs(1), ['10.1.0.11', 'fd00:1::11'], ['hv1', 1], { securityGroups: ['clients'] })
    .port('other', 'front', macs(2), ['10.1.0.12', 'fd00:1::12'], ['hv1', 2])
    .port('near', 'front', macs(3), ['10.1.0.13'], ['hv1', 3], { securityGroups: ['servers'] })
    .port('far', 'front', macs(4), ['10.1.0.14', 'fd00:1::14'], ['hv2', 1], { securityGroups: ['servers'] })
    .port('routed', 'back', macs(5), ['10.2.0.15'], ['hv2', 2], { securityGroups: ['servers'] })
    .port('unbound', 'back', macs(6), ['10.2.0.16'])
    .port('off', 'front', macs(7), ['10.1.0.17'], ['hv2', 3], { enabled: false })
    .port('vm', 'front', macs(8), ['10.1.0.18'], ['hv1', 9])
    .port('inner', 'front', macs(9), ['10.1.0.19'], ['hv1', 9], { parent: { portId: 'vm', vlan: 7 } })
    .port('inner server', 'back', macs(10), ['10.2.0.20'], ['hv1', 9], {
      parent: { portId: 'vm', vlan: 8 },
      securityGroups: ['servers'],
    })
    .port('metadata', 'front', macs(11), ['10.1.0.21'], ['hv1', 10], { local: { addresses: ['169.254.169.254'] } })
    .port('lone', 'front', macs(12), ['10.1.0.22'], ['hv2', 9]);
  const gateways: Readonly<Record<string, string>> = { '10.1.0.0/24': '10.1.0.1', '10.2.0.0/24': '10.2.0.1' };
  for (const subnet of builder.snapshot().rows.subnets)
    Object.assign(subnet, { gatewayIp: gateways[subnet.cidr] ?? null });
  return builder;
}

const tcp = (port: number) => ({ protocol: 'tcp', port: String(port) });
const udp = (port: number) => ({ protocol: 'udp', port: String(port) });
const to = (id: string) => ({ to_port_id: id });

describe('The dry verdict', () => {
  const asked = new AskedNetwork(network());
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    // On one host, on another, behind a router: the same rules.
    ...['near', 'far', 'routed'].map(
      server =>
        [
          'client',
          { ...to(server), ...tcp(80) },
          `allow (delivered); egress of client: egress; ingress of ${server}: web`,
        ] as const,
    ),
    ['client', { to_ip: 'fd00:1::14', ...tcp(88) }, 'allow (delivered); egress of client: egress; ingress of far: web'],
    // The deciding rule is that of the highest priority.
    ['client', { ...to('far'), ...tcp(85) }, 'drop (acl_drop); egress of client: egress; ingress of far: no 85'],
    ['client', { ...to('near'), ...tcp(86) }, 'reject (acl_reject); egress of client: egress; ingress of near: no 86'],
    [
      'client',
      { ...to('far'), ...tcp(90) },
      'drop (acl_default); egress of client: egress; ingress of far: default_deny',
    ],
    // The sender has no groups; is isolated in the other direction only; is isolated in this one.
    [
      'other',
      { ...to('far'), ...tcp(80) },
      'drop (acl_default); egress of other: no_security_groups; ingress of far: default_deny',
    ],
    ['client', { ...to('far') }, 'allow (delivered); egress of client: not_isolated; ingress of far: ping'],
    ['far', { ...to('client'), ...tcp(80) }, 'drop (acl_default); egress of far: default_deny'],
    // A set, by address and by network; a stateless rule.
    [
      'other',
      { ...to('near'), ...udp(53) },
      'allow (delivered); egress of other: no_security_groups; ingress of near: office',
    ],
    [
      'other',
      { ...to('far'), ...udp(9) },
      'allow (delivered); egress of other: no_security_groups; ingress of far: probe',
    ],
    // Out of an interface and back into it: the tag says whose a packet is.
    ['vm', to('inner'), 'allow (delivered); egress of vm: no_security_groups; ingress of inner: no_security_groups'],
    ['inner', to('vm'), 'allow (delivered); egress of inner: no_security_groups; ingress of vm: no_security_groups'],
    ['far', to('inner'), 'drop (acl_default); egress of far: default_deny'],
    [
      'other',
      to('inner'),
      'allow (delivered); egress of other: no_security_groups; ingress of inner: no_security_groups',
    ],
    [
      'inner',
      to('inner server'),
      'allow (delivered); egress of inner: no_security_groups; ingress of inner server: ping',
    ],
    ['inner', { to_ip: '10.1.0.1' }, 'allow (answered); egress of inner: no_security_groups'],
    ['inner', { to_ip: '10.1.0.19' }, 'drop (reflection); egress of inner: no_security_groups'],
    // A local port: on the host of the sender, or not at all.
    ...['other', 'inner'].map(
      from =>
        [
          from,
          { to_ip: '169.254.169.254', ...tcp(80) },
          `allow (delivered); egress of ${from}: no_security_groups; ingress of metadata: no_security_groups`,
        ] as const,
    ),
    ['lone', { to_ip: '169.254.169.254' }, 'drop (no_local_port); egress of lone: no_security_groups'],
    // What everybody may say.
    [
      'near',
      { to_ip: '10.1.0.12', protocol: 'udp', source_port: '68', port: '67' },
      'allow (delivered); egress of near: always_allowed; ingress of other: no_security_groups',
    ],
    // Conntrack takes no answer for a beginning.
    ['other', { ...to('near'), icmp_type: '0' }, 'drop (connection_invalid); egress of other: no_security_groups'],
    // Ends that are not the groups'.
    ['other', { to_ip: '10.1.0.1' }, 'allow (answered); egress of other: no_security_groups'],
    ['other', { to_ip: '10.1.0.99' }, 'drop (unknown_neighbour); egress of other: no_security_groups'],
    ['client', { to_ip: 'fd00:2::1', ...tcp(1) }, 'drop (no_gateway); egress of client: egress'],
    ['unbound', { to_ip: '10.2.0.15' }, 'drop (source_not_bound)'],
    ['off', { to_ip: '10.1.0.12' }, 'drop (port_disabled)'],
    ['other', { to_ip: '10.1.0.17' }, 'drop (port_disabled); egress of other: no_security_groups'],
    ['other', { to_ip: '192.0.2.1' }, 'drop (no_route); egress of other: no_security_groups'],
    ['other', { ...to('unbound') }, 'drop (neighbour_unresolved); egress of other: no_security_groups'],
    ['other', { to_ip: '10.2.0.99' }, 'drop (neighbour_unresolved); egress of other: no_security_groups'],
    ['other', { to_ip: '10.1.0.12' }, 'drop (reflection); egress of other: no_security_groups'],
    ['other', { to_ip: '10.1.0.13', source_ip: '10.1.0.200' }, 'drop (port_security_ipv4)'],
    ['other', { to_ip: '10.1.0.13', source_mac: macs(9) }, 'drop (port_security_mac)'],
    ['other', { ...to('far'), ...udp(9), length: '9000' }, 'drop (too_big); egress of other: no_security_groups'],
  ];

  for (const [from, query, expected] of cases) {
    it(`from ${from}, ${new URLSearchParams(query).toString()}: ${expected}`, () => {
      assert.equal(asked.brief(from, query), expected);
    });
  }

  it('counts no copy of a mirror as delivered, and passes limits', () => {
    const observed = network()
      .mirror('seen', 'other', { collectorPortId: 'far' })
      .mirror('gone', 'near', { collectorPortId: 'client' })
      .qos('limit', { logicalSwitchPortId: 'near', direction: 'ingress', maxKbps: 1000 });
    const { outcome, trace } = new AskedNetwork(observed).ask('other', { ...to('near'), ...udp(9) });
    assert.deepEqual([outcome, trace?.deliveredTo], ['allow', ['near']]);
  });

  it('shows whose flow decides at every stage, on every host', () => {
    const { trace } = asked.ask('client', { ...to('far'), ...tcp(80) });
    assert.deepEqual(
      trace?.hops.map(({ hypervisorId }) => hypervisorId),
      ['hv1', 'hv2'],
    );
    const [here, there] = trace.hops;
    // The stateless rules are asked first, and say nothing.
    const decides = ({ stage, flow }: Visit) =>
      stage === 'ls_acl_verdict' && flow?.owner.kind === 'security-group-rules';
    const verdicts = [here, there].map(hop => hop?.visits.find(decides)?.flow);
    assert.deepEqual(
      verdicts.map(flow => flow?.key),
      ['acl.rule/egress', 'acl.rule/web'],
    );
    assert.equal(here?.visits[0]?.flow?.owner.id, 'client');
  });

  it('follows a flood to a few hosts only, that of the port that is asked about among them, and says so', () => {
    const builder = new NetworkBuilder().logicalSwitch('wide', '10.9.0.0/24');
    const count = 12;
    for (let number = 1; number <= count; number += 1) {
      const given = number === 1 ? {} : { unknownMacs: true };
      builder
        .hypervisor(`host ${number}`)
        .port(`port ${number}`, 'wide', macs(number), [`10.9.0.${number}`], [`host ${number}`, 1], given);
    }
    for (const port of builder.snapshot().rows['logical-switch-ports']) {
      if (port.id === 'port 11')
        Object.assign(port, { allowedAddresses: [{ cidr: '10.9.0.99/32', mac: '02:00:00:00:00:99' }] });
    }
    const wide = new AskedNetwork(builder);
    const unnamed = wide.ask('port 1', { to_ip: '10.9.0.98' });
    assert.deepEqual(
      [unnamed.reason, unnamed.trace?.hops.length, unnamed.trace?.isPartial],
      ['unknown_neighbour', 8, true],
    );
    assert.match(unnamed.help, /more hypervisors/);
    const named = wide.ask('port 1', { to_ip: '10.9.0.99', to_port_id: 'port 11' });
    assert.deepEqual([named.reason, named.trace?.hops.length], ['delivered', 8]);
    const straight = wide.ask('port 1', { to_port_id: 'port 11' });
    assert.deepEqual(
      [straight.reason, straight.trace?.hops.length, straight.trace?.isPartial],
      ['delivered', 2, false],
    );
  });

  it('says of each port that a flood comes to whether it is denied there', () => {
    const builder = new NetworkBuilder()
      .hypervisor('hv1')
      .logicalSwitch('wide', '10.9.0.0/24')
      .securityGroup('shut')
      .securityGroup('quiet', { isolates: [] })
      .rule('unmet', 'quiet', 'ingress', { protocol: 'tcp', portMin: 1 })
      .port('a', 'wide', macs(1), ['10.9.0.1'], ['hv1', 1])
      .port('closed', 'wide', macs(2), ['10.9.0.2'], ['hv1', 2], { unknownMacs: true, securityGroups: ['shut'] })
      .port('open', 'wide', macs(3), ['10.9.0.3'], ['hv1', 3], { unknownMacs: true, securityGroups: ['quiet'] })
      .port('shut', 'wide', macs(4), ['10.9.0.4'], ['hv1', 4], { unknownMacs: true, securityGroups: ['shut'] });
    for (const port of builder.snapshot().rows['logical-switch-ports']) {
      if (port.id === 'open')
        Object.assign(port, { allowedAddresses: [{ cidr: '10.9.0.99/32', mac: '02:00:00:00:00:99' }] });
    }
    assert.equal(
      new AskedNetwork(builder).brief('a', { to_ip: '10.9.0.99', ...udp(7) }),
      'allow (delivered); egress of a: no_security_groups; ingress of closed: default_deny; ' +
        'ingress of open: not_isolated; ingress of shut: default_deny',
    );
  });

  it('knows what Linux takes for the beginning of a connection, where the datapath is in the kernel', () => {
    for (const [datapathType, mask, sctp] of [
      ['netdev', 'drop (connection_invalid)', 'drop (acl_default)'],
      ['system', 'allow (delivered)', 'allow (delivered)'],
    ] as const) {
      const on = network()
        .rule('any ping', 'servers', 'ingress', { protocol: 'icmp' })
        .rule('sctp', 'servers', 'ingress', { protocol: 'sctp', portMin: 7 });
      for (const host of on.snapshot().rows.hypervisors) Object.assign(host, { datapathType });
      const there = new AskedNetwork(on);
      const outcome = (query: Readonly<Record<string, string>>) => there.brief('other', query).split(';')[0];
      assert.equal(outcome({ ...to('near'), icmp_type: '17' }), mask);
      assert.equal(outcome({ ...to('near'), protocol: 'sctp', port: '7' }), sctp);
    }
  });

  it('refuses questions that make no packet', () => {
    for (const [query, words] of [
      [{}, /to_port_id/],
      [{ to_ip: '10.1.0.300' }, /not an IP address/],
      [{ to_ip: '10.1.0.12', port: '70000' }, /0 to 65535/],
      [{ to_ip: '10.1.0.12', protocol: 'icmp', port: '1' }, /no ports/],
      [{ to_ip: '10.1.0.12', protocol: 'tcp', icmp_type: '1', port: '1' }, /not ICMP/],
      [{ to_ip: '10.1.0.12', protocol: 'udp' }, /needs a destination port/],
      [{ to_ip: '10.1.0.12', source_ip: 'fd00:1::11' }, /another family/],
      [{ to_ip: '10.1.0.12', ports: '1' }, /no parameter/],
      [{ to_ip: '10.1.0.12', source_mac: 'x' }, /not a MAC/],
    ] as const) {
      assert.throws(
        () => asked.question('client', query),
        (error: unknown) => error instanceof WeftError && error.code === 'invalid_query' && words.test(error.detail),
        JSON.stringify(query),
      );
    }
  });
});

describe('The dry verdict on a physical network', () => {
  const bridgeMappings = [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }];
  const builder = new NetworkBuilder()
    .hypervisor('hv1', { bridgeMappings })
    .hypervisor('hv2', { bridgeMappings })
    .hypervisor('hv3')
    .providerSwitch('dmz', 'physnet1', 100, '203.0.113.0/24')
    .securityGroup('closed')
    .port('a', 'dmz', macs(1), ['203.0.113.11'], ['hv1', 1])
    .port('b', 'dmz', macs(2), ['203.0.113.12'], ['hv2', 1])
    .port('closed', 'dmz', macs(3), ['203.0.113.13'], ['hv2', 2], { securityGroups: ['closed'] })
    .port('lost', 'dmz', macs(4), ['203.0.113.14'], ['hv3', 1]);
  const asked = new AskedNetwork(builder);
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    [
      'a',
      { ...to('b'), ...tcp(80) },
      'allow (delivered); egress of a: no_security_groups; ingress of b: no_security_groups',
    ],
    [
      'b',
      { ...to('a'), ...tcp(80) },
      'allow (delivered); egress of b: no_security_groups; ingress of a: no_security_groups',
    ],
    [
      'a',
      { ...to('closed'), ...tcp(80) },
      'drop (acl_default); egress of a: no_security_groups; ingress of closed: default_deny',
    ],
    ['a', { to_ip: '203.0.113.99', ...tcp(80) }, 'allow (leaves); egress of a: no_security_groups'],
    ['lost', { ...to('a'), ...tcp(80) }, 'drop (physical_network_unmapped); egress of lost: no_security_groups'],
  ];
  for (const [from, query, expected] of cases) {
    it(`from ${from} to ${query['to_port_id'] ?? query['to_ip']}: ${expected.split(';')[0]}`, () => {
      assert.equal(asked.brief(from, query), expected);
    });
  }
});
