import assert from 'node:assert/strict';
import fc from 'fast-check';
import { resubmit, setField } from '../../../southbound/openflow/actions.js';
import { oxm } from '../../../southbound/openflow/oxm.js';
import { bucketBytes, floodGroups, maxGroupBytes, type Copy } from '../../../src/compiler/pipeline/groups.js';
import { maxResubmits, needsDirectOutputs, worstCaseResubmits } from '../../../src/compiler/switching/worst-case.js';
import { NetworkBuilder } from '../network-builder.js';

const copy = (n: number): Copy => ({
  bucketId: n,
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

  it('of a switch with more ports on one hypervisor than a message holds are a chain, and outputs become direct', () => {
    const network = new NetworkBuilder().hypervisor('hv1').logicalSwitch('web', '10.0.0.0/16');
    const ports = 4_200;
    for (let n = 1; n <= ports; n += 1) {
      const bytes = `${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`;
      network.port(`p${n}`, 'web', `02:00:00:00:${bytes}`, [`10.0.${n >> 8}.${n & 255}`], ['hv1', n]);
    }
    const { groups } = network.compile().host('hv1');
    const local = groups.filter(({ buckets }) => buckets.some(({ actions }) => actions[0]?.kind === 'output'));
    assert.ok(local.length > 1);
    const copies = local.flatMap(({ buckets }) => buckets).filter(({ actions }) => actions[0]?.kind === 'output');
    assert.equal(copies.length, ports);
    for (const { buckets } of groups) {
      assert.ok(buckets.reduce((sum, { actions }) => sum + bucketBytes(actions), 0) <= maxGroupBytes);
    }
  }).timeout(20_000);

  it('are computed to stay within the resubmits of Open vSwitch', () => {
    assert.equal(
      needsDirectOutputs(100, () => assert.fail('not asked')),
      false,
    );
    for (const localPorts of [501, 2_000, 3_900, 4_000, 10_000]) {
      for (const hypervisors of [1, 100, 300]) {
        const directOutputs = needsDirectOutputs(localPorts, () => hypervisors);
        const worst = worstCaseResubmits({ localPorts, hypervisors, routers: 8, directOutputs });
        assert.ok(worst <= maxResubmits, `${localPorts} ports, ${hypervisors} hypervisors: ${worst}`);
      }
    }
  });
});
