import type { Codec } from './codec.js';

export interface LengthOptions {
  /** Bytes before the body that the length counts besides the body, the length field itself included. */
  readonly counts: number;
  /** Pads the whole (length field included) with zeros to a multiple of this many bytes. */
  readonly alignment?: number;
  /** Whether the length counts that padding. Default false. */
  readonly countsPadding?: boolean;
}

/**
 * A 16-bit length followed by a body. When read, the body sees exactly the bytes that the length names;
 * bytes that the body leaves unread are skipped, as a later version of the format may have added them.
 */
export function lengthPrefixed<T>(body: Codec<T>, options: LengthOptions): Codec<T> {
  const { counts, alignment = 1, countsPadding = false } = options;
  const minimum = counts + body.minimumBytes;
  return {
    minimumBytes: 2 + body.minimumBytes,
    encode: (writer, value) => {
      const start = writer.reserve(2);
      body.encode(writer, value);
      if (countsPadding) writer.align(alignment, start);
      writer.patchU16(start, writer.offset - start - 2 + counts);
      writer.align(alignment, start);
    },
    decode: reader => {
      const start = reader.offset;
      const length = reader.u16();
      const value = body.decode(reader.within(length - counts, minimum - counts));
      reader.align(alignment, start);
      return value;
    },
  };
}
