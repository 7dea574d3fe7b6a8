/** What a switch of unknown content refuses stays there as it was: its groups and meters too, without which its flows would go. */
import { nextTurn } from '../../src/base/next-turn.js';
import assert from 'node:assert/strict';
import type { FragmentBody } from '../../src/compiler/fragment.js';
import type { Message } from '../../southbound/openflow/message-codec.js';
import { group, meter, output, resubmit } from '../../southbound/openflow/actions.js';
import { fakeSwitch } from '../fakes/fake-switch.js';
import { refusals } from '../fakes/switch-tables.js';
import { everywhere, flow, fragment, FragmentSource, makeFleet, openSwitch } from './support.js';

const allPorts = (id: number) =>
  ({ id, type: 'all', buckets: [{ bucketId: 0, actions: [output(id)] }] }) as const satisfies NonNullable<
    FragmentBody['groups']
  >[number];
const limit = { id: 7, unit: 'kbps', rate: 1_000 } as const;

const before = fragment(9, {
  scope: everywhere,
  flows: [flow(20, 1), flow(21, 1, [group(5)]), flow(22, 1, [meter(7), resubmit(23)])],
  groups: [allPorts(5)],
  meters: [limit],
});
const refused = flow(20, 1, [output(1)]);
const other = fragment(3, { scope: everywhere, flows: [flow(25, 1, [group(8)])], groups: [allPorts(8)] });

/** What became of it while nobody was there to tell the switch. */
const versions: Readonly<Record<string, Partial<FragmentBody>>> = {
  'names them no more': { flows: [refused, flow(21, 1), flow(22, 1)] },
  'has nothing in these places': { flows: [refused] },
  'has other ones': {
    flows: [refused, flow(21, 1, [group(6)]), flow(22, 1, [meter(8), resubmit(23)])],
    groups: [allPorts(6)],
    meters: [{ ...limit, id: 8 }],
  },
};

describe('a fragment of which a switch of unknown content holds another version', () => {
  for (const [what, version] of Object.entries(versions)) {
    it(`stays whole there while it is refused, when it ${what}`, async () => {
      let isRefusing = false;
      const isRefused = (message: Message): boolean =>
        isRefusing && message.kind === 'flowMod' && message.tableId === 20;
      const there = fakeSwitch({ refuse: ({ message }) => (isRefused(message) ? refusals.badTable : null) });
      const deliver = async (fragments: readonly ReturnType<typeof fragment>[]) => {
        const fleet = makeFleet();
        fleet.addHypervisor('a', 'hv-a');
        fleet.apply(new FragmentSource().change(fragments));
        const target = await openSwitch(there.connect());
        fleet.connect('a', { target, database: () => ({ kind: 'ready' }), openVswitchVersion: '3.1.0' });
        for (let turn = 0; turn < 60; turn += 1) await nextTurn();
        assert.equal(fleet.status('a')?.state, 'idle');
        return fleet;
      };
      const held = () => Array.from(there.tables.flowsWith(before.cookie), ({ identity, value }) => identity + value);
      (await deliver([before, other])).close();
      const whole = held();
      assert.equal(whole.length, before.flows.length);
      isRefusing = true;
      const fleet = await deliver([{ ...before, groups: [], meters: [], ...version }]);
      assert.deepEqual(held(), whole);
      assert.deepEqual([...there.tables.groups.keys()], [5], 'what nothing of it names goes');
      fleet.audit('a');
      for (let turn = 0; turn < 60; turn += 1) await nextTurn();
      assert.deepEqual(held(), whole, 'it is known to be refused by now');
      fleet.close();
      isRefusing = false;
      const later = await deliver([{ ...before, groups: [], meters: [], ...version }]);
      assert.deepEqual([...there.tables.groups.keys()], version.groups?.map(({ id }) => id) ?? []);
      assert.deepEqual([...there.tables.meters.keys()], version.meters?.map(({ id }) => id) ?? []);
      later.close();
    });
  }

  it('goes whole, though another one that is refused wants a place of it', async () => {
    const there = fakeSwitch({
      refuse: ({ message }) => (message.kind === 'flowMod' && message.tableId === 25 ? refusals.badTable : null),
    });
    const deliver = async (fragments: readonly ReturnType<typeof fragment>[]): Promise<void> => {
      const fleet = makeFleet();
      fleet.addHypervisor('a', 'hv-a');
      fleet.apply(new FragmentSource().change(fragments));
      const target = await openSwitch(there.connect());
      fleet.connect('a', { target, database: () => ({ kind: 'ready' }), openVswitchVersion: '3.1.0' });
      for (let turn = 0; turn < 60; turn += 1) await nextTurn();
      fleet.close();
    };
    await deliver([before]);
    const held = (cookie: bigint) => Array.from(there.tables.flowsWith(cookie), ({ tableId }) => tableId);
    assert.deepEqual(held(before.cookie), [20, 21, 22]);
    const taker = fragment(3, { scope: everywhere, flows: [flow(20, 1, [output(1)]), flow(25, 1)] });
    await deliver([taker]);
    assert.deepEqual([held(before.cookie), held(taker.cookie)], [[], []]);
    const changed = { ...before, flows: [flow(22, 1)], groups: [], meters: [] };
    await deliver([before]);
    await deliver([changed, taker]);
    assert.deepEqual([held(before.cookie), held(taker.cookie)], [[22], []]);
  });
});
