/** Counters are found where the compiler has put them: in the flows of a compiled network. */
import assert from 'node:assert/strict';
import { ruleReading } from '../../src/compiler/acl/rule-counts.js';
import { dropReading } from '../../src/compiler/drops/drops.js';
import { meterId, meterSlot, sharedMeterId } from '../../src/compiler/identifiers.js';
import { dropReasons } from '../../src/compiler/pipeline/drop-reasons.js';
import { readDrops, readDropTotals, readRuleCounts } from '../../src/delivery/counter-reading.js';
import type { FlowFilter, Switch, SwitchFlow } from '../../src/delivery/switch.js';
import { NetworkBuilder } from '../compiler/network-builder.js';

const ruleCount = 40;
const ids = Array.from({ length: ruleCount }, (_, index) => `rule ${index}`);

const builder = new NetworkBuilder()
  .hypervisor('hv1')
  .logicalSwitch('net', '10.0.0.0/24')
  .securityGroup('web')
  .securityGroup('elsewhere')
  .rule('not here', 'elsewhere', 'ingress')
  .port('a', 'net', '02:00:00:00:00:01', ['10.0.0.1'], ['hv1', 1], { securityGroups: ['web'] });
for (const [index, id] of ids.entries()) builder.rule(id, 'web', 'ingress', { protocol: 'tcp', portMin: index + 1 });
const network = builder.compile();
const flows = network.host('hv1').flows.map(
  (flow, index): SwitchFlow => ({
    ...flow,
    idleTimeout: 0,
    hardTimeout: 0,
    instructions: [],
    packets: BigInt(index),
    bytes: BigInt(index * 60),
    durationSeconds: 7,
  }),
);

/** Answers as a switch with these flows does, and remembers what it was asked. */
class Answering {
  readonly asked: FlowFilter[] = [];
  readonly target = {
    readFlows: async (filter: FlowFilter, onPart: (part: readonly SwitchFlow[]) => Promise<void>) => {
      this.asked.push(filter);
      const { tableId, cookie, cookieMask } = filter;
      await onPart(flows.filter(flow => flow.table === tableId && ((flow.cookie ^ cookie) & cookieMask) === 0n));
    },
    readMeterCounts: async () => [
      { meterId: 24, packets: 5n },
      { meterId: meterId(9, meterSlot.verdictLog), packets: 6n },
      { meterId: sharedMeterId(0), packets: 7n },
    ],
  } as unknown as Switch;
}

const numberOf = (id: string): number => network.view.get('security-group-rules', id)?.number ?? 0;

describe('Counters of switches', () => {
  it('of a rule are found by its cookie, those of many rules in one reading', async () => {
    const some = new Answering();
    const two = await readRuleCounts(some.target, ruleReading, [numberOf('rule 3'), numberOf('not here')]);
    assert.equal(some.asked.length, 2);
    assert.deepEqual(
      two.map(({ ruleNumber }) => ruleNumber),
      [numberOf('rule 3')],
    );
    assert.ok(two.every(({ packets, bytes, durationSeconds }) => bytes === packets * 60n && durationSeconds === 7));
    const many = new Answering();
    const wanted = ids.slice(1).map(numberOf);
    const found = (await readRuleCounts(many.target, ruleReading, wanted)).map(({ ruleNumber }) => ruleNumber);
    assert.equal(many.asked.length, 1);
    assert.deepEqual(new Set(found), new Set(wanted));
    assert.equal(found.length, wanted.length);
    assert.equal((await readRuleCounts(many.target, ruleReading, null)).length, ruleCount);
  });

  it('of drops are there for every reason, and for each meter', async () => {
    const read = await readDropTotals(new Answering().target, dropReading);
    const totals = read.slice(0, -1);
    // Copies that a meter has held back are no drops, of the log (that are told apart) as of the slow path.
    assert.deepEqual(read.at(-1), { source: 'log/76', reason: null, packets: 6n });
    const drops = await readDrops(new Answering().target, dropReading);
    assert.deepEqual(
      drops.filter(({ portNumber }) => portNumber !== null),
      [{ portNumber: 3, reason: 'rate_limit', packets: 5n }],
    );
    const reasons = totals.map(({ reason }) => reason);
    assert.deepEqual(new Set(reasons), new Set(Object.keys(dropReasons)));
    // Some reasons have several flows, which are one account.
    const sources = totals.map(({ source }) => source);
    assert.equal(new Set(sources).size, sources.length);
    const { totalsTable, decode } = dropReading;
    const counted = flows.filter(flow => flow.table === totalsTable).flatMap(flow => decode(flow) ?? []);
    const sum = (of: readonly { readonly packets: bigint }[]) => of.reduce((all, { packets }) => all + packets, 0n);
    assert.ok(counted.length > totals.length);
    assert.equal(sum(totals.slice(0, -1)), sum(counted));
    assert.deepEqual(totals.at(-1), { source: 'rate_limit/24', reason: 'rate_limit', packets: 5n });
  });
});
