/** The calls that Kuryr (libnetwork, kubernetes) and Nova make of the OpenStack API, in their order and with their bodies. */
import assert from 'node:assert/strict';
import { assertFault, idsOf, listed, type Made, type NeutronFixture, sharedNeutron } from './neutron-fixture.js';

const project = '5f6a3c0de1b24d0f8a7c9e1d2b3a4f50';

describe('Neutron: Kuryr and Nova', function () {
  this.timeout(120_000);
  let neutron: NeutronFixture;
  before(async () => {
    neutron = await sharedNeutron();
    const { status } = await neutron.rest.request('POST', '/v1/hypervisors', {
      name: 'host1',
      ovsdb_target: 'tcp:192.0.2.31:6640',
    });
    assert.equal(status, 201);
    await neutron.rest.request('POST', '/v1/hypervisors', { name: 'host2', ovsdb_target: 'tcp:192.0.2.32:6640' });
  });

  const send: NeutronFixture['send'] = (...args) => neutron.send(...args);
  const make: NeutronFixture['make'] = (...args) => neutron.make(...args);
  const get = async (path: string, collection: string): Promise<readonly Made[]> =>
    listed(await send('GET', path), collection);
  const status = async (method: string, path: string, body?: object): Promise<number> =>
    (await send(method, path, body)).status;
  const put = async (path: string, member: string, value: object): Promise<Made> => {
    const { status: code, body, text } = await send('PUT', path, { [member]: value });
    assert.equal(code, 200, text);
    return body[member] as Made;
  };

  it("libnetwork's life of a network with a container", async () => {
    assert.equal(await status('GET', '/extensions/subnet_allocation'), 200);
    assert.equal(await status('GET', '/extensions/standard-attr-tag'), 200);
    const cidr = '10.10.0.0/16';
    // RequestPool
    assert.deepEqual(await get(`/subnets?cidr=${cidr}`, 'subnets'), []);
    assert.deepEqual(await get(`/subnetpools?name=kuryrPool-${cidr}`, 'subnetpools'), []);
    const pool = await make('/subnetpools', 'subnetpool', {
      name: `kuryrPool-${cidr}`,
      default_prefixlen: 16,
      prefixes: [cidr],
      shared: false,
    });
    assert.deepEqual(idsOf(await get(`/subnetpools?name=kuryrPool-${cidr}`, 'subnetpools')), [pool.id]);
    // CreateNetwork
    const network = await make('/networks', 'network', {
      name: 'kuryr-net-12345678',
      admin_state_up: true,
      shared: false,
    });
    const [low, high] = [
      'kuryr.net.uuid.lh:0123456789abcdef0123456789abcdef',
      'kuryr.net.uuid.uh:fedcba9876543210fedcba9876543210',
    ];
    for (const tag of [low, high])
      assert.equal(await status('PUT', `/networks/${network.id}/tags/${encodeURIComponent(tag)}`), 201);
    assert.deepEqual(await get(`/subnets?network_id=${network.id}&cidr=${cidr}`, 'subnets'), []);
    const wanted = {
      name: `kuryr-subnet-${cidr}`,
      network_id: network.id,
      ip_version: 4,
      cidr,
      enable_dhcp: 'True',
      subnetpool_id: pool.id,
      gateway_ip: '10.10.0.1',
    };
    const bulk = await send('POST', '/subnets', { subnets: [wanted] });
    assert.equal(bulk.status, 201, bulk.text);
    const [subnet] = bulk.body['subnets'] as readonly Made[];
    assert.equal(await status('PUT', `/subnets/${subnet?.id}/tags/${pool.id}`), 201);
    // RequestAddress
    assert.deepEqual(idsOf(await get(`/subnets?subnetpool_id=${pool.id}`, 'subnets')), [subnet?.id]);
    assert.deepEqual(await get(`/ports?fixed_ips=subnet_id%3D${subnet?.id}&mac_address=`, 'ports'), []);
    const port = await make('/ports', 'port', {
      name: 'kuryr-unbound-port',
      admin_state_up: true,
      network_id: network.id,
      fixed_ips: [{ subnet_id: subnet?.id }],
    });
    assert.equal(await status('PUT', `/ports/${port.id}/tags/compute:kuryr`), 201);
    assert.deepEqual(await get(`/ports?fixed_ips=subnet_id%3D${subnet?.id}&mac_address=`, 'ports'), []);
    // CreateEndpoint
    assert.deepEqual(idsOf(await get(`/networks?tags=${encodeURIComponent(`${low},${high}`)}`, 'networks')), [
      network.id,
    ]);
    const address = (port['fixed_ips'] as readonly { ip_address: string }[])[0]?.ip_address;
    assert.deepEqual(
      idsOf(await get(`/ports?fixed_ips=subnet_id%3D${subnet?.id}&fixed_ips=ip_address%3D${address}`, 'ports')),
      [port.id],
    );
    const bound = await put(`/ports/${port.id}`, 'port', {
      name: 'endpoint-port',
      'binding:host_id': 'host1',
      device_owner: 'compute:kuryr',
      device_id: 'endpoint',
    });
    assert.deepEqual(
      [bound['binding:vif_type'], (bound['binding:vif_details'] as Record<string, unknown>)['ovs_hybrid_plug']],
      ['ovs', false],
    );
    // ProgramExternalConnectivity
    const group = await make('/security-groups', 'security_group', {
      name: 'endpoint-port-exposed_ports',
      description: 'Docker exposed ports',
    });
    await make('/security-group-rules', 'security_group_rule', {
      security_group_id: group.id,
      direction: 'ingress',
      port_range_min: 80,
      port_range_max: 80,
      protocol: 'tcp',
    });
    const groups = [...(bound['security_groups'] as readonly string[]), group.id];
    assert.equal(
      (await put(`/ports/${port.id}`, 'port', { security_groups: groups }))['security_groups'] instanceof Array,
      true,
    );
    // RevokeExternalConnectivity
    assert.deepEqual(idsOf(await get('/security-groups?name=endpoint-port-exposed_ports', 'security_groups')), [
      group.id,
    ]);
    await put(`/ports/${port.id}`, 'port', { security_groups: groups.slice(0, -1) });
    assert.equal(await status('DELETE', `/security-groups/${group.id}`), 204);
    // ReleaseAddress, DeleteNetwork, ReleasePool
    assert.equal(await status('DELETE', `/subnets/${subnet?.id}`), 409);
    assert.equal(await status('DELETE', `/ports/${port.id}`), 204);
    assert.equal(await status('DELETE', `/subnets/${subnet?.id}`), 204);
    assert.equal(await status('DELETE', `/networks/${network.id}`), 204);
    assert.equal(await status('DELETE', `/subnetpools/${pool.id}`), 204);
  });

  it("libnetwork's nested drivers: addresses behind the port of a virtual machine", async () => {
    const network = await make('/networks', 'network', {});
    await make('/subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.11.0.0/24' });
    const vm = await make('/ports', 'port', { network_id: network.id });
    assert.deepEqual(idsOf(await get(`/ports?mac_address=${String(vm['mac_address'])}`, 'ports')), [vm.id]);
    const { status: code } = await send(
      'PUT',
      `/ports/${vm.id}`,
      { port: { allowed_address_pairs: [{ ip_address: '10.11.0.99', mac_address: vm['mac_address'] }] } },
      { 'if-match': `revision_number=${String(vm['revision_number'])}` },
    );
    assert.equal(code, 200);
  });

  it("kubernetes' namespaces, pods and their pools", async () => {
    assert.equal(await status('GET', '/extensions/tag-ports-during-bulk-creation'), 200);
    const details = (await send('GET', `/quotas/${project}/details`)).body['quota'] as Record<
      string,
      Record<string, number>
    >;
    for (const key of ['port', 'subnet', 'network', 'security_group', 'security_group_rule'])
      assert.deepEqual(Object.keys(details[key] ?? {}).toSorted(), ['limit', 'reserved', 'used'], key);
    const pool = await make('/subnetpools', 'subnetpool', {
      name: 'pods',
      prefixes: ['10.12.0.0/16'],
      default_prefixlen: 24,
    });
    const router = await make('/routers', 'router', { name: 'cluster', project_id: project });
    const network = await make('/networks', 'network', {
      name: 'ns/default-net',
      project_id: project,
      description: 'tag1,tag2',
    });
    assert.deepEqual(idsOf(await get('/networks?name=ns/default-net&name=ns/other', 'networks')), [network.id]);
    assert.deepEqual(idsOf(await get('/networks?description=tag1,tag2', 'networks')), [network.id]);
    assert.equal(await status('PUT', `/networks/${network.id}/tags`, { tags: ['openstackCluster'] }), 200);
    assert.equal(((await send('GET', `/subnetpools/${pool.id}`)).body['subnetpool'] as Made)['ip_version'], 4);
    const subnet = await make('/subnets', 'subnet', {
      network_id: network.id,
      description: '',
      ip_version: 4,
      name: 'ns/default-subnet',
      enable_dhcp: false,
      subnetpool_id: pool.id,
      project_id: project,
    });
    assert.equal(await status('PUT', `/subnets/${subnet.id}/tags`, { tags: ['openstackCluster'] }), 200);
    assert.deepEqual(idsOf(await get(`/subnets?tags=openstackCluster&subnetpool_id=${pool.id}`, 'subnets')), [
      subnet.id,
    ]);
    assert.deepEqual(await get(`/subnets?network_id=${network.id}&not-tags=openstackCluster`, 'subnets'), []);
    assert.equal(await status('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }), 200);
    assert.equal(await status('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }), 400);
    // A pool of ports
    const pod = {
      project_id: project,
      network_id: network.id,
      fixed_ips: [{ subnet_id: subnet.id }],
      device_owner: 'compute:kuryr',
      admin_state_up: true,
      'binding:host_id': 'host1',
      name: 'available-port',
      tags: ['openstackCluster'],
    };
    const { status: code, body, text } = await send('POST', '/ports', { ports: [pod, pod, pod] });
    assert.equal(code, 201, text);
    const ports = body['ports'] as readonly Made[];
    assert.deepEqual(new Set(ports.map(each => each['binding:vif_type'])), new Set(['ovs']));
    assert.deepEqual(
      idsOf(
        await get(
          `/ports?status=DOWN&network_id=${network.id}&device_owner=compute:kuryr&tags=openstackCluster`,
          'ports',
        ),
      ),
      idsOf(ports),
    );
    assert.deepEqual(await get(`/ports?status=ACTIVE&tags=openstackCluster`, 'ports'), []);
    const [first] = ports;
    assert.deepEqual(
      (await put(`/ports/${first?.id}`, 'port', { name: 'pod-1', device_id: 'pod-uid' }))['device_id'],
      'pod-uid',
    );
    assert.equal(await status('GET', `/ports/${first?.id}`), 200);
    // The end of the namespace
    assert.equal(await status('DELETE', `/networks/${network.id}`), 409);
    for (const port of await get(`/ports?network_id=${network.id}`, 'ports'))
      if (port['device_owner'] === 'compute:kuryr') assert.equal(await status('DELETE', `/ports/${port.id}`), 204);
    assert.equal(await status('DELETE', `/ports/${first?.id}`), 404);
    assert.equal(await status('PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id }), 200);
    assertFault(
      await send('PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id }),
      404,
      'RouterInterfaceNotFoundForSubnet',
    );
    assert.equal(await status('DELETE', `/networks/${network.id}`), 204);
  });

  it("kubernetes' policies: groups without their first rules, and rules one by one", async () => {
    const group = await make('/security-groups', 'security_group', {
      name: 'sg-policy',
      project_id: project,
      description: 'Kuryr-Kubernetes Network Policy',
    });
    assert.equal(await status('PUT', `/security-groups/${group.id}/tags`, { tags: ['openstackCluster'] }), 200);
    for (const rule of group['security_group_rules'] as readonly Made[])
      assert.equal(await status('DELETE', `/security-group-rules/${rule.id}`), 204);
    const wanted = {
      security_group_id: group.id,
      direction: 'ingress',
      ethertype: 'IPv4',
      protocol: 'tcp',
      port_range_min: 8080,
      port_range_max: 8080,
      remote_ip_prefix: '10.12.0.5',
      description: 'Kuryr-Kubernetes NetPolicy SG rule',
    };
    const rule = await make('/security-group-rules', 'security_group_rule', wanted);
    const again = await send('POST', '/security-group-rules', { security_group_rule: wanted });
    const { message } = again.body['NeutronError'] as { message: string };
    // As it is read: the last word, without the full stop.
    assert.equal(message.split(' ').at(-1)?.replace(/\.$/, ''), rule.id);
    const query = `security_group_id=${group.id}&description=${encodeURIComponent(wanted.description)}`;
    assert.deepEqual(idsOf(await get(`/security-group-rules?${query}`, 'security_group_rules')), [rule.id]);
    assert.equal(await status('DELETE', `/security-groups/${group.id}`), 204);
  });

  it("Nova's virtual machine: made by the user, bound and unbound by an admin", async () => {
    await make('/networks', 'network', { project_id: 'someone' });
    const network = await make('/networks', 'network', { project_id: project, name: 'tenant-net' });
    await make('/subnets', 'subnet', {
      network_id: network.id,
      ip_version: 4,
      cidr: '10.13.0.0/24',
      project_id: project,
    });
    assert.deepEqual(idsOf(await get(`/networks?tenant_id=${project}&shared=False&admin_state_up=True`, 'networks')), [
      network.id,
    ]);
    assert.deepEqual(await get(`/networks?shared=True&tenant_id=${project}`, 'networks'), []);
    const shown = (
      await send('GET', `/networks/${network.id}?fields=provider%3Aphysical_network&fields=provider%3Anetwork_type`)
    ).body['network'];
    assert.deepEqual(shown, { 'provider:network_type': 'geneve', 'provider:physical_network': null });
    const quota = (await send('GET', `/quotas/${project}`)).body['quota'] as Record<string, number>;
    assert.equal(quota['port'], -1);
    assert.deepEqual(await get(`/ports?tenant_id=${project}&fields=id`, 'ports'), []);
    const port = await make('/ports', 'port', {
      device_id: 'instance',
      network_id: network.id,
      admin_state_up: true,
      tenant_id: project,
    });
    const bound = await put(`/ports/${port.id}`, 'port', {
      device_id: 'instance',
      device_owner: 'compute:nova',
      'binding:host_id': 'host1',
      'binding:profile': { os_vif_delegation: true },
    });
    assert.equal(bound['binding:vif_type'], 'ovs');
    // The info cache
    assert.deepEqual(idsOf(await get(`/ports?tenant_id=${project}&device_id=instance`, 'ports')), [port.id]);
    assert.deepEqual(await get(`/ports?network_id=${network.id}&device_owner=network:dhcp`, 'ports'), []);
    const address = (port['fixed_ips'] as readonly { ip_address: string }[])[0]?.ip_address;
    assert.deepEqual(
      await get(`/ports?network_id=${network.id}&fixed_ips=ip_address%3D${address}&fields=device_id`, 'ports'),
      [{ device_id: 'instance' }],
    );
    // A planned move
    assert.equal(
      await status('POST', `/ports/${port.id}/bindings`, {
        binding: { host: 'host2', vnic_type: 'normal', profile: {} },
      }),
      201,
    );
    assert.equal(await status('GET', `/ports/${port.id}/bindings/host2`), 200);
    assert.equal(await status('PUT', `/ports/${port.id}/bindings/host2/activate`), 200);
    assertFault(await send('PUT', `/ports/${port.id}/bindings/host2/activate`), 409, 'PortBindingAlreadyActive');
    assert.equal(await status('DELETE', `/ports/${port.id}/bindings/host1`), 204);
    assert.equal(await status('DELETE', `/ports/${port.id}/bindings/host1`), 404);
    // Unbound
    const profile = (await send('GET', `/ports/${port.id}?fields=binding%3Aprofile&fields=network_id`)).body[
      'port'
    ] as Record<string, unknown>;
    assert.deepEqual(profile['network_id'], network.id);
    const unbound = await put(`/ports/${port.id}`, 'port', {
      'binding:host_id': null,
      device_id: '',
      device_owner: '',
      'binding:profile': {},
    });
    assert.deepEqual([unbound['binding:vif_type'], unbound['device_id']], ['unbound', '']);
    // Groups by their names, and rules at once
    assert.ok(
      (await get(`/security-groups?fields=id&fields=name&tenant_id=${project}`, 'security_groups')).some(
        each => each['name'] === 'default',
      ),
    );
    const group = await make('/security-groups', 'security_group', { name: 'of-nova', description: '' });
    const rules = [22, 80].map(number => ({
      security_group_id: group.id,
      direction: 'ingress',
      protocol: 'tcp',
      port_range_min: number,
      port_range_max: number,
    }));
    const made = await send('POST', '/security-group-rules', { security_group_rules: rules });
    assert.deepEqual([made.status, (made.body['security_group_rules'] as readonly Made[]).length], [201, 2]);
    assert.deepEqual(await get(`/networks?router:external=True&tenant_id=${project}`, 'networks'), []);
  });
});
