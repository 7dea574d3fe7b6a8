/** The answer to a punted packet: what is sent, and where it enters the pipeline. */
import {
  type DropReason,
  type Injection,
  type PuntClass,
  puntClassEntries,
  type PuntedAt,
} from '../compiler/punts/punted-packet.js';
import type { NetworkReader } from '../view/network-view.js';
import type { ViewRow } from '../view/rows.js';
import { addressingAnswers, type AddressingClass, isAddressing } from './addressing/answers.js';
import type { Rate } from './allowance.js';
import { sessionOf } from './bfd/believed.js';
import {
  addressOf,
  gatewayRouterOf,
  isDirectedBroadcast,
  judgeOf,
  routerOf,
  type RouterInterface,
  senderOf,
  switchOf,
  tunnelCapacity,
} from './location.js';
import { neighbourAccount, neighbourQuestion } from './neighbours.js';
import type { Ends } from './packets/checksum.js';
import {
  encodeFrame,
  type Frame,
  type IpContent,
  type IpPacket,
  ipProtocol,
  parseFrame,
  sourceBytes,
} from './packets/frame.js';
import { type IcmpError, icmpError, isIcmpError } from './packets/icmp.js';
import { tcpReset } from './packets/tcp.js';

type BoundPort = ViewRow<'bound-ports'>;

/** Why a punted packet gets no answer. */
export type Silence = 'foreign_port' | 'of_no_port' | 'malformed' | 'not_to_be_answered' | 'no_address';

export interface Answer {
  readonly frame: Uint8Array;
  readonly into: Injection;
}

export interface Punted {
  readonly hypervisorId: string;
  readonly at: PuntedAt;
  readonly data: Uint8Array;
}

/** Who pays for the answer to a packet. */
export interface Account {
  /** Null: a router, which asks for itself, or tells who is outside. */
  readonly port: BoundPort | null;
  /** What is answered for one key is limited by itself, and waits behind itself. */
  readonly key: string;
  readonly rate: Rate;
}

/** Senders on other hypervisors share what a rejecting port answers in so many parts, by their addresses. */
const senderParts = 8;

/** By a hash of the address (FNV-1a): a flood of one sender leaves the other parts as they are. */
function senderPart(data: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of sourceBytes(data)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return ((hash ^ (hash >>> 16)) >>> 0) % senderParts;
}

/**
 * The port that has sent it, if that is one of the hypervisor. What came to it through a tunnel is only answered where rules of a port
 * have judged it: in the name of that port, and for its sender. Who is outside is told by the router that is outside here. What is to be
 * logged is about the port whose rules decided.
 */
export function accountOf(view: NetworkReader, { hypervisorId, at, data }: Punted): Account | Silence {
  const entry = puntClassEntries[at.puntClass];
  if (at.puntClass === 'verdict') {
    const judge = judgeOf(view, hypervisorId, at);
    return judge === null ? 'foreign_port' : { port: judge, key: judge.id, rate: entry };
  }
  if (at.puntClass === 'bfd') {
    const session = sessionOf(view, { hypervisorId, at, data });
    return session === null ? 'foreign_port' : { port: null, key: session.id, rate: entry };
  }
  if (at.puntClass === 'neighbour') return neighbourAccount(view, { hypervisorId, at, data });
  if (at.origin !== 0) {
    const port = senderOf(view, hypervisorId, at);
    return port === null ? 'foreign_port' : { port, key: port.id, rate: entry };
  }
  const { fromElsewhere: rate } = entry;
  if (rate === undefined) return 'of_no_port';
  if (at.puntClass === 'reject') {
    const port = judgeOf(view, hypervisorId, at);
    return port === null ? 'foreign_port' : { port, key: `${port.id} ${senderPart(data)}`, rate };
  }
  const gateway = gatewayRouterOf(view, hypervisorId, at);
  return gateway === null ? 'of_no_port' : { port: null, key: `${gateway.port.id} ${senderPart(data)}`, rate };
}

/** What is to be said about a packet that `port` accounts for. */
export function answersTo(
  view: NetworkReader,
  punted: Punted,
  port: BoundPort | null,
  defaultUnderlayMtu: number,
): readonly Answer[] | Silence {
  const { puntClass } = punted.at;
  if (puntClass === 'neighbour') {
    const question = neighbourQuestion(view, punted);
    return typeof question === 'string' ? question : [question];
  }
  const frame = parseFrame(punted.data);
  if (frame === null) return 'malformed';
  if (isAddressing(puntClass))
    return port === null ? 'of_no_port' : addressingAnswers(view, puntClass, port, frame, defaultUnderlayMtu);
  const answer = errorAbout(view, { ...punted, puntClass }, port, frame);
  return typeof answer === 'string' ? answer : [answer];
}

/** A packet of a class whose answer is an error. */
interface Refused extends Punted {
  readonly puntClass: Exclude<PuntClass, AddressingClass | 'neighbour'>;
}

