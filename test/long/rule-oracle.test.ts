/** 2,000 random rule sets of security groups against their meaning. WEFT_RULE_SETS and WEFT_RULE_SEED choose others. */
import assert from 'node:assert/strict';
import { usesTracedNetwork } from '../ovs/pipeline/traced-network.js';
import { compareRules, ORACLE_BRIDGES, ORACLE_PORTS } from '../ovs/rule-oracle.js';

describe('Rules of many security groups on Open vSwitch', function () {
  this.timeout(1_800_000);
  const network = usesTracedNetwork(ORACLE_BRIDGES, ORACLE_PORTS);

  it('decide as their meaning says', async () => {
    const wanted = Number(process.env['WEFT_RULE_SETS'] ?? 2_000);
    const seed = Number(process.env['WEFT_RULE_SEED'] ?? 1_000);
    const { ruleSets, rules, packets, traces, passed } = await compareRules(network(), {
      ruleSets: wanted,
      packetsEach: 20,
      seed,
    });
    process.stdout.write(
      `    ${ruleSets} rule sets with ${rules} rules, ${packets} packets, ${traces} traces: ${passed} passed, no disagreement\n`,
    );
    assert.equal(ruleSets, wanted);
  });
});
