import { WireError } from './wire-error.js';

/** The largest unsigned integer of 0..255 bytes, the widest that an OXM length can say. */
const largest: readonly bigint[] = Array.from({ length: 256 }, (_, bytes) => (1n << BigInt(bytes * 8)) - 1n);
/** So many bytes always fit a JavaScript number without loss. */
const safeBytes = 6;

/**
 * A growing big-endian buffer. Lengths that are known only afterwards are patched. One writer serves one
 * encoding at a time; `finish()` hands out a copy, so a writer may be reset and used again.
 */
export class Writer {
  /** Version of the protocol to write; codecs whose layout differs ask it. */
  readonly version: number;
  /** The buffer and its view; both are replaced when the buffer grows, so never keep them across a write. */
  bytes: Uint8Array;
  view: DataView;
  /** Bytes written so far. */
  offset = 0;

  constructor(version = 0, capacityBytes = 256) {
    this.version = version;
    this.bytes = new Uint8Array(capacityBytes);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `length` bytes, whose content is undefined until written, and returns their offset. */
  reserve(length: number): number {
    const at = this.offset;
    const end = at + length;
    if (end > this.bytes.length) this.grow(end);
    this.offset = end;
    return at;
  }

  private grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.offset));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  u8(value: number): void {
    if ((value & 0xff) !== value) this.outOfRange(value, 8);
    const at = this.reserve(1);
    this.view.setUint8(at, value);
  }
  u16(value: number): void {
    if ((value & 0xffff) !== value) this.outOfRange(value, 16);
    const at = this.reserve(2);
    this.view.setUint16(at, value);
  }
  u32(value: number): void {
    if (value >>> 0 !== value) this.outOfRange(value, 32);
    const at = this.reserve(4);
    this.view.setUint32(at, value);
  }
  u64(value: bigint): void {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) this.outOfRange(value, 64);
    const at = this.reserve(8);
    this.view.setBigUint64(at, value);
  }

  /** An unsigned integer of `length` bytes, 0..255, as in OXM values. */
  unsigned(value: bigint, length: number): void {
    if (value < 0n || value > (largest[length] ?? -1n)) this.outOfRange(value, length * 8);
    const start = this.reserve(length);
    if (length <= safeBytes) this.putNumber(start, Number(value), length);
    else this.putWide(start + length, value, length);
  }

  private putNumber(at: number, value: number, length: number): void {
    const { view } = this;
    if (length === 4) view.setUint32(at, value);
    else if (length === 2) view.setUint16(at, value);
    else if (length === 1) view.setUint8(at, value);
    else {
      let left = value;
      for (let place = at + length - 1; place >= at; place -= 1) {
        view.setUint8(place, left % 256);
        left = Math.floor(left / 256);
      }
    }
  }

  private putWide(end: number, value: bigint, length: number): void {
    let at = end;
    let left = value;
    let count = length;
    for (; count >= 8; count -= 8) {
      at -= 8;
      this.view.setBigUint64(at, BigInt.asUintN(64, left));
      left >>= 64n;
    }
    for (; count > 0; count -= 1) {
      at -= 1;
      this.view.setUint8(at, Number(left & 0xffn));
      left >>= 8n;
    }
  }

  raw(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
  }

  zero(length: number): void {
    const at = this.reserve(length);
    this.bytes.fill(0, at, at + length);
  }

  /** Zeroes up to the next multiple of `alignment` bytes counted from `start`. */
  align(alignment: number, start: number): void {
    const misaligned = (this.offset - start) % alignment;
    if (misaligned !== 0) this.zero(alignment - misaligned);
  }

  patchU8(at: number, value: number): void {
    if ((value & 0xff) !== value) this.outOfRange(value, 8);
    this.view.setUint8(at, value);
  }
  patchU16(at: number, value: number): void {
    if ((value & 0xffff) !== value) this.outOfRange(value, 16);
    this.view.setUint16(at, value);
  }
  patchU32(at: number, value: number): void {
    if (value >>> 0 !== value) this.outOfRange(value, 32);
    this.view.setUint32(at, value);
  }

  reset(): void {
    this.offset = 0;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.offset);
  }

  private outOfRange(value: number | bigint, bits: number): never {
    throw new WireError('out_of_range', `${value} does not fit ${bits} bits`, this.offset);
  }
}
