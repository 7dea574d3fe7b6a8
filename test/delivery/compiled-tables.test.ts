import assert from 'node:assert/strict';
import { rules } from '../../src/compiler/rules.js';
import { Compiler } from '../../src/compiler/compiler.js';
import { CompiledTables } from '../../src/delivery/compiled-tables.js';
import { Packet } from '../../src/trace/packet.js';
import { NetworkView } from '../../src/view/network-view.js';
import { oxm } from '../../southbound/openflow/oxm.js';
import { RandomNetwork } from '../compiler/random-network.js';
import { fragmentsOn, wholeFragments } from '../compiler/whole-fragments.js';
import { SeededRandom } from '../seeded-random.js';
import { encoded, everywhere, flow, fragment, FragmentSource, makeFleet } from './support.js';

const lookUps = 400;

describe('What a hypervisor should hold, as tables', () => {
  it('finds by bytes what the flows themselves say, for packets like their matches', () => {
    const view = new NetworkView();
    const compiler = new Compiler(rules, view, wholeFragments);
    compiler.update(view.replace(new RandomNetwork(1).snapshot()));
    const random = new SeededRandom(7);
    let found = 0;
    for (const { id } of view.rows('hypervisors')) {
      const fragments = fragmentsOn(compiler, view, id);
      const tables = new CompiledTables(fragments.map(each => ({ fragment: encoded(each) })));
      const flows = fragments.flatMap(each => each.flows);
      for (let count = 0; count < lookUps; count += 1) {
        const { table, match } = random.pick(flows);
        const packet = new Packet(new Map(), 100);
        for (const { field, value, mask = field.allBits } of match) packet.set(field, value, mask);
        // One bit of it may be another.
        const changed = random.chance(0.5) ? null : random.pick(match.length === 0 ? [null] : match);
        if (changed !== null) packet.set(changed.field, packet.get(changed.field) ^ 1n);
        const fitting = flows.filter(each => each.table === table && packet.fits(each.match));
        const highest = fitting.reduce((best, { priority }) => Math.max(best, priority), -1);
        const answer = tables.find(table, packet);
        assert.equal(answer?.priority ?? -1, highest, `table ${table} on ${id}`);
        if (answer !== null) found += 1;
      }
    }
    assert.ok(found > lookUps);
  });

  it('follows every change', () => {
    const fleet = makeFleet();
    const source = new FragmentSource();
    fleet.addHypervisor('hv1', 'hv1');
    const keyAt = (metadata: bigint): string | undefined =>
      fleet.tablesOf('hv1').find(10, new Packet(new Map([[oxm.metadata, metadata]]), 100))?.key;
    fleet.apply(source.change([fragment(1, { scope: everywhere })]));
    assert.deepEqual([keyAt(1n), keyAt(2n)], ['test.rule/1', undefined]);
    fleet.apply(source.change([fragment(2, { scope: everywhere, flows: [flow(10, 2)] })], ['test.rule/1']));
    assert.deepEqual([keyAt(1n), keyAt(2n)], [undefined, 'test.rule/2']);
    fleet.close();
  });
});
