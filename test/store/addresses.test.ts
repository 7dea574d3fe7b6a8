import assert from 'node:assert/strict';
import type { Transaction } from '../../src/store/store.js';
import { context, describeOnBoth } from '../fixtures/stores.js';
import { create, newSwitch, refused, subnetsOf } from './network-writes.js';

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
    // One more of a subnet, beside the one that is named; and none but what was there.
    const more = [{ ip: '10.1.0.2' }, { subnet_id: second }];
    const grown = await write(tx => tx.merge('logical-switch-ports', row.id, { ips: more }));
    assert.deepEqual(
      grown.row.ips.map(({ ip }) => ip),
      ['10.1.0.2', '10.1.0.3'],
    );
    const shrunk = await write(tx => tx.merge('logical-switch-ports', row.id, { ips: [{ subnet_id: second }] }));
    assert.equal(shrunk.row.ips.length, 1);
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

  it('that move are of nobody else, and of the port that has announced them last', async () => {
    const id = await newSwitch(store(), '10.0.0.0/29');
    const [first, second, other] = [await port(id), await port(id), await port(id)];
    const moving = { logical_switch_id: id, ip: '10.0.0.6', logical_switch_port_ids: [first.id, second.id] };
    const row = await create(store(), 'virtual-addresses', moving);
    assert.equal(row.holderId, null);
    await refused('address_in_use', '/ips/0', port(id, { ips: ['10.0.0.6'] }));
    await refused('address_in_use', '/ip', create(store(), 'virtual-addresses', moving));
    // Of those that are free, the allocation leaves it out.
    assert.notEqual((await port(id)).ips[0]?.ip, '10.0.0.6');
    const holderOf = async () => (await store().get('virtual-addresses', row.id)).row?.holderId;
    const announce = (portId: string) => store().recordHolders([{ virtualAddressId: row.id, portId }]);
    await announce(first.id);
    assert.equal(await holderOf(), first.id);
    const revision = await store().currentRevision();
    await announce(first.id);
    await announce(other.id);
    assert.equal(await store().currentRevision(), revision);
    await announce(second.id);
    assert.equal(await holderOf(), second.id);
    await write(tx => tx.merge('virtual-addresses', row.id, { logical_switch_port_ids: [first.id] }));
    assert.equal(await holderOf(), null);
    const elsewhere = await port(await newSwitch(store(), '10.0.0.0/29'));
    await refused(
      'contradiction',
      '/logical_switch_port_ids/0',
      write(tx => tx.merge('virtual-addresses', row.id, { logical_switch_port_ids: [elsewhere.id] })),
    );
    await write(tx => tx.delete('logical-switches', id, { cascade: true }));
    assert.equal(await holderOf(), undefined);
  });
});
