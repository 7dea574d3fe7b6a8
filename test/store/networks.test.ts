import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { WeftError } from '../../src/base/errors.js';
import type { Kind, RowOf } from '../../src/model/index.js';
import type { WritableKind } from '../../src/model/kinds.js';
import type { Page } from '../../src/store/reading.js';
import type { Store, Transaction } from '../../src/store/store.js';
import { context, describeOnBoth } from '../fixtures/stores.js';

async function create<K extends WritableKind>(store: Store, kind: K, body: unknown): Promise<RowOf<K>> {
  const { result } = await store.write(context, tx => tx.create(kind, body));
  return result.row;
}

async function newSwitch(store: Store, ...cidrs: string[]): Promise<string> {
  const row = await create(store, 'logical-switches', { name: 'switch', subnets: cidrs.map(cidr => ({ cidr })) });
  return row.id;
}

async function refused(code: string, pointer: string | undefined, work: Promise<unknown>): Promise<WeftError> {
  try {
    await work;
  } catch (error) {
    const failure = error as WeftError;
    assert.deepEqual([failure.code, failure.pointer], [code, pointer], failure.message);
    return failure;
  }
  return assert.fail(`not refused as ${code}`);
}

async function subnetsOf(store: Store, switchId: string): Promise<readonly RowOf<'subnets'>[]> {
  return (await store.list('subnets', { filters: { logicalSwitchId: switchId }, limit: 100 })).rows;
}

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
});

describeOnBoth('Addresses', store => {
  const write = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
    store()
      .write(context, work)
      .then(({ result }) => result);
  const port = (switchId: string, more: object = {}) =>
    create(store(), 'logical-switch-ports', { name: 'p', logical_switch_id: switchId, ...more });

  it('are allocated in order, one of each family, and EUI-64 in a /64', async () => {
    const id = await newSwitch(store(), '10.0.0.0/29', 'fd00:1::/64', '10.1.0.0/24');
    const first = await port(id, { mac: '0A:00:00:00:00:01' });
    assert.deepEqual(
      first.ips.map(({ ip }) => ip),
      ['10.0.0.2', 'fd00:1::800:ff:fe00:1'],
    );
    assert.equal(first.mac, '0a:00:00:00:00:01');
    const v4 = [];
    for (let index = 0; index < 6; index += 1) v4.push((await port(id)).ips[0]?.ip);
    // The first address goes last; then the next subnet of the family.
    assert.deepEqual(v4, ['10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.1', '10.1.0.2']);
  });

  it('are taken from pools, gateways left out, and run out', async () => {
    const id = await newSwitch(store());
    const pools = [
      { start: '10.0.0.10', end: '10.0.0.11' },
      { start: '10.0.0.5', end: '10.0.0.5' },
    ];
    await create(store(), 'subnets', {
      logical_switch_id: id,
      cidr: '10.0.0.0/24',
      gateway_ip: '10.0.0.1',
      allocation_pools: pools,
    });
    const ips = [];
    for (let index = 0; index < 3; index += 1) ips.push((await port(id)).ips[0]?.ip);
    assert.deepEqual(ips, ['10.0.0.5', '10.0.0.10', '10.0.0.11']);
    await refused('addresses_exhausted', '/ips', port(id));
    await refused('addresses_exhausted', '/ips/0', port(id, { ips: [{}] }));
  });

  it('are given again after they were freed, but not at once', async () => {
    const id = await newSwitch(store(), '10.0.0.0/24');
    const a = await port(id);
    await write(tx => tx.delete('logical-switch-ports', a.id));
    assert.equal((await port(id)).ips[0]?.ip, '10.0.0.3');
    assert.equal((await port(id, { ips: ['10.0.0.2'] })).ips[0]?.ip, '10.0.0.2');
  });

  it('may be asked for in every form', async () => {
    const id = await newSwitch(store(), '10.0.0.0/24', '10.1.0.0/24', 'fd00::/64');
    const second = (await subnetsOf(store(), id)).find(subnet => subnet.cidr === '10.1.0.0/24')?.id ?? '';
    const row = await port(id, { ips: ['10.0.0.7', { ip: 'FD00::0:5' }, { subnet_id: second }] });
    assert.deepEqual(
      row.ips.map(({ ip }) => ip),
      ['10.0.0.7', 'fd00::5', '10.1.0.2'],
    );
    assert.deepEqual((await port(id, { ips: [] })).ips, []);
    const kept = await write(tx => tx.merge('logical-switch-ports', row.id, { name: 'q' }));
    assert.deepEqual(kept.row.ips, row.ips);
  });

  it('follow the MAC where they are made of it', async () => {
    const id = await newSwitch(store(), 'fd00:2::/64');
    const row = await port(id, { mac: '0a:00:00:00:00:01' });
    const moved = await write(tx =>
      tx.replace('logical-switch-ports', row.id, { name: 'p', logical_switch_id: id, mac: '0a:00:00:00:00:02' }),
    );
    assert.deepEqual(
      moved.row.ips.map(({ ip }) => ip),
      ['fd00:2::800:ff:fe00:2'],
    );
  });

  it('belong to one port of a logical switch', async () => {
    const id = await newSwitch(store(), '10.0.0.0/24', 'fd00::/64');
    const row = await port(id, { mac: '0a:00:00:00:00:01', ips: ['10.0.0.5'] });
    const failure = await refused('address_in_use', '/ips/0', port(id, { ips: ['10.0.0.5'] }));
    assert.deepEqual(failure.related, [{ kind: 'logical-switch-ports', id: row.id }]);
    await refused('mac_in_use', '/mac', port(id, { mac: '0a:00:00:00:00:01' }));
    await refused(
      'address_in_use',
      '/ips/1',
      write(async tx => {
        await tx.create('logical-switch-ports', { name: 'a', logical_switch_id: id, ips: ['10.0.0.6'] });
        await tx.create('logical-switch-ports', { name: 'b', logical_switch_id: id, ips: ['10.0.0.7', '10.0.0.6'] });
      }),
    );
    const elsewhere = await newSwitch(store(), '10.0.0.0/24');
    assert.equal((await port(elsewhere, { mac: row.mac, ips: ['10.0.0.5'] })).mac, row.mac);
  });

  it('pass from one port to another within a transaction', async () => {
    const id = await newSwitch(store(), '10.0.0.0/24');
    const row = await port(id, { ips: ['10.0.0.5'], mac: '0a:00:00:00:00:01' });
    const { outcome } = await write(async tx => {
      await tx.delete('logical-switch-ports', row.id);
      return tx.create('logical-switch-ports', { name: 'n', logical_switch_id: id, ips: ['10.0.0.5'], mac: row.mac });
    });
    assert.equal(outcome, 'created');
  });

  it('of a subnet are what a deletion asks about', async () => {
    const id = await newSwitch(store(), '10.0.0.0/24', '10.1.0.0/24');
    const [subnet] = await subnetsOf(store(), id);
    assert.ok(subnet);
    const row = await port(id);
    await refused(
      'in_use',
      undefined,
      write(tx => tx.delete('subnets', subnet.id)),
    );
    await write(tx => tx.delete('subnets', subnet.id, { cascade: true }));
    const left = await store().get('logical-switch-ports', row.id);
    assert.deepEqual(left.row?.ips, []);
    assert.equal((await subnetsOf(store(), id)).length, 1);
  });
});

