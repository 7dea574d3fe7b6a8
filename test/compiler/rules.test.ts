import assert from 'node:assert/strict';
import { rules } from '../../src/compiler/rules.js';
import { Compiler } from '../../src/compiler/compiler.js';
import { NetworkView } from '../../src/view/network-view.js';
import { RandomNetwork } from './random-network.js';
import { OracleFailure, runIncrementalOracle } from './incremental-oracle.js';
import { runOracleInShards } from './oracle-shard.js';

const seeds = (count: number): number[] => Array.from({ length: count }, (_, place) => 5_000 + place);

/**
 * 1,000 sequences of 30 operations over every verb and field of every noun, with at least 100 ports. In a round of 25
 * sequences each begins where the last has ended.
 */
const everySequence = { sequences: seeds(1_000), operationsPerSequence: 30, sequencesPerRound: 25 };

describe('The rules', () => {
  it('compile incrementally to what they compile to from scratch, and need each of their reads recorded', async function () {
    this.timeout(300_000);
    const { steps, fewestPorts, sites } = await runOracleInShards(everySequence);
    assert.equal(steps, 30_000);
    assert.ok(fewestPorts >= 100);
    assert.ok(sites.size >= 20);
    for (const [name, { site, decidedBy }] of sites) {
      assert.ok(decidedBy !== null, `no sequence needs that ${name}`);
      const mutation = { rules, ...everySequence, sequences: decidedBy, unrecorded: site };
      assert.throws(() => runIncrementalOracle(mutation), OracleFailure, name);
    }
  });

  it('give every fragment and every group of a hypervisor an identity of its own', function () {
    this.timeout(20_000);
    for (let seed = 1; seed <= 4; seed += 1) {
      const view = new NetworkView();
      const compiler = new Compiler(rules, view);
      compiler.update(view.replace(new RandomNetwork(seed).snapshot()));
      for (const { id: hypervisorId } of view.rows('hypervisors')) {
        const fragments = [
          ...compiler.fragmentsOf({ kind: 'everywhere' }),
          ...compiler.fragmentsOf({ kind: 'hypervisor', hypervisorId }),
          ...view
            .by('residencies', 'hypervisorId', hypervisorId)
            .flatMap(({ datapathId }) => compiler.fragmentsOf({ kind: 'datapath', datapathId })),
        ];
        assert.equal(new Set(fragments.map(({ cookie }) => cookie)).size, fragments.length);
        const groups = fragments.flatMap(fragment => fragment.groups?.map(({ id }) => id) ?? []);
        assert.equal(new Set(groups).size, groups.length);
      }
    }
  });
});
