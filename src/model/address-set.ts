import { Type } from './json-schema.js';
import { formatIp, parseCidr, parseIp } from '../base/address.js';
import { optional } from './fields.js';
import { resource } from './resource.js';
import { cidr, list, quoted, refuse, type ValueType } from './value-types.js';

const MAX_ADDRESSES = 10_000;

/** An IP address or a network; a network of one address is that address. */
export function ipOrNetwork(): ValueType<string> {
  const network = cidr('network');
  return {
    ...network,
    schema: Type.String({ maxLength: 49, examples: ['192.0.2.1', '2001:db8::/64'] }),
    inputSchema: Type.String({ maxLength: 49, examples: ['192.0.2.1', '2001:db8::/64'] }),
    parse: (value, pointer) => {
      const address = typeof value === 'string' ? parseIp(value) : null;
      if (address !== null) return formatIp(address.family, address.value);
      if (typeof value !== 'string' || parseCidr(value) === null)
        return refuse('invalid_value', pointer, `${quoted(value)} is neither an IP address nor a network.`);
      return hostOrNetwork(network.parse(value, pointer));
    },
  };
}

/** The canonical form of a network: a plain address where it holds just one. */
export function hostOrNetwork(network: string): string {
  const parsed = parseCidr(network);
  if (parsed === null || parsed.prefixLength !== (parsed.family === 4 ? 32 : 128)) return network;
  return formatIp(parsed.family, parsed.address);
}

export const addressSets = resource({
  kind: 'address-sets',
  singular: 'address-set',
  description: 'Addresses and networks under one name, for rules of security groups.',
  named: true,
  exposed: true,
  fields: {
    addresses: optional(
      list(ipOrNetwork(), { max: MAX_ADDRESSES, distinct: true }),
      'IP addresses and networks, of both families.',
      { default: [] },
    ),
  },
  columns: ['addresses'],
});
