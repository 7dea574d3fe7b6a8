/**
 * A load balancer: its address and port where it is attached, the group that chooses, and a flow for each backend, without which no packet
 * of a connection goes there any more, whatever conntrack remembers.
 *
 * Load balancers of one switch or router may share an address, or a backend: what is said about those alone is said by the first, by id.
 */
import { type BalancedProtocol, LAST_BALANCED_PORT } from '../../model/load-balancer.js';
import { attachmentsOf, backendOf, backendsInUse, virtualAddress } from '../../view/balancing-rows.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { Flow, Group, TranslatedConnections } from '../fragment.js';
import { groupId } from '../identifiers.js';
import { drop, forgetConnection, group, next, set, translateConnection } from '../pipeline/actions.js';
import { ipValue } from '../pipeline/addresses.js';
import { lsLb, virtualMac } from '../pipeline/balancing.js';
import { bucketActions, flow } from '../pipeline/flow.js';
import { lsInLbCheck, lsInLbHairpin, lsInLbSelect, lsNeighbour } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';
import { found, questions, zoneOfPort } from './numbers.js';
import { selectionOf, sharesOf } from '../pipeline/balanced-selection.js';

type LoadBalancer = NetworkRow<'load-balancers'>;
type Backend = LoadBalancer['backends'][number];

const selectSlot = 0;
/** From where a backend calls itself: not from the ports that checks come from, for what comes back to those is an answer to a check. */
const ownCallPorts = { first: 1_024, last: LAST_BALANCED_PORT } as const;
/** What is said of a virtual address on its switch beats what a port says that has the same address. */
const virtualNeighbourPriority = 110;

const portMatches = {
  tcp: {
    to: (port: number) => ({ ipProto: 6, tcpDst: port }),
    from: (port: number) => ({ ipProto: 6, tcpSrc: port }),
  },
  udp: {
    to: (port: number) => ({ ipProto: 17, udpDst: port }),
    from: (port: number) => ({ ipProto: 17, udpSrc: port }),
  },
  sctp: {
    to: (port: number) => ({ ipProto: 132, sctpDst: port }),
    from: (port: number) => ({ ipProto: 132, sctpSrc: port }),
  },
} as const satisfies Record<BalancedProtocol, unknown>;

const destination = (ip: string) => {
  const { family, value } = ipValue(ip);
  return family === 4 ? { ipv4Dst: value } : { ipv6Dst: value };
};
const source = (ip: string) => {
  const { family, value } = ipValue(ip);
  return family === 4 ? { ipv4Src: value } : { ipv6Src: value };
};

/** Of those that are attached to the same switch or router and have the same there: the first speaks. */
function speaks(balancer: LoadBalancer, others: readonly { readonly id: string }[]): boolean {
  return others[0]?.id === balancer.id;
}

/** What a switch or router has to know of it, and where ports ask for the address. */
function attachedFlows(balancer: LoadBalancer, datapathId: string, view: TrackedView): readonly Flow[] {
  const logicalSwitch = view.get('logical-switches', datapathId);
  const datapath = (logicalSwitch ?? view.get('logical-routers', datapathId))?.datapathKey;
  if (datapath === undefined) return [];
  const { vip, protocol, port, number } = balancer;
  const { family, value } = ipValue(vip);
  const isSpeaker = speaks(balancer, view.by('load-balancers', 'virtualAddress', virtualAddress(datapathId, vip)));
  const answering = backendsInUse(balancer).filter(backend =>
    speaks(balancer, view.by('load-balancers', 'backend', backendOf(datapathId, protocol, backend))),
  );
  return [
    flow(lsLb, {
      priority: 100,
      match: {
        datapath,
        balancerQuestion: questions.port,
        balancer: 0,
        ...destination(vip),
        ...portMatches[protocol].to(port),
      },
      actions: [set({ balancer: number })],
    }),
    ...answering.map(backend =>
      flow(lsLb, {
        priority: 100,
        match: {
          datapath,
          balancerQuestion: questions.answer,
          ...source(backend.ip),
          ...portMatches[protocol].from(backend.port),
        },
        actions: [set({ balancer: found })],
      }),
    ),
    ...(isSpeaker
      ? [
          flow(lsLb, {
            priority: 100,
            match: { datapath, balancerQuestion: questions.address, ...destination(vip) },
            actions: [set({ balancer: found })],
          }),
        ]
      : []),
    ...(isSpeaker && logicalSwitch !== null
      ? [
          flow(lsNeighbour, {
            priority: virtualNeighbourPriority,
            match: { datapath, ...(family === 4 ? { address4: value } : { address6: value }) },
            // Like a router it is always there: whoever asks it whether it is still there gets an answer.
            actions: [set({ mac: virtualMac, resolved: 1, targetIsRouter: 1 })],
          }),
        ]
      : []),
  ];
}

