/**
 * Security groups. Both pipelines of a logical switch have the same five stages: on the way in for what a port sends, on the way out for what it
 * receives, each on the hypervisor of that port and in its conntrack zone. What they ask is in lookups that both share.
 *
 * A packet is judged by the connection that it belongs to, as the connection began: a reply, or an ICMP error about it, finds the same
 * rules as the first packet did. So what a rule no longer allows ends at once, in both directions, and nothing has to be remembered but
 * the connection itself.
 */
import { type Pipeline, subroutine } from './stage.js';

const isIp = ['ethType'] as const;
const connection = ['ctState', 'ctIpv4Src', 'ctIpv4Dst', 'ctIpv6Src', 'ctIpv6Dst'] as const;

/** What is asked about, of packets and of what is always let through. */
export const preAclReads = [
  ...isIp,
  ...(['icmpv6Type', 'ipProto', 'udpSrc', 'udpDst', 'stateless', 'tracks', 'ctZone'] as const),
] as const;
export const preStatefulReads = [...isIp, 'verdict', 'tracks', 'ctZone'] as const;
export const judgementWrites = ['ruleKind', 'aclRule', 'verdict', 'isolates'] as const;
export const aclActionReads = [
  ...isIp,
  ...(['ipProto', 'aclRule', 'verdict', 'ruleKind', 'isolates', 'tracks', 'ctState', 'ctMark', 'ctZone'] as const),
] as const;

/** Who is asked for a line in the log. */
export const aclActionWrites = ['aclGroup', 'puntClass', 'puntLane'] as const;

export const lsAclPort = subroutine('ls_acl_port', {
  purpose: 'Asks each security group of the port, and says in which directions they isolate it.',
  reads: ['ctZone', 'ruleKind'],
  writes: ['isolates', 'aclGroup'],
});

export const lsAclGroup = subroutine('ls_acl_group', {
  purpose:
    'Asks the rules of a group: those about anybody, then those about each set that the other side may be in. A group that is not there denies.',
  reads: ['aclGroup', 'ruleKind', ...isIp, ...connection, 'ipv4Src', 'ipv4Dst', 'ipv6Src', 'ipv6Dst'],
  writes: ['aclRemote', 'address4', 'address6', 'aclRule'],
});

export const lsAclRemote = subroutine('ls_acl_remote', {
  purpose: 'Whether the other side is in a set: a flow for each address of it. If so, asks the rules about that set.',
  reads: ['aclRemote', ...isIp, 'address4', 'address6'],
  writes: [],
});

export const lsAclRules = subroutine('ls_acl_rules', {
  purpose:
    'The rules, by priority. A rule that was found in another group competes with its own priority, by a flow that keeps it.',
  reads: [
    ...(['aclGroup', 'aclRemote', 'ruleKind', 'aclRule', ...isIp, ...connection] as const),
    ...(['ctProto', 'ctPortSrc', 'ctPortDst'] as const),
    ...(['ipv4Src', 'ipv4Dst', 'ipv6Src', 'ipv6Dst', 'ipProto', 'tcpDst', 'udpDst', 'sctpDst'] as const),
    ...(['icmpv4Type', 'icmpv4Code', 'icmpv6Type', 'icmpv6Code'] as const),
  ],
  writes: ['aclRule'],
});

export const lsAclVerdict = subroutine('ls_acl_verdict', {
  purpose:
    'What the rule that was found says: one flow for each rule, which counts its packets. A rule without one denies.',
  reads: ['aclRule'],
  writes: ['verdict', ...aclActionWrites],
});

export const aclLookups: Pipeline = {
  name: 'Security groups',
  purpose: 'Lookups of the stages ls_in_acl and ls_out_acl.',
  stages: [lsAclPort, lsAclGroup, lsAclRemote, lsAclRules, lsAclVerdict],
};
