/**
 * OXS: the statistics of a flow in OpenFlow 1.5, a list of type-length-value items as OXM is for matches. Each number is
 * absent when the switch does not report it; items that are not known are passed over.
 */
import type { Codec } from '../../wire/codec.js';
import { WireError } from '../../wire/wire-error.js';

export interface FlowStatistics {
  readonly durationSeconds?: number;
  readonly durationNanoseconds?: number;
  /** Since a packet last matched. */
  readonly idleSeconds?: number;
  readonly idleNanoseconds?: number;
  readonly flowCount?: number;
  readonly packetCount?: bigint;
  readonly byteCount?: bigint;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const basicClass = 0x8002;
const Field = { duration: 0, idleTime: 1, flowCount: 3, packetCount: 4, byteCount: 5 } as const;
const headerBytes = 4;

/** `struct oxs_stats` of the standard: reserved, length without padding, items, zeros up to 8 bytes. */
export const oxsStatistics: Codec<FlowStatistics> = {
  minimumBytes: 8,
  encode: (writer, value) => {
    const start = writer.offset;
    writer.u32(0);
    const header = (field: number, length: number): void => {
      writer.u16(basicClass);
      writer.u8(field << 1);
      writer.u8(length);
    };
    if (value.durationSeconds !== undefined) {
      header(Field.duration, 8);
      writer.u32(value.durationSeconds);
      writer.u32(value.durationNanoseconds ?? 0);
    }
    if (value.idleSeconds !== undefined) {
      header(Field.idleTime, 8);
      writer.u32(value.idleSeconds);
      writer.u32(value.idleNanoseconds ?? 0);
    }
    if (value.packetCount !== undefined) {
      header(Field.packetCount, 8);
      writer.u64(value.packetCount);
    }
    if (value.byteCount !== undefined) {
      header(Field.byteCount, 8);
      writer.u64(value.byteCount);
    }
    if (value.flowCount !== undefined) {
      header(Field.flowCount, 4);
      writer.u32(value.flowCount);
    }
    writer.patchU16(start + 2, writer.offset - start);
    writer.align(8, start);
  },
  decode: reader => {
    const start = reader.offset;
    reader.skip(2);
    const length = reader.u16();
    const items = reader.within(length - headerBytes);
    reader.align(8, start);
    const value: Mutable<FlowStatistics> = {};
    while (items.remaining > 0) {
      const at = items.offset;
      const oxsClass = items.u16();
      const field = items.u8() >> 1;
      const item = items.within(items.u8());
      if (oxsClass !== basicClass) continue;
      if (field === Field.duration) {
        value.durationSeconds = item.u32();
        value.durationNanoseconds = item.u32();
      } else if (field === Field.idleTime) {
        value.idleSeconds = item.u32();
        value.idleNanoseconds = item.u32();
      } else if (field === Field.flowCount) value.flowCount = item.u32();
      else if (field === Field.packetCount) value.packetCount = item.u64();
      else if (field === Field.byteCount) value.byteCount = item.u64();
      else continue;
      if (item.remaining > 0) throw new WireError('bad_length', `OXS field ${field} is too long`, at);
    }
    return value;
  },
};
