/**
 * Load balancers for clients outside: a rule that leads to a virtual address of its router leads to the backends, by a group in lr_in_dnat.
 * Conntrack remembers the connection like any other that begins outside, so answers find their way back; what is gone is forgotten by it.
 *
 *   outside ─► .. ─► lr_in_un_nat ─(conntrack)─► lr_in_dnat ─(group)─► lr_in_ip_input ─► .. ─► backend
 */
import { mappedPorts } from '../../model/nat-invariants.js';
import { backendsInUse } from '../../view/balancing-rows.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import { logicalAddress } from '../../view/translation-rows.js';
import type { Flow, Group, TranslatedConnections } from '../fragment.js';
import { groupId } from '../identifiers.js';
import { drop, group, set, translateConnection } from '../pipeline/actions.js';
import { ipValue } from '../pipeline/addresses.js';
import { selectionOf, sharesOf } from '../pipeline/balanced-selection.js';
import { bucketActions, flow } from '../pipeline/flow.js';
import { lrInDnat, lrInIpInput } from '../pipeline/router-ingress.js';
import { rule } from '../rule.js';
import { protocolNumbers, toPort } from './called.js';
import { calledPriority, ctState, destination } from './matches.js';
import { translating, type Translating } from './outside.js';

type LoadBalancer = NetworkRow<'load-balancers'>;

/** Slot 0 is that of the group for clients inside. */
const outsideSlot = 1;

/** An address and port outside that lead to the virtual address and its port. */
interface Entrance {
  readonly translation: Translating;
  readonly port: number;
}

function entrancesOf(balancer: LoadBalancer, view: TrackedView): readonly Entrance[] {
  const { vip, port, protocol } = balancer;
  return balancer.logicalRouterIds
    .flatMap(id => view.by('nat-rules', 'calledInside', logicalAddress(id, vip)))
    .flatMap((row): readonly Entrance[] => {
      const translation = translating(row, view);
      if (translation === null) return [];
      const { portMap } = row;
      if (portMap === null) return [{ translation, port }];
      if (portMap.protocol !== protocol) return [];
      return mappedPorts(portMap).flatMap(([called, inside]) =>
        inside === port ? [{ translation, port: called }] : [],
      );
    });
}

/** One for all routers: the zone is in a register. */
function selectGroup(balancer: LoadBalancer, active: LoadBalancer['backends']): Group {
  const { family } = ipValue(balancer.vip);
  return {
    id: groupId(balancer.number, outsideSlot),
    type: 'select',
    selectionMethod: selectionOf(balancer.protocol, family, balancer.affinityTimeoutS !== null),
    buckets: sharesOf(active).map(({ bucketId, backend: { ip, port } }) => ({
      bucketId,
      weight: 1,
      actions: bucketActions(lrInDnat, [
        translateConnection('ctZone', 'destination', { family, address: ipValue(ip).value, port }, { to: lrInIpInput }),
      ]),
    })),
  };
}

function entranceFlows({ protocol }: LoadBalancer, { translation, port }: Entrance, to: Group | null): readonly Flow[] {
  const { external, outside } = translation;
  const match = {
    datapath: outside.router,
    ...destination(external.family, external.value),
    ...toPort[protocol](port),
  };
  return [
    flow(lrInDnat, {
      priority: calledPriority.balanced,
      match: { ...match, ctState: ctState.new },
      actions: to === null ? [drop('balancer_no_backend')] : [set({ ctZone: outside.zone }), group(to.id)],
    }),
    flow(lrInDnat, {
      priority: calledPriority.balanced + calledPriority.invalid,
      match,
      actions: [drop('connection_invalid')],
    }),
  ];
}

/** They end with the backend, with the load balancer, and with the rule. */
function connectionsOf(balancer: LoadBalancer, { translation, port }: Entrance): readonly TranslatedConnections[] {
  const { external, outside } = translation;
  return backendsInUse(balancer).map(backend => ({
    zone: outside.zone,
    ipProto: protocolNumbers[balancer.protocol],
    family: external.family,
    called: { address: external.value, port },
    answering: { address: ipValue(backend.ip).value, port: backend.port },
  }));
}

/** Wherever the load balancer is: so on all hypervisors that can be the gateway of its routers. */
export const natBalanced = rule({
  name: 'nat.balanced',
  number: 163,
  subjects: 'load-balancers',
  compile: (balancer, view) => {
    const entrances = entrancesOf(balancer, view);
    if (entrances.length === 0) return null;
    const active = backendsInUse(balancer).filter(({ state }) => state === 'active');
    const select = active.length === 0 ? null : selectGroup(balancer, active);
    return {
      scope: { kind: 'datapath', datapathId: balancer.id },
      flows: entrances.flatMap(entrance => entranceFlows(balancer, entrance, select)),
      connections: entrances.flatMap(entrance => connectionsOf(balancer, entrance)),
      ...(select === null ? {} : { groups: [select] }),
    };
  },
});
