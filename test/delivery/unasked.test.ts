/** What goes wrong with a bundle that the switch was not asked about before its commit, on a switch in memory. */
import { nextTurn } from '../../src/base/next-turn.js';
import assert from 'node:assert/strict';
import type { Fleet } from '../../src/delivery/fleet.js';
import { sentinelTable } from '../../src/delivery/sentinel.js';
import { ErrorCollector } from '../../src/delivery/wire-round.js';
import type { SwitchError } from '../../src/delivery/switch.js';
import type { Message } from '../../southbound/openflow/message-codec.js';
import { fakeSwitch, type FakeSwitch } from '../fakes/fake-switch.js';
import { ManualClock } from '../fakes/manual-clock.js';
import { refusals } from '../fakes/switch-tables.js';
import { LightSwitch } from '../work/light-switch.js';
import { flow, fragment, FragmentSource, makeFleet, onHypervisor, openSwitch } from './support.js';

const host = 'h';

describe('a bundle that the switch was not asked about', () => {
  let fleet: Fleet;
  let source: FragmentSource;
  let ovs: FakeSwitch;
  let isRefused: (value: bigint | undefined) => boolean;
  let onMessage: (message: Message) => void;
  let onChange: () => void;

  const held = (): string[] =>
    [...ovs.tables.selectFlows({ tableId: null, cookie: 0n, cookieMask: 0n })]
      .filter(one => one.tableId !== sentinelTable)
      .map(one => `${one.cookie & 0xffn}: ${one.match[0]?.value}`)
      .toSorted();

  async function turns(): Promise<void> {
    for (let turn = 0; turn < 100; turn += 1) await nextTurn();
  }

  async function connect(): Promise<void> {
    const target = await openSwitch(ovs.connect());
    fleet.connect(host, { target, database: () => ({ kind: 'ready' }), openVswitchVersion: '3.1.0' });
    await turns();
  }

  const counters = () => fleet.status(host)?.counters ?? assert.fail('no status');
  const one = (number: number, ...values: readonly number[]) =>
    fragment(number, { scope: onHypervisor(host), flows: values.map(value => flow(10, value)) });
  const many = (count: number, from: number): number[] => Array.from({ length: count }, (_, index) => from + index);

  beforeEach(async () => {
    isRefused = () => false;
    onMessage = () => {};
    onChange = () => {};
    source = new FragmentSource();
    ovs = fakeSwitch({
      refuse: ({ message }) =>
        message.kind === 'flowMod' && isRefused(message.match[0]?.value) ? refusals.badTable : null,
      onMessage: message => onMessage(message),
      onChange: () => onChange(),
    });
    fleet = makeFleet({ clock: new ManualClock() });
    fleet.addHypervisor(host, 'hv');
    await connect();
    fleet.apply(source.change([one(1, 1)]));
    await turns();
    assert.deepEqual(held(), ['1: 1']);
  });

  afterEach(() => fleet.close());

  it('is not taken for applied when the connection ends before the switch could say what it left out', async () => {
    isRefused = value => value === 66n;
    onChange = () => ovs.cut();
    fleet.apply(source.change([one(2, 2, 66)]));
    await turns();
    onChange = () => {};
    assert.deepEqual(held(), ['1: 1', '2: 2'], 'committed in part, with the sentinel of all of it');
    const { resyncs } = counters();
    await connect();
    assert.equal(fleet.convergence.failures()[0]?.key, 'test.rule/2');
    assert.equal(counters().resyncs, resyncs + 1);
    isRefused = () => false;
    fleet.apply(source.change([one(2, 2, 67)]));
    await turns();
    assert.deepEqual(held(), ['1: 1', '2: 2', '2: 67']);
    assert.equal(fleet.convergence.isApplied(source.revision), true);
  });

  it('does not take along what the fence left open of another', async () => {
    let adds = 0;
    onMessage = message => {
      if (message.kind === 'bundleAdd' && (adds += 1) === 30) ovs.usurp(5n);
    };
    fleet.apply(source.change([one(2, ...many(60, 100))]));
    await turns();
    assert.equal(fleet.status(host)?.state, 'fenced');
    assert.equal(adds >= 60, true);
    const { unaskedBundles } = counters();
    fleet.apply(source.change([one(3, 3)], ['test.rule/2']));
    fleet.setTerm(6n);
    await turns();
    assert.deepEqual(held(), ['1: 1', '3: 3']);
    assert.equal(counters().unaskedBundles, unaskedBundles + 1);
    assert.equal(fleet.convergence.isApplied(source.revision), true);
  });

  it('is one write: what is larger is asked about, however well it is known', async () => {
    const controls: unknown[] = [];
    const { unaskedBundles } = counters();
    onMessage = message => {
      if (message.kind === 'bundleControl') controls.push(message.type);
    };
    fleet.apply(source.change([one(2, ...many(100, 100))]));
    await turns();
    assert.deepEqual(controls, ['commit_request']);
    fleet.apply(source.change([one(3, ...many(2_000, 1_000))]));
    await turns();
    assert.deepEqual(controls, ['commit_request', 'open_request', 'commit_request']);
    assert.equal(counters().unaskedBundles, unaskedBundles + 1);
    assert.equal(fleet.convergence.isApplied(source.revision), true);
  });
});

describe('the errors that a switch sends for one bundle', () => {
  it('are kept in a bounded number, one for each message, and end the connection when they do not stop', () => {
    const closed: string[] = [];
    let tell: (error: SwitchError) => void = () => assert.fail('nobody listens');
    class Complaining extends LightSwitch {
      override onError(listener: typeof tell = () => {}): () => void {
        tell = listener;
        return () => {};
      }
      override close(reason = ''): void {
        closed.push(reason);
      }
    }
    const errors = new ErrorCollector(new Complaining());
    const keys = new Set<number>();
    const error = (xid: number): SwitchError => ({ xid, text: 'OFPBAC_BAD_TYPE', isNotMaster: false });
    for (let time = 0; time < 5_000; time += 1) tell(error(1));
    for (let xid = 2; xid <= 95_000; xid += 1) tell(error(xid));
    const outcome = errors.outcome(xid => {
      keys.add(xid);
      return `key ${xid}`;
    });
    assert.equal(outcome?.kind, 'refused');
    assert.deepEqual([keys.size, outcome.errors.get('key 2'), closed], [1_000, 'OFPBAC_BAD_TYPE', []]);
    const torn = errors.outcomeAfterCommit(() => undefined);
    assert.ok(torn.kind === 'torn' && torn.error.length < 1_000 && torn.error.endsWith('99999 errors in all'));
    tell({ ...error(1), isNotMaster: true });
    assert.equal(closed.length, 1);
    assert.equal(errors.outcome(() => undefined)?.kind, 'fenced');
  });
});
