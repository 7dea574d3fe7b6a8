/** UDP (RFC 768). */
import { Reader } from '../../../southbound/wire/reader.js';
import { Writer } from '../../../southbound/wire/writer.js';
import { checksum, type Ends, pseudoHeaderSum } from './checksum.js';
import { type IpContent, type IpPacket, ipProtocol } from './frame.js';
import { readSafely } from './read-safely.js';

export interface Datagram {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly payload: Uint8Array;
}

const headerBytes = 8;

/** The datagram in a packet that is whole; null if there is none. */
export function parseDatagram({ protocol, isLaterFragment, payload }: IpPacket): Datagram | null {
  if (protocol !== ipProtocol.udp || isLaterFragment) return null;
  return readSafely(() => {
    const reader = new Reader(payload);
    const [srcPort, dstPort, lengthBytes] = [reader.u16(), reader.u16(), reader.u16()];
    reader.skip(2);
    const content = reader.within(lengthBytes - headerBytes);
    return { srcPort, dstPort, payload: payload.subarray(content.offset, content.end) };
  });
}

/** A datagram between these ends. Its checksum is never the one that says "none". */
export function datagram(family: IpContent['family'], ends: Ends, { srcPort, dstPort, payload }: Datagram): IpContent {
  const lengthBytes = headerBytes + payload.length;
  const writer = new Writer(0, lengthBytes);
  writer.u16(srcPort);
  writer.u16(dstPort);
  writer.u16(lengthBytes);
  writer.u16(0);
  writer.raw(payload);
  const initial = pseudoHeaderSum(family, ends, ipProtocol.udp, lengthBytes);
  writer.patchU16(6, checksum(writer.bytes.subarray(0, lengthBytes), initial) || 0xffff);
  return { family, protocol: ipProtocol.udp, src: ends.src, dst: ends.dst, payload: writer.finish() };
}
