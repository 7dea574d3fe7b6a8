/** Messages between clients and servers of DHCPv6 (RFC 8415). */
import { Reader } from '../../../southbound/wire/reader.js';
import { Writer } from '../../../southbound/wire/writer.js';
import { readSafely } from './read-safely.js';

export const dhcpv6Ports = { client: 546, server: 547 } as const;

/** RFC 8415, section 7.3. Relays (12, 13) are none of ours. */
export const dhcpv6Type = {
  solicit: 1,
  advertise: 2,
  request: 3,
  confirm: 4,
  renew: 5,
  rebind: 6,
  reply: 7,
  release: 8,
  decline: 9,
  informationRequest: 11,
} as const;

/** RFC 8415, section 21, unless another is named. */
export const dhcpv6Code = {
  clientIdentifier: 1,
  serverIdentifier: 2,
  nonTemporaryAddresses: 3,
  temporaryAddresses: 4,
  address: 5,
  statusCode: 13,
  rapidCommit: 14,
  /** RFC 3646 */
  dnsServers: 23,
  domainSearch: 24,
  prefixDelegation: 25,
  informationRefreshTime: 32,
} as const;

/** RFC 8415, section 21.13. */
export const dhcpv6Status = { success: 0, noAddresses: 2, noBinding: 3, notOnLink: 4, noPrefix: 6 } as const;

/** What a client has asked for under one identifier of its own. */
export interface IdentityAssociation {
  readonly kind: 'addresses' | 'temporary' | 'prefixes';
  readonly id: number;
  /** The addresses that it names; those of prefixes are left out. */
  readonly addresses: readonly bigint[];
}

export interface Dhcpv6Request {
  readonly type: number;
  readonly transactionId: number;
  readonly clientId: Uint8Array | null;
  readonly serverId: Uint8Array | null;
  readonly wantsRapidCommit: boolean;
  readonly associations: readonly IdentityAssociation[];
}

/** A DUID has a type and at least one byte more, at most 128 (RFC 8415, section 11.1). */
const duidBytes = { least: 3, most: 130 } as const;
/** More than any client has. */
const mostAssociations = 16;
const mostAddresses = 64;

/** A message of a client; null: it is none, or not as it has to be. */
export function parseDhcpv6(bytes: Uint8Array): Dhcpv6Request | null {
  return readSafely(() => {
    const reader = new Reader(bytes);
    const type = reader.u8();
    const transactionId = Number(reader.unsigned(3));
    let clientId: Uint8Array | null = null;
    let serverId: Uint8Array | null = null;
    let wantsRapidCommit = false;
    const associations: IdentityAssociation[] = [];
    while (reader.remaining > 0) {
      const code = reader.u16();
      const value = reader.within(reader.u16());
      if (code === dhcpv6Code.clientIdentifier || code === dhcpv6Code.serverIdentifier) {
        if (value.remaining < duidBytes.least || value.remaining > duidBytes.most) return null;
        if (code === dhcpv6Code.clientIdentifier) clientId = value.rest();
        else serverId = value.rest();
      } else if (code === dhcpv6Code.rapidCommit) wantsRapidCommit = true;
      else {
        const association = readAssociation(code, value);
        if (association !== null) associations.push(association);
        if (associations.length > mostAssociations) return null;
      }
    }
    return { type, transactionId, clientId, serverId, wantsRapidCommit, associations };
  });
}

function readAssociation(code: number, reader: Reader): IdentityAssociation | null {
  switch (code) {
    case dhcpv6Code.nonTemporaryAddresses: {
      const id = reader.u32();
      reader.skip(8);
      return { kind: 'addresses', id, addresses: readAddresses(reader) };
    }
    case dhcpv6Code.temporaryAddresses:
      return { kind: 'temporary', id: reader.u32(), addresses: readAddresses(reader) };
    case dhcpv6Code.prefixDelegation: {
      const id = reader.u32();
      reader.skip(8);
      return { kind: 'prefixes', id, addresses: [] };
    }
    default:
      return null;
  }
}

function readAddresses(reader: Reader): readonly bigint[] {
  const addresses: bigint[] = [];
  while (reader.remaining > 0 && addresses.length < mostAddresses) {
    const code = reader.u16();
    const value = reader.within(reader.u16());
    if (code === dhcpv6Code.address) addresses.push(value.unsigned(16));
  }
  return addresses;
}

/** An option of an answer: bytes, or one that holds others. */
export interface Dhcpv6Option {
  readonly code: number;
  readonly value: Uint8Array;
}

export function encodeDhcpv6(type: number, transactionId: number, options: readonly Dhcpv6Option[]): Uint8Array {
  const writer = new Writer();
  writer.u8(type);
  writer.unsigned(BigInt(transactionId), 3);
  writeOptions(writer, options);
  return writer.finish();
}

function writeOptions(writer: Writer, options: readonly Dhcpv6Option[]): void {
  for (const { code, value } of options) {
    writer.u16(code);
    writer.u16(value.length);
    writer.raw(value);
  }
}

/** RFC 8415, section 21.13. */
export function statusOption(status: number, message: string): Dhcpv6Option {
  const writer = new Writer();
  writer.u16(status);
  writer.raw(Buffer.from(message, 'latin1'));
  return { code: dhcpv6Code.statusCode, value: writer.finish() };
}

/** How long an address may be used, in seconds; 0: no longer. */
export interface Lifetimes {
  readonly preferredSeconds: number;
  readonly validSeconds: number;
}

/** RFC 8415, section 21.6. */
export function addressOption(address: bigint, { preferredSeconds, validSeconds }: Lifetimes): Dhcpv6Option {
  const writer = new Writer();
  writer.unsigned(address, 16);
  writer.u32(preferredSeconds);
  writer.u32(validSeconds);
  return { code: dhcpv6Code.address, value: writer.finish() };
}

const associationCode = {
  addresses: dhcpv6Code.nonTemporaryAddresses,
  temporary: dhcpv6Code.temporaryAddresses,
  prefixes: dhcpv6Code.prefixDelegation,
} as const;

/** The answer about an association (RFC 8415, sections 21.4, 21.5 and 21.21). Times are when to renew and to rebind, in seconds. */
export function associationOption(
  { kind, id }: Pick<IdentityAssociation, 'kind' | 'id'>,
  times: { readonly renewSeconds: number; readonly rebindSeconds: number },
  options: readonly Dhcpv6Option[],
): Dhcpv6Option {
  const writer = new Writer();
  writer.u32(id);
  if (kind !== 'temporary') {
    writer.u32(times.renewSeconds);
    writer.u32(times.rebindSeconds);
  }
  writeOptions(writer, options);
  return { code: associationCode[kind], value: writer.finish() };
}
