/** Meter-mod: adds, changes or deletes a meter. Open vSwitch takes it in no bundle. */
import { enumOf, flagsOf, list, padding, u16, u32, u8, type Infer } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { tlv, tlvCase } from '../../wire/tlv.js';
import { message, type ValueOf } from './message.js';

export const MeterModCommand = { add: 0, modify: 1, delete: 2 } as const;
export const MeterFlag = { kbps: 1 << 0, pktps: 1 << 1, burst: 1 << 2, stats: 1 << 3 } as const;

/** Rates are in kbit/s or packets/s by the meter's flags, bursts in kbit or packets. */
export const MeterBand = tlv({
  drop: tlvCase(1, struct({ rate: u32, burstSize: u32, gap: padding(4) })),
  dscpRemark: tlvCase(2, struct({ rate: u32, burstSize: u32, precedenceLevel: u8, gap: padding(3) })),
});
export type MeterBand = Infer<typeof MeterBand>;

export const MeterMod = message('meterMod', 29, {
  command: enumOf(u16, MeterModCommand),
  flags: flagsOf(u16, MeterFlag),
  meterId: u32,
  bands: list(MeterBand),
});
export type MeterMod = ValueOf<typeof MeterMod>;
