/** What Weft answers to DHCPv4 (RFC 2131): the address that a port has, and nothing that would have to be remembered. */
import { type Cidr, prefixMask } from '../../base/address.js';
import { encodeDomainName, isHostName } from '../../base/domain-name.js';
import { addressBytes, classlessRoute } from '../../model/dhcp-option-codes.js';
import { knownCidr, knownIp } from '../../model/invariants.js';
import type { NetworkReader } from '../../view/network-view.js';
import {
  addressIn,
  type Dhcpv4Option,
  dhcpv4Code,
  dhcpv4Ports,
  type Dhcpv4Request,
  dhcpv4Type,
  encodeDhcpv4,
  parseDhcpv4,
  wantsBroadcast,
} from '../packets/dhcpv4.js';
import { encodeFrame, type Frame } from '../packets/frame.js';
import { datagram, parseDatagram } from '../packets/udp.js';
import { defaultLeaseSeconds, givenOptions, ofFamily, type ServedAddress, type ServedPort } from './served-port.js';

export type NoAnswer = 'malformed' | 'not_to_be_answered' | 'no_address';

/** The server where a subnet has no gateway whose address could stand for it: link-local, so it is nobody's. */
const nobodysAddress = 0xa9fe_a9fdn;
const broadcast = { ip: 0xffff_ffffn, mac: 0xffff_ffff_ffffn } as const;
/** IP and UDP headers. */
const headerBytes = 28;
/** What every client takes, headers included (RFC 2131, section 2). */
const leastMessageBytes = 576;

interface Reply {
  readonly type: number;
  /** Whose options are told; null: it is refused. */
  readonly served: ServedAddress | null;
  readonly yourAddress: bigint;
  readonly rapidCommit?: boolean;
}

/** The answering frame, or why there is none. */
export function answerDhcpv4(view: NetworkReader, served: ServedPort, frame: Frame): Uint8Array | NoAnswer {
  const udp = parseDatagram(frame.packet);
  const request = udp === null ? null : parseDhcpv4(udp.payload);
  if (request === null) return 'malformed';
  // Of a relay, or for somebody else behind the port: no row says what to tell them.
  if (request.clientMac !== served.mac || request.relayAddress !== 0n) return 'not_to_be_answered';
  const addresses = ofFamily(served.addresses, 4);
  const [first] = addresses;
  if (first === undefined) return 'no_address';
  const reply = replyTo(request, addresses, first);
  if (reply === null) return 'not_to_be_answered';
  return framed(
    served,
    request,
    reply,
    serverAddress(reply.served ?? first),
    optionsOf(view, served, request, reply, first),
  );
}

function serverAddress({ subnet }: ServedAddress): bigint {
  return subnet.gateway ?? nobodysAddress;
}

/** RFC 2131, section 4.3, table 4. Null: silence. */
function replyTo(request: Dhcpv4Request, addresses: readonly ServedAddress[], first: ServedAddress): Reply | null {
  const wanted = addressIn(request, dhcpv4Code.requestedAddress);
  const find = (address: bigint | null): ServedAddress | undefined => addresses.find(each => each.address === address);
  switch (request.type) {
    case dhcpv4Type.discover: {
      const served = find(wanted) ?? first;
      const rapidCommit = request.options.has(dhcpv4Code.rapidCommit);
      const type = rapidCommit ? dhcpv4Type.acknowledge : dhcpv4Type.offer;
      return { type, served, yourAddress: served.address, rapidCommit };
    }
    case dhcpv4Type.request: {
      const asked = wanted ?? (request.clientAddress === 0n ? null : request.clientAddress);
      if (asked === null) return null;
      const served = find(asked);
      const server = addressIn(request, dhcpv4Code.serverIdentifier);
      // It has chosen another server.
      if (server !== null && !addresses.some(each => serverAddress(each) === server)) return null;
      if (served === undefined) return { type: dhcpv4Type.refuse, served: null, yourAddress: 0n };
      return { type: dhcpv4Type.acknowledge, served, yourAddress: served.address };
    }
    case dhcpv4Type.inform:
      // It has its address already, and wants the rest.
      return { type: dhcpv4Type.acknowledge, served: find(request.clientAddress) ?? first, yourAddress: 0n };
    default:
      return null;
  }
}

const u32 = (value: number): Uint8Array => addressBytes(BigInt(value), 4);
const list = (addresses: readonly bigint[]): Uint8Array => Buffer.concat(addresses.map(each => addressBytes(each, 4)));

/** By importance. */
function optionsOf(
  view: NetworkReader,
  served: ServedPort,
  request: Dhcpv4Request,
  { type, served: told, yourAddress, rapidCommit }: Reply,
  first: ServedAddress,
): readonly Dhcpv4Option[] {
  const clientId = request.options.get(dhcpv4Code.clientIdentifier);
  const head: readonly Dhcpv4Option[] = [
    { code: dhcpv4Code.messageType, value: Uint8Array.of(type) },
    { code: dhcpv4Code.serverIdentifier, value: addressBytes(serverAddress(told ?? first), 4) },
    // RFC 6842
    ...(clientId === undefined ? [] : [{ code: dhcpv4Code.clientIdentifier, value: clientId }]),
  ];
  if (told === null)
    return [...head, { code: dhcpv4Code.message, value: Buffer.from('not an address of this port', 'latin1') }];
  const given = givenOptions(view, served.port.id, [told.subnet.row.id], 'dhcpv4');
  const derived = new Map([...derivedOptions(served, told, given), ...given]);
  const leased = yourAddress === 0n ? [] : leaseOptions(given);
  const rest = [...derived].filter(([code]) => !leaseCodes.has(code)).map(([code, value]) => ({ code, value }));
  return [
    ...head,
    ...leased,
    ...(rapidCommit === true ? [{ code: dhcpv4Code.rapidCommit, value: new Uint8Array() }] : []),
    ...rest,
  ];
}

