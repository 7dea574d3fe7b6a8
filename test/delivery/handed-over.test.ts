/** Flows that go from one fragment to another: an address that is taken from one object and given to the next. */
import { nextTurn } from '../../src/base/next-turn.js';
import assert from 'node:assert/strict';
import { MergedRevisions } from '../../src/delivery/merged-revisions.js';
import { sentinelTable } from '../../src/delivery/sentinel.js';
import type { Fleet } from '../../src/delivery/fleet.js';
import { output } from '../../southbound/openflow/actions.js';
import type { Message } from '../../southbound/openflow/message-codec.js';
import { fakeSwitch, type FakeSwitch } from '../fakes/fake-switch.js';
import { ManualClock } from '../fakes/manual-clock.js';
import { refusals, type SwitchChange } from '../fakes/switch-tables.js';
import { flow, fragment, FragmentSource, makeFleet, onDatapath, onHypervisor, openSwitch } from './support.js';

const hosts = ['a', 'b', 'c'] as const;
type Host = (typeof hosts)[number];

describe('a flow that goes from one fragment to another', () => {
  let clock: ManualClock;
  let fleet: Fleet;
  let source: FragmentSource;
  let switches: ReadonlyMap<Host, FakeSwitch>;
  let isRefused: (message: Message) => boolean;

  const fake = (host: Host): FakeSwitch => switches.get(host) ?? assert.fail(host);

  /** Fragment and place of each flow that a switch holds. */
  const held = (host: Host): string[] =>
    [...fake(host).tables.selectFlows({ tableId: null, cookie: 0n, cookieMask: 0n })]
      .filter(one => one.tableId !== sentinelTable)
      .map(one => `${one.cookie & 0xffn}: ${one.match[0]?.value}`)
      .toSorted();

  async function turns(): Promise<void> {
    for (let turn = 0; turn < 60; turn += 1) await nextTurn();
  }

  async function connect(host: Host): Promise<void> {
    const target = await openSwitch(fake(host).connect());
    fleet.connect(host, { target, database: () => ({ kind: 'ready' }), openVswitchVersion: '3.1.0' });
  }

  /** A fragment on b, with flows in these places. */
  const onB = (number: number, ...places: readonly number[]) =>
    fragment(number, { scope: onHypervisor('b'), flows: places.map(place => flow(10, place)) });
  const pointer = (host: Host) =>
    fragment(9, { scope: onDatapath('d'), after: [host], flows: [flow(20, 9, [output(hosts.indexOf(host) + 1)])] });

  beforeEach(async () => {
    clock = new ManualClock();
    source = new FragmentSource();
    isRefused = () => false;
    const options = { refuse: ({ message }: SwitchChange) => (isRefused(message) ? refusals.badTable : null) };
    switches = new Map(hosts.map(host => [host, fakeSwitch(options)]));
    fleet = makeFleet({ clock, watchedTables: [10] });
    for (const host of hosts) {
      fleet.addHypervisor(host, `hv-${host}`);
      await connect(host);
    }
    fleet.apply(
      source.change(
        [],
        [],
        hosts.map(hypervisorId => ({ hypervisorId, datapathId: 'd', resident: true })),
      ),
    );
    fleet.apply(source.change([onB(1, 1, 50), pointer('b')]));
    await turns();
    assert.deepEqual(held('b'), ['1: 1', '1: 50', '9: 9']);
  });

  afterEach(() => fleet.close());

  it('takes the fragment that had it along, though that one is held back, and gives all of it back', async () => {
    fake('a').hold();
    fleet.apply(source.change([pointer('c')], ['test.rule/1']));
    await turns();
    assert.deepEqual(held('b'), ['1: 1', '1: 50', '9: 9'], 'a still sends there');
    fleet.apply(source.change([onB(2, 50)]));
    await turns();
    assert.deepEqual(held('b'), ['2: 50', '9: 9'], 'all of it, or nothing');
    fleet.apply(source.change([onB(1, 1, 50), pointer('b')], ['test.rule/2']));
    await turns();
    assert.deepEqual(held('b'), ['1: 1', '1: 50', '9: 9']);
    fake('a').release();
    await turns();
    assert.equal(fleet.convergence.isApplied(source.revision), true);
    assert.deepEqual(held('b'), ['1: 1', '1: 50', '9: 9']);
  });

  it('is missed by a fragment that was to go, if somebody else touched that meanwhile', async () => {
    fake('a').hold();
    fleet.apply(source.change([pointer('c')], ['test.rule/1']));
    await turns();
    fake('b').vandalise(tables => {
      const [identity] = [...tables.flows].find(([, { cookie }]) => (cookie & 0xffn) === 1n) ?? assert.fail('no flow');
      tables.removeFlow(identity);
    });
    await turns();
    clock.advance(1_000);
    await turns();
    assert.equal(fleet.status('b')?.counters.driftChecks, 1);
    fleet.apply(source.change([onB(1, 1, 50), pointer('b')]));
    fake('a').release();
    await turns();
    assert.deepEqual(held('b'), ['1: 1', '1: 50', '9: 9']);
    assert.equal(fleet.convergence.isApplied(source.revision), true);
  });

  it('is not counted to a fragment whose change the switch refused', async () => {
    isRefused = message => message.kind === 'flowMod' && message.command === 'add' && message.match[0]?.value === 66n;
    fleet.apply(source.change([onB(1, 1, 66), onB(2, 50)]));
    await turns();
    assert.deepEqual(held('b'), ['1: 1', '2: 50', '9: 9']);
    assert.equal(fleet.convergence.failures().length, 1);
    // Nothing is different from before, as far as fragment 1 goes: what it lost has to be known.
    fleet.apply(source.change([onB(1, 1, 50)], ['test.rule/2']));
    await turns();
    assert.deepEqual(held('b'), ['1: 1', '1: 50', '9: 9']);
    assert.equal(fleet.convergence.isApplied(source.revision), true);
  });

  it('is not counted to a fragment that was set aside before another one came', async () => {
    isRefused = message => message.kind === 'flowMod' && message.command === 'add' && message.match[0]?.value === 66n;
    fleet.apply(source.change([onB(1, 1, 66)]));
    await turns();
    fleet.apply(source.change([onB(2, 50)]));
    await turns();
    assert.deepEqual(held('b'), ['1: 1', '2: 50', '9: 9']);
    fleet.apply(source.change([onB(1, 1, 50)], ['test.rule/2']));
    await turns();
    assert.deepEqual(held('b'), ['1: 1', '1: 50', '9: 9']);
  });
});

