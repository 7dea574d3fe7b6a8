/** Groups that copy a packet to many, cut into chains so that each fits one OpenFlow message. */
import type { Action } from '../../../southbound/openflow/actions.js';
import { group as groupAction } from '../../../southbound/openflow/actions.js';
import type { Bucket, Group } from '../fragment.js';

/** A message has at most 64 kB; a larger group is accepted by Open vSwitch, but can never be read back. */
export const maxGroupBytes = 60_000;

const groupHeaderBytes = 24;
/** Header of a bucket with its weight property. */
const bucketHeaderBytes = 24;

/** No action that buckets use is longer on the wire than this. */
const actionBytes = { setField: 24, resubmit: 16, group: 8, output: 16 } as const;

function upperBoundOfAction(action: Action): number {
  const known: Readonly<Record<string, number>> = actionBytes;
  const bytes = known[action.kind];
  if (bytes === undefined) throw new Error(`the size of action ${action.kind} in a flood bucket is not known`);
  return bytes;
}

/** An upper bound of what the bucket takes in a message. */
export function bucketBytes(actions: readonly Action[]): number {
  return bucketHeaderBytes + actions.reduce((sum, action) => sum + upperBoundOfAction(action), 0);
}

/** Something that gets a copy. `continuationId` names a further group of the chain when this is its first member. */
export interface Copy {
  readonly bucketId: number;
  readonly actions: readonly Action[];
  readonly continuationId: () => number;
}

/** No bucket of a flood has this id: it leads to the next group of the chain. */
const continuationBucketId = 0xffff_fe00;

/**
 * One group of type `all`, or a chain of them where one would exceed `maxBytes`: the last bucket of each leads to the
 * next. Those that are led to come first, so that none refers to one that is not there yet.
 */
export function floodGroups(id: number, copies: readonly Copy[], maxBytes = maxGroupBytes): readonly Group[] {
  const room = maxBytes - groupHeaderBytes - bucketBytes([groupAction(0)]);
  const chunks: Copy[][] = [[]];
  let used = 0;
  for (const copy of copies) {
    const bytes = bucketBytes(copy.actions);
    if (used + bytes > room) {
      chunks.push([]);
      used = 0;
    }
    used += bytes;
    chunks.at(-1)?.push(copy);
  }
  const ids = chunks.map((chunk, i) => (i === 0 ? id : (chunk[0]?.continuationId() ?? id)));
  const groups = chunks.map((chunk, i): Group => {
    const buckets = chunk.map(({ bucketId, actions }): Bucket => ({ bucketId, actions }));
    const nextId = ids[i + 1];
    if (nextId !== undefined) buckets.push({ bucketId: continuationBucketId, actions: [groupAction(nextId)] });
    return { id: ids[i] ?? id, type: 'all', buckets };
  });
  return groups.toReversed();
}
