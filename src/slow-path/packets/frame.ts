/**
 * Ethernet frames with IP, as far as an answer needs to know them. What comes in here was written by a workload and may be cut off
 * anywhere: `parseFrame` never throws.
 */
import type { IpFamily } from '../../base/address.js';
import { Reader } from '../../../southbound/wire/reader.js';
import { WireError } from '../../../southbound/wire/wire-error.js';
import { Writer } from '../../../southbound/wire/writer.js';
import { checksum, type Ends } from './checksum.js';

export const etherType = { 4: 0x0800, 6: 0x86dd } as const;
export const ipProtocol = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

/** Headers of IPv6 that another header follows (RFC 8200, section 4.1; RFC 4302). */
const extension = { hopByHop: 0, routing: 43, fragment: 44, authentication: 51, destination: 60 } as const;
const extensions: ReadonlySet<number> = new Set(Object.values(extension));
/** More than any honest packet has. */
const mostExtensions = 8;

export interface IpPacket extends Ends {
  readonly family: IpFamily;
  readonly ttl: number;
  /** Of the header after those of IP. */
  readonly protocol: number;
  /** Where that is said: bytes from the beginning of the packet. */
  readonly protocolOffset: number;
  /** Not the first fragment: what follows the headers of IP is no transport header. */
  readonly isLaterFragment: boolean;
  /** A fragment that others follow: its transport header, if it has one, counts bytes that are not here. */
  readonly hasMoreFragments: boolean;
  /** From the transport header on; less than `payloadBytes` where the packet was cut off. */
  readonly payload: Uint8Array;
  /** What its headers say is after those of IP. */
  readonly payloadBytes: number;
  /** Headers of IP and what follows, as far as it is there. */
  readonly bytes: Uint8Array;
}

export interface Frame {
  /** MAC addresses as numbers. */
  readonly ethSrc: bigint;
  readonly ethDst: bigint;
  readonly packet: IpPacket;
}

/** Null: it is not IP in plain Ethernet, or not as IP has to be. */
export function parseFrame(bytes: Uint8Array): Frame | null {
  try {
    const reader = new Reader(bytes);
    const ethDst = reader.unsigned(6);
    const ethSrc = reader.unsigned(6);
    const type = reader.u16();
    const rest = bytes.subarray(reader.offset);
    const packet = type === etherType[4] ? parseIpv4(rest) : type === etherType[6] ? parseIpv6(rest) : null;
    return packet === null ? null : { ethSrc, ethDst, packet };
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause;
    return null;
  }
}

const ethernetBytes = 14;
/** Where the source address is in a packet. */
const sourcePlace = { 4: [12, 16], 6: [8, 24] } as const;

/** The source address of a frame with IP; nothing of another, or of one that is cut off before it. */
export function sourceBytes(bytes: Uint8Array): Uint8Array {
  const type = ((bytes[12] ?? 0) << 8) | (bytes[13] ?? 0);
  if (type !== etherType[4] && type !== etherType[6]) return bytes.subarray(0, 0);
  const [from, to] = sourcePlace[type === etherType[4] ? 4 : 6];
  return bytes.subarray(ethernetBytes + from, ethernetBytes + to);
}

/** The addresses of a frame with IP, whatever follows them; null: it is none, or is cut off before it has said them. */
export function fixedHeader(bytes: Uint8Array): (Ends & { readonly family: IpFamily }) | null {
  const type = ((bytes[12] ?? 0) << 8) | (bytes[13] ?? 0);
  if (type !== etherType[4] && type !== etherType[6]) return null;
  const family = type === etherType[4] ? 4 : 6;
  const [from, to] = sourcePlace[family];
  const addressBytes = to - from;
  const packet = bytes.subarray(ethernetBytes);
  if ((packet[0] ?? 0) >> 4 !== family || packet.length < to + addressBytes) return null;
  const reader = new Reader(packet, 0, from);
  return { family, src: reader.unsigned(addressBytes), dst: reader.unsigned(addressBytes) };
}

/** A packet without a frame. @throws WireError where it breaks off */
export function parsePacket(family: IpFamily, bytes: Uint8Array): IpPacket | null {
  return family === 4 ? parseIpv4(bytes) : parseIpv6(bytes);
}

