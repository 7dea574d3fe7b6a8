/** Ports behind other ports, in the store: tags that are taken, what cannot be a parent, and where sub-ports are bound. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Hypervisor, LogicalSwitchPort, PortBinding } from '../../src/model/index.js';
import type { ReportedInterface } from '../../src/store/inventory.js';
import type { Transaction } from '../../src/store/store.js';
import { context, describeOnBoth } from '../fixtures/stores.js';
import { create, newSwitch, refused } from './network-writes.js';

let ofport = 0;

function claimOf(ifaceId: string): ReportedInterface {
  ofport += 1;
  return { uuid: randomUUID(), name: `tap${ofport}`, ifaceId, ofport };
}

describeOnBoth('Sub-ports', store => {
  const write = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
    store()
      .write(context, work)
      .then(({ result }) => result);
  const newPort = async (more: object = {}): Promise<LogicalSwitchPort> =>
    create(store(), 'logical-switch-ports', {
      name: `p-${randomUUID().slice(0, 8)}`,
      logical_switch_id: await newSwitch(store()),
      ...more,
    });
  const under = (parent: LogicalSwitchPort, vlan: number) => ({ parent: { port_id: parent.id, vlan } });
  const merge = async (port: LogicalSwitchPort, body: object): Promise<LogicalSwitchPort> =>
    (await write(tx => tx.merge('logical-switch-ports', port.id, body))).row;
  const remove = (port: LogicalSwitchPort, cascade = false): Promise<unknown> =>
    write(tx => tx.delete('logical-switch-ports', port.id, { cascade }));
  const find = async (port: LogicalSwitchPort) => (await store().get('logical-switch-ports', port.id)).row;
  const join = async (): Promise<Hypervisor> => {
    const registered = await store().registerHypervisor({
      systemId: randomUUID(),
      encapIp: '192.0.2.1',
      encapTypes: ['geneve'],
      underlayMtu: 1500,
      bridge: 'br-int',
      datapathType: 'netdev',
    });
    assert.ok(registered.kind === 'accepted');
    return registered.hypervisor;
  };
  const bindingOf = async (port: LogicalSwitchPort): Promise<PortBinding | null> => {
    const { rows } = await store().list('port-bindings', { filters: { logicalSwitchPortId: port.id }, limit: 2 });
    assert.ok(rows.length <= 1);
    return rows[0] ?? null;
  };
  /** Hypervisor and ofport of each. */
  const placesOf = async (...ports: readonly LogicalSwitchPort[]): Promise<readonly (string | null)[]> => {
    const bindings = await Promise.all(ports.map(bindingOf));
    return bindings.map(binding => (binding === null ? null : `${binding.hypervisorId} ${binding.ofport}`));
  };
  const at = (host: Hypervisor, claim: ReportedInterface): string => `${host.id} ${claim.ofport}`;

  it('have a tag that no other sub-port of the parent has, until they are detached', async () => {
    const [parent, other] = [await newPort(), await newPort()];
    const first = await newPort(under(parent, 100));
    assert.deepEqual([first.parent, first.parentId], [{ portId: parent.id, vlan: 100 }, parent.id]);
    await refused('vlan_in_use', '/parent/vlan', newPort(under(parent, 100)));
    const second = await newPort(under(parent, 101));
    await newPort(under(other, 100));
    await refused('vlan_in_use', '/parent/vlan', merge(second, under(parent, 100)));
    await merge(first, { parent: { vlan: 102 } });
    assert.equal((await merge(second, { parent: { vlan: 100 } })).parent?.vlan, 100);
    assert.deepEqual((await merge(second, { parent: null })).parentId, null);
    await newPort(under(parent, 100));
    const both = await Promise.allSettled([newPort(under(parent, 200)), newPort(under(parent, 200))]);
    assert.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  });

  it('are behind one port, and nothing is behind them', async () => {
    const [parent, other] = [await newPort(), await newPort()];
    const sub = await newPort(under(parent, 100));
    await refused('contradiction', '/parent/port_id', newPort(under(sub, 100)));
    await refused('contradiction', '/parent', merge(parent, under(other, 100)));
    await refused('contradiction', '/parent/port_id', merge(other, under(other, 100)));
    await refused('contradiction', '/parent/port_id', merge(other, under(sub, 100)));
    // Two that would stand behind each other: one of them is late.
    const [left, right] = [await newPort(), await newPort()];
    const crossed = await Promise.allSettled([merge(left, under(right, 1)), merge(right, under(left, 1))]);
    assert.deepEqual(crossed.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  });

  it('keep their parent from being deleted, and are detached with cascade', async () => {
    const parent = await newPort();
    const sub = await newPort(under(parent, 100));
    await refused('in_use', undefined, remove(parent));
    await remove(parent, true);
    assert.equal((await find(sub))?.parent, null);
    await remove(sub);
    const gone = await newPort();
    await remove(await newPort(under(gone, 100)));
    await remove(gone);
    await refused('reference_not_found', '/parent/port_id', newPort(under(gone, 100)));
  });

  it('belong to the project of their parent', async () => {
    const mine = { ...context, projectId: 'mine' };
    const logicalSwitchId = (await store().write(mine, tx => tx.create('logical-switches', { name: 's' }))).result.row
      .id;
    const foreign = await newPort({ project_id: 'others' });
    const body = { name: 'sub', logical_switch_id: logicalSwitchId };
    const make = (parent: string) =>
      store().write(mine, tx => tx.create('logical-switch-ports', { ...body, parent: { port_id: parent, vlan: 1 } }));
    await refused('reference_not_found', '/parent/port_id', make(foreign.id));
    const own = (await store().write(mine, tx => tx.create('logical-switch-ports', body))).result.row;
    assert.equal((await make(own.id)).result.row.parentId, own.id);
  });

  it('are where their parent is, and follow it', async () => {
    const [first, second, parent] = [await join(), await join(), await newPort()];
    const [before, never] = [await newPort(under(parent, 100)), await newPort(under(await newPort(), 100))];
    const claim = claimOf(parent.id);
    await store().recordInventory(first.id, [claim]);
    const after = await newPort(under(parent, 101));
    const here = at(first, claim);
    assert.deepEqual(await placesOf(parent, before, after, never), [here, here, here, null]);
    const zones = await Promise.all([parent, before, after].map(bindingOf));
    assert.equal(new Set(zones.map(binding => binding?.ctZone)).size, 3, 'each has a conntrack zone of its own');
    const moved = claimOf(parent.id);
    await store().recordInventory(second.id, [moved]);
    const there = at(second, moved);
    assert.deepEqual(await placesOf(parent, before, after), [there, there, there]);
    await merge(parent, { hypervisor: first.name });
    assert.deepEqual(await placesOf(parent, before, after), [here, here, here]);
    await store().recordInventory(first.id, []);
    await store().recordInventory(second.id, []);
    assert.deepEqual(await placesOf(parent, before, after), [null, null, null]);
  });

  it('are bound by name as their parent is, and where an interface names them they are not', async () => {
    const [host, parent] = [await join(), await newPort()];
    const sub = await newPort(under(parent, 100));
    const byName = claimOf(parent.name);
    await store().recordInventory(host.id, [byName, claimOf(sub.id)]);
    assert.deepEqual(await placesOf(parent, sub), [at(host, byName), at(host, byName)]);
    const namesake = await newPort({ name: parent.name });
    assert.deepEqual(await placesOf(parent, sub, namesake), [null, null, null]);
    await remove(namesake);
    assert.deepEqual(await placesOf(parent, sub), [at(host, byName), at(host, byName)]);
    assert.match((await store().bindingReason(sub)) ?? '', /sub-port/);
  });

  it('become ports of their own when they are detached, and change over with another parent', async () => {
    const [host, parent, other, port] = [await join(), await newPort(), await newPort(), await newPort()];
    const [claim, ofOther, own] = [claimOf(parent.id), claimOf(other.id), claimOf(port.id)];
    await store().recordInventory(host.id, [claim, ofOther, own]);
    assert.deepEqual(await placesOf(port), [at(host, own)]);
    await merge(port, under(parent, 100));
    assert.deepEqual(await placesOf(port, parent), [at(host, claim), at(host, claim)]);
    await merge(port, under(other, 100));
    assert.deepEqual(await placesOf(port), [at(host, ofOther)]);
    await merge(port, { parent: null });
    assert.deepEqual(await placesOf(port), [at(host, own)]);
    await merge(port, under(parent, 100));
    await remove(parent, true);
    assert.deepEqual(await placesOf(port), [at(host, own)]);
  });

  it('find their parent also where both are made in one transaction, whose interface is there', async () => {
    const [host, id, subId] = [await join(), randomUUID(), randomUUID()];
    const claim = claimOf(id);
    await store().recordInventory(host.id, [claim]);
    const body = { name: 'p', logical_switch_id: await newSwitch(store()) };
    const [parent, sub] = await write(async tx => [
      (await tx.create('logical-switch-ports', { ...body, id })).row,
      (await tx.create('logical-switch-ports', { ...body, id: subId, parent: { port_id: id, vlan: 7 } })).row,
    ]);
    assert.ok(parent !== undefined && sub !== undefined);
    assert.deepEqual(await placesOf(parent, sub), [at(host, claim), at(host, claim)]);
    await write(async tx => {
      await tx.delete('logical-switch-ports', subId);
      await tx.delete('logical-switch-ports', id);
    });
    assert.deepEqual(await placesOf(parent, sub), [null, null]);
  });

  it('are not behind a local port, which is on every hypervisor that claims it', async () => {
    const local = { addresses: ['169.254.169.254', 'fe80::a9fe:a9fe'] };
    const logicalSwitchId = await newSwitch(store(), '10.0.0.0/24');
    const port = await newPort({ local, logical_switch_id: logicalSwitchId, ips: ['10.0.0.2'] });
    const same = newPort({ local, logical_switch_id: logicalSwitchId });
    await refused('address_in_use', '/local/addresses/0', same);
    await newPort({ local });
    await refused('contradiction', '/parent/port_id', newPort(under(port, 100)));
    await refused('immutable', '/local', merge(port, { local: { addresses: [] } }));
    const [first, second] = [await join(), await join()];
    const [here, there] = [claimOf(port.id), claimOf(port.id)];
    await store().recordInventory(first.id, [here]);
    await store().recordInventory(second.id, [there]);
    const places = async (): Promise<readonly string[]> => {
      const { rows } = await store().list('port-bindings', { filters: { logicalSwitchPortId: port.id }, limit: 9 });
      return rows.map(row => `${row.hypervisorId} ${row.ofport}`).toSorted();
    };
    assert.deepEqual(await places(), [at(first, here), at(second, there)].toSorted());
    const newer = claimOf(port.id);
    await store().recordInventory(first.id, [here, newer]);
    assert.deepEqual(await places(), [at(first, newer), at(second, there)].toSorted(), 'one on each host, the newest');
    await store().recordInventory(first.id, []);
    assert.deepEqual(await places(), [at(second, there)]);
    await merge(port, { name: 'renamed' });
    assert.deepEqual(await places(), [at(second, there)]);
    await remove(port);
    assert.deepEqual(await places(), []);
  });
});