/** What the sender of a packet that goes no further is told. */
function errorAbout(
  view: NetworkReader,
  { hypervisorId, at, puntClass }: Refused,
  port: BoundPort | null,
  frame: Frame,
): Answer | Silence {
  const router = port === null ? gatewayRouterOf(view, hypervisorId, at) : routerOf(view, port, at);
  const switchId = (port ?? router?.port)?.logicalSwitchId ?? null;
  if (switchId === null) return 'foreign_port';
  if (!mayBeAnswered(frame) || isForMany(view, at, switchId, router, frame)) return 'not_to_be_answered';
  switch (puntClass) {
    case 'verdict':
    case 'health':
    case 'bfd':
    case 'virtual_address':
      return 'not_to_be_answered';
    case 'reject':
      return rejection(view, at, judgeOf(view, hypervisorId, at), frame);
    case 'ttl_exceeded':
      return fromRouter(router, frame, { kind: 'timeExceeded' });
    case 'unreachable':
      if (at.dropReason !== 'not_for_router')
        return fromRouter(router, frame, { kind: unreachableKind(at.dropReason) });
      // From outside it may be of a connection that another gateway has translated until now: a reset would end it.
      return port === null ? 'not_to_be_answered' : fromRouterItself(router, frame);
    case 'too_big': {
      const capacity = tunnelCapacity(view, hypervisorId, at.outHost);
      if (capacity === null) return 'foreign_port';
      const mtu = toldMtu(frame.packet, capacity);
      if (mtu === null) return 'not_to_be_answered';
      // Also of IPv4 that may be fragmented: Open vSwitch cannot do it, and the sender can.
      const error: IcmpError = { kind: 'tooBig', mtu };
      if (router !== null) return fromRouter(router, frame, error);
      const own = port === null ? null : switchOf(view, port, at);
      return own === null ? 'foreign_port' : fromSwitch(own.datapathKey, at.outPort, frame, error);
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

/**
 * Whether it is a copy that was flooded (whoever got this one would speak for another, whose MAC the others would then learn at the
 * wrong place), or is from or for the broadcast address of a network.
 */
function isForMany(
  view: NetworkReader,
  at: PuntedAt,
  switchId: string,
  router: RouterInterface | null,
  { packet }: Frame,
): boolean {
  if (at.flood !== 0 && (at.puntClass === 'reject' || at.puntClass === 'too_big')) return true;
  if (packet.family === 6) return false;
  return [packet.src, packet.dst].some(address => isDirectedBroadcast(view, switchId, router, address));
}

/** The least that every link of IPv6 carries: senders believe nothing below (RFC 8200, section 5; RFC 8201, section 4). */
const leastMtu6 = 1_280;

/** What a sender is told to fit into; null: what it has sent is as small as it will get. */
function toldMtu({ family, bytes, payload, payloadBytes }: IpPacket, capacity: number): number | null {
  if (family === 4) return capacity;
  const sentBytes = bytes.length - payload.length + payloadBytes;
  return sentBytes <= leastMtu6 ? null : Math.max(leastMtu6, capacity);
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
function rejection(view: NetworkReader, at: PuntedAt, judging: BoundPort | null, frame: Frame): Answer | Silence {
  const port = judging === null ? null : view.get('logical-switch-ports', judging.id);
  const logicalSwitch = judging === null ? null : view.get('logical-switches', judging.logicalSwitchId);
  if (judging === null || port === null || logicalSwitch === null) return 'foreign_port';
  const content = refusal(frame.packet);
  if (content === null) return 'not_to_be_answered';
  const datapath = logicalSwitch.datapathKey;
  // What a load balancer refuses may be of a port without security groups.
  const ctZone = view.get('port-groups', judging.id) === null ? null : judging.ctZone;
  const into: Injection =
    at.origin === judging.number
      ? { kind: 'port', datapath, outPort: port.portKey, ctZone }
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
  const { family, protocol } = packet;
  // What a router does not understand of ICMP it says nothing about (RFC 1122, section 3.2.2).
  if (protocol === (family === 4 ? ipProtocol.icmp : ipProtocol.icmpv6)) return 'not_to_be_answered';
  if (protocol !== ipProtocol.tcp && protocol !== ipProtocol.udp)
    return routed(found, icmpError({ kind: 'unknownProtocol' }, packet, swapped(packet)));
  const content = refusal(packet);
  return content === null ? 'not_to_be_answered' : routed(found, content);
}

/** No router is between the two: in the name of the receiver. */
function fromSwitch(datapath: number, receiverKey: number, frame: Frame, error: IcmpError): Answer {
  const content = icmpError(error, frame.packet, swapped(frame.packet));
  return {
    frame: encodeFrame({ ethSrc: frame.ethDst, ethDst: frame.ethSrc }, content),
    into: { kind: 'switch', datapath, inPort: receiverKey },
  };
}
