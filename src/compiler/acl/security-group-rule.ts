/**
 * A rule of a security group, on hypervisors with a port of the group: flows that find it, one that keeps it while the other groups of the
 * port are asked, and one that says and counts what it decides.
 *
 * What is found last wins, so what was found before competes: its flow that keeps it has its priority, and matches while it is held. So the
 * switch compares priorities of rules that are in different groups, and a group costs the same however many ports combine it with
 * however many others.
 */
import type { Cidr } from '../../base/address.js';
import { familiesOf } from '../../model/rule-invariants.js';
import { hasPorts, isIcmp, protocolNumber } from '../../model/protocol.js';
import { ruleRivals, type NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { Flow } from '../fragment.js';
import { set } from '../pipeline/actions.js';
import { lsAclRules, lsAclVerdict } from '../pipeline/acl.js';
import { anyOf, cidrValue } from '../pipeline/addresses.js';
import { flow, type MatchValue, trackedAndValid } from '../pipeline/flow.js';
import { portMasks } from '../pipeline/port-masks.js';
import { rule } from '../rule.js';
import { logSteps } from './log.js';
import { remoteNumberOf } from './remote-number.js';
import { ruleKind, verdicts } from './rule-kind.js';

type Rule = NetworkRow<'security-group-rules'>;
type Match = Readonly<Record<string, MatchValue>>;

const etherType = { 4: 0x0800, 6: 0x86dd } as const;
/** At the same priority the stricter decides. */
const strictness = { allow: 0, reject: 1, drop: 2 } as const;
const lowest = 10;

/** Each priority of a rule has a priority of flows for every action, and one above it for what keeps the rule. */
function priorityOf({ priority, action }: Pick<Rule, 'priority' | 'action'>): number {
  return lowest + (priority * 3 + strictness[action]) * 2;
}

const tracked = {
  proto: 'ctProto',
  remote: { ingress: { 4: 'ctIpv4Src', 6: 'ctIpv6Src' }, egress: { 4: 'ctIpv4Dst', 6: 'ctIpv6Dst' } },
} as const;
const perPacket = {
  proto: 'ipProto',
  remote: { ingress: { 4: 'ipv4Src', 6: 'ipv6Src' }, egress: { 4: 'ipv4Dst', 6: 'ipv6Dst' } },
} as const;
const perPacketPort: Readonly<Record<string, string>> = { tcp: 'tcpDst', udp: 'udpDst', sctp: 'sctpDst' };

function protocolMatch(row: Rule, family: 4 | 6): Match {
  const { protocol, stateless, icmpType, icmpCode } = row;
  if (protocol === null) return {};
  const fields = stateless ? perPacket : tracked;
  const [type, code] = !stateless
    ? ['ctPortSrc', 'ctPortDst']
    : family === 4
      ? ['icmpv4Type', 'icmpv4Code']
      : ['icmpv6Type', 'icmpv6Code'];
  return {
    [fields.proto]: protocolNumber(protocol, family),
    ...(isIcmp(protocol) && icmpType !== null ? { [type]: icmpType } : {}),
    ...(isIcmp(protocol) && icmpCode !== null ? { [code]: icmpCode } : {}),
  };
}

function portMatches({ protocol, stateless, portMin, portMax }: Rule): readonly Match[] {
  if (protocol === null || !hasPorts(protocol) || portMin === null || portMax === null) return [{}];
  const field = stateless ? (perPacketPort[protocol] ?? 'tcpDst') : 'ctPortDst';
  return portMasks(portMin, portMax).map(mask => ({ [field]: mask }));
}

function cidrMatch(row: Rule, network: Cidr | null): Match {
  if (network === null || network.prefixLength === 0) return {};
  const { remote } = row.stateless ? perPacket : tracked;
  return { [remote[row.direction][network.family]]: anyOf(network) };
}

/** What a packet or connection must be for the rule to be found, apart from its groups. */
function conditionsOf(row: Rule): readonly Match[] {
  const network = row.remoteCidr === null ? null : cidrValue(row.remoteCidr);
  const valid = row.stateless ? {} : { ctState: trackedAndValid };
  const families = familiesOf(row).filter(family => network === null || network.family === family);
  return families.flatMap(family =>
    portMatches(row).map(ports => ({
      ethType: etherType[family],
      ...valid,
      ...protocolMatch(row, family),
      ...cidrMatch(row, network),
      ...ports,
    })),
  );
}

const textOf = (condition: Match): string =>
  Object.entries(condition)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? `${value.value}/${value.mask}` : value}`)
    .sort()
    .join();

/** Port ranges of two rules may have parts in common: such a part is said once, by the older rule. */
function ownConditions(row: Rule, rivals: readonly Rule[]): readonly Match[] {
  const older = rivals.filter(other => other.number < row.number).flatMap(conditionsOf);
  const taken = new Set(older.map(textOf));
  return conditionsOf(row).filter(condition => !taken.has(textOf(condition)));
}

/** Flows that find the rule, and the one that keeps it, given those of its index `rivals`; none where the set that it names is not there. */
export function findingFlows(row: Rule, aclGroup: number, rivals: readonly Rule[], view: TrackedView): readonly Flow[] {
  const remote = remoteNumberOf(row, view);
  if (remote === null && (row.remoteGroupId !== null || row.remoteAddressSetId !== null)) return [];
  const priority = priorityOf(row);
  const about = { aclGroup, aclRemote: remote ?? 0, ruleKind: ruleKind(row.direction, row.stateless) };
  return [
    ...ownConditions(row, rivals).map(
      (condition): Flow =>
        flow(lsAclRules, { priority, match: { ...about, ...condition }, actions: [set({ aclRule: row.number })] }),
    ),
    flow(lsAclRules, { priority: priority + 1, match: { aclRule: row.number }, actions: [] }),
  ];
}

/**
 * A rule that allows is whole here: where a switch refuses it, nothing is allowed. A rule that denies is found by flows of its group
 * (group.ts), which a switch holds with all of them or not at all; what is found and has no verdict is denied.
 */
export const aclRule = rule({
  name: 'acl.rule',
  number: 64,
  subjects: 'security-group-rules',
  compile: (row, view) => {
    const group = view.get('security-groups', row.securityGroupId);
    if (group === null) return null;
    const rivals = view.by('security-group-rules', 'rivals', ruleRivals(row));
    const finding = findingFlows(row, group.number, rivals, view);
    if (finding.length === 0) return null;
    return {
      scope: { kind: 'datapath', datapathId: group.id },
      flows: [
        ...(row.action === 'allow' ? finding : []),
        flow(lsAclVerdict, {
          priority: 100,
          match: { aclRule: row.number },
          actions: [set({ verdict: verdicts[row.action] }), ...(row.log ? logSteps(group.number) : [])],
        }),
      ],
    };
  },
});
