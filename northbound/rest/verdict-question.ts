/** The query of a dry verdict, read and completed with what a workload would put into such a packet. */
import { type IpAddress, type IpFamily, parseIp, parseMac } from '../../src/base/address.js';
import { WeftError } from '../../src/base/errors.js';
import type { RowOf } from '../../src/model/index.js';
import { hasPorts, isIcmp, protocol } from '../../src/model/protocol.js';
import type { Question } from '../../src/trace/question.js';
import type { Query } from './listing.js';
import type { NetworkState } from './network-state.js';
import type { Sight } from './sight.js';

type Port = RowOf<'logical-switch-ports'>;

/** What may be asked, with what it means. */
export const verdictParameters = {
  to_port_id: 'The logical switch port that it is for; this or to_ip, or both where the port has several addresses.',
  to_ip: 'The address that it is for.',
  protocol: 'Name or number, as in security group rules. Left out: tcp where port is given, else icmp.',
  port: 'Destination port of tcp, udp and sctp.',
  source_port: 'Source port; default 49152.',
  icmp_type: 'ICMP type; default: echo request.',
  icmp_code: 'ICMP code; default 0.',
  source_ip: 'Default: the first address of the port in the family of the destination. Another one asks port security.',
  source_mac: 'Default: that of the port.',
  length: 'Bytes of the frame, Ethernet header included; default 100.',
  explain: 'true: for operators, also every stage that it goes through, and whose flow decides there.',
} as const;

type Parameter = keyof typeof verdictParameters;

const firstEphemeralPort = 49_152;
const defaultLengthBytes = 100;
const echoRequest = { 4: 8, 6: 128 } as const;

function refuse(parameter: Parameter, detail: string): never {
  throw new WeftError('invalid_query', { detail: `${parameter}: ${detail}` });
}

/** Each parameter once, and none that does not exist. */
function textsOf(query: Query): Readonly<Partial<Record<Parameter, string>>> {
  for (const [name, value] of Object.entries(query)) {
    if (name === 'min_revision') continue;
    if (!Object.hasOwn(verdictParameters, name) || typeof value !== 'string')
      throw new WeftError('invalid_query', {
        detail: `"${name}" is no parameter of a verdict (once each): ${Object.keys(verdictParameters).join(', ')}.`,
      });
  }
  return query as Readonly<Partial<Record<Parameter, string>>>;
}

const ipOf = (parameter: Parameter, text: string): IpAddress =>
  parseIp(text) ?? refuse(parameter, `"${text.slice(0, 60)}" is not an IP address.`);

function numberOf(parameter: Parameter, text: string | undefined, largest: number, fallback: number): number {
  if (text === undefined) return fallback;
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Infinity;
  return value <= largest ? value : refuse(parameter, `it is a whole number from 0 to ${largest}.`);
}

const addressesOf = ({ ips }: Port): readonly IpAddress[] => ips.flatMap(({ ip }) => parseIp(ip) ?? []);

function destinationOf(to: Port | null, toIp: IpAddress | null, wanted: IpFamily | null, from: Port): IpAddress {
  if (toIp !== null) return toIp;
  const own = new Set(addressesOf(from).map(({ family }) => family));
  const candidates = to === null ? [] : addressesOf(to);
  const fitting = candidates.filter(({ family }) => (wanted === null ? own.has(family) : family === wanted));
  return (
    fitting[0] ?? refuse('to_ip', 'say which address it is for: the port has none in a family of the sending port.')
  );
}

function protocolOf(texts: ReturnType<typeof textsOf>, family: IpFamily): string {
  const text = texts.protocol ?? (texts.port === undefined ? 'icmp' : 'tcp');
  const name = protocol().parse(text, '');
  if (texts.port !== undefined && !hasPorts(name)) refuse('port', `${name} has no ports.`);
  if ((texts.icmp_type ?? texts.icmp_code) !== undefined && !isIcmp(name)) refuse('icmp_type', `${name} is not ICMP.`);
  if (hasPorts(name) && texts.port === undefined) refuse('port', `${name} needs a destination port.`);
  return name === 'icmp' && family === 6 ? 'icmpv6' : name;
}

/** @throws WeftError invalid_query, invalid_value (of the protocol), not_found (of a port that the caller does not see) */
export function verdictQuestion(state: NetworkState, fromId: string, query: Query, sight: Sight): Question {
  const texts = textsOf(query);
  const from = state.row('logical-switch-ports', fromId, sight);
  const { to_port_id: toId, to_ip: toText, source_ip: sourceText, source_mac: macText } = texts;
  if (toId === undefined && toText === undefined) refuse('to_port_id', 'say whom it is for: to_port_id or to_ip.');
  const to = toId === undefined ? null : state.row('logical-switch-ports', toId.toLowerCase(), sight);
  const given = sourceText === undefined ? null : ipOf('source_ip', sourceText);
  const toIp = toText === undefined ? null : ipOf('to_ip', toText);
  const destinationIp = destinationOf(to, toIp, given?.family ?? null, from);
  const { family } = destinationIp;
  const sourceIp =
    given ??
    addressesOf(from).find(address => address.family === family) ??
    refuse('source_ip', `the sending port has no IPv${family} address, so say which one the packet has.`);
  if (sourceIp.family !== family) refuse('source_ip', 'it is of another family than the destination.');
  const sourceMac = macText === undefined ? null : (parseMac(macText) ?? refuse('source_mac', 'it is not a MAC.'));
  return {
    from,
    to,
    family,
    sourceIp,
    destinationIp,
    sourceMac,
    protocol: protocolOf(texts, family),
    sourcePort: numberOf('source_port', texts.source_port, 65_535, firstEphemeralPort),
    destinationPort: numberOf('port', texts.port, 65_535, 0),
    icmpType: numberOf('icmp_type', texts.icmp_type, 255, echoRequest[family]),
    icmpCode: numberOf('icmp_code', texts.icmp_code, 255, 0),
    lengthBytes: numberOf('length', texts.length, 65_535, defaultLengthBytes),
  };
}
