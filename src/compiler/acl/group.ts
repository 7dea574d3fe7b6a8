/**
 * A group: the flow that asks its rules, those that find its rules that deny, and where rules name sets for their other side, those that ask
 * each set whether the other side is in it. By kind of rule and by family, because that decides where the address of the other side is.
 *
 * All of it is one fragment, so that a switch which refuses a rule that denies does not ask the group: a group that is not there denies.
 */
import type { Direction } from '../../model/index.js';
import { directions } from '../../model/index.js';
import { familiesOf } from '../../model/rule-invariants.js';
import type { Flow } from '../fragment.js';
import { call, move, set } from '../pipeline/actions.js';
import { lsAclGroup, lsAclRemote, lsAclRules } from '../pipeline/acl.js';
import { flow, trackedAndValid } from '../pipeline/flow.js';
import { type NetworkRow, ruleRivals } from '../../view/rows.js';
import { rule } from '../rule.js';
import { remoteNumberOf } from './remote-number.js';
import { ruleKind } from './rule-kind.js';
import { findingFlows } from './security-group-rule.js';

const etherType = { 4: 0x0800, 6: 0x86dd } as const;

/** Who is on the other side: of a connection, whoever began it or was meant; of a packet, its sender or receiver. */
const otherSide = {
  tracked: {
    ingress: { 4: move('ctIpv4Src', 'address4'), 6: move('ctIpv6Src', 'address6') },
    egress: { 4: move('ctIpv4Dst', 'address4'), 6: move('ctIpv6Dst', 'address6') },
  },
  stateless: {
    ingress: { 4: move('ipv4Src', 'address4'), 6: move('ipv6Src', 'address6') },
    egress: { 4: move('ipv4Dst', 'address4'), 6: move('ipv6Dst', 'address6') },
  },
} as const;

function groupFlow(
  aclGroup: number,
  direction: Direction,
  stateless: boolean,
  family: 4 | 6,
  remotes: readonly number[],
): Flow {
  const known = stateless ? {} : { ctState: trackedAndValid };
  return flow(lsAclGroup, {
    priority: 100,
    match: { aclGroup, ruleKind: ruleKind(direction, stateless), ethType: etherType[family], ...known },
    actions: [
      set({ aclRemote: 0 }),
      call(lsAclRules),
      otherSide[stateless ? 'stateless' : 'tracked'][direction][family],
      ...remotes.flatMap(aclRemote => [set({ aclRemote }), call(lsAclRemote)]),
    ],
  });
}

export const aclGroup = rule({
  name: 'acl.group',
  number: 62,
  subjects: 'security-groups',
  compile: (group, view) => {
    const rules = view.by('security-group-rules', 'securityGroupId', group.id);
    const rivals = new Map<string, NetworkRow<'security-group-rules'>[]>();
    for (const row of rules) rivals.set(ruleRivals(row), [...(rivals.get(ruleRivals(row)) ?? []), row]);
    const remoteOf = new Map(rules.map(row => [row, remoteNumberOf(row, view)]));
    const flows: Flow[] = [
      flow(lsAclGroup, {
        priority: 50,
        match: { aclGroup: group.number },
        actions: [set({ aclRemote: 0 }), call(lsAclRules)],
      }),
      ...rules
        .filter(({ action }) => action !== 'allow')
        .flatMap(row => findingFlows(row, group.number, rivals.get(ruleRivals(row)) ?? [], view)),
    ];
    for (const direction of directions) {
      for (const stateless of [false, true]) {
        for (const family of [4, 6] as const) {
          const asked = rules.filter(
            row => row.direction === direction && row.stateless === stateless && familiesOf(row).includes(family),
          );
          const remotes = new Set(asked.map(row => remoteOf.get(row) ?? 0).filter(number => number !== 0));
          if (remotes.size === 0) continue;
          flows.push(
            groupFlow(
              group.number,
              direction,
              stateless,
              family,
              [...remotes].sort((a, b) => a - b),
            ),
          );
        }
      }
    }
    return { scope: { kind: 'datapath', datapathId: group.id }, flows };
  },
});
