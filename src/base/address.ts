/**
 * MAC and IP addresses: strict text in, canonical text out, `bigint` for arithmetic.
 *
 * The convention everywhere in the program: a MAC is lower-case colon text, an IP address or CIDR is canonical text
 * (IPv4 dotted decimal without leading zeros; IPv6 as RFC 5952). Text that does not parse gives `null`, never an exception,
 * because only the caller knows which field was at fault.
 */

export type IpFamily = 4 | 6;

export interface IpAddress {
  readonly family: IpFamily;
  readonly value: bigint;
}

export interface Cidr {
  readonly family: IpFamily;
  /** The address as written, host bits included. */
  readonly address: bigint;
  readonly prefixLength: number;
  /** The address with its host bits cleared. */
  readonly network: bigint;
}

/** Length of an address of the family, in bits. */
export function addressBits(family: IpFamily): 32 | 128 {
  return family === 4 ? 32 : 128;
}

const MAC_TEXT = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;

/** Parses six colon-separated octets of two hexadecimal digits; either case is accepted. */
export function parseMac(text: string): bigint | null {
  return MAC_TEXT.test(text) ? BigInt(`0x${text.replaceAll(':', '')}`) : null;
}

export function formatMac(mac: bigint): string {
  const digits = mac.toString(16).padStart(12, '0');
  return `${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}:${digits.slice(6, 8)}:${digits.slice(8, 10)}:${digits.slice(10)}`;
}

/** True for addresses with the group bit: they can be destinations but never the address of one station. */
export function isMulticastMac(mac: bigint): boolean {
  return ((mac >> 40n) & 1n) === 1n;
}

const IPV4_TEXT = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

function parseIpv4(text: string): bigint | null {
  const parts = IPV4_TEXT.exec(text);
  if (parts === null) return null;
  let value = 0n;
  for (const part of parts.slice(1)) {
    const octet = Number(part);
    if (octet > 255) return null;
    value = (value << 8n) | BigInt(octet);
  }
  return value;
}

const HEXTET = /^[0-9a-f]{1,4}$/i;

/** The 16-bit groups of one side of `::`; an embedded IPv4 address counts as two groups and may only end the text. */
function parseHextets(text: string, mayEndInIpv4: boolean): bigint[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: bigint[] = [];
  for (const [index, part] of parts.entries()) {
    if (HEXTET.test(part)) {
      groups.push(BigInt(`0x${part}`));
      continue;
    }
    const embedded = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4(part) : null;
    if (embedded === null) return null;
    groups.push(embedded >> 16n, embedded & 0xffffn);
  }
  return groups;
}

function parseIpv6(text: string): bigint | null {
  if (text.length > 45) return null;
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [headText = '', tailText] = halves;
  const head = parseHextets(headText, tailText === undefined);
  const tail = tailText === undefined ? [] : parseHextets(tailText, true);
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (tailText === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array.from({ length: missing }, () => 0n), ...tail];
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}

/** Whether only this machine reaches a host by this name or address. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);

/** Whether the address can be that of one host in a network: not the unspecified one, loopback, multicast, nor reserved ones of IPv4. */
export function isHostAddress({ family, value }: IpAddress): boolean {
  if (family === 4) return value >> 24n !== 0n && value >> 24n !== 127n && value >> 28n < 14n;
  return value > 1n && value >> 120n !== 0xffn && value >> 32n !== 0xffffn;
}

/** Parses an IPv4 or IPv6 address. Zone identifiers, leading zeros and short IPv4 forms are refused. */
export function parseIp(text: string): IpAddress | null {
  const family: IpFamily = text.includes(':') ? 6 : 4;
  const value = family === 6 ? parseIpv6(text) : parseIpv4(text);
  return value === null ? null : { family, value };
}

function formatIpv4(value: bigint): string {
  return `${(value >> 24n) & 255n}.${(value >> 16n) & 255n}.${(value >> 8n) & 255n}.${value & 255n}`;
}

