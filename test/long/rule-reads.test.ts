/**
 * The rules over 1,000 random sequences: a read that is recorded and that no sequence needs makes work for nothing, and one that could go
 * unrecorded unnoticed is not tested. `npm test` compares some of these sequences with a compile from scratch.
 */
import assert from 'node:assert/strict';
import { everySequence, runOracleInShards, unnoticedMutations } from '../compiler/oracle-shard.js';

const sequences = everySequence(1_000);

describe('The reads of the rules', function () {
  this.timeout(1_800_000);
  this.retries(0);

  it('are all recorded, and each is needed by some sequence', async () => {
    const report = await runOracleInShards(sequences);
    assert.equal(report.steps, 30_000);
    for (const [name, { decidedBy }] of report.sites) assert.ok(decidedBy !== null, `no sequence needs that ${name}`);
    assert.deepEqual(await unnoticedMutations(sequences, report), []);
    process.stdout.write(`    ${report.steps} steps, ${report.sites.size} reads, each needed\n`);
  });
});
