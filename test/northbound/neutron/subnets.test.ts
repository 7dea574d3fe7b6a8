/** The OpenStack API: subnets, and the pools that they come from. */
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

const NOBODY = '00000000-0000-4000-8000-00000000dead';

describe('Neutron', function () {
  this.timeout(120_000);
  let neutron: NeutronFixture;
  const { send, make, put, read, subnetOn } = verbsOf(() => neutron);
  before(async () => {
    neutron = await sharedNeutron();
  });

  describe('subnets', () => {
    let network: Made;
    before(async () => {
      network = await make('/networks', 'network', {});
    });
    it('have a gateway and pools of addresses when nothing is said', async () => {
      const subnet = await subnetOn(network, '10.2.0.0/24', {
        name: 's',
        enable_dhcp: 'True',
        dns_nameservers: ['192.0.2.53'],
      });
      assert.deepEqual(
        [
          subnet['gateway_ip'],
          subnet['allocation_pools'],
          subnet['enable_dhcp'],
          subnet['ip_version'],
          subnet['dns_nameservers'],
        ],
        ['10.2.0.1', [{ start: '10.2.0.2', end: '10.2.0.254' }], true, 4, ['192.0.2.53']],
      );
      const six = await subnetOn(network, '2001:db8:1::/64', { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' });
      assert.deepEqual([six['gateway_ip'], six['ipv6_ra_mode'], six['ip_version']], ['2001:db8:1::1', 'slaac', 6]);
      const none = await subnetOn(network, '10.3.0.0/24', {
        gateway_ip: null,
        host_routes: [{ destination: '10.9.0.0/16', nexthop: '10.3.0.9' }],
      });
      assert.deepEqual(
        [none['gateway_ip'], none['host_routes']],
        [null, [{ destination: '10.9.0.0/16', nexthop: '10.3.0.9' }]],
      );
      assert.deepEqual(
        await put(`/subnets/${none.id}`, 'subnet', { gateway_ip: '10.3.0.1', name: 'with' }).then(each => [
          each['gateway_ip'],
          each['name'],
        ]),
        ['10.3.0.1', 'with'],
      );
    });
    it('refuse what contradicts itself or the network', async () => {
      const refuse = async (value: object, status: number, type: string) =>
        assertFault(
          await send('POST', '/subnets', {
            subnet: { network_id: network.id, ip_version: 4, cidr: '10.5.0.0/24', ...value },
          }),
          status,
          type,
        );
      await refuse({ cidr: '10.2.0.128/25' }, 400, 'InvalidInput');
      await refuse({ ip_version: 6 }, 400, 'InvalidInput');
      await refuse({ gateway_ip: '10.6.0.1' }, 400, 'InvalidInput');
      await refuse({ network_id: NOBODY }, 404, 'NetworkNotFound');
      await refuse({ cidr: null }, 400, 'HTTPBadRequest');
      await refuse(
        { allocation_pools: [{ start: '10.5.0.1', end: '10.5.0.9' }], gateway_ip: '10.5.0.5' },
        409,
        'GatewayConflictWithAllocationPools',
      );
      assertFault(
        await send('POST', '/subnets', { subnet: { ip_version: 4, cidr: '10.5.0.0/24' } }),
        400,
        'HTTPBadRequest',
        /Required attribute 'network_id'/,
      );
    });
    it('come from pools, which keep what they gave', async () => {
      const pool = await make('/subnetpools', 'subnetpool', {
        name: 'pool',
        prefixes: ['10.128.0.0/16', '10.129.0.0/16'],
        default_prefixlen: '24',
      });
      assert.deepEqual(
        [pool['prefixes'], pool['default_prefixlen'], pool['min_prefixlen'], pool['ip_version']],
        [['10.128.0.0/15'], '24', '8', 4],
      );
      const take = (more: object) =>
        make('/subnets', 'subnet', { network_id: own.id, subnetpool_id: pool.id, ip_version: 4, ...more });
      const own = await make('/networks', 'network', {});
      const first = await take({});
      const named = await take({ cidr: '10.128.1.0/24' });
      const third = await take({ prefixlen: 25 });
      assert.deepEqual(
        [first, named, third].map(each => each['cidr']),
        ['10.128.0.0/24', '10.128.1.0/24', '10.128.2.0/25'],
      );
      assert.equal(named['subnetpool_id'], pool.id);
      const again = { network_id: own.id, subnetpool_id: pool.id, ip_version: 4, cidr: '10.128.0.0/25' };
      assertFault(await send('POST', '/subnets', { subnet: again }), 409, 'SubnetAllocationError');
      assertFault(
        await send('POST', '/subnets', {
          subnet: { network_id: own.id, ip_version: 4, cidr: '10.7.0.0/24', subnetpool_id: NOBODY },
        }),
        404,
        'SubnetPoolNotFound',
      );
      assertFault(await send('DELETE', `/subnetpools/${pool.id}`), 400, 'SubnetPoolDeleteError');
      assert.equal((await send('DELETE', `/subnets/${first.id}`)).status, 204);
      assert.equal((await take({}))['cidr'], '10.128.0.0/24');
      assert.deepEqual(idsOf(listed(await send('GET', `/subnets?subnetpool_id=${pool.id}`), 'subnets')).length, 3);
      assert.equal((await send('DELETE', `/networks/${own.id}`)).status, 204);
      assert.equal((await send('DELETE', `/subnetpools/${pool.id}`)).status, 204);
    });
    it('at once get parts of a pool that do not overlap', async () => {
      const pool = await make('/subnetpools', 'subnetpool', {
        name: 'many',
        prefixes: ['10.144.0.0/16'],
        default_prefixlen: 26,
      });
      const own = await make('/networks', 'network', {});
      const taken = await Promise.all(
        Array.from({ length: 8 }, () =>
          make('/subnets', 'subnet', { network_id: own.id, subnetpool_id: pool.id, ip_version: 4 }),
        ),
      );
      assert.equal(new Set(taken.map(each => each['cidr'])).size, 8);
    });
    it('are of address scopes by their pools', async () => {
      const scope = await make('/address-scopes', 'address_scope', { name: 'scope', ip_version: 4 });
      const pool = await make('/subnetpools', 'subnetpool', {
        name: 'scoped',
        prefixes: ['10.160.0.0/16'],
        address_scope_id: scope.id,
        default_prefixlen: 24,
      });
      const own = await make('/networks', 'network', {});
      await make('/subnets', 'subnet', { network_id: own.id, subnetpool_id: pool.id, ip_version: 4 });
      assert.equal((await read(`/networks/${own.id}`))['ipv4_address_scope'], scope.id);
      assertFault(await send('DELETE', `/address-scopes/${scope.id}`), 409, 'AddressScopeInUse');
    });
  });
});
