import assert from 'node:assert/strict';
import { type Trace, usesTracedNetwork } from './traced-network.js';
import { ip6, mac, twoHostNetwork } from '../../compiler/two-host-network.js';

const broadcast = 'ff:ff:ff:ff:ff:ff';
const arp = (target: string, sender = '10.1.0.11', destination = broadcast): string =>
  `in_port=1,arp,dl_src=${mac.web1},dl_dst=${destination},arp_op=1,arp_spa=${sender},arp_tpa=${target},arp_sha=${mac.web1}`;
const solicit = (target: string, source: string = ip6.web1, option = `,nd_sll=${mac.web1}`): string =>
  `in_port=1,icmp6,icmpv6_type=135,icmpv6_code=0,nw_ttl=255,dl_src=${mac.web1},dl_dst=33:33:ff:00:00:01,` +
  `ipv6_src=${source},ipv6_dst=ff02::1:ff00:1,nd_target=${target}${option}`;

function fields(trace: Trace, ...names: readonly string[]): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(names.map(name => [name, trace.final.get(name)]));
}

describe('The ARP and neighbour discovery responder on Open vSwitch', function () {
  this.timeout(30_000);
  const network = usesTracedNetwork(['hv1']);
  before(() => network().load(twoHostNetwork().compile(), 'hv1'));

  it('answers ARP for a port of another hypervisor and for the router, out of the port that asked', async () => {
    for (const [address, owner] of [
      ['10.1.0.13', mac.web3],
      ['10.1.0.1', mac.gatewayWeb],
    ] as const) {
      const trace = await network().trace('hv1', arp(address));
      assert.deepEqual(trace.outputs, ['back']);
      assert.deepEqual(fields(trace, 'dl_src', 'dl_dst', 'arp_op', 'arp_spa', 'arp_tpa', 'arp_sha', 'arp_tha'), {
        dl_src: owner,
        dl_dst: mac.web1,
        arp_op: '2',
        arp_spa: address,
        arp_tpa: '10.1.0.11',
        arp_sha: owner,
        arp_tha: mac.web1,
      });
    }
  });

  it('answers solicitations for EUI-64, link-local and other addresses, and says who is a router', async () => {
    const linkLocal = 'fe80::ff:fe00:103';
    const gatewayLinkLocal = 'fe80::800:ff:fe00:1';
    for (const [address, owner, reserved] of [
      [ip6.web3, mac.web3, 0x60000000],
      [linkLocal, mac.web3, 0x60000000],
      ['fd00:1::1', mac.gatewayWeb, 0xe0000000],
      [gatewayLinkLocal, mac.gatewayWeb, 0xe0000000],
    ] as const) {
      const trace = await network().trace('hv1', solicit(address));
      assert.deepEqual(trace.outputs, ['back'], address);
      assert.deepEqual(fields(trace, 'dl_src', 'dl_dst', 'icmp_type', 'ipv6_src', 'ipv6_dst', 'nd_target', 'nd_tll'), {
        dl_src: owner,
        dl_dst: mac.web1,
        icmp_type: '136',
        ipv6_src: address,
        ipv6_dst: ip6.web1,
        nd_target: address,
        nd_tll: owner,
      });
      assert.match(trace.text, new RegExp(`set_field:${reserved}->nd_reserved\\s+set_field:2->nd_options_type`));
    }
  });

  it('answers a solicitation without a MAC option, and a probe for the address of another', async () => {
    const plain = await network().trace('hv1', solicit(ip6.web3, ip6.web1, ''));
    assert.deepEqual(plain.outputs, ['back']);
    assert.deepEqual(fields(plain, 'dl_dst', 'ipv6_dst', 'icmp_type'), {
      dl_dst: mac.web1,
      ipv6_dst: ip6.web1,
      icmp_type: '136',
    });
    const probe = await network().trace('hv1', solicit(ip6.web3, '::', ''));
    assert.deepEqual(probe.outputs, ['back']);
    assert.deepEqual(fields(probe, 'dl_dst', 'ipv6_dst', 'ipv6_src'), {
      dl_dst: '33:33:00:00:00:01',
      ipv6_dst: 'ff02::1',
      ipv6_src: ip6.web3,
    });
    assert.match(probe.text, /set_field:536870912->nd_reserved/);
  });

  it('lets announcements and probes for an address of one’s own pass to everybody', async () => {
    const packets = [
      arp('10.1.0.11'),
      arp('10.1.0.11', '0.0.0.0'),
      solicit(ip6.web1, '::', ''),
      solicit('fe80::ff:fe00:101', '::', ''),
    ];
    for (const packet of packets) {
      const { outputs, drops } = await network().trace('hv1', packet);
      assert.deepEqual([outputs, drops], [[2, 32_002], []], packet);
    }
  });

  it('knows a port’s own address from the networks that the port may speak for', async () => {
    const hardware = '02:00:00:00:01:0a';
    const gateway = twoHostNetwork().port(
      'gateway',
      'web',
      hardware,
      ['10.1.0.20', 'fd00:1::ff:fe00:10a'],
      ['hv1', 4],
      {
        allowedAddresses: [
          { mac: null, cidr: '0.0.0.0/0' },
          { mac: null, cidr: '::/0' },
        ],
      },
    );
    await network().load(gateway.compile(), 'hv1');
    for (const packet of [
      `in_port=4,arp,dl_src=${hardware},dl_dst=${broadcast},arp_op=1,arp_spa=0.0.0.0,arp_tpa=10.1.0.20,arp_sha=${hardware}`,
      `in_port=4,icmp6,icmpv6_type=135,icmpv6_code=0,nw_ttl=255,dl_src=${hardware},dl_dst=33:33:ff:00:01:0a,` +
        'ipv6_src=::,ipv6_dst=ff02::1:ff00:10a,nd_target=fd00:1::ff:fe00:10a',
    ]) {
      const { outputs, drops } = await network().trace('hv1', packet);
      assert.deepEqual([outputs, drops], [[1, 2, 32_002], []], packet);
    }
    await network().load(twoHostNetwork().compile(), 'hv1');
  });

  it('leaves a question to one MAC to its owner, who may be dead, and answers it for routers', async () => {
    const question = (to: string, target: string): string =>
      `in_port=1,icmp6,icmpv6_type=135,icmpv6_code=0,nw_ttl=255,dl_src=${mac.web1},dl_dst=${to},` +
      `ipv6_src=${ip6.web1},ipv6_dst=${target},nd_target=${target},nd_sll=${mac.web1}`;
    for (const [packet, expected] of [
      [arp('10.1.0.12', '10.1.0.11', mac.web2), [2]],
      [arp('10.1.0.13', '10.1.0.11', mac.web3), [32_002]],
      [question(mac.web2, ip6.web2), [2]],
      [arp('10.1.0.1', '10.1.0.11', mac.gatewayWeb), ['back']],
      [question(mac.gatewayWeb, 'fd00:1::1'), ['back']],
    ] as const) {
      const { outputs, drops } = await network().trace('hv1', packet);
      assert.deepEqual([outputs, drops], [expected, []], packet);
    }
  });

  it('does not answer for a port that is nowhere: another may have taken its address over', async () => {
    const virtual = { ip: '10.1.0.200', ip6: 'fd00:1::ff:fe00:10f' } as const;
    const reserved = twoHostNetwork().port('virtual', 'web', '02:00:00:00:01:0f', [virtual.ip, virtual.ip6]);
    await network().load(reserved.compile(), 'hv1');
    for (const packet of [arp(virtual.ip), solicit(virtual.ip6)]) {
      const { outputs, drops } = await network().trace('hv1', packet);
      assert.deepEqual([outputs, drops], [[], ['unknown_neighbour']], packet);
    }
    const keeper = reserved.port('keeper', 'web', '02:00:00:00:01:0b', ['10.1.0.21'], ['hv1', 4], {
      allowedAddresses: [{ mac: null, cidr: `${virtual.ip}/32` }],
    });
    await network().load(keeper.compile(), 'hv1');
    assert.deepEqual((await network().trace('hv1', arp(virtual.ip))).outputs, [2, 4, 32_002]);
    await network().load(twoHostNetwork().compile(), 'hv1');
  });

  it('does not answer for an address that merely looks like the EUI-64 address of a MAC', async () => {
    for (const address of ['fd00:1::ff:fe00:999', 'fd00:7::ff:fe00:103', 'fd00:2::ff:fe00:103', '10.1.0.99']) {
      const { outputs, drops } = await network().trace('hv1', address.includes(':') ? solicit(address) : arp(address));
      assert.deepEqual([outputs, drops], [[], ['unknown_neighbour']], address);
    }
  });

  it('passes questions on where a port may have addresses that nobody has listed, and to the owner of a MAC', async () => {
    const unicast = await network().trace('hv1', arp('10.1.0.99', '10.1.0.11', mac.web2));
    assert.deepEqual(unicast.outputs, [2]);
    const open = twoHostNetwork().port('any', 'web', '02:00:00:00:01:0a', [], ['hv1', 4]);
    await network().load(open.compile(), 'hv1');
    assert.deepEqual((await network().trace('hv1', arp('10.1.0.99'))).outputs, [2, 4, 32_002]);
    assert.deepEqual((await network().trace('hv1', arp('10.1.0.13'))).outputs, ['back']);
  });
});
