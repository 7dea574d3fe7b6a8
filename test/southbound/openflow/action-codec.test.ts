import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Action, ActionKind } from '../../../southbound/openflow/action.js';
import { actionsCodec } from '../../../southbound/openflow/action-codec.js';
import {
  clone,
  controller,
  load,
  meter,
  note,
  output,
  resubmit,
  setField,
  subfield,
} from '../../../southbound/openflow/actions.js';
import { instructionsCodec } from '../../../southbound/openflow/instruction-codec.js';
import type { Instruction } from '../../../southbound/openflow/instructions.js';
import {
  applyActions,
  clearActions,
  gotoTable,
  meterInstruction,
  writeActions,
  writeMetadata,
} from '../../../southbound/openflow/instructions.js';
import { oxm } from '../../../southbound/openflow/oxm.js';
import { Version } from '../../../southbound/openflow/version.js';
import { Reader } from '../../../southbound/wire/reader.js';
import { WireError } from '../../../southbound/wire/wire-error.js';
import { Writer } from '../../../southbound/wire/writer.js';
import { unrestricted } from './arbitraries.js';

const { openflow13, openflow14, openflow15 } = Version;

interface ListCodec<T> {
  encode(writer: Writer, value: readonly T[]): void;
  decode(reader: Reader): readonly T[];
}

function encode<T>(codec: ListCodec<T>, list: readonly T[], version: number): Uint8Array {
  const writer = new Writer(version);
  codec.encode(writer, list);
  return writer.finish();
}

function roundTrip<T>(codec: ListCodec<T>, list: readonly T[], version: number): readonly T[] {
  return codec.decode(new Reader(encode(codec, list, version), version));
}

function outOfRange(error: unknown): boolean {
  return error instanceof WireError && error.code === 'out_of_range';
}

/** Kinds whose form before OpenFlow 1.5 is another one, with tests of their own below. */
const changedBefore15: readonly ActionKind[] = ['meter', 'setField', 'ct'];

describe('actions on the wire', () => {
  for (const kind of Object.keys(unrestricted) as ActionKind[]) {
    it(`carry ${kind} with every property set`, () => {
      const versions = changedBefore15.includes(kind) ? [openflow15] : [openflow13, openflow14, openflow15];
      fc.assert(
        fc.property(unrestricted[kind] as fc.Arbitrary<Action>, fc.constantFrom(...versions), (action, version) => {
          const bytes = encode(actionsCodec, [action], version);
          assert.equal(bytes.length % 8, 0);
          assert.deepEqual(actionsCodec.decode(new Reader(bytes, version)), [action]);
        }),
      );
    });
  }

  it('say a masked set_field before OpenFlow 1.5 in runs of bits that together are the same', () => {
    fc.assert(
      fc.property(unrestricted.setField, action => {
        const parts = roundTrip(actionsCodec, [action], openflow13);
        let value = 0n;
        let mask = 0n;
        for (const part of parts) {
          assert.equal(part.kind, 'setField');
          if (part.kind !== 'setField') return;
          assert.equal(part.field, action.field);
          value |= part.value;
          mask |= part.mask ?? part.field.allBits;
        }
        assert.equal(value, action.value);
        assert.equal(mask, action.mask ?? action.field.allBits);
      }),
    );
  });

  it('keep several actions in their order', () => {
    const list: Action[] = [setField(oxm.reg1, 5n), resubmit(8), clone([output(1), clone([output(2)])]), output(3)];
    assert.deepEqual(roundTrip(actionsCodec, list, openflow15), list);
  });

  it('fill defaults that a switch would leave out', () => {
    for (const action of [controller(), controller({ pause: true }), resubmit(null, 5), note(new Uint8Array())]) {
      assert.deepEqual(roundTrip(actionsCodec, [action], openflow15), [action]);
    }
  });

  it('are refused with a typed error where the version or the width cannot say them', () => {
    const impossible: readonly (readonly [Action, number])[] = [
      [meter(5), openflow13],
      [resubmit(1, 0x12345), openflow15],
      [{ kind: 'outputRegister', source: subfield(oxm.xxreg0, 0, 128), maxLength: 0 }, openflow15],
      [{ kind: 'setIpTtl', ttl: 256 }, openflow15],
      [note(new Uint8Array(0x10000)), openflow15],
      [{ kind: 'unknown', type: 5, bytes: new Uint8Array(3) }, openflow15],
    ];
    for (const [action, version] of impossible) {
      assert.throws(() => encode(actionsCodec, [action], version), outOfRange, action.kind);
    }
  });

  it('are refused when nested too deep, both ways', () => {
    const nest = (depth: number): Action => (depth === 0 ? output(1) : clone([nest(depth - 1)]));
    assert.deepEqual(roundTrip(actionsCodec, [nest(15)], openflow15), [nest(15)]);
    assert.throws(() => encode(actionsCodec, [nest(16)], openflow15), WireError);
    const levels = 4000;
    const bytes = Buffer.alloc(levels * 16);
    for (let level = 0; level < levels; level += 1) {
      bytes.write('ffff', level * 16, 'hex');
      bytes.writeUInt16BE(bytes.length - level * 16, level * 16 + 2);
      bytes.write('00002320002a', level * 16 + 4, 'hex');
    }
    assert.throws(() => actionsCodec.decode(new Reader(bytes, openflow15)), WireError);
  });

  it('build subfields and loads only inside their field', () => {
    assert.throws(() => subfield(oxm.reg0, 20, 13), RangeError);
    assert.throws(() => load(subfield(oxm.reg0, 0, 4), 16n), RangeError);
    assert.deepEqual(load(subfield(oxm.reg0, 8, 4), 5n), setField(oxm.reg0, 0x500n, 0xf00n));
  });
});

describe('instructions on the wire', () => {
  const all: readonly Instruction[] = [
    applyActions([setField(oxm.reg1, 5n), output(4)]),
    clearActions(),
    writeActions([output(7)]),
    writeMetadata(0x12n, 0xffn),
    gotoTable(9),
    { kind: 'unknown', type: 0xffff, bytes: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) },
  ];

  it('are written in the order of execution and read back', () => {
    assert.deepEqual(roundTrip(instructionsCodec, all, openflow15), all);
    assert.deepEqual(roundTrip(instructionsCodec, all.toReversed(), openflow15), all);
    assert.deepEqual(roundTrip(instructionsCodec, [meterInstruction(5), ...all], openflow13), [
      meterInstruction(5),
      ...all,
    ]);
    assert.deepEqual(roundTrip(instructionsCodec, [writeMetadata(5n)], openflow14), [writeMetadata(5n)]);
  });

  it('leave out what does nothing', () => {
    assert.equal(encode(instructionsCodec, [applyActions([])], openflow15).length, 0);
  });

  it('meter by an action in OpenFlow 1.5 and by an instruction before', () => {
    const flow = [applyActions([meter(5), output(1)])];
    assert.deepEqual(roundTrip(instructionsCodec, flow, openflow15), flow);
    assert.deepEqual(roundTrip(instructionsCodec, flow, openflow13), [meterInstruction(5), applyActions([output(1)])]);
    assert.throws(() => encode(instructionsCodec, [meterInstruction(5)], openflow15), outOfRange);
    assert.throws(() => encode(instructionsCodec, [applyActions([output(1), meter(5)])], openflow13), outOfRange);
  });

  it('are refused when they do not fit their length field', () => {
    const many = Array.from({ length: 5000 }, () => output(1));
    assert.throws(() => encode(instructionsCodec, [applyActions(many)], openflow15), outOfRange);
  });
});
