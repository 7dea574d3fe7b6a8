/**
 * Neighbours outside that the gateway of a router does not know: Weft asks for them in the name of the router, by ARP (RFC 826) or neighbour
 * solicitation (RFC 4861). The switch itself learns from the answer. What was to be sent is lost, and sent again by whoever sent it.
 */
import type { IpFamily } from '../base/address.js';
import { parseMac } from '../base/address.js';
import { puntClassEntries } from '../compiler/punts/punted-packet.js';
import { isGatewayPort } from '../model/gateway.js';
import type { NetworkReader } from '../view/network-view.js';
import { gatewayPlaceId } from '../view/rows.js';
import { Writer } from '../../southbound/wire/writer.js';
import type { Account, Answer, Punted, Silence } from './answer.js';
import { addressOf, type RouterInterface } from './location.js';
import { checksum, pseudoHeaderSum } from './packets/checksum.js';
import { etherType, ipProtocol } from './packets/frame.js';

/** What is asked for one router is limited in so many parts, by the address asked for: who asks for many leaves the other parts as they are. */
const parts = 16n;

/** The port by which a router is outside, on its gateway: it must be that hypervisor. */
function gatewayPort(view: NetworkReader, { hypervisorId, at }: Punted): RouterInterface | null {
  const [logicalSwitch] = view.by('logical-switches', 'datapathKey', at.datapath);
  if (logicalSwitch === undefined) return null;
  const port = view
    .by('logical-router-ports', 'logicalSwitchId', logicalSwitch.id)
    .find(each => each.switchPortKey === at.inPort);
  const router = port === undefined ? null : view.get('logical-routers', port.logicalRouterId);
  if (port === undefined || router === null || !isGatewayPort(router, port)) return null;
  return view.get('gateway-places', gatewayPlaceId(router.id, hypervisorId))?.rank === 0 ? { router, port } : null;
}

/** The family of a frame, by its type; null: it is not IP. */
function familyOf(frame: Uint8Array): IpFamily | null {
  const type = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  return type === etherType[4] ? 4 : type === etherType[6] ? 6 : null;
}

export function neighbourAccount(view: NetworkReader, punted: Punted): Account | Silence {
  const found = gatewayPort(view, punted);
  const family = familyOf(punted.data);
  if (found === null || family === null) return 'foreign_port';
  const part = punted.at.nextHop[family] % parts;
  return { port: null, key: `${found.port.id} ${part}`, rate: puntClassEntries.neighbour };
}

/** The question, into the logical switch outside as if the router had sent it. */
export function neighbourQuestion(view: NetworkReader, punted: Punted): Answer | Silence {
  const found = gatewayPort(view, punted);
  const family = familyOf(punted.data);
  if (found === null || family === null) return 'foreign_port';
  const target = punted.at.nextHop[family];
  const source = addressOf(found, family, target);
  const mac = parseMac(found.port.mac);
  if (source === null || mac === null) return 'no_address';
  return {
    frame: family === 4 ? arpRequest(mac, source, target) : solicitation(mac, source, target),
    into: { kind: 'switch', datapath: punted.at.datapath, inPort: punted.at.inPort },
  };
}

const broadcast = 0xffff_ffff_ffffn;

function arpRequest(mac: bigint, source: bigint, target: bigint): Uint8Array {
  const writer = new Writer(0, 64);
  writer.unsigned(broadcast, 6);
  writer.unsigned(mac, 6);
  writer.u16(0x0806);
  writer.u16(1); // Ethernet
  writer.u16(etherType[4]);
  writer.u8(6);
  writer.u8(4);
  writer.u16(1); // request
  writer.unsigned(mac, 6);
  writer.unsigned(source, 4);
  writer.unsigned(0n, 6);
  writer.unsigned(target, 4);
  return writer.finish();
}

const neighbourSolicitation = 135;
const sourceMacOption = 1;
/** Neighbour discovery is believed only with the greatest hop limit, which no router has counted down. */
const hopLimit = 255;
const solicitedNodes = 0xff02_0000_0000_0000_0000_0001_ff00_0000n;

function solicitation(mac: bigint, source: bigint, target: bigint): Uint8Array {
  const last = target & 0xff_ffffn;
  const group = solicitedNodes | last;
  const message = new Writer(0, 32);
  message.u8(neighbourSolicitation);
  message.u8(0);
  message.u16(0);
  message.u32(0);
  message.unsigned(target, 16);
  message.u8(sourceMacOption);
  message.u8(1);
  message.unsigned(mac, 6);
  const sum = pseudoHeaderSum(6, { src: source, dst: group }, ipProtocol.icmpv6, message.offset);
  message.view.setUint16(2, checksum(message.bytes.subarray(0, message.offset), sum));
  const content = message.finish();
  const writer = new Writer(0, 96);
  writer.unsigned(0x3333_ff00_0000n | last, 6);
  writer.unsigned(mac, 6);
  writer.u16(etherType[6]);
  writer.u32(0x6000_0000);
  writer.u16(content.length);
  writer.u8(ipProtocol.icmpv6);
  writer.u8(hopLimit);
  writer.unsigned(source, 16);
  writer.unsigned(group, 16);
  writer.raw(content);
  return writer.finish();
}
