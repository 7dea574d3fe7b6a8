/** Hostile peers for some seconds, beside real hosts; test/long has the minute, and looks at memory. */
import assert from 'node:assert/strict';
import { fuzzBesideRealHost } from '../fixtures/fuzzed-lab.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';

describe('hostile peers at the listeners for hypervisors', function () {
  this.timeout(120_000);
  const weftLab = usesSharedWeftLab();

  it('disturb no real host, and leave nothing behind', async () => {
    const { connections } = await fuzzBesideRealHost(weftLab(), 4, 4_000);
    assert.ok([...connections.values()].reduce((sum, count) => sum + count, 0) > 50);
  });
});
