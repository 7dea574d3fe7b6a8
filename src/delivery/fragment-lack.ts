/** What a switch lacks of a fragment, and has besides, as the change that puts it right. */
import type { SwitchChange } from './bundle-plan.js';
import { joinMessages, joinSlices } from './difference.js';
import type { EncodedFragment } from './encoded-fragment.js';
import { encodeGroupRemove, encodeMeter, encodeZoneFlush } from './encoding.js';

/** Key of changes that belong to no fragment. */
const strayKey = 'stray';
/** Strays are cut into changes of this size, so that bundles can be cut between them. */
const straysAChange = 500;

/** What it lacks, and groups and meters that it has too many. */
export interface Lack {
  readonly flows: string[];
  /** Places of those flows instead of which the switch has none of the fragment; only of fragments with conntrack zones. */
  readonly missing: Set<number>;
  readonly newGroups: string[];
  readonly newGroupIds: number[];
  readonly changedGroups: string[];
  readonly meters: Uint8Array[];
  /** Groups and meters that only flows of it named, by number. */
  readonly goneGroups: number[];
  readonly goneMeters: number[];
}

export function emptyLack(): Lack {
  return {
    flows: [],
    missing: new Set(),
    newGroups: [],
    newGroupIds: [],
    changedGroups: [],
    meters: [],
    goneGroups: [],
    goneMeters: [],
  };
}

function removals(groups: readonly number[], meters: readonly number[], xid: number) {
  return {
    removedGroups: joinSlices(groups.map(id => encodeGroupRemove(id, xid))),
    removesGroups: groups,
    metersAfter: meters.map(id => encodeMeter({ id, unit: 'kbps', rate: 0 }, 'delete', xid)),
  };
}

const nothing = joinSlices([]);
const emptyChange: SwitchChange = {
  key: '',
  xid: 0,
  isAskedByOthers: false,
  newGroups: nothing,
  changedGroups: nothing,
  flows: nothing,
  removedFlows: nothing,
  removedGroups: nothing,
  metersBefore: [],
  metersAfter: [],
  zonesBefore: [],
  zonesAfter: [],
  flowCount: 0,
  groupCount: 0,
  definesGroups: [],
  removesGroups: [],
  shapes: null,
  usesGroups: new Set(),
  usedGroups: new Set(),
};

/** What the switch has of a fragment that is not wanted. */
export interface Surplus {
  readonly fragment: EncodedFragment;
  readonly removedFlows: readonly Uint8Array[];
  /** By which it forgets the connections that flows have translated which are not as wanted. */
  readonly forgetting: readonly Uint8Array[];
  /** Groups that those flows of it name which are not as wanted. */
  readonly usedGroups: ReadonlySet<number>;
}

export function changeOf({ fragment, removedFlows, forgetting, usedGroups }: Surplus, lack: Lack): SwitchChange {
  const { key, xid, isAskedByOthers, usesGroups } = fragment;
  return {
    ...emptyChange,
    key,
    xid,
    isAskedByOthers: isAskedByOthers === true,
    newGroups: joinMessages(lack.newGroups, xid),
    changedGroups: joinMessages(lack.changedGroups, xid),
    flows: joinMessages(lack.flows, xid),
    removedFlows: joinSlices(removedFlows),
    ...removals(lack.goneGroups, lack.goneMeters, xid),
    metersBefore: lack.meters,
    zonesBefore: newZones(fragment, lack).map(zone => encodeZoneFlush(zone, xid)),
    zonesAfter: forgetting,
    flowCount: lack.flows.length + removedFlows.length,
    groupCount: lack.newGroups.length + lack.changedGroups.length + lack.goneGroups.length,
    definesGroups: lack.newGroupIds,
    usesGroups,
    usedGroups: new Set([...usesGroups, ...usedGroups]),
  };
}

/** Zones that the switch does not use for this fragment yet. */
function newZones({ ctZones }: EncodedFragment, { missing }: Lack): readonly number[] {
  return ctZones.filter(({ shownBy }) => missing.has(shownBy)).map(({ zone }) => zone);
}

/** What belongs to no fragment. */
export interface Strays {
  readonly flows: readonly Uint8Array[];
  /** By which the connections are forgotten that these flows have translated. */
  readonly forgetting: readonly Uint8Array[];
  readonly groups: readonly number[];
  readonly meters: readonly number[];
}

/** It goes. */
export function* strayChanges({ flows, forgetting, groups, meters }: Strays, xid: number): Generator<SwitchChange> {
  const base = { ...emptyChange, key: strayKey, xid };
  for (let start = 0; start < flows.length; start += straysAChange) {
    const slice = joinSlices(flows.slice(start, start + straysAChange));
    const zonesAfter = start === 0 ? forgetting : [];
    yield { ...base, key: `${strayKey}/${start}`, removedFlows: slice, flowCount: slice.count, zonesAfter };
  }
  if (groups.length + meters.length === 0) return;
  yield { ...base, ...removals(groups, meters, xid), groupCount: groups.length };
}
