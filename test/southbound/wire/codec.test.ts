import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import * as fc from 'fast-check';
import {
  bytes,
  constant,
  enumOf,
  fixedString,
  flagsOf,
  fromVersion,
  lengthOf,
  list,
  listOf,
  padding,
  restBytes,
  totalLength,
  u16,
  u32,
  u64,
  u8,
  unsigned,
  type Codec,
  type Infer,
} from '../../../southbound/wire/codec.js';
import { Reader } from '../../../southbound/wire/reader.js';
import { struct } from '../../../southbound/wire/struct.js';
import { experimenterCase, tlv, tlvCase } from '../../../southbound/wire/tlv.js';
import { WireError, type WireErrorCode } from '../../../southbound/wire/wire-error.js';
import { Writer } from '../../../southbound/wire/writer.js';

function encode<T>(codec: Codec<T>, value: T, version = 0): Uint8Array {
  const writer = new Writer(version, 1);
  codec.encode(writer, value);
  return writer.finish();
}

function decode<T>(codec: Codec<T>, wire: Uint8Array, version = 0): T {
  return codec.decode(new Reader(wire, version));
}

function hex(wire: Uint8Array): string {
  return Buffer.from(wire).toString('hex');
}

function refuses(code: WireErrorCode, action: () => unknown): void {
  assert.throws(action, error => error instanceof WireError && error.code === code);
}

const Record = struct({
  small: u8,
  gap: padding(3),
  word: u32,
  kind: enumOf(u16, { first: 1, second: 2 }),
  flags: flagsOf(u32, { low: 1, high: 0x8000_0000 }),
  address: unsigned(6),
  name: fixedString(8),
  pair: listOf(2, u16),
  tag: bytes(2),
  big: u64,
  tail: restBytes,
});

const record: Infer<typeof Record> = {
  small: 0xab,
  word: 0xdeadbeef,
  kind: 'second',
  flags: ['low', 'high', 0x10],
  address: 0x0203_0405_0607n,
  name: 'weft',
  pair: [1, 65535],
  tag: Uint8Array.of(9, 8),
  big: 0xffff_ffff_ffff_fffen,
  tail: Uint8Array.of(1, 2, 3),
};

describe('wire codecs', () => {
  it('write a record in the order of its declaration and read it back', () => {
    const wire = encode(Record, record);
    const expected =
      'ab000000 deadbeef 0002 80000011 020304050607 7765667400000000 0001ffff 0908 fffffffffffffffe 010203';
    assert.equal(hex(wire), expected.replaceAll(' ', ''));
    assert.deepEqual(decode(Record, wire), record);
    assert.equal(Record.minimumBytes, wire.length - 3);
  });

  it('refuse a value that does not fit its field, naming the field', () => {
    for (const wrong of [
      { small: 256 },
      { small: -1 },
      { small: 1.5 },
      { word: 2 ** 32 },
      { big: -1n },
      { big: 2n ** 64n },
      { address: 2n ** 48n },
      { name: 'nine-long' },
      { name: 'with\0zero' },
      { pair: [1] },
      { tag: Uint8Array.of(1) },
    ]) {
      refuses('out_of_range', () => encode(Record, { ...record, ...wrong }));
    }
    assert.throws(() => encode(Record, { ...record, small: 256 }), /small: 256/);
  });

  it('keep numbers and bits that have no name', () => {
    const kind = enumOf(u8, { one: 1 });
    assert.deepEqual([decode(kind, Uint8Array.of(1)), decode(kind, Uint8Array.of(7))], ['one', 7]);
    assert.equal(hex(encode(kind, 7)), '07');
    const flags = flagsOf(u8, { a: 1 });
    assert.deepEqual(decode(flags, Uint8Array.of(0x83)), ['a', 0x82]);
    assert.equal(hex(encode(flags, ['a', 0x82])), '83');
  });

  it('choose the layout by the version', () => {
    const codec = fromVersion(5, u32, u16);
    assert.equal(hex(encode(codec, 7, 4)), '0007');
    assert.equal(hex(encode(codec, 7, 5)), '00000007');
  });

  it('refuse a record cut anywhere', () => {
    const wire = encode(Record, { ...record, tail: new Uint8Array() });
    for (let length = 0; length < wire.length; length += 1) {
      refuses('truncated', () => decode(Record, wire.subarray(0, length)));
    }
  });

  it('give every unsigned width back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 16 }), fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), (width, any) => {
        const value = BigInt.asUintN(width * 8, any);
        const wire = encode(unsigned(width), value);
        assert.equal(wire.length, width);
        assert.equal(decode(unsigned(width), wire), value);
      }),
    );
  });
});

