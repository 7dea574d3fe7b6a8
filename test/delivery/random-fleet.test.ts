import assert from 'node:assert/strict';
import { RandomFleet } from './random-fleet.js';

const seeds = Number(process.env['WEFT_TEST_SEEDS'] ?? 12);
const steps = 60;

describe('delivery under random changes and faults', function () {
  this.timeout(200_000 + seeds * 500);

  it(`comes to rest with every switch right, and never says so before (${seeds} seeds)`, async () => {
    let checks = 0;
    for (let seed = 1; seed <= seeds; seed += 1) {
      const fleet = new RandomFleet(seed);
      try {
        await fleet.run(steps);
      } catch (cause) {
        throw new Error(`seed ${seed}`, { cause });
      } finally {
        fleet.close();
      }
      checks += fleet.checks;
    }
    assert.ok(checks > seeds * steps, `only ${checks} checks`);
  });
});
