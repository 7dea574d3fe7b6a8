import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Kind } from '../../src/model/index.js';
import type { Transaction } from '../../src/store/store.js';
import { context, describeOnBoth } from '../fixtures/stores.js';
import { create, newSwitch, refused, subnetsOf } from './network-writes.js';

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

  it('have policies of which one decides, with next hops that they can reach', async () => {
    const { id } = await router();
    const on = { logical_router_id: id, logical_switch_id: await newSwitch(store()) };
    const row = await port({ ...on, networks: ['10.0.0.1/24', 'fd00::1/64'] });
    const policy = (body: object) =>
      create(store(), 'policy-routes', { logical_router_id: id, priority: 100, action: 'drop', ...body });
    const alone = (body: object) => refused('policy_route_in_use', '/priority', policy(body));
    const tcp = { source: '10.1.0.0/16', protocol: 'tcp', port_min: 80, port_max: 90 };
    const kept = await policy(tcp);
    // Whatever tells them apart, as long as no packet is both.
    await policy({ ...tcp, source: '10.2.0.0/16' });
    await policy({ ...tcp, protocol: 'udp' });
    await policy({ ...tcp, port_min: 91, port_max: 99 });
    await policy({ ...tcp, source: 'fd00:1::/64' });
    await policy({ ...tcp, priority: 101, source: '10.1.0.0/24' });
    await alone(tcp);
    await alone({ ...tcp, source: '10.1.2.0/24' });
    await alone({ ...tcp, source: null });
    await alone({ ...tcp, protocol: null, port_min: null, port_max: null });
    await alone({ ...tcp, port_min: 90, port_max: 95 });
    await alone({ ...tcp, mark: { value: 1 } });
    const marked = { priority: 7, mark: { value: 0x10, mask: 0xf0 } };
    await policy(marked);
    await policy({ ...marked, mark: { value: 0x20, mask: 0xf0 } });
    await alone({ ...marked, mark: { value: 0x1, mask: 0xf } });
    await refused(
      'policy_route_in_use',
      '/priority',
      write(tx => tx.merge('policy-routes', kept.id, { priority: 101 })),
    );
    await write(tx => tx.merge('policy-routes', kept.id, { action: 'allow', priority: 102 }));

    const rerouting = { priority: 200, action: 'reroute', next_hops: ['10.0.0.9', '10.0.0.8'] };
    const rerouted = await policy({ ...rerouting, source: '10.3.0.0/16' });
    const lost = write(tx => tx.merge('logical-router-ports', row.id, { networks: ['10.1.0.1/24'] }));
    assert.deepEqual((await refused('in_use', '/networks', lost)).related, [
      { kind: 'policy-routes', id: rerouted.id },
    ]);
    const neighbour = { logical_router_port_id: row.id, ip: '10.0.0.9', mac: '02:00:00:00:00:09' };
    const known = await create(store(), 'static-neighbours', neighbour);
    const joined = await port({ logical_router_id: id, networks: ['10.4.0.1/24'] });
    await write(tx => tx.delete('logical-router-ports', row.id, { cascade: true }));
    assert.equal(await find('policy-routes', rerouted.id), null);
    assert.equal(await find('static-neighbours', known.id), null);
    assert.notEqual(await find('policy-routes', kept.id), null);
    assert.notEqual(await find('logical-router-ports', joined.id), null);
    await write(tx => tx.delete('logical-routers', id, { cascade: true }));
    assert.equal(await find('policy-routes', kept.id), null);
  });

  it('watch neighbours on logical switches, and know of each what was found last', async () => {
    const { id } = await router();
    const logicalSwitchId = await newSwitch(store(), '10.0.0.0/24');
    const on = { logical_router_id: id, logical_switch_id: logicalSwitchId };
    const row = await port({ ...on, networks: ['10.0.0.1/24'] });
    const link = await port({ logical_router_id: id, networks: ['10.9.0.1/30'] });
    const watch = (logical_router_port_id: string, ip: string) =>
      create(store(), 'bfd-sessions', { logical_router_port_id, ip });
    await refused('contradiction', '/logical_router_port_id', watch(link.id, '10.9.0.2'));
    const session = await watch(row.id, '10.0.0.9');
    assert.equal(session.finding, null);
    const other = await watch(row.id, '10.0.0.8');
    const found = async () => (await find('bfd-sessions', session.id))?.finding;
    const record = (isUp: boolean) =>
      store().recordBfd([
        { sessionId: session.id, isUp, diagnostic: isUp ? 0 : 1 },
        { sessionId: randomUUID(), isUp, diagnostic: 0 },
      ]);
    await record(true);
    assert.equal((await found())?.isUp, true);
    const revision = await store().currentRevision();
    await record(true);
    assert.equal(await store().currentRevision(), revision);
    await record(false);
    const dead = await found();
    assert.deepEqual([dead?.isUp, dead?.diagnostic], [false, 1]);
    // Other times change nothing of it; that it is not wanted does.
    const merge = (body: object) => write(tx => tx.merge('bfd-sessions', session.id, body));
    await merge({ min_rx_ms: 300 });
    assert.deepEqual(await found(), dead);
    await merge({ enabled: false });
    await record(false);
    assert.equal(await found(), null);
    await write(tx => tx.delete('logical-router-ports', row.id, { cascade: true }));
    assert.equal(await find('bfd-sessions', other.id), null);
    await write(tx => tx.delete('logical-routers', id, { cascade: true }));
  });

  it('send nothing by a mark to next hops that are behind their gateway', async () => {
    const outside = await create(store(), 'logical-switches', {
      name: 'o',
      provider: { physical_network: 'physnet7' },
    });
    const gateway = { logical_switch_id: outside.id };
    const { id } = await create(store(), 'logical-routers', { name: 'edge', gateway });
    await port({ logical_router_id: id, logical_switch_id: outside.id, networks: ['203.0.113.1/24'] });
    const rerouting = { logical_router_id: id, priority: 1, action: 'reroute', next_hops: ['203.0.113.254'] };
    const marked = create(store(), 'policy-routes', { ...rerouting, mark: { value: 1 } });
    await refused('contradiction', '/next_hops/0', marked);
    await create(store(), 'policy-routes', rerouting);
    // Nor do those share with others: the gateway chooses once more.
    const inside = await newSwitch(store(), '10.0.0.0/24');
    await port({ logical_router_id: id, logical_switch_id: inside, networks: ['10.0.0.1/24'] });
    const shared = { ...rerouting, priority: 2, next_hops: ['203.0.113.253', '10.0.0.9'] };
    await refused('contradiction', '/next_hops', create(store(), 'policy-routes', shared));
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
