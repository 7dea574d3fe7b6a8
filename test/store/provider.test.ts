/** Logical switches that are part of physical networks, in the store: numbers of networks, VLANs that are taken, MTU. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { WeftError } from '../../src/base/errors.js';
import type { RowOf } from '../../src/model/index.js';
import { context, describeOnBoth } from '../fixtures/stores.js';

describeOnBoth('Physical networks in the store', store => {
  /** A name that no other test has. */
  const network = (): string => `net-${randomUUID().slice(0, 8)}`;

  const create = async (provider: unknown, mtu: number | null = null): Promise<RowOf<'logical-switches'>> =>
    (await store().write(context, tx => tx.create('logical-switches', { name: 's', provider, mtu }))).result.row;
  const merge = async (id: string, body: unknown): Promise<RowOf<'logical-switches'>> =>
    (await store().write(context, tx => tx.merge('logical-switches', id, body))).result.row;

  async function refused(code: string, pointer: string | undefined, work: Promise<unknown>): Promise<void> {
    await assert.rejects(work, (error: unknown) => {
      const failure = error as WeftError;
      assert.deepEqual([failure.code, failure.pointer], [code, pointer], failure.message);
      return true;
    });
  }

  it('have one number each, however many switches are part of them, also at the same moment', async () => {
    const names = [network(), network()];
    const rows = await Promise.all(
      names.flatMap(name => [1, 2, 3, null].map(vlan => create({ physical_network: name, vlan }))),
    );
    const keys = names.map(
      name => new Set(rows.filter(row => row.provider?.physicalNetwork === name).map(row => row.physicalNetworkKey)),
    );
    assert.deepEqual(
      keys.map(({ size }) => size),
      [1, 1],
    );
    assert.notDeepEqual(keys[0], keys[1]);
    const first = rows[0];
    assert.ok(first !== undefined);
    // The number stays with the name when nobody is part of it, for hosts may still have its flows.
    for (const { id } of rows) await store().write(context, tx => tx.delete('logical-switches', id));
    const again = await create({ physical_network: names[0], vlan: 9 });
    assert.equal(again.physicalNetworkKey, first.physicalNetworkKey);
  });

  it('give each VLAN to one switch', async () => {
    const [name, other] = [network(), network()];
    const tagged = await create({ physical_network: name, vlan: 100 });
    const flat = await create({ physical_network: name });
    assert.deepEqual(flat.provider, { physicalNetwork: name, vlan: null });
    await refused('segment_in_use', '/provider', create({ physical_network: name, vlan: 100 }));
    await refused('segment_in_use', '/provider', create({ physical_network: name }));
    await create({ physical_network: other, vlan: 100 });
    await refused('segment_in_use', '/provider', merge(flat.id, { provider: { physical_network: name, vlan: 100 } }));
    await merge(tagged.id, { provider: { vlan: 101 } });
    assert.equal((await merge(flat.id, { provider: { vlan: 100 } })).provider?.vlan, 100);
    const left = await merge(flat.id, { provider: null });
    assert.deepEqual([left.provider, left.physicalNetworkKey], [null, null]);
    await create({ physical_network: name, vlan: 100 });
  });

  it('may carry more than the underlay, and their switches cannot when they leave', async () => {
    const jumbo = await create({ physical_network: network() }, 9000);
    assert.equal(jumbo.mtu, 9000);
    await refused('mtu_too_large', '/mtu', merge(jumbo.id, { provider: null }));
    assert.equal((await merge(jumbo.id, { provider: null, mtu: 1400 })).mtu, 1400);
  });

  it('are where a router has its gateway, and keep it until asked to let it go', async () => {
    const overlay = await create(null);
    const outside = await create({ physical_network: network() });
    const gateway = { logical_switch_id: outside.id };
    const make = (value: unknown): Promise<RowOf<'logical-routers'>> =>
      store()
        .write(context, tx => tx.create('logical-routers', { name: 'r', gateway: value }))
        .then(({ result }) => result.row);
    await refused('contradiction', '/gateway/logical_switch_id', make({ logical_switch_id: overlay.id }));
    await refused('reference_not_found', '/gateway/logical_switch_id', make({ logical_switch_id: randomUUID() }));
    const router = await make(gateway);
    assert.deepEqual(router.gateway, { logicalSwitchId: outside.id, hypervisors: null });
    const remove = (cascade: boolean): Promise<unknown> =>
      store().write(context, tx => tx.delete('logical-switches', outside.id, { cascade }));
    await refused('in_use', undefined, remove(false));
    await remove(true);
    const again = await store().write(context, tx => tx.merge('logical-routers', router.id, { enabled: false }));
    assert.deepEqual([again.result.row.gateway, again.result.row.gatewaySwitchId], [null, null]);
  });
});
