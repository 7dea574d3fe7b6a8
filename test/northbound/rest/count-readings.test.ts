import assert from 'node:assert/strict';
import { Askers } from '../../../northbound/rest/askers.js';
import { CountReadings } from '../../../northbound/rest/count-readings.js';
import { WeftError } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/log.js';
import type { HostRuleCounts } from '../../../northbound/rest/network-state.js';
import { ManualClock } from '../../fakes/manual-clock.js';

/** Switches that answer when the test says so. */
class Switches {
  readonly clock = new ManualClock();
  readonly asked: {
    readonly host: string;
    readonly numbers: readonly number[];
    readonly end: (fails?: Error) => void;
  }[] = [];
  readonly readings = new CountReadings({
    clock: this.clock,
    log: silentLogger,
    ruleCounts: (host, numbers) =>
      new Promise<HostRuleCounts | null>((resolve, reject) => {
        const counts = numbers.map(ruleNumber => ({ ruleNumber, packets: this.asked.length, bytes: 0, since: '' }));
        this.asked.push({ host, numbers, end: error => (error === undefined ? resolve(counts) : reject(error)) });
      }),
  });
}

const settled = () => new Promise<void>(resolve => setImmediate(resolve));

describe('Readings of counts', () => {
  it('are shared by who asks before they begin, and never older than the question', async () => {
    const { readings, asked } = new Switches();
    const first = readings.read('hv1', 'group', [1]);
    const later = [readings.read('hv1', 'group', [1, 2]), readings.read('hv1', 'group', [1, 2, 3])];
    assert.equal(asked.length, 1);
    asked[0]?.end();
    assert.deepEqual((await first)?.length, 1);
    await settled();
    assert.deepEqual(
      asked.map(({ numbers }) => numbers),
      [[1], [1, 2, 3]],
    );
    asked[1]?.end();
    const counts = await Promise.all(later);
    assert.ok(counts[0] === counts[1] && counts[0]?.length === 3);
  });

  it('are of one question at a time at a switch, and of so many switches', async () => {
    const { readings, asked } = new Switches();
    const all = Array.from({ length: 40 }, (_, index) => readings.read(`hv${index}`, 'group', [1]));
    const other = readings.read('hv0', 'another', [2]);
    assert.equal(asked.length, 16);
    for (let index = 0; index < 41; index += 1) {
      asked[index]?.end();
      await settled();
      assert.ok(asked.length - index - 1 <= 16);
    }
    assert.ok((await Promise.all([...all, other])).every(counts => counts?.length === 1));
    assert.equal(asked.length, 41);
  });

  it('of a switch that does not answer, or cannot, are missing, and keep nobody else waiting', async () => {
    const { readings, asked, clock } = new Switches();
    const silent = Array.from({ length: 16 }, (_, index) => readings.read(`silent${index}`, 'group', [1]));
    const behind = readings.read('silent0', 'another', [1]);
    clock.advance(4_000);
    const other = readings.read('hv', 'group', [1]);
    assert.equal(asked.length, 16);
    clock.advance(1_000);
    assert.deepEqual(await Promise.all([...silent, behind]), Array(17).fill(null));
    assert.equal(asked.at(-1)?.host, 'hv');
    asked.at(-1)?.end(new Error('too much at once'));
    assert.equal(await other, null);
    // Nobody wants any more what waited behind it.
    asked[0]?.end();
    await settled();
    assert.equal(asked.length, 17);
    assert.equal(clock.pending, 0);
  });
});

describe('Who asks for much', () => {
  it('has so many questions under way, all tenants together so many, and operators their own', () => {
    const askers = new Askers('this');
    const enter = (projectId: string | null, subject: string, count: number): (() => void)[] =>
      Array.from({ length: count }, () => askers.enter({ projectId, subject }));
    const refused = (projectId: string | null, subject: string): void =>
      assert.throws(
        () => askers.enter({ projectId, subject }),
        (error: unknown) => error instanceof WeftError && error.code === 'rate_limited',
      );
    const [leave] = enter('p0', 'a', 8);
    refused('p0', 'b');
    leave?.();
    enter('p0', 'b', 1);
    for (let project = 1; project < 8; project += 1) enter(`p${project}`, 'a', 8);
    refused('p8', 'a');
    enter(null, 'operator', 8);
    refused(null, 'operator');
    enter(null, 'another', 1);
  });
});
