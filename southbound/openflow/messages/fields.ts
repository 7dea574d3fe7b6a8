/** Fields that many messages share. */
import { fixedString, list, mapped, u32, u64, unsigned, type Codec, type Infer } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { tlv, type UnknownTlv } from '../../wire/tlv.js';

/** A MAC address in the lower-case colon form. */
export const macAddress: Codec<string> = mapped(
  unsigned(6),
  number =>
    number
      .toString(16)
      .padStart(12, '0')
      .replaceAll(/(?!^)..(?=(?:..)*$)/g, ':$&'),
  text => BigInt(`0x${text.replaceAll(':', '')}`),
);

/** Properties of which none is defined, or none that matters here: all are kept as bytes. */
export const opaqueProperties: Codec<readonly UnknownTlv[]> = list(tlv({}));

/** "Any" or "all", as far as each kind of number has it. */
export const Wildcard = {
  port: 0xffff_ffff,
  group: 0xffff_ffff,
  table: 0xff,
  /** No buffered packet. */
  buffer: 0xffff_ffff,
  /** Every group, in a deletion and in requests about groups. */
  allGroups: 0xffff_fffc,
  /** Every meter, in a deletion and in requests about meters. */
  allMeters: 0xffff_ffff,
} as const;

/** How long something has existed, and what it counted. */
export const counted = { packetCount: u64, byteCount: u64 } as const;
export const duration = { durationSeconds: u32, durationNanoseconds: u32 } as const;

/** Counters of one bucket of a group or one band of a meter. */
export const Counters = struct(counted);
export type Counters = Infer<typeof Counters>;

export const name16 = fixedString(16);
