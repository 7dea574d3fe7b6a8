/** What a subscriber is told of one row of the log. */
import { resourceOf, type RowOf } from '../../src/model/index.js';
import type { ChangeLogRow } from '../../src/store/change-log.js';
import type { NetworkState } from './network-state.js';
import { dependentsOf, type PastSharing } from './past-sharing.js';
import type { Sight } from './sight.js';
import type { WatchEvent } from './watch.js';

type State = Pick<NetworkState, 'view' | 'represent'>;

/** The change as whoever sees it is told of it: usually one event; none where it is not for him. */
export function eventsOf(
  state: State,
  sharing: PastSharing,
  change: ChangeLogRow,
  sight: Sight,
): readonly WatchEvent[] {
  if (change.kind === 'port-bindings') return bindingEvent(state, change, sight);
  const { kind, id, revision } = change;
  if (!resourceOf(kind).exposed) return [];
  // What is shared from now on appears to the reader, and what no longer is disappears.
  const before = change.before !== null && sight.sees(kind, change.before, sharing.before(revision));
  const after = change.after !== null && sight.sees(kind, change.after, sharing.after(revision)) ? change.after : null;
  const own: WatchEvent[] = [];
  if (sight.reads(kind)) {
    if (after !== null)
      own.push({ kind, operation: before ? 'updated' : 'created', id, object: state.represent(kind, after, sight) });
    else if (before) own.push({ kind, operation: 'deleted', id, object: null });
  }
  const isShared = change.before !== null && change.after !== null && before !== (after !== null);
  return isShared ? [...own, ...dependentEvents(state, sharing, change, sight, after !== null)] : own;
}

/** A binding is not an object of its own in REST: it shows as a change of its port's status. */
function bindingEvent(state: State, change: ChangeLogRow<'port-bindings'>, sight: Sight): readonly WatchEvent[] {
  const kind = 'logical-switch-ports';
  const id = (change.after ?? change.before)?.logicalSwitchPortId ?? '';
  const port = state.view.get(kind, id) as RowOf<typeof kind> | null;
  if (port === null || !sight.reads(kind) || !sight.sees(kind, port)) return [];
  return [{ kind, operation: 'updated', id, object: state.represent(kind, port, sight) }];
}

/** What is seen through an object comes and goes with it. */
function dependentEvents(
  state: State,
  sharing: PastSharing,
  change: ChangeLogRow,
  sight: Sight,
  isSeenNow: boolean,
): readonly WatchEvent[] {
  const { revision } = change;
  const parents = isSeenNow ? sharing.after(revision) : sharing.before(revision);
  return dependentsOf(change.kind).flatMap(dependent => {
    const { kind } = dependent;
    if (!sight.reads(kind)) return [];
    const shown = sharing.childrenAt(dependent, change).filter(row => {
      const isSeenAnyway = sight.sees(kind, row, isSeenNow ? sharing.before(revision) : sharing.after(revision));
      return sight.sees(kind, row, parents) && !isSeenAnyway;
    });
    if (!isSeenNow) return shown.map(({ id }): WatchEvent => ({ kind, operation: 'deleted', id, object: null }));
    // One that has changed since is told of by that change.
    return shown
      .filter(row => row.revision <= revision)
      .map(
        (row): WatchEvent => ({ kind, operation: 'created', id: row.id, object: state.represent(kind, row, sight) }),
      );
  });
}
