/** Table lookups of real packets, by ofproto/trace, against the bounds that later features have to keep as well. */
import assert from 'node:assert/strict';
import { localBudget, localCopyResubmits, maxResubmits } from '../../../src/compiler/switching/worst-case.js';
import { groupLookups } from '../../../src/view/security-rows.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { mac, twoHostNetwork } from '../../compiler/two-host-network.js';
import { TUNNEL_OFPORTS } from '../../../src/model/tunnel-ports.js';
import { usesTracedNetwork } from './traced-network.js';

const bound = { local: 15, routed: 40, broadcastTo13: 65 } as const;
const broadcastPorts = 13;

const portMac = (n: number): string => `02:00:00:00:05:${n.toString(16).padStart(2, '0')}`;

const crowdSize = 30;

function crowd(ports: number, hypervisors: number, securityGroups: string[] = []): NetworkBuilder {
  const network = new NetworkBuilder().hypervisor('hv1').logicalSwitch('web', '10.1.0.0/16');
  for (let n = 1; n <= ports; n += 1) {
    network.port(`p${n}`, 'web', portMac(n), [`10.1.0.${n}`], ['hv1', n], { securityGroups });
  }
  for (let n = 2; n <= hypervisors; n += 1) {
    network.hypervisor(`hv${n}`).port(`far${n}`, 'web', portMac(100 + n), [`10.1.1.${n}`], [`hv${n}`, 1]);
  }
  return network;
}

const broadcast = `in_port=1,udp,nw_ttl=64,dl_src=${portMac(1)},dl_dst=ff:ff:ff:ff:ff:ff,nw_src=10.1.0.1,nw_dst=10.1.255.255`;

/** From a port elsewhere, through the tunnel: for every port here. */
const tunnelled = `in_port=${TUNNEL_OFPORTS.geneve},tun_id=1,tun_src=192.0.2.9,tun_dst=192.0.2.1,dl_src=${portMac(99)},dl_dst=ff:ff:ff:ff:ff:ff`;
const fromOutside = `${tunnelled},udp,nw_ttl=64,nw_src=10.1.0.99,nw_dst=10.1.255.255`;
const arp = `${tunnelled},arp,arp_op=1,arp_spa=10.1.0.99,arp_tpa=10.1.0.98`;

/** Where conntrack is asked Open vSwitch begins anew, and a trace goes on. */
const visitsOfFirstPass = (text: string): number => text.split(/^={9}/m)[0]?.match(/^\s*\d+\. /gm)?.length ?? 0;

