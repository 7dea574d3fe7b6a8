/** Cloud Foundry's `netOutRules`: the only traffic that an application may begin, as rules of a security group. */
import { addressBits, formatCidr, type IpFamily, parseIp } from '../../src/base/address.js';
import { CniError } from './cni-error.js';
import { isObject, type JsonObject, listOf, member, numberOf, textOf } from './json.js';

export interface EgressRule {
  readonly ethertype: 'ipv4' | 'ipv6';
  /** Null: any. */
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'icmpv6' | null;
  /** Of the destination; null: any. */
  readonly portMin: number | null;
  readonly portMax: number | null;
  /** Null: any. */
  readonly icmpType: number | null;
  readonly icmpCode: number | null;
  /** Null: any address of the family. */
  readonly remoteCidr: string | null;
}

/** Garden's numbers. */
const protocols = ['all', 'tcp', 'udp', 'icmp'] as const;
type Protocol = (typeof protocols)[number];

/** @throws CniError invalidConfiguration */
export function readEgressRules(rules: readonly unknown[]): readonly EgressRule[] {
  const all = rules.filter(isObject).flatMap(rule => {
    const protocol = protocolOf(rule);
    const networks = networksOf(rule);
    const [icmpType, icmpCode] = protocol === 'icmp' ? icmpOf(rule) : [null, null];
    const ports = protocol === 'tcp' || protocol === 'udp' ? portsOf(rule) : [[null, null] as const];
    return networks.flatMap(({ family, cidr }) =>
      ports.map(([portMin, portMax]): EgressRule => {
        const name = protocol === 'all' ? null : protocol === 'icmp' && family === 6 ? 'icmpv6' : protocol;
        const ethertype = family === 4 ? 'ipv4' : 'ipv6';
        return { ethertype, protocol: name, portMin, portMax, icmpType, icmpCode, remoteCidr: cidr };
      }),
    );
  });
  // A security group has no rule twice.
  return [...new Map(all.map(rule => [JSON.stringify(rule), rule])).values()];
}

function protocolOf(rule: JsonObject): Protocol {
  const value = member(rule, 'protocol') ?? 0;
  const protocol = typeof value === 'number' ? protocols[value] : protocols.find(each => each === value);
  if (protocol === undefined)
    throw new CniError('invalidConfiguration', `netOutRules has the protocol ${JSON.stringify(value)}`);
  return protocol;
}

type Range = readonly [min: number | null, max: number | null];

function portsOf(rule: JsonObject): readonly Range[] {
  const ranges = listOf(member(rule, 'ports')).filter(isObject);
  if (ranges.length === 0) return [[null, null]];
  return ranges.map(range => {
    const start = numberOf(member(range, 'start'));
    return [start, numberOf(member(range, 'end')) ?? start];
  });
}

function icmpOf(rule: JsonObject): Range {
  const icmps = member(rule, 'icmps');
  return isObject(icmps) ? [numberOf(member(icmps, 'type')), numberOf(member(icmps, 'code'))] : [null, null];
}

function networksOf(rule: JsonObject): readonly { readonly family: IpFamily; readonly cidr: string | null }[] {
  const ranges = listOf(member(rule, 'networks')).filter(isObject);
  if (ranges.length === 0) {
    return [
      { family: 4, cidr: null },
      { family: 6, cidr: null },
    ];
  }
  return ranges.flatMap(range => {
    const [startText, endText] = [textOf(member(range, 'start')), textOf(member(range, 'end'))];
    const start = parseIp(startText ?? '');
    const end = parseIp(endText ?? startText ?? '');
    if (start === null || end === null || start.family !== end.family || start.value > end.value)
      throw new CniError('invalidConfiguration', `netOutRules has the network ${JSON.stringify(range)}`);
    const { family } = start;
    return cidrsOf(family, start.value, end.value).map(cidr => ({ family, cidr }));
  });
}

/** The fewest networks that are exactly a range of addresses. */
export function cidrsOf(family: IpFamily, first: bigint, last: bigint): readonly string[] {
  const bits = addressBits(family);
  const cidrs: string[] = [];
  for (let at = first; at <= last; ) {
    let size = 0;
    // The largest block that begins here and does not go beyond the end.
    while (size < bits && (at >> BigInt(size)) % 2n === 0n && at + (1n << BigInt(size + 1)) - 1n <= last) size += 1;
    cidrs.push(formatCidr({ family, address: at, prefixLength: bits - size }));
    at += 1n << BigInt(size);
  }
  return cidrs;
}
