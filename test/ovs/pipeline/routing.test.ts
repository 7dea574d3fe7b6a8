import assert from 'node:assert/strict';
import { formatActions } from '../../../southbound/openflow/action-text.js';
import { parseIp } from '../../../src/base/address.js';
import { injectionActions } from '../../../src/compiler/punts/punted-packet.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { type Trace, usesTracedNetwork } from './traced-network.js';
import { ip6, mac, twoHostNetwork } from '../../compiler/two-host-network.js';

const toGateway = `in_port=1,dl_src=${mac.web1},dl_dst=${mac.gatewayWeb}`;
const ip4 = (destination: string, ttl = 64): string =>
  `${toGateway},icmp,icmp_type=8,icmp_code=0,nw_ttl=${ttl},nw_src=10.1.0.11,nw_dst=${destination}`;
const ip6Packet = (destination: string, ttl = 64, source: string = ip6.web1): string =>
  `${toGateway},icmp6,icmpv6_type=128,icmpv6_code=0,nw_ttl=${ttl},ipv6_src=${source},ipv6_dst=${destination}`;

function header({ final }: Trace): Readonly<Record<string, string | undefined>> {
  return { source: final.get('dl_src'), destination: final.get('dl_dst'), ttl: final.get('nw_ttl') };
}

