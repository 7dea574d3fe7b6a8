import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Lease } from '../../src/store/lease.js';
import { describeOnBoth } from '../fixtures/stores.js';

describeOnBoth('A lease', store => {
  const contender = (name: string, ttlMs: number): { lease: Lease; heard: string[] } => {
    const heard: string[] = [];
    const events = { acquired: (term: number) => heard.push(`acquired ${term}`), lost: () => heard.push('lost') };
    return { lease: store().lease({ name, holder: randomUUID(), ttlMs }, events), heard };
  };
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise(resolve => setTimeout(resolve, 10));
  };

  it('has one holder, and passes on at once when that stops', async () => {
    const name = randomUUID();
    const [a, b] = [contender(name, 600), contender(name, 600)];
    await a.lease.start();
    await b.lease.start();
    assert.deepEqual([a.lease.term, b.lease.term], [1, null]);
    await a.lease.stop();
    assert.deepEqual(a.heard, ['acquired 1', 'lost']);
    await until(() => b.lease.term !== null);
    assert.equal(b.lease.term, 2);
    await b.lease.stop();
  });

  it('outlives its first term while it is renewed', async () => {
    const { lease, heard } = contender(randomUUID(), 600);
    await lease.start();
    await new Promise(resolve => setTimeout(resolve, 1_500));
    assert.equal(lease.term, 1);
    assert.deepEqual(heard, ['acquired 1']);
    await lease.stop();
  });

  it('grows its term above what a switch has seen', async () => {
    const { lease, heard } = contender(randomUUID(), 1_000);
    await lease.start();
    assert.equal(await lease.raiseTermAbove(500), 501);
    assert.equal(lease.term, 501);
    assert.deepEqual(heard, ['acquired 1', 'acquired 501']);
    await lease.stop();
    assert.equal(await lease.raiseTermAbove(600), null);
  });
});
