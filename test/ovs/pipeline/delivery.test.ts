import assert from 'node:assert/strict';
import { TUNNEL_OFPORTS } from '../../../src/model/tunnel-ports.js';
import { usesTracedNetwork } from './traced-network.js';
import { ip6, mac, twoHostNetwork } from '../../compiler/two-host-network.js';

const ip4 = (source: string, destination: string, from: string, to: string): string =>
  `icmp,icmp_type=8,nw_ttl=64,dl_src=${source},dl_dst=${destination},nw_src=${from},nw_dst=${to}`;
const broadcast = 'ff:ff:ff:ff:ff:ff';

describe('A logical switch on Open vSwitch', function () {
  this.timeout(30_000);
  const network = usesTracedNetwork(['hv1', 'hv2']);
  before(() => network().load(twoHostNetwork().compile(), 'hv1', 'hv2'));

  it('delivers unicast on the same hypervisor', async () => {
    const { outputs, visits } = await network().trace(
      'hv1',
      `in_port=1,${ip4(mac.web1, mac.web2, '10.1.0.11', '10.1.0.12')}`,
    );
    assert.deepEqual(outputs, [2]);
    assert.ok(visits <= 15, `${visits} table visits`);
  });

  it('delivers IPv6 unicast on the same hypervisor', async () => {
    const packet = `in_port=1,icmp6,icmpv6_type=128,nw_ttl=64,dl_src=${mac.web1},dl_dst=${mac.web2},ipv6_src=${ip6.web1},ipv6_dst=${ip6.web2}`;
    assert.deepEqual((await network().trace('hv1', packet)).outputs, [2]);
  });

  it('sends unicast to the hypervisor of the port, in the encapsulation of the receiver', async () => {
    const packet = ip4(mac.web1, mac.web3, '10.1.0.11', '10.1.0.13');
    const sent = await network().trace('hv1', `in_port=1,${packet}`);
    assert.deepEqual(sent.outputs, [TUNNEL_OFPORTS.vxlan]);
    assert.deepEqual(sent.tunnels, ['192.0.2.2']);
    assert.match(sent.text, /NXM_NX_TUN_ID\[\] is now 0x1$/m);
    const received = await network().trace('hv2', `in_port=${TUNNEL_OFPORTS.vxlan},tun_id=1,${packet}`);
    assert.deepEqual(received.outputs, [1]);
    const answer = await network().trace('hv2', `in_port=1,${ip4(mac.web3, mac.web1, '10.1.0.13', '10.1.0.11')}`);
    assert.deepEqual(answer.outputs, [TUNNEL_OFPORTS.geneve]);
  });

  it('floods broadcast and multicast to the ports here and to every other hypervisor with ports, and not on from there', async () => {
    for (const destination of [broadcast, '33:33:00:00:00:fb', '01:00:5e:00:00:fb']) {
      const packet = ip4(mac.web1, destination, '10.1.0.11', '10.1.0.255');
      const sent = await network().trace('hv1', `in_port=1,${packet}`);
      assert.deepEqual(sent.outputs, [2, TUNNEL_OFPORTS.vxlan], destination);
      const received = await network().trace('hv2', `in_port=${TUNNEL_OFPORTS.vxlan},tun_id=1,${packet}`);
      assert.deepEqual(received.outputs, [1], destination);
      assert.deepEqual(received.tunnels, []);
      assert.deepEqual([...sent.drops, ...received.drops], []);
    }
  });

  it('drops what it cannot deliver, and says why', async () => {
    const cases: readonly (readonly [bridge: string, packet: string, reason: string])[] = [
      ['hv1', `in_port=1,${ip4(mac.web1, '02:00:00:00:09:09', '10.1.0.11', '10.1.0.99')}`, 'unknown_destination'],
      ['hv1', `in_port=1,${ip4(mac.web1, mac.web1, '10.1.0.11', '10.1.0.11')}`, 'reflection'],
      ['hv1', `in_port=4,${ip4(mac.web1, mac.web2, '10.1.0.11', '10.1.0.12')}`, 'unknown_interface'],
      ['hv1', `in_port=32001,tun_id=1,${ip4(mac.web1, mac.web3, '10.1.0.11', '10.1.0.13')}`, 'stale_location'],
      ['hv1', `in_port=32001,tun_id=99,${ip4(mac.web1, broadcast, '10.1.0.11', '10.1.0.13')}`, 'unknown_datapath'],
      ['hv1', `in_port=32001,tun_id=99,${ip4(mac.web1, mac.web2, '10.1.0.11', '10.1.0.13')}`, 'unknown_destination'],
      ['hv1', `in_port=1,dl_type=0x88cc,dl_src=${mac.web1},dl_dst=01:80:c2:00:00:0e`, 'reserved_multicast'],
    ];
    for (const [bridge, packet, reason] of cases) {
      const { drops, outputs } = await network().trace(bridge, packet);
      assert.deepEqual({ drops, outputs }, { drops: [reason], outputs: [] }, packet);
    }
  });

  it('leads nothing from a tunnel into a router or another tunnel', async () => {
    const toRouter = ip4(mac.web3, mac.gatewayWeb, '10.1.0.13', '10.2.0.21');
    const { drops, outputs } = await network().trace('hv1', `in_port=32001,tun_id=1,${toRouter}`);
    assert.deepEqual({ drops, outputs }, { drops: ['stale_location'], outputs: [] });
  });

  it('drops in both directions at a disabled port, and for a port that is not bound', async () => {
    const disabled = twoHostNetwork()
      .port('off', 'web', '02:00:00:00:01:0f', ['10.1.0.15'], ['hv1', 4], { enabled: false })
      .port('nowhere', 'web', '02:00:00:00:01:0e', ['10.1.0.14']);
    await network().load(disabled.compile(), 'hv1');
    const out = await network().trace(
      'hv1',
      `in_port=4,${ip4('02:00:00:00:01:0f', mac.web1, '10.1.0.15', '10.1.0.11')}`,
    );
    assert.deepEqual([out.outputs, out.drops], [[], ['port_disabled']]);
    const into = await network().trace(
      'hv1',
      `in_port=1,${ip4(mac.web1, '02:00:00:00:01:0f', '10.1.0.11', '10.1.0.15')}`,
    );
    assert.deepEqual([into.outputs, into.drops], [[], ['port_disabled']]);
    const flooded = await network().trace('hv1', `in_port=1,${ip4(mac.web1, broadcast, '10.1.0.11', '10.1.0.255')}`);
    assert.deepEqual([flooded.outputs, flooded.drops], [[2, TUNNEL_OFPORTS.vxlan], []]);
    const unbound = await network().trace(
      'hv1',
      `in_port=1,${ip4(mac.web1, '02:00:00:00:01:0e', '10.1.0.11', '10.1.0.14')}`,
    );
    assert.deepEqual([unbound.outputs, unbound.drops], [[], ['port_not_bound']]);
  });
});
