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
import { placeOf } from '../pipeline/registers.js';
import { rule } from '../rule.js';

/** What punting flows and the connections that take their packets have in common. No other connection gets any. */
export const puntControllerId = 1;

/** A port's classes together; what Weft answers of it is less, by class (punt-classes.ts). */
const laneRate = { unit: 'pktps', rate: 100, burst: 100 } as const;

const lanes: readonly { readonly lane: number; readonly limit: Meter }[] = Array.from(
  { length: 2 ** placeOf('puntLane').bits },
  (_, lane) => ({ lane, limit: { id: sharedMeterId(lane), ...laneRate } }),
);

export const puntsEverywhere = rule({
  name: 'punts.everywhere',
  number: 100,
  subjects: 'fleet',
  compile: () => ({
    scope: { kind: 'everywhere' },
    flows: lanes.map(({ lane, limit }) =>
      flow(punt, {
        priority: 100,
        match: { puntLane: lane },
        actions: [toController(puntControllerId, limit.id)],
      }),
    ),
    meters: lanes.map(({ limit }) => limit),
  }),
});
