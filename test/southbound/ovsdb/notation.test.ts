import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { JsonValue } from '../../../southbound/ovsdb/json-stream.js';
import {
  applyDifference,
  decodeValue,
  defaultValue,
  encodeValue,
  equalValues,
  NotationError,
  type AnyInput,
  type AnyValue,
  type Atom,
  type AtomKind,
  type ColumnType,
} from '../../../southbound/ovsdb/notation.js';

const kinds: readonly AtomKind[] = ['string', 'integer', 'real', 'boolean', 'uuid'];
const atoms: Readonly<Record<AtomKind, fc.Arbitrary<Atom>>> = {
  string: fc.oneof(fc.string(), fc.constantFrom('__proto__', 'set', 'map', 'uuid')),
  integer: fc.integer(),
  real: fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => number + 0),
  boolean: fc.boolean(),
  uuid: fc.uuid(),
};

const typeAndValue: fc.Arbitrary<readonly [ColumnType, AnyValue]> = fc
  .tuple(
    fc.constantFrom<ColumnType['kind'][]>('scalar', 'optional', 'set', 'map'),
    fc.constantFrom(...kinds),
    fc.constantFrom(...kinds),
  )
  .chain(([kind, key, value]): fc.Arbitrary<readonly [ColumnType, AnyValue]> => {
    switch (kind) {
      case 'scalar':
        return atoms[key].map(atom => [{ kind, key }, atom] as const);
      case 'optional':
        return fc.option(atoms[key], { nil: null }).map(atom => [{ kind, key }, atom] as const);
      case 'set':
        return fc
          .uniqueArray(atoms[key], { maxLength: 6 })
          .map(list => [{ kind, key }, canonical({ kind, key }, list)]);
      case 'map': {
        const type = { kind: 'map', key, value } as const;
        return fc
          .array(fc.tuple(atoms[key], atoms[value]), { maxLength: 6 })
          .map(pairs => [type, canonical(type, new Map(pairs))] as const);
      }
    }
  });

/** The value in its one form, with sets and maps sorted. */
function canonical(type: ColumnType, value: AnyInput): AnyValue {
  return decodeValue(type, encodeValue(type, value));
}

describe('OVSDB notation', () => {
  it('reads back what it writes, for every type of column', () => {
    fc.assert(
      fc.property(typeAndValue, ([type, value]) => {
        const overTheWire = JSON.parse(JSON.stringify(encodeValue(type, value))) as JsonValue;
        const read = decodeValue(type, overTheWire);
        assert.deepEqual(read, value);
        assert.ok(equalValues(read, value));
        assert.ok(equalValues(defaultValue(type), decodeValue(type, encodeValue(type, defaultValue(type)))));
      }),
    );
  });

  it('takes one atom for a set of one, as ovsdb-server writes it', () => {
    assert.deepEqual(decodeValue({ kind: 'set', key: 'string' }, 'a'), ['a']);
    assert.equal(decodeValue({ kind: 'optional', key: 'integer' }, 7), 7);
    assert.equal(decodeValue({ kind: 'optional', key: 'integer' }, ['set', []]), null);
  });

  it('writes named UUIDs beside UUIDs', () => {
    const uuid = '0190c0de-0000-7000-8000-00000000c0de';
    assert.deepEqual(encodeValue({ kind: 'set', key: 'uuid' }, [uuid, { named: 'row' }]), [
      'set',
      [
        ['uuid', uuid],
        ['named-uuid', 'row'],
      ],
    ]);
  });

  it('reads any JSON as a value or refuses it, and nothing else', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), typeAndValue, (json, [type]) => {
        try {
          decodeValue(type, json as JsonValue);
        } catch (error) {
          assert.ok(error instanceof NotationError);
        }
      }),
    );
  });

  it('refuses what the type does not allow', () => {
    const refused: readonly (readonly [ColumnType, JsonValue])[] = [
      [{ kind: 'scalar', key: 'integer' }, 1.5],
      [{ kind: 'scalar', key: 'uuid' }, ['uuid', 'not-one']],
      [{ kind: 'optional', key: 'string' }, ['set', ['a', 'b']]],
      [{ kind: 'set', key: 'string' }, ['set']],
      [{ kind: 'map', key: 'string', value: 'string' }, ['map', [['a']]]],
      [{ kind: 'map', key: 'string', value: 'string' }, { a: 'b' }],
    ];
    for (const [type, json] of refused) assert.throws(() => decodeValue(type, json), NotationError);
  });

  it('applies the difference between two sets, or two maps, to come from one to the other', () => {
    const type = { kind: 'set', key: 'integer' } as const;
    const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 20 }), { maxLength: 8 });
    fc.assert(
      fc.property(numbers, numbers, (before, after) => {
        const difference = [...before.filter(n => !after.includes(n)), ...after.filter(n => !before.includes(n))];
        assert.deepEqual(applyDifference(type, canonical(type, before), difference), canonical(type, after));
      }),
    );
    const map = { kind: 'map', key: 'string', value: 'integer' } as const;
    const pairs = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 0, max: 2 })));
    fc.assert(
      fc.property(pairs, pairs, (first, second) => {
        const [before, after] = [new Map(first), new Map(second)];
        const gone = [...before].filter(([key]) => !after.has(key));
        const changed = [...after].filter(([key, value]) => before.get(key) !== value);
        const result = applyDifference(map, before, new Map([...gone, ...changed]));
        assert.ok(equalValues(result, after));
      }),
    );
  });
});
