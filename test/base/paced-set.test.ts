import assert from 'node:assert/strict';
import { nextTurn } from '../../src/base/next-turn.js';
import { PacedSet } from '../../src/base/paced-set.js';

describe('What is paced', () => {
  it('is done at once while it is little, then so much in each turn, each once however often it was asked for', async () => {
    const done: number[] = [];
    const set = new PacedSet<number>(10, item => done.push(item));
    for (let round = 0; round < 3; round += 1)
      for (let item = 0; item < 35; item += 1) if (item >= done.length) set.add(item);
    assert.equal(done.length, 10);
    assert.equal(set.size, 25);
    const byTurn: number[] = [];
    while (set.size > 0) {
      const before = done.length;
      await nextTurn();
      byTurn.push(done.length - before);
    }
    assert.ok(Math.max(...byTurn) <= 10, `${byTurn.join()} in a turn`);
    assert.deepEqual(
      done,
      Array.from({ length: 35 }, (_, item) => item),
    );
    await nextTurn();
    await nextTurn();
    set.add(99);
    assert.equal(done.at(-1), 99, 'nothing waits any more');
  });

  it('may be asked for anew by what it does', async () => {
    let left = 25;
    const set = new PacedSet<string>(10, item => {
      left -= 1;
      if (left > 0) set.add(item);
    });
    set.add('again');
    assert.equal(left, 15);
    while (left > 0) await nextTurn();
  });
});
