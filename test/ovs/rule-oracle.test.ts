/** A sample of the rule sets that test/long compares. */
import assert from 'node:assert/strict';
import { usesTracedNetwork } from './pipeline/traced-network.js';
import { compareRules, ORACLE_BRIDGES, ORACLE_PORTS } from './rule-oracle.js';

describe('Rules of security groups on Open vSwitch', function () {
  this.timeout(120_000);
  const network = usesTracedNetwork(ORACLE_BRIDGES, ORACLE_PORTS);

  it('decide as their meaning says', async () => {
    const { ruleSets, rules, packets, traces, passed } = await compareRules(network(), {
      ruleSets: 50,
      packetsEach: 20,
      seed: 1,
    });
    process.stdout.write(
      `    ${ruleSets} rule sets with ${rules} rules, ${packets} packets, ${traces} traces: ${passed} passed, no disagreement\n`,
    );
    assert.ok(passed > packets / 10 && passed < (packets * 4) / 5, 'nearly all had the same end');
  });
});
