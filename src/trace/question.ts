/**
 * "Would this packet pass?" as a packet: what the workload behind a port would put on the wire. Whom it addresses it to is what a host finds
 * out with ARP or neighbour discovery and its routes: its neighbour, or the gateway of its subnet.
 */
import {
  cidrContains,
  formatIp,
  formatMac,
  type IpAddress,
  type IpFamily,
  parseCidr,
  parseIp,
  parseMac,
} from '../base/address.js';
import type { RowOf } from '../model/index.js';
import { isAddressOf } from '../model/port-addresses.js';
import { protocolNumber } from '../model/protocol.js';
import type { NetworkReader } from '../view/network-view.js';
import type { ViewRow } from '../view/rows.js';
import { tagPresent } from '../compiler/pipeline/actions.js';
import { oxm, type OxmField } from '../../southbound/openflow/oxm.js';

type Port = RowOf<'logical-switch-ports'>;

export interface Question {
  /** The port whose workload sends it. */
  readonly from: Port;
  /** The port that it is for; null: `destinationIp` alone says so. */
  readonly to: Port | null;
  readonly family: IpFamily;
  readonly sourceIp: IpAddress;
  readonly destinationIp: IpAddress;
  /** Null: the port's own. */
  readonly sourceMac: bigint | null;
  /** Name or number, as security group rules have it. */
  readonly protocol: string;
  /** Of TCP, UDP and SCTP. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Of ICMP. */
  readonly icmpType: number;
  readonly icmpCode: number;
  /** Ethernet header included. */
  readonly lengthBytes: number;
}

/** Whom the frame is addressed to, and how that was found out. */
export type NextHop =
  | {
      readonly kind: 'neighbour';
      readonly mac: bigint;
      readonly owner: NeighbourOwner;
      /** The address is one of its own, which nobody else has; else it may use addresses among which this one is. */
      readonly isItsOwn: boolean;
    }
  /** `ip` is asked for, and nobody on the logical switch has it. */
  | { readonly kind: 'unanswered'; readonly ip: IpAddress }
  /** The destination is elsewhere, and the subnet of the port has no gateway. */
  | { readonly kind: 'no_gateway' };

export interface NeighbourOwner {
  readonly kind: 'logical-switch-ports' | 'logical-router-ports';
  readonly id: string;
}

const etherType = { 4: 0x0800n, 6: 0x86ddn } as const;
const initialTtl = 64n;
/** Stands for the MAC that nobody has told: locally administered, and of no port. */
const unknownMac = 0x02ff_ffff_ff00n;

const same = (left: IpAddress, right: IpAddress | null): boolean =>
  right !== null && left.family === right.family && left.value === right.value;

const contains = (cidr: string, ip: IpAddress): boolean => {
  const network = parseCidr(cidr);
  return network !== null && cidrContains(network, ip);
};

const isLinkLocal = ({ family, value }: IpAddress): boolean =>
  family === 4 ? value >> 16n === 0xa9fen : value >> 118n === 0x3fan;

/** The own address of the interface in `networks` that is this one, or whose network has it. */
const hasAddress = (networks: readonly string[], ip: IpAddress): boolean =>
  networks.some(network => same(ip, parseIp(network.slice(0, network.indexOf('/')))));

/** Who on the logical switch answers for the address. */
function neighbourOf(view: NetworkReader, logicalSwitchId: string, ip: IpAddress): NextHop {
  const answer = (kind: NeighbourOwner['kind'], id: string, mac: string, isItsOwn = true): NextHop => ({
    kind: 'neighbour',
    mac: parseMac(mac) ?? 0n,
    owner: { kind, id },
    isItsOwn,
  });
  const ports = view.by('logical-switch-ports', 'logicalSwitchId', logicalSwitchId);
  const own = ports.find(port => isAddressOf(port, ip));
  if (own !== undefined) return answer('logical-switch-ports', own.id, own.mac);
  const legs = view.by('logical-router-ports', 'logicalSwitchId', logicalSwitchId);
  const leg = legs.find(({ networks }) => hasAddress(networks, ip));
  if (leg !== undefined) return answer('logical-router-ports', leg.id, leg.mac);
  for (const { id, mac, allowedAddresses } of ports) {
    const allowed = allowedAddresses.find(({ cidr }) => contains(cidr, ip));
    if (allowed !== undefined) return answer('logical-switch-ports', id, allowed.mac ?? mac, false);
  }
  return { kind: 'unanswered', ip };
}

