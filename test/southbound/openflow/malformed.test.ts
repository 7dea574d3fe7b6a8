import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Action, ActionKind } from '../../../southbound/openflow/action.js';
import { actionsCodec } from '../../../southbound/openflow/action-codec.js';
import { note, output } from '../../../southbound/openflow/actions.js';
import { instructionsCodec } from '../../../southbound/openflow/instruction-codec.js';
import { applyActions } from '../../../southbound/openflow/instructions.js';
import { matchCodec, oxmListCodec } from '../../../southbound/openflow/match-codec.js';
import type { Message } from '../../../southbound/openflow/message-codec.js';
import { decodeMessage, encodeMessage, maximumMessageBytes } from '../../../southbound/openflow/message-codec.js';
import { bucket } from '../../../southbound/openflow/messages/bucket.js';
import { flowMod } from '../../../southbound/openflow/messages/flow-mod.js';
import { groupMod } from '../../../southbound/openflow/messages/group-mod.js';
import { formatActions, formatInstructions, formatMatch } from '../../../southbound/openflow/text.js';
import { Version } from '../../../southbound/openflow/version.js';
import type { Codec } from '../../../southbound/wire/codec.js';
import { Reader } from '../../../southbound/wire/reader.js';
import { WireError } from '../../../southbound/wire/wire-error.js';
import { Writer } from '../../../southbound/wire/writer.js';
import { anyMatch, unrestricted } from './arbitraries.js';

const version = fc.constantFrom(...Object.values(Version));

function encode<T>(codec: Codec<T>, value: T, at: number): Uint8Array {
  const writer = new Writer(at);
  codec.encode(writer, value);
  return writer.finish();
}

/** The value, or null when the bytes are refused in the one way that is allowed. */
function decodeOrRefuse<T>(codec: Codec<T>, bytes: Uint8Array, at: number): T | null {
  try {
    return codec.decode(new Reader(bytes, at));
  } catch (error) {
    assert.ok(error instanceof WireError && error.code !== 'out_of_range', String(error));
    return null;
  }
}

/** Valid bytes with some of them changed, cut off or repeated. */
function damaged(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 8, 255))), { maxLength: 6 });
  return fc.tuple(valid, changes, fc.option(fc.nat()), fc.boolean()).map(([bytes, places, cut, isRepeated]) => {
    const copy = Uint8Array.from(isRepeated ? [...bytes, ...bytes] : bytes);
    for (const [place, byte] of places) if (copy.length > 0) copy[place % copy.length] = byte;
    return cut === null || copy.length === 0 ? copy : copy.subarray(0, cut % (copy.length + 1));
  });
}

const anyAction = fc
  .constantFrom(...(Object.keys(unrestricted) as ActionKind[]).filter(kind => kind !== 'meter'))
  .chain(kind => unrestricted[kind] as fc.Arbitrary<Action>);
const actionBytes = fc
  .tuple(fc.array(anyAction, { maxLength: 4 }), version)
  .map(([list, at]) => encode(actionsCodec, list, at));
const matchBytes = fc.tuple(anyMatch, version).map(([match, at]) => encode(matchCodec, match, at));
const instructionBytes = fc
  .tuple(fc.array(anyAction, { maxLength: 3 }), version)
  .map(([list, at]) => encode(instructionsCodec, [applyActions(list)], at));
const noise = fc.uint8Array({ maxLength: 200 });

describe('damaged bytes', () => {
  const options = { numRuns: 1500 };

  it('of actions decode to something that can be printed and encoded, or are refused', () => {
    fc.assert(
      fc.property(fc.oneof(damaged(actionBytes), noise), version, (bytes, at) => {
        const actions = decodeOrRefuse(actionsCodec, bytes, at);
        if (actions === null) return;
        formatActions(actions);
        const again = actionsCodec.decode(new Reader(encode(actionsCodec, actions, at), at));
        // Before OpenFlow 1.5 a masked set_field may come back as several.
        if (at === Version.openflow15) assert.deepEqual(again, actions);
      }),
      options,
    );
  });

  it('of matches decode to something that can be printed and encoded, or are refused', () => {
    fc.assert(
      fc.property(fc.oneof(damaged(matchBytes), noise), version, (bytes, at) => {
        decodeOrRefuse(oxmListCodec, bytes, at);
        const match = decodeOrRefuse(matchCodec, bytes, at);
        if (match === null) return;
        formatMatch(match);
        assert.deepEqual(matchCodec.decode(new Reader(encode(matchCodec, match, at), at)), match);
      }),
      options,
    );
  });

  it('of instructions decode to something that can be printed, or are refused', () => {
    fc.assert(
      fc.property(fc.oneof(damaged(instructionBytes), noise), version, (bytes, at) => {
        const instructions = decodeOrRefuse(instructionsCodec, bytes, at);
        if (instructions !== null) formatInstructions(instructions);
      }),
      options,
    );
  });
});

describe('messages at the limit of 64 kB', () => {
  const isTooLong = (error: unknown) => error instanceof WireError && error.code === 'out_of_range';

  /** Whether the message fits; if so it says its length and reads back, if not the error is the typed one. */
  function fits(message: Message): boolean {
    try {
      const bytes = encodeMessage(message, 1, Version.openflow15);
      assert.equal(new Reader(bytes.subarray(2)).u16(), bytes.length);
      assert.deepEqual(decodeMessage(bytes).message, message);
      return true;
    } catch (error) {
      assert.ok(isTooLong(error), String(error));
      return false;
    }
  }

  const flow = (actions: readonly Action[]) =>
    flowMod({ command: 'add', tableId: 1, instructions: [applyActions(actions)] });
  const group = (actions: readonly Action[]) =>
    groupMod({ command: 'add', type: 'all', groupId: 1, buckets: [bucket({ bucketId: 1, actions })] });

  it('are whole, or a typed error when encoded, and once too long always too long', () => {
    const outputs = (count: number) => Array.from({ length: count }, () => output(1));
    const largest = Math.floor(maximumMessageBytes / 16);
    for (const make of [flow, group]) {
      const sizes = [2000, ...Array.from({ length: 9 }, (_, i) => largest - 7 + i), 9000];
      const results = sizes.map(count => fits(make(outputs(count))));
      assert.equal(results[0], true);
      assert.equal(results.at(-1), false);
      assert.deepEqual(
        results,
        results.toSorted((a, b) => Number(b) - Number(a)),
      );
    }
  });

  it('are whole, or a typed error, also where one action nearly fills them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 65_400, max: 65_600 }), bytes => {
        const isShort = bytes <= 65_400;
        assert.ok(fits(flow([note(new Uint8Array(bytes))])) || !isShort);
      }),
      { numRuns: 50 },
    );
  });

  it('are refused also when many small parts add up', () => {
    const buckets = Array.from({ length: 3000 }, (_, i) => bucket({ bucketId: i, actions: [output(i + 1)] }));
    const message = groupMod({ command: 'add', type: 'all', groupId: 1, buckets });
    assert.throws(() => encodeMessage(message, 1, Version.openflow15), isTooLong);
  });
});
