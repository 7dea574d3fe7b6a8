import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { silentLogger } from '../../src/base/log.js';
import { Lease } from '../../src/store/lease.js';
import { ManualClock } from '../fakes/manual-clock.js';
import { describeOnBoth } from '../fixtures/stores.js';

describeOnBoth('A lease', store => {
  const contender = (name: string, ttlMs: number): { lease: Lease; heard: string[] } => {
    const heard: string[] = [];
    const events = {
      acquired: (term: number) => heard.push(`acquired ${term}`),
      lost: () => heard.push('lost'),
      resumed: () => heard.push('resumed'),
    };
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

describe('A lease whose term could not be raised', () => {
  const settings = { name: 'fleet', holder: 'a', ttlMs: 3_000 };

  /** The term that the holder has after some renewals, and the terms that were told. */
  async function after(raise: () => Promise<number | null>): Promise<{ term: number | null; heard: number[] }> {
    const clock = new ManualClock();
    const heard: number[] = [];
    let raises = 0;
    let row = 5;
    const rows = {
      acquire: async () => row,
      raise: async (_: unknown, seen: number) => {
        raises += 1;
        return raises === 1 ? raise() : (row = Math.max(row, seen) + 1);
      },
      release: async () => {},
    };
    const events = { acquired: (term: number) => void heard.push(term), lost: () => {}, resumed: () => {} };
    const lease = new Lease(rows, clock, silentLogger, settings, events);
    await lease.start();
    await lease.raiseTermAbove(8).catch(() => null);
    for (let renewal = 0; renewal < 3; renewal += 1) {
      clock.advance(settings.ttlMs / 3);
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    }
    return { term: lease.term, heard };
  }

  it('raises it when it is renewed, as nobody asks again', async () => {
    const restored = await after(async () => null);
    assert.deepEqual(restored, { term: 9, heard: [5, 9] });
    const out = await after(async () => Promise.reject(new Error('the database does not answer')));
    assert.deepEqual(out, { term: 9, heard: [5, 9] });
  });
});

describe('A lease that has run out while the process was busy', () => {
  const settings = { name: 'fleet', holder: 'a', ttlMs: 3_000 };

  /** A lease that is held, on a clock that jumps: what is asked is answered when the test says so, with a term, null or an error. */
  async function held() {
    const clock = new ManualClock();
    const heard: string[] = [];
    const asked: ((answer: number | null | Error) => void)[] = [];
    const rows = {
      acquire: () =>
        new Promise<number | null>((resolve, reject) => {
          asked.push(answer => (answer instanceof Error ? reject(answer) : resolve(answer)));
        }),
      raise: async () => null,
      release: async () => {},
    };
    const events = {
      acquired: (term: number) => void heard.push(`acquired ${term}`),
      lost: () => void heard.push('lost'),
      resumed: () => void heard.push('resumed'),
    };
    const lease = new Lease(rows, clock, silentLogger, settings, events);
    const answer = async (value: number | null | Error): Promise<void> => {
      (asked.shift() ?? assert.fail('nothing was asked'))(value);
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    };
    const started = lease.start();
    await answer(1);
    await started;
    return { lease, clock, heard, asked, answer };
  }

  it('is asked for once more before it is given up, and believes nothing meanwhile', async () => {
    const { lease, clock, heard, asked, answer } = await held();
    clock.advance(1_000);
    // The answer is there, but the process was busy for longer than the lease lasts: the timer comes first.
    clock.advance(2_500);
    assert.deepEqual([lease.term, lease.isOurs, asked.length], [null, true, 1]);
    await answer(1);
    assert.deepEqual([lease.term, heard], [1, ['acquired 1', 'resumed']], 'the answer to what was asked at 1,000');
    // Half a second of it is left: the next round does not wait for its usual turn.
    clock.advance(300);
    await answer(1);
    clock.advance(1_000);
    await answer(1);
    assert.deepEqual([lease.term, heard], [1, ['acquired 1', 'resumed']]);
  });

  it('is given up when another holds it, when the database does not answer, and after as long again', async () => {
    for (const value of [null, new Error('no answer')]) {
      const { lease, clock, heard, answer } = await held();
      clock.advance(3_000);
      await answer(value);
      assert.deepEqual([lease.term, lease.isOurs, heard], [null, false, ['acquired 1', 'lost']]);
    }
    const { lease, clock, heard } = await held();
    clock.advance(5_999);
    assert.deepEqual([lease.term, heard], [null, ['acquired 1']]);
    clock.advance(1);
    assert.deepEqual([lease.isOurs, heard], [false, ['acquired 1', 'lost']]);
  });

  it('has another term where another had it in between', async () => {
    const { lease, clock, heard, answer } = await held();
    clock.advance(3_000);
    await answer(3);
    assert.deepEqual([lease.term, heard], [3, ['acquired 1', 'acquired 3']]);
  });
});
