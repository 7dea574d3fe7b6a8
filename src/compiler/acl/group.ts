/**
 * A group whose rules name sets for their other side: the flow that asks each of them whether the other side is in it. By kind of rule and
 * by family, because that decides where the address of the other side is.
 */
import type { Direction } from '../../model/index.js';
import { directions } from '../../model/index.js';
import { familiesOf } from '../../model/rule-invariants.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { Flow } from '../fragment.js';
import { call, move, set } from '../pipeline/actions.js';
import { lsAclGroup, lsAclRemote, lsAclRules } from '../pipeline/acl.js';
import { flow, trackedAndValid } from '../pipeline/flow.js';
import { rule } from '../rule.js';
import { ruleKind } from './rule-kind.js';

type Rule = NetworkRow<'security-group-rules'>;

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

/** The number of the set or group that the rule names; null if it names none. */
export function remoteNumberOf(row: Rule, view: TrackedView): number | null {
  if (row.remoteGroupId !== null) return view.get('security-groups', row.remoteGroupId)?.number ?? null;
  if (row.remoteAddressSetId !== null) return view.get('address-sets', row.remoteAddressSetId)?.number ?? null;
  return null;
}

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
    const remoteOf = new Map(rules.map(row => [row, remoteNumberOf(row, view)]));
    const flows: Flow[] = [];
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
    return flows.length === 0 ? null : { scope: { kind: 'datapath', datapathId: group.id }, flows };
  },
});
