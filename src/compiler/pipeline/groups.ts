/**
 * Groups that copy a packet to many, cut into chains so that each fits one OpenFlow message, and into passes so that Open vSwitch, which
 * gives up on a packet after 4096 resubmits, gets through.
 */
import { type Action, group as groupAction } from '../../../southbound/openflow/actions.js';
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

/** Something that gets a copy. `continuationId` names a further group of the chain, or of a pass, when this is its first member. */
export interface Copy {
  readonly bucketId: number;
  /** What it costs Open vSwitch at most. */
  readonly resubmits: number;
  readonly actions: readonly Action[];
  readonly continuationId: () => number;
}

/** No bucket of a flood has an id from here on: this leads to the next group of the chain, those above to passes. */
const continuationBucketId = 0xffff_fd00;

/** How many resubmits the copies of a group may cost: together with all else in the first pass of the packet, and in a pass of their own. */
export interface ResubmitBudget {
  readonly first: number;
  readonly pass: number;
}

/** Cut where the next copy would be too much; `most(0)` is for the first part, which may be empty. */
function partsOf(copies: readonly Copy[], most: (part: number) => number): Copy[][] {
  const parts: Copy[][] = [[]];
  let used = 0;
  for (const copy of copies) {
    if (used + copy.resubmits > most(parts.length - 1) && (parts.length === 1 || used > 0)) {
      parts.push([]);
      used = 0;
    }
    used += copy.resubmits;
    parts.at(-1)?.push(copy);
  }
  return parts;
}

/**
 * Copies that are made in a pass of their own: by hashing Open vSwitch takes the packet through its data path once more, and counts
 * anew. One bucket, so it is always chosen; it leads to the copies. The last group is the one that begins the pass.
 */
function passGroups(copies: readonly Copy[], maxBytes: number): readonly Group[] {
  const [first, second] = copies;
  if (first === undefined) return [];
  const copying = second === undefined ? [] : floodGroups(second.continuationId(), copies, maxBytes);
  const actions = second === undefined ? first.actions : [groupAction(second.continuationId())];
  const select: Group = {
    id: first.continuationId(),
    type: 'select',
    selectionMethod: { name: 'dp_hash' },
    buckets: [{ bucketId: 1, weight: 1, actions }],
  };
  return [...copying, select];
}

/**
 * The groups of a flood whose copies may cost more than a packet has: what is beyond the first budget is copied in passes of their own,
 * to which the last buckets of the group lead.
 */
export function boundedFloodGroups(
  id: number,
  copies: readonly Copy[],
  { first, pass }: ResubmitBudget,
  maxBytes = maxGroupBytes,
): readonly Group[] {
  const [here = [], ...later] = partsOf(copies, part => (part === 0 ? first : pass));
  const passes = later.filter(part => part.length > 0).map(part => passGroups(part, maxBytes));
  const led = passes.map(
    (groups, index): Copy => ({
      bucketId: continuationBucketId + 1 + index,
      resubmits: 0,
      actions: [groupAction(groups.at(-1)?.id ?? id)],
      continuationId: () => id,
    }),
  );
  return [...passes.flat(), ...floodGroups(id, [...here, ...led], maxBytes)];
}

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
