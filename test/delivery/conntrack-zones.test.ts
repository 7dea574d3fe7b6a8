import assert from 'node:assert/strict';
import type { FragmentBody } from '../../src/compiler/fragment.js';
import { SwitchComparison } from '../../src/delivery/comparison.js';
import { fragmentDifference } from '../../src/delivery/difference.js';
import { contentOf } from '../../src/delivery/encoding.js';
import { output } from '../../southbound/openflow/actions.js';
import { decodeMessage } from '../../southbound/openflow/message-codec.js';
import { encoded, everywhere, flow, fragment } from './support.js';

/** A port that is not guarded, or is with this zone. */
function port(zone: number | null, exit = 1) {
  const entrance = flow(0, 1, [output(zone ?? 0)]);
  const shownBy = flow(24, zone ?? 0, [output(exit)]);
  const body: FragmentBody = {
    scope: everywhere,
    flows: zone === null ? [entrance, flow(19, 1)] : [entrance, flow(19, 1), shownBy],
    ...(zone === null ? {} : { ctZones: [{ zone, shownBy }] }),
  };
  return fragment(1, body);
}

function zonesOf(messages: readonly Uint8Array[]): readonly number[] {
  return messages.map(bytes => {
    const { message } = decodeMessage(bytes);
    assert.equal(message.kind, 'ctFlushZone');
    return message.zone;
  });
}

describe('conntrack zones', () => {
  it('are emptied before they begin to be used, and when they are used no more', () => {
    const step = (before: ReturnType<typeof port> | null, after: ReturnType<typeof port> | null) => {
      const change = fragmentDifference(before && encoded(before), after && encoded(after));
      return [zonesOf(change.zonesBefore), zonesOf(change.zonesAfter)];
    };
    assert.deepEqual(step(null, port(7)), [[7], []]);
    assert.deepEqual(step(port(null), port(7)), [[7], []]);
    assert.deepEqual(step(port(5), port(7)), [[7], [5]]);
    assert.deepEqual(step(port(7), null), [[], [7]]);
    assert.deepEqual(step(port(7), port(7, 2)), [[], []]);
  });

  it('are emptied where a switch of unknown content does not use them for that port yet, and left alone where it does', async () => {
    const emptied = async (held: ReturnType<typeof port> | null, lost: readonly number[] = []) => {
      const comparison = new SwitchComparison();
      comparison.want(encoded(port(7)), true);
      for (const [index, each] of held?.flows.entries() ?? []) {
        if (!lost.includes(index)) comparison.addFlow(contentOf(each, held?.cookie ?? 0n));
      }
      return (await comparison.finish()).flatMap(({ zonesBefore }) => zonesOf(zonesBefore));
    };
    assert.deepEqual(await emptied(port(7)), []);
    assert.deepEqual(await emptied(port(7, 2)), [], 'it leaves elsewhere');
    assert.deepEqual(await emptied(port(7), [0, 1]), [], 'somebody took other flows away');
    assert.deepEqual(await emptied(null), [7]);
    assert.deepEqual(await emptied(port(5)), [7], 'it had another zone when it was here before');
    assert.deepEqual(await emptied(port(null)), [7], 'it was not guarded');
    assert.deepEqual(await emptied({ ...port(7), cookie: 0x5e00_0700_0000_0002n }), [7], 'another port has it');
  });
});
