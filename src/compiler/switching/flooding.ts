/**
 * Broadcast, multicast, and unicast to unknown MACs. Two groups each: the local one has a bucket for every port of
 * this hypervisor and differs from one to the next; the remote one has a bucket for every hypervisor with a port of
 * the switch (itself included, which tunnel_out passes over) and is the same everywhere.
 *
 *   ls_in_l2_lkup -> local group -> ls_out_delivery
 *        \-> phys_out                                       (of a switch that is part of a physical network)
 *        \-> tunnel_mtu -> tunnel_flood -> remote group -> tunnel_out      (not for what came from a tunnel)
 */
import { learnsMacs } from '../../model/port-addresses.js';
import { presenceId } from '../../view/rows.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { Flow, Group } from '../fragment.js';
import { groupId } from '../identifiers.js';
import { advance, group, next, set, type Step } from '../pipeline/actions.js';
import { multicastMac } from '../pipeline/addresses.js';
import { bucketActions, flow } from '../pipeline/flow.js';
import { boundedFloodGroups, floodGroups, type Copy } from '../pipeline/groups.js';
import { physOut, tunnelFlood, tunnelMtu } from '../pipeline/physical.js';
import { lsOutDelivery } from '../pipeline/switch-egress.js';
import { lsInL2FloodUnknown, lsInL2Lkup } from '../pipeline/switch-ingress.js';
import { rule, type RuleDefinition } from '../rule.js';
import { localBudget, localCopyResubmits, passBudget } from './worst-case.js';

/** Slots of a switch's groups, and of the groups that continue them, which bear the number of a port. */
const slot = {
  floodLocal: 0,
  floodRemote: 1,
  unknownLocal: 2,
  unknownRemote: 3,
  floodLocalContinued: 4,
  unknownLocalContinued: 5,
  floodRemoteContinued: 6,
  unknownRemoteContinued: 7,
} as const;

/** Who gets the copies: everybody, or those who may have an unknown MAC. Values of register `flood`. */
export const floodKind = { everybody: 1, unknown: 2 } as const;

/** The end of a flow that floods: copies for the ports here, and where there are others, on to the way to them. */
export function floodSteps(
  logicalSwitchNumber: number,
  kind: keyof typeof floodKind,
  wayToOthers: typeof physOut | typeof tunnelMtu | null,
): readonly Step<never, 'flood'>[] {
  const local = kind === 'everybody' ? slot.floodLocal : slot.unknownLocal;
  return [
    set({ flood: floodKind[kind] }),
    group(groupId(logicalSwitchNumber, local)),
    ...(wayToOthers === null ? [] : [advance(wayToOthers)]),
  ];
}

/** A host that gets one copy through a tunnel. */
export interface FloodHost {
  readonly hypervisorId: string;
  readonly hypervisorKey: number;
}

/** Copies to hypervisors, in the order of their keys: the flow that makes them, and its groups. */
export function remoteFlood(
  logicalSwitch: NetworkRow<'logical-switches'>,
  hosts: readonly FloodHost[],
  kind: keyof typeof floodKind,
  view: TrackedView,
): { readonly flow: Flow; readonly groups: readonly Group[] } {
  const id = groupId(logicalSwitch.number, kind === 'everybody' ? slot.floodRemote : slot.unknownRemote);
  const continued = kind === 'everybody' ? slot.floodRemoteContinued : slot.unknownRemoteContinued;
  const copies = hosts
    .toSorted((a, b) => a.hypervisorKey - b.hypervisorKey)
    .map(
      ({ hypervisorId, hypervisorKey }): Copy => ({
        bucketId: hypervisorKey,
        resubmits: 0,
        actions: bucketActions(tunnelFlood, [set({ outHost: hypervisorKey }), next]),
        // Named after the first port of the switch there: unique, and not shared with another switch.
        continuationId: () => {
          const [first] = view.by('bound-ports', 'presence', presenceId(logicalSwitch.id, hypervisorId));
          return groupId(first?.number ?? logicalSwitch.number, continued);
        },
      }),
    );
  return {
    flow: flow(tunnelFlood, {
      priority: 100,
      match: { datapath: logicalSwitch.datapathKey, flood: floodKind[kind] },
      actions: [group(id)],
    }),
    groups: floodGroups(id, copies),
  };
}

function hostsOf(logicalSwitch: NetworkRow<'logical-switches'>, view: TrackedView): readonly FloodHost[] {
  return view.by('switch-presences', 'logicalSwitchId', logicalSwitch.id).flatMap(({ hypervisorId }) => {
    const hypervisor = view.get('hypervisor-keys', hypervisorId);
    return hypervisor === null ? [] : [{ hypervisorId, hypervisorKey: hypervisor.hypervisorKey }];
  });
}