describe('revisions that undo each other', () => {
  let fleet: Fleet;

  afterEach(() => fleet.close());

  it('are not said to be applied on a switch that lacks what was before them', async () => {
    const source = new FragmentSource();
    const fake = fakeSwitch();
    fleet = makeFleet({ clock: new ManualClock() });
    fleet.addHypervisor('a', 'hv-a');
    const target = await openSwitch(fake.connect());
    fleet.connect('a', { target, database: () => ({ kind: 'ready' }), openVswitchVersion: '3.1.0' });
    const one = fragment(1, { scope: onHypervisor('a') });
    const turns = async (): Promise<void> => {
      for (let turn = 0; turn < 40; turn += 1) await nextTurn();
    };
    fleet.apply(source.change([one]));
    await turns();
    fake.hold();
    fleet.apply(source.change([], [one.key]));
    await turns();
    // There again, and gone again: one delta, in which nothing is different.
    source.change([one]);
    fleet.apply({ ...source.change([], [one.key]), changes: [] });
    const merged = source.revision;
    assert.equal(fleet.convergence.isApplied(merged), false, 'the switch holds what the last of them removed');
    fleet.apply(source.change([]));
    assert.equal(fleet.convergence.isApplied(source.revision), true, 'one that concerns nobody waits for nobody');
    fake.release();
    await turns();
    assert.equal(fleet.convergence.isApplied(merged), true);
  });

  it('are all of those up to a snapshot, after the database was restored', async () => {
    const source = new FragmentSource();
    const fake = fakeSwitch();
    fleet = makeFleet({ clock: new ManualClock() });
    fleet.addHypervisor('a', 'hv-a');
    const target = await openSwitch(fake.connect());
    fleet.connect('a', { target, database: () => ({ kind: 'ready' }), openVswitchVersion: '3.1.0' });
    const turns = async (): Promise<void> => {
      for (let turn = 0; turn < 40; turn += 1) await nextTurn();
    };
    const one = fragment(1, { scope: onHypervisor('a') });
    fleet.apply({ ...source.change([one]), revision: 20 });
    await turns();
    assert.equal(fleet.convergence.isApplied(20), true);
    fake.hold();
    // Restored to 10, it lost the fragment with 11, and had two more revisions before it was read.
    fleet.apply({ ...source.change([], [one.key]), revision: 13 }, false);
    assert.deepEqual(
      [11, 13].map(each => fleet.convergence.isApplied(each)),
      [false, false],
    );
    // Or so many that the number says nothing.
    fleet.apply({ ...source.change([]), revision: 30 }, false);
    assert.deepEqual(
      [11, 30].map(each => fleet.convergence.isApplied(each)),
      [false, false],
    );
    fake.release();
    await turns();
    assert.deepEqual(
      [11, 30].map(each => fleet.convergence.isApplied(each)),
      [true, true],
    );
  });

  it('are remembered as far as they matter', () => {
    fleet = makeFleet();
    const merged = new MergedRevisions();
    merged.add(3, 3);
    merged.add(5, 7);
    merged.add(10, 11);
    const found = (): number[] => Array.from({ length: 12 }, (_, at) => at + 1).filter(one => merged.has(one));
    assert.deepEqual(found(), [5, 6, 7, 10, 11]);
    merged.goBack(6);
    assert.deepEqual(found(), [5, 6]);
    for (let first = 20; first < 20 + 3 * 1_024; first += 3) merged.add(first, first + 1);
    assert.deepEqual([merged.has(6), merged.has(7), merged.has(22), merged.has(23)], [true, false, false, true]);
  });
});
