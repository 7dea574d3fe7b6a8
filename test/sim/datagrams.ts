/** The packets that a simulation follows. */
import { cidrContains, parseCidr, parseIp, type IpAddress } from '../../src/base/address.js';
import { oxm, type OxmField } from '../../southbound/openflow/oxm.js';
import type { PacketFields } from '../fakes/packet-walk.js';
import type { Tables } from './simulated-store.js';

/** A type that is neither IP nor ARP: only MACs decide. */
const experimentalType = 0x88b5n;
/** That rules of security groups are about. */
export const destinationPort = 7_001;

/** What of a port its packets are made of. */
interface Ends {
  readonly ofport: number;
  readonly mac: bigint;
  readonly ips: readonly string[];
  readonly logicalSwitchId: string;
}

/** A frame of a type of which only MACs decide. */
export function switchedPacket(from: Ends, to: Ends): PacketFields {
  return new Map<OxmField, bigint>([
    [oxm.inPort, BigInt(from.ofport)],
    [oxm.ethSrc, from.mac],
    [oxm.ethDst, to.mac],
    [oxm.ethType, experimentalType],
  ]);
}

/** A datagram within a switch; null if the ports have no addresses of one family. */
export function switchedDatagram(from: Ends, to: Ends): Datagram | null {
  const destinations = to.ips.flatMap(text => parseIp(text) ?? []);
  for (const source of from.ips.flatMap(text => parseIp(text) ?? [])) {
    const destination = destinations.find(({ family }) => family === source.family);
    if (destination !== undefined) return datagram(from, to.mac, source, destination);
  }
  return null;
}

/** A datagram to the router that both switches have a port of; null if there is none, or it would not take this one. */
export function routedDatagram(tables: Tables, from: Ends, to: Ends): Datagram | null {
  const routerPorts = [...tables['logical-router-ports'].values()];
  const entrance = routerPorts.find(port => port.logicalSwitchId === from.logicalSwitchId);
  const router = tables['logical-routers'].get(entrance?.logicalRouterId ?? '');
  if (entrance === undefined || router?.enabled !== true) return null;
  const reaching = (ip: IpAddress) =>
    routerPorts.filter(port => port.logicalRouterId === router.id && port.networks.some(net => holds(net, ip)));
  for (const source of from.ips.flatMap(text => parseIp(text) ?? [])) {
    if (!entrance.networks.some(net => holds(net, source))) continue;
    for (const destination of to.ips.flatMap(text => parseIp(text) ?? [])) {
      const [exit, ...others] = reaching(destination);
      if (destination.family !== source.family || others.length > 0) continue;
      if (exit === undefined || exit.logicalSwitchId !== to.logicalSwitchId) continue;
      return datagram(from, macOf(entrance.mac), source, destination);
    }
  }
  return null;
}

/** A UDP packet, and what it is about. */
export interface Datagram {
  readonly fields: PacketFields;
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

function datagram(from: Ends, to: bigint, source: IpAddress, destination: IpAddress): Datagram {
  const isFour = source.family === 4;
  const fields = new Map<OxmField, bigint>([
    [oxm.inPort, BigInt(from.ofport)],
    [oxm.ethSrc, from.mac],
    [oxm.ethDst, to],
    [oxm.ethType, isFour ? 0x0800n : 0x86ddn],
    [isFour ? oxm.ipv4Src : oxm.ipv6Src, source.value],
    [isFour ? oxm.ipv4Dst : oxm.ipv6Dst, destination.value],
    [oxm.ipTtl, 64n],
    [oxm.ipProto, 17n],
    [oxm.udpSrc, 7_000n],
    [oxm.udpDst, BigInt(destinationPort)],
  ]);
  return { fields, source, destination };
}

function holds(network: string, ip: IpAddress): boolean {
  const parsed = parseCidr(network);
  return parsed !== null && cidrContains(parsed, ip);
}

export const macOf = (text: string): bigint => BigInt(`0x${text.replaceAll(':', '')}`);
