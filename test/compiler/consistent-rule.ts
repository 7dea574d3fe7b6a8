/** Random security group rules that say one thing. */
import { hasPorts, isIcmp } from '../../src/model/protocol.js';

/** A row being made or changed, before it is known to make sense. */
export type Draft = Readonly<Record<string, unknown>>;

/** The rule with ports, types and other side as far as they go together. */
export function consistentRule(row: Draft): Draft {
  const protocol = row['protocol'] as string | null;
  const ports = hasPorts(protocol) && row['portMin'] !== null;
  const min = ports ? Number(row['portMin']) : null;
  const types = isIcmp(protocol) && row['icmpType'] !== null;
  const remote = ['remoteCidr', 'remoteGroupId', 'remoteAddressSetId'].find(member => row[member] !== null);
  const only = (member: string): unknown => (member === remote ? row[member] : null);
  const family =
    remote === 'remoteCidr' ? (String(row['remoteCidr']).includes(':') ? 'ipv6' : 'ipv4') : row['ethertype'];
  const ethertype = types && family === null ? 'ipv4' : family;
  return {
    ...row,
    protocol: protocol === 'icmpv6' && ethertype !== 'ipv6' ? 'icmp' : protocol,
    ethertype,
    portMin: min,
    portMax: min === null ? null : Math.max(min, Number(row['portMax'] ?? min)),
    icmpType: types ? row['icmpType'] : null,
    icmpCode: types ? row['icmpCode'] : null,
    remoteCidr: only('remoteCidr'),
    remoteGroupId: only('remoteGroupId'),
    remoteAddressSetId: only('remoteAddressSetId'),
  };
}
