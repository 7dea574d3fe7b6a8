/** Router solicitations and advertisements (RFC 4861, sections 4.1 and 4.2). */
import { Reader } from '../../../southbound/wire/reader.js';
import { Writer } from '../../../southbound/wire/writer.js';
import { encodeDomainName } from '../../base/domain-name.js';
import { checksum, type Ends, pseudoHeaderSum } from './checksum.js';
import { type IpContent, type IpPacket, ipProtocol } from './frame.js';
import { readSafely } from './read-safely.js';

const type = { solicitation: 133, advertisement: 134 } as const;
/** Neighbour discovery does not cross routers: whoever gets another hop limit drops it (RFC 4861, section 6.1). */
const onLinkHopLimit = 255;

const optionType = {
  sourceLinkLayerAddress: 1,
  prefixInformation: 3,
  mtu: 5,
  /** RFC 8106 */
  recursiveDnsServer: 25,
  dnsSearchList: 31,
} as const;

/** Whether the packet is a router solicitation as RFC 4861, section 6.1.1, wants it. */
export function isRouterSolicitation({ family, protocol, ttl, isLaterFragment, src, payload }: IpPacket): boolean {
  if (family !== 6 || protocol !== ipProtocol.icmpv6 || ttl !== onLinkHopLimit || isLaterFragment) return false;
  const isSound = readSafely(() => {
    const reader = new Reader(payload);
    if (reader.u8() !== type.solicitation || reader.u8() !== 0) return false;
    reader.skip(6);
    while (reader.remaining > 0) {
      const [kind, units] = [reader.u8(), reader.u8()];
      if (units === 0) return false;
      reader.skip(units * 8 - 2);
      // Who has no address yet cannot be answered at it.
      if (kind === optionType.sourceLinkLayerAddress && src === 0n) return false;
    }
    return true;
  });
  return isSound === true;
}

export interface AdvertisedPrefix {
  readonly network: bigint;
  readonly prefixLength: number;
  /** Whether hosts make addresses of their own in it. */
  readonly autonomous: boolean;
}

export interface RouterAdvertisement {
  /** Addresses by DHCPv6; other configuration by DHCPv6. */
  readonly managed: boolean;
  readonly otherConfiguration: boolean;
  /** How long the sender is a default router; 0: it is none. */
  readonly routerLifetimeSeconds: number;
  readonly sourceMac: bigint;
  readonly mtu: number;
  readonly prefixes: readonly AdvertisedPrefix[];
  readonly prefixLifetimes: { readonly validSeconds: number; readonly preferredSeconds: number };
  readonly dnsServers: readonly bigint[];
  readonly searchDomains: readonly string[];
  readonly dnsLifetimeSeconds: number;
}

const currentHopLimit = 64;

/** The advertisement between these ends, of which `src` is link-local. */
export function routerAdvertisement(advertised: RouterAdvertisement, ends: Ends): IpContent {
  const writer = new Writer();
  writer.u8(type.advertisement);
  writer.u8(0);
  writer.u16(0);
  writer.u8(currentHopLimit);
  writer.u8((advertised.managed ? 0x80 : 0) | (advertised.otherConfiguration ? 0x40 : 0));
  writer.u16(advertised.routerLifetimeSeconds);
  writer.zero(8);
  writer.u8(optionType.sourceLinkLayerAddress);
  writer.u8(1);
  writer.unsigned(advertised.sourceMac, 6);
  writer.u8(optionType.mtu);
  writer.u8(1);
  writer.u16(0);
  writer.u32(advertised.mtu);
  for (const prefix of advertised.prefixes) writePrefix(writer, prefix, advertised.prefixLifetimes);
  writeDns(writer, advertised);
  const initial = pseudoHeaderSum(6, ends, ipProtocol.icmpv6, writer.offset);
  writer.patchU16(2, checksum(writer.bytes.subarray(0, writer.offset), initial));
  const { src, dst } = ends;
  return { family: 6, protocol: ipProtocol.icmpv6, ttl: onLinkHopLimit, src, dst, payload: writer.finish() };
}

/** RFC 4861, section 4.6.2. Every prefix is on the link. */
function writePrefix(
  writer: Writer,
  { network, prefixLength, autonomous }: AdvertisedPrefix,
  { validSeconds, preferredSeconds }: RouterAdvertisement['prefixLifetimes'],
): void {
  writer.u8(optionType.prefixInformation);
  writer.u8(4);
  writer.u8(prefixLength);
  writer.u8(0x80 | (autonomous ? 0x40 : 0));
  writer.u32(validSeconds);
  writer.u32(preferredSeconds);
  writer.u32(0);
  writer.unsigned(network, 16);
}

/** RFC 8106, sections 5.1 and 5.2. */
function writeDns(writer: Writer, { dnsServers, searchDomains, dnsLifetimeSeconds }: RouterAdvertisement): void {
  if (dnsServers.length > 0) {
    writer.u8(optionType.recursiveDnsServer);
    writer.u8(1 + 2 * dnsServers.length);
    writer.u16(0);
    writer.u32(dnsLifetimeSeconds);
    for (const server of dnsServers) writer.unsigned(server, 16);
  }
  if (searchDomains.length === 0) return;
  const start = writer.offset;
  writer.u8(optionType.dnsSearchList);
  writer.u8(0);
  writer.u16(0);
  writer.u32(dnsLifetimeSeconds);
  for (const domain of searchDomains) writer.raw(encodeDomainName(domain));
  writer.align(8, start);
  writer.patchU8(start + 1, (writer.offset - start) / 8);
}
