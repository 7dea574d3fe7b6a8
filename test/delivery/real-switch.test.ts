/** Delivery against a real ovs-vswitchd (dummy datapath): what a fake could get wrong. */
import assert from 'node:assert/strict';
import type { Fragment, Group } from '../../src/compiler/fragment.js';
import { learnedCookie } from '../../src/compiler/identifiers.js';
import type { Fleet } from '../../src/delivery/fleet.js';
import {
  checkPacketLarger,
  clone,
  conjunction,
  controller,
  ct,
  ctClear,
  decTtl,
  group,
  learn,
  learnLoad,
  learnMatch,
  learnOutput,
  load,
  meter,
  move,
  multipath,
  nat,
  note,
  output,
  outputReg,
  popVlan,
  Port,
  pushVlan,
  resubmit,
  setField,
  stackPop,
  stackPush,
  subfield,
  type Action,
} from '../../southbound/openflow/actions.js';
import { matchField } from '../../southbound/openflow/match.js';
import { oxm, type Match } from '../../southbound/openflow/oxm.js';
import { DummySwitch } from '../ovs/dummy-switch.js';
import { dialSwitch, everywhere, flow, fragment, FragmentSource, makeFleet, until } from './support.js';

const host = 'h1';
const ip4 = matchField(oxm.ethType, 0x0800n);
const ip6 = matchField(oxm.ethType, 0x86ddn);
const arp = matchField(oxm.ethType, 0x0806n);
const icmp6 = (type: bigint): Match => [ip6, matchField(oxm.ipProto, 58n), matchField(oxm.icmpv6Type, type)];

const buckets = (...tables: number[]): Group['buckets'] =>
  tables.map((table, index) => ({ bucketId: index + 1, actions: [resubmit(table)] }));