function selectGroup(balancer: LoadBalancer, active: readonly Backend[]): Group {
  const { family } = ipValue(balancer.vip);
  return {
    id: groupId(balancer.number, selectSlot),
    type: 'select',
    selectionMethod: selectionOf(balancer.protocol, family, balancer.affinityTimeoutS !== null),
    buckets: sharesOf(active).map(({ bucketId, backend: { ip, port } }) => ({
      bucketId,
      weight: 1,
      actions: bucketActions(lsInLbSelect, [
        translateConnection(
          'ctZone',
          'destination',
          { family, address: ipValue(ip).value, port },
          { mark: balancer.number, to: lsInLbCheck },
        ),
      ]),
    })),
  };
}

/** Packets of its connections, once they have the address of their backend. */
function backendFlows(balancer: LoadBalancer, backends: readonly Backend[]): readonly Flow[] {
  const { family, value: vip } = ipValue(balancer.vip);
  const ctMark = balancer.number;
  return [
    ...backends.map(({ ip, port }) =>
      flow(lsInLbCheck, {
        priority: 100,
        match: { ctMark, ...destination(ip), ...portMatches[balancer.protocol].to(port) },
        actions: [next],
      }),
    ),
    // It has reached itself: with its own address as the source it would never answer by way of the switch.
    ...backends.map(({ ip, port }) =>
      flow(lsInLbCheck, {
        priority: 200,
        match: { ctMark, ...source(ip), ...destination(ip), ...portMatches[balancer.protocol].to(port) },
        actions: [
          forgetConnection,
          translateConnection('ctZone', 'source', { family, address: vip, port: ownCallPorts }, { to: lsInLbHairpin }),
        ],
      }),
    ),
  ];
}

/** They end with the backend, or with the load balancer. */
function connectionsTo({ vip, port, protocol }: LoadBalancer, backend: Backend): TranslatedConnections {
  const { family, value } = ipValue(vip);
  return {
    ipProto: portMatches[protocol].to(port).ipProto,
    family,
    called: { address: value, port },
    answering: { address: ipValue(backend.ip).value, port: backend.port },
  };
}

export const balancingLoadBalancer = rule({
  name: 'load-balancing.load-balancer',
  number: 132,
  subjects: 'load-balancers',
  compile: (balancer, view) => {
    const inUse = backendsInUse(balancer);
    const active = inUse.filter(({ state }) => state === 'active');
    const select = active.length === 0 ? null : selectGroup(balancer, active);
    return {
      scope: { kind: 'datapath', datapathId: balancer.id },
      connections: inUse.map(backend => connectionsTo(balancer, backend)),
      flows: [
        ...attachmentsOf(balancer).flatMap(id => attachedFlows(balancer, id, view)),
        flow(lsInLbSelect, {
          priority: 100,
          match: { balancer: balancer.number },
          actions: select === null ? [zoneOfPort, drop('balancer_no_backend')] : [group(select.id)],
        }),
        ...backendFlows(balancer, inUse),
      ],
      ...(select === null ? {} : { groups: [select] }),
    };
  },
});
