/**
 * MACs that no port owns, learned by the switch itself: at the port where their packets enter, and on other
 * hypervisors as "behind the tunnel from there". A MAC that a port owns is never learned. Entries go five minutes after
 * the last packet from the MAC, whoever still sends to it (so no idle timeout: traffic would keep a place that the MAC
 * has left), and all of a port's or switch's go with it. Only switches with such ports have these stages.
 */
import { learnsMacs } from '../../model/port-addresses.js';
import { learnedCookie } from '../identifiers.js';
import { advance, call, learn, move, next, set } from '../pipeline/actions.js';
import { flow } from '../pipeline/flow.js';
import { physOut, tunnelMtu, tunnelSource } from '../pipeline/physical.js';
import {
  lsFdb,
  lsFdbLearned,
  lsInArpRsp,
  lsInL2FloodUnknown,
  lsInL2Unknown,
  lsInLookupFdb,
  lsInPutFdb,
} from '../pipeline/switch-ingress.js';
import type { Flow } from '../fragment.js';
import { rule } from '../rule.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import { floodSteps, remoteFlood, type FloodHost } from './flooding.js';

const hardTimeoutSeconds = 300;
/** Bounds of what a port, or the ports of a switch on other hypervisors, can make a switch remember. */
const maxPerPort = 2048;
const maxRemotePerSwitch = 16_384;

/** outPort of a learned MAC on another hypervisor or in a physical network: no port has this key, so delivery goes by where that is. */
const portElsewhere = 0xffffn;

const portNumber = 36;
const switchNumber = 37;

/** Whether somebody owns the source MAC, asked for packets of learning ports. */
export const learningFlows: readonly Flow[] = [
  flow(lsInLookupFdb, {
    priority: 100,
    match: { learns: 1 },
    actions: [set({ outPort: 0 }), move('ethSrc', 'mac'), call(lsFdb), next],
  }),
];

/** A learning port of this hypervisor. */
export const switchingLearningPort = rule({
  name: 'switching.learning-port',
  number: portNumber,
  subjects: 'bound-ports',
  compile: (bound, view) => {
    const port = view.get('logical-switch-ports', bound.id);
    if (port === null || !port.enabled || !learnsMacs(port)) return null;
    return {
      scope: { kind: 'hypervisor', hypervisorId: bound.hypervisorId },
      flows: [
        flow(lsInPutFdb, {
          priority: 100,
          match: { origin: bound.number, outPort: 0 },
          actions: [
            learn({
              into: lsFdbLearned,
              priority: 100,
              cookie: learnedCookie(portNumber, bound.number),
              hardTimeoutSeconds,
              limit: maxPerPort,
              match: { datapath: 'datapath', ethDst: 'ethSrc' },
              load: { outPort: 'inPort', outHost: 0n },
            }),
            next,
          ],
        }),
      ],
    };
  },
});

/** Hypervisors with a learning port of the switch. */
function learningHosts(ports: readonly NetworkRow<'logical-switch-ports'>[], view: TrackedView): readonly FloodHost[] {
  const hosts = new Map<string, FloodHost>();
  for (const port of ports) {
    const bound = view.get('bound-ports', port.id);
    const hypervisor = bound === null ? null : view.get('hypervisor-keys', bound.hypervisorId);
    if (hypervisor === null) continue;
    hosts.set(hypervisor.id, { hypervisorId: hypervisor.id, hypervisorKey: hypervisor.hypervisorKey });
  }
  return [...hosts.values()].toSorted((a, b) => a.hypervisorKey - b.hypervisorKey);
}

/** That the source is elsewhere: behind the hypervisor `outHost`, or (0) outside, where only the physical network leads. */
const learnElsewhere = (logicalSwitch: NetworkRow<'logical-switches'>, outHost: 'inHost' | 0n) =>
  learn({
    into: lsFdbLearned,
    priority: 100,
    cookie: learnedCookie(switchNumber, logicalSwitch.number),
    hardTimeoutSeconds,
    limit: maxRemotePerSwitch,
    match: { datapath: 'datapath', ethDst: 'ethSrc' },
    load: { outPort: portElsewhere, outHost },
  });

/** What comes from tunnels: who sent it, and behind whom its source is. */
function remoteLearningFlows(logicalSwitch: NetworkRow<'logical-switches'>): readonly Flow[] {
  const fromUnderlay = { datapath: logicalSwitch.datapathKey, fromUnderlay: 1 } as const;
  return [
    flow(lsInLookupFdb, {
      priority: 100,
      match: fromUnderlay,
      actions: [set({ outPort: 0 }), move('ethSrc', 'mac'), call(lsFdb), call(tunnelSource), next],
    }),
    // A tunnel end that we do not know teaches nothing.
    flow(lsInPutFdb, { priority: 110, match: { ...fromUnderlay, inHost: 0 }, actions: [advance(lsInArpRsp)] }),
    flow(lsInPutFdb, {
      priority: 100,
      match: { ...fromUnderlay, outPort: 0 },
      actions: [learnElsewhere(logicalSwitch, 'inHost'), next],
    }),
  ];
}

/** The same where the switch is part of a physical network: what comes from there has left the port where it was learned. */
function physicalLearningFlows(logicalSwitch: NetworkRow<'logical-switches'>): readonly Flow[] {
  const fromUnderlay = { datapath: logicalSwitch.datapathKey, fromUnderlay: 1 } as const;
  return [
    flow(lsInLookupFdb, {
      priority: 100,
      match: fromUnderlay,
      actions: [set({ outPort: 0 }), move('ethSrc', 'mac'), call(lsFdb), next],
    }),
    flow(lsInPutFdb, {
      priority: 100,
      match: { ...fromUnderlay, outPort: 0 },
      actions: [learnElsewhere(logicalSwitch, 0n), next],
    }),
  ];
}

/** A switch with learning ports. */
export const switchingLearningSwitch = rule({
  name: 'switching.learning-switch',
  number: switchNumber,
  subjects: 'logical-switches',
  compile: (logicalSwitch, view) => {
    const ports = view.by('logical-switch-ports', 'learning', logicalSwitch.id);
    if (ports.length === 0) return null;
    const isPhysical = logicalSwitch.provider !== null;
    const hosts = isPhysical ? [] : learningHosts(ports, view);
    const goesElsewhere =
      hosts.length > 0 && view.by('switch-presences', 'logicalSwitchId', logicalSwitch.id).length > 1;
    const remote = goesElsewhere ? remoteFlood(logicalSwitch, hosts, 'unknown', view) : null;
    const wayToOthers = isPhysical ? physOut : remote === null ? null : tunnelMtu;
    const unknown = { datapath: logicalSwitch.datapathKey, outPort: 0 } as const;
    return {
      scope: { kind: 'datapath', datapathId: logicalSwitch.id },
      flows: [
        ...(isPhysical ? physicalLearningFlows(logicalSwitch) : remoteLearningFlows(logicalSwitch)),
        flow(lsInL2Unknown, { priority: 100, match: unknown, actions: [call(lsFdbLearned), next] }),
        flow(lsInL2FloodUnknown, {
          priority: 100,
          match: unknown,
          actions: floodSteps(logicalSwitch.number, 'unknown', wayToOthers),
        }),
        ...(remote === null ? [] : [remote.flow]),
      ],
      ...(remote === null ? {} : { groups: remote.groups }),
      after: hosts.map(({ hypervisorId }) => hypervisorId),
    };
  },
});
