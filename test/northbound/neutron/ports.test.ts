/** The OpenStack API: ports and their bindings, and what each of them is in REST. */
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

describe('Neutron: ports', function () {
  this.timeout(120_000);
  let neutron: NeutronFixture;
  let network: Made;
  let subnet: Made;
  const { send, make, rest, read, put, subnetOn } = verbsOf(() => neutron);
  before(async () => {
    neutron = await sharedNeutron();
    network = await make('/networks', 'network', { name: 'net' });
    subnet = await subnetOn(network, '10.0.0.0/24');
    for (const [place, name] of ['compute1', 'compute2'].entries()) {
      const target = `tcp:192.0.2.${place + 1}:6640`;
      const { status, text } = await rest('POST', '/hypervisors', { name, ovsdb_target: target });
      assert.equal(status, 201, text);
    }
  });
  const port = (more: object = {}): Promise<Made> => make('/ports', 'port', { network_id: network.id, ...more });
  const restPort = async ({ id }: Made) => (await rest('GET', `/logical-switch-ports/${id}`)).body;

  describe('ports', () => {
    it('get addresses, and are in the default group of their project', async () => {
      const made = await port({ name: 'p', project_id: 'tenant' });
      const [fixed] = made['fixed_ips'] as readonly { subnet_id: string; ip_address: string }[];
      assert.equal(fixed?.subnet_id, subnet.id);
      assert.match(fixed?.ip_address ?? '', /^10\.0\.0\./);
      const [group] = listed(await send('GET', '/security-groups?project_id=tenant&name=default'), 'security_groups');
      assert.deepEqual(made['security_groups'], [group?.id]);
      assert.deepEqual(
        [
          made['status'],
          made['binding:vif_type'],
          made['binding:host_id'],
          made['device_id'],
          made['port_security_enabled'],
        ],
        ['DOWN', 'unbound', '', '', true],
      );
      const row = await restPort(made);
      assert.deepEqual([row['security_groups'], row['mac']], [[group?.id], made['mac_address']]);
    });
    it('take the addresses, the MAC and the pairs that are asked for', async () => {
      const made = await port({
        fixed_ips: [{ ip_address: '10.0.0.77' }],
        mac_address: 'FA:16:3e:00:00:77',
        allowed_address_pairs: [
          { ip_address: '10.0.0.200' },
          { ip_address: '10.8.0.0/16', mac_address: 'fa:16:3e:00:00:78' },
        ],
        extra_dhcp_opts: [{ opt_name: 'mtu', opt_value: '1400' }],
      });
      assert.deepEqual(made['fixed_ips'], [{ subnet_id: subnet.id, ip_address: '10.0.0.77' }]);
      assert.equal(made['mac_address'], 'fa:16:3e:00:00:77');
      assert.deepEqual(made['allowed_address_pairs'], [
        { ip_address: '10.0.0.200', mac_address: 'fa:16:3e:00:00:77' },
        { ip_address: '10.8.0.0/16', mac_address: 'fa:16:3e:00:00:78' },
      ]);
      assert.deepEqual(made['extra_dhcp_opts'], [{ opt_name: 'mtu', opt_value: '1400', ip_version: 4 }]);
      const changed = await put(`/ports/${made.id}`, 'port', {
        extra_dhcp_opts: [
          { opt_name: 'mtu', opt_value: null },
          { opt_name: 'ntp-server', opt_value: '192.0.2.9' },
        ],
        fixed_ips: [{ ip_address: '10.0.0.77' }, { subnet_id: subnet.id, ip_address: '10.0.0.78' }],
        allowed_address_pairs: [],
      });
      assert.deepEqual(changed['extra_dhcp_opts'], [{ opt_name: 'ntp-server', opt_value: '192.0.2.9', ip_version: 4 }]);
      assert.equal((changed['fixed_ips'] as readonly unknown[]).length, 2);
      assert.deepEqual(changed['allowed_address_pairs'], []);
      const find = async (query: string) => idsOf(listed(await send('GET', `/ports?${query}`), 'ports'));
      assert.deepEqual(await find(`fixed_ips=subnet_id%3D${subnet.id}&fixed_ips=ip_address%3D10.0.0.78`), [made.id]);
      assert.deepEqual(await find('fixed_ips=ip_address_substr%3D0.0.77'), [made.id]);
      assert.deepEqual(await find(`fixed_ips=subnet_id%3D${subnet.id}&mac_address=`), []);
      assert.deepEqual(await find(`network_id=${network.id}&mac_address=fa:16:3e:00:00:77`), [made.id]);
    });
    it('are refused addresses that are not theirs to have', async () => {
      const refuse = async (value: object, status: number, type: string) =>
        assertFault(await send('POST', '/ports', { port: { network_id: network.id, ...value } }), status, type);
      await port({ fixed_ips: [{ ip_address: '10.0.0.99' }], mac_address: 'fa:16:3e:00:00:99' });
      await refuse({ fixed_ips: [{ ip_address: '10.0.0.99' }] }, 409, 'IpAddressAlreadyAllocated');
      await refuse({ mac_address: 'fa:16:3e:00:00:99' }, 409, 'MacAddressInUse');
      await refuse({ fixed_ips: [{ ip_address: '192.0.2.1' }] }, 400, 'InvalidIpForNetwork');
      await refuse({ fixed_ips: [{ subnet_id: NOBODY }] }, 404, 'SubnetNotFound');
      await refuse({ network_id: NOBODY }, 404, 'NetworkNotFound');
      await refuse({ security_groups: [NOBODY] }, 404, 'SecurityGroupNotFound');
      await refuse(
        { port_security_enabled: false, allowed_address_pairs: [{ ip_address: '10.0.0.5' }] },
        409,
        'AddressPairAndPortSecurityRequired',
      );
      const small = await make('/networks', 'network', {});
      await subnetOn(small, '10.0.1.0/30');
      await make('/ports', 'port', { network_id: small.id });
      await refuse({ network_id: small.id }, 409, 'IpAddressGenerationFailure');
    });
    it('are bound where their host is, which the model then knows too', async () => {
      const bound = await port({
        'binding:host_id': 'compute1',
        device_owner: 'compute:nova',
        device_id: 'vm1',
        'binding:profile': { a: 1 },
      });
      assert.deepEqual(
        [bound['binding:host_id'], bound['binding:vif_type'], bound['binding:profile']],
        ['compute1', 'ovs', { a: 1 }],
      );
      const details = bound['binding:vif_details'] as Record<string, unknown>;
      assert.deepEqual([details['ovs_hybrid_plug'], details['bridge_name']], [false, 'br-int']);
      assert.equal((await restPort(bound))['hypervisor'], 'compute1');
      assert.equal((await rest('PATCH', `/logical-switch-ports/${bound.id}`, { hypervisor: 'compute2' })).status, 200);
      assert.equal((await read(`/ports/${bound.id}`))['binding:host_id'], 'compute2');
      const lost = await put(`/ports/${bound.id}`, 'port', { 'binding:host_id': 'nowhere' });
      assert.deepEqual([lost['binding:host_id'], lost['binding:vif_type']], ['nowhere', 'binding_failed']);
      const unbound = await put(`/ports/${bound.id}`, 'port', {
        'binding:host_id': null,
        device_id: '',
        device_owner: '',
        'binding:profile': {},
      });
      assert.deepEqual(
        [unbound['binding:host_id'], unbound['binding:vif_type'], unbound['binding:profile']],
        ['', 'unbound', {}],
      );
    });
    it('have a name that DNS tells, beside the one for people', async () => {
      const own = await make('/networks', 'network', { dns_domain: 'example.org.' });
      const on = await subnetOn(own, '10.0.9.0/24');
      const fixed = { network_id: own.id, fixed_ips: [{ subnet_id: on.id, ip_address: '10.0.9.9' }] };
      const made = await make('/ports', 'port', { ...fixed, name: 'of nova', dns_name: 'VM1' });
      assert.deepEqual([made['name'], made['dns_name']], ['of nova', 'vm1']);
      assert.deepEqual(made['dns_assignment'], [{ ip_address: '10.0.9.9', hostname: 'vm1', fqdn: 'vm1.example.org.' }]);
      assert.equal((await restPort(made))['name'], 'vm1');
      assert.deepEqual(idsOf(listed(await send('GET', `/ports?dns_name=vm1&network_id=${own.id}`), 'ports')), [
        made.id,
      ]);
      const renamed = await put(`/ports/${made.id}`, 'port', { name: 'other' });
      assert.deepEqual([renamed['name'], renamed['dns_name']], ['other', 'vm1']);
      const without = await put(`/ports/${made.id}`, 'port', { dns_name: '' });
      assert.deepEqual([without['name'], without['dns_name']], ['other', '']);
      assert.equal((await restPort(made))['name'], 'other');
      for (const name of ['-x', 'a b', 'a.example.org', 'x'.repeat(64), 7])
        assertFault(await send('PUT', `/ports/${made.id}`, { port: { dns_name: name } }), 400, 'InvalidInput');
    });
    it('move by bindings of which one is active', async () => {
      const vm = await port({ 'binding:host_id': 'compute1', device_owner: 'compute:nova' });
      const path = `/ports/${vm.id}/bindings`;
      const made = await send('POST', path, {
        binding: { host: 'compute2', vnic_type: 'normal', profile: { migrating_to: 'x' } },
      });
      assert.equal(made.status, 201, made.text);
      assert.deepEqual(
        [(made.body['binding'] as Made)['status'], (made.body['binding'] as Made)['vif_type']],
        ['INACTIVE', 'ovs'],
      );
      assertFault(await send('POST', path, { binding: { host: 'compute2' } }), 409, 'PortBindingAlreadyExists');
      assertFault(await send('POST', path, { binding: { host: 'nowhere' } }), 500, 'PortBindingError');
      assertFault(await send('PUT', `${path}/compute1/activate`), 409, 'PortBindingAlreadyActive');
      const active = await send('PUT', `${path}/compute2/activate`);
      assert.equal(active.status, 200, active.text);
      assert.equal((await read(`/ports/${vm.id}`))['binding:host_id'], 'compute2');
      assert.equal((await restPort(vm))['hypervisor'], 'compute2');
      const bindings = (await send('GET', path)).body['bindings'] as readonly Made[];
      assert.deepEqual(
        bindings.map(each => [each['host'], each['status']]),
        [
          ['compute2', 'ACTIVE'],
          ['compute1', 'INACTIVE'],
        ],
      );
      assert.equal((await send('DELETE', `${path}/compute1`)).status, 204);
      assertFault(await send('DELETE', `${path}/compute1`), 404, 'PortBindingNotFound');
      const other = await port();
      assertFault(await send('GET', `/ports/${other.id}/bindings`), 400, 'BadRequest', /compute ports/);
    });
    it('without a group let nothing pass, and without port security everything', async () => {
      const closed = await port({ security_groups: [] });
      assert.deepEqual(closed['security_groups'], []);
      const [hidden] = (await restPort(closed))['security_groups'] as readonly string[];
      const { body } = await rest('GET', `/security-groups/${hidden}`);
      assert.deepEqual(body['isolates'], ['ingress', 'egress']);
      assertFault(await send('GET', `/security-groups/${hidden}`), 404, 'SecurityGroupNotFound');
      const open = await put(`/ports/${closed.id}`, 'port', { port_security_enabled: false });
      assert.equal(open['port_security_enabled'], false);
      assert.deepEqual(
        [(await restPort(open))['security_groups'], (await restPort(open))['port_security']],
        [[], false],
      );
    });
    it('are made many at once, with their tags', async () => {
      const ports = Array.from({ length: 20 }, (_, place) => ({
        network_id: network.id,
        tags: ['pool', `n${place}`],
        device_owner: 'compute:kuryr',
      }));
      const { status, body, text } = await send('POST', '/ports', { ports });
      assert.equal(status, 201, text);
      const made = body['ports'] as readonly Made[];
      assert.equal(new Set(made.map(each => JSON.stringify(each['fixed_ips']))).size, 20);
      assert.deepEqual(
        idsOf(listed(await send('GET', '/ports?tags=pool&device_owner=compute:kuryr&status=DOWN'), 'ports')),
        idsOf(made),
      );
      assert.deepEqual(made[3]?.['tags'], ['n3', 'pool']);
    });
    it('of a network whose ports make their addresses have one of each, asked for or not', async () => {
      const own = await make('/networks', 'network', {});
      const four = await subnetOn(own, '10.0.3.0/24');
      await subnetOn(own, '2001:db8:3::/64', { ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac' });
      const made = await make('/ports', 'port', {
        network_id: own.id,
        mac_address: 'fa:16:3e:01:02:03',
        fixed_ips: [{ subnet_id: four.id }],
      });
      const addresses = (made['fixed_ips'] as readonly { ip_address: string }[]).map(each => each.ip_address);
      assert.ok(addresses.includes('2001:db8:3:0:f816:3eff:fe01:203'), addresses.join());
    });
  });

  describe('what is looked at', () => {
    it('agents, zones, and addresses that are left', async () => {
      const agents = listed(await send('GET', '/agents?host=compute1'), 'agents');
      assert.deepEqual(
        agents.map(each => [each['host'], each['alive']]),
        [['compute1', false]],
      );
      const drained = await put(`/agents/${agents[0]?.id}`, 'agent', { admin_state_up: false });
      assert.equal(drained['admin_state_up'], false);
      assert.equal((await rest('GET', `/hypervisors/${agents[0]?.id}`)).body['drain'], true);
      await put(`/agents/${agents[0]?.id}`, 'agent', { admin_state_up: true });
      assert.equal(listed(await send('GET', '/availability_zones'), 'availability_zones').length, 2);
      const own = await make('/networks', 'network', {});
      await subnetOn(own, '10.0.20.0/24');
      await make('/ports', 'port', { network_id: own.id });
      const left = await read(`/network-ip-availabilities/${own.id}`);
      assert.deepEqual([left['total_ips'], left['used_ips']], [254, 1]);
      await subnetOn(own, '2001:db8:20::/120');
      const counts = async (query: string) =>
        listed(
          await send('GET', `/network-ip-availabilities?network_id=${own.id}${query}`),
          'network_ip_availabilities',
        ).map(each => each['total_ips']);
      assert.deepEqual(await counts('&ip_version=4'), [254]);
      assert.deepEqual(await counts('&ip_version=6'), [256]);
      assert.deepEqual(await counts(''), [510]);
    });
    it('quotas, and how much of them is used', async () => {
      const project = 'counted';
      await make('/networks', 'network', { project_id: project });
      const { body } = await send('PUT', `/quotas/${project}`, { quota: { network: 7, port: '-1' } });
      const quota = body['quota'] as Record<string, number>;
      assert.deepEqual([quota['network'], quota['port'], quota['subnetpool']], [7, -1, -1]);
      for (const path of ['details', 'details.json']) {
        const details = (await send('GET', `/quotas/${project}/${path}`)).body['quota'] as Record<string, unknown>;
        assert.deepEqual(details['network'], { limit: 7, used: 1, reserved: 0 });
      }
      const { body: quotas } = await rest('GET', `/quotas?project_id=${project}`);
      assert.deepEqual((quotas['items'] as readonly Made[])[0]?.['limits'], { 'logical-switches': 7 });
      assert.equal((await send('DELETE', `/quotas/${project}`)).status, 204);
      assertFault(await send('DELETE', `/quotas/${project}`), 404, 'TenantQuotaNotFound');
      assertFault(await send('PUT', `/quotas/${project}`, { quota: { nothing: 1 } }), 400, 'HTTPBadRequest');
    });
    it('policies of sharing, which REST says in its own way', async () => {
      const own = await make('/networks', 'network', { project_id: 'owner' });
      const policy = await make('/rbac-policies', 'rbac_policy', {
        object_type: 'network',
        object_id: own.id,
        action: 'access_as_shared',
        target_tenant: 'guest',
      });
      assert.deepEqual((await rest('GET', `/logical-switches/${own.id}`)).body['shared_with'], ['guest']);
      assertFault(
        await send('POST', '/rbac-policies', {
          rbac_policy: {
            object_type: 'network',
            object_id: own.id,
            action: 'access_as_shared',
            target_tenant: 'guest',
          },
        }),
        409,
        'DuplicateRbacPolicy',
      );
      await rest('PATCH', `/logical-switches/${own.id}`, { shared_with: ['guest', 'other'] });
      const policies = listed(await send('GET', `/rbac-policies?object_id=${own.id}`), 'rbac_policies');
      assert.deepEqual(sorted(policies.map(each => each['target_tenant'])), ['guest', 'other']);
      assert.equal((await send('DELETE', `/rbac-policies/${policy.id}`)).status, 204);
      assert.deepEqual((await rest('GET', `/logical-switches/${own.id}`)).body['shared_with'], ['other']);
    });
  });
});
