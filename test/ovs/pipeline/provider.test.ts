/** Logical switches that are part of physical networks: the way of packets in and out, as Open vSwitch traces it. */
import assert from 'node:assert/strict';
import { providerOfport } from '../../../src/model/provider-ports.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { type Trace, usesTracedNetwork } from './traced-network.js';

const [physnet1, physnet2] = [providerOfport(1), providerOfport(2)] as const;
const mac = {
  a: '02:00:00:00:01:01',
  b: '02:00:00:00:01:02',
  far: '02:00:00:00:01:03',
  flat: '02:00:00:00:02:01',
  other: '02:00:00:00:03:01',
  overlay: '02:00:00:00:04:01',
  router: '0a:00:00:00:00:01',
  outside: '02:aa:00:00:00:01',
  broadcast: 'ff:ff:ff:ff:ff:ff',
} as const;

const mapped = {
  bridgeMappings: [
    { physicalNetwork: 'physnet1', bridge: 'br-ex' },
    { physicalNetwork: 'physnet2', bridge: 'br-other' },
  ],
} as const;

/** VLAN 100 of two physical networks, and the untagged part of one; a router between the first and an ordinary switch. */
function provided(hv1: object = mapped): NetworkBuilder {
  return new NetworkBuilder()
    .hypervisor('hv1', hv1)
    .hypervisor('hv2', mapped)
    .providerSwitch('tagged', 'physnet1', 100, '203.0.113.0/24', 'fd00:5::/64')
    .providerSwitch('flat', 'physnet1', null, '198.51.100.0/24')
    .providerSwitch('other', 'physnet2', 100, '203.0.113.0/24')
    .logicalSwitch('overlay', '10.4.0.0/24')
    .router('edge')
    .attach('edge-tagged', 'edge', 'tagged', mac.router, ['203.0.113.1/24', 'fd00:5::1/64'])
    .attach('edge-overlay', 'edge', 'overlay', '0a:00:00:00:00:02', ['10.4.0.1/24'])
    .port('a', 'tagged', mac.a, ['203.0.113.11', 'fd00:5::ff:fe00:101'], ['hv1', 1])
    .port('b', 'tagged', mac.b, ['203.0.113.12'], ['hv1', 2])
    .port('far', 'tagged', mac.far, ['203.0.113.13'], ['hv2', 1])
    .port('flat', 'flat', mac.flat, ['198.51.100.11'], ['hv1', 3])
    .port('other', 'other', mac.other, ['203.0.113.11'], ['hv1', 4])
    .port('overlay', 'overlay', mac.overlay, ['10.4.0.11'], ['hv1', 5]);
}

/** The ports that get copies, in the order of text. */
const portsOf = ({ outputs }: Trace): readonly string[] => outputs.map(String).toSorted();

