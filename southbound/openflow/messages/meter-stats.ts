/** Multipart statistics, configuration and features of meters. */
import { flagsOf, list, padding, totalLength, u16, u32, u64, u8, type Infer } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { Counters, duration } from './fields.js';
import { MeterBand, MeterFlag } from './meter-mod.js';
import { multipart } from './multipart-kind.js';

const MeterStats = struct({
  meterId: u32,
  totalLength,
  gap: padding(6),
  flowCount: u32,
  packetInCount: u64,
  byteInCount: u64,
  ...duration,
  bands: list(Counters),
});
export type MeterStats = Infer<typeof MeterStats>;

const request = { meterId: u32, gap: padding(4) } as const;

export const MeterStatsKind = multipart('meterStats', 9, { request, reply: { meters: list(MeterStats) } });

const MeterConfig = struct({
  totalLength,
  flags: flagsOf(u16, MeterFlag),
  meterId: u32,
  bands: list(MeterBand),
});
export type MeterConfig = Infer<typeof MeterConfig>;

export const MeterConfigKind = multipart('meterConfig', 10, { request, reply: { meters: list(MeterConfig) } });

export const MeterFeatures = multipart('meterFeatures', 11, {
  request: {},
  reply: {
    maximumMeters: u32,
    bandTypes: u32,
    capabilities: flagsOf(u32, MeterFlag),
    maximumBands: u8,
    maximumColor: u8,
    gap: padding(2),
  },
});
