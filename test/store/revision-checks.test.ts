import assert from 'node:assert/strict';
import { kinds } from '../../src/model/index.js';
import type { Changes } from '../../src/store/change-log.js';
import type { RowsByKind, Snapshot } from '../../src/store/reading.js';
import { RevisionChecks, type RevisionSource } from '../../src/store/revision-checks.js';

const noRows = Object.fromEntries(kinds.map(kind => [kind, []])) as unknown as RowsByKind;

/** A source whose revision N has the check 7N, and which says what it is told to. */
class FakeSource implements RevisionSource {
  snapshotRevision = 0;
  upTo = 0;
  isTrimmed = false;
  async snapshot(): Promise<Snapshot> {
    return { revision: this.snapshotRevision, check: this.snapshotRevision * 7, rows: noRows };
  }
  async changesSince(revision: number): Promise<Changes | 'trimmed'> {
    if (this.isTrimmed) return 'trimmed';
    const changes = Array.from({ length: this.upTo - revision }, (_, index) => ({
      revision: revision + index + 1,
      check: (revision + index + 1) * 7,
    }));
    return { revision: this.upTo, changes } as unknown as Changes;
  }
}

describe('The checks of revisions', () => {
  it('are those that the feed has read, and 0 for any other', async () => {
    const source = new FakeSource();
    const checks = new RevisionChecks(source);
    assert.equal(checks.checkOf(5), 0);
    source.snapshotRevision = 5;
    assert.equal((await checks.snapshot()).revision, 5);
    source.upTo = 8;
    const read = await checks.changesSince(5, 100);
    assert.ok(typeof read !== 'string' && read.revision === 8);
    assert.deepEqual(
      [4, 5, 6, 8, 9].map(each => checks.checkOf(each)),
      [0, 35, 42, 56, 0],
    );
  });

  it('are forgotten when a snapshot is read: another life of the database may have had these numbers', async () => {
    const source = new FakeSource();
    const checks = new RevisionChecks(source);
    source.upTo = 9;
    await checks.changesSince(0, 100);
    source.snapshotRevision = 3;
    await checks.snapshot();
    assert.deepEqual(
      [3, 9].map(each => checks.checkOf(each)),
      [21, 0],
    );
  });

  it('are kept for the newest revisions only', async () => {
    const source = new FakeSource();
    const checks = new RevisionChecks(source);
    source.upTo = 10_000;
    await checks.changesSince(0, 10_000);
    assert.equal(checks.checkOf(10_000), 70_000);
    assert.equal(checks.checkOf(10_000 - 4_095), (10_000 - 4_095) * 7);
    assert.equal(checks.checkOf(10_000 - 4_096), 0);
  });

  it('pass on that the log was trimmed', async () => {
    const source = new FakeSource();
    source.isTrimmed = true;
    assert.equal(await new RevisionChecks(source).changesSince(1, 1), 'trimmed');
  });
});
