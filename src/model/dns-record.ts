import { parseDomainName } from '../base/domain-name.js';
import { parseIp } from '../base/address.js';
import { optional, reference, required } from './fields.js';
import { Type } from './json-schema.js';
import { resource } from './resource.js';
import { integer, list, oneOf, text } from './value-types.js';

export const dnsRecordTypes = ['A', 'AAAA', 'PTR', 'SRV'] as const;
export type DnsRecordType = (typeof dnsRecordTypes)[number];

/** Where a service is (RFC 2782). */
export interface ServiceLocation {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

/** What a value of a record says, by the record's type. */
export type DnsValue =
  | { readonly type: 'A' | 'AAAA'; readonly address: bigint }
  | { readonly type: 'PTR'; readonly target: string }
  | ({ readonly type: 'SRV' } & ServiceLocation);

/** Longest time that an answer may be kept, in seconds: a week. */
const MAX_TTL = 604_800;
/** More would not fit an answer that every client takes. */
const MAX_VALUES = 16;

/** Reads a value as master files have it (RFC 1035, section 3.3; RFC 2782); null if it is none of that type. */
export function parseDnsValue(type: DnsRecordType, value: string): DnsValue | null {
  switch (type) {
    case 'A':
    case 'AAAA': {
      const ip = parseIp(value);
      return ip?.family === (type === 'A' ? 4 : 6) ? { type, address: ip.value } : null;
    }
    case 'PTR': {
      const target = parseDomainName(value);
      return target === null ? null : { type, target };
    }
    case 'SRV': {
      const [, priority, weight, port, name] = /^(\d{1,5}) (\d{1,5}) (\d{1,5}) (\S+)$/.exec(value) ?? [];
      const target = name === undefined ? null : parseDomainName(name);
      const numbers = [priority, weight, port].map(Number);
      if (target === null || !numbers.every(each => each <= 0xffff)) return null;
      return { type, priority: Number(priority), weight: Number(weight), port: Number(port), target };
    }
  }
}

export const dnsRecords = resource({
  kind: 'dns-records',
  singular: 'dns-record',
  description:
    'A name, and what Weft answers when ports of the logical switch ask for it. `name` is the whole domain name.',
  named: true,
  exposed: true,
  fields: {
    logicalSwitchId: reference('logical-switches', 'The logical switch; it has a dns_domain.', {
      onDelete: 'cascade',
      access: 'immutable',
    }),
    type: required(oneOf(...dnsRecordTypes), 'What kind of answer it is.'),
    values: required(
      list(text({ min: 1, max: 300 }), { min: 1, max: MAX_VALUES, distinct: true }),
      'A, AAAA: addresses; PTR: domain names; SRV: texts such as "10 5 5060 sip.example.org" (priority, weight, port, host).',
    ),
    ttl: optional(integer(0, MAX_TTL), 'How long the answer may be kept, in seconds.', { default: 300 }),
  },
  computed: {
    status: {
      forTenants: true,
      schema: Type.Object({
        active: Type.Boolean(),
        reason: Type.Union([Type.String(), Type.Null()]),
      }),
      description: 'Whether ports are answered with it, and if not, what is missing.',
    },
  },
  columns: ['logicalSwitchId', 'type', 'values', 'ttl'],
});
