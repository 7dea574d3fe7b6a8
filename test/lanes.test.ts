/** The lanes of `npm test`: every test is in one of them, and none of them is the last by much. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lanesOf, lanesOfAllTests, SECONDS } from './lanes.js';

const root = dirname(fileURLToPath(import.meta.url));

describe('The lanes of npm test', () => {
  it('have every test once, and those that start daemons are never the ones with the least priority', () => {
    const { computing, daemons } = lanesOfAllTests();
    const all = [...computing, ...daemons.flat()];
    assert.equal(new Set(all).size, all.length);
    for (const file of ['lanes.test.js', 'architecture.test.js', 'ovs/switching.test.js', 'store/trust.test.js'])
      assert.ok(all.includes(file), file);
    assert.ok(daemons.flat().includes('delivery/real-switch.test.js'));
    assert.equal(computing.at(-1), 'sim/simulation.test.js');
    assert.ok(all.every(file => !file.startsWith('long/') && !file.startsWith('kernel/')));
  });

  it('keep together what shares a server, and take about the same time', () => {
    const files = [...Object.keys(SECONDS).filter(unit => unit.endsWith('.js')), 'store/a.test.js', 'store/b.test.js'];
    const { daemons } = lanesOf(files, () => true);
    const seconds = daemons.map(lane =>
      lane.reduce((sum, file) => sum + (SECONDS[file] ?? (SECONDS['store'] ?? 0) / 2), 0),
    );
    assert.ok(Math.max(...seconds) - Math.min(...seconds) < 40, seconds.join(', '));
    assert.equal(daemons.filter(lane => lane.some(file => file.startsWith('store/'))).length, 1);
  });

  it('are made by the times of files that exist', () => {
    assert.deepEqual(
      Object.keys(SECONDS).filter(unit => !existsSync(join(root, unit))),
      [],
    );
  });
});
