/** A dump is decoded only as far as it shows what was not met before: whatever is wrong must be found all the same. */
import assert from 'node:assert/strict';
import { SwitchComparison } from '../../src/delivery/comparison.js';
import type { EncodedFragment } from '../../src/delivery/encoded-fragment.js';
import { contentOf } from '../../src/delivery/encoding.js';
import type { ShownFlow } from '../../src/delivery/switch.js';
import { output } from '../../southbound/openflow/actions.js';
import type { Flow, Fragment } from '../../src/compiler/fragment.js';
import { encoded, everywhere, flow, fragment } from './support.js';

describe('a comparison of what was met before', () => {
  const flowsOf = (number: number): Flow[] => [flow(10, number), flow(11, number), flow(12, number)];
  const whole = [1, 2, 3].map(number => fragment(number, { scope: everywhere, flows: flowsOf(number) }));
  let fragments: readonly EncodedFragment[];
  let decoded: number;

  /** As a switch would show the flow; the fingerprint is any number that is its own. */
  const shown = (one: Flow, cookie: bigint): ShownFlow => ({
    fingerprint: Number(cookie & 0xffffn) * 1_000 + one.table + (one.actions[0]?.kind.length ?? 0) / 100,
    decoded: () => {
      decoded += 1;
      return { ...contentOf(one, cookie), packets: 0n, bytes: 0n, durationSeconds: 0 };
    },
  });
  const dump = (of: readonly Fragment[] = whole): ShownFlow[] =>
    of.flatMap(({ flows, cookie }) => flows.map(one => shown(one, cookie)));

  async function compare(flows: readonly ShownFlow[], excluded?: string) {
    decoded = 0;
    const comparison = new SwitchComparison();
    for (const one of fragments) comparison.want(one, one.key !== excluded);
    for (const one of flows) comparison.addShown(one);
    return (await comparison.finish()).map(({ key, flows: { count }, removedFlows }) => [
      key,
      count,
      removedFlows.count,
    ]);
  }

  beforeEach(async () => {
    fragments = whole.map(encoded);
    assert.deepEqual(await compare(dump()), []);
    assert.equal(decoded, 9, 'nothing was met yet');
  });

  it('decodes nothing while all is as it was', async () => {
    assert.deepEqual(await compare(dump()), []);
    assert.equal(decoded, 0);
  });

  it('finds what is lacking', async () => {
    assert.deepEqual(await compare(dump().toSpliced(4, 1)), [['test.rule/2', 1, 0]]);
    assert.deepEqual(
      await compare([]),
      [1, 2, 3].map(number => [`test.rule/${number}`, 3, 0]),
    );
    assert.equal(decoded, 0);
  });

  it('finds what is different, and what nobody wants', async () => {
    const [first] = whole;
    const cookie = first?.cookie ?? 0n;
    const different = shown({ ...flow(10, 1), actions: [output(9)] }, cookie);
    assert.deepEqual(await compare([different, ...dump().slice(1)]), [['test.rule/1', 1, 0]]);
    const added = shown(flow(13, 1), cookie);
    assert.deepEqual(await compare([added, ...dump()]), [['test.rule/1', 0, 1]]);
    const stray = shown(flow(13, 7), 0xffffn);
    assert.deepEqual(await compare([...dump(), stray]), [['stray/0', 0, 1]]);
    assert.equal(decoded, 1);
  });

  it('leaves a fragment alone that was refused', async () => {
    assert.deepEqual(await compare(dump().slice(4), 'test.rule/1'), [['test.rule/2', 1, 0]]);
  });

  it('knows a new version from the one before', async () => {
    const [, , third] = whole;
    const next = { ...(third ?? assert.fail()), flows: [...flowsOf(3), flow(14, 3)] };
    fragments = [...fragments.slice(0, 2), encoded(next)];
    assert.deepEqual(await compare(dump()), [['test.rule/3', 1, 0]]);
    assert.deepEqual(await compare(dump([...whole.slice(0, 2), next])), []);
    assert.deepEqual([await compare(dump([...whole.slice(0, 2), next])), decoded], [[], 0]);
  });
});
