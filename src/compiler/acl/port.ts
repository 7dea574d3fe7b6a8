/** The groups of a port on the hypervisor where it is: one flow, whatever rules and members they have. */
import type { NetworkRow } from '../../view/rows.js';
import { type Direction, directions } from '../../model/index.js';
import { asksTooMuch, tracksConnections } from '../../view/security-rows.js';
import type { Flow } from '../fragment.js';
import { call, drop, set } from '../pipeline/actions.js';
import { lsAclGroup, lsAclPort } from '../pipeline/acl.js';
import { flow } from '../pipeline/flow.js';
import { lsOutAclAction } from '../pipeline/switch-egress.js';
import { lsInAclAction } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';
import { logSteps } from './log.js';
import { anyOfDirection, anyStateless, isolation } from './rule-kind.js';

type Traits = NetworkRow<'group-traits'>;

function askFlow(
  ctZone: number,
  isolates: number,
  asked: readonly Traits[],
  more: { readonly priority: number; readonly match: { readonly ruleKind?: typeof anyStateless } },
): Flow {
  return flow(lsAclPort, {
    priority: more.priority,
    match: { ctZone, ...more.match },
    actions: [set({ isolates }), ...asked.flatMap(({ number }) => [set({ aclGroup: number }), call(lsAclGroup)])],
  });
}

/**
 * As what no rule allows is dropped (stages.ts), and logged before: what the port sends, and what it is sent. Not the one denied reply of UDP
 * that turns a connection; what follows it is.
 */
function loggedDenialFlows(
  ctZone: number,
  isolated: ReadonlySet<Direction>,
  asked: readonly Traits[],
): readonly Flow[] {
  const logging = asked.find(({ logsDenied }) => logsDenied);
  if (logging === undefined) return [];
  return [lsInAclAction, lsOutAclAction].flatMap(action =>
    directions
      .filter(direction => isolated.has(direction))
      .map(direction => {
        const isolates = { value: BigInt(isolation[direction]), mask: BigInt(isolation[direction]) };
        return flow(action, {
          priority: 155,
          match: { ctZone, verdict: 0, ruleKind: anyOfDirection[direction], isolates },
          actions: [...logSteps(logging.number), drop('acl_default')],
        });
      }),
  );
}

export const aclPort = rule({
  name: 'acl.port',
  number: 61,
  subjects: 'bound-ports',
  compile: (bound, view) => {
    const groups = view.get('port-groups', bound.id);
    if (groups === null) return null;
    const traits = groups.groupIds.flatMap(id => view.get('group-traits', id) ?? []);
    // Its interface drops everything.
    if (asksTooMuch(traits)) return null;
    const isolated = new Set(traits.flatMap(each => each.isolates));
    const isolates = [...isolated].reduce((bits, direction) => bits | isolation[direction], 0);
    const [tracked, stateless] = [
      traits.filter(each => each.tracked),
      traits.filter(each => each.stateless.length > 0),
    ];
    const tracks = tracksConnections(traits);
    return {
      scope: { kind: 'hypervisor', hypervisorId: bound.hypervisorId },
      flows: [
        // Asked packet by packet also where there is no rule at all, only isolation in both directions or none.
        ...(stateless.length > 0 || !tracks
          ? [askFlow(bound.ctZone, isolates, stateless, { priority: 110, match: { ruleKind: anyStateless } })]
          : []),
        ...(tracks ? [askFlow(bound.ctZone, isolates, tracked, { priority: 100, match: {} })] : []),
        ...loggedDenialFlows(bound.ctZone, isolated, traits),
      ],
    };
  },
});
