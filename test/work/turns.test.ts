/**
 * However large a revision is, it keeps the process for so much work and no more before the lease, the switches and those who ask get
 * their turn: counted in units of the compiler, not in time.
 */
import assert from 'node:assert/strict';
import { unitsATurn } from '../../src/compiler/compiler.js';
import { type Kind, kinds } from '../../src/model/index.js';
import type { RowAfter, Snapshot } from '../../src/view/network-view.js';
import { MeasuredController } from './measured-controller.js';
import { workNetwork } from './work-network.js';

/** What has to be written to come from the one to the other. */
function between(before: Snapshot, after: Snapshot): readonly RowAfter<Kind>[] {
  return kinds.flatMap(kind => {
    const there = new Set<string>(before.rows[kind].map(({ id }) => id));
    return after.rows[kind]
      .filter(({ id }) => !there.has(id))
      .map(row => ({ kind, id: row.id, after: row }) as unknown as RowAfter<Kind>);
  });
}

describe('A large revision', function () {
  this.timeout(300_000);

  it('is compiled a bounded number of units at a time', async () => {
    const small = workNetwork(0);
    const controller = new MeasuredController(small);
    await controller.start();
    let most = 0;
    let turns = 0;
    let before = controller.size.unitsRun;
    let isOver = false;
    const look = (): void => {
      const { unitsRun } = controller.size;
      if (unitsRun > before) turns += 1;
      most = Math.max(most, unitsRun - before);
      before = unitsRun;
      if (!isOver) setImmediate(look);
    };
    setImmediate(look);
    const { unitsRun } = await controller.commit(between(small, workNetwork(1_000)));
    isOver = true;
    controller.stop();
    assert.ok(unitsRun > 10 * unitsATurn, `${unitsRun} units`);
    assert.ok(most <= unitsATurn, `${most} units in one turn`);
    assert.equal(turns, Math.ceil(unitsRun / unitsATurn));
  });
});
