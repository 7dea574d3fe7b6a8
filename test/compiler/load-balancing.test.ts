/** How load balancers share connections: what the buckets of a group are. */
import assert from 'node:assert/strict';
import { bucketCounts, sharesOf } from '../../src/compiler/pipeline/balanced-selection.js';

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
