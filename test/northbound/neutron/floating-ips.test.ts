/** The OpenStack API: floating IPs and source NAT of routers, which are NAT rules of REST. */
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

describe('Neutron: floating IPs', function () {
  this.timeout(120_000);
  let neutron: NeutronFixture;
  let outside: Made;
  let router: Made;
  let port: Made;
  const { send, make, rest, read, put, act, subnetOn } = verbsOf(() => neutron);
  const rules = async (): Promise<readonly Made[]> =>
    (await rest('GET', `/nat-rules?logical_router_id=${router.id}`)).body['items'] as readonly Made[];
  before(async () => {
    neutron = await sharedNeutron();
    const physical = { 'provider:network_type': 'flat', 'provider:physical_network': 'physnet7' };
    outside = await make('/networks', 'network', { 'router:external': true, ...physical });
    await subnetOn(outside, '203.0.113.0/24', { enable_dhcp: false });
    const inside = await make('/networks', 'network', {});
    const subnet = await subnetOn(inside, '10.0.0.0/24');
    router = await make('/routers', 'router', { external_gateway_info: { network_id: outside.id } });
    await act(`/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
    port = await make('/ports', 'port', { network_id: inside.id });
  });

  it('hold an address, give it to a port, and take it back', async () => {
    const made = await make('/floatingips', 'floatingip', { floating_network_id: outside.id, description: 'mine' });
    const address = String(made['floating_ip_address']);
    assert.deepEqual([made['status'], made['port_id'], made['router_id']], ['DOWN', null, null]);
    assertFault(await send('DELETE', `/ports/${made.id}`), 409, 'ServicePortInUse');
    const given = await put(`/floatingips/${made.id}`, 'floatingip', { port_id: port.id });
    assert.deepEqual(
      [given['floating_ip_address'], given['port_id'], given['router_id'], given['status'], given['description']],
      [address, port.id, router.id, 'ACTIVE', 'mine'],
    );
    const rule = (await rest('GET', `/nat-rules/${made.id}`)).body;
    assert.deepEqual(
      [rule['kind'], rule['external_ip'], rule['logical_switch_port_id']],
      ['floating_ip', address, port.id],
    );
    assert.deepEqual(idsOf(listed(await send('GET', `/floatingips?port_id=${port.id}`), 'floatingips')), [made.id]);
    assertFault(
      await send('PUT', `/routers/${router.id}`, { router: { external_gateway_info: {} } }),
      409,
      'RouterExternalGatewayInUseByFloatingIp',
    );
    const free = await put(`/floatingips/${made.id}`, 'floatingip', { port_id: null });
    assert.deepEqual([free['floating_ip_address'], free['port_id'], free['description']], [address, null, 'mine']);
    await put(`/floatingips/${made.id}`, 'floatingip', { port_id: port.id });
    assert.equal((await send('DELETE', `/ports/${port.id}`)).status, 204);
    assert.equal((await read(`/floatingips/${made.id}`))['port_id'], null);
    assert.equal((await send('DELETE', `/floatingips/${made.id}`)).status, 204);
    assertFault(await send('GET', `/floatingips/${made.id}`), 404, 'FloatingIPNotFound');
  });
  it('are not where no router leads', async () => {
    const alone = await make('/networks', 'network', {});
    await subnetOn(alone, '10.5.0.0/24');
    const far = await make('/ports', 'port', { network_id: alone.id });
    const value = { floating_network_id: outside.id, port_id: far.id };
    assertFault(await send('POST', '/floatingips', { floatingip: value }), 404, 'ExternalGatewayForFloatingIPNotFound');
    assertFault(
      await send('POST', '/floatingips', { floatingip: { floating_network_id: alone.id } }),
      400,
      'BadRequest',
    );
  });
  it('are of another port, or of another address of the same, without a moment of their own in between', async () => {
    const network = await make('/networks', 'network', {});
    const subnet = await subnetOn(network, '10.6.0.0/24');
    await act(`/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
    const fixedIps = [{ ip_address: '10.6.0.10' }, { ip_address: '10.6.0.11' }];
    const [first, second] = [
      await make('/ports', 'port', { network_id: network.id, fixed_ips: fixedIps }),
      await make('/ports', 'port', { network_id: network.id, fixed_ips: [{ ip_address: '10.6.0.20' }] }),
    ];
    const made = await make('/floatingips', 'floatingip', {
      floating_network_id: outside.id,
      floating_ip_address: '203.0.113.99',
      port_id: first.id,
      fixed_ip_address: '10.6.0.11',
    });
    const path = `/floatingips/${made.id}`;
    assert.deepEqual(
      [made['floating_ip_address'], made['fixed_ip_address'], made['router_id'], made['status']],
      ['203.0.113.99', '10.6.0.11', router.id, 'ACTIVE'],
    );
    assert.equal((made['port_details'] as Made)['network_id'], network.id);
    // Two of one address are refused; so is an address that a port does not have, and one without a port.
    const refuse = async (value: object, status: number, type: string) =>
      assertFault(
        await send('POST', '/floatingips', { floatingip: { floating_network_id: outside.id, ...value } }),
        status,
        type,
      );
    await refuse({ port_id: first.id, fixed_ip_address: '10.6.0.11' }, 409, 'FloatingIPPortAlreadyAssociated');
    await refuse({ floating_ip_address: '203.0.113.99' }, 409, 'IpAddressAlreadyAllocated');
    await refuse({ port_id: second.id, fixed_ip_address: '10.6.0.11' }, 400, 'BadRequest');
    await refuse({ fixed_ip_address: '10.6.0.11' }, 400, 'BadRequest');
    const moved = await put(path, 'floatingip', { port_id: first.id, fixed_ip_address: '10.6.0.10' });
    assert.deepEqual([moved['fixed_ip_address'], moved['floating_ip_address']], ['10.6.0.10', '203.0.113.99']);
    const other = await put(path, 'floatingip', { port_id: second.id });
    assert.deepEqual([other['port_id'], other['created_at']], [second.id, made['created_at']]);
    // What needs it stays; an address that goes from the port lets it wait.
    assertFault(
      await send('PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id }),
      409,
      'RouterInterfaceInUseByFloatingIP',
    );
    await put(`/ports/${second.id}`, 'port', { fixed_ips: [{ ip_address: '10.6.0.20' }, { ip_address: '10.6.0.21' }] });
    assert.equal((await read(path))['port_id'], second.id);
    await put(`/ports/${second.id}`, 'port', { fixed_ips: [{ ip_address: '10.6.0.21' }] });
    const waiting = await read(path);
    assert.deepEqual(
      [waiting['port_id'], waiting['fixed_ip_address'], waiting['floating_ip_address']],
      [null, null, '203.0.113.99'],
    );
    assert.equal((await send('DELETE', path)).status, 204);
    await act(`/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id });
  });
  it('take addresses that no router takes, and count as used', async () => {
    const network = await make('/networks', 'network', {
      'router:external': true,
      'provider:network_type': 'vlan',
      'provider:physical_network': 'physnet7',
      'provider:segmentation_id': 77,
    });
    await subnetOn(network, '198.51.100.0/29', { enable_dhcp: false });
    const inside = await make('/networks', 'network', {});
    const subnet = await subnetOn(inside, '10.7.0.0/24');
    const first = await make('/routers', 'router', { external_gateway_info: { network_id: network.id } });
    await act(`/routers/${first.id}/add_router_interface`, { subnet_id: subnet.id });
    const target = await make('/ports', 'port', { network_id: inside.id });
    const made = [];
    for (const more of [{ floating_ip_address: '198.51.100.3', port_id: target.id }, {}])
      made.push(await make('/floatingips', 'floatingip', { floating_network_id: network.id, ...more }));
    const second = await make('/routers', 'router', { external_gateway_info: { network_id: network.id } });
    const taken = [first, second].map(
      each => (each['external_gateway_info'] as { external_fixed_ips: readonly Made[] }).external_fixed_ips[0],
    );
    const addresses = [...taken.map(each => each?.['ip_address']), ...made.map(each => each['floating_ip_address'])];
    assert.equal(new Set(addresses).size, 4, addresses.join());
    assert.equal((await read(`/network-ip-availabilities/${network.id}`))['used_ips'], 4);
    assert.deepEqual(
      idsOf(listed(await send('GET', `/floatingips?floating_network_id=${network.id}`), 'floatingips')),
      idsOf(made),
    );
    for (const each of made) assert.equal((await send('DELETE', `/floatingips/${each.id}`)).status, 204);
    for (const { id } of [second]) assert.equal((await send('DELETE', `/routers/${id}`)).status, 204);
  });
  it('are beside source NAT, which is there unless it is not wanted', async () => {
    const info = (await read(`/routers/${router.id}`))['external_gateway_info'] as {
      external_fixed_ips: readonly { ip_address: string }[];
    };
    const snat = (await rules()).filter(rule => rule['kind'] === 'snat');
    assert.deepEqual(
      snat.map(rule => [rule['external_ip'], rule['logical_ip']]),
      [[info.external_fixed_ips[0]?.ip_address, '10.0.0.0/24']],
    );
    await put(`/routers/${router.id}`, 'router', {
      external_gateway_info: { network_id: outside.id, enable_snat: false },
    });
    assert.deepEqual(await rules(), []);
    await put(`/routers/${router.id}`, 'router', { external_gateway_info: { network_id: outside.id } });
    assert.equal((await rules()).length, 1);
    // It follows subnets that come and go, and addresses outside.
    const network = await make('/networks', 'network', {});
    const subnet = await subnetOn(network, '10.8.0.0/24');
    const six = await subnetOn(network, '2001:db8:8::/64');
    const own = await make('/ports', 'port', { network_id: network.id, fixed_ips: [{ subnet_id: six.id }] });
    await act(`/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
    await act(`/routers/${router.id}/add_router_interface`, { port_id: own.id });
    const translated = async () => sorted((await rules()).map(rule => [rule['external_ip'], rule['logical_ip']]));
    for (const address of ['203.0.113.60', '203.0.113.60', '203.0.113.61']) {
      const asked = { network_id: outside.id, external_fixed_ips: [{ ip_address: address }] };
      await put(`/routers/${router.id}`, 'router', { external_gateway_info: asked });
      assert.deepEqual(await translated(), [
        [address, '10.0.0.0/24'],
        [address, '10.8.0.0/24'],
      ]);
    }
    await act(`/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id });
    assert.deepEqual(await translated(), [['203.0.113.61', '10.0.0.0/24']]);
    await put(`/routers/${router.id}`, 'router', { external_gateway_info: null });
    assert.deepEqual(await rules(), []);
  });
});
