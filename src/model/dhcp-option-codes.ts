/**
 * DHCP options that may be told besides what follows from the rows: names, numbers and forms of values (RFC 2132 and those named below).
 * Names are those of Neutron's extra DHCP options, that is of dnsmasq. Text of callers becomes typed bytes here and nowhere else.
 */
import { type IpFamily, parseCidr, parseIp } from '../base/address.js';
import { encodeDomainName, parseDomainName } from '../base/domain-name.js';
import type { DhcpProtocol } from './dhcp-option.js';

/** How the value of an option is written, and what it becomes. Several are separated by commas. */
type Form = 'address' | 'addresses' | 'text' | 'flag' | 'u8' | 'u16' | 'u32' | 'domain_names' | 'routes' | 'hex';

interface OptionEntry {
  readonly code: number;
  readonly form: Form;
}

const option = (code: number, form: Form): OptionEntry => ({ code, form });

/** DHCPv4. What the answer itself is made of (address, mask, server, message type) nobody sets. */
const dhcpv4: Readonly<Record<string, OptionEntry>> = {
  'time-offset': option(2, 'u32'),
  router: option(3, 'addresses'),
  'time-server': option(4, 'addresses'),
  'dns-server': option(6, 'addresses'),
  'log-server': option(7, 'addresses'),
  'lpr-server': option(9, 'addresses'),
  hostname: option(12, 'text'),
  'boot-file-size': option(13, 'u16'),
  'domain-name': option(15, 'text'),
  'swap-server': option(16, 'address'),
  'root-path': option(17, 'text'),
  'ip-forward-enable': option(19, 'flag'),
  'default-ttl': option(23, 'u8'),
  mtu: option(26, 'u16'),
  'router-discovery': option(31, 'flag'),
  'router-solicitation': option(32, 'address'),
  'arp-timeout': option(35, 'u32'),
  'ethernet-encap': option(36, 'flag'),
  'tcp-ttl': option(37, 'u8'),
  'tcp-keepalive': option(38, 'u32'),
  'nis-domain': option(40, 'text'),
  'nis-server': option(41, 'addresses'),
  'ntp-server': option(42, 'addresses'),
  'vendor-encap': option(43, 'hex'),
  'netbios-ns': option(44, 'addresses'),
  'netbios-nodetype': option(46, 'u8'),
  'lease-time': option(51, 'u32'),
  T1: option(58, 'u32'),
  T2: option(59, 'u32'),
  'nis+-domain': option(64, 'text'),
  'tftp-server': option(66, 'text'),
  'bootfile-name': option(67, 'text'),
  'smtp-server': option(69, 'addresses'),
  // RFC 4833
  'posix-timezone': option(100, 'text'),
  'tzdb-timezone': option(101, 'text'),
  // RFC 3397
  'domain-search': option(119, 'domain_names'),
  // RFC 3442
  'classless-static-route': option(121, 'routes'),
  // RFC 5859
  'tftp-server-address': option(150, 'addresses'),
  // RFC 5071
  'path-prefix': option(210, 'text'),
  wpad: option(252, 'text'),
};

/** DHCPv6. */
const dhcpv6: Readonly<Record<string, OptionEntry>> = {
  // RFC 3646
  'dns-server': option(23, 'addresses'),
  'domain-search': option(24, 'domain_names'),
  // RFC 3898
  'nis-server': option(27, 'addresses'),
  // RFC 4075
  'sntp-server': option(31, 'addresses'),
  // RFC 4833
  'posix-timezone': option(41, 'text'),
  'tzdb-timezone': option(42, 'text'),
  // RFC 5970
  'bootfile-url': option(59, 'text'),
};

const tables = { dhcpv4, dhcpv6 } as const;
const family: Readonly<Record<DhcpProtocol, IpFamily>> = { dhcpv4: 4, dhcpv6: 6 };
/** Codes that every answer has by itself: nobody gives them, by name or by number. */
const reserved: Readonly<Record<DhcpProtocol, ReadonlySet<number>>> = {
  // Pad, mask, requested address, overload, type, server, parameters, message, sizes, client, rapid commit, relay agent, end.
  dhcpv4: new Set([0, 1, 50, 52, 53, 54, 55, 56, 57, 61, 80, 82, 255]),
  // Identifiers, associations and their parts, and what belongs to messages and relays (RFC 8415, section 24).
  dhcpv6: new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 16, 18, 19, 20, 25, 26]),
};
const maxCode = { dhcpv4: 254, dhcpv6: 0xffff } as const;
/** Of a value; longer ones would crowd out others. */
const maxValueBytes = 255;

export type EncodedDhcpOption =
  | { readonly kind: 'encoded'; readonly code: number; readonly value: Uint8Array }
  /** There is no such option. */
  | { readonly kind: 'unknown'; readonly detail: string }
  /** The value is not of its form. */
  | { readonly kind: 'invalid'; readonly detail: string };