const leaseCodes: ReadonlySet<number> = new Set([
  dhcpv4Code.leaseTime,
  dhcpv4Code.renewalTime,
  dhcpv4Code.rebindingTime,
]);

/** RFC 2131, section 4.4.5: renewed after half of the time, and asked of anybody after seven eighths. */
function leaseOptions(given: ReadonlyMap<number, Uint8Array>): readonly Dhcpv4Option[] {
  const lease = given.get(dhcpv4Code.leaseTime);
  const seconds = lease === undefined ? defaultLeaseSeconds : Buffer.from(lease).readUInt32BE();
  return [
    { code: dhcpv4Code.leaseTime, value: u32(seconds) },
    { code: dhcpv4Code.renewalTime, value: given.get(dhcpv4Code.renewalTime) ?? u32(Math.floor(seconds / 2)) },
    {
      code: dhcpv4Code.rebindingTime,
      value: given.get(dhcpv4Code.rebindingTime) ?? u32(Math.floor((seconds * 7) / 8)),
    },
  ];
}

const hostNetwork = (address: bigint): Cidr => ({ family: 4, address, network: address, prefixLength: 32 });

/** What follows from the rows of the network, by importance. */
function derivedOptions(
  { port, logicalSwitch, mtu, localAddresses }: ServedPort,
  { subnet }: ServedAddress,
  given: ReadonlyMap<number, Uint8Array>,
): readonly (readonly [number, Uint8Array])[] {
  const { cidr, gateway, dnsServers, row } = subnet;
  const { dnsDomain } = logicalSwitch;
  const router = given.get(dhcpv4Code.router) ?? (gateway === null ? null : addressBytes(gateway, 4));
  // On the link itself: who asks there by ARP is answered, also where there is no router.
  const local = localAddresses.map(address => classlessRoute(hostNetwork(address), 0n));
  const hostRoutes = row.hostRoutes
    .map(route => ({ destination: knownCidr(route.destination), nextHop: knownIp(route.nextHop) }))
    .filter(({ destination, nextHop }) => destination.family === 4 && nextHop.family === 4)
    .map(({ destination, nextHop }) => classlessRoute(destination, nextHop.value));
  // Who understands these ignores the router option (RFC 3442), so the way out is among them.
  const wayOut = router === null ? [] : [Buffer.concat([Uint8Array.of(0), router.subarray(0, 4)])];
  const name = port.name.toLowerCase();
  return [
    [dhcpv4Code.subnetMask, addressBytes(prefixMask(4, cidr.prefixLength), 4)],
    ...(hostRoutes.length + local.length === 0
      ? []
      : [[dhcpv4Code.classlessRoutes, Buffer.concat([...local, ...hostRoutes, ...wayOut])] as const]),
    ...(router === null ? [] : [[dhcpv4Code.router, router] as const]),
    ...(dnsServers.length === 0 ? [] : [[dhcpv4Code.dnsServer, list(dnsServers)] as const]),
    [dhcpv4Code.interfaceMtu, addressBytes(BigInt(mtu), 2)],
    ...(dnsDomain === null
      ? []
      : [
          [dhcpv4Code.domainName, Buffer.from(dnsDomain, 'latin1')] as const,
          [dhcpv4Code.domainSearch, encodeDomainName(dnsDomain)] as const,
          ...(isHostName(name) && !name.includes('.')
            ? [[dhcpv4Code.hostName, Buffer.from(name, 'latin1')] as const]
            : []),
        ]),
  ];
}

/** RFC 2131, section 4.1: to the address that the client has, or is to have, or to all where it cannot hear that. */
function framed(
  { mac, serverMac }: ServedPort,
  request: Dhcpv4Request,
  { type, yourAddress }: Reply,
  src: bigint,
  options: readonly Dhcpv4Option[],
): Uint8Array {
  const isRefused = type === dhcpv4Type.refuse;
  const toAll = isRefused || (request.clientAddress === 0n && wantsBroadcast(request));
  const dst = toAll ? broadcast.ip : request.clientAddress === 0n ? yourAddress : request.clientAddress;
  const asked = request.options.get(dhcpv4Code.maxMessageSize);
  const mostBytes = Math.max(leastMessageBytes, asked?.length === 2 ? Buffer.from(asked).readUInt16BE() : 0);
  const payload = encodeDhcpv4({ request, yourAddress, options }, Math.min(mostBytes, 1500) - headerBytes);
  const { server, client } = dhcpv4Ports;
  const content = datagram(4, { src, dst }, { srcPort: server, dstPort: client, payload });
  return encodeFrame({ ethSrc: serverMac, ethDst: toAll ? broadcast.mac : mac }, content);
}
