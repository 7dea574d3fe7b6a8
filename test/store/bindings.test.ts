import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Hypervisor, LogicalSwitchPort, PortBinding } from '../../src/model/index.js';
import type { ReportedInterface } from '../../src/store/inventory.js';
import { context, describeOnBoth } from '../fixtures/stores.js';

let ofport = 0;

function claimOf(ifaceId: string): ReportedInterface {
  ofport += 1;
  return { uuid: randomUUID(), name: `tap${ofport}`, ifaceId, ofport };
}

describeOnBoth('Bindings', store => {
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
  const newPort = async (more: object = {}): Promise<LogicalSwitchPort> => {
    const made = await store().write(context, tx => tx.create('logical-switches', { name: 's' }));
    const body = { name: `port-${randomUUID().slice(0, 8)}-x`, logical_switch_id: made.result.row.id, ...more };
    return (await store().write(context, tx => tx.create('logical-switch-ports', body))).result.row;
  };
  const bindingOf = async (port: LogicalSwitchPort): Promise<PortBinding | null> => {
    const { rows } = await store().list('port-bindings', { filters: { logicalSwitchPortId: port.id }, limit: 2 });
    return rows[0] ?? null;
  };
  const placeOf = async (port: LogicalSwitchPort): Promise<string | null> =>
    (await bindingOf(port))?.hypervisorId ?? null;

  it('follow what a hypervisor reports, and make no revision when it reports the same', async () => {
    const [host, port] = [await join(), await newPort()];
    const claim = claimOf(port.id);
    const revision = await store().recordInventory(host.id, [claim]);
    const binding = await bindingOf(port);
    assert.deepEqual(
      [binding?.hypervisorId, binding?.interfaceName, binding?.interfaceUuid, binding?.ofport, binding?.reason],
      [host.id, claim.name, claim.uuid, claim.ofport, null],
    );
    assert.equal(binding?.revision, revision);
    assert.equal(await store().recordInventory(host.id, [claim]), revision);
    await store().recordInventory(host.id, [{ ...claim, ofport: 999 }]);
    assert.equal((await bindingOf(port))?.ofport, 999);
    await store().recordInventory(host.id, []);
    assert.equal(await bindingOf(port), null);
    assert.match((await store().bindingReason(port)) ?? '', /no hypervisor/);
  });

  it('of one host are not held up by what another says', async () => {
    const [host, strange, port] = [await join(), await join(), await newPort()];
    const [claim, twice] = [claimOf(port.id), claimOf(randomUUID())];
    const reports = new Map([
      [host.id, [claim, claim]],
      [
        strange.id,
        [{ ...twice, name: 'tap\ud800' }, { ...claimOf('\udc00'), name: 'x' }, twice, { ...twice, ofport: 7 }],
      ],
    ]);
    await store().recordInventories(reports);
    assert.equal(await placeOf(port), host.id);
  });

  it('follow what a host says has changed, and keep what it does not mention', async () => {
    const [host, stays, goes, comes] = [await join(), await newPort(), await newPort(), await newPort()];
    const [held, lost] = [claimOf(stays.id), claimOf(goes.id)];
    const record = (changed: readonly (typeof held)[], gone: readonly string[]) =>
      store().recordInventories(new Map([[host.id, { changed, gone }]]));
    await store().recordInventory(host.id, [held, lost]);
    const places = async () => [await placeOf(stays), await placeOf(goes), await placeOf(comes)];
    assert.deepEqual(await places(), [host.id, host.id, null]);
    const taken = claimOf(comes.id);
    await record([taken], [lost.uuid]);
    assert.deepEqual(await places(), [host.id, null, host.id]);
    await record([{ ...taken, ifaceId: goes.id }], []);
    assert.deepEqual(await places(), [host.id, host.id, null]);
    await record([{ ...held, ofport: 4321 }], []);
    assert.equal((await bindingOf(stays))?.ofport, 4321);
    await record([], [held.uuid, randomUUID()]);
    assert.deepEqual(await places(), [null, host.id, null]);
  });

  it('are found whatever the case of the iface-id', async () => {
    const [host, id] = [await join(), randomUUID()];
    await store().recordInventory(host.id, [claimOf(id.toUpperCase())]);
    const port = await newPort({ id });
    assert.equal(await placeOf(port), host.id);
  });

  it('are there at once for a port that is created after its interface', async () => {
    const host = await join();
    const id = randomUUID();
    await store().recordInventory(host.id, [claimOf(id)]);
    const port = await newPort({ id });
    assert.equal(await placeOf(port), host.id);
    await store().write(context, tx => tx.delete('logical-switch-ports', id));
    assert.equal(await bindingOf(port), null);
  });

  it('are found when a port is created and its interface reported at the same time', async () => {
    const host = await join();
    const ids = Array.from({ length: 20 }, () => randomUUID());
    const claims = ids.map(claimOf);
    const made = Promise.all(ids.map(id => newPort({ id })));
    for (let index = 1; index <= claims.length; index += 1)
      await store().recordInventory(host.id, claims.slice(0, index));
    for (const port of await made) assert.equal(await placeOf(port), host.id);
  });

  it('go by name if exactly one port has it', async () => {
    const host = await join();
    const name = `web-${randomUUID().slice(0, 8)}`;
    const port = await newPort({ name });
    await store().recordInventory(host.id, [claimOf(name)]);
    assert.equal(await placeOf(port), host.id);
    const namesake = await newPort({ name });
    assert.deepEqual([await placeOf(port), await placeOf(namesake)], [null, null]);
    assert.match((await store().bindingReason(port)) ?? '', /2 ports are named/);
    await store().write(context, tx => tx.merge('logical-switch-ports', port.id, { name: 'renamed' }));
    assert.deepEqual([await placeOf(port), await placeOf(namesake)], [null, host.id]);
    await store().write(context, tx => tx.delete('logical-switch-ports', namesake.id));
    await store().write(context, tx => tx.merge('logical-switch-ports', port.id, { name }));
    assert.equal(await placeOf(port), host.id);
  });

  it('do not go by a name that looks like a UUID', async () => {
    const [host, name] = [await join(), randomUUID()];
    const port = await newPort({ name });
    await store().recordInventory(host.id, [claimOf(name)]);
    assert.equal(await placeOf(port), null);
    assert.match((await store().bindingReason(port)) ?? '', /looks like a UUID/);
  });

  it('go to the requested hypervisor, else to the newest claim, and name both', async () => {
    const [first, second, port] = [await join(), await join(), await newPort()];
    await store().recordInventory(first.id, [claimOf(port.id)]);
    await store().recordInventory(second.id, [claimOf(port.id)]);
    const newest = await bindingOf(port);
    assert.equal(newest?.hypervisorId, second.id);
    for (const host of [first, second]) assert.ok(newest?.reason?.includes(host.name), newest?.reason ?? '');
    const requested = await store().write(context, tx =>
      tx.merge('logical-switch-ports', port.id, { hypervisor: first.name }),
    );
    assert.equal(await placeOf(port), first.id);
    assert.equal((await bindingOf(port))?.reason, await store().bindingReason(requested.result.row));
    await store().recordInventory(first.id, []);
    assert.equal(await placeOf(port), second.id);
    assert.equal((await bindingOf(port))?.reason, null);
  });

  it('end when a hypervisor is deleted, which then may not join until it is allowed', async () => {
    const [host, port] = [await join(), await newPort()];
    await store().recordInventory(host.id, [claimOf(port.id)]);
    await store().write(context, tx => tx.delete('hypervisors', host.id));
    assert.equal(await placeOf(port), null);
    const report = {
      encapIp: '192.0.2.1',
      encapTypes: ['geneve'],
      underlayMtu: 1500,
      bridge: 'br-int',
      datapathType: 'netdev',
    } as const;
    const again = () => store().registerHypervisor({ ...report, systemId: host.systemId ?? '' });
    assert.equal((await again()).kind, 'leaving');
    await store().recordInventory(host.id, [claimOf(port.id)]);
    assert.equal(await placeOf(port), null);
    await store().write(context, tx => tx.merge('hypervisors', host.id, { allowed: true }));
    const back = await again();
    assert.ok(back.kind === 'accepted');
    assert.equal(back.hypervisor.datapathId, host.datapathId);
  });

  it('pass over what cannot be an interface', async () => {
    const [host, port] = [await join(), await newPort()];
    const good = claimOf(port.id);
    await store().recordInventory(host.id, [
      { ...good, ofport: -1 },
      { ...claimOf('x'.repeat(300)) },
      claimOf('a\u0000b'),
    ]);
    assert.equal(await placeOf(port), null);
  });
});

