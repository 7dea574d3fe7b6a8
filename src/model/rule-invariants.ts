/** What a rule of a security group must satisfy by itself and among the others of its group. */
import type { SecurityGroupRule } from './index.js';
import { knownCidr } from './invariants.js';
import { hasPorts, isIcmp } from './protocol.js';
import { refuse } from './value-types.js';

type Shape = Omit<
  SecurityGroupRule,
  'createdAt' | 'updatedAt' | 'revision' | 'labels' | 'name' | 'projectId' | 'number'
>;

const both = [4, 6] as const;

/** The families of packets that the rule is about. */
export function familiesOf(rule: Pick<Shape, 'ethertype' | 'protocol' | 'remoteCidr'>): readonly (4 | 6)[] {
  if (rule.ethertype !== null) return [rule.ethertype === 'ipv4' ? 4 : 6];
  if (rule.remoteCidr !== null) return [knownCidr(rule.remoteCidr).family];
  return rule.protocol === 'icmpv6' ? [6] : both;
}

/** What a rule must satisfy by itself. */
export function checkRuleShape(rule: Shape): void {
  checkFamily(rule);
  checkPorts(rule);
  checkIcmp(rule);
  const remotes = [rule.remoteCidr, rule.remoteGroupId, rule.remoteAddressSetId].filter(each => each !== null);
  if (remotes.length > 1) {
    const pointer = rule.remoteAddressSetId === null ? '/remote_group_id' : '/remote_address_set_id';
    refuse('contradiction', pointer, 'A rule has one of remote_cidr, remote_group_id and remote_address_set_id.');
  }
}

function checkFamily(rule: Shape): void {
  const [family] = familiesOf({ ...rule, remoteCidr: null });
  const isOne = rule.ethertype !== null || rule.protocol === 'icmpv6';
  if (rule.protocol === 'icmpv6' && family === 4)
    refuse('family_mismatch', '/protocol', 'icmpv6 is not a protocol of IPv4.');
  if (rule.remoteCidr !== null && isOne && knownCidr(rule.remoteCidr).family !== family)
    refuse('family_mismatch', '/remote_cidr', `${rule.remoteCidr} is not of IPv${family}, which the rule is about.`);
}

function checkPorts({ protocol, portMin, portMax }: Shape): void {
  if (portMin === null && portMax === null) return;
  if (portMin === null) refuse('missing_member', '/port_min', 'port_max needs port_min.');
  if (portMax === null) refuse('missing_member', '/port_max', 'port_min needs port_max, which may be the same.');
  if (!hasPorts(protocol)) refuse('contradiction', '/port_min', 'Only tcp, udp and sctp have ports.');
  if (portMax < portMin) refuse('out_of_range', '/port_max', `${portMax} is before ${portMin}.`);
}

function checkIcmp(rule: Shape): void {
  const { protocol, icmpType, icmpCode } = rule;
  if (icmpType === null && icmpCode === null) return;
  if (icmpType === null) refuse('missing_member', '/icmp_type', 'icmp_code needs icmp_type.');
  if (!isIcmp(protocol)) refuse('contradiction', '/icmp_type', 'Only icmp and icmpv6 have types.');
  if (familiesOf(rule).length > 1)
    refuse('missing_member', '/ethertype', 'ICMP types differ between IPv4 and IPv6: ethertype says which is meant.');
}

/** The members by which two rules of a group are the same. */
const meaning = [
  ...(['direction', 'ethertype', 'protocol', 'portMin', 'portMax', 'icmpType', 'icmpCode', 'remoteCidr'] as const),
  ...(['remoteGroupId', 'remoteAddressSetId', 'action', 'priority', 'stateless'] as const),
];

/** So many different sets the rules of one group may name: each is asked whether the other side is in it. */
const MAX_SETS = 256;

/** A rule among the others of its group: together they name no more sets than a switch can be asked about. */
export function checkRuleSets(rule: Shape, siblings: readonly Shape[]): void {
  const setOf = ({ remoteGroupId, remoteAddressSetId }: Shape): string | null => remoteGroupId ?? remoteAddressSetId;
  const own = setOf(rule);
  if (own === null) return;
  const named = new Set(siblings.filter(other => other.id !== rule.id).map(setOf));
  named.delete(null);
  if (named.size < MAX_SETS || named.has(own)) return;
  const pointer = rule.remoteGroupId === null ? '/remote_address_set_id' : '/remote_group_id';
  refuse('too_many_sets', pointer, `The rules of one security group name at most ${MAX_SETS} groups and address sets.`);
}

/** A rule among the others of its group: none says the same. */
export function checkRuleIsNew(rule: Shape, siblings: readonly Shape[]): void {
  const same = siblings.find(other => other.id !== rule.id && meaning.every(member => other[member] === rule[member]));
  if (same !== undefined)
    refuse('rule_in_use', '', `Security group rule ${same.id} says the same.`, [
      { kind: 'security-group-rules', id: same.id },
    ]);
}
