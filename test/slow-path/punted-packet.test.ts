/** Reading where a packet was from what a switch says with it. */
import assert from 'node:assert/strict';
import { readPuntedAt } from '../../src/compiler/punts/punted-packet.js';
import { set } from '../../src/compiler/pipeline/actions.js';
import { dropCount } from '../../src/compiler/pipeline/physical.js';
import { layout } from '../../src/compiler/pipeline/pipelines.js';
import { canonicalMatch, matchField } from '../../southbound/openflow/match.js';
import { oxm } from '../../southbound/openflow/oxm.js';

describe('What a switch says with a packet', () => {
  it('are the registers, in whatever words it has them', () => {
    const values = {
      puntClass: 3,
      dropReason: 28,
      origin: 0xdead_beef,
      inPort: 0xfffe,
      outPort: 7,
      outHost: 0x8001,
      ctZone: 0xabcd,
      aclGroup: 0x1ead_beef,
      aclRule: 0x1bad_cafe,
      verdict: 3,
      ruleKind: 3,
      flood: 2,
      mac: 0xffff_ffff_ffffn,
      address4: 0xcb00_7101,
      address6: (0x2001_0db8n << 96n) | 0x1234n,
    };
    const loads = set(values).render({ layout, stage: dropCount, drop: dropCount });
    const metadata = canonicalMatch([
      matchField(oxm.metadata, 5n),
      ...loads.flatMap(action =>
        action.kind === 'setField' ? [matchField(action.field, action.value, action.mask)] : [],
      ),
    ]);
    const {
      puntClass: _class,
      dropReason: _reason,
      mac: _mac,
      address4,
      address6,
      verdict: _verdict,
      ruleKind: _kind,
      ...numbers
    } = values;
    assert.deepEqual(readPuntedAt(metadata), {
      ...numbers,
      puntClass: 'unreachable',
      dropReason: 'no_route',
      verdict: 'reject',
      direction: 'ingress',
      datapath: 5,
      nextHop: { 4: BigInt(address4), 6: address6 },
    });
    const wide = loads.flatMap(action => (action.kind === 'setField' ? [matchField(action.field, action.value)] : []));
    assert.deepEqual(readPuntedAt([matchField(oxm.metadata, 5n), ...wide]), readPuntedAt(metadata));
    assert.equal(readPuntedAt([]), null);
    const tooLarge = matchField(oxm.metadata, 2n ** 53n);
    assert.equal(readPuntedAt([tooLarge, ...wide]), null);
  });
});
