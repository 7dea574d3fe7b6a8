import assert from 'node:assert/strict';
import { Allowances, Shares } from '../../src/slow-path/allowance.js';
import { FairQueue } from '../../src/slow-path/fair-queue.js';
import { ManualClock } from '../fakes/manual-clock.js';

describe('A fair queue', () => {
  const place = (item: string) => ({ group: item.slice(0, 1), member: item.slice(0, 2) });

  it('gives each group and each of its members a turn, however much one puts in', () => {
    const queue = new FairQueue<string>({ member: 3, group: 4, all: 6 });
    const items = ['ax1', 'ax2', 'ax3', 'ax4', 'ay1', 'az1', 'bx1', 'cx1', 'dx1'];
    const offered = items.map(item => queue.offer(place(item), item));
    assert.deepEqual(offered, [true, true, true, false, true, false, true, true, false]);
    assert.equal(queue.size, 6);
    assert.deepEqual([queue.take(), queue.take(), queue.take()], ['ax1', 'bx1', 'cx1']);
    assert.equal(queue.offer(place('bx2'), 'bx2'), true);
    const rest = Array.from({ length: 5 }, () => queue.take());
    assert.deepEqual(rest, ['ay1', 'bx2', 'ax2', 'ax3', undefined]);
    assert.equal(queue.size, 0);
  });

  it('forgets all at once', () => {
    const queue = new FairQueue<string>({ member: 3, group: 4, all: 6 });
    for (const item of ['ax1', 'ax2', 'bx1']) queue.offer(place(item), item);
    assert.equal(queue.clear(), 3);
    assert.deepEqual([queue.size, queue.take(), queue.clear()], [0, undefined, 0]);
    assert.equal(queue.offer(place('ax3'), 'ax3'), true);
    assert.equal(queue.take(), 'ax3');
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
    clock.advance(999);
    assert.equal(allowances.take('late', rate), false, 'they are not looked through again so soon');
    clock.advance(1);
    assert.equal(allowances.take('late', rate), true);
  });
});

describe('Shares', () => {
  it('leave out nobody who asks for little because others ask for much, and never give more than twice what all may have', () => {
    const clock = new ManualClock();
    const shares = new Shares(clock, { each: 100, all: 500 });
    const take = (key: string, count: number): number =>
      Array.from({ length: count }, () => shares.take(key)).filter(Boolean).length;
    const greedy = Array.from({ length: 6 }, (_, index) => take(`greedy ${index}`, 300));
    // Five have had all of it; an equal part of what six share is still there for the last.
    assert.deepEqual(greedy, [100, 100, 100, 100, 100, 83]);
    assert.equal(take('late', 10), 10);
    const crowd = Array.from({ length: 1_000 }, (_, index) => take(`one of many ${index}`, 3));
    const total = [...greedy, 10, ...crowd].reduce((sum, count) => sum + count, 0);
    assert.ok(total <= 1_000, `${total}`);
    clock.advance(1_000);
    assert.equal(take('greedy 0', 300), 100);
  });
});