/** Whom a host with the address and routes that its subnet has would send it to. */
export function nextHopOf(view: NetworkReader, { from, destinationIp, sourceIp }: Question): NextHop {
  const subnets = view.by('subnets', 'logicalSwitchId', from.logicalSwitchId);
  const isOnLink = isLinkLocal(destinationIp) || subnets.some(({ cidr }) => contains(cidr, destinationIp));
  if (isOnLink) return neighbourOf(view, from.logicalSwitchId, destinationIp);
  const own = subnets.find(({ cidr }) => contains(cidr, sourceIp));
  const route = own?.hostRoutes.find(({ destination }) => contains(destination, destinationIp));
  const gateway = parseIp(route?.nextHop ?? own?.gatewayIp ?? '');
  return gateway === null ? { kind: 'no_gateway' } : neighbourOf(view, from.logicalSwitchId, gateway);
}

function transportFields(question: Question): readonly (readonly [OxmField, number])[] {
  const { protocol, family, sourcePort, destinationPort, icmpType, icmpCode } = question;
  switch (protocolNumber(protocol, family)) {
    case 1:
      return family === 4
        ? [
            [oxm.icmpv4Type, icmpType],
            [oxm.icmpv4Code, icmpCode],
          ]
        : [];
    case 58:
      return [
        [oxm.icmpv6Type, icmpType],
        [oxm.icmpv6Code, icmpCode],
      ];
    case 6:
      return [
        [oxm.tcpSrc, sourcePort],
        [oxm.tcpDst, destinationPort],
      ];
    case 17:
      return [
        [oxm.udpSrc, sourcePort],
        [oxm.udpDst, destinationPort],
      ];
    case 132:
      return [
        [oxm.sctpSrc, sourcePort],
        [oxm.sctpDst, destinationPort],
      ];
    default:
      return [];
  }
}

/** The packet as it comes out of the interface. */
export function packetOf(
  question: Question,
  { ofport, vlan }: Pick<ViewRow<'bound-ports'>, 'ofport' | 'vlan'>,
  nextHop: NextHop,
): ReadonlyMap<OxmField, bigint> {
  const { from, family, sourceMac, sourceIp, destinationIp, protocol } = question;
  const [source, destination] = family === 4 ? [oxm.ipv4Src, oxm.ipv4Dst] : [oxm.ipv6Src, oxm.ipv6Dst];
  return new Map<OxmField, bigint>([
    [oxm.inPort, BigInt(ofport)],
    ...(vlan === null ? [] : ([[oxm.vlanVid, BigInt(tagPresent | vlan)]] as const)),
    [oxm.ethSrc, sourceMac ?? parseMac(from.mac) ?? 0n],
    [oxm.ethDst, nextHop.kind === 'neighbour' ? nextHop.mac : unknownMac],
    [oxm.ethType, etherType[family]],
    [source, sourceIp.value],
    [destination, destinationIp.value],
    [oxm.ipProto, BigInt(protocolNumber(protocol, family))],
    [oxm.ipTtl, initialTtl],
    ...transportFields(question).map(([field, value]): [OxmField, bigint] => [field, BigInt(value)]),
  ]);
}

/** The packet in words, as far as they say something. */
export function describePacket(question: Question, nextHop: NextHop): Readonly<Record<string, string | number>> {
  const { from, sourceMac, sourceIp, destinationIp, family, protocol, icmpType, icmpCode } = question;
  const number = protocolNumber(protocol, family);
  const isIcmp = number === 58 || (number === 1 && family === 4);
  const hasPorts = [6, 17, 132].includes(number);
  return {
    source_mac: sourceMac === null ? from.mac : formatMac(sourceMac),
    ...(nextHop.kind === 'neighbour' ? { destination_mac: formatMac(nextHop.mac) } : {}),
    source_ip: formatIp(family, sourceIp.value),
    destination_ip: formatIp(family, destinationIp.value),
    protocol: family === 6 && number === 58 ? 'icmpv6' : protocol,
    ...(hasPorts ? { source_port: question.sourcePort, destination_port: question.destinationPort } : {}),
    ...(isIcmp ? { icmp_type: icmpType, icmp_code: icmpCode } : {}),
    length: question.lengthBytes,
  };
}
