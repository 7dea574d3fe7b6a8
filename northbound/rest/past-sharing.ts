/**
 * How objects were shared when a logged change was made. What is seen through another object (a subnet through its logical switch) is
 * told to whom that one was shared with then, which may be others than now.
 */
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
  readonly #view: NetworkView;
  /** Changes of such objects, in order, by their ids. */
  readonly #changes = new Map<string, ChangeLogRow[]>();
  /** Deletions of what is seen through one, by its id. */
  readonly #deletions = new Map<string, ChangeLogRow[]>();
  /** Those that did not change meanwhile, as they were all the while. */
  readonly #unchanged: ReadonlyMap<string, Row | null>;

  private constructor(view: NetworkView, changes: readonly ChangeLogRow[], unchanged: ReadonlyMap<string, Row | null>) {
    this.#view = view;
    this.#unchanged = unchanged;
    for (const change of changes) {
      if (dependentsOf(change.kind).length > 0) append(this.#changes, change.id, change);
      const parentId = change.after === null ? parentIdOf(change.kind, change.before) : null;
      if (parentId !== null) append(this.#deletions, parentId, change);
    }
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
    return new PastSharing(view, changes, unchanged);
  }

  /** Objects as they were right before the revision. */
  before(revision: number): Parents {
    return (_kind, id) => this.#rowAt(id, revision - 1);
  }

  /** Objects as they were with the revision. */
  after(revision: number): Parents {
    return (_kind, id) => this.#rowAt(id, revision);
  }

  /** What referred to the object of the change right after it: rows of now, and those that were deleted since. */
  childrenAt({ kind, field }: Dependent, { id, revision, at }: ChangeLogRow): readonly Row[] {
    const now = this.#view.by(kind, field as never, id) as readonly Row[];
    const gone = (this.#deletions.get(id) ?? []).flatMap(change =>
      change.kind === kind && change.revision > revision && change.before !== null ? [change.before as Row] : [],
    );
    return [...now, ...gone].filter(row => row.revision <= revision || row.createdAt <= at);
  }

  #rowAt(id: string, revision: number): Row | null {
    const changes = this.#changes.get(id) ?? [];
    const next = changes.find(change => change.revision > revision);
    if (next !== undefined) return next.before;
    const last = changes.at(-1);
    return last === undefined ? (this.#unchanged.get(id) ?? null) : last.after;
  }
}

function append(lists: Map<string, ChangeLogRow[]>, key: string, change: ChangeLogRow): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [change]);
  else list.push(change);
}
