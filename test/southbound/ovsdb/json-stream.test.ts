import assert from 'node:assert/strict';
import fc from 'fast-check';
import { JsonStream, JsonStreamError, type JsonObject } from '../../../southbound/ovsdb/json-stream.js';

/** Objects with everything that is awkward for a scanner: quotes, escapes, brackets and long characters inside strings. */
const awkwardText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"', '\\', '\\"', '{', '}]', '\\\\"{', '😀', '日本', '\u2028', '\\u0022', ''),
);
const { message } = fc.letrec<{ message: JsonObject; value: unknown }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    awkwardText,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => number + 0),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('message'),
  ),
  message: fc.dictionary(awkwardText, tie('value'), { maxKeys: 4, noNullPrototype: true }) as fc.Arbitrary<JsonObject>,
}));

/** The bytes in pieces whose lengths are taken from `lengths`, again and again. */
function* pieces(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  for (let start = 0, i = 0; start < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? 1;
    yield bytes.subarray(start, start + length);
    start += length;
  }
}

function readAll(stream: JsonStream, chunks: Iterable<Uint8Array>): JsonObject[] {
  const messages: JsonObject[] = [];
  for (const chunk of chunks) messages.push(...stream.push(chunk));
  return messages;
}

describe('OVSDB JSON stream', () => {
  it('gives the same messages however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 5 }),
        fc.constantFrom('', '\n', ' \t\r\n'),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 10 }),
        (messages, separator, lengths) => {
          const bytes = Buffer.from(messages.map(item => JSON.stringify(item) + separator).join(''));
          const stream = new JsonStream({ depth: 1000, messageBytes: 1 << 20 });
          const expected = messages.map(item => JSON.parse(JSON.stringify(item)) as JsonObject);
          assert.deepEqual(readAll(stream, pieces(bytes, lengths)), expected);
          assert.equal(stream.pendingBytes, 0);
        },
      ),
    );
  });

  it('survives any bytes, mutated messages among them, within its bounds', () => {
    const mutated = fc
      .tuple(message, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }))
      .map(([item, changes]) => {
        const bytes = Buffer.from(JSON.stringify(item));
        for (const [position, byte] of changes) bytes[position % bytes.length] = byte;
        return bytes;
      });
    const chunk = fc.oneof(
      mutated,
      fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 20 }), chunks => {
        const stream = new JsonStream({ depth: 16, messageBytes: 300 });
        try {
          for (const bytes of chunks) {
            for (const read of stream.push(bytes)) assert.equal(typeof read, 'object');
            assert.ok(stream.pendingBytes <= 300);
          }
        } catch (error) {
          assert.ok(error instanceof JsonStreamError);
          assert.throws(() => [...stream.push(Buffer.from('{}'))], JsonStreamError);
          assert.equal(stream.pendingBytes, 0);
        }
      }),
    );
  });

  it('refuses what does not begin with a brace', () => {
    for (const text of ['[', '"a"', '1', 'null', '}', ']', '\u0000', 'é', '{}x']) {
      assert.throws(() => [...new JsonStream().push(Buffer.from(text))], JsonStreamError, text);
    }
  });

  it('refuses nesting beyond the limit, long before JSON.parse would see it', () => {
    const deep = (depth: number) => Buffer.from('{"a":'.repeat(depth) + '1' + '}'.repeat(depth));
    const stream = new JsonStream();
    assert.equal([...stream.push(deep(64))].length, 1);
    assert.throws(() => [...stream.push(deep(65))], /nested deeper than 64/);
    const endless = Buffer.alloc(1 << 20, '[');
    endless[0] = 0x7b;
    assert.throws(() => [...new JsonStream().push(endless)], JsonStreamError);
  });

  it('refuses a message beyond the limit without ever holding more', () => {
    const stream = new JsonStream({ depth: 8, messageBytes: 1000 });
    const part = Buffer.alloc(100, 'a');
    readAll(stream, [Buffer.from('{"a":"')]);
    assert.throws(() => {
      for (let i = 0; i < 100; i++) readAll(stream, [part]);
    }, /longer than 1000 bytes/);
    assert.equal(stream.pendingBytes, 0);
  });

  it('reads a huge string in small chunks in linear time', () => {
    const stream = new JsonStream();
    const text = Buffer.from(`{"a":"${'x\\"'.repeat(1_000_000)}"}`);
    const [read] = readAll(stream, pieces(text, [1, 2, 3, 700]));
    assert.equal(read?.['a'], 'x"'.repeat(1_000_000));
  });

  it('takes a new limit for the bytes to come', () => {
    const stream = new JsonStream({ depth: 8, messageBytes: 4 });
    stream.setLimits({ depth: 8, messageBytes: 100 });
    assert.deepEqual([...stream.push(Buffer.from('{"a":1}'))], [{ a: 1 }]);
  });
});
