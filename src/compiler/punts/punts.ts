/**
 * Room `punts`: how packets get from a switch to Weft (the slow path). One flow and one meter for each lane, the same on every
 * hypervisor and there before any port is, so a port costs neither. Ports share the lanes by their numbers: what floods spends the
 * meter of its own lane, and the data path drops the rest before Open vSwitch sees it.
 */
import type { Meter } from '../fragment.js';
import { sharedMeterId } from '../identifiers.js';
import { toController } from '../pipeline/actions.js';
import { flow } from '../pipeline/flow.js';
import { punt } from '../pipeline/physical.js';
import {
  allLogged,
  type LaneGroup,
  laneGroups,
  lanesOfGroup,
  noLane,
  puntControllerId,
} from '../pipeline/punt-classes.js';
import { laneOf } from '../pipeline/punting.js';
import { rule } from '../rule.js';

interface Lane {
  readonly lane: number;
  readonly limit: Meter;
  readonly maxBytes: number;
}

const lanes = Object.values(laneGroups).flatMap((group: LaneGroup): readonly Lane[] =>
  Array.from({ length: lanesOfGroup }, (_, place) => {
    const lane = laneOf(group, place);
    const { perSecond: rate, burst, maxBytes } = group;
    return { lane, limit: { id: sharedMeterId(lane), unit: 'pktps', rate, burst }, maxBytes };
  }),
);

export const puntsEverywhere = rule({
  name: 'punts.everywhere',
  number: 100,
  subjects: 'fleet',
  compile: () => ({
    scope: { kind: 'everywhere' },
    flows: lanes.map(({ lane, limit, maxBytes }) =>
      flow(punt, {
        priority: 100,
        match: { puntLane: lane },
        actions: [toController(puntControllerId, { meterId: limit.id, maxBytes })],
      }),
    ),
    meters: [
      ...lanes.map(({ limit }) => limit),
      { id: sharedMeterId(noLane), unit: 'pktps', rate: allLogged.perSecond, burst: allLogged.burst },
    ],
    // A data path without meters refuses it, and then only drops.
    isOptional: true,
  }),
});
