import { WireError } from './wire-error.js';

/** So many bytes always fit a JavaScript number without loss. */
const safeBytes = 6;

/**
 * Reads big-endian values from a window of a buffer. No read passes the end of the window: it throws a
 * WireError instead. `within(length)` gives a child whose window is the next `length` bytes, so that a
 * length field can never reach past the end of what contains it.
 */
export class Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** First byte after the window. */
  readonly end: number;
  /** Version of the protocol that the bytes are written in; codecs whose layout differs ask it. */
  readonly version: number;
  /** Next byte to read. */
  offset: number;

  constructor(bytes: Uint8Array, version = 0, start = 0, end = bytes.length, view?: DataView) {
    if (start < 0 || end < start || end > bytes.length) throw new RangeError('window outside its buffer');
    this.bytes = bytes;
    this.view = view ?? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = start;
    this.end = end;
    this.version = version;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  /** Consumes `length` bytes and returns the offset of the first. Throws `truncated`. */
  take(length: number): number {
    const at = this.offset;
    if (!(length >= 0) || length > this.end - at) {
      throw new WireError('truncated', `${length} bytes needed, ${this.end - at} left`, at);
    }
    this.offset = at + length;
    return at;
  }

  /** Consumes `length` bytes as a reader of their own. `minimum` is checked first. Throws `bad_length`. */
  within(length: number, minimum = 0): Reader {
    const at = this.offset;
    if (!(length >= minimum)) throw new WireError('bad_length', `length ${length} below its minimum ${minimum}`, at);
    if (length > this.end - at) {
      throw new WireError('bad_length', `length ${length} passes the end, ${this.end - at} left`, at);
    }
    this.offset = at + length;
    return new Reader(this.bytes, this.version, at, at + length, this.view);
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }
  u16(): number {
    return this.view.getUint16(this.take(2));
  }
  u32(): number {
    return this.view.getUint32(this.take(4));
  }
  u64(): bigint {
    return this.view.getBigUint64(this.take(8));
  }

  /** An unsigned integer of `length` bytes, 0..255, as in OXM values. */
  unsigned(length: number): bigint {
    let at = this.take(length);
    if (length === 8) return this.view.getBigUint64(at);
    const end = at + length;
    if (length <= safeBytes) {
      let number = 0;
      for (; at < end; at += 1) number = number * 256 + this.view.getUint8(at);
      return BigInt(number);
    }
    let value = 0n;
    for (; end - at >= 8; at += 8) value = (value << 64n) | this.view.getBigUint64(at);
    for (; at < end; at += 1) value = (value << 8n) | BigInt(this.view.getUint8(at));
    return value;
  }

  /** The next `length` bytes as a copy: what is decoded must not keep a received chunk alive. */
  raw(length: number): Uint8Array {
    const at = this.take(length);
    return new Uint8Array(this.bytes.subarray(at, at + length));
  }

  /** All bytes left, as a copy. */
  rest(): Uint8Array {
    return this.raw(this.remaining);
  }

  skip(length: number): void {
    this.take(length);
  }

  /** Skips to the next multiple of `alignment` bytes counted from `start`; stops at the end of the window. */
  align(alignment: number, start: number): void {
    const misaligned = (this.offset - start) % alignment;
    if (misaligned !== 0) this.offset = Math.min(this.end, this.offset + alignment - misaligned);
  }
}
