/** A router that is outside, on a VLAN of a physical network, and its gateway hv2; hv1 has the workload. */
import assert from 'node:assert/strict';
import { layout } from '../../../src/compiler/pipeline/pipelines.js';
import { lsGatewayLately, lsNeighbourLearned } from '../../../src/compiler/pipeline/switch-ingress.js';
import { providerOfport } from '../../../src/model/provider-ports.js';
import { gatewayTunnelOfport } from '../../../src/model/gateway-tunnels.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import * as frames from '../../fixtures/frames.js';
import type { Trace } from './traced-network.js';
import { usesTracedNetwork } from './traced-network.js';

const mac = {
  w: '02:00:00:00:01:01',
  far: '02:00:00:00:01:02',
  straight: '02:00:00:00:02:01',
  inside: '0a:00:00:00:00:01',
  outside: '0a:00:00:00:00:02',
  nextHop: '02:aa:00:00:00:fe',
  neighbour: '02:aa:00:00:00:09',
  broadcast: 'ff:ff:ff:ff:ff:ff',
} as const;
const physnet1 = providerOfport(1);
const bridgeMappings = [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }];
/** Keys of the datapaths, in the order in which they are made. */
const key = { inside: 1, tagged: 2, router: 3 } as const;
const neighbours = layout.tableOf(lsNeighbourLearned);

function outsideNetwork(hypervisors: readonly string[] | null, draining = false): NetworkBuilder {
  return new NetworkBuilder()
    .hypervisor('hv1', { bridgeMappings, gateway: true })
    .hypervisor('hv2', { bridgeMappings, gateway: true, drain: draining })
    .logicalSwitch('inside', '10.1.0.0/24', 'fd00:1::/64')
    .providerSwitch('tagged', 'physnet1', 100, '203.0.113.0/24', 'fd00:5::/64')
    .router('edge', { gateway: { logicalSwitchId: 'tagged', hypervisors } })
    .attach('edge-inside', 'edge', 'inside', mac.inside, ['10.1.0.1/24', 'fd00:1::1/64'])
    .attach('edge-tagged', 'edge', 'tagged', mac.outside, ['203.0.113.1/24', 'fd00:5::1/64'])
    .route('default', 'edge', '0.0.0.0/0', '203.0.113.254')
    .route('default six', 'edge', '::/0', 'fd00:5::fe')
    .port('w', 'inside', mac.w, ['10.1.0.11', 'fd00:1::11'], ['hv1', 1])
    .port('far', 'inside', mac.far, ['10.1.0.12'], ['hv2', 1])
    .port('straight', 'tagged', mac.straight, ['203.0.113.11'], ['hv1', 2]);
}

const udp = (src: string, dst: string, from: string, to: string): string =>
  `${from.includes(':') ? 'udp6' : 'udp'},nw_ttl=64,dl_src=${src},dl_dst=${dst},` +
  (from.includes(':') ? `ipv6_src=${from},ipv6_dst=${to}` : `nw_src=${from},nw_dst=${to}`);
const fields = ({ final }: Trace, ...names: readonly string[]): readonly (string | undefined)[] =>
  names.map(name => final.get(name));
/** The key under which it goes through a tunnel. */
const tunnelKey = ({ text }: Trace): number => Number(/NXM_NX_TUN_ID\[\] is now (0x[0-9a-f]+)/.exec(text)?.[1] ?? 0);

/** An ARP packet from outside, in the words of ovs-dpctl. */
function arp(op: 1 | 2, sender: string, from: string, to: string): string {
  const tagged = 'eth_type(0x8100),vlan(vid=100,pcp=0),encap(eth_type(0x0806),';
  const content = `arp(sip=${from},tip=${to},op=${op},sha=${sender},tha=00:00:00:00:00:00)`;
  const eth = `eth(src=${sender},dst=${op === 1 ? mac.broadcast : mac.outside})`;
  return `in_port(${physnet1}),${eth},${tagged}${content})`;
}