describe('delivery on a real Open vSwitch', function () {
  this.timeout(60_000);
  let ovs: DummySwitch;
  let fleet: Fleet;
  let source: FragmentSource;

  async function connect(): Promise<void> {
    const target = await dialSwitch(ovs.managementSocket());
    fleet.connect(host, { target, database: () => ({ kind: 'ready' }), openVswitchVersion: '3.1.0' });
  }

  /** A controller that has just started and compiled the same as the one before. */
  async function restart(): Promise<void> {
    fleet.close();
    fleet = makeFleet();
    fleet.addHypervisor(host, 'hv1');
    fleet.apply(source.afresh());
    await connect();
  }

  async function settled(): Promise<void> {
    const progress = await fleet.convergence.waitFor(source.revision, 30_000);
    assert.deepEqual(progress.pending, []);
    await until('the loop is idle', () => fleet.status(host)?.state === 'idle');
  }

  async function audit(): Promise<void> {
    const before = fleet.status(host)?.counters.resyncs ?? 0;
    fleet.audit(host);
    await until('audit', () => (fleet.status(host)?.counters.resyncs ?? 0) > before);
    await settled();
  }

  const counters = () => fleet.status(host)?.counters ?? assert.fail('no status');

  const dump = async (): Promise<string[]> =>
    (await ovs.dumpFlows()).filter(line => line.startsWith('cookie=') && !line.includes('table=253'));

  /** Age of every flow in seconds, youngest first. */
  const durations = async (): Promise<number[]> =>
    [...(await ovs.ofctl(['dump-flows', 'br0'])).matchAll(/duration=([\d.]+)s/g)]
      .map(match => Number(match[1]))
      .toSorted((left, right) => left - right);

  const line = (object: number, rest: string): string =>
    `cookie=0x5e0007${object.toString(16).padStart(10, '0')}, ${rest}`;

  beforeEach(async () => {
    ovs = await DummySwitch.start();
    fleet = makeFleet();
    source = new FragmentSource();
    fleet.addHypervisor(host, 'hv1');
    await connect();
  });

  afterEach(async () => {
    fleet.close();
    await ovs.stop();
  });

  it('brings fragments onto the switch, changes them and takes them away', async () => {
    fleet.apply(source.change([fragment(1, { scope: everywhere }), fragment(2, { scope: everywhere })]));
    await settled();
    assert.deepEqual(await dump(), [
      line(1, 'table=10, priority=100,metadata=0x1 actions=resubmit(,11)'),
      line(2, 'table=10, priority=100,metadata=0x2 actions=resubmit(,11)'),
    ]);
    fleet.apply(
      source.change([fragment(2, { scope: everywhere, flows: [flow(10, 2, [output(3)])] })], ['test.rule/1']),
    );
    await settled();
    assert.deepEqual(await dump(), [line(2, 'table=10, priority=100,metadata=0x2 actions=output:3')]);
    fleet.apply(source.change([], ['test.rule/2']));
    await settled();
    assert.deepEqual(await dump(), []);
  });

  it('sends nothing after a restart when nothing changed, and only what is missing when something did', async () => {
    fleet.apply(source.change([1, 2, 3].map(n => fragment(n, { scope: everywhere }))));
    await settled();
    const startedMs = performance.now();
    const before = await durations();
    await restart();
    await settled();
    assert.deepEqual([counters().bundles, counters().resyncs], [0, 0]);
    await new Promise(resolve => setTimeout(resolve, 50));
    const elapsed = (performance.now() - startedMs) / 1_000;
    const after = await durations();
    assert.equal(after.length, 4, 'three flows and the sentinel');
    for (const [index, seconds] of after.entries()) {
      assert.ok(seconds >= (before[index] ?? Infinity) + 0.05, 'every flow is as old as it was, and older');
      assert.ok(seconds >= elapsed, 'every flow is older than the restart');
    }
    source.change([fragment(4, { scope: everywhere })]);
    await restart();
    await settled();
    assert.deepEqual([counters().resyncs, counters().flowMods], [1, 1]);
    assert.equal((await dump()).length, 4);
  });

  it('sends nothing after a cut connection, and goes on with what was not sent', async () => {
    fleet.apply(source.change([fragment(1, { scope: everywhere })]));
    await settled();
    const { bundles } = counters();
    await connect();
    await until('reconnected', () => fleet.status(host)?.state === 'idle');
    assert.deepEqual([counters().bundles, counters().resyncs], [bundles, 1]);
    fleet.close();
    fleet.apply(source.change([fragment(2, { scope: everywhere })]));
    await connect();
    await settled();
    assert.deepEqual([counters().bundles, counters().resyncs], [bundles + 1, 1]);
  });

  it('mends what others did to the switch, and nothing else', async () => {
    const groups: Group[] = [{ id: 81, type: 'all', buckets: buckets(20, 21) }];
    const learning = flow(12, 5, [learn({ table: 40, cookie: learnedCookie(7, 5), specs: [learnMatch(oxm.ethSrc)] })]);
    fleet.apply(
      source.change([
        ...[1, 2, 3].map(n => fragment(n, { scope: everywhere })),
        fragment(4, { scope: everywhere, groups, flows: [flow(11, 4, [group(81)])] }),
        fragment(5, { scope: everywhere, flows: [learning] }),
      ]),
    );
    await settled();
    const before = await dump();
    const vandalism = [
      ['del-flows', '--strict', 'br0', 'table=10,priority=100,metadata=0x1'],
      ['add-flow', 'br0', 'cookie=0x5e00070000000002,table=10,priority=100,metadata=0x2,actions=drop'],
      ['add-flow', 'br0', 'table=0,priority=65535,actions=normal'],
      ['add-flow', 'br0', 'cookie=0x5e00070000000003,table=13,priority=1,actions=drop'],
      ['mod-group', 'br0', 'group_id=81,type=all,bucket=actions=drop'],
      ['add-group', 'br0', 'group_id=99,type=all,bucket=actions=drop'],
      ['add-flow', 'br0', 'cookie=0x5d00070000000005,table=40,priority=32768,dl_src=aa:bb:cc:00:00:01,actions=drop'],
      ['add-flow', 'br0', 'cookie=0x5d00070000000006,table=40,priority=32768,dl_src=aa:bb:cc:00:00:02,actions=drop'],
    ];
    for (const args of vandalism) await ovs.ofctl(args);
    const { flowMods, groupMods } = counters();
    await audit();
    const kept = 'cookie=0x5d00070000000005, table=40, dl_src=aa:bb:cc:00:00:01 actions=drop';
    assert.deepEqual((await dump()).toSorted(), [...before, kept].toSorted());
    assert.deepEqual([counters().flowMods - flowMods, counters().groupMods - groupMods], [2 + 3, 1 + 1]);
    const described = await ovs.ofctl(['dump-groups', 'br0']);
    assert.match(described, /group_id=81,type=all,bucket=bucket_id:1,actions=resubmit\(,20\),bucket=bucket_id:2/);
    assert.doesNotMatch(described, /group_id=99/);
    await audit();
    assert.equal(counters().flowMods - flowMods, 5);
  });

  it('finds every flow, group and meter as it sent it', async () => {
    const all = everything();
    fleet.apply(source.change(all));
    await settled();
    assert.deepEqual(fleet.convergence.failures(), []);
    const { repairs } = counters();
    await audit();
    assert.equal(counters().repairs, repairs, 'a switch that is right needs no repair');
    fleet.apply(
      source.change(
        [],
        all.map(one => one.key),
      ),
    );
    await settled();
    assert.deepEqual(await dump(), []);
    assert.doesNotMatch(await ovs.ofctl(['dump-groups', 'br0']), /group_id/);
    assert.doesNotMatch(await ovs.ofctl(['dump-meters', 'br0']), /meter=/);
  });

  it('sets a refused fragment aside with its dependents, and applies the rest at once', async () => {
    const bad = fragment(1, { scope: everywhere, flows: [flow(10, 1, [group(4711)])] });
    fleet.apply(source.change([bad, fragment(2, { scope: everywhere }), fragment(3, { scope: everywhere })]));
    const progress = await fleet.convergence.waitFor(source.revision, 30_000);
    assert.deepEqual(progress.pending, []);
    assert.equal(progress.isApplied, false);
    assert.equal(progress.failed[0]?.key, 'test.rule/1');
    assert.match(progress.failed[0].error, /OFPBAC_BAD_OUT_GROUP/);
    assert.equal((await dump()).length, 2);
    assert.deepEqual(
      fleet.convergence.failuresOf('logical-switch-ports', 'port-1').map(failure => failure.name),
      ['hv1'],
    );
    fleet.apply(source.change([fragment(1, { scope: everywhere })]));
    await settled();
    assert.deepEqual(fleet.convergence.failures(), []);
    assert.equal((await dump()).length, 3);
  });

  it('sets aside what is refused when it is added to the bundle, several at once', async () => {
    const tooDeep: Action[] = [ct({ zone: 1, actions: [output(1)] })];
    const all = Array.from({ length: 20 }, (_, index) =>
      fragment(index + 1, {
        scope: everywhere,
        flows: [flow(10, index + 1, index % 2 === 0 ? tooDeep : [output(index + 1)])],
      }),
    );
    fleet.apply(source.change(all));
    const progress = await fleet.convergence.waitFor(source.revision, 30_000);
    assert.equal(progress.failed.length, 10);
    assert.equal((await dump()).length, 10);
  });

  it('names a fragment that cannot be sent, and goes on', async () => {
    const huge: Action[] = Array.from({ length: 9_000 }, (_, index) => output(index + 1));
    fleet.apply(
      source.change([
        fragment(1, { scope: everywhere, flows: [flow(10, 1, huge)] }),
        fragment(2, { scope: everywhere }),
      ]),
    );
    const progress = await fleet.convergence.waitFor(source.revision, 30_000);
    assert.match(progress.failed[0]?.error ?? '', /cannot be sent/);
    assert.equal((await dump()).length, 1);
  });

  it('cuts a large change into bundles', async () => {
    const many = Array.from({ length: 12_000 }, (_, index) => fragment(index + 1, { scope: everywhere }));
    fleet.apply(source.change(many));
    await settled();
    assert.equal(counters().bundles, 3);
    assert.equal((await dump()).length, 12_000);
    await restart();
    await settled();
    assert.deepEqual([counters().bundles, counters().resyncs], [0, 0]);
    await audit();
    assert.equal(counters().flowMods, 0);
  });

  it('is refused by the switch when its term is older, and says so', async () => {
    const fenced: (bigint | null)[] = [];
    const newer = await dialSwitch(ovs.managementSocket());
    assert.deepEqual(await newer.claimRole(9n), { kind: 'granted' });
    fleet.close();
    fleet = makeFleet({ fenced: (_, currentTerm) => fenced.push(currentTerm) });
    fleet.addHypervisor(host, 'hv1');
    fleet.apply(source.change([fragment(1, { scope: everywhere })]));
    await connect();
    await until('fenced', () => fleet.status(host)?.state === 'fenced');
    assert.deepEqual(fenced, [9n]);
    assert.deepEqual(await dump(), []);
    fleet.setTerm(10n);
    await settled();
    assert.equal((await dump()).length, 1);
    newer.close('test is over');
  });

  it('stops writing when another controller takes over in the middle', async () => {
    const fenced: (bigint | null)[] = [];
    fleet.close();
    fleet = makeFleet({ fenced: (_, currentTerm) => fenced.push(currentTerm) });
    fleet.addHypervisor(host, 'hv1');
    fleet.apply(source.change([fragment(1, { scope: everywhere })]));
    await connect();
    await settled();
    const newer = await dialSwitch(ovs.managementSocket());
    assert.deepEqual(await newer.claimRole(2n), { kind: 'granted' });
    fleet.apply(source.change([fragment(2, { scope: everywhere })]));
    await until('fenced', () => fleet.status(host)?.state === 'fenced');
    assert.deepEqual(fenced, [2n]);
    assert.equal((await dump()).length, 1);
    newer.close('test is over');
  });
});

