/**
 * What Weft answers to DNS (RFC 1035) on a logical switch with a domain: the names of its ports, their addresses, and its records. Of
 * names elsewhere it says that it does not answer, so that a resolver asks the next server.
 */
import { cidrContains, type IpFamily, parseCidr, parseIp } from '../../base/address.js';
import { encodeDomainName, isHostName, parseDomainName } from '../../base/domain-name.js';
import { addressBytes } from '../../model/dhcp-option-codes.js';
import { type DnsValue, parseDnsValue } from '../../model/dns-record.js';
import type { NetworkReader } from '../../view/network-view.js';
import type { ViewRow } from '../../view/rows.js';
import {
  type DnsAnswer,
  dnsCode,
  dnsPort,
  type DnsQuestion,
  dnsType,
  encodeDnsAnswer,
  parseDnsQuery,
  serviceData,
} from '../packets/dns.js';
import { encodeFrame, type Frame } from '../packets/frame.js';
import { datagram, parseDatagram } from '../packets/udp.js';
import type { NoAnswer } from './dhcpv4.js';
import type { ServedPort } from './served-port.js';

type Ports = readonly ViewRow<'logical-switch-ports'>[];
type Records = readonly ViewRow<'dns-records'>[];

/** How long names of ports may be kept, in seconds: a workload may come again with another address. */
const portTtl = 60;

/** The answering frame, or why there is none. */
export function answerDns(view: NetworkReader, served: ServedPort, frame: Frame): Uint8Array | NoAnswer {
  const { packet } = frame;
  const udp = parseDatagram(packet);
  const question = udp === null ? null : parseDnsQuery(udp.payload);
  if (udp === null || question === null) return 'malformed';
  const domain = served.logicalSwitch.dnsDomain;
  if (udp.dstPort !== dnsPort || domain === null) return 'not_to_be_answered';
  const payload = resolve(view, served.logicalSwitch.id, domain, question);
  const ends = { src: packet.dst, dst: packet.src };
  const content = datagram(packet.family, ends, { srcPort: dnsPort, dstPort: udp.srcPort, payload });
  return encodeFrame({ ethSrc: frame.ethDst, ethDst: frame.ethSrc }, content);
}

const nothing = { answers: [], authoritative: false } as const;

/** The message that answers. */
export function resolve(
  view: NetworkReader,
  logicalSwitchId: string,
  domain: string,
  question: DnsQuestion,
): Uint8Array {
  if (question.opcode !== 0) return encodeDnsAnswer(question, dnsCode.notImplemented, nothing);
  const { name, type } = question;
  if (name === null || !question.isInternet) return encodeDnsAnswer(question, dnsCode.refused, nothing);
  const known = answersFor(view, logicalSwitchId, domain, name);
  const isOurs = known.length > 0 || name === domain || name.endsWith(`.${domain}`);
  if (!isOurs && !isReverseOfSubnet(view, logicalSwitchId, name))
    return encodeDnsAnswer(question, dnsCode.refused, nothing);
  const answers = known.filter(answer => type === dnsType.ANY || answer.type === type);
  // A name that is there for another type is no missing name (RFC 2308, section 2).
  const code = known.length > 0 || name === domain ? dnsCode.success : dnsCode.noSuchName;
  return encodeDnsAnswer(question, code, { answers, authoritative: true });
}

function answersFor(view: NetworkReader, logicalSwitchId: string, domain: string, name: string): readonly DnsAnswer[] {
  const ports = portNames(view.by('logical-switch-ports', 'logicalSwitchId', logicalSwitchId));
  const records = recordNames(view.by('dns-records', 'logicalSwitchId', logicalSwitchId)).get(name) ?? [];
  const host = name.endsWith(`.${domain}`) ? name.slice(0, -domain.length - 1) : null;
  const addresses = host === null ? [] : (ports.addresses.get(host) ?? []);
  const hosts = ports.hosts.get(name) ?? [];
  return [
    ...addresses.map(({ family, value }) => ({
      type: family === 4 ? dnsType.A : dnsType.AAAA,
      ttl: portTtl,
      data: addressBytes(value, family === 4 ? 4 : 16),
    })),
    ...hosts.flatMap(each => {
      const target = parseDomainName(`${each}.${domain}`);
      return target === null ? [] : { type: dnsType.PTR, ttl: portTtl, data: encodeDomainName(target) };
    }),
    ...records.flatMap(({ type, values, ttl }) =>
      values.flatMap(text => {
        const value = parseDnsValue(type, text);
        return value === null ? [] : { type: dnsType[type], ttl, data: dataOf(value) };
      }),
    ),
  ];
}