describeOnBoth('Routers', store => {
  const write = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
    store()
      .write(context, work)
      .then(({ result }) => result);
  const router = () => create(store(), 'logical-routers', { name: 'r' });
  const port = (body: object) => create(store(), 'logical-router-ports', { name: 'rp', ...body });
  const find = async <K extends Kind>(kind: K, id: string) => (await store().get(kind, id)).row;

  it('stand on logical switches with the addresses of their subnets', async () => {
    const switchId = await newSwitch(store(), '10.0.0.0/24');
    const { id } = await router();
    const row = await port({ logical_router_id: id, logical_switch_id: switchId, networks: ['10.0.0.1/24'] });
    assert.ok(row.switchPortKey !== null && row.portKey > 0);
    const workload = { name: 'p', logical_switch_id: switchId };
    await refused(
      'address_in_use',
      '/ips/0',
      write(tx => tx.create('logical-switch-ports', { ...workload, ips: ['10.0.0.1'] })),
    );
    const allocated = await create(store(), 'logical-switch-ports', workload);
    assert.notEqual(allocated.portKey, row.switchPortKey);
    const second = await router();
    const on = { logical_router_id: second.id, logical_switch_id: switchId };
    await refused('address_in_use', '/networks/0', port({ ...on, networks: ['10.0.0.1/24'] }));
    await refused('mac_in_use', '/mac', port({ ...on, networks: ['10.0.0.9/24'], mac: row.mac }));
    await refused('network_outside_subnets', '/networks/0', port({ ...on, networks: ['10.0.1.1/24'] }));
    await refused('network_outside_subnets', '/networks/0', port({ ...on, networks: ['10.0.0.9/25'] }));
    await refused('network_overlap', '/networks/0', port({ logical_router_id: id, networks: ['10.0.0.7/16'] }));
    await refused(
      'in_use',
      undefined,
      write(tx => tx.delete('logical-switches', switchId)),
    );
    const [subnet] = await subnetsOf(store(), switchId);
    await refused(
      'in_use',
      undefined,
      write(tx => tx.delete('subnets', subnet?.id ?? '')),
    );
  });

  it('are joined by peers, whichever side says so', async () => {
    const [a, b, c] = [await router(), await router(), await router()];
    const left = await port({ logical_router_id: a.id, networks: ['10.9.0.1/30'] });
    const right = await port({ logical_router_id: b.id, networks: ['10.9.0.2/30'], peer_id: left.id });
    assert.equal((await find('logical-router-ports', left.id))?.peerId, right.id);
    const third = { logical_router_id: c.id, networks: ['10.9.4.1/30'], peer_id: left.id };
    await refused('peer_conflict', '/peer_id', port(third));
    await refused(
      'address_in_use',
      '/networks/0',
      port({ ...third, peer_id: left.id, networks: ['10.9.0.1/30'] }).catch(async () => {
        const free = await port({ logical_router_id: b.id, networks: ['10.8.0.1/30'] });
        return port({ ...third, peer_id: free.id, networks: ['10.8.0.1/30'] });
      }),
    );
    await write(tx => tx.delete('logical-router-ports', left.id));
    assert.equal((await find('logical-router-ports', right.id))?.peerId, null);
  });

  it('may be joined by two ports that name each other in one transaction', async () => {
    const [a, b] = [await router(), await router()];
    const [left, right] = [randomUUID(), randomUUID()];
    await write(async tx => {
      const side = { name: 'x', logical_router_id: a.id, networks: ['10.9.0.1/30'], peer_id: right };
      await tx.create('logical-router-ports', { ...side, id: left });
      await tx.create('logical-router-ports', {
        ...side,
        logical_router_id: b.id,
        networks: ['10.9.0.2/30'],
        peer_id: left,
        id: right,
      });
    });
    assert.equal((await find('logical-router-ports', left))?.peerId, right);
    assert.equal((await find('logical-router-ports', right))?.peerId, left);
    await write(tx => tx.merge('logical-router-ports', right, { peer_id: null }));
    assert.equal((await find('logical-router-ports', left))?.peerId, null);
    const dangling = await refused(
      'reference_not_found',
      '/peer_id',
      write(tx => tx.merge('logical-router-ports', right, { peer_id: randomUUID() })),
    );
    assert.equal(dangling.operation, 0);
  });

  it('route to next hops that they can reach', async () => {
    const { id } = await router();
    const row = await port({ logical_router_id: id, networks: ['10.0.0.1/24', 'fd00::1/64'] });
    const route = (body: object) => create(store(), 'static-routes', { logical_router_id: id, ...body });
    const kept = await route({ destination: '0.0.0.0/0', next_hop: '10.0.0.254' });
    await route({ destination: '0.0.0.0/0', next_hop: '10.0.0.253' });
    await route({ destination: '192.0.2.0/24', discard: true });
    await refused('route_in_use', '/destination', route({ destination: '0.0.0.0/0', next_hop: '10.0.0.254' }));
    await refused('contradiction', '/discard', route({ destination: '0.0.0.0/0', discard: true }));
    await refused(
      'contradiction',
      '/next_hop',
      route({ destination: '10.9.0.0/24', discard: true, next_hop: '10.0.0.2' }),
    );
    await refused('missing_member', '/next_hop', route({ destination: '10.9.0.0/24' }));
    await refused('next_hop_unreachable', '/next_hop', route({ destination: '10.9.0.0/24', next_hop: '10.1.0.1' }));
    await refused('next_hop_unreachable', '/next_hop', route({ destination: '10.9.0.0/24', next_hop: '10.0.0.1' }));
    await refused('family_mismatch', '/next_hop', route({ destination: '10.9.0.0/24', next_hop: 'fd00::2' }));
    await refused('invalid_value', '/destination', route({ destination: '10.9.0.1/24', next_hop: '10.0.0.2' }));
    const lost = write(tx => tx.merge('logical-router-ports', row.id, { networks: ['10.1.0.1/24'] }));
    await refused('in_use', '/networks', lost);
    await refused(
      'in_use',
      undefined,
      write(tx => tx.delete('logical-router-ports', row.id)),
    );
    await write(tx => tx.delete('logical-router-ports', row.id, { cascade: true }));
    assert.equal(await find('static-routes', kept.id), null);
    await write(tx => tx.delete('logical-routers', id, { cascade: true }));
  });

  it('go with all that depends on them, and leave nothing claimed', async () => {
    const switchId = await newSwitch(store(), '10.0.0.0/24');
    const { id } = await router();
    await port({ logical_router_id: id, logical_switch_id: switchId, networks: ['10.0.0.1/24'] });
    await create(store(), 'static-routes', { logical_router_id: id, destination: '0.0.0.0/0', next_hop: '10.0.0.9' });
    await create(store(), 'logical-switch-ports', { name: 'p', logical_switch_id: switchId, ips: ['10.0.0.9'] });
    const failure = await refused(
      'in_use',
      undefined,
      write(tx => tx.delete('logical-routers', id)),
    );
    assert.ok(failure.related.length > 0);
    await write(tx => tx.delete('logical-switches', switchId, { cascade: true }));
    const left = await store().list('logical-router-ports', { filters: { logicalRouterId: id }, limit: 5 });
    assert.equal(left.rows.length, 0);
    await write(tx => tx.delete('logical-routers', id, { cascade: true }));
  });
});
