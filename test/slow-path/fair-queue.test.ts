import assert from 'node:assert/strict';
import { Allowances } from '../../src/slow-path/allowance.js';
import { FairQueue } from '../../src/slow-path/fair-queue.js';
import { ManualClock } from '../fakes/manual-clock.js';

describe('A fair queue', () => {
  it('gives each member a turn, however much one puts in', () => {
    const queue = new FairQueue<string>({ each: 3, all: 5 });
    const offered = ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'd1'].map(item => queue.offer(item.slice(0, 1), item));
    assert.deepEqual(offered, [true, true, true, false, true, true, false]);
    assert.equal(queue.size, 5);
    assert.deepEqual([queue.take(), queue.take(), queue.take()], ['a1', 'b1', 'c1']);
    assert.equal(queue.offer('b', 'b2'), true);
    assert.deepEqual([queue.take(), queue.take(), queue.take(), queue.take()], ['a2', 'b2', 'a3', undefined]);
    assert.equal(queue.size, 0);
  });
});

describe('Allowances', () => {
  it('are spent by each by itself, and come again with time', () => {
    const clock = new ManualClock();
    const allowances = new Allowances(clock);
    const rate = { perSecond: 10, burst: 2 };
    const take = (key: string): boolean => allowances.take(key, rate);
    assert.deepEqual([take('a'), take('a'), take('a'), take('b')], [true, true, false, true]);
    clock.advance(100);
    assert.deepEqual([take('a'), take('a')], [true, false]);
    clock.advance(60_000);
    assert.deepEqual([take('a'), take('a'), take('a')], [true, true, false]);
  });

  it('are bounded in number: those that are full again are forgotten, and where none is, nobody new gets any', () => {
    const clock = new ManualClock();
    const allowances = new Allowances(clock);
    const rate = { perSecond: 1, burst: 1 };
    for (let key = 0; key < 16_384; key += 1) assert.ok(allowances.take(String(key), rate));
    assert.equal(allowances.take('late', rate), false);
    clock.advance(1_000);
    assert.equal(allowances.take('late', rate), true);
  });
});
