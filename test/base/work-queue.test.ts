import assert from 'node:assert/strict';
import { systemClock } from '../../src/base/clock.js';
import type { Clock } from '../../src/base/clock.js';
import { WorkQueue } from '../../src/base/work-queue.js';

/** A clock that moves only when told to. */
function manualClock(): Clock & { advance(ms: number): void } {
  let now = 0;
  const timers = new Set<{ due: number; action: () => void }>();
  return {
    nowMs: () => now,
    wallTime: () => new Date(now),
    after: (delayMs, action) => {
      const timer = { due: now + delayMs, action };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance: ms => {
      now += ms;
      for (const timer of [...timers].filter(each => each.due <= now)) {
        timers.delete(timer);
        timer.action();
      }
    },
  };
}

describe('The work queue', () => {
  it('hands out a key once however often it was added', async () => {
    const queue = new WorkQueue<string>(systemClock);
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    assert.equal(queue.length, 2);
    assert.equal(await queue.take(), 'a');
    assert.equal(await queue.take(), 'b');
    assert.equal(queue.length, 0);
  });

  it('never gives one key to two workers, and gives it again if it was added meanwhile', async () => {
    const queue = new WorkQueue<string>(systemClock);
    queue.add('a');
    assert.equal(await queue.take(), 'a');
    const second = queue.take();
    queue.add('a');
    queue.add('a');
    assert.equal(await Promise.race([second, Promise.resolve('nothing')]), 'nothing');
    queue.done('a');
    assert.equal(await second, 'a');
    queue.done('a');
    assert.equal(queue.idle, true);
  });

  it('backs off by key until the key is forgotten', async () => {
    const clock = manualClock();
    const queue = new WorkQueue<string>(clock, { firstMs: 10, maxMs: 35 });
    const delays = [1, 2, 3, 4].map(() => queue.addRateLimited('a'));
    assert.deepEqual(delays, [10, 20, 35, 35]);
    assert.equal(queue.failuresOf('a'), 4);
    clock.advance(9);
    assert.equal(queue.length, 0);
    clock.advance(1);
    assert.equal(await queue.take(), 'a');
    queue.done('a');
    queue.forget('a');
    assert.equal(queue.addRateLimited('a'), 10);
  });

  it('keeps the earlier of two delays, and an add beats both', () => {
    const clock = manualClock();
    const queue = new WorkQueue<string>(clock);
    queue.addAfter('a', 100);
    queue.addAfter('a', 50);
    queue.addAfter('a', 200);
    clock.advance(50);
    assert.equal(queue.length, 1);
    queue.addAfter('b', 100);
    queue.add('b');
    assert.equal(queue.length, 2);
    clock.advance(1000);
    assert.equal(queue.length, 2);
  });

  it('releases its workers when closed', async () => {
    const queue = new WorkQueue<string>(systemClock);
    const waiting = queue.take();
    queue.close();
    assert.equal(await waiting, undefined);
    assert.equal(await queue.take(), undefined);
    queue.add('a');
    assert.equal(queue.length, 0);
  });
});