function parseIpv4(bytes: Uint8Array): IpPacket | null {
  const reader = new Reader(bytes);
  const versionAndLength = reader.u8();
  const headerBytes = (versionAndLength & 0xf) * 4;
  reader.skip(1);
  const totalBytes = reader.u16();
  reader.skip(2);
  const fragment = reader.u16();
  const ttl = reader.u8();
  const protocol = reader.u8();
  reader.skip(2);
  const src = reader.unsigned(4);
  const dst = reader.unsigned(4);
  if (versionAndLength >> 4 !== 4 || headerBytes < 20 || totalBytes < headerBytes) return null;
  // Ethernet fills short frames up.
  const held = bytes.subarray(0, totalBytes);
  return {
    family: 4,
    src,
    dst,
    ttl,
    protocol,
    protocolOffset: 9,
    bytes: held,
    isLaterFragment: (fragment & 0x1fff) !== 0,
    hasMoreFragments: (fragment & 0x2000) !== 0,
    payload: held.subarray(headerBytes),
    payloadBytes: totalBytes - headerBytes,
  };
}

function parseIpv6(bytes: Uint8Array): IpPacket | null {
  const fixed = new Reader(bytes);
  const version = fixed.u32() >>> 28;
  const lengthBytes = fixed.u16();
  let protocol = fixed.u8();
  const ttl = fixed.u8();
  const src = fixed.unsigned(16);
  const dst = fixed.unsigned(16);
  if (version !== 6) return null;
  const held = bytes.subarray(0, fixed.offset + lengthBytes);
  const reader = new Reader(held, 0, fixed.offset);
  let protocolOffset = 6;
  let isLaterFragment = false;
  let hasMoreFragments = false;
  for (let count = 0; extensions.has(protocol) && !isLaterFragment; count += 1) {
    if (count === mostExtensions) return null;
    const at = reader.offset;
    protocolOffset = at;
    const following = reader.u8();
    const length = reader.u8();
    if (protocol === extension.fragment) {
      const offsetAndFlag = reader.u16();
      isLaterFragment = offsetAndFlag >> 3 !== 0;
      hasMoreFragments = (offsetAndFlag & 1) !== 0;
    }
    reader.offset = at;
    reader.skip(extensionBytes(protocol, length));
    protocol = following;
  }
  return {
    family: 6,
    src,
    dst,
    ttl,
    protocol,
    protocolOffset,
    isLaterFragment,
    hasMoreFragments,
    bytes: held,
    payload: held.subarray(reader.offset),
    payloadBytes: fixed.offset + lengthBytes - reader.offset,
  };
}

function extensionBytes(protocol: number, length: number): number {
  if (protocol === extension.fragment) return 8;
  return protocol === extension.authentication ? (length + 2) * 4 : (length + 1) * 8;
}

const ownTtl = 64;

export interface IpContent extends Ends {
  readonly family: IpFamily;
  readonly protocol: number;
  /** TTL or hop limit; absent: 64. */
  readonly ttl?: number;
  readonly payload: Uint8Array;
  /** Of IPv4, the whole byte (RFC 1349, RFC 2474); 0 when absent. */
  readonly typeOfService?: number;
}

function writeIpv4(writer: Writer, { src, dst, protocol, ttl = ownTtl, payload, typeOfService = 0 }: IpContent): void {
  const start = writer.offset;
  writer.u16(0x4500 | typeOfService);
  writer.u16(20 + payload.length);
  writer.u32(0x0000_4000); // Never to be fragmented, so it needs no identification (RFC 6864).
  writer.u8(ttl);
  writer.u8(protocol);
  writer.u16(0);
  writer.unsigned(src, 4);
  writer.unsigned(dst, 4);
  writer.view.setUint16(start + 10, checksum(writer.bytes.subarray(start, writer.offset)));
}

function writeIpv6(writer: Writer, { src, dst, protocol, ttl = ownTtl, payload }: IpContent): void {
  writer.u32(0x6000_0000);
  writer.u16(payload.length);
  writer.u8(protocol);
  writer.u8(ttl);
  writer.unsigned(src, 16);
  writer.unsigned(dst, 16);
}

/** A frame with this packet in it. */
export function encodeFrame({ ethSrc, ethDst }: Pick<Frame, 'ethSrc' | 'ethDst'>, content: IpContent): Uint8Array {
  const writer = new Writer(0, 64 + content.payload.length);
  writer.unsigned(ethDst, 6);
  writer.unsigned(ethSrc, 6);
  writer.u16(etherType[content.family]);
  if (content.family === 4) writeIpv4(writer, content);
  else writeIpv6(writer, content);
  writer.raw(content.payload);
  return writer.finish();
}
