import assert from 'node:assert/strict';
import { rules } from '../../src/compiler/rules.js';
import { OracleFailure, runIncrementalOracle } from './incremental-oracle.js';

const seeds = (count: number): number[] => Array.from({ length: count }, (_, place) => 5_000 + place);

/**
 * 1,000 sequences of 30 operations over every verb and field of every noun, with at least 100 ports. In a round of 25
 * sequences each begins where the last has ended.
 */
const everySequence = { rules, sequences: seeds(1_000), operationsPerSequence: 30, sequencesPerRound: 25 };

describe('The rules', () => {
  it('compile incrementally to what they compile to from scratch, and need each of their reads recorded', function () {
    this.timeout(300_000);
    const { steps, fewestPorts, sites } = runIncrementalOracle(everySequence);
    assert.equal(steps, 30_000);
    assert.ok(fewestPorts >= 100);
    assert.ok(sites.size >= 20);
    for (const [name, { site, decidedBy }] of sites) {
      assert.ok(decidedBy !== null, `no sequence needs that ${name}`);
      const mutation = { ...everySequence, sequences: decidedBy, unrecorded: site };
      assert.throws(() => runIncrementalOracle(mutation), OracleFailure, name);
    }
  });
});
