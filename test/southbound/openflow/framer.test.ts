import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { Framer } from '../../../southbound/openflow/framer.js';
import { encodeMessage, headerBytes } from '../../../southbound/openflow/message-codec.js';
import { WireError } from '../../../southbound/wire/wire-error.js';
import { anyMessage } from './arbitrary-message.js';

const maximumHeldBytes = 0xffff;

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Pushes `stream` in pieces whose sizes repeat `sizes`. */
function frame(framer: Framer, stream: Uint8Array, sizes: readonly number[]): readonly string[] {
  const messages: string[] = [];
  let at = 0;
  for (let turn = 0; at < stream.length; turn += 1) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    framer.push(stream.subarray(at, at + size), bytes => messages.push(hex(bytes)) > 0);
    assert.ok(framer.pendingBytes <= maximumHeldBytes);
    at += size;
  }
  return messages;
}

describe('the framer', () => {
  it('finds the same messages however the stream is cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(anyMessage(6), { maxLength: 12 }), sizes, (messages, pieces) => {
        const encoded = messages.map((message, index) => encodeMessage(message, index, 6));
        const stream = Buffer.concat(encoded);
        const framer = new Framer();
        assert.deepEqual(frame(framer, stream, pieces), encoded.map(hex));
        assert.equal(framer.pendingBytes, 0);
      }),
      { numRuns: 300 },
    );
  });

  it('finds every length from 8 to 65,535, cut at any byte', () => {
    fc.assert(
      fc.property(fc.integer({ min: headerBytes, max: 0xffff }), fc.nat(0xffff), (length, cut) => {
        const message = new Uint8Array(length).fill(0xa5);
        new DataView(message.buffer).setUint16(2, length);
        const stream = Buffer.concat([message, message]);
        const first = Math.max(1, cut % stream.length);
        assert.deepEqual(frame(new Framer(), stream, [first, stream.length]), [hex(message), hex(message)]);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses every length below the header, also when it comes byte by byte', () => {
    for (let length = 0; length < headerBytes; length += 1) {
      const stream = Uint8Array.from([6, 0, 0, length, 0, 0, 0, 0]);
      for (const sizes of [[8], [1]]) {
        assert.throws(
          () => frame(new Framer(), stream, sizes),
          error => error instanceof WireError && error.code === 'bad_length',
        );
      }
    }
  });

  it('stops when it is told to', () => {
    const stream = Buffer.concat([1, 2, 3].map(xid => encodeMessage({ kind: 'barrierRequest' }, xid, 6)));
    const seen: string[] = [];
    new Framer().push(stream, bytes => seen.push(hex(bytes)) < 2);
    assert.equal(seen.length, 2);
  });

  it('survives arbitrary bytes within its bound', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 4000 }), { maxLength: 40 }), chunks => {
        const framer = new Framer();
        try {
          for (const chunk of chunks) {
            framer.push(chunk, () => true);
            assert.ok(framer.pendingBytes <= maximumHeldBytes);
          }
        } catch (error) {
          assert.ok(error instanceof WireError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
