/** The rest of the calls that Kuryr and Nova make: floating IPs, names, fixed addresses, and the lists by which they find what they have left. */
import assert from 'node:assert/strict';
import {
  assertFault,
  idsOf,
  listed,
  type Made,
  type NeutronFixture,
  sharedNeutron,
  verbsOf,
} from './neutron-fixture.js';

const project = 'b1f6a3c0de1b24d0f8a7c9e1d2b3a4f5';

describe('Neutron: services and sweeps of Kuryr and Nova', function () {
  this.timeout(120_000);
  let neutron: NeutronFixture;
  let outside: Made;
  let outer: Made;
  let network: Made;
  let subnet: Made;
  const { send, make, read, put, act, subnetOn } = verbsOf(() => neutron);
  const get = async (path: string, collection: string): Promise<readonly Made[]> =>
    listed(await send('GET', path), collection);
  const status = async (method: string, path: string, body?: object): Promise<number> =>
    (await send(method, path, body)).status;
  before(async () => {
    neutron = await sharedNeutron();
    outside = await make('/networks', 'network', {
      name: 'services-public',
      'router:external': true,
      'provider:network_type': 'flat',
      'provider:physical_network': 'physnet8',
    });
    outer = await subnetOn(outside, '198.51.100.0/24', { enable_dhcp: false });
    network = await make('/networks', 'network', { name: 'services', project_id: project, dns_domain: 'example.org.' });
    subnet = await subnetOn(network, '10.30.0.0/24', { project_id: project });
    const router = await make('/routers', 'router', {
      project_id: project,
      external_gateway_info: { network_id: outside.id },
    });
    await act(`/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  });
  const portWith = (value: object): Promise<Made> =>
    make('/ports', 'port', { network_id: network.id, project_id: project, ...value });

  it("are kubernetes' services of type LoadBalancer: floating IPs for ports of Octavia", async () => {
    const vip = await portWith({ name: 'octavia-lb' });
    const asked = { floating_network_id: outside.id, project_id: project, description: 'ns/service' };
    const floating = await make('/floatingips', 'floatingip', { ...asked, subnet_id: null });
    assert.equal(await status('PUT', `/floatingips/${floating.id}/tags`, { tags: ['openstackCluster'] }), 200);
    const address = String(floating['floating_ip_address']);
    assert.deepEqual(idsOf(await get(`/floatingips?floating_ip_address=${address}`, 'floatingips')), [floating.id]);
    assert.deepEqual(await get(`/floatingips?port_id=${vip.id}`, 'floatingips'), []);
    const given = await put(`/floatingips/${floating.id}`, 'floatingip', { port_id: vip.id });
    assert.deepEqual([given['port_id'], given['tags']], [vip.id, ['openstackCluster']]);
    assert.deepEqual(idsOf(await get(`/floatingips?port_id=${vip.id}`, 'floatingips')), [floating.id]);
    assert.deepEqual(idsOf(await get('/floatingips?tags=openstackCluster', 'floatingips')), [floating.id]);
    const second = await make('/floatingips', 'floatingip', { ...asked, subnet_id: outer.id });
    assertFault(
      await send('PUT', `/floatingips/${second.id}`, { floatingip: { port_id: vip.id } }),
      409,
      'FloatingIPPortAlreadyAssociated',
    );
    assert.equal((await read(`/floatingips/${second.id}`))['port_id'], null);
    assert.equal((await put(`/floatingips/${floating.id}`, 'floatingip', { port_id: null }))['status'], 'DOWN');
    for (const { id } of [floating, second]) assert.equal(await status('DELETE', `/floatingips/${id}`), 204);
    assert.equal(await status('DELETE', `/floatingips/${second.id}`), 404);
  });

  it("are kubernetes' sweeps for ports that nobody uses, and for what is left of namespaces", async () => {
    const pod = { device_owner: 'compute:kuryr', fixed_ips: [{ subnet_id: subnet.id }] };
    const [tagged, foreign] = [await portWith({ ...pod, name: 'available-port' }), await portWith(pod)];
    assert.equal(await status('PUT', `/ports/${tagged.id}/tags`, { tags: ['cluster-1', 'pool'] }), 200);
    const list = async (query: string) => idsOf(await get(`/ports?${query}`, 'ports'));
    const owner = `network_id=${network.id}&device_owner=compute:kuryr`;
    assert.deepEqual(await list(`${owner}&status=DOWN&tags=cluster-1`), [tagged.id]);
    assert.deepEqual(await list(`${owner}&status=DOWN&not-tags=cluster-1,pool`), [foreign.id]);
    assert.deepEqual(await list(`${owner}&tags=pool&name=available-port`), [tagged.id]);
    assert.match(String((await read(`/ports/${foreign.id}`))['updated_at']), /Z$/);
    const groups = [];
    for (const name of ['a', 'b']) groups.push(await make('/security-groups', 'security_group', { name }));
    const changed = await put(`/ports/${tagged.id}`, 'port', { security_groups: groups.map(({ id }) => id) });
    assert.equal((changed['security_groups'] as readonly string[]).length, 2);
    const rules = await get(
      `/security-group-rules?security_group_id=${groups[0]?.id}&project_id=`,
      'security_group_rules',
    );
    assert.equal(rules.length, 2);
    assert.equal(await status('PUT', `/networks/${network.id}/tags`, { tags: ['cluster-1'] }), 200);
    assert.deepEqual(idsOf(await get('/networks?tags=cluster-1', 'networks')), [network.id]);
    assert.deepEqual(idsOf(await get(`/subnets?network_id=${network.id}&not-tags=cluster-1`, 'subnets')), [subnet.id]);
    // Addresses behind a port, changed by whoever has read it last.
    const stale = { 'if-match': `revision_number=${String(tagged['revision_number'])}` };
    const pairs = { port: { allowed_address_pairs: [{ ip_address: '10.30.0.200' }] } };
    assertFault(await send('PUT', `/ports/${tagged.id}`, pairs, stale), 412, 'RevisionNumberConstraintFailed');
    for (const { id } of [tagged, foreign]) assert.equal(await status('DELETE', `/ports/${id}`), 204);
    for (const { id } of groups) assert.equal(await status('DELETE', `/security-groups/${id}`), 204);
  });

  it("are libnetwork's endpoint on a port and a network that were there before", async () => {
    const pool = await make('/subnetpools', 'subnetpool', { name: 'kuryr', prefixes: ['10.31.0.0/16'] });
    assert.deepEqual(idsOf(await get('/subnetpools?name=kuryr', 'subnetpools')), [pool.id]);
    assert.deepEqual(await get('/subnetpools?name=kuryr6', 'subnetpools'), []);
    assert.deepEqual(idsOf(await get(`/subnetpools?id=${pool.id}`, 'subnetpools')), [pool.id]);
    for (const tag of [subnet.id, 'kuryr.subnetpool.existing'])
      assert.equal(await status('PUT', `/subnetpools/${pool.id}/tags/${tag}`), 201);
    assert.deepEqual(idsOf(await get(`/subnetpools?name=kuryr&tags=${subnet.id}`, 'subnetpools')), [pool.id]);
    assert.equal(await status('DELETE', `/subnetpools/${pool.id}/tags/${subnet.id}`), 204);
    assert.deepEqual(idsOf(await get(`/networks?name=services&id=${network.id}`, 'networks')), [network.id]);
    assert.equal(await status('PUT', `/networks/${network.id}/tags/kuryr.net.existing:0123456789ab`), 201);
    assert.deepEqual(idsOf(await get('/networks?tags=kuryr.net.existing:0123456789ab', 'networks')), [network.id]);
    const port = await portWith({ fixed_ips: [{ ip_address: '10.30.0.40' }] });
    const bound = await put(`/ports/${port.id}`, 'port', {
      'binding:host_id': 'anywhere',
      device_owner: 'compute:kuryr',
      device_id: 'endpoint',
      mac_address: 'fa:16:3e:30:00:40',
    });
    assert.equal(bound['mac_address'], 'fa:16:3e:30:00:40');
    const tags = ['kuryr.port.existing', 'lh:0123', 'uh:4567'];
    for (const tag of tags) assert.equal(await status('PUT', `/ports/${port.id}/tags/${tag}`), 201);
    assert.deepEqual(idsOf(await get(`/ports?tags=${tags.join(',')}`, 'ports')), [port.id]);
    for (const tag of tags) assert.equal(await status('DELETE', `/ports/${port.id}/tags/${tag}`), 204);
    // ReleaseAddress: it stays, and is as it was.
    assert.deepEqual(idsOf(await get('/ports?fixed_ips=ip_address%3D10.30.0.40', 'ports')), [port.id]);
    const released = await put(`/ports/${port.id}`, 'port', { device_owner: '', 'binding:host_id': '', device_id: '' });
    assert.deepEqual([released['binding:vif_type'], released['device_owner']], ['unbound', '']);
    for (const path of [`/ports/${port.id}`, `/subnetpools/${pool.id}`])
      assert.equal(await status('DELETE', path), 204);
  });

  it("are Nova's names, fixed addresses and floating IPs of an instance", async () => {
    const aliases = (await get('/extensions', 'extensions')).map(({ alias }) => alias);
    for (const alias of ['dns-integration', 'fip-port-details', 'ip-substring-filtering', 'binding-extended'])
      assert.ok(aliases.includes(alias), alias);
    for (const alias of ['multi-provider', 'segment', 'port-resource-request-groups', 'vnic-index'])
      assert.ok(!aliases.includes(alias), alias);
    assert.deepEqual(
      idsOf(await get(`/networks?id=${network.id}&id=${outside.id}`, 'networks')),
      idsOf([network, outside]),
    );
    const port = await portWith({ device_id: 'instance-9', fixed_ips: [{ ip_address: '10.30.0.50' }] });
    const bound = await put(`/ports/${port.id}`, 'port', {
      device_owner: 'compute:nova',
      'binding:host_id': 'anywhere',
      dns_name: 'instance-nine',
    });
    assert.equal(bound['dns_name'], 'instance-nine');
    assert.deepEqual(idsOf(await get(`/subnets?id=${subnet.id}`, 'subnets')), [subnet.id]);
    assert.deepEqual(await get(`/floatingips?fixed_ip_address=10.30.0.50&port_id=${port.id}`, 'floatingips'), []);
    const fields = 'fields=binding%3Avnic_type&fields=binding%3Aprofile&fields=network_id&fields=resource_request';
    assert.deepEqual(await read(`/ports/${port.id}?${fields}`), {
      'binding:vnic_type': 'normal',
      'binding:profile': {},
      network_id: network.id,
    });
    assert.deepEqual(idsOf(await get('/ports?fixed_ips=ip_address_substr%3D30.0.50', 'ports')), [port.id]);
    // Another fixed address
    assert.deepEqual(idsOf(await get(`/subnets?network_id=${network.id}`, 'subnets')), [subnet.id]);
    const query = `device_id=instance-9&device_owner=compute:nova&network_id=${network.id}`;
    assert.deepEqual(idsOf(await get(`/ports?${query}`, 'ports')), [port.id]);
    const fixed = [{ subnet_id: subnet.id, ip_address: '10.30.0.50' }, { subnet_id: subnet.id }];
    assert.equal(((await put(`/ports/${port.id}`, 'port', { fixed_ips: fixed }))['fixed_ips'] as []).length, 2);
    // A floating IP
    const external = 'router%3Aexternal=True&fields=id';
    assert.deepEqual(await get(`/networks?${external}&name=services-public`, 'networks'), [{ id: outside.id }]);
    assert.deepEqual(await get(`/networks?${external}&id=${outside.id}`, 'networks'), [{ id: outside.id }]);
    const floating = await make('/floatingips', 'floatingip', { floating_network_id: outside.id, tenant_id: project });
    assert.deepEqual(idsOf(await get(`/floatingips?tenant_id=${project}`, 'floatingips')), [floating.id]);
    const given = await put(`/floatingips/${floating.id}`, 'floatingip', {
      port_id: port.id,
      fixed_ip_address: '10.30.0.50',
    });
    assert.equal((given['port_details'] as Made)['device_id'], 'instance-9');
    const cached = await get(`/floatingips?fixed_ip_address=10.30.0.50&port_id=${port.id}`, 'floatingips');
    assert.deepEqual(idsOf(cached), [floating.id]);
    assert.equal((await put(`/floatingips/${floating.id}`, 'floatingip', { port_id: null }))['fixed_ip_address'], null);
    assert.equal(await status('DELETE', `/floatingips/${floating.id}`), 204);
    // Groups by what they are called, whose they are, and by those who share them
    const group = await make('/security-groups', 'security_group', { name: 'of-nova-too', tenant_id: project });
    assert.deepEqual(idsOf(await get('/security-groups?name=of-nova-too', 'security_groups')), [group.id]);
    assert.deepEqual(idsOf(await get(`/security-groups?id=${group.id}`, 'security_groups')), [group.id]);
    assert.deepEqual(await get('/security-groups?shared=True&fields=id&fields=name', 'security_groups'), []);
    assert.equal(
      (await put(`/security-groups/${group.id}`, 'security_group', { name: 'n', description: 'd' }))['name'],
      'n',
    );
    const unbound = await put(`/ports/${port.id}`, 'port', {
      'binding:host_id': null,
      device_id: '',
      device_owner: '',
      dns_name: '',
    });
    assert.deepEqual([unbound['binding:vif_type'], unbound['dns_name']], ['unbound', '']);
    // `--nic auto` asks for what there is not.
    assertFault(await send('GET', `/auto-allocated-topology/${project}?fields=dry-run`), 404, 'HTTPNotFound');
  });
});
