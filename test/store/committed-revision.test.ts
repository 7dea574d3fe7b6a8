import assert from 'node:assert/strict';
import type { CommittedRevision } from '../../src/store/committed-revision.js';
import { context, describeOnBoth } from '../fixtures/stores.js';

describeOnBoth('What a commit tells this process', store => {
  it('is what the log has, to the order of members', async () => {
    const told: CommittedRevision[] = [];
    const stop = store().onCommit(committed => {
      if (committed !== null) told.push(committed);
    });
    const since = await store().currentRevision();
    const labels = { zone: 'b', a: 'x', longer: 'y', B: 'z' };
    const made = await store().write(context, tx =>
      tx.create('logical-switches', { labels, name: 's', subnets: [{ cidr: '10.0.0.0/24', gateway_ip: '10.0.0.1' }] }),
    );
    const { id } = made.result.row;
    const port = await store().write(context, tx =>
      tx.create('logical-switch-ports', {
        name: 'p',
        logical_switch_id: id,
        allowed_addresses: [{ mac: '0a:00:00:00:00:01', cidr: '10.9.0.0/16' }, { cidr: '10.8.0.0/16' }],
      }),
    );
    const registered = await store().registerHypervisor({
      systemId: `told-${id}`,
      encapIp: '192.0.2.1',
      encapTypes: ['geneve', 'vxlan'],
      underlayMtu: 1500,
      bridge: 'br-int',
      datapathType: 'system',
    });
    assert.ok(registered.kind === 'accepted');
    await store().recordInventory(registered.hypervisor.id, [
      { uuid: id, name: 'tap', ifaceId: port.result.row.id, ofport: 7 },
    ]);
    await store().write(context, tx => tx.merge('logical-switches', id, { labels: { q: 'r', ...labels } }));
    await store().write(context, tx => tx.delete('logical-switches', id, { cascade: true }));
    stop();
    const read = await store().changesSince(since, 100);
    assert.ok(typeof read !== 'string');
    const changes = told.flatMap(each => each.changes);
    assert.deepEqual(changes, read.changes);
    assert.equal(JSON.stringify(changes), JSON.stringify(read.changes));
    assert.ok(changes.some(change => change.kind === 'port-bindings'));
    let previous: CommittedRevision | null = null;
    for (const each of told) {
      assert.equal(each.check, (await store().revision(each.revision))?.check);
      if (previous !== null) assert.equal(each.previousCheck, previous.check);
      previous = each;
    }
  });
});