function dataOf(value: DnsValue): Uint8Array {
  switch (value.type) {
    case 'A':
      return addressBytes(value.address, 4);
    case 'AAAA':
      return addressBytes(value.address, 16);
    case 'PTR':
      return encodeDomainName(value.target);
    case 'SRV':
      return serviceData(value);
  }
}

interface PortNames {
  readonly addresses: ReadonlyMap<string, readonly { readonly family: IpFamily; readonly value: bigint }[]>;
  /** By the name that an address has in reverse. */
  readonly hosts: ReadonlyMap<string, readonly string[]>;
}

/** Lists of the view are replaced when something in them changes: what was made of one is good as long as it is there. */
const namesOfPorts = new WeakMap<Ports, PortNames>();
const namesOfRecords = new WeakMap<Records, ReadonlyMap<string, Records>>();

function portNames(ports: Ports): PortNames {
  let names = namesOfPorts.get(ports);
  if (names === undefined) namesOfPorts.set(ports, (names = makePortNames(ports)));
  return names;
}

function makePortNames(ports: Ports): PortNames {
  const addresses = new Map<string, { family: IpFamily; value: bigint }[]>();
  const hosts = new Map<string, string[]>();
  for (const port of ports) {
    const name = parseDomainName(port.name);
    if (name === null || !isHostName(name) || !port.enabled) continue;
    for (const { ip } of port.ips) {
      const address = parseIp(ip);
      if (address === null) continue;
      listed(addresses, name, address);
      listed(hosts, reverseName(address.family, address.value), name);
    }
  }
  return { addresses, hosts };
}

function listed<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

function recordNames(records: Records): ReadonlyMap<string, Records> {
  let names = namesOfRecords.get(records);
  if (names === undefined) {
    const lists = new Map<string, ViewRow<'dns-records'>[]>();
    for (const record of records) listed(lists, parseDomainName(record.name) ?? record.name, record);
    namesOfRecords.set(records, (names = lists));
  }
  return names;
}

const reverseDomain = { 4: 'in-addr.arpa', 6: 'ip6.arpa' } as const;

/** RFC 1035, section 3.5; RFC 3596, section 2.5. */
export function reverseName(family: IpFamily, value: bigint): string {
  const parts = family === 4 ? [...addressBytes(value, 4)].map(String) : value.toString(16).padStart(32, '0').split('');
  return `${parts.toReversed().join('.')}.${reverseDomain[family]}`;
}

/** The address that a whole reverse name stands for; null: it is none. */
function reversedAddress(name: string): { readonly family: IpFamily; readonly value: bigint } | null {
  if (name.endsWith(`.${reverseDomain[4]}`)) {
    const bytes = name.slice(0, -reverseDomain[4].length - 1).split('.');
    return bytes.length === 4 ? parseIp(bytes.toReversed().join('.')) : null;
  }
  if (!name.endsWith(`.${reverseDomain[6]}`)) return null;
  const digits = name.slice(0, -reverseDomain[6].length - 1).split('.');
  if (digits.length !== 32 || !digits.every(digit => /^[0-9a-f]$/.test(digit))) return null;
  return { family: 6, value: BigInt(`0x${digits.toReversed().join('')}`) };
}

function isReverseOfSubnet(view: NetworkReader, logicalSwitchId: string, name: string): boolean {
  const address = reversedAddress(name);
  if (address === null) return false;
  return view.by('subnets', 'logicalSwitchId', logicalSwitchId).some(({ cidr }) => {
    const network = parseCidr(cidr);
    return network !== null && cidrContains(network, address);
  });
}
