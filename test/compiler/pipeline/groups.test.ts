import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Action, resubmit, setField } from '../../../southbound/openflow/actions.js';
import { oxm } from '../../../southbound/openflow/oxm.js';
import type { Group } from '../../../src/compiler/fragment.js';
import {
  boundedFloodGroups,
  bucketBytes,
  floodGroups,
  maxGroupBytes,
  type Copy,
} from '../../../src/compiler/pipeline/groups.js';
import { localBudget, localCopyResubmits, passBudget } from '../../../src/compiler/switching/worst-case.js';
import { NetworkBuilder } from '../network-builder.js';

/** How many copies each pass through a switch makes: the first, then those that it leads to. */
function copiesByPass(groups: readonly Group[], id: number): readonly number[] {
  const byId = new Map(groups.map(group => [group.id, group]));
  const passes: number[] = [];
  const begin = (at: number): void => {
    const pass = passes.push(0) - 1;
    const later: number[] = [];
    const follow = (actions: readonly Action[]): void => {
      for (const action of actions) {
        if (action.kind === 'resubmit') passes[pass] = (passes[pass] ?? 0) + 1;
        else if (action.kind === 'group' && byId.get(action.groupId)?.type === 'select') later.push(action.groupId);
        else if (action.kind === 'group') expand(action.groupId);
      }
    };
    const expand = (group: number): void => {
      for (const { actions } of byId.get(group)?.buckets ?? []) follow(actions);
    };
    expand(at);
    for (const each of later) begin(each);
  };
  begin(id);
  return passes;
}

const copy = (n: number, resubmits = 0): Copy => ({
  bucketId: n,
  resubmits,
  actions: [setField(oxm.reg1, BigInt(n)), resubmit(3)],
  continuationId: () => 1_000_000 + n,
});

describe('Flood groups', () => {
  it('reach every copy once, each group in one message, none before what it leads to', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 400, max: 4000 }), (count, maxBytes) => {
        const groups = floodGroups(
          8,
          Array.from({ length: count }, (_, i) => copy(i + 1)),
          maxBytes,
        );
        const byId = new Map(groups.map(group => [group.id, group]));
        assert.equal(byId.size, groups.length);
        const reached: number[] = [];
        const seen = new Set<number>();
        for (const group of groups) {
          assert.ok(group.buckets.reduce((sum, { actions }) => sum + bucketBytes(actions), 0) <= maxBytes);
          for (const { actions } of group.buckets) {
            for (const action of actions) if (action.kind === 'group') assert.ok(seen.has(action.groupId));
          }
          seen.add(group.id);
        }
        for (let at = byId.get(8); at !== undefined; ) {
          let next: number | null = null;
          for (const { bucketId, actions } of at.buckets) {
            const [first] = actions;
            if (first?.kind === 'group') next = first.groupId;
            else reached.push(bucketId);
          }
          at = next === null ? undefined : byId.get(next);
        }
        assert.deepEqual(
          reached,
          Array.from({ length: count }, (_, i) => i + 1),
        );
      }),
    );
  });

  it('beyond what a packet can afford are passes of their own, each within its budget', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 200 }),
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 50, max: 500 }),
        (costs, first, pass) => {
          const copies = costs.map((cost, index) => copy(index + 1, cost));
          const groups = boundedFloodGroups(8, copies, { first, pass }, 2_000);
          assert.equal(new Set(groups.map(({ id }) => id)).size, groups.length);
          for (const { buckets } of groups) {
            assert.ok(buckets.reduce((sum, { actions }) => sum + bucketBytes(actions), 0) <= 2_000);
          }
          let place = 0;
          for (const [index, count] of copiesByPass(groups, 8).entries()) {
            const cost = costs.slice(place, place + count).reduce((sum, each) => sum + each, 0);
            assert.ok(cost <= (index === 0 ? first : pass));
            place += count;
          }
          assert.equal(place, costs.length);
        },
      ),
    );
  });

  it('of a switch with more ports on one hypervisor than a message holds are a chain, in as many passes as it takes', () => {
    const network = new NetworkBuilder().hypervisor('hv1').logicalSwitch('web', '10.0.0.0/16');
    const ports = 4_200;
    for (let n = 1; n <= ports; n += 1) {
      const bytes = `${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`;
      network.port(`p${n}`, 'web', `02:00:00:00:${bytes}`, [`10.0.${n >> 8}.${n & 255}`], ['hv1', n]);
    }
    const { groups } = network.compile().host('hv1');
    const flood = groups.find(({ type, buckets }) => type === 'all' && buckets.some(({ bucketId }) => bucketId === 1));
    const each = localCopyResubmits(null);
    const passes = copiesByPass(groups, flood?.id ?? 0);
    assert.equal(
      passes.reduce((sum, count) => sum + count, 0),
      ports,
    );
    assert.ok(passes.length > 3);
    for (const [index, count] of passes.entries()) {
      assert.ok(count * each <= (index === 0 ? localBudget(1) : passBudget), `${count} copies in pass ${index}`);
    }
    for (const { buckets } of groups) {
      assert.ok(buckets.reduce((sum, { actions }) => sum + bucketBytes(actions), 0) <= maxGroupBytes);
    }
  }).timeout(120_000);
});
