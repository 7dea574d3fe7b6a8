import assert from 'node:assert/strict';
import { nextAuditAtMs } from '../../src/delivery/audit-schedule.js';

describe('the schedule of audits', () => {
  it('spreads a fleet that came back all at once over the interval, each once in it', () => {
    const intervalMs = 1_000_000;
    const seconds = new Map<number, number>();
    for (let n = 0; n < 1_000; n += 1) {
      const id = `0190c0de-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
      const first = nextAuditAtMs(id, 5_000, intervalMs);
      assert.ok(first >= 5_000 + intervalMs / 2 && first <= 5_000 + 1.5 * intervalMs);
      const second = nextAuditAtMs(id, first + 3_000, intervalMs);
      assert.ok(Math.abs(second - first - intervalMs) < 1e-3, 'the next one is an interval later');
      const slot = Math.floor(first / 10_000);
      seconds.set(slot, (seconds.get(slot) ?? 0) + 1);
    }
    // A hundred slots of ten on average.
    assert.ok(Math.max(...seconds.values()) <= 30, `at most ${Math.max(...seconds.values())} in ten seconds`);
  });
});