describeOnBoth('Hypervisors', store => {
  const report = {
    encapIp: '192.0.2.9',
    encapTypes: ['vxlan'],
    underlayMtu: null,
    bridge: 'br-int',
    datapathType: 'system',
  } as const;

  it('are one row however often and however fast they report', async () => {
    const systemId = randomUUID();
    const all = await Promise.all(Array.from({ length: 5 }, () => store().registerHypervisor({ ...report, systemId })));
    const ids = all.map(each => (each.kind === 'accepted' ? each.hypervisor.id : 'refused'));
    assert.equal(new Set(ids).size, 1);
    const revision = await store().currentRevision();
    const again = await store().registerHypervisor({ ...report, systemId });
    assert.equal(await store().currentRevision(), revision);
    assert.ok(again.kind === 'accepted');
    assert.equal(again.hypervisor.underlayMtu, 1500);
    assert.match(again.hypervisor.datapathId, /^[0-9a-f]{16}$/);
  });

  it('that Weft dials are told apart by their row', async () => {
    const body = { name: 'dialled', ovsdb_target: 'tcp:192.0.2.9:6640' };
    const { result } = await store().write(context, tx => tx.create('hypervisors', body));
    const systemId = randomUUID();
    const registered = await store().registerHypervisor({ ...report, systemId, hypervisorId: result.row.id });
    assert.ok(registered.kind === 'accepted' && registered.hypervisor.id === result.row.id);
    assert.equal(registered.hypervisor.name, 'dialled');
    const other = await store().registerHypervisor({ ...report, systemId: randomUUID(), hypervisorId: result.row.id });
    assert.equal(other.kind, 'refused');
  });

  it('decide which MTU a logical switch may have', async () => {
    const refused = store().write(context, tx => tx.create('logical-switches', { name: 's', mtu: 9000 }));
    await assert.rejects(refused, { code: 'mtu_too_large', pointer: '/mtu' });
    const small = { name: 's', mtu: 1000, subnets: [{ cidr: 'fd00::/64' }] };
    await assert.rejects(
      store().write(context, tx => tx.create('logical-switches', small)),
      { code: 'mtu_too_small' },
    );
  });
});
