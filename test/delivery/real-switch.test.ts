/** Delivery against a real ovs-vswitchd (dummy datapath): what a fake could get wrong. */
import assert from 'node:assert/strict';
import type { Group } from '../../src/compiler/fragment.js';
import { learnedCookie } from '../../src/compiler/identifiers.js';
import type { Fleet } from '../../src/delivery/fleet.js';
import { ct, group, learn, learnMatch, output, type Action } from '../../southbound/openflow/actions.js';
import { oxm } from '../../southbound/openflow/oxm.js';
import { DummySwitch } from '../ovs/dummy-switch.js';
import { buckets, everything } from './every-construct.js';
import { dialSwitch, everywhere, flow, fragment, FragmentSource, makeFleet, until } from './support.js';

const host = 'h1';

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
