import assert from 'node:assert/strict';
import { context, describeOnBoth } from '../fixtures/stores.js';

describeOnBoth('The change log', store => {
  it('has the row before and after, who, when and in which order', async () => {
    const since = await store().currentRevision();
    const made = await store().write({ actor: 'ada', source: 'rest' }, tx =>
      tx.create('logical-switches', { name: 's', subnets: [{ cidr: '10.0.0.0/24' }] }),
    );
    const { row } = made.result;
    const port = await store().write(context, tx =>
      tx.create('logical-switch-ports', { name: 'p', logical_switch_id: row.id }),
    );
    await store().write(context, tx => tx.merge('logical-switches', row.id, { mtu: 1400 }));
    await store().write(context, tx => tx.delete('logical-switches', row.id, { cascade: true }));
    const read = await store().changesSince(since, 100);
    assert.ok(typeof read !== 'string');
    const told = read.changes.map(({ revision, seq, kind, operation, by }) => [
      revision - since,
      seq,
      kind,
      operation,
      by,
    ]);
    assert.deepEqual(told, [
      [1, 0, 'logical-switches', 'create', 'ada'],
      [1, 1, 'subnets', 'create', 'ada'],
      [2, 0, 'logical-switch-ports', 'create', 'tester'],
      [3, 0, 'logical-switches', 'update', 'tester'],
      [4, 0, 'logical-switches', 'delete', 'tester'],
      [4, 1, 'subnets', 'delete', 'tester'],
      [4, 2, 'logical-switch-ports', 'delete', 'tester'],
    ]);
    const [first, , created, update, removal] = read.changes;
    assert.deepEqual([first?.before, first?.after], [null, row]);
    assert.deepEqual(created?.after, port.result.row);
    assert.deepEqual(update?.before, row);
    assert.deepEqual(removal?.before, update?.after);
    assert.equal(removal?.after, null);
    assert.equal(update?.after?.revision, since + 3);
    assert.equal(read.revision, since + 4);
    const record = await store().revision(since + 1);
    assert.equal(record?.by, 'ada');
    assert.equal(record?.source, 'rest');
    assert.equal(record?.changes, 2);
    assert.equal(record?.at, first?.at);
    assert.ok(record !== null && record.check > 0 && record.check < 2 ** 24);
    assert.equal((await store().changesOf(since + 4)).length, 3);
  });

  it('is read in whole revisions, as many as asked for', async () => {
    const since = await store().currentRevision();
    for (let index = 0; index < 5; index += 1)
      await store().write(context, tx => tx.create('logical-routers', { name: `r${index}` }));
    const part = await store().changesSince(since + 1, 3);
    assert.ok(typeof part !== 'string');
    assert.deepEqual(
      part.changes.map(change => change.revision),
      [since + 2, since + 3, since + 4],
    );
    assert.equal(part.revision, since + 4);
    const none = await store().changesSince(since + 5, 3);
    assert.deepEqual(none, { revision: since + 5, changes: [] });
  });

  it('is read in fewer revisions where they are large, one at least', async () => {
    const since = await store().currentRevision();
    const body = { name: 's', subnets: [{ cidr: '10.0.0.0/24' }, { cidr: '10.0.1.0/24' }] };
    for (let made = 0; made < 3; made += 1) {
      await store().write(context, tx => tx.create('logical-switches', body));
    }
    const lastOf = async (limitRows: number, from = since): Promise<number> => {
      const read = await store().changesSince(from, 100, { limitRows });
      assert.ok(typeof read !== 'string');
      assert.equal(read.changes.length, (read.revision - from) * 3);
      return read.revision - since;
    };
    assert.deepEqual([await lastOf(1), await lastOf(3), await lastOf(4), await lastOf(100)], [1, 1, 2, 3]);
    assert.equal(await lastOf(1, since + 3), 3);
  });

  it('says when it does not reach back that far, or the reader is ahead of it', async () => {
    for (let index = 0; index < 4; index += 1)
      await store().write(context, tx => tx.create('logical-routers', { name: 'r' }));
    const head = await store().currentRevision();
    const floor = await store().trimChangeLog(2);
    assert.equal(floor, head - 2);
    assert.equal(await store().changesSince(floor - 1, 10), 'trimmed');
    const rest = await store().changesSince(floor, 10);
    assert.ok(typeof rest !== 'string' && rest.changes.length === 2);
    assert.equal(await store().changesSince(head + 1, 10), 'rewound');
    assert.equal(await store().revision(floor), null);
    assert.equal(await store().trimChangeLog(100), floor);
  });

  it('and a snapshot come to the same', async () => {
    const before = await store().snapshot();
    const { result } = await store().write(context, tx =>
      tx.create('logical-switches', { name: 's', subnets: [{ cidr: '10.0.0.0/24' }], labels: { a: 'b' } }),
    );
    await store().write(context, tx =>
      tx.create('logical-switch-ports', { name: 'p', logical_switch_id: result.row.id }),
    );
    const after = await store().snapshot();
    const read = await store().changesSince(before.revision, 100);
    assert.ok(typeof read !== 'string');
    assert.equal(after.revision, read.revision);
    for (const change of read.changes) {
      const rows: readonly { readonly id: string }[] = after.rows[change.kind];
      assert.deepEqual(
        rows.find(row => row.id === change.id),
        change.after,
      );
    }
  });
});
