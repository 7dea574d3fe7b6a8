/** Sub-ports: packets of one interface told apart by their VLAN tags, as Open vSwitch traces them. */
import assert from 'node:assert/strict';
import { kernelFeatures } from '../../fixtures/kernel-features.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { usesTracedNetwork } from './traced-network.js';

const mac = {
  plain: '02:00:00:00:01:01',
  trunk: '02:00:00:00:01:02',
  inner: '02:00:00:00:01:03',
  second: '02:00:00:00:01:04',
  far: '02:00:00:00:01:05',
  broadcast: 'ff:ff:ff:ff:ff:ff',
} as const;
const ip = {
  plain: '10.1.0.11',
  trunk: '10.1.0.12',
  inner: '10.1.0.13',
  second: '10.2.0.14',
  far: '10.1.0.15',
} as const;
const trunkOfport = 2;

/** A port beside a trunk whose first sub-port is on the same switch, and whose second is behind a router. */
function nested(hv1: object = {}): NetworkBuilder {
  const under = (vlan: number) => ({ parent: { portId: 'trunk', vlan } });
  return new NetworkBuilder()
    .hypervisor('hv1', hv1)
    .hypervisor('hv2')
    .logicalSwitch('web', '10.1.0.0/24', 'fd00:1::/64')
    .logicalSwitch('db', '10.2.0.0/24')
    .router('edge')
    .attach('edge-web', 'edge', 'web', '0a:00:00:00:00:01', ['10.1.0.1/24', 'fd00:1::1/64'])
    .attach('edge-db', 'edge', 'db', '0a:00:00:00:00:02', ['10.2.0.1/24'])
    .port('plain', 'web', mac.plain, [ip.plain], ['hv1', 1])
    .port('trunk', 'web', mac.trunk, [ip.trunk], ['hv1', trunkOfport])
    .port('inner', 'web', mac.inner, [ip.inner, 'fd00:1::13'], ['hv1', trunkOfport], under(101))
    .port('second', 'db', mac.second, [ip.second], ['hv1', trunkOfport], under(102))
    .port('far', 'web', mac.far, [ip.far], ['hv2', 1]);
}

type Name = keyof typeof ip;

const udp = (from: Name, to: Name, dlDst: string = mac[to]): string =>
  `udp,nw_ttl=64,dl_src=${mac[from]},dl_dst=${dlDst},nw_src=${ip[from]},nw_dst=${ip[to]}`;
const question = (from: Name, target: string, dlDst: string = mac.broadcast): string =>
  `arp,dl_src=${mac[from]},dl_dst=${dlDst},arp_op=1,arp_sha=${mac[from]},arp_spa=${ip[from]},arp_tpa=${target}`;
const solicitation = (target: string, option = `,nd_sll=${mac.inner}`, source = 'fd00:1::13'): string =>
  `icmp6,icmpv6_type=135,icmpv6_code=0,nw_ttl=255,dl_src=${mac.inner},dl_dst=33:33:ff:00:00:01,` +
  `ipv6_src=${source},ipv6_dst=ff02::1:ff00:1,nd_target=${target}${option}`;