/** The names that options of a protocol have. */
export function dhcpOptionNames(protocol: DhcpProtocol): readonly string[] {
  return Object.keys(tables[protocol]);
}

function entryOf(protocol: DhcpProtocol, name: string): OptionEntry | null {
  if (!/^\d{1,5}$/.test(name)) {
    const table = tables[protocol];
    return Object.hasOwn(table, name) ? (table[name] ?? null) : null;
  }
  const code = Number(name);
  if (code > maxCode[protocol] || reserved[protocol].has(code)) return null;
  return { code, form: 'hex' };
}

/** An option by its name or number, with its value as bytes. */
export function encodeDhcpOption(protocol: DhcpProtocol, name: string, text: string): EncodedDhcpOption {
  const entry = entryOf(protocol, name);
  if (entry === null)
    return {
      kind: 'unknown',
      detail: `There is no ${protocol} option ${JSON.stringify(name)} to set; names: ${dhcpOptionNames(protocol).join(', ')}.`,
    };
  const value = encodeForm(entry.form, family[protocol], text);
  if (value === null || value.length > maxValueBytes)
    return {
      kind: 'invalid',
      detail: `${JSON.stringify(text)} is not ${formWords[entry.form]}, of at most ${maxValueBytes} bytes.`,
    };
  return { kind: 'encoded', code: entry.code, value };
}

const formWords: Readonly<Record<Form, string>> = {
  address: 'an address',
  addresses: 'a list of addresses with commas between',
  text: 'printable ASCII text',
  flag: '0 or 1',
  u8: 'a number up to 255',
  u16: 'a number up to 65535',
  u32: 'a number up to 4294967295',
  domain_names: 'a list of domain names with commas between',
  routes: 'a list of networks and next hops: 10.0.0.0/8,192.0.2.1',
  hex: 'hexadecimal digits, two for each byte',
};

function encodeForm(form: Form, ipFamily: IpFamily, text: string): Uint8Array | null {
  switch (form) {
    case 'address':
      return text.includes(',') ? null : addresses(ipFamily, text);
    case 'addresses':
      return addresses(ipFamily, text);
    case 'text':
      return /^[\x20-\x7e]+$/.test(text) ? Buffer.from(text, 'latin1') : null;
    case 'flag':
      return /^[01]$/.test(text) ? Uint8Array.of(Number(text)) : null;
    case 'u8':
      return unsigned(text, 1);
    case 'u16':
      return unsigned(text, 2);
    case 'u32':
      return unsigned(text, 4);
    case 'domain_names':
      return domainNames(text);
    case 'routes':
      return routes(text);
    case 'hex':
      return /^([0-9a-f]{2})*$/i.test(text) ? Buffer.from(text, 'hex') : null;
  }
}

const parts = (text: string): readonly string[] => text.split(',').map(part => part.trim());

/** Null as soon as one is null. */
function joined(values: readonly (Uint8Array | null)[]): Uint8Array | null {
  const known = values.filter(value => value !== null);
  return known.length === values.length ? Buffer.concat(known) : null;
}

function unsigned(text: string, length: number): Uint8Array | null {
  if (!/^\d{1,10}$/.test(text) || Number(text) >= 256 ** length) return null;
  return addressBytes(BigInt(text), length);
}

/** An address, or another number, in network order. */
export function addressBytes(value: bigint, length: number): Uint8Array {
  return Buffer.from(value.toString(16).padStart(length * 2, '0'), 'hex');
}

function addresses(ipFamily: IpFamily, text: string): Uint8Array | null {
  return joined(
    parts(text).map(part => {
      const ip = parseIp(part);
      return ip?.family === ipFamily ? addressBytes(ip.value, ipFamily === 4 ? 4 : 16) : null;
    }),
  );
}

function domainNames(text: string): Uint8Array | null {
  return joined(
    parts(text).map(part => {
      const name = parseDomainName(part);
      return name === null ? null : encodeDomainName(name);
    }),
  );
}

/** `network,next hop` pairs, as dnsmasq has them. */
function routes(text: string): Uint8Array | null {
  const words = parts(text);
  if (words.length % 2 !== 0) return null;
  const pairs = words.flatMap((word, at) => (at % 2 === 0 ? [[word, words[at + 1] ?? ''] as const] : []));
  return joined(
    pairs.map(([network, nextHop]) => {
      const cidr = parseCidr(network);
      const ip = parseIp(nextHop);
      return cidr?.family === 4 && ip?.family === 4 ? classlessRoute(cidr, ip.value) : null;
    }),
  );
}

/** A route as option 121 has it: only the bytes of the network that count (RFC 3442). */
export function classlessRoute(
  { network, prefixLength }: { readonly network: bigint; readonly prefixLength: number },
  nextHop: bigint,
): Uint8Array {
  const significant = Math.ceil(prefixLength / 8);
  return Buffer.concat([
    Uint8Array.of(prefixLength),
    addressBytes(network, 4).subarray(0, significant),
    addressBytes(nextHop, 4),
  ]);
}
