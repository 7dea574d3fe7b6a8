/** What Weft answers to DHCPv6 (RFC 8415): the addresses that a port has, and nothing that would have to be remembered. */
import { linkLocalOf } from '../../base/address.js';
import { encodeDomainName } from '../../base/domain-name.js';
import { addressBytes } from '../../model/dhcp-option-codes.js';
import type { NetworkReader } from '../../view/network-view.js';
import {
  addressOption,
  associationOption,
  type Dhcpv6Option,
  dhcpv6Code,
  dhcpv6Ports,
  type Dhcpv6Request,
  dhcpv6Status,
  dhcpv6Type,
  encodeDhcpv6,
  type IdentityAssociation,
  parseDhcpv6,
  statusOption,
} from '../packets/dhcpv6.js';
import { encodeFrame, type Frame } from '../packets/frame.js';
import { datagram, parseDatagram } from '../packets/udp.js';
import type { NoAnswer } from './dhcpv4.js';
import { defaultLeaseSeconds, givenOptions, ofFamily, type ServedPort } from './served-port.js';

const lease = { preferredSeconds: defaultLeaseSeconds, validSeconds: defaultLeaseSeconds } as const;
const gone = { preferredSeconds: 0, validSeconds: 0 } as const;
/** RFC 8415, section 21.4: the times that it recommends. */
const times = { renewSeconds: defaultLeaseSeconds / 2, rebindSeconds: (defaultLeaseSeconds * 4) / 5 } as const;

interface Reply {
  readonly type: number;
  readonly options: readonly Dhcpv6Option[];
}

/** The answering frame, or why there is none. */
export function answerDhcpv6(view: NetworkReader, served: ServedPort, frame: Frame): Uint8Array | NoAnswer {
  const { packet } = frame;
  const udp = parseDatagram(packet);
  const request = udp === null ? null : parseDhcpv6(udp.payload);
  if (request === null) return 'malformed';
  if (frame.ethSrc !== served.mac || packet.src === 0n) return 'not_to_be_answered';
  if (!served.subnets.some(({ cidr }) => cidr.family === 6)) return 'no_address';
  const serverId = serverIdentifier(served.serverMac);
  if (!isForThisServer(request, serverId)) return 'not_to_be_answered';
  const reply = replyTo(request, ownAddresses(served), () => configuration(view, served));
  if (reply === null) return 'not_to_be_answered';
  const payload = encodeDhcpv6(reply.type, request.transactionId, [
    ...(request.clientId === null ? [] : [{ code: dhcpv6Code.clientIdentifier, value: request.clientId }]),
    { code: dhcpv6Code.serverIdentifier, value: serverId },
    ...reply.options,
  ]);
  const { server, client } = dhcpv6Ports;
  const ends = { src: linkLocalOf(served.serverMac), dst: packet.src };
  const content = datagram(6, ends, { srcPort: server, dstPort: client, payload });
  return encodeFrame({ ethSrc: served.serverMac, ethDst: served.mac }, content);
}

/** DUID-LL (RFC 8415, section 11.4) of the switch: whoever answers says the same. */
function serverIdentifier(serverMac: bigint): Uint8Array {
  return Buffer.concat([Uint8Array.of(0, 3, 0, 1), addressBytes(serverMac, 6)]);
}

const ownAddresses = (served: ServedPort): readonly bigint[] =>
  ofFamily(served.addresses, 6).map(({ address }) => address);

/** Messages that name the server that they are for; in others none may be named, but by who only asks for configuration. */
const addressed: ReadonlySet<number> = new Set([
  dhcpv6Type.request,
  dhcpv6Type.renew,
  dhcpv6Type.release,
  dhcpv6Type.decline,
]);