/** Broadcast and multicast of a switch, and the copies to other hypervisors. */
export const switchingFlooding = rule({
  name: 'switching.flooding',
  number: 34,
  subjects: 'logical-switches',
  compile: (logicalSwitch, view) => {
    const { provider } = logicalSwitch;
    // Where there is a physical network, that makes the copies for other hypervisors.
    const hosts = provider === null ? hostsOf(logicalSwitch, view) : [];
    // With all its ports on one hypervisor, that is where every packet of the switch enters.
    const remote = hosts.length > 1 ? remoteFlood(logicalSwitch, hosts, 'everybody', view) : null;
    const wayToOthers = provider !== null ? physOut : remote === null ? null : tunnelMtu;
    return {
      scope: { kind: 'datapath', datapathId: logicalSwitch.id },
      flows: [
        flow(lsInL2Lkup, {
          priority: 100,
          match: { datapath: logicalSwitch.datapathKey, ethDst: multicastMac },
          actions: floodSteps(logicalSwitch.number, 'everybody', wayToOthers),
        }),
        ...(remote === null ? [] : [remote.flow]),
      ],
      ...(remote === null ? {} : { groups: remote.groups }),
      after: hosts.map(({ hypervisorId }) => hypervisorId),
    };
  },
});

type Port = NetworkRow<'logical-switch-ports'>;

function localCopies(ports: readonly Port[], continued: number, view: TrackedView): readonly Copy[] {
  return ports
    .toSorted((a, b) => a.portKey - b.portKey)
    .map(({ id, portKey, number }) => ({
      bucketId: portKey,
      resubmits: localCopyResubmits(
        view.get('port-groups', id)?.groupIds.flatMap(groupOf => view.get('group-traits', groupOf) ?? []) ?? null,
      ),
      actions: bucketActions(lsInL2FloodUnknown, [set({ outPort: portKey }), advance(lsOutDelivery)]),
      continuationId: () => groupId(number, continued),
    }));
}

/** What the copies of a flood to ports here may cost, in resubmits. */
export interface FloodBudget {
  /** Up to here nothing else is asked: a switch on 798 hypervisors stays below the limit whoever sends, and on a thousand where the sender asks few sets. */
  readonly unasked: number;
  /** In the first pass of the packet, on a switch that is on so many hypervisors. */
  readonly first: (this: void, hypervisors: number) => number;
  /** In each further pass. */
  readonly pass: number;
}

const openVSwitchBudget: FloodBudget = { unasked: 500, first: localBudget, pass: passBudget };

/** The groups of a flood here; how many hypervisors get copies too is asked only when there are many. */
function localGroups(
  id: number,
  copies: readonly Copy[],
  hypervisors: () => number,
  budget: FloodBudget,
): readonly Group[] {
  const sum = copies.reduce((all, { resubmits }) => all + resubmits, 0);
  if (sum <= budget.unasked) return floodGroups(id, copies);
  return boundedFloodGroups(id, copies, { first: budget.first(hypervisors()), pass: budget.pass });
}

/** The copies to the ports of one hypervisor; it has the groups wherever the switch is resident, also when empty. */
export const floodLocalWithin = (budget: FloodBudget): RuleDefinition<'residencies'> =>
  rule({
    name: 'switching.flood-local',
    number: 35,
    subjects: 'residencies',
    compile: (residency, view) => {
      const { datapathId, datapathKind, hypervisorId, number } = residency;
      if (datapathKind !== 'logical-switches') return null;
      const ports = view.by('bound-ports', 'presence', presenceId(datapathId, hypervisorId)).flatMap(bound => {
        const port = view.get('logical-switch-ports', bound.id);
        return port?.enabled ? [port] : [];
      });
      const hypervisors = (): number => view.by('switch-presences', 'logicalSwitchId', datapathId).length;
      const groupsOf = (of: readonly Port[], own: number, continued: number): readonly Group[] =>
        localGroups(groupId(number, own), localCopies(of, continued, view), hypervisors, budget);
      const switchLearns = view.by('logical-switch-ports', 'learning', datapathId).length > 0;
      return {
        scope: { kind: 'hypervisor', hypervisorId },
        flows: [],
        groups: [
          ...groupsOf(ports, slot.floodLocal, slot.floodLocalContinued),
          ...(switchLearns ? groupsOf(ports.filter(learnsMacs), slot.unknownLocal, slot.unknownLocalContinued) : []),
        ],
      };
    },
  });

export const switchingFloodLocal = floodLocalWithin(openVSwitchBudget);
