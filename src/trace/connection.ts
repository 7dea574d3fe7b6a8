/**
 * What conntrack says of the first packet of a connection. Tried on Open vSwitch 3.1 (userspace); which ICMP messages can begin one:
 * lib/conntrack-icmp.c of Open vSwitch, nf_conntrack_proto_icmp.c of Linux.
 */
import type { Nat } from '../../southbound/openflow/action.js';
import { oxm, type OxmField } from '../../southbound/openflow/oxm.js';
import type { Packet } from './packet.js';

const etherType = { ipv4: 0x0800n, ipv6: 0x86ddn } as const;
/** Flags of ct_state. */
const [isNew, isInvalid, isTracked] = [0x01n, 0x10n, 0x20n];
const protocols = { icmp: 1n, tcp: 6n, udp: 17n, icmpv6: 58n, sctp: 132n } as const;
/** ICMP messages that ask for an answer: echo, timestamp, information; all others belong to something that was there before. */
const questions4: ReadonlySet<bigint> = new Set([8n, 13n, 15n]);
const questions6: ReadonlySet<bigint> = new Set([128n]);
/** To Linux these too: address mask; node information. */
const moreQuestions4: ReadonlySet<bigint> = new Set([17n]);
const moreQuestions6: ReadonlySet<bigint> = new Set([139n]);

/** Whose conntrack it is. `trace`: nobody's, as `ofproto/trace` has it, where everything begins a connection, and nothing is said of which. */
export type ConntrackKind = 'linux' | 'userspace' | 'trace';

/** Where each protocol has what conntrack calls ports. */
const portFields: ReadonlyMap<bigint, readonly [OxmField, OxmField]> = new Map([
  [protocols.tcp, [oxm.tcpSrc, oxm.tcpDst]],
  [protocols.udp, [oxm.udpSrc, oxm.udpDst]],
  [protocols.icmp, [oxm.icmpv4Type, oxm.icmpv4Code]],
  [protocols.icmpv6, [oxm.icmpv6Type, oxm.icmpv6Code]],
]);

/** Makes the packet what conntrack gives back of the first one of a connection: new, or invalid where none can begin so. */
export function beginsConnection(packet: Packet, conntrack: ConntrackKind): void {
  if (conntrack === 'trace') {
    packet.set(oxm.ctState, isTracked | isNew);
    packet.set(oxm.ctMark, 0n);
    return;
  }
  const protocol = packet.get(oxm.ipProto);
  const isLinux = conntrack === 'linux';
  const asks4 = (type: bigint): boolean => questions4.has(type) || (isLinux && moreQuestions4.has(type));
  const asks6 = (type: bigint): boolean => questions6.has(type) || (isLinux && moreQuestions6.has(type));
  const isAnswer =
    (protocol === protocols.icmp && !asks4(packet.get(oxm.icmpv4Type))) ||
    (protocol === protocols.icmpv6 && !asks6(packet.get(oxm.icmpv6Type)));
  packet.set(oxm.ctState, isTracked | (isAnswer ? isInvalid : isNew));
  packet.set(oxm.ctMark, 0n);
  if (isAnswer) return;
  if (packet.get(oxm.ethType) === etherType.ipv6) {
    packet.set(oxm.ctIpv6Src, packet.get(oxm.ipv6Src));
    packet.set(oxm.ctIpv6Dst, packet.get(oxm.ipv6Dst));
  } else if (packet.get(oxm.ethType) === etherType.ipv4) {
    packet.set(oxm.ctNwSrc, packet.get(oxm.ipv4Src));
    packet.set(oxm.ctNwDst, packet.get(oxm.ipv4Dst));
  }
  packet.set(oxm.ctNwProto, protocol);
  // The userspace datapath knows no SCTP.
  const [source, destination] =
    isLinux && protocol === protocols.sctp ? [oxm.sctpSrc, oxm.sctpDst] : (portFields.get(protocol) ?? []);
  if (source !== undefined) packet.set(oxm.ctTpSrc, packet.get(source));
  if (destination !== undefined) packet.set(oxm.ctTpDst, packet.get(destination));
}

/** Gives the packet the first address and port of those that its new connection is translated to. */
export function translate(packet: Packet, { direction, addresses, ports }: Nat): void {
  if (direction === null) return;
  const isSource = direction === 'source';
  if (addresses !== null) {
    const [four, six] = isSource ? [oxm.ipv4Src, oxm.ipv6Src] : [oxm.ipv4Dst, oxm.ipv6Dst];
    packet.set(addresses.family === 4 ? four : six, addresses.first);
  }
  const field = portFields.get(packet.get(oxm.ipProto))?.[isSource ? 0 : 1];
  if (ports !== null && field !== undefined) packet.set(field, BigInt(ports.first));
}
