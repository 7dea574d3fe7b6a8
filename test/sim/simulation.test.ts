import assert from 'node:assert/strict';
import { plantedFaultNames, type PlantedFault } from './planted-faults.js';
import { runSeeds, Sum } from './seeds.js';
import { SeedProcesses } from './seed-processes.js';

const seeds = 200;
const leastOfEach = 20;
/** In so many seeds each planted fault has to be noticed. A zone is rarely given to another port while the one before is remembered. */
const plantedWithin = (what: PlantedFault): number => (what === 'a conntrack zone that is not emptied' ? 20 : 6);

describe('The simulation', function () {
  this.timeout(600_000);
  this.retries(0);
  /** Two for all tests: the first seeds of a process cost twice what the later ones do. */
  const processes = new SeedProcesses(2);
  after(() => processes.end());

  it(`runs ${seeds} seeds, with every kind of fault`, async () => {
    const sum = new Sum();
    await runSeeds(1, seeds, processes, outcome => sum.add(outcome));
    process.stdout.write(`\n${sum.table()}\n`);
    const failed = sum.failed.map(({ seed, error }) => `seed ${seed}: ${error.slice(0, 200)}`);
    assert.deepEqual(failed, []);
    assert.ok(sum.fewestOperations >= 200 && sum.fewestFaults >= 10);
    for (const [kind, times] of sum.faults) assert.ok(times >= leastOfEach, `${kind}: only ${times} times`);
  });

  it('does the same again with the same seed, in whichever process', async () => {
    for (const seed of [3, 4]) {
      const outcomes = await Promise.all([1, 2].map(() => processes.run({ seed, planted: null })));
      const [first, second] = outcomes.map(outcome => (outcome.kind === 'clean' ? outcome.report.hash : outcome.error));
      assert.match(first ?? '', /^[0-9a-f]+$/);
      assert.equal(second, first);
    }
  });

  describe('notices', () => {
    /** What was noticed of each: all of them are looked for at once. */
    const noticed = new Map<PlantedFault, Promise<string>>();
    before(() => {
      for (const planted of plantedFaultNames) noticed.set(planted, firstViolation(planted));
    });

    async function firstViolation(planted: PlantedFault): Promise<string> {
      for (let seed = 1; seed <= plantedWithin(planted); seed += 1) {
        const outcome = await processes.run({ seed, planted });
        if (outcome.kind === 'failed') return outcome.error;
      }
      return 'nothing';
    }

    for (const planted of plantedFaultNames) {
      it(planted, async () => assert.match((await noticed.get(planted)) ?? '', /Violation/));
    }
  });
});