describe('lengths in a record', () => {
  const Item = struct({
    id: u8,
    gap: padding(1),
    totalLength,
    size: lengthOf('first'),
    first: list(u16),
    rest: restBytes,
  });
  const item: Infer<typeof Item> = { id: 7, first: [1, 2], rest: Uint8Array.of(9) };

  it('are written afterwards and bound what is read', () => {
    const wire = encode(list(Item), [item, { id: 8, first: [], rest: new Uint8Array() }]);
    assert.equal(hex(wire), '0700000b0004000100020908000006' + '0000');
    assert.deepEqual(decode(list(Item), wire), [item, { id: 8, first: [], rest: new Uint8Array() }]);
  });

  it('are refused below their minimum and past the end of their parent', () => {
    for (const total of [0, 3, 5, 12, 0xffff]) {
      const wire = encode(Item, item);
      wire[2] = total >> 8;
      wire[3] = total & 0xff;
      refuses('bad_length', () => decode(Item, wire));
    }
    for (const size of [6, 0xffff]) {
      const wire = encode(Item, item);
      wire[4] = size >> 8;
      wire[5] = size & 0xff;
      refuses('bad_length', () => decode(Item, wire));
    }
  });

  it('skip what a later version of the format may have added', () => {
    const Short = struct({ totalLength, value: u8 });
    const wire = Uint8Array.of(0, 5, 1, 99, 99, 0, 3, 2);
    assert.deepEqual(decode(list(Short), wire), [{ value: 1 }, { value: 2 }]);
  });

  it('have no meaning outside of a record', () => {
    assert.throws(() => encode(totalLength, undefined), TypeError);
  });
});

describe('a constant', () => {
  it('takes no bytes and tells the kind of a record', () => {
    const Tagged = struct({ kind: constant('tagged'), value: u8 });
    assert.equal(hex(encode(Tagged, { kind: 'tagged', value: 3 })), '03');
    assert.deepEqual(decode(Tagged, Uint8Array.of(3)), { kind: 'tagged', value: 3 });
  });
});

describe('lists and type-length-value unions', () => {
  const Property = tlv({
    weight: tlvCase(0, struct({ weight: u16, gap: padding(2) })),
    ours: experimenterCase(0x2320, 7, struct({ data: restBytes })),
  });
  const Properties = list(Property);
  type Properties = Infer<typeof Properties>;

  it('give each item back, unknown ones with their bytes', () => {
    const value: Properties = [
      { kind: 'weight', weight: 513 },
      { kind: 'ours', data: Uint8Array.of(5) },
      { kind: 'unknown', type: 9, bytes: Uint8Array.of(1, 2, 3) },
      { kind: 'unknown', type: 0xffff, bytes: Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 2, 3) },
      { kind: 'unknown', type: 0xffff, bytes: Uint8Array.of(1) },
    ];
    const wire = encode(Properties, value);
    assert.equal(wire.length % 8, 0);
    assert.equal(hex(wire.subarray(0, 24)), '0000000802010000' + 'ffff000d0000232000000007' + '05000000');
    assert.deepEqual(decode(Properties, wire), value);
  });

  it('refuse an item of length zero instead of looping', () => {
    refuses('bad_length', () => decode(Properties, Uint8Array.of(0, 9, 0, 0, 0, 9, 0, 0)));
    refuses('bad_length', () => decode(list(restBytes.minimumBytes === 0 ? padding(0) : u8), Uint8Array.of(1)));
  });

  it('never hang or throw anything but a WireError on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), input => {
        try {
          const value = decode(Properties, input);
          assert.ok(value.length <= input.length / 4);
        } catch (error) {
          assert.ok(error instanceof WireError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the reader', () => {
  it('keeps a child inside its parent', () => {
    const parent = new Reader(Uint8Array.of(1, 2, 3, 4, 5), 4).within(4);
    const child = parent.within(2);
    assert.deepEqual([child.u8(), child.u8(), child.remaining, child.version], [1, 2, 0, 4]);
    refuses('truncated', () => child.u8());
    refuses('bad_length', () => parent.within(3));
    refuses('bad_length', () => parent.within(1, 2));
    refuses('bad_length', () => parent.within(-1));
    refuses('bad_length', () => parent.within(Number.NaN));
    refuses('truncated', () => parent.skip(-1));
    assert.equal(parent.u16(), 0x0304);
  });

  it('hands out copies, so that what is decoded never keeps a received chunk alive', () => {
    const chunk = Buffer.from([1, 2, 3]);
    const copy = new Reader(chunk).raw(2);
    chunk.fill(0);
    assert.deepEqual([...copy], [1, 2]);
    assert.equal(copy.buffer.byteLength, 2);
  });
});
