/** How load balancers share connections: what the buckets of a group are; and in which conntrack zones they are kept. */
import assert from 'node:assert/strict';
import { ownZone, zoneOfPort } from '../../src/compiler/load-balancing/numbers.js';
import { bucketCounts, sharesOf } from '../../src/compiler/pipeline/balanced-selection.js';
import { flow } from '../../src/compiler/pipeline/flow.js';
import { placeOf } from '../../src/compiler/pipeline/registers.js';
import { natZoneRanges } from '../../src/model/logical-router.js';
import { balancedZoneOf, MAX_CT_ZONE } from '../../src/model/port-binding.js';
import { lsInLbSelect } from '../../src/compiler/pipeline/switch-ingress.js';
import { Packet } from '../../src/trace/packet.js';

const backend = (last: number, weight = 1) => ({ ip: `10.0.0.${last}`, port: 80, weight });

describe('Shares of a load balancer', () => {
  it('are in proportion to weights, by as few buckets as there can be', () => {
    assert.deepEqual(bucketCounts([10, 10, 20]), [1, 1, 2]);
    assert.deepEqual(bucketCounts([]), []);
    const counts = bucketCounts([100, 99, 1, ...Array.from({ length: 253 }, () => 97)]);
    assert.ok(counts.reduce((sum, count) => sum + count, 0) <= 384);
    assert.ok(counts.every(count => count >= 1));
  });

  it('keep their bucket whoever else comes, goes or is listed before', () => {
    const idOf = (backends: readonly ReturnType<typeof backend>[], ip: string) =>
      sharesOf(backends).flatMap(share => (share.backend.ip === ip ? [share.bucketId] : []));
    const all = Array.from({ length: 50 }, (_, index) => backend(index + 1));
    const before = idOf(all, '10.0.0.7');
    assert.equal(before.length, 1);
    assert.deepEqual(idOf(all.toReversed(), '10.0.0.7'), before);
    assert.deepEqual(idOf([backend(7), backend(200, 3)].slice(0, 1), '10.0.0.7'), before);
    assert.equal(new Set(sharesOf(all).map(({ bucketId }) => bucketId)).size, 50);
  });
});

describe('The zone of a port for connections to load balancers', () => {
  const ports = [1, 2, 0x1fff, 0x2000, 0x4001, MAX_CT_ZONE];

  /** What the register holds when flows have done this to it. */
  function after(step: typeof ownZone, ctZone: number): number {
    const packet = new Packet(new Map(), 100);
    packet.setPart(placeOf('ctZone'), BigInt(ctZone));
    for (const action of flow(lsInLbSelect, { priority: 1, match: {}, actions: [step] }).actions)
      if (action.kind === 'setField') packet.set(action.field, action.value, action.mask);
    return Number(packet.part(placeOf('ctZone')));
  }

  it('is the one that flows use, which is emptied when the port comes and goes', () => {
    for (const zone of ports) {
      assert.equal(after(ownZone, zone), balancedZoneOf(zone));
      assert.equal(after(zoneOfPort, balancedZoneOf(zone)), zone);
    }
  });

  it("is no other port's, and no router's", () => {
    for (const zone of ports) {
      const balanced = balancedZoneOf(zone);
      assert.ok(balanced > MAX_CT_ZONE && balanced <= 0xffff);
      for (const { first, last } of natZoneRanges) assert.ok(balanced < first || balanced > last, `${balanced}`);
    }
  });
});
