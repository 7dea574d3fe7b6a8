import assert from 'node:assert/strict';
import { rules } from '../../src/compiler/rules.js';
import { Compiler } from '../../src/compiler/compiler.js';
import { formatMatch } from '../../southbound/openflow/text.js';
import { NetworkView } from '../../src/view/network-view.js';
import { NetworkBuilder } from './network-builder.js';
import { RandomNetwork } from './random-network.js';
import { fragmentsOn, wholeFragments } from './whole-fragments.js';
import { everySequence, runOracleInShards } from './oracle-shard.js';

/** Of the sequences of test/long/rule-reads.test.ts, which also tries whether each recorded read is needed. */
const someSequences = everySequence(300);

describe('The rules', () => {
  it('compile incrementally to what they compile to from scratch', async function () {
    // It only computes: what fails once fails always, and takes as long as the processors are others'.
    this.retries(0);
    this.timeout(800_000);
    const report = await runOracleInShards(someSequences);
    assert.equal(report.steps, 9_000);
    assert.ok(report.fewestPorts >= 100);
    assert.ok(report.sites.size >= 20);
  });

  it('never give a switch two flows of which one would replace the other', () => {
    // A host that was installed anew, one that was removed, and two addresses of a router in one network.
    const network = new NetworkBuilder()
      .hypervisor('hv1')
      .hypervisor('former', { encapIp: '192.0.2.9' })
      .hypervisor('anew', { encapIp: '192.0.2.9' })
      .hypervisor('removed', { encapIp: '192.0.2.9', allowed: false })
      .logicalSwitch('web', '10.1.0.0/24')
      .router('edge')
      .attach('edge-web', 'edge', 'web', '0a:00:00:00:00:01', ['10.1.0.1/24', '10.1.0.2/24'])
      .port('web1', 'web', '02:00:00:00:01:01', ['10.1.0.11'], ['hv1', 1])
      .port('web2', 'web', '02:00:00:00:01:02', ['10.1.0.12'], ['former', 1])
      .port('web3', 'web', '02:00:00:00:01:03', ['10.1.0.13'], ['anew', 1])
      .port('web4', 'web', '02:00:00:00:01:04', ['10.1.0.14'], ['removed', 1])
      .hypervisor('stranger')
      .logicalSwitch('apart')
      .port('apart1', 'apart', '02:00:00:00:02:01', [], ['stranger', 1])
      .compile();
    const { flows } = network.host('hv1');
    const identities = flows.map(({ table, priority, match }) => `${table} ${priority} ${formatMatch(match)}`);
    assert.deepEqual(
      identities.filter((identity, i) => identities.indexOf(identity) !== i),
      [],
    );
    const reached = network.fragmentsOf('hv1').filter(({ key }) => key.startsWith('tunnels.to-hypervisor/'));
    assert.deepEqual(reached.map(({ owner }) => owner.id).toSorted(), ['anew', 'former']);
  });

  it('give every fragment and every group of a hypervisor an identity of its own', function () {
    this.timeout(120_000);
    for (let seed = 1; seed <= 4; seed += 1) {
      const view = new NetworkView();
      const compiler = new Compiler(rules, view, wholeFragments);
      compiler.update(view.replace(new RandomNetwork(seed).snapshot()));
      for (const { id: hypervisorId } of view.rows('hypervisors')) {
        const fragments = fragmentsOn(compiler, view, hypervisorId);
        assert.equal(new Set(fragments.map(({ cookie }) => cookie)).size, fragments.length);
        const groups = fragments.flatMap(fragment => fragment.groups?.map(({ id }) => id) ?? []);
        assert.equal(new Set(groups).size, groups.length);
      }
    }
  });
});