describe('Table visits on Open vSwitch', function () {
  this.timeout(30_000);
  const network = usesTracedNetwork(['hv1'], 40);

  it(`are at most ${bound.local} within a switch and ${bound.routed} through a router`, async () => {
    await network().load(twoHostNetwork().compile(), 'hv1');
    const from = `in_port=1,icmp,nw_ttl=64,dl_src=${mac.web1},nw_src=10.1.0.11`;
    const local = await network().trace('hv1', `${from},dl_dst=${mac.web2},nw_dst=10.1.0.12`);
    const routed = await network().trace('hv1', `${from},dl_dst=${mac.gatewayWeb},nw_dst=10.2.0.21`);
    const routedAway = await network().trace('hv1', `${from},dl_dst=${mac.gatewayWeb},nw_dst=10.2.0.22`);
    assert.ok(local.visits <= bound.local, `${local.visits} within a switch`);
    for (const { visits } of [routed, routedAway]) assert.ok(visits <= bound.routed, `${visits} through a router`);
    process.stdout.write(
      `    table visits: local ${local.visits}, routed ${routed.visits}, routed to another hypervisor ${routedAway.visits}\n`,
    );
  });

  it(`are at most ${bound.broadcastTo13} for a broadcast to ${broadcastPorts} ports`, async () => {
    await network().load(crowd(broadcastPorts + 1, 1).compile(), 'hv1');
    const { visits, outputs } = await network().trace('hv1', broadcast);
    assert.equal(outputs.length, broadcastPorts);
    assert.ok(visits <= bound.broadcastTo13, `${visits} table visits`);
    process.stdout.write(`    table visits: broadcast to ${broadcastPorts} ports ${visits}\n`);
  });

  it('stay below the computed worst case, also of what is too big for the tunnels', async () => {
    for (const [localPorts, hypervisors] of [
      [4, 1],
      [40, 1],
      [3, 12],
      [30, 9],
    ] as const) {
      await network().load(crowd(localPorts, hypervisors).compile(), 'hv1');
      const { visits } = await network().trace('hv1', broadcast);
      const worst = maxResubmits - localBudget(hypervisors, 0) + localPorts * localCopyResubmits(null);
      assert.ok(visits <= worst, `${visits} of ${worst}`);
      assert.ok(worst < maxResubmits);
    }
  });

  it('of ports with security groups of every kind stay below it too', async () => {
    const tracked = { tracked: true, stateless: [], lookups: groupLookups(0) } as const;
    const asked = { tracked: false, stateless: ['ingress'], lookups: groupLookups(0) } as const;
    for (const [traits, rule] of [
      [null, null],
      [[tracked], { stateless: false }],
      [[asked], { stateless: true }],
      [[asked], { stateless: true, action: 'drop' }],
      [[asked], { stateless: true, action: 'reject', log: true }],
      [[{ tracked: false, stateless: [], lookups: 0 }], null],
    ] as const) {
      const guarded = crowd(crowdSize, 1, traits === null ? [] : ['g']);
      if (traits !== null) guarded.securityGroup('g');
      if (rule !== null) guarded.rule('r', 'g', 'ingress', rule);
      await network().load(guarded.compile(), 'hv1');
      const worst = maxResubmits - localBudget(1, 0) + crowdSize * localCopyResubmits(traits);
      for (const packet of [arp, fromOutside]) {
        const { text } = await network().trace('hv1', packet);
        const visits = visitsOfFirstPass(text);
        assert.ok(visits <= worst, `${visits} of ${worst}\n${text}`);
      }
    }
  });

  it('are never more than a packet may have, however many ports ask many sets, and each still gets its copy', async () => {
    const sets = Array.from({ length: 150 }, (_, index) => `set${index}`);
    const many = crowd(crowdSize, 1, ['g']).port('sender', 'web', portMac(99), ['10.1.0.99'], ['hv1', crowdSize + 1], {
      securityGroups: ['s'],
    });
    many.securityGroup('g').rule('all', 'g', 'ingress', { stateless: true });
    for (const id of sets) {
      many.addressSet(id, '10.1.0.99').rule(id, 'g', 'ingress', { stateless: true, remoteAddressSetId: id });
    }
    // What its sender asks comes on top, in the first pass.
    many.securityGroup('s');
    for (let index = 0; index < 500; index += 1) {
      const id = `sent${index}`;
      many.addressSet(id, '10.1.255.255').rule(id, 's', 'egress', { remoteAddressSetId: id });
    }
    const compiled = many.compile();
    const passes = compiled.host('hv1').groups.filter(({ buckets }) => buckets.some(({ weight }) => weight === 1));
    assert.ok(passes.length > 2, 'several passes, and that of what is too big');
    await network().load(compiled, 'hv1');
    const sent = async (): Promise<readonly number[]> => {
      const text = await network().ofctl('dump-ports', 'hv1');
      const counts = new Map(
        [...text.matchAll(/port +(\d+): rx[^]*?tx pkts=(\d+)/g)].map(([, port, count]) => [
          Number(port),
          Number(count),
        ]),
      );
      return Array.from({ length: crowdSize }, (_, index) => counts.get(index + 1) ?? 0);
    };
    const before = await sent();
    const datagram =
      `in_port(${crowdSize + 1}),eth(src=${portMac(99)},dst=ff:ff:ff:ff:ff:ff),eth_type(0x0800),` +
      'ipv4(src=10.1.0.99,dst=10.1.255.255,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)';
    await network().send('hv1', crowdSize + 1, datagram, datagram);
    const copies = (await sent()).map((count, index) => count - (before[index] ?? 0));
    assert.deepEqual(
      copies,
      Array.from({ length: crowdSize }, () => 2),
    );
  });
});