/** RFC 8415, section 16. */
function isForThisServer({ type, clientId, serverId }: Dhcpv6Request, own: Uint8Array): boolean {
  const isOwn = serverId !== null && Buffer.compare(serverId, own) === 0;
  if (type === dhcpv6Type.informationRequest) return serverId === null || isOwn;
  return clientId !== null && (addressed.has(type) ? isOwn : serverId === null);
}

/** RFC 8415, section 18.3. Null: silence. */
function replyTo(
  request: Dhcpv6Request,
  own: readonly bigint[],
  configured: () => readonly Dhcpv6Option[],
): Reply | null {
  const { type, associations } = request;
  const reply = (...options: readonly Dhcpv6Option[]): Reply => ({ type: dhcpv6Type.reply, options });
  switch (type) {
    case dhcpv6Type.solicit: {
      const options = [...bindings(associations, own), ...configured()];
      if (!request.wantsRapidCommit) return { type: dhcpv6Type.advertise, options };
      return reply({ code: dhcpv6Code.rapidCommit, value: new Uint8Array() }, ...options);
    }
    case dhcpv6Type.request:
    case dhcpv6Type.renew:
    case dhcpv6Type.rebind:
      return reply(...bindings(associations, own), ...configured());
    case dhcpv6Type.confirm: {
      const claimed = associations.flatMap(({ addresses }) => addresses);
      if (claimed.length === 0) return null;
      return claimed.every(address => own.includes(address))
        ? reply(statusOption(dhcpv6Status.success, 'all addresses are of this port'))
        : reply(statusOption(dhcpv6Status.notOnLink, 'not an address of this port'));
    }
    case dhcpv6Type.release:
    case dhcpv6Type.decline:
      // The port keeps its addresses whatever its workload does with them.
      return reply(statusOption(dhcpv6Status.success, ''));
    case dhcpv6Type.informationRequest:
      return reply(...configured(), {
        code: dhcpv6Code.informationRefreshTime,
        value: addressBytes(BigInt(defaultLeaseSeconds), 4),
      });
    default:
      return null;
  }
}

/** The first association for addresses gets all of them; what else a client asks for there is none of. */
function bindings(associations: readonly IdentityAssociation[], own: readonly bigint[]): readonly Dhcpv6Option[] {
  const first = associations.find(({ kind }) => kind === 'addresses');
  return associations.map(association => {
    const none = { renewSeconds: 0, rebindSeconds: 0 } as const;
    if (association.kind === 'prefixes')
      return associationOption(association, none, [statusOption(dhcpv6Status.noPrefix, 'no prefixes are delegated')]);
    // Addresses that the client names and the port has not (any more) end now.
    const wrong = association.addresses
      .filter(address => association !== first || !own.includes(address))
      .map(address => addressOption(address, gone));
    if (association !== first || own.length === 0)
      return associationOption(association, none, [
        ...wrong,
        statusOption(dhcpv6Status.noAddresses, 'the port has no address for it'),
      ]);
    return associationOption(association, times, [...own.map(address => addressOption(address, lease)), ...wrong]);
  });
}

/** What is told of the network besides addresses. */
function configuration(view: NetworkReader, { port, subnets, logicalSwitch }: ServedPort): readonly Dhcpv6Option[] {
  const own = subnets.filter(({ cidr }) => cidr.family === 6);
  const servers = [...new Set(own.flatMap(({ dnsServers }) => dnsServers))];
  const { dnsDomain } = logicalSwitch;
  const derived: readonly (readonly [number, Uint8Array])[] = [
    ...(servers.length === 0
      ? []
      : [[dhcpv6Code.dnsServers, Buffer.concat(servers.map(each => addressBytes(each, 16)))] as const]),
    ...(dnsDomain === null ? [] : [[dhcpv6Code.domainSearch, encodeDomainName(dnsDomain)] as const]),
  ];
  const given = givenOptions(
    view,
    port.id,
    own.map(({ row }) => row.id),
    'dhcpv6',
  );
  return [...new Map([...derived, ...given])].map(([code, value]) => ({ code, value }));
}
