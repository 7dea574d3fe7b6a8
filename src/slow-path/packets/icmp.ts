/** Errors of ICMP (RFC 792, 1191) and ICMPv6 (RFC 4443). */
import type { IpFamily } from '../../base/address.js';
import { Writer } from '../../../southbound/wire/writer.js';
import { checksum, type Ends, pseudoHeaderSum } from './checksum.js';
import { type IpContent, type IpPacket, ipProtocol, parsePacket } from './frame.js';
import { readSafely } from './read-safely.js';

export type IcmpError =
  | {
      readonly kind: 'prohibited' | 'noRoute' | 'noNeighbour' | 'portUnreachable' | 'timeExceeded' | 'unknownProtocol';
    }
  /** `mtu`: the largest packet, in bytes, that would have passed. */
  | { readonly kind: 'tooBig'; readonly mtu: number };

/** Type and code, by family. */
const wire: Readonly<Record<IcmpError['kind'], Readonly<Record<IpFamily, readonly [number, number]>>>> = {
  noRoute: { 4: [3, 0], 6: [1, 0] },
  noNeighbour: { 4: [3, 1], 6: [1, 3] },
  portUnreachable: { 4: [3, 3], 6: [1, 4] },
  prohibited: { 4: [3, 13], 6: [1, 1] },
  unknownProtocol: { 4: [3, 2], 6: [4, 1] },
  tooBig: { 4: [3, 4], 6: [2, 0] },
  timeExceeded: { 4: [11, 0], 6: [3, 0] },
};

/** Types that are errors, and redirects: none is ever answered by an error (RFC 1122, 3.2.2; RFC 4443, 2.4e). */
const errorTypes = { 4: new Set([3, 4, 5, 11, 12]), redirectV6: 137, firstInformationalV6: 128 } as const;

/** Whether it is an error of ICMP, or a redirect. What is cut off before that can be told counts as one. */
export function isIcmpError({ family, protocol, payload }: IpPacket): boolean {
  if (protocol !== (family === 4 ? ipProtocol.icmp : ipProtocol.icmpv6)) return false;
  const type = payload[0];
  if (type === undefined) return true;
  if (family === 4) return errorTypes[4].has(type);
  return type < errorTypes.firstInformationalV6 || type === errorTypes.redirectV6;
}

const errorHeaderBytes = 8;

/** The packet that "port unreachable" is about, as much of it as is quoted; null: it is another message. */
export function quotedPacket({ family, protocol, payload, isLaterFragment }: IpPacket): IpPacket | null {
  if (protocol !== (family === 4 ? ipProtocol.icmp : ipProtocol.icmpv6) || isLaterFragment) return null;
  const [type, code] = wire.portUnreachable[family];
  if (payload[0] !== type || payload[1] !== code) return null;
  return readSafely(() => parsePacket(family, payload.subarray(errorHeaderBytes)));
}

/** Bytes of the packet that an error shows: it stays within what every link carries (RFC 1812, 4.3.2.3; RFC 4443, 2.4c). */
const quotedBytes = { 4: 576 - 20 - 8, 6: 1280 - 40 - 8 } as const;

/** Internetwork control: the precedence of errors (RFC 1812, section 4.3.2.5). */
const internetworkControl = 0xc0;

/** What follows the checksum; of an unknown protocol, in IPv6 only, where it is named (RFC 4443, section 3.4). */
function detailOf(error: IcmpError, { family, protocolOffset }: IpPacket): number {
  if (error.kind === 'tooBig') return error.mtu;
  return error.kind === 'unknownProtocol' && family === 6 ? protocolOffset : 0;
}

/** The error about `packet`, between these ends. */
export function icmpError(error: IcmpError, packet: IpPacket, ends: Ends): IpContent {
  const { family } = packet;
  const [type, code] = wire[error.kind][family];
  const writer = new Writer(0, 8 + quotedBytes[family]);
  writer.u8(type);
  writer.u8(code);
  writer.u16(0);
  writer.u32(detailOf(error, packet));
  writer.raw(packet.bytes.subarray(0, quotedBytes[family]));
  const protocol = family === 4 ? ipProtocol.icmp : ipProtocol.icmpv6;
  const initial = family === 4 ? 0 : pseudoHeaderSum(family, ends, protocol, writer.offset);
  writer.view.setUint16(2, checksum(writer.bytes.subarray(0, writer.offset), initial));
  const { src, dst } = ends;
  return { family, protocol, src, dst, payload: writer.finish(), typeOfService: internetworkControl };
}
