import assert from 'node:assert/strict';
import { rules } from '../../../src/compiler/rules.js';
import type { Direction } from '../../../src/model/index.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { usesTracedNetwork } from './traced-network.js';

const mac = { guarded: '02:00:00:00:01:01', other: '02:00:00:00:01:02', collector: '02:00:00:00:01:03' } as const;
const ip = { guarded: '10.1.0.11', other: '10.1.0.12' } as const;
const ofport = { guarded: 1, other: 2, collector: 3 } as const;
type End = keyof typeof ip;

/** A port with a group that isolates it so and has no rules, beside a port without groups. */
function pair(isolates: readonly Direction[]): NetworkBuilder {
  return new NetworkBuilder()
    .hypervisor('hv1')
    .logicalSwitch('s', '10.1.0.0/24')
    .securityGroup('isolation', { isolates: [...isolates] })
    .port('guarded', 's', mac.guarded, [ip.guarded], ['hv1', ofport.guarded], { securityGroups: ['isolation'] })
    .port('other', 's', mac.other, [ip.other], ['hv1', ofport.other]);
}

/** UDP in the words of ovs-dpctl. */
function datagram(from: End, to: End, [source, destination]: readonly [number, number]): string {
  return (
    `in_port(${ofport[from]}),eth(src=${mac[from]},dst=${mac[to]}),eth_type(0x0800),` +
    `ipv4(src=${ip[from]},dst=${ip[to]},proto=17,tos=0,ttl=64,frag=no),udp(src=${source},dst=${destination})`
  );
}

const traced = (from: End, to: End): string =>
  `in_port=${ofport[from]},dl_src=${mac[from]},dl_dst=${mac[to]},udp,nw_src=${ip[from]},nw_dst=${ip[to]},nw_ttl=64`;

describe('Security groups on Open vSwitch', function () {
  this.timeout(30_000);
  const network = usesTracedNetwork(['hv1']);

  async function sentTo(end: End): Promise<number> {
    const text = await network().ofctl('dump-ports', 'hv1', `${ofport[end]}`);
    return Number(/tx pkts=(\d+)/.exec(text)?.[1]);
  }

  /** Whether what one end sends arrives at the other. */
  async function arrives(from: End, to: End, ports: readonly [number, number]): Promise<boolean> {
    const before = await sentTo(to);
    await network().send('hv1', ofport[from], datagram(from, to, ports));
    return (await sentTo(to)) > before;
  }

  it('without rules deny what a port is isolated from, and never the answers to what it is not', async () => {
    for (const isolates of [[], ['ingress'], ['egress'], ['ingress', 'egress']] as const) {
      await network().load(pair(isolates).compile(), 'hv1');
      await network().appctl('dpctl/flush-conntrack');
      const denied = new Set<Direction>(isolates);
      const found = [
        await arrives('guarded', 'other', [1000, 2000]),
        await arrives('other', 'guarded', [2000, 1000]),
        await arrives('other', 'guarded', [3000, 4000]),
        await arrives('guarded', 'other', [4000, 3000]),
      ];
      const mayBegin = !denied.has('egress');
      const mayBeBegun = !denied.has('ingress');
      // Where only one direction is denied, the second and the fourth are answers; where both are, nothing was asked.
      assert.deepEqual(found, [mayBegin, mayBegin || mayBeBegun, mayBeBegun, mayBegin || mayBeBegun], isolates.join());
    }
  });

  it('deny everything while the switch lacks what judges it', async () => {
    const open = pair([]).rule('egress', 'isolation', 'egress').rule('ingress', 'isolation', 'ingress');
    const ways = [traced('guarded', 'other'), traced('other', 'guarded')];
    for (const [lacking, reason] of [
      ['nothing', null],
      ['acl.stages', 'acl_missing'],
      ['acl.port', 'acl_default'],
    ] as const) {
      await network().load(open.compile(rules.filter(({ name }) => name !== lacking)), 'hv1');
      for (const way of ways) {
        const { drops, outputs, text } = await network().trace('hv1', way);
        assert.deepEqual(drops, reason === null ? [] : [reason], text);
        assert.equal(outputs.length, reason === null ? 1 : 0, text);
      }
    }
  });

  it('and mirrors have nothing to do with what a port floods itself', async () => {
    const flooding = `in_port=1,dl_src=${mac.guarded},dl_dst=ff:ff:ff:ff:ff:ff,udp,nw_src=${ip.guarded},nw_dst=10.1.0.255`;
    const observed = pair(['ingress'])
      .rule('egress', 'isolation', 'egress')
      .port('collector', 's', mac.collector, [], ['hv1', ofport.collector])
      .mirror('got', 'guarded', { collectorPortId: 'collector', direction: 'in' });
    await network().load(observed.compile(), 'hv1');
    const { outputs, drops, text } = await network().trace('hv1', flooding);
    assert.deepEqual([outputs.length, new Set(outputs)], [2, new Set([ofport.other, ofport.collector])], text);
    assert.deepEqual(drops, [], text);
    // What it gets from others is copied.
    const asked = observed.rule('all', 'isolation', 'ingress').compile();
    await network().load(asked, 'hv1');
    const { outputs: copied } = await network().trace('hv1', traced('other', 'guarded'));
    assert.deepEqual(new Set(copied), new Set([ofport.guarded, ofport.collector]));
  });
});
