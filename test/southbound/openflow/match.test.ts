import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalMatch, joinRegisters, matchField, MatchError } from '../../../southbound/openflow/match.js';
import { matchCodec, oxmListCodec } from '../../../southbound/openflow/match-codec.js';
import {
  fieldByCodePoint,
  oxm,
  oxmFields,
  preferredCodePoint,
  unknownField,
} from '../../../southbound/openflow/oxm.js';
import { Version } from '../../../southbound/openflow/version.js';
import { Reader } from '../../../southbound/wire/reader.js';
import { WireError } from '../../../southbound/wire/wire-error.js';
import { Writer } from '../../../southbound/wire/writer.js';
import { anyField, anyMatch, exactField, maskedField } from './arbitraries.js';

const versions = Object.values(Version);

function roundTrip<T>(
  codec: { encode(writer: Writer, value: T): void; decode(reader: Reader): T },
  value: T,
  version: number,
): T {
  const writer = new Writer(version);
  codec.encode(writer, value);
  const reader = new Reader(writer.finish(), version);
  const result = codec.decode(reader);
  assert.equal(reader.remaining, 0);
  return result;
}

describe('the table of match fields', () => {
  it('gives every field code points of its own', () => {
    const points = oxmFields.flatMap(field => field.codePoints.map(code => [field, code] as const));
    for (const [field, code] of points) {
      assert.equal(fieldByCodePoint(code.class, code.field, code.experimenter), field, code.label);
    }
    assert.equal(new Set(points.map(([, code]) => code.label)).size, points.length);
    assert.equal(new Set(oxmFields.map(field => field.name)).size, oxmFields.length);
  });

  it('prefers the code point of the protocol version', () => {
    const labels = [0, Version.openflow13, Version.openflow15].map(v => preferredCodePoint(oxm.tcpFlags, v).label);
    assert.deepEqual(labels, ['NXM_NX_TCP_FLAGS', 'ONFOXM_ET_TCP_FLAGS', 'OXM_OF_TCP_FLAGS']);
    assert.equal(preferredCodePoint(oxm.reg3, Version.openflow15).label, 'NXM_NX_REG3');
  });
});

describe('the normal form of a match', () => {
  it('splits wide registers, and joining them is undone by it', () => {
    const wide = canonicalMatch([matchField(oxm.xxreg1, 0x1n), matchField(oxm.xreg0, 0x5_0000_0000n, 0xf_0000_0000n)]);
    assert.deepEqual(wide, [
      matchField(oxm.reg0, 5n, 0xfn),
      matchField(oxm.reg4, 0n),
      matchField(oxm.reg5, 0n),
      matchField(oxm.reg6, 0n),
      matchField(oxm.reg7, 1n),
    ]);
    assert.deepEqual(canonicalMatch(joinRegisters(wide)), wide);
    assert.deepEqual(
      joinRegisters(wide).map(({ field }) => field.name),
      ['xreg0', 'xreg2', 'xreg3'],
    );
  });

  it('has one way to say a tag, a DSCP and a port', () => {
    assert.deepEqual(canonicalMatch([matchField(oxm.vlanTci, 0x7005n)]), [
      matchField(oxm.vlanVid, 0x1005n),
      matchField(oxm.vlanPcp, 3n),
    ]);
    assert.deepEqual(canonicalMatch([matchField(oxm.ipTos, 0x50n)]), [matchField(oxm.ipDscp, 0x14n)]);
    assert.deepEqual(canonicalMatch([matchField(oxm.inPort16, 0xfffen)]), [matchField(oxm.inPort, 0xffff_fffen)]);
    assert.deepEqual(canonicalMatch([matchField(oxm.packetType, 0n)]), []);
  });

  it('joins conditions on one field and refuses those that contradict each other', () => {
    const halves = [matchField(oxm.reg1, 0x50n, 0xf0n), matchField(oxm.reg1, 0x5n, 0xfn)];
    assert.deepEqual(canonicalMatch(halves), [matchField(oxm.reg1, 0x55n, 0xffn)]);
    const contrary = [matchField(oxm.reg1, 1n), matchField(oxm.reg1, 2n)];
    assert.throws(() => canonicalMatch(contrary), MatchError);
  });

  it('refuses values that do not fit', () => {
    assert.throws(() => canonicalMatch([matchField(oxm.reg1, 1n << 32n)]), MatchError);
    assert.throws(() => canonicalMatch([matchField(oxm.reg1, 3n, 1n)]), MatchError);
    assert.throws(() => canonicalMatch([matchField(oxm.inPort, 1n, 1n)]), MatchError);
  });

  it('does not depend on the order that was given, and is stable', () => {
    fc.assert(
      fc.property(anyMatch, match => {
        const canonical = canonicalMatch(match);
        assert.deepEqual(canonicalMatch(match.toReversed()), canonical);
        assert.deepEqual(canonicalMatch(canonical), canonical);
      }),
    );
  });
});

describe('matches on the wire', () => {
  for (const field of oxmFields) {
    it(`carry ${field.name}, exact and masked`, () => {
      const item = field.maskable ? fc.oneof(exactField(field), maskedField(field)) : exactField(field);
      fc.assert(
        fc.property(item, fc.constantFrom(...versions), (one, version) => {
          assert.deepEqual(roundTrip(oxmListCodec, [one], version), [one]);
          assert.deepEqual(roundTrip(matchCodec, [one], version), canonicalMatch([one]));
        }),
        { numRuns: 20 },
      );
    });
  }

  it('carry any set of fields', () => {
    fc.assert(
      fc.property(anyMatch, fc.constantFrom(...versions), (match, version) => {
        assert.deepEqual(roundTrip(matchCodec, match, version), canonicalMatch(match));
      }),
    );
  });

  it('carry a field that is not in the table as it came', () => {
    const unknown = fc
      .tuple(fc.constantFrom(0x7777, 0xffff), fc.integer({ min: 1, max: 30 }), fc.boolean())
      .chain(([oxmClass, bytes, hasMask]) => {
        const field = unknownField(oxmClass, 99, oxmClass === 0xffff ? 0xabcdef : null, bytes);
        return hasMask ? maskedField(field) : anyField(field);
      });
    fc.assert(
      fc.property(unknown, item => {
        assert.deepEqual(roundTrip(matchCodec, [item], Version.openflow15), [item]);
      }),
    );
  });

  it('are refused where lengths are wrong', () => {
    const hexes = [
      ['0001000500000000', 'bad_length'],
      ['0001000300000000', 'bad_length'],
      ['0001ffff00000000', 'bad_length'],
      ['00010009800002020000000000000000', 'bad_length'],
      ['0001000c80000104000000000000000', 'bad_length'],
      ['0000000400000000', 'bad_value'],
      ['0001000cffff0002000000000000000', 'bad_length'],
    ] as const;
    for (const [text, code] of hexes) {
      const bytes = Buffer.from(text.padEnd(48, '0'), 'hex');
      assert.throws(
        () => matchCodec.decode(new Reader(bytes, Version.openflow15)),
        (error: unknown) => error instanceof WireError && (error.code === code || error.code === 'truncated'),
        text,
      );
    }
  });

  it('are refused with a typed error where the value does not fit', () => {
    const tooWide = [{ field: oxm.reg1, value: 1n << 32n }];
    assert.throws(() => matchCodec.encode(new Writer(Version.openflow15), tooWide), WireError);
    assert.throws(() => oxmListCodec.encode(new Writer(Version.openflow15), tooWide), WireError);
  });
});