describe('The gateway of a logical router, on Open vSwitch', function () {
  this.timeout(60_000);
  const network = usesTracedNetwork(['hv1', 'hv2']);
  const load = (...given: Parameters<typeof outsideNetwork>): Promise<void> =>
    network().load(outsideNetwork(...given).compile(), 'hv1', 'hv2');
  const toGateway = `in_port=32001,tun_id=${key.router},tun_src=192.0.2.1`;
  const away = udp(mac.w, mac.inside, '10.1.0.11', '198.51.100.9');
  beforeEach(() => load(['hv2', 'hv1']));

  it('gets what leaves by it, under the key of the router and with its TTL as it was', async () => {
    for (const [from, to] of [
      ['10.1.0.11', '198.51.100.9'],
      ['10.1.0.11', '203.0.113.9'],
      ['fd00:1::11', 'fd00:99::9'],
    ] as const) {
      const sent = await network().trace('hv1', `in_port=1,${udp(mac.w, mac.inside, from, to)}`);
      assert.deepEqual([sent.tunnels, sent.drops], [['192.0.2.2'], []], sent.text);
      assert.deepEqual([tunnelKey(sent), ...fields(sent, 'nw_ttl')], [key.router, '64'], sent.text);
    }
  });

  it('knows neighbours once they have spoken, and sends out with the tag and one hop less', async () => {
    const silent = await network().trace('hv2', `${toGateway},${away}`);
    assert.deepEqual([silent.outputs, silent.drops], [[], ['neighbour_awaited']], silent.text);
    await network().send('hv2', physnet1, arp(1, mac.nextHop, '203.0.113.254', '203.0.113.1'));
    const sent = await network().trace('hv2', `${toGateway},${away}`);
    assert.deepEqual([sent.outputs, sent.drops], [[physnet1], []], sent.text);
    assert.deepEqual(fields(sent, 'dl_src', 'dl_dst', 'nw_ttl', 'dl_vlan'), [mac.outside, mac.nextHop, '63', '100']);
    // From a workload of its own it is the same.
    const own = await network().trace('hv2', `in_port=1,${udp(mac.far, mac.inside, '10.1.0.12', '198.51.100.9')}`);
    assert.deepEqual([own.outputs, ...fields(own, 'dl_dst', 'nw_ttl')], [[physnet1], mac.nextHop, '63'], own.text);
    // A neighbour that answers, or has another MAC now; an address of a port is the port's.
    await network().send('hv2', physnet1, arp(2, mac.neighbour, '203.0.113.254', '203.0.113.1'));
    await network().send('hv2', physnet1, arp(2, mac.neighbour, '203.0.113.11', '203.0.113.1'));
    assert.deepEqual(fields(await network().trace('hv2', `${toGateway},${away}`), 'dl_dst'), [mac.neighbour]);
    const straight = udp(mac.w, mac.inside, '10.1.0.11', '203.0.113.11');
    assert.deepEqual(fields(await network().trace('hv2', `${toGateway},${straight}`), 'dl_dst'), [mac.straight]);
    assert.match(await network().dump('hv2', `table=${neighbours}`), /hard_timeout=14400/);
  });

  it('answers outside for the addresses of the router, and nobody else does', async () => {
    const arpFor = `arp,in_port=${physnet1},dl_vlan=100,dl_src=${mac.nextHop},dl_dst=${mac.broadcast},arp_op=1`;
    const question = `${arpFor},arp_sha=${mac.nextHop},arp_spa=203.0.113.254,arp_tpa=203.0.113.1`;
    const answer = await network().trace('hv2', question);
    assert.deepEqual(answer.outputs, ['back'], answer.text);
    const answered = fields(answer, 'arp_op', 'arp_sha', 'arp_tpa', 'dl_dst', 'dl_vlan');
    assert.deepEqual(answered, ['2', mac.outside, '203.0.113.254', mac.nextHop, '100'], answer.text);
    // All nodes are told who has the address that somebody is about to take, without an option: the question had none.
    for (const [source, target, inOption] of [
      ['fd00:5::fe', 'fd00:5::1', mac.outside],
      ['fe80::aa:ff:fe00:fe', 'fe80::800:ff:fe00:2', mac.outside],
      ['::', 'fd00:5::1', '00:00:00:00:00:00'],
    ] as const) {
      const nd = `icmp6,in_port=${physnet1},dl_vlan=100,dl_src=${mac.nextHop},dl_dst=33:33:ff:00:00:01,ipv6_src=${source}`;
      const solicited = await network().trace('hv2', `${nd},icmpv6_type=135,nd_target=${target},nd_sll=${mac.nextHop}`);
      assert.deepEqual(solicited.outputs, ['back'], solicited.text);
      assert.deepEqual(fields(solicited, 'icmp_type', 'nd_tll', 'dl_vlan'), ['136', inOption, '100'], solicited.text);
    }
    const elsewhere = await network().trace('hv1', question);
    assert.deepEqual(elsewhere.outputs, [2], 'hv1 has the question for its port, and no answer');
  });

  it('lets in what comes for the router, on its way to whatever hypervisor', async () => {
    const packet = `in_port=${physnet1},dl_vlan=100,${udp(mac.nextHop, mac.outside, '198.51.100.9', '10.1.0.11')}`;
    const received = await network().trace('hv2', packet);
    assert.deepEqual([received.tunnels, received.drops], [['192.0.2.1'], []], received.text);
    const routed = [tunnelKey(received), ...fields(received, 'nw_ttl', 'dl_src', 'dl_dst')];
    assert.deepEqual(routed, [key.inside, '63', mac.inside, mac.w], received.text);
    const elsewhere = await network().trace('hv1', packet);
    assert.deepEqual([elsewhere.outputs, elsewhere.drops], [[], ['physical_elsewhere']]);
    await network().send('hv2', physnet1, arp(1, mac.nextHop, '203.0.113.254', '203.0.113.1'));
    const echo = `icmp,nw_ttl=64,icmp_type=8,dl_src=${mac.nextHop},dl_dst=${mac.outside},nw_src=203.0.113.254`;
    const reply = await network().trace('hv2', `in_port=${physnet1},dl_vlan=100,${echo},nw_dst=203.0.113.1`);
    assert.deepEqual(
      [reply.outputs, ...fields(reply, 'icmp_type', 'dl_dst', 'dl_vlan')],
      [[physnet1], '0', mac.nextHop, '100'],
    );
  });

  it('is outside for the ports of its logical switch, too', async () => {
    const question = `arp,in_port=2,dl_src=${mac.straight},dl_dst=${mac.broadcast},arp_op=1,arp_sha=${mac.straight}`;
    const asked = await network().trace('hv1', `${question},arp_spa=203.0.113.11,arp_tpa=203.0.113.1`);
    assert.deepEqual(asked.outputs, ['back'], 'hv1 can be the gateway, and knows its MAC');
    const sent = await network().trace(
      'hv1',
      `in_port=2,${udp(mac.straight, mac.outside, '203.0.113.11', '10.1.0.11')}`,
    );
    assert.deepEqual([sent.outputs, sent.drops], [[physnet1], []], sent.text);
  });

  const packetIn = `in_port=${physnet1},dl_vlan=100,${udp(mac.nextHop, mac.outside, '198.51.100.9', '10.1.0.11')}`;
  const question = `arp,in_port=${physnet1},dl_vlan=100,dl_src=${mac.nextHop},dl_dst=${mac.broadcast},arp_op=1,arp_sha=${mac.nextHop},arp_spa=203.0.113.254,arp_tpa=203.0.113.1`;

  it('is the next where its tunnel is down, without anybody saying so, and lets go when it is back', async () => {
    // Told to the gateway alone, and passed on.
    const answer = `arp,dl_src=${mac.nextHop},dl_dst=${mac.outside},arp_op=2,arp_sha=${mac.nextHop},arp_spa=203.0.113.254,arp_tpa=203.0.113.1`;
    const heard = await network().trace('hv2', `in_port=${physnet1},dl_vlan=100,${answer}`);
    assert.deepEqual([heard.tunnels, tunnelKey(heard), heard.drops], [['192.0.2.1'], key.tagged, []], heard.text);
    const told = frames.arp({ operation: 2, sha: mac.nextHop, spa: '203.0.113.254', tpa: '203.0.113.1' });
    const frame = frames.ethernet({ src: mac.nextHop, dst: mac.outside }, frames.etherType.arp, told);
    await network().sendThroughTunnel('hv1', key.tagged, frame);
    // While hv2 is there, hv1 sends to it, does not answer, and lets nobody in.
    const sent = await network().trace('hv1', `in_port=1,${away}`);
    assert.deepEqual(sent.tunnels, ['192.0.2.2'], sent.text);
    assert.deepEqual((await network().trace('hv1', question)).outputs, [2]);
    assert.deepEqual((await network().trace('hv1', packetIn)).drops, ['physical_elsewhere']);
    const comeBack = await network().withoutPort('hv1', gatewayTunnelOfport(2));
    const own = await network().trace('hv1', `in_port=1,${away}`);
    assert.deepEqual(own.outputs, [physnet1], own.text);
    // What a group does shows in the actions of the data path, not in the packet at the end.
    assert.match(own.text, /dst=02:aa:00:00:00:fe\)\),set\(ipv4\(ttl=63\)\),push_vlan\(vid=100,/);
    const answered = await network().trace('hv1', question);
    assert.deepEqual(answered.outputs, ['back'], answered.text);
    // With the tag with which the question came.
    assert.match(
      answered.text,
      /actions: set\(eth\(src=0a:00:00:00:00:02,[^\n]*op=2,sha=0a:00:00:00:00:02,[^\n]*\)\),\d+$/m,
    );
    const entered = await network().trace('hv1', packetIn);
    assert.deepEqual([entered.outputs, entered.drops], [[1], []], entered.text);
    // What came in while it was the gateway may come for some seconds more.
    const udpIn = `eth_type(0x8100),vlan(vid=100,pcp=0),encap(eth_type(0x0800),ipv4(src=198.51.100.9,dst=10.1.0.11,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2))`;
    await network().send('hv1', physnet1, `in_port(${physnet1}),eth(src=${mac.nextHop},dst=${mac.outside}),${udpIn}`);
    await comeBack();
    const late = await network().trace('hv1', packetIn);
    assert.deepEqual([late.outputs, late.drops], [[1], []], late.text);
    assert.deepEqual((await network().trace('hv1', question)).outputs, [2]);
    const again = await network().trace('hv1', `in_port=1,${away}`);
    assert.deepEqual(again.tunnels, ['192.0.2.2'], again.text);
    assert.match(await network().dump('hv1', `table=${layout.tableOf(lsGatewayLately)}`), /hard_timeout=10/);
  });

  it('is the next where it is drained, and nobody where none can be', async () => {
    await load(['hv2', 'hv1'], true);
    for (const name of ['hv1', 'hv2'])
      await network().send(name, physnet1, arp(1, mac.nextHop, '203.0.113.254', '203.0.113.1'));
    const late = await network().trace('hv2', `${toGateway},${away}`);
    assert.deepEqual([late.outputs, late.drops], [[physnet1], []], late.text);
    const own = await network().trace('hv1', `in_port=1,${away}`);
    assert.deepEqual([own.outputs, ...fields(own, 'dl_dst', 'nw_ttl')], [[physnet1], mac.nextHop, '63'], own.text);
    const far = await network().trace('hv2', `in_port=1,${udp(mac.far, mac.inside, '10.1.0.12', '198.51.100.9')}`);
    assert.deepEqual(far.tunnels, ['192.0.2.1'], far.text);
    await load(['nobody']);
    assert.deepEqual((await network().trace('hv1', `in_port=1,${away}`)).drops, ['no_gateway']);
  });
});
