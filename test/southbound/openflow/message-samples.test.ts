import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { decodeMessage, encodeMessage } from '../../../southbound/openflow/message-codec.js';
import { readSamples } from './message-samples.js';

describe('recorded messages of Open vSwitch', () => {
  for (const [name, samples] of readSamples()) {
    it(`${name} is read as what it is and written to the same bytes`, () => {
      assert.ok(samples.length > 0);
      for (const { bytes } of samples) {
        const { message, xid, version } = decodeMessage(bytes);
        const kind = 'body' in message ? `${message.kind}-${message.body.kind}` : message.kind;
        assert.equal(kind, name);
        const again = encodeMessage(message, xid, version);
        assert.equal(Buffer.from(again).toString('hex'), Buffer.from(bytes).toString('hex'));
      }
    });
  }
});
