/** The answer to a punted packet: what is sent, and where it enters the pipeline. */
import type { DropReason, Injection, PuntedAt } from '../compiler/punts/punted-packet.js';
import type { NetworkReader } from '../view/network-view.js';
import type { ViewRow } from '../view/rows.js';
import { addressOf, portOf, routerOf, tunnelCapacity, type RouterInterface } from './location.js';
import type { Ends } from './packets/checksum.js';
import { encodeFrame, type Frame, type IpContent, type IpPacket, ipProtocol, parseFrame } from './packets/frame.js';
import { type IcmpError, icmpError, isIcmpError } from './packets/icmp.js';
import { tcpReset } from './packets/tcp.js';

type BoundPort = ViewRow<'bound-ports'>;

/** Why a punted packet gets no answer. */
export type Silence = 'foreign_port' | 'malformed' | 'not_to_be_answered' | 'no_address';

export interface Answer {
  readonly frame: Uint8Array;
  readonly into: Injection;
}

export interface Punted {
  readonly hypervisorId: string;
  readonly at: PuntedAt;
  readonly data: Uint8Array;
}

/** Whom a packet is counted for: the port that sent it, or whose rules judged it. Null: not one of that hypervisor. */
export function accountOf(view: NetworkReader, { hypervisorId, at }: Punted): BoundPort | null {
  return portOf(view, hypervisorId, at);
}

/** What is to be said about a packet that `port` accounts for. */
export function answerTo(view: NetworkReader, { hypervisorId, at, data }: Punted, port: BoundPort): Answer | Silence {
  const frame = parseFrame(data);
  if (frame === null) return 'malformed';
  if (!mayBeAnswered(frame)) return 'not_to_be_answered';
  switch (at.puntClass) {
    case 'reject':
      return rejection(view, at, port, frame);
    case 'ttl_exceeded':
      return fromRouter(routerOf(view, port, at), frame, { kind: 'timeExceeded' });
    case 'unreachable':
      return at.dropReason === 'not_for_router'
        ? fromRouterItself(routerOf(view, port, at), frame)
        : fromRouter(routerOf(view, port, at), frame, { kind: unreachableKind(at.dropReason) });
    case 'too_big': {
      const mtu = tunnelCapacity(view, hypervisorId, at.outHost);
      if (mtu === null) return 'foreign_port';
      const router = routerOf(view, port, at);
      // Also of IPv4 that may be fragmented: Open vSwitch cannot do it, and the sender can.
      const error: IcmpError = { kind: 'tooBig', mtu };
      return router === null ? fromSwitch(at, frame, error) : fromRouter(router, frame, error);
    }
  }
}

const groupBit = 1n << 40n;

/** RFC 1812, section 4.3.2.7; RFC 4443, section 2.4e. A reset is no error, and follows the same rules. */
function mayBeAnswered({ ethSrc, ethDst, packet }: Frame): boolean {
  if ((ethDst & groupBit) !== 0n || (ethSrc & groupBit) !== 0n) return false;
  return !packet.isLaterFragment && isHost(packet, packet.src) && isHost(packet, packet.dst) && !isIcmpError(packet);
}

/** Whether the address is of one host: not of many, of none, or of whoever asks. */
function isHost({ family }: IpPacket, address: bigint): boolean {
  if (family === 6) return address > 1n && address >> 120n !== 0xffn;
  const first = address >> 24n;
  return first !== 0n && first !== 127n && first < 224n;
}

const unreachableKind = (reason: DropReason | null) => (reason === 'neighbour_unresolved' ? 'noNeighbour' : 'noRoute');

const swapped = ({ src, dst }: Ends): Ends => ({ src: dst, dst: src });

/** As the receiver would say that nobody listens; what has no ports is told that it is prohibited. */
function refusal(packet: IpPacket): IpContent | null {
  if (packet.protocol === ipProtocol.tcp) return tcpReset(packet);
  const kind = packet.protocol === ipProtocol.udp ? 'portUnreachable' : 'prohibited';
  return icmpError({ kind }, packet, swapped(packet));
}

/**
 * In the name of the receiver. Where the sender's own rules judged, straight out of its interface: they would not let it in. Otherwise
 * it goes the way of every answer of the receiver, and the sender's rules know it as one.
 */
function rejection(view: NetworkReader, at: PuntedAt, judging: BoundPort, frame: Frame): Answer | Silence {
  const port = view.get('logical-switch-ports', judging.id);
  const logicalSwitch = view.get('logical-switches', judging.logicalSwitchId);
  if (port === null || logicalSwitch === null) return 'foreign_port';
  const content = refusal(frame.packet);
  if (content === null) return 'not_to_be_answered';
  const datapath = logicalSwitch.datapathKey;
  const into: Injection =
    at.origin === judging.number
      ? { kind: 'port', datapath, outPort: port.portKey, ctZone: judging.ctZone }
      : { kind: 'switch', datapath, inPort: port.portKey };
  return { frame: encodeFrame({ ethSrc: frame.ethDst, ethDst: frame.ethSrc }, content), into };
}

/** From an address of the router; routing finds the way, and writes the MAC addresses. */
function routed({ router, port }: RouterInterface, content: IpContent): Answer {
  const into: Injection = { kind: 'router', datapath: router.datapathKey, inPort: port.portKey };
  return { frame: encodeFrame({ ethSrc: 0n, ethDst: 0n }, content), into };
}

function fromRouter(found: RouterInterface | null, { packet }: Frame, error: IcmpError): Answer | Silence {
  const src = found === null ? null : addressOf(found, packet.family, packet.src);
  if (found === null || src === null) return 'no_address';
  return routed(found, icmpError(error, packet, { src, dst: packet.src }));
}

/** The router is whom the packet was for. */
function fromRouterItself(found: RouterInterface | null, { packet }: Frame): Answer | Silence {
  if (found === null) return 'no_address';
  if (packet.protocol !== ipProtocol.tcp && packet.protocol !== ipProtocol.udp) return 'not_to_be_answered';
  const content = refusal(packet);
  return content === null ? 'not_to_be_answered' : routed(found, content);
}

/** No router is between the two: in the name of the receiver. */
function fromSwitch(at: PuntedAt, frame: Frame, error: IcmpError): Answer {
  const content = icmpError(error, frame.packet, swapped(frame.packet));
  return {
    frame: encodeFrame({ ethSrc: frame.ethDst, ethDst: frame.ethSrc }, content),
    into: { kind: 'switch', datapath: Number(at.datapath), inPort: at.outPort },
  };
}
