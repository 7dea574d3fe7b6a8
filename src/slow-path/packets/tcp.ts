/** Segments of TCP (RFC 9293, section 3.1), and the resets of connections that nobody takes. */
import { Reader } from '../../../southbound/wire/reader.js';
import { Writer } from '../../../southbound/wire/writer.js';
import { checksum, type Ends, pseudoHeaderSum } from './checksum.js';
import { type IpContent, type IpPacket, ipProtocol } from './frame.js';
import { readSafely } from './read-safely.js';

export const tcpFlag = { fin: 0x01, syn: 0x02, rst: 0x04, psh: 0x08, ack: 0x10 } as const;
const headerBytes = 20;

export interface Segment {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  /** How many bytes the other may send. */
  readonly window: number;
  /** As much of it as is there. */
  readonly payload: Uint8Array;
}

export interface ReceivedSegment extends Omit<Segment, 'window'> {
  /** What it takes of the sequence: its bytes, and one each for SYN and FIN. */
  readonly length: number;
}

/** The segment in a packet; null: it is no TCP, or its header is not there. */
export function parseSegment({ protocol, isLaterFragment, payload, payloadBytes }: IpPacket): ReceivedSegment | null {
  if (protocol !== ipProtocol.tcp || isLaterFragment) return null;
  return readSafely(() => {
    const reader = new Reader(payload);
    const [srcPort, dstPort, sequence, acknowledgment] = [reader.u16(), reader.u16(), reader.u32(), reader.u32()];
    const offset = (reader.u8() >> 4) * 4;
    const flags = reader.u8();
    if (offset < headerBytes || offset > payloadBytes) return null;
    const marks = ((flags & tcpFlag.syn) !== 0 ? 1 : 0) + ((flags & tcpFlag.fin) !== 0 ? 1 : 0);
    const length = payloadBytes - offset + marks;
    return {
      srcPort,
      dstPort,
      sequence,
      acknowledgment,
      flags,
      payload: payload.subarray(offset),
      length,
    };
  });
}

/** A segment between these ends. */
export function tcpSegment(family: IpContent['family'], ends: Ends, segment: Segment): IpContent {
  const lengthBytes = headerBytes + segment.payload.length;
  const writer = new Writer(0, lengthBytes);
  writer.u16(segment.srcPort);
  writer.u16(segment.dstPort);
  writer.u32(segment.sequence);
  writer.u32(segment.acknowledgment);
  writer.u8((headerBytes / 4) << 4);
  writer.u8(segment.flags);
  writer.u16(segment.window);
  writer.zero(4);
  writer.raw(segment.payload);
  const initial = pseudoHeaderSum(family, ends, ipProtocol.tcp, lengthBytes);
  writer.view.setUint16(16, checksum(writer.bytes.subarray(0, lengthBytes), initial));
  return { family, protocol: ipProtocol.tcp, src: ends.src, dst: ends.dst, payload: writer.finish() };
}

const nothing = new Uint8Array(0);

/**
 * The reset that the receiver of `packet` would send; null where there is none: it is a reset itself, or no TCP, or the first of several
 * fragments, whose length nobody knows yet (that of a SYN, which carries nothing, does not matter).
 */
export function tcpReset(packet: IpPacket): IpContent | null {
  const segment = parseSegment(packet);
  if (segment === null || (segment.flags & tcpFlag.rst) !== 0) return null;
  if (packet.hasMoreFragments && (segment.flags & tcpFlag.syn) === 0) return null;
  const isAcknowledging = (segment.flags & tcpFlag.ack) !== 0;
  return tcpSegment(
    packet.family,
    { src: packet.dst, dst: packet.src },
    {
      srcPort: segment.dstPort,
      dstPort: segment.srcPort,
      sequence: isAcknowledging ? segment.acknowledgment : 0,
      acknowledgment: isAcknowledging ? 0 : (segment.sequence + segment.length) >>> 0,
      flags: isAcknowledging ? tcpFlag.rst : tcpFlag.rst | tcpFlag.ack,
      window: 0,
      payload: nothing,
    },
  );
}
