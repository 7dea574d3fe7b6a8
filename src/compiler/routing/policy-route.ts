/**
 * Policy routes: asked before the routes, of every packet that enters a router with some, and once more where its gateway routes what
 * came through a tunnel, which has no room for a next hop. A packet says the same there, but for its mark, which no tunnel carries.
 */
import { markBits, policyFamilies } from '../../model/policy-invariants.js';
import { hasPorts, protocolNumber } from '../../model/protocol.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { FragmentBody } from '../fragment.js';
import { advance, drop } from '../pipeline/actions.js';
import { anyOf, cidrValue } from '../pipeline/addresses.js';
import { bucketActions, flow, type MatchOf } from '../pipeline/flow.js';
import { portMasks } from '../pipeline/port-masks.js';
import { lrInIpRouting, lrInPolicy, policyPriority } from '../pipeline/router-ingress.js';
import { rule } from '../rule.js';
import { reachedNextHops, wayTo, type Way } from './next-hops.js';

type Policy = NetworkRow<'policy-routes'>;
type Router = NetworkRow<'logical-routers'>;
type Match = MatchOf<(typeof lrInPolicy)['reads'][number]>;

const etherType = { 4: 0x0800, 6: 0x86dd } as const;
const portField: Readonly<Record<string, 'tcpDst' | 'udpDst' | 'sctpDst'>> = {
  tcp: 'tcpDst',
  udp: 'udpDst',
  sctp: 'sctpDst',
};

function addressMatch({ source, destination }: Policy, family: 4 | 6): Match {
  const [from, to] = family === 4 ? (['ipv4Src', 'ipv4Dst'] as const) : (['ipv6Src', 'ipv6Dst'] as const);
  return {
    ...(source === null ? {} : { [from]: anyOf(cidrValue(source)) }),
    ...(destination === null ? {} : { [to]: anyOf(cidrValue(destination)) }),
  };
}

function portMatches({ protocol, portMin, portMax }: Policy): readonly Match[] {
  if (protocol === null || !hasPorts(protocol) || portMin === null || portMax === null) return [{}];
  const field = portField[protocol] ?? 'tcpDst';
  return portMasks(portMin, portMax).map(mask => ({ [field]: mask }));
}

/** What a packet must be for the policy to decide. */
function conditionsOf(policy: Policy): readonly Match[] {
  const { protocol, mark } = policy;
  return policyFamilies(policy).flatMap(family =>
    portMatches(policy).map(ports => ({
      ethType: etherType[family],
      ...addressMatch(policy, family),
      ...(protocol === null ? {} : { ipProto: protocolNumber(protocol, family) }),
      ...(mark === null ? {} : { packetMark: markBits(mark) }),
      ...ports,
    })),
  );
}

/** By a mark nothing is sent to a gateway, which would route it as if it had none. */
function reroute(policy: Policy, router: Router, view: TrackedView): Way | null {
  const wanted = policy.nextHops.map((nextHop, index) => ({ bucketId: index + 1, nextHop }));
  const { alive } = reachedNextHops(wanted, router, view);
  const usable = policy.mark === null ? alive : alive.filter(({ isOutside }) => !isOutside);
  return wayTo(usable, policy.number, steps => bucketActions(lrInPolicy, steps));
}

function policyFlows(policy: Policy, router: Router, view: TrackedView): Pick<FragmentBody, 'flows' | 'groups'> {
  const { action, priority } = policy;
  const way = action === 'reroute' ? reroute(policy, router, view) : null;
  const without = {
    allow: advance(lrInIpRouting),
    drop: drop('policy_drop'),
    reroute: drop('next_hop_unreachable'),
  } as const;
  const actions = way?.actions ?? [without[action]];
  const flows = conditionsOf(policy).map(condition =>
    flow(lrInPolicy, {
      priority: policyPriority.lowest + 1 + priority,
      match: { datapath: router.datapathKey, ...condition },
      actions,
    }),
  );
  return way === null || way.groups.length === 0 ? { flows } : { flows, groups: way.groups };
}

export const routingPolicyRoute = rule({
  name: 'routing.policy-route',
  number: 54,
  subjects: 'policy-routes',
  compile: (policy, view) => {
    const router = view.get('logical-routers', policy.logicalRouterId);
    if (router === null) return null;
    return { scope: { kind: 'datapath', datapathId: router.id }, ...policyFlows(policy, router, view) };
  },
});
