/**
 * Two hypervisors and a host outside on one physical network, all in one Open vSwitch, so that a trace follows a packet the whole way:
 *
 *   hv1 ═ patch ═ ex1 (NORMAL) ═ wire ═ ex2 (NORMAL) ═ patch ═ hv2
 *                  └─ port 1: outside, all VLANs
 */
import assert from 'node:assert/strict';
import { providerOfport } from '../../../src/model/provider-ports.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { usesTracedNetwork } from './traced-network.js';

const mac = {
  a: '02:00:00:00:01:01',
  b: '02:00:00:00:01:02',
  far: '02:00:00:00:01:03',
  flat: '02:00:00:00:02:01',
  flatFar: '02:00:00:00:02:02',
  router: '0a:00:00:00:00:01',
  outside: '02:aa:00:00:00:01',
  broadcast: 'ff:ff:ff:ff:ff:ff',
} as const;

const bridgeMappings = [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }];

describe('Two hypervisors on a physical network, on Open vSwitch', function () {
  this.timeout(60_000);
  const network = usesTracedNetwork(['hv1', 'hv2']);

  before(async () => {
    await network().addNormalBridge('ex1', [1]);
    await network().addNormalBridge('ex2', []);
    await network().join(['hv1', providerOfport(1)], ['ex1', 11]);
    await network().join(['hv2', providerOfport(1)], ['ex2', 11]);
    await network().join(['ex1', 12], ['ex2', 12]);
    await network().load(provided().compile(), 'hv1', 'hv2');
  });

  function provided(): NetworkBuilder {
    return new NetworkBuilder()
      .hypervisor('hv1', { bridgeMappings })
      .hypervisor('hv2', { bridgeMappings })
      .providerSwitch('tagged', 'physnet1', 100, '203.0.113.0/24')
      .providerSwitch('flat', 'physnet1', null, '198.51.100.0/24')
      .router('edge')
      .attach('edge-tagged', 'edge', 'tagged', mac.router, ['203.0.113.1/24'])
      .attach('edge-flat', 'edge', 'flat', '0a:00:00:00:00:02', ['198.51.100.1/24'])
      .port('a', 'tagged', mac.a, ['203.0.113.11'], ['hv1', 1])
      .port('b', 'tagged', mac.b, ['203.0.113.12'], ['hv1', 2])
      .port('flat', 'flat', mac.flat, ['198.51.100.11'], ['hv1', 3])
      .port('far', 'tagged', mac.far, ['203.0.113.13'], ['hv2', 1])
      .port('flat far', 'flat', mac.flatFar, ['198.51.100.12'], ['hv2', 2]);
  }

  const udp = (src: string, dst: string, from: string, to: string): string =>
    `udp,nw_ttl=64,dl_src=${src},dl_dst=${dst},nw_src=${from},nw_dst=${to}`;

  async function assertReaches(bridge: string, packet: string, expected: readonly string[]): Promise<void> {
    const { copies, text } = await network().wayOf(bridge, packet);
    assert.deepEqual(copies.toSorted(), expected.toSorted(), text);
  }

  it('brings a frame to the port of another hypervisor, and by the flood of the physical network to the host outside', async () => {
    await assertReaches('hv1', `in_port=1,${udp(mac.a, mac.far, '203.0.113.11', '203.0.113.13')}`, [
      'ex1-1 with 100',
      'hv2-1',
    ]);
    await assertReaches('hv2', `in_port=2,${udp(mac.flatFar, mac.flat, '198.51.100.12', '198.51.100.11')}`, [
      'ex1-1',
      'hv1-3',
    ]);
  });

  it('brings a frame from outside to the one port that it is for', async () => {
    const tagged = udp(mac.outside, mac.far, '203.0.113.99', '203.0.113.13');
    await assertReaches('ex1', `in_port=1,dl_vlan=100,${tagged}`, ['hv2-1']);
    await assertReaches('ex1', `in_port=1,dl_vlan=101,${tagged}`, []);
    await assertReaches('ex1', `in_port=1,${tagged}`, []);
    const flat = udp(mac.outside, mac.flat, '198.51.100.99', '198.51.100.11');
    await assertReaches('ex1', `in_port=1,${flat}`, ['hv1-3']);
  });

  it('gives everybody one copy of a broadcast, whoever sends it, and lets nothing go round', async () => {
    const to = '203.0.113.255';
    const fromA = udp(mac.a, mac.broadcast, '203.0.113.11', to);
    await assertReaches('hv1', `in_port=1,${fromA}`, ['hv1-2', 'ex1-1 with 100', 'hv2-1']);
    const fromFar = udp(mac.far, mac.broadcast, '203.0.113.13', to);
    await assertReaches('hv2', `in_port=1,${fromFar}`, ['hv1-1', 'hv1-2', 'ex1-1 with 100']);
    const outside = udp(mac.outside, mac.broadcast, '203.0.113.99', to);
    await assertReaches('ex1', `in_port=1,dl_vlan=100,${outside}`, ['hv1-1', 'hv1-2', 'hv2-1']);
    await assertReaches('ex1', `in_port=1,${outside}`, ['hv1-3', 'hv2-2']);
  });

  it('shows nothing of a router, whose packets go through tunnels between the hypervisors', async () => {
    const routed = udp(mac.a, mac.router, '203.0.113.11', '198.51.100.12');
    const { tunnels, outputs, text } = await network().trace('hv1', `in_port=1,${routed}`);
    assert.deepEqual([tunnels, outputs.filter(port => port === providerOfport(1))], [['192.0.2.2'], []], text);
    const question = `arp,dl_vlan=100,dl_src=${mac.outside},dl_dst=${mac.broadcast},arp_op=1,arp_sha=${mac.outside}`;
    await assertReaches('ex1', `in_port=1,${question},arp_spa=203.0.113.99,arp_tpa=203.0.113.1`, [
      'hv1-1',
      'hv1-2',
      'hv2-1',
    ]);
  });
});
