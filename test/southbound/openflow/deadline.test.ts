import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { deadline } from '../../../southbound/openflow/deadline.js';
import { ManualClock } from '../../fakes/manual-clock.js';

/** A clock that can stand still: timers that fall due meanwhile are called only afterwards. */
class PausingClock extends ManualClock {
  private pausedMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.pausedMs;
  }

  pause(ms: number): void {
    this.pausedMs += ms;
  }
}

describe('a deadline', () => {
  it('comes after its delay, and not when it is cancelled', () => {
    const clock = new ManualClock();
    const called: string[] = [];
    deadline(clock, 100, () => called.push('kept'));
    const cancel = deadline(clock, 100, () => called.push('cancelled'));
    clock.advance(99);
    assert.equal(called.length, 0);
    cancel();
    clock.advance(1);
    assert.deepEqual(called, ['kept']);
    assert.equal(clock.pending, 0);
  });

  it('lets what has arrived be read first', () => {
    const clock = new ManualClock();
    let cancel: () => void = () => undefined;
    let isCalled = false;
    clock.after(100, () => clock.after(0, () => cancel()));
    cancel = deadline(clock, 100, () => {
      isCalled = true;
    });
    clock.advance(200);
    assert.ok(!isCalled);
  });

  it('is given anew when the process itself stood still', () => {
    const clock = new PausingClock();
    let isCalled = false;
    deadline(clock, 100, () => {
      isCalled = true;
    });
    clock.pause(5000);
    clock.advance(199);
    assert.ok(!isCalled);
    clock.advance(1);
    assert.ok(isCalled);
  });
});
