/** Resets of TCP connections (RFC 9293, section 3.5.2, group 1). */
import { Reader } from '../../../southbound/wire/reader.js';
import { WireError } from '../../../southbound/wire/wire-error.js';
import { Writer } from '../../../southbound/wire/writer.js';
import { checksum, pseudoHeaderSum } from './checksum.js';
import { type IpContent, type IpPacket, ipProtocol } from './frame.js';

const flag = { fin: 0x01, syn: 0x02, rst: 0x04, ack: 0x10 } as const;
const headerBytes = 20;

interface Segment {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  /** What it takes of the sequence: its bytes, and one each for SYN and FIN. */
  readonly length: number;
}

function parseSegment({ payload, payloadBytes }: IpPacket): Segment | null {
  try {
    const reader = new Reader(payload);
    const [srcPort, dstPort, sequence, acknowledgment] = [reader.u16(), reader.u16(), reader.u32(), reader.u32()];
    const offset = (reader.u8() >> 4) * 4;
    const flags = reader.u8();
    if (offset < headerBytes || offset > payloadBytes) return null;
    const marks = ((flags & flag.syn) !== 0 ? 1 : 0) + ((flags & flag.fin) !== 0 ? 1 : 0);
    return { srcPort, dstPort, sequence, acknowledgment, flags, length: payloadBytes - offset + marks };
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause;
    return null;
  }
}

/**
 * The reset that the receiver of `packet` would send; null where there is none: it is a reset itself, or no TCP, or the first of several
 * fragments, whose length nobody knows yet (that of a SYN, which carries nothing, does not matter).
 */
export function tcpReset(packet: IpPacket): IpContent | null {
  const segment = parseSegment(packet);
  if (segment === null || (segment.flags & flag.rst) !== 0) return null;
  if (packet.hasMoreFragments && (segment.flags & flag.syn) === 0) return null;
  const isAcknowledging = (segment.flags & flag.ack) !== 0;
  const writer = new Writer(0, headerBytes);
  writer.u16(segment.dstPort);
  writer.u16(segment.srcPort);
  writer.u32(isAcknowledging ? segment.acknowledgment : 0);
  writer.u32(isAcknowledging ? 0 : (segment.sequence + segment.length) >>> 0);
  writer.u8((headerBytes / 4) << 4);
  writer.u8(isAcknowledging ? flag.rst : flag.rst | flag.ack);
  writer.zero(6);
  const ends = { src: packet.dst, dst: packet.src };
  const initial = pseudoHeaderSum(packet.family, ends, ipProtocol.tcp, headerBytes);
  writer.view.setUint16(16, checksum(writer.bytes.subarray(0, headerBytes), initial));
  return { family: packet.family, protocol: ipProtocol.tcp, ...ends, payload: writer.finish() };
}
