/** Forgetting tracked connections: those of a zone, or those that a tuple describes. */
import { list, padding, u16, u8, unsigned, type Infer } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { tlv, tlvCase } from '../../wire/tlv.js';
import { niciraMessage, type ValueOf } from './message.js';

export const CtFlushZone = niciraMessage('ctFlushZone', 29, { gap: padding(6), zone: u16 });
export type CtFlushZone = ValueOf<typeof CtFlushZone>;

/** Addresses are 128 bits; IPv4 as `::ffff:a.b.c.d`. */
const TupleProperty = tlv({
  source: tlvCase(0, struct({ address: unsigned(16) })),
  destination: tlvCase(1, struct({ address: unsigned(16) })),
  sourcePort: tlvCase(2, struct({ port: u16, gap: padding(2) })),
  destinationPort: tlvCase(3, struct({ port: u16, gap: padding(2) })),
  icmpId: tlvCase(4, struct({ id: u16, gap: padding(2) })),
  icmpType: tlvCase(5, struct({ type: u8 })),
  icmpCode: tlvCase(6, struct({ code: u8 })),
});
export type TupleProperty = Infer<typeof TupleProperty>;

const tuple = struct({ gap: padding(4), tuple: list(TupleProperty) });

const CtFlushProperty = tlv({
  original: tlvCase(0, tuple),
  reply: tlvCase(1, tuple),
  zone: tlvCase(2, struct({ zone: u16, gap: padding(2) })),
});
export type CtFlushProperty = Infer<typeof CtFlushProperty>;

/** Open vSwitch 3.1 and later. */
export const CtFlush = niciraMessage('ctFlush', 32, {
  ipProto: u8,
  gap: padding(7),
  properties: list(CtFlushProperty),
});
export type CtFlush = ValueOf<typeof CtFlush>;