describe('A logical router on Open vSwitch', function () {
  this.timeout(30_000);
  const network = usesTracedNetwork(['hv1', 'hv2']);
  before(() => network().load(twoHostNetwork().compile(), 'hv1', 'hv2'));

  it('routes IPv4 and IPv6 to a port here: MACs rewritten, TTL less one', async () => {
    for (const packet of [ip4('10.2.0.21'), ip6Packet(ip6.db1)]) {
      const trace = await network().trace('hv1', packet);
      assert.deepEqual(trace.outputs, [3], packet);
      assert.deepEqual(header(trace), { source: mac.gatewayDb, destination: mac.db1, ttl: '63' });
      assert.ok(trace.visits <= 40, `${trace.visits} table visits`);
    }
  });

  it('routes on the hypervisor where the packet enters, and tunnels in the network of the destination', async () => {
    for (const packet of [ip4('10.2.0.22'), ip6Packet(ip6.db2)]) {
      const trace = await network().trace('hv1', packet);
      assert.deepEqual(trace.tunnels, ['192.0.2.2'], packet);
      assert.match(trace.text, /NXM_NX_TUN_ID\[\] is now 0x2$/m);
      assert.match(trace.text, new RegExp(`ETH_DST\\[\\] is now ${mac.db2}`));
    }
    const routed = `icmp,nw_ttl=63,dl_src=${mac.gatewayDb},dl_dst=${mac.db2},nw_src=10.1.0.11,nw_dst=10.2.0.22`;
    assert.deepEqual((await network().trace('hv2', `in_port=32002,tun_id=2,${routed}`)).outputs, [2]);
  });

  it('answers ping to its addresses, also those of its other ports and its link-local ones', async () => {
    for (const address of ['10.1.0.1', '10.2.0.1']) {
      const trace = await network().trace('hv1', ip4(address, 1));
      assert.deepEqual(trace.outputs, [1]);
      assert.deepEqual(header(trace), { source: mac.gatewayWeb, destination: mac.web1, ttl: '254' });
      assert.deepEqual(
        [trace.final.get('nw_src'), trace.final.get('nw_dst'), trace.final.get('icmp_type')],
        [address, '10.1.0.11', '0'],
      );
    }
    const linkLocal = 'fe80::800:ff:fe00:1';
    for (const [address, source] of [
      ['fd00:1::1', ip6.web1],
      ['fd00:2::1', ip6.web1],
      [linkLocal, 'fe80::ff:fe00:101'],
    ] as const) {
      const trace = await network().trace('hv1', ip6Packet(address, 64, source));
      assert.deepEqual(trace.outputs, [1], address);
      assert.deepEqual(
        [trace.final.get('ipv6_src'), trace.final.get('ipv6_dst'), trace.final.get('icmp_type')],
        [address, source, '129'],
      );
    }
  });

  it('refuses with a reason what it does not route', async () => {
    const cases: readonly (readonly [packet: string, reason: string])[] = [
      [ip4('10.2.0.21', 1), 'ttl_exceeded'],
      [ip6Packet(ip6.db1, 1), 'ttl_exceeded'],
      [ip4('192.168.1.1'), 'no_route'],
      [ip6Packet('fd00:9::1'), 'no_route'],
      [ip4('10.2.0.99'), 'neighbour_unresolved'],
      [ip6Packet('fd00:2::ff:fe00:999'), 'neighbour_unresolved'],
      [ip4('224.1.2.3'), 'router_multicast'],
      [ip4('127.0.0.1'), 'martian_destination'],
      [ip4('0.0.0.5'), 'martian_destination'],
      [ip6Packet('::1'), 'martian_destination'],
      [`${toGateway},tcp,nw_ttl=64,nw_src=10.1.0.11,nw_dst=10.1.0.1,tcp_dst=22`, 'not_for_router'],
      [ip6Packet('fe80::99', 64, 'fe80::ff:fe00:101'), 'link_local_not_routed'],
      [ip6Packet(ip6.db1, 64, 'fe80::ff:fe00:101'), 'link_local_not_routed'],
      [`${toGateway},arp,arp_op=2,arp_spa=10.1.0.11,arp_tpa=10.1.0.1,arp_sha=${mac.web1}`, 'router_not_ip'],
    ];
    for (const [packet, reason] of cases) {
      const { outputs, drops } = await network().trace('hv1', packet);
      assert.deepEqual([outputs, drops], [[], [reason]], packet);
    }
  });

  it('gives Weft what neighbours say that are watched, and to them what Weft says, past routing', async () => {
    const compiled = twoHostNetwork().bfd('four', 'edge-db', '10.2.0.21').bfd('six', 'edge-db', ip6.db1).compile();
    await network().load(compiled, 'hv1');
    const from = `in_port=3,dl_src=${mac.db1},dl_dst=${mac.gatewayDb}`;
    const said = {
      4: [`${from},udp,nw_src=10.2.0.21,nw_dst=10.2.0.1`, 'nw_dst=10.2.0.1', 'nw_dst=10.1.0.1'],
      6: [`${from},udp6,ipv6_src=${ip6.db1},ipv6_dst=fd00:2::1`, 'fd00:2::1', 'fd00:1::1'],
    } as const;
    const toWeft = /Datapath actions: .*controller\(/;
    for (const [packet, own, other] of Object.values(said)) {
      const control = `${packet},udp_src=50000,udp_dst=3784,nw_ttl=255`;
      const { drops, text } = await network().trace('hv1', control);
      assert.deepEqual(drops, [], text);
      assert.match(text, toWeft);
      for (const [stranger, why] of [
        [control.replace('nw_ttl=255', 'nw_ttl=254'), 'somebody has forwarded it'],
        [control.replace('udp_dst=3784', 'udp_dst=3785'), 'another port'],
        [control.replace(own, other), 'another address of the router'],
      ] as const)
        assert.deepEqual((await network().trace('hv1', stranger)).drops, ['not_for_router'], why);
    }
    const datapath = compiled.view.get('logical-switches', 'db')?.datapathKey ?? assert.fail();
    const inPort = compiled.view.get('logical-router-ports', 'edge-db')?.switchPortKey ?? assert.fail();
    for (const [packet, ip] of [
      ['udp,nw_src=10.2.0.1,nw_dst=10.2.0.21', '10.2.0.21'],
      [`udp6,ipv6_src=fd00:2::1,ipv6_dst=${ip6.db1}`, ip6.db1],
    ] as const) {
      const neighbour = parseIp(ip) ?? assert.fail();
      const actions = formatActions(injectionActions({ kind: 'neighbour', datapath, inPort, neighbour }));
      const flow = `in_port=controller,dl_src=${mac.gatewayDb},${packet},nw_ttl=255`;
      const text = await network().appctl('ofproto/trace-packet-out', 'hv1', flow, actions);
      const final = /^Final flow: (?<flow>.*)$/m.exec(text)?.groups?.['flow'] ?? '';
      assert.match(final, new RegExp(`dl_dst=${mac.db1}.*nw_ttl=255`), text);
      assert.match(text, /^Datapath actions: (?!drop).+$/m);
      assert.match(text, /^\s+output:3$|-> output port is 3/m, text);
    }
  });

  it('drops everything while disabled', async () => {
    const disabled = new NetworkBuilder()
      .hypervisor('hv1')
      .logicalSwitch('web', '10.1.0.0/24')
      .router('edge', { enabled: false })
      .attach('edge-web', 'edge', 'web', mac.gatewayWeb, ['10.1.0.1/24'])
      .port('web1', 'web', mac.web1, ['10.1.0.11'], ['hv1', 1]);
    await network().load(disabled.compile(), 'hv1');
    const { outputs, drops } = await network().trace('hv1', ip4('10.1.0.1'));
    assert.deepEqual([outputs, drops], [[], ['router_disabled']]);
  });
});

/** left -- r1 -- transit -- r2 == r3 -- right, where == joins two routers without a switch. */
function routersInARow(): NetworkBuilder {
  const gateway = (n: number): string => `0a:00:00:00:01:0${n}`;
  return new NetworkBuilder()
    .hypervisor('hv1')
    .logicalSwitch('web', '10.1.0.0/24', 'fd00:1::/64')
    .logicalSwitch('transit', '172.16.0.0/24', 'fd00:a::/64')
    .logicalSwitch('right', '10.3.0.0/24', 'fd00:3::/64')
    .router('r1')
    .router('r2')
    .router('r3')
    .attach('r1-web', 'r1', 'web', mac.gatewayWeb, ['10.1.0.1/24', 'fd00:1::1/64'])
    .attach('r1-transit', 'r1', 'transit', gateway(1), ['172.16.0.1/24', 'fd00:a::1/64'])
    .attach('r2-transit', 'r2', 'transit', gateway(2), ['172.16.0.2/24', 'fd00:a::2/64'])
    .peer('r2-r3', 'r2', 'r3-r2', gateway(3), ['172.17.0.0/31', 'fd00:b::/127'])
    .peer('r3-r2', 'r3', 'r2-r3', gateway(4), ['172.17.0.1/31', 'fd00:b::1/127'])
    .attach('r3-right', 'r3', 'right', gateway(5), ['10.3.0.1/24', 'fd00:3::1/64'])
    .route('r1 default', 'r1', '0.0.0.0/0', '172.16.0.2')
    .route('r1 default six', 'r1', '::/0', 'fd00:a::2')
    .route('r1 nothing', 'r1', '10.66.0.0/16', null)
    .route('r1 lost', 'r1', '10.77.0.0/16', '10.99.0.1')
    .route('r2 right', 'r2', '10.3.0.0/16', '172.17.0.1')
    .route('r2 right six', 'r2', 'fd00:3::/64', 'fd00:b::1')
    .route('r2 left', 'r2', '10.1.0.0/24', '172.16.0.1')
    .route('r2 left six', 'r2', 'fd00:1::/64', 'fd00:a::1')
    .route('r3 default', 'r3', '0.0.0.0/0', '172.17.0.0')
    .route('r3 default six', 'r3', '::/0', 'fd00:b::')
    .port('web1', 'web', mac.web1, ['10.1.0.11', ip6.web1], ['hv1', 1])
    .port('right1', 'right', '02:00:00:00:03:01', ['10.3.0.31', 'fd00:3::ff:fe00:301'], ['hv1', 2]);
}

describe('Several routers and static routes on Open vSwitch', function () {
  this.timeout(30_000);
  const network = usesTracedNetwork(['hv1']);
  before(() => network().load(routersInARow().compile(), 'hv1'));

  it('leads through transit switches and peers, and uses a TTL at each router', async () => {
    for (const packet of [ip4('10.3.0.31'), ip6Packet('fd00:3::ff:fe00:301')]) {
      const trace = await network().trace('hv1', packet);
      assert.deepEqual(trace.outputs, [2], packet);
      assert.deepEqual(header(trace), { source: '0a:00:00:00:01:05', destination: '02:00:00:00:03:01', ttl: '61' });
      assert.ok(trace.visits <= 50, `${trace.visits} table visits`);
    }
  });

  it('answers ping to the far router', async () => {
    for (const address of ['172.16.0.2', '172.17.0.1', '10.3.0.1']) {
      const trace = await network().trace('hv1', ip4(address));
      assert.deepEqual([trace.outputs, trace.final.get('nw_src')], [[1], address], address);
    }
  });

  it('gives the reason of a route: discard, a next hop that is nowhere, an address of nobody on a link', async () => {
    for (const [destination, reason] of [
      ['10.66.1.1', 'route_discard'],
      ['10.77.1.1', 'next_hop_unreachable'],
      ['10.3.7.7', 'no_route'],
      ['172.16.0.99', 'neighbour_unresolved'],
    ] as const) {
      const { outputs, drops } = await network().trace('hv1', ip4(destination));
      // r3 has no network 10.3.7.0/24 but a default route back to r2: the packet dies there of its TTL.
      const expected = destination === '10.3.7.7' ? 'ttl_exceeded' : reason;
      assert.deepEqual([outputs, drops], [[], [expected]], destination);
    }
  });
});

describe('Equal-cost routes on Open vSwitch', function () {
  this.timeout(30_000);
  const network = usesTracedNetwork(['hv1']);

  it('spreads connections over the next hops, and keeps each on its own', async () => {
    const ecmp = new NetworkBuilder()
      .hypervisor('hv1')
      .logicalSwitch('web', '10.1.0.0/24')
      .logicalSwitch('out', '10.2.0.0/24')
      .router('edge')
      .attach('edge-web', 'edge', 'web', mac.gatewayWeb, ['10.1.0.1/24'])
      .attach('edge-out', 'edge', 'out', mac.gatewayDb, ['10.2.0.1/24'])
      .route('one', 'edge', '0.0.0.0/0', '10.2.0.21')
      .route('two', 'edge', '0.0.0.0/0', '10.2.0.22')
      .port('web1', 'web', mac.web1, ['10.1.0.11'], ['hv1', 1])
      .port('out1', 'out', mac.db1, ['10.2.0.21'], ['hv1', 2])
      .port('out2', 'out', mac.db2, ['10.2.0.22'], ['hv1', 3]);
    const compiled = ecmp.compile();
    await network().load(compiled, 'hv1');
    const ecmpGroup = compiled
      .host('hv1')
      .groups.find(({ type, buckets }) => type === 'select' && buckets.length === 2);
    assert.ok(ecmpGroup !== undefined);
    const packet = (port: number): string =>
      `in_port(1),eth(src=${mac.web1},dst=${mac.gatewayWeb}),eth_type(0x0800),` +
      `ipv4(src=10.1.0.11,dst=8.8.8.8,proto=17,tos=0,ttl=64,frag=no),udp(src=${port},dst=53)`;
    await network().send('hv1', 1, ...Array.from({ length: 40 }, (_, i) => packet(1000 + i)));
    const counts = async (): Promise<readonly number[]> => {
      const stats = await network().ofctl('dump-group-stats', 'hv1', `group_id=${ecmpGroup.id}`);
      return [...stats.matchAll(/bucket\d+:packet_count=(\d+)/g)].map(([, count]) => Number(count));
    };
    const spread = await counts();
    assert.equal(spread.length, 2);
    assert.ok(
      spread.every(count => count >= 5),
      `${spread.join(' and ')} packets`,
    );
    await network().send('hv1', 1, ...Array.from({ length: 10 }, () => packet(1000)));
    const again = await counts();
    assert.deepEqual(
      again.map((count, i) => count - (spread[i] ?? 0)).toSorted((a, b) => a - b),
      [0, 10],
    );
    // Of those that BFD has found dead none is used, and without any there is no such route.
    const isDead = { finding: { isUp: false, diagnostic: 1, since: '2026-11-22T08:00:00.000Z' } };
    const outputs = async () => {
      await network().load(ecmp.compile(), 'hv1');
      const traces: Trace[] = [];
      for (let port = 1_000; port < 1_008; port += 1)
        traces.push(await network().trace('hv1', ip4('8.8.8.8').replace(/icmp.*nw_ttl/, `udp,udp_src=${port},nw_ttl`)));
      return new Set(traces.flatMap(trace => [...trace.outputs, ...trace.drops]));
    };
    ecmp.bfd('watch one', 'edge-out', '10.2.0.21', isDead).route('near', 'edge', '8.8.8.0/24', '10.2.0.21');
    assert.deepEqual(await outputs(), new Set([3]));
    ecmp.bfd('watch two', 'edge-out', '10.2.0.22', isDead);
    assert.deepEqual(await outputs(), new Set(['no_route']));
  });
});
