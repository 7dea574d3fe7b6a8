/** Messages of DHCPv4 (RFC 2131, 2132; long options RFC 3396). */
import { Reader } from '../../../southbound/wire/reader.js';
import { Writer } from '../../../southbound/wire/writer.js';
import { readSafely } from './read-safely.js';

export const dhcpv4Ports = { server: 67, client: 68 } as const;

/** RFC 2132, section 9.6. */
export const dhcpv4Type = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  acknowledge: 5,
  refuse: 6,
  release: 7,
  inform: 8,
} as const;

/** RFC 2132, unless another is named. */
export const dhcpv4Code = {
  pad: 0,
  subnetMask: 1,
  router: 3,
  dnsServer: 6,
  hostName: 12,
  domainName: 15,
  interfaceMtu: 26,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  serverIdentifier: 54,
  parameterRequestList: 55,
  message: 56,
  maxMessageSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  clientIdentifier: 61,
  /** RFC 4039 */
  rapidCommit: 80,
  /** RFC 3397 */
  domainSearch: 119,
  /** RFC 3442 */
  classlessRoutes: 121,
  end: 255,
} as const;

export interface Dhcpv4Option {
  readonly code: number;
  readonly value: Uint8Array;
}

const operation = { request: 1, reply: 2 } as const;
const ethernet = { type: 1, addressBytes: 6 } as const;
const magicCookie = 0x6382_5363;
const broadcastFlag = 0x8000;

export interface Dhcpv4Request {
  readonly type: number;
  readonly transactionId: number;
  readonly seconds: number;
  readonly flags: number;
  readonly clientAddress: bigint;
  readonly relayAddress: bigint;
  readonly clientMac: bigint;
  /** By code; several parts of one are joined (RFC 3396). */
  readonly options: ReadonlyMap<number, Uint8Array>;
}

export const wantsBroadcast = ({ flags }: Pick<Dhcpv4Request, 'flags'>): boolean => (flags & broadcastFlag) !== 0;

/** A request of a client over Ethernet; null: it is none. */
export function parseDhcpv4(bytes: Uint8Array): Dhcpv4Request | null {
  return readSafely(() => {
    const reader = new Reader(bytes);
    const [op, hardwareType, addressBytes] = [reader.u8(), reader.u8(), reader.u8()];
    if (op !== operation.request || hardwareType !== ethernet.type || addressBytes !== ethernet.addressBytes)
      return null;
    reader.skip(1);
    const transactionId = reader.u32();
    const [seconds, flags] = [reader.u16(), reader.u16()];
    const clientAddress = reader.unsigned(4);
    reader.skip(8);
    const relayAddress = reader.unsigned(4);
    const clientMac = reader.unsigned(6);
    reader.skip(10);
    const serverName = reader.within(64);
    const bootFile = reader.within(128);
    if (reader.u32() !== magicCookie) return null;
    const parts = new Map<number, Uint8Array[]>();
    readOptions(reader, parts);
    // RFC 2132, section 9.3: which of the two fields hold options as well.
    const overload = parts.get(dhcpv4Code.overload)?.[0]?.[0] ?? 0;
    if ((overload & 1) !== 0) readOptions(bootFile, parts);
    if ((overload & 2) !== 0) readOptions(serverName, parts);
    const options = new Map([...parts].map(([code, values]) => [code, joined(values)]));
    const type = options.get(dhcpv4Code.messageType);
    if (type?.length !== 1 || type[0] === undefined) return null;
    return { type: type[0], transactionId, seconds, flags, clientAddress, relayAddress, clientMac, options };
  });
}

function readOptions(reader: Reader, into: Map<number, Uint8Array[]>): void {
  while (reader.remaining > 0) {
    const code = reader.u8();
    if (code === dhcpv4Code.end) return;
    if (code === dhcpv4Code.pad) continue;
    const value = reader.raw(reader.u8());
    const held = into.get(code);
    if (held === undefined) into.set(code, [value]);
    else held.push(value);
  }
}

function joined(values: readonly Uint8Array[]): Uint8Array {
  return values.length === 1 && values[0] !== undefined ? values[0] : Buffer.concat(values);
}

/** The address in an option; null if it holds none. */
export function addressIn({ options }: Pick<Dhcpv4Request, 'options'>, code: number): bigint | null {
  const value = options.get(code);
  return value?.length === 4 ? new Reader(value).unsigned(4) : null;
}

export interface Dhcpv4Reply {
  readonly request: Dhcpv4Request;
  readonly yourAddress: bigint;
  /** By importance: what no longer fits is left out. */
  readonly options: readonly Dhcpv4Option[];
}

const fixedBytes = 240;
/** Relays and clients of BOOTP take no less (RFC 1542, section 2.1). */
const leastBytes = 300;
const mostOptionPart = 255;

/** A reply of at most `mostBytes`. Everything that is not said is zero. */
export function encodeDhcpv4({ request, yourAddress, options }: Dhcpv4Reply, mostBytes: number): Uint8Array {
  const writer = new Writer(0, 576);
  writer.u8(operation.reply);
  writer.u8(ethernet.type);
  writer.u8(ethernet.addressBytes);
  writer.u8(0);
  writer.u32(request.transactionId);
  writer.u16(0);
  writer.u16(request.flags);
  writer.unsigned(request.clientAddress, 4);
  writer.unsigned(yourAddress, 4);
  writer.zero(4);
  writer.unsigned(request.relayAddress, 4);
  writer.unsigned(request.clientMac, 6);
  writer.zero(10 + 64 + 128);
  writer.u32(magicCookie);
  let left = mostBytes - fixedBytes - 1;
  for (const option of options) {
    const needed = option.value.length + 2 * Math.max(1, Math.ceil(option.value.length / mostOptionPart));
    if (needed > left) continue;
    left -= needed;
    writeOption(writer, option);
  }
  writer.u8(dhcpv4Code.end);
  if (writer.offset < leastBytes) writer.zero(leastBytes - writer.offset);
  return writer.finish();
}

function writeOption(writer: Writer, { code, value }: Dhcpv4Option): void {
  for (let at = 0; at === 0 || at < value.length; at += mostOptionPart) {
    const part = value.subarray(at, at + mostOptionPart);
    writer.u8(code);
    writer.u8(part.length);
    writer.raw(part);
  }
}