/** The longest run of at least two zero groups, the first one if several are as long (RFC 5952, section 4.2). */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: -1, length: 1 };
  let start = -1;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = -1;
    else {
      if (start < 0) start = index;
      if (index - start + 1 > best.length) best = { start, length: index - start + 1 };
    }
  }
  return best;
}

function formatIpv6(value: bigint): string {
  if (value >> 32n === 0xffffn) return `::ffff:${formatIpv4(value & 0xffffffffn)}`;
  const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - index * 16)) & 0xffffn));
  const text = groups.map(group => group.toString(16));
  const run = longestZeroRun(groups);
  if (run.start < 0) return text.join(':');
  return `${text.slice(0, run.start).join(':')}::${text.slice(run.start + run.length).join(':')}`;
}

/** Canonical text: dotted decimal, or RFC 5952 for IPv6. */
export function formatIp(family: IpFamily, value: bigint): string {
  return family === 4 ? formatIpv4(value) : formatIpv6(value);
}

/** A mask of `prefixLength` leading ones in an address of the family. */
export function prefixMask(family: IpFamily, prefixLength: number): bigint {
  const bits = BigInt(addressBits(family));
  const host = bits - BigInt(prefixLength);
  return ((1n << bits) - 1n) ^ ((1n << host) - 1n);
}

/** Parses `address/length`. Host bits are allowed: they stay in `address`, `network` has them cleared. */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf('/');
  if (slash < 0) return null;
  const ip = parseIp(text.slice(0, slash));
  const lengthText = text.slice(slash + 1);
  if (ip === null || !/^(0|[1-9]\d{0,2})$/.test(lengthText)) return null;
  const prefixLength = Number(lengthText);
  if (prefixLength > addressBits(ip.family)) return null;
  return {
    family: ip.family,
    address: ip.value,
    prefixLength,
    network: ip.value & prefixMask(ip.family, prefixLength),
  };
}

/** Canonical text of the CIDR with the address as it is, host bits included. */
export function formatCidr(cidr: Pick<Cidr, 'family' | 'address' | 'prefixLength'>): string {
  return `${formatIp(cidr.family, cidr.address)}/${cidr.prefixLength}`;
}

/** The highest address of the network; the broadcast address in IPv4. */
export function lastAddress(cidr: Cidr): bigint {
  return cidr.network | ((1n << BigInt(addressBits(cidr.family) - cidr.prefixLength)) - 1n);
}

/** The address of an IPv4 network that is for everybody on it (directed broadcast); none where it has two addresses or one (RFC 3021). */
export function broadcastAddress(network: string): readonly bigint[] {
  const cidr = parseCidr(network);
  return cidr?.family === 4 && cidr.prefixLength < 31 ? [lastAddress(cidr)] : [];
}

export function cidrContains(cidr: Cidr, ip: IpAddress): boolean {
  return cidr.family === ip.family && (ip.value & prefixMask(cidr.family, cidr.prefixLength)) === cidr.network;
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  if (a.family !== b.family) return false;
  const mask = prefixMask(a.family, Math.min(a.prefixLength, b.prefixLength));
  return (a.network & mask) === (b.network & mask);
}

/** The address of the MAC in a /64: the modified EUI-64 interface identifier of RFC 4291, appendix A. */
export function eui64(prefixNetwork: bigint, mac: bigint): bigint {
  const identifier = ((mac >> 24n) << 40n) | (0xfffen << 24n) | (mac & 0xffffffn);
  return prefixNetwork | (identifier ^ (1n << 57n));
}

const LINK_LOCAL_NETWORK = 0xfe80n << 112n;

/** The IPv6 link-local address that a station with this MAC gives itself. */
export function linkLocalOf(mac: bigint): bigint {
  return eui64(LINK_LOCAL_NETWORK, mac);
}
