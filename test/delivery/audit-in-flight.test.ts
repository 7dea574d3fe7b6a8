/** A change does not wait for the audit that is reading the switch, on a fake switch whose dump comes when told to. */
import { nextTurn } from '../../src/base/next-turn.js';
import assert from 'node:assert/strict';
import type { ForeignChange } from '../../src/delivery/switch.js';
import type { Fleet } from '../../src/delivery/fleet.js';
import { sentinelTable } from '../../src/delivery/sentinel.js';
import { fakeSwitch, type FakeSwitch } from '../fakes/fake-switch.js';
import { ManualClock } from '../fakes/manual-clock.js';
import { everywhere, fragment, FragmentSource, makeFleet, openSwitch } from './support.js';

const host = 'h1';
const postponementMs = 1_000;
/** Longer than notes of others' changes are gathered, shorter than an audit is postponed. */
const gatheredMs = 100;

describe('an audit that is reading a switch', () => {
  let clock: ManualClock;
  let fleet: Fleet;
  let source: FragmentSource;
  let fake: FakeSwitch;
  /** Lets dumps of the whole switch begin; null: they begin at once. */
  let releases: (() => void)[] | null;
  let note: (change: ForeignChange) => void;

  const counters = () => fleet.status(host)?.counters ?? assert.fail('no status');
  const held = (): number[] =>
    [...fake.tables.flows.values()]
      .filter(one => one.tableId !== sentinelTable)
      .map(one => Number(one.cookie & 0xffn))
      .toSorted((left, right) => left - right);
  const one = (number: number) => fragment(number, { scope: everywhere });

  async function turns(): Promise<void> {
    for (let turn = 0; turn < 40; turn += 1) await nextTurn();
  }

  function release(): void {
    const waiting = releases ?? [];
    releases = null;
    for (const go of waiting) go();
  }

  function loseFlow(): void {
    fake.vandalise(tables => {
      for (const [key, { tableId }] of tables.flows) if (tableId !== sentinelTable) return tables.removeFlow(key);
    });
  }

  beforeEach(async () => {
    clock = new ManualClock();
    source = new FragmentSource();
    fake = fakeSwitch();
    fleet = makeFleet({ clock, watchedTables: [sentinelTable] });
    fleet.addHypervisor(host, 'hv1');
    const target = await openSwitch(fake.connect());
    target.watch = (_tables, listener) => {
      note = listener;
    };
    const dumpFlows = target.dumpFlows.bind(target);
    releases = null;
    target.dumpFlows = async onPart => {
      const waiting = releases;
      if (waiting !== null) await new Promise<void>(resolve => waiting.push(resolve));
      return dumpFlows(onPart);
    };
    fleet.connect(host, { target, database: () => ({ kind: 'ready' }), openVswitchVersion: '3.1.0' });
    fleet.apply(source.change([one(1), one(2)]));
    await turns();
    assert.deepEqual(held(), [1, 2]);
    releases = [];
    fleet.audit(host);
    await turns();
    assert.equal(fleet.status(host)?.state, 'comparing');
  });

  afterEach(() => fleet.close());

  it('makes way for a change, which is no repair, and what others did is found by the next', async () => {
    const { repairs } = counters();
    loseFlow();
    fleet.apply(source.change([one(3)]));
    await turns();
    assert.equal(fleet.status(host)?.appliedRevision, source.revision, 'acknowledged while the dump waits');
    assert.deepEqual([held().length, counters().repairs], [2, repairs]);
    release();
    clock.advance(postponementMs);
    await turns();
    assert.deepEqual(held(), [1, 2, 3]);
    assert.equal(counters().repairs, repairs + 1);
  });

  it('makes way together with what others are said to have done, which is looked at at once', async () => {
    release();
    await turns();
    releases = [];
    const cookies = new Map([...fake.tables.flows.values()].map(({ cookie }) => [Number(cookie & 0xffn), cookie]));
    loseFlow();
    const lost = [1, 2].find(number => !held().includes(number)) ?? assert.fail('nothing is lost');
    note({ kind: 'flow', cookie: cookies.get(lost) ?? assert.fail('no cookie'), place: null });
    fleet.audit(host);
    await turns();
    assert.deepEqual([fleet.status(host)?.state, held().length], ['comparing', 1]);
    fleet.apply(source.change([one(3)]));
    await turns();
    assert.equal(held().length, 2, 'the change is there, what was lost is not');
    clock.advance(gatheredMs);
    await turns();
    assert.deepEqual(held(), [1, 2, 3], 'while the dump still waits');
  });

  it('is let through when changes do not end', async () => {
    loseFlow();
    for (const number of [3, 4, 5]) {
      fleet.apply(source.change([one(number)]));
      await turns();
      clock.advance(postponementMs);
      await turns();
    }
    assert.equal(held().length, 4);
    fleet.apply(source.change([one(6)]));
    await turns();
    assert.equal(held().length, 4, 'it waits for the fourth audit');
    release();
    await turns();
    assert.deepEqual(held(), [1, 2, 3, 4, 5, 6]);
  });

  it('and another that never ends keep no third from being compared', async () => {
    const connect = async (id: string, isEndless: boolean): Promise<void> => {
      fleet.addHypervisor(id, id);
      const target = await openSwitch(fakeSwitch().connect());
      if (isEndless) target.dumpFlows = () => new Promise(() => undefined);
      fleet.connect(id, { target, database: () => ({ kind: 'ready' }), openVswitchVersion: '3.1.0' });
      await turns();
    };
    await connect('h2', true);
    await connect('h3', false);
    const applied = () => fleet.status('h3')?.appliedRevision ?? 0;
    clock.advance(100_000);
    await turns();
    assert.equal(applied(), 0);
    clock.advance(20_000);
    await turns();
    assert.ok(applied() > 0);
  });
});
