/** The order across hypervisors, on fake switches with a clock that moves when told to. */
import { nextTurn } from '../../src/base/next-turn.js';
import assert from 'node:assert/strict';
import type { Fleet } from '../../src/delivery/fleet.js';
import { sentinelTable } from '../../src/delivery/sentinel.js';
import { output } from '../../southbound/openflow/actions.js';
import { fakeSwitch, type FakeSwitch } from '../fakes/fake-switch.js';
import { ManualClock } from '../fakes/manual-clock.js';
import {
  flow,
  fragment,
  FragmentSource,
  makeFleet,
  onDatapath,
  onHypervisor,
  onPeersOf,
  openSwitch,
} from './support.js';

const hosts = ['a', 'b', 'c'] as const;
type Host = (typeof hosts)[number];

describe('order across hypervisors', () => {
  let clock: ManualClock;
  let fleet: Fleet;
  let source: FragmentSource;
  let switches: ReadonlyMap<Host, FakeSwitch>;
  let installed: { host: string; ports: string[] }[];

  const fake = (host: Host): FakeSwitch => switches.get(host) ?? assert.fail(host);

  /** Numbers of the fragments that a switch holds. */
  const held = (host: Host): number[] =>
    [...fake(host).tables.flows.values()]
      .filter(one => one.tableId !== sentinelTable)
      .map(one => Number(one.cookie & 0xffn))
      .toSorted((left, right) => left - right);

  async function turns(): Promise<void> {
    for (let turn = 0; turn < 40; turn += 1) await nextTurn();
  }

  async function connect(host: Host): Promise<void> {
    const target = await openSwitch(fake(host).connect());
    fleet.connect(host, { target, database: () => ({ kind: 'ready' }), openVswitchVersion: '3.1.0' });
  }

  const local = (number: number, host: Host) => fragment(number, { scope: onHypervisor(host) });
  /** Where port 9 is, as every hypervisor of the datapath knows it. */
  const pointer = (host: Host) =>
    fragment(9, { scope: onDatapath('d'), after: [host], flows: [flow(20, 9, [output(hosts.indexOf(host) + 1)])] });

  beforeEach(async () => {
    clock = new ManualClock();
    source = new FragmentSource();
    installed = [];
    switches = new Map(hosts.map(host => [host, fakeSwitch()]));
    fleet = makeFleet({
      clock,
      portsInstalled: (host, ports) => installed.push({ host, ports: [...ports] }),
    });
    for (const host of hosts) {
      fleet.addHypervisor(host, `hv-${host}`);
      await connect(host);
    }
    const residency = hosts.map(hypervisorId => ({ hypervisorId, datapathId: 'd', resident: true }));
    fleet.apply(source.change([], [], residency));
    await turns();
  });

  afterEach(() => fleet.close());

  it('holds a pointer back until its target holds the port', async () => {
    fake('b').hold();
    fleet.apply(source.change([local(1, 'b'), pointer('b')]));
    await turns();
    assert.deepEqual([held('a'), held('b'), held('c')], [[], [], []]);
    assert.deepEqual(fleet.status('a')?.waitsFor, ['hv-b']);
    fake('b').release();
    await turns();
    assert.deepEqual([held('a'), held('b'), held('c')], [[9], [1, 9], [9]]);
    assert.equal(fleet.convergence.isApplied(source.revision), true);
  });

  it('lets two change places without either waiting for what the other removes', async () => {
    const at = (number: number, host: Host) =>
      fragment(number, {
        scope: onDatapath('d'),
        after: [host],
        flows: [flow(20, number, [output(hosts.indexOf(host) + 1)])],
      });
    fleet.apply(source.change([local(1, 'a'), local(2, 'b'), at(8, 'a'), at(9, 'b')]));
    await turns();
    // Both wait for a third: rank 1 of both is held back, and the old places go only when both point elsewhere.
    fake('c').hold();
    fleet.apply(source.change([local(3, 'c'), local(4, 'c'), at(8, 'c'), at(9, 'c')], ['test.rule/1', 'test.rule/2']));
    await turns();
    assert.deepEqual(
      [held('a'), held('b')],
      [
        [1, 8, 9],
        [2, 8, 9],
      ],
    );
    fake('c').release();
    await turns();
    assert.deepEqual(
      [held('a'), held('b'), held('c')],
      [
        [8, 9],
        [8, 9],
        [3, 4, 8, 9],
      ],
    );
    assert.equal(fleet.convergence.isApplied(source.revision), true, 'without the clock moving');
  });

  it('does not wait longer than two seconds, and names who is late', async () => {
    fake('b').hold();
    fleet.apply(source.change([local(1, 'b'), pointer('b')]));
    await turns();
    clock.advance(1_990);
    await turns();
    assert.deepEqual(held('a'), []);
    clock.advance(20);
    await turns();
    assert.deepEqual([held('a'), held('c')], [[9], [9]]);
    const progress = fleet.convergence.pending(source.revision);
    assert.deepEqual(
      progress.pending.map(one => one.name),
      ['hv-b'],
    );
    fake('b').release();
  });

  it('does not wait for one that has been gone for long', async () => {
    fake('b').cut();
    await turns();
    clock.advance(2_000);
    fleet.apply(source.change([local(1, 'b'), pointer('b')]));
    await turns();
    assert.deepEqual([held('a'), held('c')], [[9], [9]]);
    const progress = fleet.convergence.pending(source.revision);
    assert.deepEqual([progress.isApplied, progress.disconnected.map(one => one.name)], [true, ['hv-b']]);
  });

  it('does not hold two that point at each other', async () => {
    const at = (number: number, host: Host) => fragment(number, { scope: onDatapath('d'), after: [host] });
    fleet.apply(source.change([local(1, 'a'), local(2, 'b'), at(3, 'a'), at(4, 'b')]));
    await turns();
    assert.deepEqual(
      [held('a'), held('b')],
      [
        [1, 3, 4],
        [2, 3, 4],
      ],
    );
  });

  it('takes the port away from the old place when everybody points to the new one', async () => {
    fleet.apply(source.change([local(1, 'b'), pointer('b')]));
    await turns();
    fake('a').hold();
    fleet.apply(source.change([local(1, 'c'), pointer('c')]));
    await turns();
    assert.deepEqual(
      [held('b'), held('c')],
      [
        [1, 9],
        [1, 9],
      ],
      'the old place still takes what a sends there',
    );
    fake('a').release();
    await turns();
    assert.deepEqual([held('a'), held('b'), held('c')], [[9], [9], [1, 9]]);
    assert.equal(fleet.convergence.isApplied(source.revision), true);
  });

  it('leaves the port at the old place for those who send there, also when it comes to a host that is new and slow', async () => {
    const residency = ['b', 'c'].map(hypervisorId => ({ hypervisorId, datapathId: 'd', resident: false }));
    fleet.apply(source.change([], [], residency));
    fleet.apply(source.change([local(1, 'a'), pointer('a')]));
    await turns();
    assert.deepEqual([held('a'), held('b'), held('c')], [[1, 9], [], []]);
    fake('c').hold();
    const moved = [local(1, 'c'), pointer('c')];
    fleet.apply(source.change(moved, [], [{ hypervisorId: 'c', datapathId: 'd', resident: true }]));
    await turns();
    assert.deepEqual(held('a'), [1, 9], 'a sends to its own port as long as it does not know better');
    fake('c').release();
    await turns();
    assert.deepEqual([held('a'), held('c')], [[9], [1, 9]]);
    assert.equal(fleet.convergence.isApplied(source.revision), true);
  });

  it('leaves the way to a hypervisor that is no peer any more for what still leads there', async () => {
    const inMesh = (host: Host, member: boolean) => ({ hypervisorId: host, meshId: 'm', member });
    const wayToB = fragment(5, { scope: onPeersOf('b'), isAskedByOthers: true });
    const members = hosts.map(host => inMesh(host, true));
    fleet.apply(source.change([wayToB, local(1, 'b'), pointer('b')], [], [], members));
    await turns();
    assert.deepEqual(
      [held('a'), held('b'), held('c')],
      [
        [5, 9],
        [1, 9],
        [5, 9],
      ],
    );
    fake('c').hold();
    fleet.apply(source.change([local(1, 'c'), pointer('c')], [], [], [inMesh('b', false)]));
    await turns();
    assert.deepEqual(
      [held('a'), held('b')],
      [
        [5, 9],
        [1, 9],
      ],
      'a sends to b until c is ready',
    );
    fake('c').release();
    await turns();
    assert.deepEqual([held('a'), held('b'), held('c')], [[9], [9], [1, 9]]);
    assert.equal(fleet.convergence.isApplied(source.revision), true, 'without the clock moving');
  });

  it('gives a hypervisor the whole datapath when it comes to it, and takes it away when it leaves', async () => {
    const shared = [1, 2, 3].map(number => fragment(number, { scope: onDatapath('e') }));
    fleet.apply(source.change(shared, [], [{ hypervisorId: 'a', datapathId: 'e', resident: true }]));
    await turns();
    fleet.apply(source.change([], [], [{ hypervisorId: 'b', datapathId: 'e', resident: true }]));
    await turns();
    assert.deepEqual([held('a'), held('b'), held('c')], [[1, 2, 3], [1, 2, 3], []]);
    fleet.apply(source.change([], [], [{ hypervisorId: 'a', datapathId: 'e', resident: false }]));
    await turns();
    assert.deepEqual([held('a'), held('b')], [[], [1, 2, 3]]);
  });

  it('says that a port is installed when its own flows are acknowledged, and again for a new interface', async () => {
    fleet.apply(source.change([local(1, 'b'), local(2, 'b')]));
    await turns();
    assert.deepEqual(installed.at(-1), { host: 'b', ports: ['port-1', 'port-2'] });
    installed.length = 0;
    fake('b').hold();
    fleet.apply(source.change([fragment(1, { scope: onHypervisor('b'), flows: [flow(10, 1, [output(7)])] })]));
    assert.deepEqual(installed, [{ host: 'b', ports: ['port-2'] }]);
    fake('b').release();
    await turns();
    assert.deepEqual(installed.at(-1)?.ports.toSorted(), ['port-1', 'port-2']);
  });

  it('waits for a database that is being written, but not for long', async () => {
    const target = await openSwitch(fake('a').connect());
    fleet.connect('a', {
      target,
      database: () => ({ kind: 'working', reason: 'adding the tunnel port' }),
      openVswitchVersion: null,
    });
    fleet.apply(source.change([local(1, 'a')]));
    await turns();
    assert.deepEqual(held('a'), []);
    assert.equal(fleet.status('a')?.lastError, 'adding the tunnel port');
    clock.advance(2_100);
    await turns();
    assert.deepEqual(held('a'), [1]);
  });

  it('stands by without the lease, and takes up where the other left', async () => {
    fleet.setTerm(null);
    fleet.apply(source.change([local(1, 'a')]));
    await turns();
    assert.equal(fleet.status('a')?.state, 'standby');
    assert.deepEqual(held('a'), []);
    fleet.setTerm(2n);
    await turns();
    assert.deepEqual(held('a'), [1]);
  });

  it('stays fenced, whatever changes, until the term is newer', async () => {
    const other = await openSwitch(fake('a').connect());
    await other.claimRole(9n);
    for (const number of [1, 2, 3]) {
      fleet.apply(source.change([local(number, 'a')]));
      await turns();
      assert.deepEqual([fleet.status('a')?.state, held('a')], ['fenced', []]);
    }
    fleet.setTerm(10n);
    await turns();
    assert.deepEqual(held('a'), [1, 2, 3]);
    other.close('test is over');
  });

  it('counts a hypervisor that is added late as lacking everything until it was compared', async () => {
    fleet.apply(source.change([fragment(1, { scope: { kind: 'everywhere' } })]));
    await turns();
    fleet.addHypervisor('d', 'hv-d');
    assert.equal(fleet.status('d')?.appliedRevision, 0);
    const late = fakeSwitch();
    fleet.connect('d', {
      target: await openSwitch(late.connect()),
      database: () => ({ kind: 'ready' }),
      openVswitchVersion: null,
    });
    await turns();
    assert.equal(fleet.status('d')?.appliedRevision, source.revision);
    assert.equal(late.tables.flows.size, 2);
    fleet.removeHypervisor('d');
    assert.equal(fleet.status('d'), null);
  });
});
