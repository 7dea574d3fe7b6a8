/**
 * From the text of rows to the numbers that flows match. Rows were validated when they were written, so text that
 * does not parse is an error in a program, and throws.
 */
import { parseCidr, parseIp, parseMac, prefixMask, type Cidr, type IpAddress } from '../../base/address.js';
import type { Masked } from './flow.js';

function parsed<T>(value: T | null, text: string): T {
  if (value === null) throw new Error(`a row holds the address ${JSON.stringify(text)}`);
  return value;
}

export function macValue(text: string): bigint {
  return parsed(parseMac(text), text);
}

export function ipValue(text: string): IpAddress {
  return parsed(parseIp(text), text);
}

/** An interface's address (host bits kept) or a network. */
export function cidrValue(text: string): Cidr {
  return parsed(parseCidr(text), text);
}

/** Every address of the network. */
export function anyOf({ family, network, prefixLength }: Pick<Cidr, 'family' | 'network' | 'prefixLength'>): Masked {
  return { value: network, mask: prefixMask(family, prefixLength) };
}

/** IPv6 link-local addresses, fe80::/10. */
export const linkLocal: Masked = { value: 0xfe80n << 112n, mask: 0xffc0n << 112n };

/** fe80::/64, in which every MAC has its EUI-64 address. */
export const linkLocalNetwork: Masked = { value: 0xfe80n << 112n, mask: ((1n << 64n) - 1n) << 64n };

/** The group bit of a MAC: set in multicast and broadcast. */
export const multicastMac: Masked = { value: 1n << 40n, mask: 1n << 40n };
export const unicastMac: Masked = { value: 0n, mask: 1n << 40n };
