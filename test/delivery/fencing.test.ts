/** A switch that has seen a newer term than the lease: it is left alone until the lease is above it. */
import assert from 'node:assert/strict';
import { fakeSwitch } from '../fakes/fake-switch.js';
import { fragment, FragmentSource, makeFleet, onHypervisor, openSwitch, until } from './support.js';

describe('a fenced hypervisor', () => {
  it('waits for a newer term, however often it is nudged meanwhile', async () => {
    const switchSeen = fakeSwitch();
    const earlier = await openSwitch(switchSeen.connect());
    await earlier.claimRole(9n);
    earlier.close('gone');

    const fencedBy: (bigint | null)[] = [];
    const fleet = makeFleet({ fenced: (_, currentTerm) => fencedBy.push(currentTerm) });
    const source = new FragmentSource();
    fleet.addHypervisor('a', 'hv-a');
    const target = await openSwitch(switchSeen.connect());
    fleet.connect('a', { target, database: () => ({ kind: 'ready' }), openVswitchVersion: null });
    await until('it is fenced', () => fleet.status('a')?.state === 'fenced');

    // Its database, its peers and every delta nudge it; none of them may keep the process from doing anything else.
    fleet.databaseChanged('a');
    fleet.apply(source.change([fragment(1, { scope: onHypervisor('a') })]));
    await new Promise(resolve => setTimeout(resolve, 5));
    fleet.databaseChanged('a');
    await new Promise(resolve => setTimeout(resolve, 5));
    assert.equal(fleet.status('a')?.state, 'fenced');
    assert.deepEqual(fencedBy, [9n]);

    fleet.setTerm(10n);
    await until('it is current', () => fleet.convergence.isApplied(1));
    fleet.close();
  });
});
