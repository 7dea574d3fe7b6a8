/** What a switch of unknown content refuses: which revisions are not in force there for that. */
import { nextTurn } from '../../src/base/next-turn.js';
import assert from 'node:assert/strict';
import type { Fleet } from '../../src/delivery/fleet.js';
import type { OpenFlowSwitch } from '../../src/delivery/openflow-switch.js';
import type { Message } from '../../southbound/openflow/message-codec.js';
import { fakeSwitch } from '../fakes/fake-switch.js';
import { refusals, type SwitchChange } from '../fakes/switch-tables.js';
import { flow, fragment, FragmentSource, makeFleet, onDatapath, openSwitch } from './support.js';

describe('a fragment that a switch of unknown content refuses', () => {
  let fleet: Fleet;
  let source: FragmentSource;

  const resident = { hypervisorId: 'a', datapathId: 'd', resident: true };
  const version = (mark: number) => fragment(9, { scope: onDatapath('d'), flows: [flow(20, mark)] });

  /** A new switch comes, and takes nothing for table 20. */
  async function connect(isCut = false): Promise<void> {
    let target: OpenFlowSwitch | null = null;
    const refuse = ({ message }: SwitchChange) =>
      message.kind === 'flowMod' && message.tableId === 20 ? refusals.badTable : null;
    // The connection ends when it is asked what it holds.
    const onMessage = (message: Message): void => {
      if (isCut && message.kind === 'multipartRequest' && message.body.kind === 'groupDescription')
        target?.close('cut');
    };
    target = await openSwitch(fakeSwitch({ refuse, onMessage }).connect());
    fleet.connect('a', { target, database: () => ({ kind: 'ready' }), openVswitchVersion: '3.1.0' });
    for (let turn = 0; turn < 60; turn += 1) await nextTurn();
    assert.equal(fleet.status('a')?.state, isCut ? 'disconnected' : 'idle');
  }

  const failed = (revision: number): string[] => {
    const { isApplied, failed: failures } = fleet.convergence.pending(revision);
    assert.equal(isApplied, failures.length === 0);
    assert.equal(fleet.convergence.isApplied(revision), isApplied);
    return failures.map(({ key }) => key);
  };

  beforeEach(() => {
    fleet = makeFleet();
    source = new FragmentSource();
    fleet.addHypervisor('a', 'hv-a');
  });

  afterEach(() => fleet.close());

  it('keeps every revision that may have changed it from being applied, not only the last that did', async () => {
    fleet.apply(source.change([], [], [resident]));
    fleet.apply(source.change([version(1)]));
    fleet.apply(source.change([version(2)]));
    fleet.apply(source.change([fragment(3, { scope: onDatapath('d') })]));
    await connect();
    assert.deepEqual([2, 3, 4].map(failed), [['test.rule/9'], ['test.rule/9'], []]);
  });

  it('counts to a revision that came while nothing was known of the switch, if it was lacking before', async () => {
    fleet.apply(source.change([version(1)], [], [resident]));
    await connect();
    assert.deepEqual(failed(1), ['test.rule/9']);
    await connect(true);
    fleet.apply(source.change([version(2)]));
    fleet.apply(source.change([fragment(3, { scope: onDatapath('d') })]));
    await connect();
    assert.deepEqual([1, 2, 3].map(failed), [['test.rule/9'], ['test.rule/9'], []]);
  });

  it('counts to the revision that made its datapath resident there', async () => {
    fleet.apply(source.change([version(1)]));
    fleet.apply(source.change([], [], [resident]));
    fleet.apply(source.change([fragment(3, { scope: onDatapath('d') })]));
    await connect();
    assert.deepEqual([2, 3].map(failed), [['test.rule/9'], []]);
  });

  it('counts to the revision that brought the hypervisor', async () => {
    const everywhere = fragment(9, { scope: { kind: 'everywhere' }, flows: [flow(20, 1)] });
    fleet.close();
    fleet = makeFleet();
    fleet.apply(source.change([everywhere]));
    fleet.addHypervisor('a', 'hv-a');
    fleet.apply(source.change([fragment(3, { scope: onDatapath('d') })]));
    fleet.apply(source.change([fragment(4, { scope: onDatapath('d') })]));
    await connect();
    assert.deepEqual([2, 3].map(failed), [['test.rule/9'], []]);
  });
});

describe('an optional fragment', () => {
  it('that a switch cannot hold is told of, and keeps nothing from being applied', async () => {
    const fleet = makeFleet();
    try {
      const source = new FragmentSource();
      fleet.addHypervisor('a', 'hv-a');
      const meters = [{ id: 77, unit: 'pktps', rate: 5 }] as const;
      const metered = (number: number, isOptional: boolean) =>
        fragment(number, { scope: { kind: 'everywhere' }, meters, ...(isOptional && { isOptional }) });
      const other = fragment(3, { scope: { kind: 'everywhere' } });
      fleet.apply(source.change([metered(9, true), other]));
      // A data path without meters.
      const refuse = ({ message }: SwitchChange) => (message.kind === 'meterMod' ? refusals.badMeter : null);
      const target = await openSwitch(fakeSwitch({ refuse }).connect());
      fleet.connect('a', { target, database: () => ({ kind: 'ready' }), openVswitchVersion: '3.1.0' });
      for (let turn = 0; turn < 60; turn += 1) await nextTurn();
      const { isApplied, failed, applied } = fleet.convergence.pending(1);
      assert.deepEqual([isApplied, failed, applied, fleet.convergence.isApplied(1)], [true, [], 1, true]);
      assert.deepEqual(
        fleet.convergence.failures().map(({ key }) => key),
        ['test.rule/9'],
      );
      fleet.apply(source.change([metered(10, false)]));
      for (let turn = 0; turn < 60; turn += 1) await nextTurn();
      assert.equal(fleet.convergence.isApplied(2), false);
      assert.deepEqual(
        fleet.convergence.pending(2).failed.map(({ key }) => key),
        ['test.rule/10'],
      );
    } finally {
      fleet.close();
    }
  });
});
