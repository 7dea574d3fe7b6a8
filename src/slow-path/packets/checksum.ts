/** The Internet checksum (RFC 1071). */
import type { IpFamily } from '../../base/address.js';

function sumOf(bytes: Uint8Array, from: number): number {
  let sum = from;
  for (let at = 0; at + 1 < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  if (bytes.length % 2 === 1) sum += (bytes.at(-1) ?? 0) << 8;
  return sum;
}

/** Of these bytes; `initial` is a sum of what else it covers. Bytes with a right checksum in them have 0. */
export function checksum(bytes: Uint8Array, initial = 0): number {
  let sum = sumOf(bytes, initial);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return ~sum & 0xffff;
}

export interface Ends {
  readonly src: bigint;
  readonly dst: bigint;
}

/** The sum of what transport protocols cover besides themselves (RFC 9293, section 3.1; RFC 8200, section 8.1). */
export function pseudoHeaderSum(family: IpFamily, { src, dst }: Ends, protocol: number, lengthBytes: number): number {
  let sum = protocol + (lengthBytes & 0xffff) + (lengthBytes >>> 16);
  for (const address of [src, dst]) {
    for (let shift = family === 4 ? 16n : 112n; shift >= 0n; shift -= 16n) sum += Number((address >> shift) & 0xffffn);
  }
  return sum;
}
