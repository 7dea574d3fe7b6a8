/** Frames by which a host asks for the MAC of another, and says its own: ARP (RFC 826, 5227), neighbour discovery (RFC 4861). */
import { Writer } from '../../../southbound/wire/writer.js';
import { checksum, pseudoHeaderSum } from './checksum.js';
import { etherType, ipProtocol } from './frame.js';

const broadcast = 0xffff_ffff_ffffn;

export function arpRequest(mac: bigint, source: bigint, target: bigint): Uint8Array {
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

/** Neighbour discovery is believed only with the greatest hop limit, which no router has counted down. */
const hopLimit = 255;

interface Discovery {
  readonly mac: bigint;
  readonly source: bigint;
  readonly target: bigint;
  readonly group: bigint;
  readonly type: number;
  readonly flags: number;
  /** The type of the option that has the MAC. */
  readonly option: number;
}

function discovery({ mac, source, target, group, type, flags, option }: Discovery): Uint8Array {
  const message = new Writer(0, 32);
  message.u8(type);
  message.u8(0);
  message.u16(0);
  message.u32(flags);
  message.unsigned(target, 16);
  message.u8(option);
  message.u8(1);
  message.unsigned(mac, 6);
  const sum = pseudoHeaderSum(6, { src: source, dst: group }, ipProtocol.icmpv6, message.offset);
  message.view.setUint16(2, checksum(message.bytes.subarray(0, message.offset), sum));
  const content = message.finish();
  const writer = new Writer(0, 96);
  writer.unsigned(0x3333_0000_0000n | (group & 0xffff_ffffn), 6);
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

const solicitedNodes = 0xff02_0000_0000_0000_0000_0001_ff00_0000n;

export function neighbourSolicitation(mac: bigint, source: bigint, target: bigint): Uint8Array {
  const group = solicitedNodes | (target & 0xff_ffffn);
  return discovery({ mac, source, target, group, type: 135, flags: 0, option: 1 });
}

const allNodes = (0xff02n << 112n) | 1n;
/** Of a router, and in place of what was known before. */
const routerOverride = 0xa000_0000;

/** Unsolicited: all nodes learn where the address of a router is. */
export function neighbourAdvertisement(mac: bigint, address: bigint): Uint8Array {
  return discovery({
    mac,
    source: address,
    target: address,
    group: allNodes,
    type: 136,
    flags: routerOverride,
    option: 2,
  });
}
