/**
 * How objects were shared when a logged change was made. What is seen through another object (a subnet through its logical switch) is
 * told to whom that one was shared with then, which may be others than now.
 */
import { structurallyEqual } from '../../src/base/structural-equality.js';
import type { OwnedRow } from '../../src/model/audience.js';
import { type Kind, kinds, resourceOf, type RowOf } from '../../src/model/index.js';
import type { ChangeLogRow } from '../../src/store/change-log.js';
import type { Store } from '../../src/store/store.js';
import type { NetworkView } from '../../src/view/network-view.js';
import type { Parents } from './sight.js';

type Row = RowOf<Kind>;

/** A kind of which objects are seen through those of another, by a reference to it. */
export interface Dependent {
  readonly kind: Kind;
  readonly field: string;
}

const dependents = new Map<Kind, readonly Dependent[]>();

/** What is seen through objects of the kind. */
export function dependentsOf(parent: Kind): readonly Dependent[] {
  let found = dependents.get(parent);
  if (found === undefined) {
    found = kinds.flatMap(kind => {
      const { seenThrough } = resourceOf(kind);
      return seenThrough?.kind === parent ? [{ kind, field: seenThrough.field }] : [];
    });
    dependents.set(parent, found);
  }
  return found;
}

/** The id of the object through which the row is seen; null where there is none. */
function parentIdOf(kind: Kind, row: Row | null): string | null {
  const { seenThrough } = resourceOf(kind);
  if (seenThrough === null || row === null) return null;
  return String((row as unknown as Readonly<Record<string, unknown>>)[seenThrough.field]);
}

/** Objects through which others are seen, as they were when a change was made. */
export class PastSharing {
  /** Changes of such objects, in order, by their ids. */
  readonly #changes = new Map<string, ChangeLogRow[]>();
  /** What was seen through one when a change of it shared it, or did so no longer. */
  readonly #children: ReadonlyMap<ChangeLogRow, Children>;
  /** Those that did not change meanwhile, as they were all the while. */
  readonly #unchanged: ReadonlyMap<string, Row | null>;

  private constructor(
    changes: readonly ChangeLogRow[],
    unchanged: ReadonlyMap<string, Row | null>,
    children: ReadonlyMap<ChangeLogRow, Children>,
  ) {
    this.#unchanged = unchanged;
    this.#children = children;
    for (const change of changes) if (dependentsOf(change.kind).length > 0) append(this.#changes, change.id, change);
  }

  /** Of the changes of whole revisions up to `revision`, which the view holds; it may be ahead. */
  static async of(
    store: Pick<Store, 'rowsAt'>,
    view: NetworkView,
    revision: number,
    changes: readonly ChangeLogRow[],
  ): Promise<PastSharing> {
    const unchanged = new Map<string, Row | null>();
    const later: string[] = [];
    for (const { kind, before, after } of changes) {
      const parentKind = resourceOf(kind).seenThrough?.kind;
      if (parentKind === undefined) continue;
      for (const id of [parentIdOf(kind, before), parentIdOf(kind, after)]) {
        if (id === null || unchanged.has(id)) continue;
        const row = view.get(parentKind, id) as Row | null;
        if (row === null || row.revision > revision) later.push(id);
        unchanged.set(id, row);
      }
    }
    if (later.length > 0) for (const [id, row] of await store.rowsAt(revision, later)) unchanged.set(id, row);
    return new PastSharing(changes, unchanged, await childrenOf(store, view, changes));
  }

  /** Objects as they were right before the revision. */
  before(revision: number): Parents {
    return (_kind, id) => this.#rowAt(id, revision - 1);
  }

  /** Objects as they were with the revision. */
  after(revision: number): Parents {
    return (_kind, id) => this.#rowAt(id, revision);
  }

  /** What referred to the object of the change right after it, which shares it or does so no longer: rows of now, and those that were deleted since. */
  childrenAt({ kind }: Dependent, change: ChangeLogRow): readonly Row[] {
    return this.#children.get(change)?.get(kind) ?? [];
  }

  #rowAt(id: string, revision: number): Row | null {
    const changes = this.#changes.get(id) ?? [];
    const next = changes.find(change => change.revision > revision);
    if (next !== undefined) return next.before;
    const last = changes.at(-1);
    return last === undefined ? (this.#unchanged.get(id) ?? null) : last.after;
  }
}

/** By kind. */
type Children = ReadonlyMap<Kind, readonly Row[]>;

/** Whether the change says anew with whom the object is shared. */
function sharesAnew({ before, after }: ChangeLogRow): boolean {
  const [was, is] = [before, after] as readonly (OwnedRow | null)[];
  if (was === null || is === null || was === undefined || is === undefined) return false;
  return was.projectId !== is.projectId || !structurallyEqual(was.sharedWith, is.sharedWith);
}

/** What was there with each change of sharing. Of a row that has changed since, the log knows whether it was; times of several clocks do not tell. */
async function childrenOf(
  store: Pick<Store, 'rowsAt'>,
  view: NetworkView,
  changes: readonly ChangeLogRow[],
): Promise<ReadonlyMap<ChangeLogRow, Children>> {
  const children = new Map<ChangeLogRow, Children>();
  for (const change of changes) {
    const kindsSeen = dependentsOf(change.kind);
    if (kindsSeen.length === 0 || !sharesAnew(change)) continue;
    const found = kindsSeen.map(
      ({ kind, field }) =>
        [
          kind,
          [...(view.by(kind, field as never, change.id) as readonly Row[]), ...goneSince(changes, change, kind)],
        ] as const,
    );
    const doubtful = found.flatMap(([, rows]) => rows.flatMap(row => (row.revision > change.revision ? [row.id] : [])));
    const then = doubtful.length === 0 ? nothing : await store.rowsAt(change.revision, doubtful);
    const wasThere = (row: Row): boolean => row.revision <= change.revision || (then.get(row.id) ?? null) !== null;
    children.set(change, new Map(found.map(([kind, rows]) => [kind, rows.filter(wasThere)])));
  }
  return children;
}

const nothing: ReadonlyMap<string, Row | null> = new Map();

/** Rows of the kind that referred to the object of the change, and were deleted since. */
function goneSince(changes: readonly ChangeLogRow[], { id, revision }: ChangeLogRow, kind: Kind): readonly Row[] {
  return changes.flatMap(change =>
    change.kind === kind &&
    change.after === null &&
    change.revision > revision &&
    parentIdOf(kind, change.before) === id
      ? [change.before as Row]
      : [],
  );
}

function append(lists: Map<string, ChangeLogRow[]>, key: string, change: ChangeLogRow): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [change]);
  else list.push(change);
}
