/** Reads wait for what this process has acknowledged, and not for what the database does not know any more. */
import assert from 'node:assert/strict';
import { NetworkState, type FleetStatus } from '../../../northbound/rest/network-state.js';
import { WeftError } from '../../../src/base/errors.js';
import { kinds } from '../../../src/model/kinds.js';
import { NetworkView, type Snapshot } from '../../../src/view/network-view.js';
import { ManualClock } from '../../fakes/manual-clock.js';

const snapshot = (revision: number): Snapshot => ({
  revision,
  rows: Object.fromEntries(kinds.map(kind => [kind, []])) as unknown as Snapshot['rows'],
});

describe('the state that REST reads', () => {
  it('waits for what was acknowledged, until the database goes back behind it', async () => {
    const clock = new ManualClock();
    const view = new NetworkView();
    const state = new NetworkState(view, {} as FleetStatus, clock, 1500);
    const move = (revision: number): void => {
      view.replace(snapshot(revision));
      state.viewMoved();
    };
    move(9);
    state.acknowledged(10);
    const tooEarly = assert.rejects(
      state.reach(0),
      (error: unknown) => error instanceof WeftError && error.code === 'revision_not_reached',
    );
    clock.advance(60_000);
    await tooEarly;
    move(10);
    await state.reach(0);
    // An older copy took the database's place: revisions 8 to 10 are unknown to it.
    move(7);
    await state.reach(0);
    state.acknowledged(8);
    const reached = state.reach(0);
    move(8);
    await reached;
  });
});
