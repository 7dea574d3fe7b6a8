/**
 * The order of the wire. This is the only place that knows it:
 *
 *   meters wanted      (outside: Open vSwitch takes no meter_mod in a bundle)
 *   conntrack zones that begin to be used, emptied (outside)
 *   bundle 1..n        new groups of all fragments
 *                      then, fragment by fragment, its changed groups and its flows (adds replace what is there):
 *                      first what others ask, last that of it which only goes
 *                      then the flows that go
 *                      then, in the last bundles, the groups that go
 *                      then the sentinel
 *   meters not wanted  (outside)
 *   conntrack zones that are not used any more, emptied (outside)
 *
 * New groups go before every flow because a flow may name a group of another fragment, and the switch refuses a flow
 * whose group it lacks. What others ask goes before them because a rule that denies the addresses of a set does so only
 * where the switch has them. Groups go last because the switch drops every flow that still names a removed group. Bundles
 * are cut between fragments, so a packet never meets two revisions of one fragment's flows: a new group ahead of its
 * fragment is not yet named by any flow.
 */

/** Bytes of `count` bundle-add messages. */
export interface WireSlice {
  readonly bytes: Uint8Array;
  readonly count: number;
}

export const emptySlice: WireSlice = { bytes: new Uint8Array(0), count: 0 };

/** Everything that turns one fragment on a switch from what is there into what should be there. */
export interface SwitchChange {
  readonly key: string;
  /** xid of all its messages: what an error of the switch names. */
  readonly xid: number;
  /** See `FragmentBody`. */
  readonly isAskedByOthers: boolean;
  readonly newGroups: WireSlice;
  readonly changedGroups: WireSlice;
  /** Adds; one that is there already is replaced and keeps its counters. */
  readonly flows: WireSlice;
  readonly removedFlows: WireSlice;
  readonly removedGroups: WireSlice;
  /** Whole messages, sent before and after the bundles. */
  readonly metersBefore: readonly Uint8Array[];
  readonly metersAfter: readonly Uint8Array[];
  /** Whole messages that empty conntrack zones: ahead of the first bundle, and behind the last. */
  readonly zonesBefore: readonly Uint8Array[];
  readonly zonesAfter: readonly Uint8Array[];
  readonly flowCount: number;
  readonly groupCount: number;
  /** Groups that exist only after this change, and groups that go with it. */
  readonly definesGroups: readonly number[];
  readonly removesGroups: readonly number[];
  /** Shapes of the messages (message-shape.ts), each once; null: not known, so the switch is asked before the commit. */
  readonly shapes: readonly number[] | null;
  /** Groups that the wanted version names, and groups that what is installed names. */
  readonly usesGroups: ReadonlySet<number>;
  readonly usedGroups: ReadonlySet<number>;
}

export interface Bundle {
  readonly parts: readonly Uint8Array[];
  /** Number of messages in `parts`. */
  readonly count: number;
  /** Keys with a message in this bundle, and those of them with none in a later one. */
  readonly touches: ReadonlySet<string>;
  readonly completes: ReadonlySet<string>;
}

/** How many changes one bundle may hold: its commit stalls a userspace datapath (8 ms at 1,000, 20 ms at 10,000). */
export const bundleLimit = 5_000;

interface Chunk {
  readonly adds: WireSlice[];
  readonly removals: WireSlice[];
  readonly groupRemovals: WireSlice[];
  readonly keys: Set<string>;
  count: number;
}

export function isEmptyChange(change: SwitchChange): boolean {
  return change.flowCount + change.groupCount + change.metersBefore.length + change.metersAfter.length === 0;
}

/** Puts changes into as few bundles as the limit allows. A fragment larger than the limit gets a bundle of its own. */
export function planBundles(changes: readonly SwitchChange[], limit = bundleLimit): Bundle[] {
  const chunks: Chunk[] = [];
  const chunkFor = (key: string, count: number): Chunk => {
    let chunk = chunks.at(-1);
    if (chunk === undefined || (chunk.count > 0 && chunk.count + count > limit)) {
      chunk = { adds: [], removals: [], groupRemovals: [], keys: new Set(), count: 0 };
      chunks.push(chunk);
    }
    chunk.count += count;
    chunk.keys.add(key);
    return chunk;
  };
  for (const change of changes) {
    if (change.newGroups.count > 0) chunkFor(change.key, change.newGroups.count).adds.push(change.newGroups);
  }
  for (const change of inOrder(changes)) {
    const count = change.changedGroups.count + change.flows.count + change.removedFlows.count;
    if (count === 0) continue;
    const chunk = chunkFor(change.key, count);
    for (const slice of [change.changedGroups, change.flows]) if (slice.count > 0) chunk.adds.push(slice);
    if (change.removedFlows.count > 0) chunk.removals.push(change.removedFlows);
  }
  for (const change of changes) {
    if (change.removedGroups.count === 0) continue;
    chunkFor(change.key, change.removedGroups.count).groupRemovals.push(change.removedGroups);
  }
  // A key comes again in a later bundle only for the groups that its fragment begins or ends with.
  const later = new Set<string>();
  return chunks
    .reverse()
    .map(chunk => {
      const bundle = asBundle(chunk, later);
      for (const key of chunk.keys) later.add(key);
      return bundle;
    })
    .reverse();
}

/** What others ask comes before them and goes after them; else as they are. */
function inOrder(changes: readonly SwitchChange[]): readonly SwitchChange[] {
  if (!changes.some(({ isAskedByOthers }) => isAskedByOthers)) return changes;
  const place = ({ isAskedByOthers, flows }: SwitchChange): number => (!isAskedByOthers ? 1 : flows.count > 0 ? 0 : 2);
  return changes.toSorted((a, b) => place(a) - place(b));
}

function asBundle({ adds, removals, groupRemovals, keys, count }: Chunk, later: ReadonlySet<string>): Bundle {
  const parts: Uint8Array[] = [];
  for (const slices of [adds, removals, groupRemovals]) for (const { bytes } of slices) parts.push(bytes);
  const isLast = later.size === 0;
  return { parts, count, touches: keys, completes: isLast ? keys : new Set([...keys].filter(key => !later.has(key))) };
}

/**
 * Which of the `going` changes cannot go while the `staying` ones stay, with the key that each waits for: flows that
 * name a group which is not on the switch yet, and removals of groups that flows on the switch still name.
 */
export function dependents(
  staying: Iterable<SwitchChange>,
  going: readonly SwitchChange[],
): ReadonlyMap<string, string> {
  const missing = new Map<number, string>();
  const pinned = new Map<number, string>();
  const found = new Map<string, string>();
  const stays = (change: SwitchChange): void => {
    for (const id of change.definesGroups) missing.set(id, change.key);
    for (const id of change.usedGroups) pinned.set(id, change.key);
  };
  for (const change of staying) stays(change);
  if (missing.size + pinned.size === 0) return found;
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const change of going) {
      if (found.has(change.key)) continue;
      const cause =
        [...change.usesGroups].map(id => missing.get(id)).find(key => key !== undefined) ??
        change.removesGroups.map(id => pinned.get(id)).find(key => key !== undefined);
      if (cause === undefined) continue;
      found.set(change.key, cause);
      stays(change);
    }
  }
  return found;
}