/** Fragments with every kind of match and action that rules use. */
function everything(): Fragment[] {
  const matches: Match[] = [
    [],
    [matchField(oxm.inPort, 3n)],
    [matchField(oxm.metadata, 5n), matchField(oxm.reg1, 7n)],
    [matchField(oxm.reg0, 1n, 1n), matchField(oxm.reg1, 2n), matchField(oxm.reg5, 0x100n, 0xff00n)],
    [matchField(oxm.xreg2, 0x1_0000_0002n), matchField(oxm.xxreg3, 5n)],
    [matchField(oxm.ethDst, 0x0100_0000_0000n, 0x0100_0000_0000n)],
    [matchField(oxm.tunnelId, 9n), matchField(oxm.tunIpv4Src, 0xc000_0201n)],
    [ip4, matchField(oxm.ipv4Src, 0x0a00_0000n, 0xff00_0000n), matchField(oxm.ipTtl, 1n)],
    [ip4, matchField(oxm.ipProto, 17n), matchField(oxm.udpSrc, 67n), matchField(oxm.udpDst, 68n)],
    [ip4, matchField(oxm.ipFrag, 1n, 1n), matchField(oxm.ipDscp, 12n), matchField(oxm.ipEcn, 1n)],
    [ip6, matchField(oxm.ipv6Src, 0xfe80n << 112n, 0xffc0n << 112n)],
    [arp, matchField(oxm.arpOp, 1n), matchField(oxm.arpTpa, 0x0a00_0001n), matchField(oxm.arpSha, 0xaan)],
    [...icmp6(135n), matchField(oxm.icmpv6Code, 0n), matchField(oxm.ndTarget, 5n), matchField(oxm.ndSll, 0xbbn)],
    [...icmp6(136n), matchField(oxm.ndTll, 0xccn), matchField(oxm.ndReserved, 0x6000_0000n)],
    [matchField(oxm.vlanVid, 0x1005n), matchField(oxm.vlanPcp, 3n)],
    [matchField(oxm.vlanVid, 0n)],
    [matchField(oxm.ctState, 0x21n, 0x21n), matchField(oxm.ctMark, 1n, 1n), matchField(oxm.ctLabel, 1n, 3n)],
    [matchField(oxm.pktMark, 4n)],
    [matchField(oxm.conjId, 8n)],
  ];
  const eth = (field: 'ethSrc' | 'ethDst', value: bigint): Action => setField(oxm[field], value);
  const actions: Action[][] = [
    [],
    [output(1), output(Port.inPort), output(Port.local)],
    [load(subfield(oxm.reg3, 4, 8), 0x5an), setField(oxm.reg4, 9n), setField(oxm.metadata, 11n)],
    [eth('ethSrc', 1n), eth('ethDst', 2n), move(oxm.ethSrc, oxm.ethDst), setField(oxm.tunnelId, 77n)],
    [move(subfield(oxm.metadata, 0, 24), subfield(oxm.tunnelId, 0, 24)), setField(oxm.tunIpv4Dst, 0xc000_0202n)],
    [move(oxm.inPort, oxm.reg6), load(subfield(oxm.inPort16), 0n), resubmit(20)],
    [resubmit(21), resubmit(null, 4), resubmit(22, Port.inPort)],
    [checkPacketLarger(1464, subfield(oxm.reg2, 3, 1)), resubmit(23)],
    [setField(oxm.xxreg1, 1n << 100n), load(subfield(oxm.xxreg2, 64, 32), 5n), setField(oxm.xreg0, 3n, 0xfn)],
    [stackPush(oxm.metadata), stackPop(oxm.reg9), clone([setField(oxm.reg1, 3n), output(2)])],
    [multipath({ fields: 'symmetric_l4', links: 4, destination: subfield(oxm.reg7, 0, 2) }), outputReg(oxm.reg7)],
    [controller({ controllerId: 1, userdata: new Uint8Array([1, 2, 3]), meterId: null }), note(new Uint8Array([1]))],
    [pushVlan(), setField(oxm.vlanVid, 0x1007n), popVlan()],
    [group(8), meter(3), resubmit(24)],
  ];
  const withIp: Action[][] = [
    [decTtl(), setField(oxm.ipv4Src, 1n), move(oxm.ipv4Src, oxm.ipv4Dst), setField(oxm.ipTtl, 64n)],
    [ct({ commit: true, zone: oxmZone(), table: 30, actions: [nat({ direction: 'source' })] }), ctClear()],
    [conjunction(5, 0, 2), conjunction(5, 1, 2)],
  ];
  const learned = learnedCookie(7, 900);
  const learning: Action[] = [
    learn({ table: 60, priority: 5, cookie: learned, idleTimeout: 300, specs: [learnMatch(oxm.ethDst, oxm.ethSrc)] }),
    learn({
      table: 61,
      cookie: learned,
      deleteLearned: true,
      limit: 100,
      resultDestination: subfield(oxm.reg0, 0, 1),
      specs: [
        learnMatch(oxm.metadata),
        learnMatch(subfield(oxm.reg1, 0, 8), 5n),
        learnLoad(oxm.reg2, oxm.tunIpv4Src),
        learnLoad(subfield(oxm.reg3, 0, 16), 7n),
        learnOutput(oxm.reg4),
      ],
    }),
  ];
  let number = 100;
  const next = (match: Match, list: readonly Action[]): Fragment =>
    fragment(number++, { scope: everywhere, flows: [{ table: 50, priority: number, match, actions: list }] });
  return [
    fragment(1, {
      scope: everywhere,
      groups: [
        { id: 8, type: 'all', buckets: buckets(20, 21) },
        {
          id: 9,
          type: 'select',
          selectionMethod: { name: 'dp_hash', parameter: 0n },
          buckets: buckets(22, 23).map((one, index) => ({ ...one, weight: 10 + index })),
        },
        { id: 10, type: 'select', buckets: buckets(22, 23) },
        {
          id: 11,
          type: 'fast_failover',
          buckets: [
            { bucketId: 1, watchPort: 1, actions: [output(1)] },
            { bucketId: 2, watchGroup: 8, actions: [group(8)] },
          ],
        },
        { id: 12, type: 'indirect', buckets: buckets(24) },
        {
          id: 13,
          type: 'select',
          selectionMethod: { name: 'hash', parameter: 1n, fields: [matchField(oxm.ipv4Src, 0xffff_ffffn)] },
          buckets: buckets(22, 23),
        },
        { id: 14, type: 'all', buckets: [] },
      ],
      meters: [
        { id: 3, unit: 'pktps', rate: 100, burst: 10 },
        { id: 4, unit: 'kbps', rate: 1000 },
      ],
    }),
    ...matches.map(match => next(match, [resubmit(51)])),
    ...actions.map(list => next([matchField(oxm.reg15, BigInt(number))], list)),
    ...withIp.map(list => next([ip4, matchField(oxm.reg15, BigInt(number))], list)),
    next([matchField(oxm.reg15, 1n)], learning),
    fragment(901, {
      scope: everywhere,
      flows: [{ ...flow(52, 1, []), idleTimeout: 300, hardTimeout: 600 }],
    }),
  ];
}

function oxmZone() {
  return subfield(oxm.reg13, 0, 16);
}
