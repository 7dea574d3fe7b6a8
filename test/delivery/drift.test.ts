/** What others do to a switch is noticed and put right, on a real ovs-vswitchd (dummy datapath); nothing else is touched. */
import assert from 'node:assert/strict';
import type { Group } from '../../src/compiler/fragment.js';
import { learnedCookie } from '../../src/compiler/identifiers.js';
import type { Fleet } from '../../src/delivery/fleet.js';
import { group, learn, learnMatch, meter, resubmit } from '../../southbound/openflow/actions.js';
import { oxm } from '../../southbound/openflow/oxm.js';
import { DummySwitch } from '../ovs/dummy-switch.js';
import { dialSwitch, everywhere, flow, fragment, FragmentSource, makeFleet, until } from './support.js';

const host = 'h1';
const watchedTables = [10, 11, 12, 253];
const learnedTable = 40;

describe('drift on a real Open vSwitch', function () {
  this.timeout(60_000);
  let ovs: DummySwitch;
  let fleet: Fleet;
  let source: FragmentSource;
  let wanted: readonly string[];

  const counters = () => fleet.status(host)?.counters ?? assert.fail('no status');

  const dump = async (): Promise<readonly string[]> => [
    ...(await ovs.dumpFlows()).filter(line => line.includes('actions=') && !line.includes('table=253')),
    ...(await ovs.ofctl(['dump-groups', 'br0'])).split('\n').filter(line => line.includes('group_id')),
    ...(await ovs.ofctl(['dump-meters', 'br0'])).split('\n').filter(line => line.includes('meter=')),
  ];

  async function settled(): Promise<void> {
    const progress = await fleet.convergence.waitFor(source.revision, 30_000);
    assert.deepEqual(progress.pending, []);
    await until('the loop is idle', () => fleet.status(host)?.state === 'idle');
  }

  /** Somebody does this; resolves when the switch is as it should be, with the number of flow-mods that it took. */
  async function mends(...commands: readonly (readonly string[])[]): Promise<number> {
    const { flowMods, repairs } = counters();
    for (const args of commands) await ovs.ofctl(args);
    await until('it is put right', () => counters().repairs > repairs && fleet.status(host)?.state === 'idle');
    assert.deepEqual(await dump(), wanted);
    return counters().flowMods - flowMods;
  }

  beforeEach(async () => {
    ovs = await DummySwitch.start();
    fleet = makeFleet({ watchedTables });
    source = new FragmentSource();
    fleet.addHypervisor(host, 'hv1');
    fleet.connect(host, {
      target: await dialSwitch(ovs.managementSocket()),
      database: () => ({ kind: 'ready' }),
      openVswitchVersion: '3.1.0',
    });
    const groups: Group[] = [{ id: 81, type: 'all', buckets: [{ bucketId: 1, actions: [resubmit(20)] }] }];
    const learning = learn({ table: learnedTable, cookie: learnedCookie(7, 5), specs: [learnMatch(oxm.ethSrc)] });
    fleet.apply(
      source.change([
        ...[1, 2, 3].map(n => fragment(n, { scope: everywhere, flows: [flow(10, n), flow(11, n)] })),
        fragment(4, { scope: everywhere, groups, flows: [flow(11, 100, [group(81)])] }),
        fragment(5, { scope: everywhere, flows: [flow(12, 5, [learning])] }),
        fragment(6, {
          scope: everywhere,
          meters: [{ id: 9, unit: 'kbps', rate: 100 }],
          flows: [flow(12, 6, [meter(9), resubmit(20)])],
        }),
      ]),
    );
    await settled();
    wanted = await dump();
  });

  afterEach(async () => {
    fleet.close();
    await ovs.stop();
  });

  it('puts back a flow that was removed or changed, and removes what was added, sending only that', async () => {
    assert.equal(await mends(['del-flows', '--strict', 'br0', 'table=10,priority=100,metadata=0x1']), 1);
    assert.equal(await mends(['mod-flows', 'br0', 'table=10,metadata=0x2,actions=drop']), 1);
    assert.equal(await mends(['add-flow', 'br0', 'table=10,priority=65535,actions=normal']), 1);
    const forged = 'cookie=0x5e00070000000003,table=11,priority=1,actions=drop';
    assert.equal(await mends(['add-flow', 'br0', forged]), 1);
    assert.equal(counters().resyncs, 1, 'the whole switch was compared only at the start');
  });

  it('notices a flow that took the place of ours, under whatever cookie', async () => {
    const place = 'table=10,priority=100,metadata=0x2,actions=drop';
    assert.equal(await mends(['add-flow', 'br0', place]), 1);
    assert.equal(await mends(['add-flow', 'br0', `cookie=0x5e00070000000001,${place}`]), 1);
    assert.equal(counters().resyncs, 1);
  });

  it('puts groups and meters right, with the flows that went with a group', async () => {
    await mends(['mod-group', 'br0', 'group_id=81,type=all,bucket=actions=drop']);
    await mends(['add-group', 'br0', 'group_id=99,type=all,bucket=actions=drop']);
    assert.equal(await mends(['del-groups', 'br0', 'group_id=81']), 1);
    await mends(['mod-meter', 'br0', 'meter=9,kbps,band=type=drop,rate=5']);
    await mends(['add-meter', 'br0', 'meter=10,kbps,band=type=drop,rate=5']);
    assert.equal(counters().resyncs, 1);
  });

  it('restores a switch that somebody emptied', async () => {
    assert.equal(await mends(['del-flows', 'br0']), 9);
    const sentinel = (await ovs.dumpFlows()).filter(line => line.includes('table=253'));
    assert.equal(sentinel.length, 1, 'also what says what the switch holds');
  });

  it('costs nothing for what the switch learns, and takes no notice of its own changes', async () => {
    const { driftEvents, driftChecks } = counters();
    for (let n = 0; n < 20; n += 1) {
      const mac = `aa:bb:cc:00:00:${(16 + n).toString(16)}`;
      await ovs.trace('br0', `in_port=1,metadata=5,dl_src=${mac}`, '-generate');
      await ovs.ofctl([
        'add-flow',
        'br0',
        `cookie=0x5d00070000000005,table=${learnedTable},dl_src=${mac},actions=drop`,
      ]);
    }
    fleet.apply(source.change([fragment(1, { scope: everywhere }), fragment(7, { scope: everywhere })]));
    await settled();
    await new Promise(resolve => setTimeout(resolve, 100));
    assert.deepEqual([counters().driftEvents, counters().driftChecks], [driftEvents, driftChecks]);
  });

  it('watches only while the switch is ours to look after', async () => {
    fleet.setTerm(null);
    await until('standing by', () => fleet.status(host)?.state === 'standby');
    const { driftEvents } = counters();
    await ovs.ofctl(['add-flow', 'br0', 'table=10,priority=7,actions=drop']);
    await new Promise(resolve => setTimeout(resolve, 100));
    assert.equal(counters().driftEvents, driftEvents);
    fleet.setTerm(2n);
    await until('in charge', () => fleet.status(host)?.state === 'idle');
    fleet.audit(host);
    assert.equal(await mends(), 1, 'what was done meanwhile is found by the audit');
    assert.equal(await mends(['add-flow', 'br0', 'table=10,priority=8,actions=drop']), 1);
  });
});
