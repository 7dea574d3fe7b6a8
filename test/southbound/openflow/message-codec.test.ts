import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  decodeMessage,
  encodeBundleAdd,
  encodeMessage,
  headerBytes,
  type Message,
} from '../../../southbound/openflow/message-codec.js';
import { flowMod } from '../../../southbound/openflow/messages/flow-mod.js';
import { offeredVersions, hello } from '../../../southbound/openflow/messages/hello.js';
import { Version } from '../../../southbound/openflow/version.js';
import { WireError } from '../../../southbound/wire/wire-error.js';
import { anyMessage, arbitraryMessage, messageKinds } from './arbitrary-message.js';

const versions = Object.values(Version);
const xids = fc.integer({ min: 1, max: 0xffff_ffff });

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

describe('every message', () => {
  for (const kind of messageKinds) {
    it(`${kind} is the same after bytes, with no field at its default`, () => {
      for (const version of versions) {
        fc.assert(
          fc.property(arbitraryMessage(kind, version), xids, (message, xid) => {
            const bytes = encodeMessage(message, xid, version);
            const received = decodeMessage(bytes);
            assert.deepEqual(received, { version, xid, message });
            assert.equal(hex(encodeMessage(received.message, xid, version)), hex(bytes));
          }),
          { numRuns: 25 },
        );
      }
    });
  }

  it('travels in a bundle-add under one xid, in OpenFlow 1.3 as an extension', () => {
    for (const version of versions) {
      fc.assert(
        fc.property(arbitraryMessage('flowMod', version), xids, (message, xid) => {
          const received = decodeMessage(encodeBundleAdd(7, ['atomic', 'ordered'], message, xid, version));
          assert.equal(received.xid, xid);
          assert.equal(received.message.kind, 'bundleAdd');
          if (received.message.kind !== 'bundleAdd') return;
          const { bundleId, flags, message: inner } = received.message;
          assert.deepEqual({ bundleId, flags }, { bundleId: 7, flags: ['atomic', 'ordered'] });
          assert.deepEqual(decodeMessage(inner), { version, xid, message });
        }),
        { numRuns: 25 },
      );
    }
    assert.equal(encodeBundleAdd(7, [], { kind: 'barrierRequest' }, 1, Version.openflow13)[1], 4);
    assert.equal(encodeBundleAdd(7, [], { kind: 'barrierRequest' }, 1, Version.openflow14)[1], 34);
  });

  it('is refused when it is longer than 65,535 bytes', () => {
    const data = new Uint8Array(0x1_0000 - headerBytes);
    const isOutOfRange = (error: unknown): boolean => error instanceof WireError && error.code === 'out_of_range';
    assert.throws(() => encodeMessage({ kind: 'echoRequest', data }, 1, Version.openflow15), isOutOfRange);
    assert.equal(encodeMessage({ kind: 'echoRequest', data: data.subarray(1) }, 1, 6).length, 0xffff);
  });
});

describe('bytes that are no message', () => {
  /** Either a message or a WireError, and a message encodes again. */
  function isHandled(bytes: Uint8Array): void {
    let message: Message;
    try {
      ({ message } = decodeMessage(bytes));
    } catch (error) {
      assert.ok(error instanceof WireError, String(error));
      return;
    }
    assert.equal(typeof message.kind, 'string');
  }

  it('end in a WireError whatever they are', () => {
    const header = fc.record({ version: fc.constantFrom(...versions), type: fc.nat(40), body: fc.uint8Array() });
    fc.assert(
      fc.property(header, ({ version, type, body }) => {
        const bytes = Uint8Array.from([version, type, 0, 0, 0, 0, 0, 1, ...body]);
        new DataView(bytes.buffer).setUint16(2, bytes.length);
        isHandled(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  it('end in a WireError when they are a message with some bytes changed, cut or repeated', () => {
    for (const version of versions) {
      const change = fc.record({ at: fc.nat(400), value: fc.nat(255) });
      fc.assert(
        fc.property(anyMessage(version), fc.array(change, { maxLength: 4 }), fc.nat(300), (message, changes, cut) => {
          const whole = encodeMessage(message, 1, version);
          for (const { at, value } of changes) if (at >= 4) whole[at % whole.length] = value;
          const bytes = whole.slice(0, Math.max(headerBytes, whole.length - cut));
          new DataView(bytes.buffer).setUint16(2, bytes.length);
          isHandled(bytes);
        }),
        { numRuns: 1500 },
      );
    }
  });

  it('are refused when they are not as long as they say', () => {
    const bytes = encodeMessage(flowMod({ command: 'add', tableId: 1 }), 1, Version.openflow15);
    for (const wrong of [bytes.slice(0, -1), Uint8Array.from([...bytes, 0]), bytes.slice(0, 7), new Uint8Array()]) {
      assert.throws(() => decodeMessage(wrong), WireError);
    }
  });
});

describe('a hello', () => {
  it('offers the versions of its bitmap, and without one all up to its own', () => {
    assert.deepEqual([...offeredVersions(hello([4, 6]), 6)], [4, 6]);
    assert.deepEqual([...offeredVersions({ kind: 'hello', elements: [] }, 4)], [1, 2, 3, 4]);
  });
});