/** The tags with which a traced packet leaves, in order; null: none. */
function tagsOf({ text }: Trace): readonly (number | null)[] {
  const actions = /^Datapath actions: (?<actions>.*)$/m.exec(text)?.groups?.['actions'] ?? '';
  return [...actions.matchAll(/push_vlan\(vid=(\d+)/g)].map(([, vid]) => Number(vid));
}

const udp = (src: string, dst: string, from: string, to: string): string =>
  `udp,nw_ttl=64,dl_src=${src},dl_dst=${dst},nw_src=${from},nw_dst=${to}`;
const arpRequest = (sender: string, from: string, to: string): string =>
  `arp,dl_src=${sender},dl_dst=${mac.broadcast},arp_op=1,arp_sha=${sender},arp_spa=${from},arp_tpa=${to}`;
const solicitation = (sender: string, from: string, target: string): string =>
  `icmp6,icmpv6_type=135,icmpv6_code=0,nw_ttl=255,dl_src=${sender},dl_dst=33:33:ff:00:00:99,ipv6_src=${from},ipv6_dst=ff02::1:ff00:99,nd_target=${target},nd_sll=${sender}`;

describe('Physical networks on Open vSwitch', function () {
  this.timeout(60_000);
  const network = usesTracedNetwork(['hv1'], 5);

  describe('with a bridge for them', () => {
    before(() => network().load(provided().compile(), 'hv1'));

    /** A trace from an interface, or with a VLAN from a physical network. */
    const trace = (port: number, packet: string, vlan: number | null = null): Promise<Trace> =>
      network().trace('hv1', `in_port=${port},${vlan === null ? '' : `dl_vlan=${vlan},`}${packet}`);

    it('get what is for nobody here, and for ports of other hypervisors, with the tag of the VLAN', async () => {
      for (const [dst, to] of [
        [mac.outside, '203.0.113.99'],
        [mac.far, '203.0.113.13'],
      ] as const) {
        const out = await trace(1, udp(mac.a, dst, '203.0.113.11', to));
        assert.deepEqual([out.outputs, out.tunnels, tagsOf(out)], [[physnet1], [], [100]], out.text);
      }
      const flat = await trace(3, udp(mac.flat, mac.outside, '198.51.100.11', '198.51.100.99'));
      assert.deepEqual([flat.outputs, tagsOf(flat)], [[physnet1], []]);
      const other = await trace(4, udp(mac.other, mac.outside, '203.0.113.11', '203.0.113.99'));
      assert.deepEqual([other.outputs, tagsOf(other)], [[physnet2], [100]]);
    });

    it('give each frame to the switch of its VLAN and network, without the tag', async () => {
      const toA = udp(mac.outside, mac.a, '203.0.113.99', '203.0.113.11');
      const tagged = await trace(physnet1, toA, 100);
      assert.deepEqual([tagged.outputs, tagged.drops], [[1], []], tagged.text);
      assert.match(tagged.text, /^Datapath actions: pop_vlan,\d+$/m);
      const toFlat = udp(mac.outside, mac.flat, '198.51.100.99', '198.51.100.11');
      assert.deepEqual((await trace(physnet1, toFlat)).outputs, [3]);
      // A tag that says only how urgent a frame is names no VLAN.
      assert.deepEqual((await trace(physnet1, `dl_vlan_pcp=3,${toFlat}`, 0)).outputs, [3]);
      // The same VLAN of another network is another one, and so is what has no tag.
      for (const [port, vlan] of [
        [physnet2, 100],
        [physnet1, null],
      ] as const) {
        const { outputs, drops } = await trace(port, toA, vlan);
        assert.deepEqual([outputs, drops], [[], ['physical_elsewhere']]);
      }
      for (const [port, vlan] of [
        [physnet1, 101],
        [physnet2, null],
      ] as const) {
        const { outputs, drops } = await trace(port, toA, vlan);
        assert.deepEqual([outputs, drops], [[], ['unknown_vlan']]);
      }
    });

    it('get one copy of a broadcast, and none back of what came from there', async () => {
      const words = udp(mac.a, mac.broadcast, '203.0.113.11', '203.0.113.255');
      const out = await trace(1, words);
      assert.deepEqual([portsOf(out), tagsOf(out), out.drops], [['2', `${physnet1}`], [100], []], out.text);
      const into = await trace(physnet1, udp(mac.outside, mac.broadcast, '203.0.113.99', '203.0.113.255'), 100);
      assert.deepEqual([portsOf(into), into.drops], [['1', '2'], []], into.text);
      for (const dst of [mac.outside, mac.far]) {
        const flooded = await trace(physnet1, udp('02:aa:00:00:00:02', dst, '203.0.113.98', '203.0.113.99'), 100);
        assert.deepEqual([flooded.outputs, flooded.drops], [[], ['physical_elsewhere']]);
      }
    });

    it('are asked for addresses that no port has, and get their questions answered by the ports themselves', async () => {
      const outside = await trace(1, arpRequest(mac.a, '203.0.113.11', '203.0.113.99'));
      assert.deepEqual(portsOf(outside), ['2', `${physnet1}`], outside.text);
      const outside6 = await trace(1, solicitation(mac.a, 'fd00:5::ff:fe00:101', 'fd00:5::99'));
      assert.deepEqual(portsOf(outside6), ['2', `${physnet1}`], outside6.text);
      const known = await trace(1, arpRequest(mac.a, '203.0.113.11', '203.0.113.13'));
      assert.deepEqual(known.outputs, ['back'], known.text);
      for (const tpa of ['203.0.113.11', '203.0.113.13', '203.0.113.1']) {
        const asked = await trace(physnet1, arpRequest(mac.outside, '203.0.113.99', tpa), 100);
        assert.deepEqual(portsOf(asked), ['1', '2'], `${tpa}: ${asked.text}`);
      }
      const asked6 = await trace(physnet1, solicitation(mac.outside, 'fd00:5::99', 'fd00:5::1'), 100);
      assert.deepEqual(portsOf(asked6), ['1', '2']);
    });

    it('never see a router, which serves the ports of the switch, on other hypervisors through tunnels', async () => {
      const toRouter = udp(mac.a, mac.router, '203.0.113.11', '10.4.0.11');
      assert.deepEqual((await trace(1, toRouter)).outputs, [5]);
      assert.deepEqual((await trace(1, arpRequest(mac.a, '203.0.113.11', '203.0.113.1'))).outputs, ['back']);
      const back = (to: string): string => udp(mac.overlay, '0a:00:00:00:00:02', '10.4.0.11', to);
      assert.deepEqual((await trace(5, back('203.0.113.11'))).outputs, [1]);
      const { tunnels, outputs, text } = await trace(5, back('203.0.113.13'));
      assert.deepEqual([tunnels, outputs.includes(physnet1)], [['192.0.2.2'], false], text);
      const unresolved = await trace(5, back('203.0.113.99'));
      assert.deepEqual([unresolved.outputs, unresolved.drops], [[], ['neighbour_unresolved']]);
      const fromOutside = await trace(physnet1, udp(mac.outside, mac.router, '203.0.113.99', '10.4.0.11'), 100);
      assert.deepEqual([fromOutside.outputs, fromOutside.drops], [[], ['physical_elsewhere']]);
    });

    it('are never reached by spanning tree and its like', async () => {
      const stp = await trace(1, `dl_src=${mac.a},dl_dst=01:80:c2:00:00:00,dl_type=0x1234`);
      assert.deepEqual(stp.outputs, []);
      const into = await trace(physnet1, `dl_src=${mac.outside},dl_dst=01:80:c2:00:00:0e,dl_type=0x88cc`);
      assert.deepEqual([into.outputs, into.drops], [[], ['reserved_multicast']]);
    });
  });

  it('without a bridge get nothing, and the drop says why', async () => {
    await network().load(provided({}).compile(), 'hv1');
    for (const dst of [mac.outside, mac.far, mac.broadcast]) {
      const { drops, outputs } = await network().trace(
        'hv1',
        `in_port=1,${udp(mac.a, dst, '203.0.113.11', '203.0.113.99')}`,
      );
      assert.deepEqual([outputs, drops], [dst === mac.broadcast ? [2] : [], ['physical_network_unmapped']]);
    }
    const local = await network().trace('hv1', `in_port=1,${udp(mac.a, mac.b, '203.0.113.11', '203.0.113.12')}`);
    assert.deepEqual(local.outputs, [2]);
  });

  it('teach a switch that learns where a MAC is, also when it has left a port', async () => {
    const nested = { portSecurity: false, unknownMacs: true } as const;
    const learning = new NetworkBuilder()
      .hypervisor('hv1', mapped)
      .providerSwitch('lan', 'physnet1', 100)
      .port('nested', 'lan', mac.a, [], ['hv1', 1], nested)
      .port('second', 'lan', mac.b, [], ['hv1', 2], nested);
    await network().load(learning.compile(), 'hv1');
    const guest = '02:bb:00:00:00:01';
    const eth = (src: string, dst: string): string => `eth(src=${src},dst=${dst})`;
    const payload = 'eth_type(0x1234)';
    const from = (port: number, src: string, dst: string): Promise<Trace> =>
      network().trace('hv1', `in_port=${port},dl_src=${src},dl_dst=${dst},dl_type=0x1234`);
    assert.deepEqual(portsOf(await from(2, mac.b, guest)), ['1', `${physnet1}`]);
    await network().send('hv1', 1, `in_port(1),${eth(guest, mac.b)},${payload}`);
    assert.deepEqual((await from(2, mac.b, guest)).outputs, [1]);
    const vlan = `eth_type(0x8100),vlan(vid=100,pcp=0),encap(${payload})`;
    await network().send('hv1', physnet1, `in_port(${physnet1}),${eth(guest, mac.b)},${vlan}`);
    assert.deepEqual((await from(2, mac.b, guest)).outputs, [physnet1]);
    const known = await network().trace('hv1', `in_port=${physnet1},dl_vlan=100,dl_src=${mac.outside},dl_dst=${guest}`);
    assert.deepEqual([known.outputs, known.drops], [[], ['physical_elsewhere']], known.text);
  });
});
