/** How a stage has Weft answer a packet. */
import { call, move, set, setSlice, slice, type Step } from './actions.js';
import { punt } from './physical.js';
import {
  type LaneGroup,
  laneGroups,
  type LaneGroupName,
  lanesOfGroup,
  noLane,
  type PuntClass,
  puntClasses,
} from './punt-classes.js';
import { placeOf } from './registers.js';

const memberBits = Math.log2(lanesOfGroup);

/** The lane of a group that has this place in it. */
export function laneOf({ code }: LaneGroup, place: number): number {
  return code * lanesOfGroup + place;
}

type LaneField<G extends LaneGroupName> = (typeof laneGroups)[G]['of'];

/** Has Weft answer the packet, as one of this class and in these lanes. What becomes of that concerns nothing else. */
export function puntSteps<G extends LaneGroupName>(
  puntClass: PuntClass,
  lanes: G | null,
): readonly Step<LaneField<G>, 'puntClass' | 'puntLane'>[] {
  if (lanes === null) return meteredPuntSteps(puntClass);
  const { code, of }: { readonly code: number; readonly of: LaneField<G> } = laneGroups[lanes];
  const groupBits = placeOf('puntLane').bits - memberBits;
  return [
    set({ puntClass: puntClasses[puntClass].code }),
    setSlice(slice('puntLane', memberBits, groupBits), code),
    move(slice<LaneField<G>>(of, 0, memberBits), slice('puntLane', 0, memberBits)),
    call(punt),
  ];
}

/** The same for a class that has meters of its own: flows of the class say by which it goes (acl/log.ts). */
export function meteredPuntSteps(puntClass: PuntClass): readonly Step<never, 'puntClass' | 'puntLane'>[] {
  return [set({ puntClass: puntClasses[puntClass].code, puntLane: noLane }), call(punt)];
}
