/**
 * Every flow, group and meter that the rules make comes back from a real Open vSwitch as delivery sent it: without that,
 * each comparison would rewrite what is right.
 */
import assert from 'node:assert/strict';
import { Compiler } from '../../src/compiler/compiler.js';
import type { Fragment } from '../../src/compiler/fragment.js';
import { rules } from '../../src/compiler/rules.js';
import { contentOf, flowImage } from '../../src/delivery/encoding.js';
import { encodeFragment } from '../../src/delivery/encoded-fragment.js';
import type { Fleet } from '../../src/delivery/fleet.js';
import { NetworkView } from '../../src/view/network-view.js';
import { RandomNetwork } from '../compiler/random-network.js';
import { fragmentsOn, wholeFragments } from '../compiler/whole-fragments.js';
import { DummySwitch } from '../ovs/dummy-switch.js';
import { dialSwitch, makeFleet, until } from './support.js';

/** The fragments of one hypervisor; random networks take addresses twice, which the store does not allow: first come. */
function withoutDoubles(fragments: Iterable<Fragment>): Fragment[] {
  const taken = new Set<string>();
  return [...fragments].filter(fragment => {
    const places = fragment.flows.map(flow => flowImage(contentOf(flow, 0n)).identity);
    const isFree = places.every(place => !taken.has(place));
    if (isFree) for (const place of places) taken.add(place);
    return isFree;
  });
}

interface CompiledNetwork {
  readonly hosts: readonly string[];
  readonly fragmentsAt: (hypervisorId: string) => Iterable<Fragment>;
}

/** The first random network of which some hypervisors hold fragments of every rule there is. */
function networkOfEveryRule(hypervisors: number): CompiledNetwork {
  for (let seed = 1; seed <= 200; seed += 1) {
    const view = new NetworkView();
    const compiler = new Compiler(rules, view, wholeFragments);
    const delta = compiler.update(view.replace(new RandomNetwork(seed).snapshot()));
    const hosts = [...new Set(delta.residency.map(one => one.hypervisorId))].slice(0, hypervisors);
    const fragmentsAt = (hypervisorId: string): Iterable<Fragment> => fragmentsOn(compiler, view, hypervisorId);
    const seen = new Set(
      hosts.flatMap(host => [...withoutDoubles(fragmentsAt(host))].map(({ key }) => key.split('/')[0])),
    );
    if (rules.every(({ name }) => seen.has(name))) return { hosts, fragmentsAt };
  }
  return assert.fail('no random network has a fragment of every rule');
}

describe('a compiled network on a real Open vSwitch', function () {
  this.timeout(60_000);
  let ovs: DummySwitch;
  let fleet: Fleet;
  const bridges = ['br0', 'br1', 'br2'];

  before(async () => {
    ovs = await DummySwitch.start({ bridges });
    fleet = makeFleet();
  });

  after(async () => {
    fleet.close();
    await ovs.stop();
  });

  it('is found there exactly as it was sent', async () => {
    const { fragmentsAt, hosts } = networkOfEveryRule(bridges.length);
    for (const [index, hypervisorId] of hosts.entries()) {
      fleet.addHypervisor(hypervisorId, bridges[index] ?? '');
    }
    const perHost = hosts.flatMap(hypervisorId =>
      withoutDoubles(fragmentsAt(hypervisorId)).map(fragment =>
        encodeFragment(
          { ...fragment, key: `${hypervisorId} ${fragment.key}`, scope: { kind: 'hypervisor', hypervisorId } },
          null,
        ),
      ),
    );
    fleet.apply({
      revision: 1,
      changes: perHost.map(after => ({ key: after.key, before: null, after })),
      residency: [],
      meshes: [],
    });
    for (const [index, hypervisorId] of hosts.entries()) {
      const target = await dialSwitch(ovs.managementSocket(bridges[index]));
      fleet.connect(hypervisorId, { target, database: () => ({ kind: 'ready' }), openVswitchVersion: null });
    }
    const progress = await fleet.convergence.waitFor(1, 20_000);
    assert.deepEqual([progress.pending, progress.failed], [[], []]);
    for (const hypervisorId of hosts) {
      const before = fleet.status(hypervisorId)?.counters;
      const { resyncs = 0, repairs = 0 } = before ?? {};
      fleet.audit(hypervisorId);
      await until('audit', () => (fleet.status(hypervisorId)?.counters.resyncs ?? 0) > resyncs);
      await until('idle', () => fleet.status(hypervisorId)?.state === 'idle');
      assert.equal(fleet.status(hypervisorId)?.counters.repairs, repairs, `repairs on ${hypervisorId}`);
    }
  });
});
