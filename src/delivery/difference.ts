/** From one version of a fragment to the next: the fewest messages. Pure; kept for a while, so that all switches share it. */
import { structurallyEqual } from '../base/structural-equality.js';
import type { Meter } from '../compiler/fragment.js';
import { encodeConnectionFlush } from './connection-flush.js';
import { emptySlice, type SwitchChange, type WireSlice } from './bundle-plan.js';
import {
  flowMessages,
  flowMessagesJoined,
  groupMessages,
  wireSlice,
  type EncodedFragment,
  type EncodedZone,
} from './encoded-fragment.js';
import {
  encodeGroupRemove,
  encodeMeter,
  encodeZoneFlush,
  imageOfAdd,
  messageImage,
  meterMod,
  removalOfAdd,
} from './encoding.js';
import { shapesOf } from './message-shape.js';

const absent: object = {};
/**
 * The latest differences, so that all switches that make the same step share one. Two generations of bounded size: a
 * difference holds its messages a second time, and must not live as long as its fragment does. What is one hypervisor's alone
 * nobody shares. A fleet whose network is built at once has some ten thousand under way.
 */
const generationSize = 16_384;
let young = new Map<object, Map<object, SwitchChange>>();
let old = young;
let youngSize = 0;

/** What turns `before` into `after` on a switch. Not both may be null. A fragment that cannot be encoded sends nothing. */
export function fragmentDifference(before: EncodedFragment | null, after: EncodedFragment | null): SwitchChange {
  if ((after ?? before)?.scope.kind === 'hypervisor') return compute(before, after);
  const [from, to] = [before ?? absent, after ?? absent];
  const known = young.get(from)?.get(to);
  if (known !== undefined) return known;
  const change = old.get(from)?.get(to) ?? compute(before, after);
  if (youngSize >= generationSize) {
    old = young;
    young = new Map();
    youngSize = 0;
  }
  const byAfter = young.get(from);
  if (byAfter === undefined) young.set(from, new Map([[to, change]]));
  else byAfter.set(to, change);
  youngSize += 1;
  return change;
}

/** One buffer of several messages. */
export function joinSlices(messages: readonly Uint8Array[]): WireSlice {
  const [first] = messages;
  if (first === undefined) return emptySlice;
  return { bytes: messages.length === 1 ? first : Buffer.concat(messages), count: messages.length };
}

/** Several messages of a fragment as they go to the switches. */
export function joinMessages(messages: readonly string[], xid: number): WireSlice {
  return wireSlice(messages.join(''), messages.length, xid);
}

function compute(before: EncodedFragment | null, after: EncodedFragment | null): SwitchChange {
  const subject = after ?? before;
  if (subject === null) throw new Error('a difference needs a fragment');
  const { key, xid } = subject;
  const flows = flowDifference(before, after, xid);
  const groups = groupDifference(before, after);
  const meters = meterDifference(before?.meters ?? [], after?.meters ?? [], xid);
  const slices = {
    newGroups: joinMessages(groups.added, xid),
    changedGroups: joinMessages(groups.changed, xid),
    flows: flows.added,
    removedFlows: flows.removed,
    removedGroups: joinSlices(groups.removedIds.map(id => encodeGroupRemove(id, xid))),
  };
  return {
    key,
    xid,
    isAskedByOthers: subject.isAskedByOthers === true,
    ...slices,
    ...meters,
    ...forgottenDifference(before, after, xid),
    shapes: shapesOf(Object.values(slices)),
    flowCount: flows.added.count + flows.removed.count,
    groupCount: groups.added.length + groups.changed.length + groups.removedIds.length,
    definesGroups: groups.addedIds,
    removesGroups: groups.removedIds,
    usesGroups: after?.usesGroups ?? noGroups,
    usedGroups: before?.usesGroups ?? noGroups,
  };
}

const noGroups: ReadonlySet<number> = new Set();

function flowDifference(before: EncodedFragment | null, after: EncodedFragment | null, xid: number) {
  if (before === null) {
    const added = after === null ? emptySlice : wireSlice(flowMessagesJoined(after), after.flowCount, xid);
    return { added, removed: emptySlice };
  }
  const added: string[] = [];
  const installed = new Map(
    flowMessages(before).map(message => {
      const { identity, value } = imageOfAdd(message);
      return [identity, { message, value }];
    }),
  );
  for (const message of after === null ? [] : flowMessages(after)) {
    const { identity, value } = imageOfAdd(message);
    if (installed.get(identity)?.value !== value) added.push(message);
    installed.delete(identity);
  }
  const removed = [...installed.values()].map(({ message }) => removalOfAdd(message));
  return { added: joinMessages(added, xid), removed: joinMessages(removed, xid) };
}

function groupDifference(before: EncodedFragment | null, after: EncodedFragment | null) {
  const added: string[] = [];
  const addedIds: number[] = [];
  const changed: string[] = [];
  const installed = new Map(messagesById(before));
  for (const [id, message] of messagesById(after)) {
    const previous = installed.get(id);
    if (previous === undefined) {
      added.push(message);
      addedIds.push(id);
    } else if (previous !== message) changed.push(message);
    installed.delete(id);
  }
  return { added, addedIds, changed, removedIds: [...installed.keys()] };
}

function messagesById(fragment: EncodedFragment | null): readonly (readonly [number, string])[] {
  if (fragment === null || fragment.groups.length === 0) return [];
  const messages = groupMessages(fragment);
  return fragment.groups.map(({ id }, index) => [id, messages[index] ?? '']);
}

/**
 * A zone is used by one fragment: what comes must not find the connections of who had it before. Connections that are named no more end: with
 * them the switch would go on to know where they went.
 */
function forgottenDifference(before: EncodedFragment | null, after: EncodedFragment | null, xid: number) {
  const [had, has] = [before?.ctZones ?? [], after?.ctZones ?? []];
  const only = (these: readonly EncodedZone[], others: readonly EncodedZone[]): readonly Uint8Array[] => {
    const held = new Set(others.map(({ zone }) => zone));
    return these.filter(({ zone }) => !held.has(zone)).map(({ zone }) => encodeZoneFlush(zone, xid));
  };
  const named = after?.connections ?? [];
  const gone = (before?.connections ?? []).filter(each => !named.some(other => structurallyEqual(each, other)));
  return { zonesBefore: only(has, had), zonesAfter: [...only(had, has), ...gone.map(encodeConnectionFlush)] };
}

function meterDifference(before: readonly Meter[], after: readonly Meter[], xid: number) {
  const metersBefore: Uint8Array[] = [];
  const old = new Map(before.map(meter => [meter.id, meter]));
  for (const meter of after) {
    const previous = old.get(meter.id);
    old.delete(meter.id);
    if (previous === undefined) metersBefore.push(encodeMeter(meter, 'add', xid));
    else if (messageImage(meterMod(previous, 'add')) !== messageImage(meterMod(meter, 'add'))) {
      metersBefore.push(encodeMeter(meter, 'modify', xid));
    }
  }
  return { metersBefore, metersAfter: [...old.values()].map(meter => encodeMeter(meter, 'delete', xid)) };
}
