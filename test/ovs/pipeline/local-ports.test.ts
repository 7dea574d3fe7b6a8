/** Local ports: one address on every hypervisor, and nothing of it between them, as Open vSwitch traces it. */
import assert from 'node:assert/strict';
import { providerOfport } from '../../../src/model/provider-ports.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { usesTracedNetwork } from './traced-network.js';

const mac = {
  guest: '02:00:00:00:01:01',
  far: '02:00:00:00:01:02',
  metadata: '02:00:00:00:01:03',
  other: '02:00:00:00:02:01',
  farther: '02:00:00:00:02:02',
  plain: '02:00:00:00:03:01',
  router: '0a:00:00:00:00:01',
  broadcast: 'ff:ff:ff:ff:ff:ff',
} as const;
const [guest, metadata, other, plain] = [1, 2, 3, 4] as const;
const ADDRESS = '169.254.169.254';
const ADDRESS_6 = 'fe80::a9fe:a9fe';

function network(on: readonly string[]): NetworkBuilder {
  const builder = new NetworkBuilder()
    .hypervisor('hv1', { bridgeMappings: [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }] })
    .hypervisor('hv2')
    .logicalSwitch('web', '10.1.0.0/24', 'fd00:1::/64')
    .logicalSwitch('db', '10.2.0.0/24')
    .providerSwitch('lan', 'physnet1', null, '198.51.100.0/24')
    .router('edge')
    .attach('edge-web', 'edge', 'web', mac.router, ['10.1.0.1/24', 'fd00:1::1/64'])
    .attach('edge-db', 'edge', 'db', '0a:00:00:00:00:02', ['10.2.0.1/24'])
    .attach('edge-lan', 'edge', 'lan', '0a:00:00:00:00:03', ['198.51.100.1/24'])
    .port('guest', 'web', mac.guest, ['10.1.0.11', 'fd00:1::11'], ['hv1', guest])
    .port('far', 'web', mac.far, ['10.1.0.12'], ['hv2', 1])
    .port('other', 'db', mac.other, ['10.2.0.11'], ['hv1', other])
    .port('farther', 'db', mac.farther, ['10.2.0.12'], ['hv2', 3])
    .port('plain', 'lan', mac.plain, ['198.51.100.11'], ['hv1', plain])
    .port('metadata', 'web', mac.metadata, ['10.1.0.2'], undefined, { local: { addresses: [ADDRESS, ADDRESS_6] } })
    .port('metadata lan', 'lan', mac.metadata, ['198.51.100.2'], undefined, { local: { addresses: [ADDRESS] } });
  for (const hypervisorId of on) builder.bind('metadata', hypervisorId, metadata).bind('metadata lan', hypervisorId, 5);
  return builder;
}

const udp = (src: string, dst: string, from: string, to: string): string =>
  `udp,nw_ttl=64,dl_src=${src},dl_dst=${dst},nw_src=${from},nw_dst=${to}`;
const question = (sender: string, from: string, target: string): string =>
  `arp,dl_src=${sender},dl_dst=${mac.broadcast},arp_op=1,arp_sha=${sender},arp_spa=${from},arp_tpa=${target}`;

