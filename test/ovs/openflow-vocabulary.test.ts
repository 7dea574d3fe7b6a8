/** Bytes and text against the installed Open vSwitch: what it encodes, how it prints, what a switch dumps. */
import assert from 'node:assert/strict';
import fc from 'fast-check';

import { encodeMessage } from '../../southbound/openflow/message-codec.js';
import { flowMod } from '../../southbound/openflow/messages/flow-mod.js';

import { formatFlow } from '../../southbound/openflow/text.js';
import { Version } from '../../southbound/openflow/version.js';

import { encodeWithOvs, printWithOvs } from './ovs-ofctl.js';
import type { ValidFlow } from '../southbound/openflow/valid-flows.js';
import {
  comparableFields,
  comparableKinds,
  flowDoing,
  flowInstructing,
  flowMatching,
  flowSetting,
  settableFields,
} from '../southbound/openflow/valid-flows.js';

const seed = Date.now() & 0x7fff_ffff;
const examplesEach = 6;

/** Several random flows for every field, every action and all instructions. */
const flows: readonly ValidFlow[] = [
  ...comparableFields.map(flowMatching),
  ...comparableKinds.map(flowDoing),
  ...settableFields.map(flowSetting),
  flowInstructing,
].flatMap(arbitrary => fc.sample(arbitrary, { seed, numRuns: examplesEach }));

function encodeFlow({ table, ...flow }: ValidFlow, xid: number, version: number): Uint8Array {
  return encodeMessage(flowMod({ command: 'add', tableId: table, ...flow }), xid, version);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

describe(`agreement with Open vSwitch (seed ${seed})`, function () {
  this.timeout(20_000);

  for (const [name, version] of Object.entries(Version)) {
    it(`our text, read by ovs-ofctl, becomes our bytes: ${name}`, async () => {
      const texts = flows.map(flow => formatFlow(flow));
      const theirs = await encodeWithOvs('add-flows', texts, version);
      assert.equal(theirs.length, flows.length);
      flows.forEach((flow, i) => {
        const bytes = theirs[i] ?? Buffer.alloc(0);
        assert.equal(hexOf(encodeFlow(flow, bytes.readUInt32BE(4), version)), hexOf(bytes), texts[i] ?? '');
      });
    });
  }

  it('our bytes, printed by ovs-ofctl, are our text', async () => {
    const replies = flows.map(({ table, ...flow }, xid) =>
      encodeMessage(
        {
          kind: 'multipartReply',
          more: false,
          body: {
            kind: 'flow',
            flows: [{ ...flow, tableId: table, flags: [], importance: 0, statistics: {} }],
          },
        },
        xid,
        Version.openflow15,
      ),
    );
    const lines = (await printWithOvs(replies)).filter(line => line.startsWith(' cookie='));
    assert.equal(lines.length, flows.length);
    flows.forEach((flow, i) => {
      const plain = (lines[i] ?? '')
        .slice(1)
        .replace(/duration=[^,]*, (table=\d+, )(?:n_packets=\S+ n_bytes=\S+ )?/, '$1');
      assert.equal(formatFlow(flow), plain);
    });
  });
});
