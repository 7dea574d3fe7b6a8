/** The OpenStack API: trunks, their sub-ports, and the calls that Kuryr makes of them for pods inside virtual machines. */
import assert from 'node:assert/strict';
import {
  assertFault,
  idsOf,
  listed,
  type Made,
  type NeutronFixture,
  sharedNeutron,
  sorted,
  verbsOf,
} from './neutron-fixture.js';

const NOBODY = '00000000-0000-4000-8000-00000000dead';

describe('Neutron: trunks', function () {
  this.timeout(120_000);
  let neutron: NeutronFixture;
  let nodes: Made;
  let pods: Made;
  const { send, make, rest, read, put, act, subnetOn } = verbsOf(() => neutron);
  const portOn = (network: Made, more: object = {}): Promise<Made> =>
    make('/ports', 'port', { network_id: network.id, ...more });
  const restPort = async ({ id }: Made) => (await rest('GET', `/logical-switch-ports/${id}`)).body;
  before(async () => {
    neutron = await sharedNeutron();
    nodes = await make('/networks', 'network', {});
    await subnetOn(nodes, '10.20.0.0/24');
    pods = await make('/networks', 'network', {});
    await subnetOn(pods, '10.21.0.0/16');
    const host = { name: 'node-host', ovsdb_target: 'tcp:192.0.2.77:6640' };
    assert.equal((await rest('POST', '/hypervisors', host)).status, 201);
  });

  it('are parents and sub-ports of REST', async () => {
    const vm = await portOn(nodes, { 'binding:host_id': 'node-host', device_owner: 'compute:nova', device_id: 'vm' });
    const [first, second] = [await portOn(pods), await portOn(pods)];
    const trunk = await make('/trunks', 'trunk', {
      name: 't',
      port_id: vm.id,
      description: 'd',
      sub_ports: [{ port_id: first.id, segmentation_type: 'vlan', segmentation_id: 101 }],
    });
    const behind = [{ port_id: first.id, segmentation_type: 'vlan', segmentation_id: 101 }];
    assert.deepEqual(
      [trunk['name'], trunk['port_id'], trunk['sub_ports'], trunk['status'], trunk['admin_state_up'], trunk['tags']],
      ['t', vm.id, behind, 'DOWN', true, []],
    );
    assert.deepEqual((await restPort(first))['parent'], { port_id: vm.id, vlan: 101 });
    const changed = await act(`/trunks/${trunk.id}/add_subports`, {
      sub_ports: [{ port_id: second.id, segmentation_type: 'vlan', segmentation_id: 102 }],
    });
    assert.deepEqual([changed.id, (changed['sub_ports'] as readonly Made[]).length], [trunk.id, 2]);
    const shown = await read(`/ports/${vm.id}`);
    const details = shown['trunk_details'] as { trunk_id: string; sub_ports: readonly Made[] };
    assert.deepEqual(
      [details.trunk_id, sorted(details.sub_ports.map(each => [each['segmentation_id'], each['mac_address']]))],
      [
        trunk.id,
        [
          [101, first['mac_address']],
          [102, second['mac_address']],
        ],
      ],
    );
    const bound = await read(`/ports/${first.id}`);
    assert.deepEqual(
      [bound['trunk_details'], bound['binding:host_id'], bound['binding:vif_type']],
      [undefined, 'node-host', 'ovs'],
    );
    const asked = { sub_ports: [{ port_id: first.id }] };
    assert.deepEqual((await act(`/trunks/${trunk.id}/remove_subports`, asked))['sub_ports'], [
      { port_id: second.id, segmentation_type: 'vlan', segmentation_id: 102 },
    ]);
    assertFault(await send('PUT', `/trunks/${trunk.id}/remove_subports`, asked), 404, 'SubPortNotFound');
    const { body } = await send('GET', `/trunks/${trunk.id}/get_subports`);
    assert.deepEqual(
      (body['sub_ports'] as readonly Made[]).map(each => each['port_id']),
      [second.id],
    );
    const renamed = await put(`/trunks/${trunk.id}`, 'trunk', { name: 'other', description: 'new' });
    assert.deepEqual([renamed['name'], renamed['description'], renamed['port_id']], ['other', 'new', vm.id]);
    assert.equal((await send('DELETE', `/trunks/${trunk.id}`)).status, 204);
    assert.equal((await restPort(second))['parent'], null);
    assert.equal((await read(`/ports/${vm.id}`))['trunk_details'], undefined);
    assertFault(await send('GET', `/trunks/${trunk.id}`), 404, 'TrunkNotFound');
  });
  it('refuse what is in use, and what says nothing', async () => {
    const [vm, other, child] = [await portOn(nodes), await portOn(nodes), await portOn(pods)];
    const under = (port: Made, vlan: number) => [
      { port_id: port.id, segmentation_type: 'vlan', segmentation_id: vlan },
    ];
    const trunk = await make('/trunks', 'trunk', { port_id: vm.id, sub_ports: under(child, 7) });
    const refuse = async (value: object, status: number, type: string) =>
      assertFault(await send('POST', '/trunks', { trunk: value }), status, type);
    await refuse({ port_id: vm.id }, 409, 'PortInUseAsTrunkParent');
    await refuse({ port_id: child.id }, 409, 'PortInUseAsSubPort');
    await refuse({ port_id: NOBODY }, 404, 'PortNotFound');
    await refuse({ port_id: other.id, sub_ports: under(child, 8) }, 409, 'PortInUseAsSubPort');
    await refuse({ port_id: other.id, sub_ports: under(vm, 8) }, 409, 'PortInUseAsTrunkParent');
    await refuse({ port_id: other.id, sub_ports: under(other, 8) }, 409, 'PortInUse');
    await refuse({}, 400, 'HTTPBadRequest');
    const add = async (value: object, status: number, type: string) =>
      assertFault(await send('PUT', `/trunks/${trunk.id}/add_subports`, value), status, type);
    const third = await portOn(pods);
    const owned = await portOn(pods, { device_id: 'pod' });
    await add({ sub_ports: under(third, 7) }, 409, 'DuplicateSubPort');
    await add({ sub_ports: under(owned, 8) }, 409, 'PortInUse');
    await add({ sub_ports: under(third, 4_095) }, 400, 'InvalidInput');
    await add({ sub_ports: [{ port_id: third.id, segmentation_type: 'vlan' }] }, 400, 'InvalidInput');
    await add({ sub_ports: [{ port_id: third.id, segmentation_type: 'inherit' }] }, 400, 'InvalidInput');
    await add(
      { sub_ports: [{ port_id: third.id, segmentation_type: 'qinq', segmentation_id: 8 }] },
      400,
      'InvalidInput',
    );
    await add({}, 400, 'HTTPBadRequest');
    const message = new RegExp(`currently a subport for trunk ${trunk.id}\\.`);
    assertFault(await send('DELETE', `/ports/${child.id}`), 409, 'PortInUseAsSubPort', message);
    assertFault(await send('DELETE', `/ports/${vm.id}`), 409, 'PortInUseAsTrunkParent');
    await put(`/trunks/${trunk.id}`, 'trunk', { admin_state_up: false });
    await add({ sub_ports: under(third, 8) }, 409, 'TrunkDisabled');
    assertFault(await send('DELETE', `/trunks/${trunk.id}`), 409, 'TrunkDisabled');
    await put(`/trunks/${trunk.id}`, 'trunk', { admin_state_up: true });
    assert.equal((await send('DELETE', `/trunks/${trunk.id}`)).status, 204);
    for (const { id } of [child, vm]) assert.equal((await send('DELETE', `/ports/${id}`)).status, 204);
  });
  it('are there where REST has put a port behind another, and go with the last', async () => {
    const [vm, child] = [await portOn(nodes), await portOn(pods)];
    const behind = { parent: { port_id: vm.id, vlan: 55 } };
    assert.equal((await rest('PATCH', `/logical-switch-ports/${child.id}`, behind)).status, 200);
    const [trunk] = listed(await send('GET', `/trunks?port_id=${vm.id}`), 'trunks');
    assert.deepEqual(
      [trunk?.['name'], trunk?.['sub_ports']],
      ['', [{ port_id: child.id, segmentation_type: 'vlan', segmentation_id: 55 }]],
    );
    assert.equal((await read(`/trunks/${trunk?.id}`)).id, trunk?.id);
    assert.equal((await rest('PATCH', `/logical-switch-ports/${child.id}`, { parent: null })).status, 200);
    assertFault(await send('GET', `/trunks/${trunk?.id}`), 404, 'TrunkNotFound');
    // What is said of one stays with it, and goes with its port.
    assert.equal((await rest('PATCH', `/logical-switch-ports/${child.id}`, behind)).status, 200);
    await put(`/trunks/${trunk?.id}`, 'trunk', { name: 'mine' });
    assert.equal((await rest('PATCH', `/logical-switch-ports/${child.id}`, { parent: null })).status, 200);
    assert.equal((await read(`/trunks/${trunk?.id}`))['name'], 'mine');
    assert.equal((await rest('DELETE', `/logical-switch-ports/${vm.id}`)).status, 204);
    assertFault(await send('GET', `/trunks/${trunk?.id}`), 404, 'TrunkNotFound');
  });
  it("take the pods of Kuryr's virtual machines", async () => {
    const vm = await portOn(nodes, { fixed_ips: [{ ip_address: '10.20.0.99' }], tags: ['cluster'] });
    const made = await make('/trunks', 'trunk', { port_id: vm.id, tags: ['cluster'] });
    // kuryr-kubernetes: the port of the machine by its address, and the trunk of that.
    const [parent] = listed(await send('GET', '/ports?fixed_ips=ip_address%3D10.20.0.99&tags=cluster'), 'ports');
    assert.ok(parent !== undefined);
    const { trunk_id: trunkId } = parent['trunk_details'] as { trunk_id: string };
    assert.equal(trunkId, made.id);
    assert.deepEqual((await read(`/trunks/${trunkId}`))['sub_ports'], []);
    assert.deepEqual(idsOf(listed(await send('GET', '/trunks?tags=cluster'), 'trunks')), [trunkId]);
    const pool = { network_id: pods.id, device_owner: 'compute:kuryr', admin_state_up: true, tags: ['cluster'] };
    const { body, text } = await send('POST', '/ports', { ports: [pool, pool] });
    const [first, second] = body['ports'] as readonly Made[];
    assert.ok(first !== undefined && second !== undefined, text);
    const under = (vlan: number, ...ports: readonly Made[]) => ({
      sub_ports: ports.map(({ id }, place) => ({
        segmentation_id: vlan + place,
        port_id: id,
        segmentation_type: 'vlan',
      })),
    });
    await act(`/trunks/${trunkId}/add_subports`, under(1, first));
    // A tag that is taken is a conflict, after which it takes the next.
    assertFault(await send('PUT', `/trunks/${trunkId}/add_subports`, under(1, second)), 409, 'DuplicateSubPort');
    await act(`/trunks/${trunkId}/add_subports`, under(2, second));
    // A port that it wants to be rid of names its trunk in the refusal.
    const refused = await send('DELETE', `/ports/${second.id}`);
    const { message } = refused.body['NeutronError'] as { message: string };
    assert.equal(message.split('trunk')[1]?.split('.')[0]?.trim(), trunkId);
    await act(`/trunks/${trunkId}/remove_subports`, { sub_ports: [{ port_id: second.id }] });
    assert.equal((await send('DELETE', `/ports/${second.id}`)).status, 204);
    assert.equal(
      (await send('PUT', `/trunks/${trunkId}/remove_subports`, { sub_ports: [{ port_id: second.id }] })).status,
      404,
    );
    // kuryr-libnetwork: the same, by the details of the parent's port.
    await act(`/trunks/${trunkId}/remove_subports`, { sub_ports: [{ port_id: first.id }] });
    assert.equal((await send('DELETE', `/trunks/${trunkId}`)).status, 204);
  });
});
