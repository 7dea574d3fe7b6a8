/** The groups of a port on the hypervisor where it is: one flow, whatever rules and members they have. */
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { Flow } from '../fragment.js';
import { call, set } from '../pipeline/actions.js';
import { lsAclGroup, lsAclPort } from '../pipeline/acl.js';
import { flow } from '../pipeline/flow.js';
import { rule } from '../rule.js';
import { anyStateless, isolation } from './rule-kind.js';

interface Membership {
  readonly group: NetworkRow<'security-groups'>;
  readonly traits: NetworkRow<'group-traits'>;
}

function membershipsOf(groupIds: readonly string[], view: TrackedView): readonly Membership[] {
  return groupIds.flatMap(id => {
    const group = view.get('security-groups', id);
    const traits = view.get('group-traits', id);
    return group === null || traits === null ? [] : [{ group, traits }];
  });
}

function askFlow(
  ctZone: number,
  isolates: number,
  asked: readonly Membership[],
  more: { readonly priority: number; readonly match: { readonly ruleKind?: typeof anyStateless } },
): Flow {
  return flow(lsAclPort, {
    priority: more.priority,
    match: { ctZone, ...more.match },
    actions: [set({ isolates }), ...asked.flatMap(({ group }) => [set({ aclGroup: group.number }), call(lsAclGroup)])],
  });
}

export const aclPort = rule({
  name: 'acl.port',
  number: 61,
  subjects: 'bound-ports',
  compile: (bound, view) => {
    const groups = view.get('port-groups', bound.id);
    if (groups === null) return null;
    const memberships = membershipsOf(groups.groupIds, view);
    const isolated = new Set(memberships.flatMap(({ group }) => group.isolates));
    const isolates = [...isolated].reduce((bits, direction) => bits | isolation[direction], 0);
    const [tracked, stateless] = [
      memberships.filter(({ traits }) => traits.tracked),
      memberships.filter(({ traits }) => traits.stateless.length > 0),
    ];
    return {
      scope: { kind: 'hypervisor', hypervisorId: bound.hypervisorId },
      flows: [
        // Asked packet by packet also where there is no rule at all, only isolation.
        ...(stateless.length > 0 || tracked.length === 0
          ? [askFlow(bound.ctZone, isolates, stateless, { priority: 110, match: { ruleKind: anyStateless } })]
          : []),
        ...(tracked.length > 0 ? [askFlow(bound.ctZone, isolates, tracked, { priority: 100, match: {} })] : []),
      ],
    };
  },
});