describe('Local ports on Open vSwitch', function () {
  this.timeout(60_000);
  const traced = usesTracedNetwork(['hv1'], 5);

  const trace = (port: number, packet: string) => traced().trace('hv1', `in_port=${port},${packet}`);

  describe('where an interface claims them', () => {
    before(() => traced().load(network(['hv1', 'hv2']).compile(), 'hv1'));

    it('are reached by their own address, by the link-local ones, and by whatever router a workload has', async () => {
      for (const [dst, to] of [
        [mac.metadata, '10.1.0.2'],
        [mac.metadata, ADDRESS],
        [mac.router, ADDRESS],
      ] as const) {
        const { outputs, drops, text } = await trace(guest, udp(mac.guest, dst, '10.1.0.11', to));
        assert.deepEqual([outputs, drops], [[metadata], []], text);
      }
      const routed = await trace(guest, udp(mac.guest, mac.router, '10.1.0.11', ADDRESS));
      assert.equal(routed.final.get('dl_dst'), mac.metadata);
      const six =
        `udp6,nw_ttl=64,dl_src=${mac.guest},dl_dst=${mac.metadata},ipv6_src=fe80::ff:fe00:101,ipv6_dst=${ADDRESS_6}` as const;
      assert.deepEqual((await trace(guest, six)).outputs, [metadata]);
      // Another switch of the same router has none: there it stays an address that nobody routes.
      const elsewhere = await trace(other, udp(mac.other, '0a:00:00:00:00:02', '10.2.0.11', ADDRESS));
      assert.deepEqual([elsewhere.outputs, elsewhere.drops], [[], ['no_route']]);
    });

    it('are answered for, and get no broadcasts', async () => {
      for (const address of [ADDRESS, '10.1.0.2']) {
        const { outputs, final } = await trace(guest, question(mac.guest, '10.1.0.11', address));
        assert.deepEqual([outputs, final.get('arp_sha')], [['back'], mac.metadata], address);
      }
      const solicitation =
        `icmp6,icmpv6_type=135,icmpv6_code=0,nw_ttl=255,dl_src=${mac.guest},dl_dst=33:33:ff:fe:a9:fe,` +
        `ipv6_src=fd00:1::11,ipv6_dst=ff02::1:fffe:a9fe,nd_target=${ADDRESS_6},nd_sll=${mac.guest}`;
      const answer = await trace(guest, solicitation);
      assert.deepEqual([answer.outputs, answer.final.get('nd_tll')], [['back'], mac.metadata]);
      const shout = await trace(guest, udp(mac.guest, mac.broadcast, '10.1.0.11', '10.1.0.255'));
      assert.deepEqual(shout.outputs, [32_001]);
    });

    it('speak to the workloads of their hypervisor and to nobody else', async () => {
      const near = await trace(metadata, udp(mac.metadata, mac.guest, ADDRESS, '10.1.0.11'));
      assert.deepEqual([near.outputs, near.drops], [[guest], []]);
      const far = await trace(metadata, udp(mac.metadata, mac.far, ADDRESS, '10.1.0.12'));
      assert.deepEqual([far.outputs, far.drops], [[], ['local_port_only']]);
      const routed = await trace(metadata, udp(mac.metadata, mac.router, '10.1.0.2', '10.2.0.11'));
      assert.deepEqual([routed.outputs, routed.drops], [[other], []]);
      const routedFar = await trace(metadata, udp(mac.metadata, mac.router, '10.1.0.2', '10.2.0.12'));
      assert.deepEqual([routedFar.outputs, routedFar.drops], [[], ['local_port_only']]);
      const shout = await trace(metadata, udp(mac.metadata, mac.broadcast, '10.1.0.2', '10.1.0.255'));
      assert.deepEqual([shout.outputs, shout.drops], [[guest], []]);
    });

    it('keep off the physical network of their switch', async () => {
      const near = await trace(plain, udp(mac.plain, mac.metadata, '198.51.100.11', ADDRESS));
      assert.deepEqual(near.outputs, [5]);
      const outside = await trace(5, udp(mac.metadata, '02:aa:00:00:00:01', '198.51.100.2', '198.51.100.99'));
      assert.deepEqual([outside.outputs, outside.drops], [[], ['local_port_only']]);
      const shout = await trace(5, udp(mac.metadata, mac.broadcast, '198.51.100.2', '198.51.100.255'));
      assert.deepEqual([shout.outputs, shout.drops], [[plain], []]);
      const entry = providerOfport(1);
      const from = await trace(entry, udp('02:aa:00:00:00:01', mac.metadata, '198.51.100.99', ADDRESS));
      assert.deepEqual([from.outputs, from.drops], [[], ['no_local_port']]);
    });

    it('are held to their addresses, and may ask for those', async () => {
      const forged = await trace(metadata, udp(mac.metadata, mac.guest, '10.1.0.66', '10.1.0.11'));
      assert.deepEqual(forged.drops, ['port_security_ipv4']);
      // An announcement of its own address is nobody else's to answer.
      const own = await trace(metadata, question(mac.metadata, ADDRESS, ADDRESS));
      assert.deepEqual(own.outputs, [guest]);
    });
  });

  it('are accounted for where there are none', async () => {
    await traced().load(network(['hv2']).compile(), 'hv1');
    for (const dst of [mac.metadata, mac.router]) {
      const { outputs, drops } = await trace(guest, udp(mac.guest, dst, '10.1.0.11', ADDRESS));
      assert.deepEqual([outputs, drops], [[], ['no_local_port']]);
    }
  });
});
