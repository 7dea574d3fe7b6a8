import assert from 'node:assert/strict';
import { DesiredState } from '../../src/delivery/desired-state.js';
import { addDigest } from '../../src/delivery/encoding.js';
import { SeededRandom } from '../seeded-random.js';
import { everywhere, flow, fragment, FragmentSource, onDatapath, onHypervisor, onPeersOf } from './support.js';

const hosts = ['h1', 'h2', 'h3'] as const;
const datapaths = ['d1', 'd2', 'd3'] as const;

describe('desired state', () => {
  it('keeps the digest of every hypervisor what its fragments add up to, whatever happens', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = new SeededRandom(seed);
      const source = new FragmentSource();
      const desired = new DesiredState();
      for (let step = 0; step < 60; step += 1) {
        const host = random.pick(hosts);
        if (random.chance(0.1)) desired.removeHypervisor(host);
        else if (random.chance(0.2)) desired.addHypervisor(host);
        const number = random.below(8);
        const scopes = [everywhere, onHypervisor(host), onPeersOf(host), onDatapath(random.pick(datapaths))];
        const scope = random.pick(scopes);
        const flows = Array.from({ length: random.below(3) }, (_, place) => flow(place, random.below(3)));
        const gone = [`test.rule/${random.below(8)}`].filter(key => key !== `test.rule/${number}`);
        const present = gone.filter(key => source.current.has(key));
        const residency = random.chance(0.4)
          ? [{ hypervisorId: host, datapathId: random.pick(datapaths), resident: random.chance(0.6) }]
          : [];
        const meshes = hosts
          .filter(() => random.chance(0.2))
          .map(hypervisorId => ({ hypervisorId, meshId: random.pick(['m1', 'm2']), member: random.chance(0.6) }));
        desired.apply(source.change([fragment(number, { scope, flows })], present, residency, meshes));
        for (const each of hosts) {
          const held = [...desired.fragmentsOn(each)].map(placed => placed.fragment);
          const known = [...desired.hypervisors].includes(each);
          const sum = held.reduce((digest, one) => addDigest(digest, one.digest), 0n);
          if (!known) continue;
          assert.equal(desired.digestOn(each), sum, `seed ${seed}, step ${step}, ${each}`);
          assert.equal(
            desired.flowsOn(each),
            held.reduce((flows, one) => flows + one.flowCount, 0),
          );
          assert.deepEqual(
            held.map(({ key }) => key).toSorted(),
            [...source.current.keys()].filter(key => desired.desiredOn(each, key) !== null).toSorted(),
          );
        }
      }
    }
  });
});
