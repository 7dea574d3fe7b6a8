import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Page } from '../../src/store/reading.js';
import type { Transaction } from '../../src/store/store.js';
import { context, describeOnBoth } from '../fixtures/stores.js';
import { create, newSwitch, refused, subnetsOf } from './network-writes.js';

describeOnBoth('Objects in the store', store => {
  const write = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
    store()
      .write(context, work)
      .then(({ result }) => result);

  it('are created with defaults, numbers and the revision of their write', async () => {
    const { revision, result } = await store().write(context, tx =>
      tx.create('logical-switches', { name: 'a', labels: { team: 'x' }, project_id: 'p' }),
    );
    assert.equal(result.outcome, 'created');
    assert.equal(result.row.revision, revision);
    const read = await store().get('logical-switches', result.row.id);
    assert.deepEqual(read.row, result.row);
    assert.ok(result.row.datapathKey > 0 && result.row.number > 0);
    assert.match(result.row.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  it('may be created again with the same content, and only with that', async () => {
    const id = randomUUID();
    const body = { id, name: 'twice', subnets: [{ cidr: '10.1.0.0/24' }] };
    const first = await store().write(context, tx => tx.create('logical-switches', body));
    const second = await store().write(context, tx => tx.create('logical-switches', body));
    assert.equal(second.result.outcome, 'unchanged');
    assert.deepEqual(second.result.row, first.result.row);
    await refused(
      'id_in_use',
      '/id',
      write(tx => tx.create('logical-switches', { ...body, name: 'other' })),
    );
    const port = { id: randomUUID(), name: 'p', logical_switch_id: id, ips: ['10.1.0.9'] };
    const made = await write(tx => tx.create('logical-switch-ports', port));
    assert.equal((await write(tx => tx.create('logical-switch-ports', port))).outcome, 'unchanged');
    const withAllocated = { ...port, mac: made.row.mac };
    assert.equal((await write(tx => tx.create('logical-switch-ports', withAllocated))).outcome, 'unchanged');
    await refused(
      'id_in_use',
      '/id',
      write(tx => tx.create('logical-switch-ports', { ...port, ips: ['10.1.0.8'] })),
    );
  });

  it('are replaced, and patched by RFC 7396', async () => {
    const id = randomUUID();
    const replace = (body: object) => write(tx => tx.replace('logical-switches', id, body));
    assert.equal((await replace({ name: 'a', mtu: 1400 })).outcome, 'created');
    assert.equal((await replace({ name: 'a', mtu: 1400 })).outcome, 'unchanged');
    assert.equal((await replace({ name: 'b' })).row.mtu, null);
    const merge = (patch: object) => write(tx => tx.merge('logical-switches', id, patch));
    assert.deepEqual((await merge({ labels: { a: '1', b: '2' } })).row.labels, { a: '1', b: '2' });
    assert.deepEqual((await merge({ labels: { a: null } })).row.labels, { b: '2' });
    assert.equal((await merge({ mtu: 1300 })).row.mtu, 1300);
    assert.equal((await merge({ mtu: null })).row.mtu, null);
    await refused('missing_member', '/name', merge({ name: null }));
    await refused('unknown_member', '/colour', merge({ colour: 'red' }));
    await refused(
      'not_found',
      undefined,
      write(tx => tx.merge('logical-switches', randomUUID(), {})),
    );
  });

  it('make no revision when nothing changes', async () => {
    const row = await create(store(), 'logical-routers', { name: 'r' });
    const revision = await store().currentRevision();
    const again = await store().write(context, tx => tx.merge('logical-routers', row.id, { enabled: true }));
    assert.equal(again.revision, revision);
    const there = await store().write(context, async tx => {
      await tx.merge('logical-routers', row.id, { enabled: false });
      await tx.merge('logical-routers', row.id, { enabled: true });
    });
    assert.equal(there.revision, revision);
    assert.equal(await store().currentRevision(), revision);
  });

  it('are written together or not at all', async () => {
    const revision = await store().currentRevision();
    const id = randomUUID();
    await refused(
      'reference_not_found',
      '/logical_switch_id',
      write(async tx => {
        await tx.create('logical-switches', { id, name: 'a' });
        await tx.create('logical-switch-ports', { name: 'p', logical_switch_id: randomUUID() });
      }),
    );
    assert.equal((await store().get('logical-switches', id)).row, null);
    assert.equal(await store().currentRevision(), revision);
  });

  it('may be deleted and made anew under their id in one transaction', async () => {
    const row = await create(store(), 'logical-routers', { name: 'old' });
    const { row: anew } = await write(async tx => {
      await tx.delete('logical-routers', row.id);
      return tx.create('logical-routers', { id: row.id, name: 'new' });
    });
    assert.notEqual(anew.number, row.number);
    assert.deepEqual((await store().get('logical-routers', row.id)).row, anew);
  });

  it('keep to the revision that a write names', async () => {
    const row = await create(store(), 'logical-routers', { name: 'r' });
    await write(tx => tx.merge('logical-routers', row.id, { name: 's' }, { ifRevision: row.revision }));
    await refused(
      'revision_mismatch',
      undefined,
      write(tx => tx.delete('logical-routers', row.id, { ifRevision: row.revision })),
    );
    await refused(
      'revision_mismatch',
      undefined,
      write(tx => tx.replace('logical-routers', randomUUID(), { name: 'x' }, { ifRevision: 1 })),
    );
  });

  it('are paged in the order of their ids and filtered', async () => {
    const project = randomUUID();
    for (let index = 0; index < 5; index += 1)
      await create(store(), 'logical-routers', {
        name: `r${index % 2}`,
        project_id: project,
        labels: { n: String(index) },
      });
    const seen: string[] = [];
    for (let after: string | null = ''; after !== null; ) {
      const page: Page<'logical-routers'> = await store().list('logical-routers', {
        filters: { projectId: project },
        limit: 2,
        ...(after ? { after } : {}),
      });
      seen.push(...page.rows.map(row => row.id));
      after = page.next;
    }
    assert.equal(seen.length, 5);
    assert.deepEqual(seen, seen.toSorted());
    const named = await store().list('logical-routers', { filters: { projectId: project, name: 'r1' }, limit: 10 });
    assert.equal(named.rows.length, 2);
    const labelled = await store().list('logical-routers', {
      filters: { projectId: project },
      labels: { n: '3' },
      limit: 10,
    });
    assert.equal(labelled.rows.length, 1);
    assert.equal(labelled.revision, await store().currentRevision());
  });

  it('are seen by their tenant alone', async () => {
    const tenant = { ...context, projectId: 'tenant-a' };
    const { result } = await store().write(tenant, tx => tx.create('logical-routers', { name: 'r' }));
    assert.equal(result.row.projectId, 'tenant-a');
    const other = { ...context, projectId: 'tenant-b' };
    const foreign = { name: 'rp', logical_router_id: result.row.id, networks: ['10.0.0.1/24'] };
    await refused(
      'reference_not_found',
      '/logical_router_id',
      store().write(other, tx => tx.create('logical-router-ports', foreign)),
    );
    await refused(
      'not_found',
      undefined,
      store().write(other, tx => tx.delete('logical-routers', result.row.id)),
    );
    await refused(
      'forbidden',
      '/project_id',
      store().write(other, tx => tx.create('logical-routers', { name: 'r', project_id: 'tenant-a' })),
    );
    await refused(
      'id_in_use',
      '/id',
      store().write(other, tx => tx.create('logical-routers', { id: result.row.id, name: 'r' })),
    );
  });

  it('accept what they show, and refuse other values of read-only members', async () => {
    const id = await newSwitch(store(), '10.2.0.0/24');
    const { row } = await store().get('logical-switches', id);
    const [subnet] = await subnetsOf(store(), id);
    assert.ok(row !== null && subnet !== undefined);
    const shown = {
      id,
      name: row.name,
      mtu: 1450,
      effective_mtu: 1450,
      created_at: row.createdAt,
      revision: row.revision,
    };
    const replaced = await write(tx => tx.replace('logical-switches', id, shown));
    assert.equal(replaced.outcome, 'unchanged');
    await refused(
      'read_only',
      '/revision',
      write(tx => tx.merge('logical-switches', id, { revision: 1 })),
    );
    await refused(
      'read_only',
      '/subnets',
      write(tx => tx.merge('logical-switches', id, { subnets: [] })),
    );
    await refused(
      'immutable',
      '/cidr',
      write(tx => tx.merge('subnets', subnet.id, { cidr: '10.3.0.0/24' })),
    );
  });

  it('are deleted together in as many round trips, however many they are', async () => {
    const askedFor = (): number =>
      [...store().databaseWork()].reduce(
        (sum, { purpose, roundTrips }) => sum + (purpose === 'write' ? roundTrips : 0),
        0,
      );
    const deletion = async (ports: number, isBySwitch: boolean): Promise<number> => {
      const id = await newSwitch(store(), '10.7.0.0/24');
      const made = await write(async tx => {
        const rows: string[] = [];
        for (let count = 0; count < ports; count += 1)
          rows.push((await tx.create('logical-switch-ports', { name: 'vm', logical_switch_id: id })).row.id);
        return rows;
      });
      const targets = [...made.map(port => ['logical-switch-ports', port] as const), ['logical-switches', id] as const]
        .map(([kind, target]) => ({ kind, id: target, value: undefined }))
        .slice(isBySwitch ? -1 : 0);
      const before = askedFor();
      await write(async tx => {
        await tx.prepare(targets);
        for (const { kind, id: target } of targets) await tx.delete(kind, target, { cascade: true });
      });
      return askedFor() - before;
    };
    for (const isBySwitch of [false, true])
      assert.equal(
        await deletion(12, isBySwitch),
        await deletion(2, isBySwitch),
        isBySwitch ? 'by the switch' : 'each',
      );
  });
});