describe('Sub-ports on Open vSwitch', function () {
  this.timeout(60_000);
  const network = usesTracedNetwork(['hv1']);

  /** Where the copies of a packet from the interface end, with their tags. */
  async function ends(ofport: number, vlan: number | null, packet: string): Promise<readonly string[]> {
    const tag = vlan === null ? '' : `dl_vlan=${vlan},`;
    // Tunnels are not among them.
    const { copies } = await network().wayOf('hv1', `in_port=${ofport},${tag}${packet}`);
    return copies.map(copy => copy.replace('hv1-', '')).toSorted();
  }

  async function drops(vlan: number, packet: string): Promise<readonly string[]> {
    return (await network().trace('hv1', `in_port=${trunkOfport},dl_vlan=${vlan},${packet}`)).drops;
  }

  describe('with the datapath in user space', () => {
    before(() => network().load(nested().compile(), 'hv1'));

    it('get what is theirs with their tag, and are known by it', async () => {
      assert.deepEqual(await ends(1, null, udp('plain', 'inner')), ['2 with 101']);
      assert.deepEqual(await ends(1, null, udp('plain', 'trunk')), ['2']);
      assert.deepEqual(await ends(trunkOfport, 101, udp('inner', 'plain')), ['1']);
      const far = await network().trace('hv1', `in_port=${trunkOfport},dl_vlan=101,${udp('inner', 'far')}`);
      assert.deepEqual([far.outputs, far.tunnels], [[32_001], ['192.0.2.2']]);
      assert.doesNotMatch(far.text, /Datapath actions:.*push_vlan/, 'what goes to another hypervisor has no tag');
    });

    it('reach those with whom they share an interface, on one switch and through a router', async () => {
      assert.deepEqual(await ends(trunkOfport, 101, udp('inner', 'trunk')), ['2']);
      assert.deepEqual(await ends(trunkOfport, null, udp('trunk', 'inner')), ['2 with 101']);
      const routed = udp('inner', 'second', '0a:00:00:00:00:01');
      assert.deepEqual(await ends(trunkOfport, 101, routed), ['2 with 102']);
    });

    it('get a copy each of what is for everybody on their hypervisor, and none of their own', async () => {
      const shout = (from: Name): string => udp(from, from, mac.broadcast).replace(/nw_dst=\S+/, 'nw_dst=10.1.0.255');
      assert.deepEqual(await ends(1, null, shout('plain')), ['2', '2 with 101']);
      assert.deepEqual(await ends(trunkOfport, 101, shout('inner')), ['1', '2']);
      assert.deepEqual(await ends(trunkOfport, null, shout('trunk')), ['1', '2 with 101']);
    });

    it('are answered with their tag', async () => {
      for (const address of [ip.plain, ip.far, '10.1.0.1'])
        assert.deepEqual(await ends(trunkOfport, 101, question('inner', address)), ['2 with 101'], address);
      for (const address of ['fd00:1::1', 'fe80::ff:fe00:101'])
        assert.deepEqual(await ends(trunkOfport, 101, solicitation(address)), ['2 with 101'], address);
      assert.deepEqual(await ends(trunkOfport, 101, solicitation('fd00:1::1', '')), ['2 with 101']);
      // To one MAC: whether its owner is there still, which that one says.
      assert.deepEqual(await ends(trunkOfport, 101, question('inner', ip.plain, mac.plain)), ['1']);
    });

    it('are held to their addresses, and tags of nobody are nobody', async () => {
      assert.deepEqual(await drops(101, udp('trunk', 'plain')), ['port_security_mac']);
      assert.deepEqual(await drops(102, udp('inner', 'plain')), ['port_security_mac']);
      assert.deepEqual(await drops(103, udp('inner', 'plain')), ['no_sub_port']);
      assert.deepEqual(await drops(0, udp('trunk', 'plain')), ['no_sub_port']);
      const beside = await network().trace('hv1', `in_port=1,dl_vlan=101,${udp('plain', 'inner')}`);
      assert.deepEqual(beside.drops, ['vlan_tagged'], 'a port without sub-ports takes no tags');
    });
  });

  describe('with the kernel datapath', () => {
    before(async () => {
      for (const { name, value } of kernelFeatures) await network().appctl('dpif/set-dp-features', 'hv1', name, value);
      await network().load(nested({ datapathType: 'system' }).compile(), 'hv1');
    });

    it('are answered with their tag, and what only the owner can answer goes to it without', async () => {
      assert.deepEqual(await ends(trunkOfport, 101, question('inner', ip.plain)), ['2 with 101']);
      assert.deepEqual(await ends(trunkOfport, 101, solicitation('fe80::ff:fe00:101')), ['2 with 101']);
      const duplicate = await ends(trunkOfport, 101, solicitation('fe80::ff:fe00:101', '', '::'));
      assert.deepEqual(duplicate, ['1', '2']);
    });
  });
});
