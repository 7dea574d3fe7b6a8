/** The OpenStack API: security groups, routers, and what each of them is in REST. */
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

describe('Neutron: routers and groups', function () {
  this.timeout(120_000);
  let neutron: NeutronFixture;
  let network: Made;
  let subnet: Made;
  const { send, make, rest, read, put, act, subnetOn } = verbsOf(() => neutron);
  before(async () => {
    neutron = await sharedNeutron();
    network = await make('/networks', 'network', { name: 'net' });
    subnet = await subnetOn(network, '10.0.0.0/24');
  });
  const port = (more: object = {}): Promise<Made> => make('/ports', 'port', { network_id: network.id, ...more });

  describe('security groups', () => {
    it('let everything out, and in from those that rules name', async () => {
      const group = await make('/security-groups', 'security_group', { name: 'web', description: 'd' });
      const rules = group['security_group_rules'] as readonly Made[];
      assert.deepEqual(sorted(rules.map(rule => [rule['direction'], rule['ethertype'], rule['protocol']])), [
        ['egress', 'IPv4', null],
        ['egress', 'IPv6', null],
      ]);
      const rule = await make('/security-group-rules', 'security_group_rule', {
        security_group_id: group.id,
        direction: 'ingress',
        protocol: 'TCP',
        port_range_min: '80',
        port_range_max: 90,
        remote_ip_prefix: '192.0.2.7/24',
      });
      assert.deepEqual(
        [
          rule['protocol'],
          rule['port_range_min'],
          rule['remote_ip_prefix'],
          rule['normalized_cidr'],
          rule['ethertype'],
        ],
        ['tcp', 80, '192.0.2.7/24', '192.0.2.0/24', 'IPv4'],
      );
      const { body } = await rest('GET', `/security-group-rules/${rule.id}`);
      assert.deepEqual(
        [body['port_min'], body['port_max'], body['remote_cidr'], body['action']],
        [80, 90, '192.0.2.0/24', 'allow'],
      );
      const same = {
        security_group_id: group.id,
        direction: 'ingress',
        protocol: 6,
        port_range_min: 80,
        port_range_max: 90,
        remote_ip_prefix: '192.0.2.0/24',
      };
      const again = await send('POST', '/security-group-rules', { security_group_rule: same });
      assertFault(again, 409, 'SecurityGroupRuleExists', new RegExp(`Rule id is ${rule.id}\\.$`));
      assert.equal((await send('DELETE', `/security-group-rules/${rule.id}`)).status, 204);
      assertFault(await send('DELETE', `/security-group-rules/${rule.id}`), 404, 'SecurityGroupRuleNotFound');
    });
    it('refuse rules that say nothing', async () => {
      const group = await make('/security-groups', 'security_group', {});
      const refuse = async (value: object, type: string) =>
        assertFault(
          await send('POST', '/security-group-rules', {
            security_group_rule: { security_group_id: group.id, direction: 'ingress', ...value },
          }),
          400,
          type,
        );
      await refuse({ port_range_min: 1, port_range_max: 2 }, 'SecurityGroupProtocolRequiredWithPorts');
      await refuse({ protocol: 'tcp', port_range_min: 9, port_range_max: 2 }, 'SecurityGroupInvalidPortRange');
      await refuse({ protocol: 'icmpv6', ethertype: 'IPv4' }, 'SecurityGroupEthertypeConflictWithProtocol');
      await refuse({ remote_ip_prefix: '2001:db8::/64' }, 'SecurityGroupRuleParameterConflict');
      await refuse(
        { remote_ip_prefix: '10.0.0.0/8', remote_group_id: group.id },
        'SecurityGroupRemoteGroupAndRemoteIpPrefix',
      );
      await refuse({ direction: 'sideways' }, 'InvalidInput');
      await refuse({ protocol: 'icmp', port_range_max: 0 }, 'SecurityGroupMissingIcmpType');
      const icmp = await make('/security-group-rules', 'security_group_rule', {
        security_group_id: group.id,
        direction: 'ingress',
        ethertype: 'IPv6',
        protocol: 'ipv6-icmp',
        port_range_min: 128,
      });
      assert.deepEqual([icmp['protocol'], icmp['port_range_min'], icmp['port_range_max']], ['ipv6-icmp', 128, null]);
    });
    it('of a project begin with one that is its default', async () => {
      const project = 'with-default';
      const find = async () => listed(await send('GET', `/security-groups?tenant_id=${project}`), 'security_groups');
      assert.equal((await find()).length, 0);
      await port({ project_id: project });
      const [group] = await find();
      const rules = ((group?.['security_group_rules'] ?? []) as readonly Made[]).map(rule => [
        rule['direction'],
        rule['ethertype'],
        rule['remote_group_id'],
      ]);
      assert.deepEqual(sorted(rules), [
        ['egress', 'IPv4', null],
        ['egress', 'IPv6', null],
        ['ingress', 'IPv4', group?.id],
        ['ingress', 'IPv6', group?.id],
      ]);
      const named = { security_group: { name: 'default', project_id: project } };
      assertFault(await send('POST', '/security-groups', named), 409, 'SecurityGroupDefaultAlreadyExists');
    });
    it('are not deleted while ports are in them, and take rules that name them along', async () => {
      const [a, b] = [
        await make('/security-groups', 'security_group', {}),
        await make('/security-groups', 'security_group', {}),
      ];
      const rule = await make('/security-group-rules', 'security_group_rule', {
        security_group_id: a.id,
        direction: 'ingress',
        remote_group_id: b.id,
      });
      const member = await port({ security_groups: [b.id] });
      assertFault(await send('DELETE', `/security-groups/${b.id}`), 409, 'SecurityGroupInUse');
      await put(`/ports/${member.id}`, 'port', { security_groups: [a.id] });
      assert.equal((await send('DELETE', `/security-groups/${b.id}`)).status, 204);
      assertFault(await send('GET', `/security-group-rules/${rule.id}`), 404, 'SecurityGroupRuleNotFound');
    });
    it('name groups of addresses', async () => {
      const group = await make('/address-groups', 'address_group', {
        name: 'office',
        addresses: ['192.0.2.1', '198.51.100.0/24'],
      });
      assert.deepEqual(group['addresses'], ['192.0.2.1/32', '198.51.100.0/24']);
      const path = `/address-groups/${group.id}`;
      await act(`${path}/add_addresses`, { addresses: ['203.0.113.0/24'] });
      await act(`${path}/remove_addresses`, { addresses: ['192.0.2.1/32'] });
      assert.deepEqual((await read(path))['addresses'], ['198.51.100.0/24', '203.0.113.0/24']);
      const security = await make('/security-groups', 'security_group', {});
      await make('/security-group-rules', 'security_group_rule', {
        security_group_id: security.id,
        direction: 'ingress',
        remote_address_group_id: group.id,
      });
      assertFault(await send('DELETE', path), 409, 'AddressGroupInUse');
    });
  });

  describe('routers', () => {
    it('have interfaces on subnets, and ports that become theirs', async () => {
      const router = await make('/routers', 'router', { name: 'r' });
      assert.deepEqual([router['status'], router['external_gateway_info'], router['routes']], ['ACTIVE', null, []]);
      const done = await act(`/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
      assert.deepEqual([done.id, done['subnet_id'], done['network_id']], [router.id, subnet.id, network.id]);
      const leg = await read(`/ports/${String(done['port_id'])}`);
      assert.deepEqual(
        [leg['device_owner'], leg['device_id'], leg['fixed_ips'], leg['status']],
        ['network:router_interface', router.id, [{ subnet_id: subnet.id, ip_address: '10.0.0.1' }], 'ACTIVE'],
      );
      assertFault(await send('DELETE', `/ports/${leg.id}`), 409, 'ServicePortInUse');
      assertFault(
        await send('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }),
        400,
        'BadRequest',
        /already has a port/,
      );
      assert.deepEqual(idsOf(listed(await send('GET', `/ports?device_id=${router.id}`), 'ports')), [leg.id]);

      const own = await make('/networks', 'network', {});
      await subnetOn(own, '10.0.7.0/24');
      const given = await make('/ports', 'port', {
        network_id: own.id,
        fixed_ips: [{ ip_address: '10.0.7.7' }],
        description: 'mine',
      });
      await act(`/routers/${router.id}/add_router_interface`, { port_id: given.id });
      const taken = await read(`/ports/${given.id}`);
      assert.deepEqual(
        [taken['device_owner'], taken['mac_address'], taken['fixed_ips'], taken['description']],
        ['network:router_interface', given['mac_address'], given['fixed_ips'], 'mine'],
      );
      assertFault(await send('DELETE', `/routers/${router.id}`), 409, 'RouterInUse');
      await act(`/routers/${router.id}/remove_router_interface`, { port_id: given.id });
      assertFault(await send('GET', `/ports/${given.id}`), 404, 'PortNotFound');
      await act(`/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id });
      assertFault(
        await send('PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id }),
        404,
        'RouterInterfaceNotFoundForSubnet',
      );
      assertFault(
        await send('PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: NOBODY }),
        404,
        'SubnetNotFound',
      );
      assert.equal((await send('DELETE', `/routers/${router.id}`)).status, 204);
      assertFault(
        await send('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }),
        404,
        'RouterNotFound',
      );
    });
    it('made by REST show what they have', async () => {
      const own = await make('/networks', 'network', {});
      const on = await subnetOn(own, '10.0.8.0/24');
      const { body } = await rest('POST', '/logical-routers', { name: 'of-rest' });
      const id = String(body['id']);
      const leg = await rest('POST', '/logical-router-ports', {
        name: 'leg',
        logical_router_id: id,
        logical_switch_id: own.id,
        networks: ['10.0.8.1/24'],
      });
      assert.equal(leg.status, 201, leg.text);
      const shown = await read(`/ports/${String(leg.body['id'])}`);
      assert.deepEqual([shown['device_id'], shown['fixed_ips']], [id, [{ subnet_id: on.id, ip_address: '10.0.8.1' }]]);
      await act(`/routers/${id}/remove_router_interface`, { subnet_id: on.id });
    });
    it('have extra routes, all at once or one by one', async () => {
      const own = await make('/networks', 'network', {});
      const on = await subnetOn(own, '10.0.9.0/24');
      const router = await make('/routers', 'router', {});
      await act(`/routers/${router.id}/add_router_interface`, { subnet_id: on.id });
      const route = (place: number) => ({ destination: `10.${100 + place}.0.0/16`, nexthop: '10.0.9.9' });
      const set = await put(`/routers/${router.id}`, 'router', { routes: [route(1), route(2)] });
      assert.equal((set['routes'] as readonly unknown[]).length, 2);
      await put(`/routers/${router.id}`, 'router', { routes: [route(2), route(3)] });
      await act(`/routers/${router.id}/add_extraroutes`, { router: { routes: [route(2), route(4)] } });
      await act(`/routers/${router.id}/remove_extraroutes`, { router: { routes: [route(3)] } });
      const routes = (await read(`/routers/${router.id}`))['routes'] as readonly { destination: string }[];
      assert.deepEqual(routes.map(each => each.destination).toSorted(), ['10.102.0.0/16', '10.104.0.0/16']);
      assertFault(
        await send('PUT', `/routers/${router.id}`, {
          router: { routes: [{ destination: '10.1.0.0/16', nexthop: '192.0.2.1' }] },
        }),
        400,
        'InvalidRoutes',
      );
      assertFault(
        await send('PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: on.id }),
        409,
        'RouterInterfaceInUseByRoute',
      );
      await put(`/routers/${router.id}`, 'router', { routes: [] });
      await act(`/routers/${router.id}/remove_router_interface`, { subnet_id: on.id });
    });
    it('are outside on external networks', async () => {
      const outside = await make('/networks', 'network', {
        name: 'public',
        'router:external': true,
        'provider:network_type': 'flat',
        'provider:physical_network': 'physnet9',
      });
      const on = await subnetOn(outside, '203.0.113.0/24', { enable_dhcp: false });
      const router = await make('/routers', 'router', { external_gateway_info: { network_id: outside.id } });
      const info = router['external_gateway_info'] as {
        external_fixed_ips: readonly { subnet_id: string; ip_address: string }[];
      };
      assert.deepEqual(info.external_fixed_ips, [{ subnet_id: on.id, ip_address: '203.0.113.2' }]);
      assert.deepEqual(router['routes'], []);
      const { body } = await rest('GET', `/static-routes?logical_router_id=${router.id}`);
      assert.deepEqual(
        (body['items'] as readonly Made[]).map(each => [each['destination'], each['next_hop']]),
        [['0.0.0.0/0', '203.0.113.1']],
      );
      const [gateway] = listed(
        await send('GET', `/ports?device_owner=network:router_gateway&device_id=${router.id}`),
        'ports',
      );
      assert.equal(gateway?.['network_id'], outside.id);
      const moved = await put(`/routers/${router.id}`, 'router', {
        external_gateway_info: { network_id: outside.id, external_fixed_ips: [{ ip_address: '203.0.113.50' }] },
      });
      assert.deepEqual((moved['external_gateway_info'] as typeof info).external_fixed_ips, [
        { subnet_id: on.id, ip_address: '203.0.113.50' },
      ]);
      const inside = await put(`/routers/${router.id}`, 'router', { external_gateway_info: {} });
      assert.equal(inside['external_gateway_info'], null);
      assertFault(
        await send('PUT', `/routers/${router.id}`, { router: { external_gateway_info: { network_id: network.id } } }),
        400,
        'BadRequest',
        /not an external network/,
      );
      await put(`/routers/${router.id}`, 'router', { external_gateway_info: { network_id: outside.id } });
      assert.equal((await send('DELETE', `/routers/${router.id}`)).status, 204);
      assert.equal((await send('DELETE', `/networks/${outside.id}`)).status, 204);
    });
  });
});
