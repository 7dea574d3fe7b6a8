/** IP protocols by name and number. Source: the IANA registry "Assigned Internet Protocol Numbers", names as OpenStack has them. */
import { Type } from './json-schema.js';
import { quoted, refuse, type ValueType } from './value-types.js';

/** Names by which a rule may call a protocol. `icmp` is that of the rule's ethertype: 58 in IPv6. */
const numbers: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  egp: 8,
  udp: 17,
  dccp: 33,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  ospf: 89,
  vrrp: 112,
  pgm: 113,
  sctp: 132,
  udplite: 136,
};

const names = new Map(Object.entries(numbers).map(([name, number]) => [number, name]));
const MAX_NUMBER = 255;

/** Protocols with ports that a rule can tell apart. */
const portProtocols: readonly string[] = ['tcp', 'udp', 'sctp'];

export function hasPorts(protocol: string | null): boolean {
  return protocol !== null && portProtocols.includes(protocol);
}

export function isIcmp(protocol: string | null): boolean {
  return protocol === 'icmp' || protocol === 'icmpv6';
}

/** The number of a protocol in packets of the family. */
export function protocolNumber(protocol: string, family: 4 | 6): number {
  if (protocol === 'icmp' && family === 6) return numbers['icmpv6'] ?? 0;
  return numbers[protocol] ?? Number(protocol);
}

/** A protocol by name or number; canonically the name, where it has one, else the number as text. */
export function protocol(): ValueType<string> {
  const shown = Type.String({ examples: ['tcp', 'udp', 'icmp', '89'] });
  return {
    schema: shown,
    inputSchema: Type.Union([shown, Type.Integer({ minimum: 0, maximum: MAX_NUMBER })]),
    column: 'text',
    nullable: false,
    parse: (value, pointer) => {
      if (typeof value === 'string' && Object.hasOwn(numbers, value)) return value;
      const number = typeof value === 'string' && /^\d{1,3}$/.test(value) ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isInteger(number))
        return refuse('invalid_value', pointer, `${quoted(value)} is neither a number nor the name of a protocol.`);
      if (number < 0 || number > MAX_NUMBER)
        return refuse('out_of_range', pointer, `${number} is not between 0 and ${MAX_NUMBER}.`);
      return names.get(number) ?? String(number);
    },
    toWire: value => value,
    fromWire: wire => wire as string,
  };
}
