/** From one version of a fragment to the next: the fewest messages. Pure; kept with the pair, so all switches share it. */
import type { Fragment, Group, Meter } from '../compiler/fragment.js';
import { emptySlice, type SwitchChange, type WireSlice } from './bundle-plan.js';
import {
  encodedFragment,
  encodeFlowRemove,
  encodeGroupRemove,
  encodeMeter,
  groupMessage,
  imageOfAdd,
  messageImage,
  meterMod,
} from './encoding.js';

const absent: object = {};
const cache = new WeakMap<object, WeakMap<object, SwitchChange>>();

/** What turns `before` into `after` on a switch. Not both may be null. A fragment that cannot be encoded sends nothing. */
export function fragmentDifference(before: Fragment | null, after: Fragment | null): SwitchChange {
  let byAfter = cache.get(before ?? absent);
  if (byAfter === undefined) cache.set(before ?? absent, (byAfter = new WeakMap()));
  let change = byAfter.get(after ?? absent);
  if (change === undefined) byAfter.set(after ?? absent, (change = compute(before, after)));
  return change;
}

/** One buffer of several messages. */
export function joinSlices(messages: readonly Uint8Array[]): WireSlice {
  const [first] = messages;
  if (first === undefined) return emptySlice;
  return { bytes: messages.length === 1 ? first : Buffer.concat(messages), count: messages.length };
}

function compute(before: Fragment | null, after: Fragment | null): SwitchChange {
  const subject = after ?? before;
  if (subject === null) throw new Error('a difference needs a fragment');
  const { xid } = encodedFragment(subject);
  const flows = flowDifference(before, after, xid);
  const groups = groupDifference(before, after);
  const meters = meterDifference(before?.meters ?? [], after?.meters ?? [], xid);
  return {
    key: subject.key,
    xid,
    newGroups: joinSlices(groups.added),
    changedGroups: joinSlices(groups.changed),
    flows: joinSlices(flows.added),
    removedFlows: joinSlices(flows.removed),
    removedGroups: joinSlices(groups.removedIds.map(id => encodeGroupRemove(id, xid))),
    ...meters,
    flowCount: flows.added.length + flows.removed.length,
    groupCount: groups.added.length + groups.changed.length + groups.removedIds.length,
    definesGroups: groups.addedIds,
    removesGroups: groups.removedIds,
    usesGroups: after === null ? new Set() : encodedFragment(after).usesGroups,
    usedGroups: before === null ? new Set() : encodedFragment(before).usesGroups,
  };
}

function flowDifference(before: Fragment | null, after: Fragment | null, xid: number) {
  const added: Uint8Array[] = [];
  const removed: Uint8Array[] = [];
  const encoded = after === null ? [] : encodedFragment(after).flows;
  if (before === null) return { added: encoded, removed };
  const old = new Map(
    encodedFragment(before).flows.map((bytes, index) => {
      const image = imageOfAdd(bytes);
      return [image.identity, { flow: before.flows[index], value: image.value }];
    }),
  );
  for (const bytes of encoded) {
    const image = imageOfAdd(bytes);
    if (old.get(image.identity)?.value !== image.value) added.push(bytes);
    old.delete(image.identity);
  }
  for (const { flow } of old.values()) {
    if (flow !== undefined) removed.push(encodeFlowRemove(flow, before.cookie, xid));
  }
  return { added, removed };
}

function groupDifference(before: Fragment | null, after: Fragment | null) {
  const added: Uint8Array[] = [];
  const addedIds: number[] = [];
  const changed: Uint8Array[] = [];
  const old = new Map((before?.groups ?? []).map((group): [number, Group] => [group.id, group]));
  const encoded = after === null ? [] : encodedFragment(after).groups;
  for (const [index, bytes] of encoded.entries()) {
    const group = after?.groups?.[index];
    if (group === undefined) continue;
    const previous = old.get(group.id);
    if (previous === undefined) {
      added.push(bytes);
      addedIds.push(group.id);
    } else if (messageImage(groupMessage(previous)) !== messageImage(groupMessage(group))) changed.push(bytes);
    old.delete(group.id);
  }
  return { added, addedIds, changed, removedIds: [...old.keys()] };
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
