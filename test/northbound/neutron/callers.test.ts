/** The OpenStack API: who is let in, by tokens of Weft or of Keystone, and what members of a project see and may do. */
import assert from 'node:assert/strict';
import { Keystone } from '../../../northbound/neutron/keystone.js';
import { TokenAuthenticator } from '../../../northbound/rest/token-authenticator.js';
import { systemClock } from '../../../src/base/clock.js';
import { FakeKeystone } from './fake-keystone.js';
import {
  assertFault,
  idsOf,
  listed,
  type Made,
  type NeutronFixture,
  type Send,
  startNeutron,
} from './neutron-fixture.js';

const firstToken = 'the-token-of-the-file-that-is-long';

describe('Neutron: callers', function () {
  this.timeout(120_000);
  const fake = new FakeKeystone();
  let neutron: NeutronFixture;
  let skewMs = 0;
  before(async () => {
    const url = await fake.start();
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + skewMs, wallTime: () => systemClock.wallTime() };
    neutron = await startNeutron({
      isOpen: false,
      keystone: new Keystone({ url: `${url}/v3/`, user: 'weft', password: 'secret', project: 'service' }, clock),
      authenticator: view =>
        new TokenAuthenticator({ view, clock: systemClock, firstToken, onUse: () => {}, foreign: null }),
      store: { auth: 'token', quotas: new Map([['*', 50]]) },
    });
    fake.tokens.set('admin', { user: 'root', project: 'admins', roles: ['admin', 'member'] });
    fake.tokens.set('alice', { user: 'alice', project: 'a', roles: ['member'] });
    fake.tokens.set('bob', { user: 'bob', project: 'b', roles: ['_member_'] });
    fake.tokens.set('eve', { user: 'eve', project: 'a', roles: ['reader'] });
  });
  after(async () => {
    await neutron.rest.close();
    await fake.stop();
  });

  const as = (token: string): Send => neutron.as(token);
  const make = (token: string, path: string, member: string, value: object): Promise<Made> =>
    neutron.make(path, member, { ...value }, as(token));

  const assertUnauthorized = async (token: string, headers: Record<string, string> = {}): Promise<void> => {
    const { status, body, headers: shown } = await as(token)('GET', '/networks', undefined, headers);
    assert.equal(status, 401);
    const { error } = body as { error: Record<string, unknown> };
    assert.deepEqual([error['code'], error['title']], [401, 'Unauthorized']);
    assert.match(String(shown['www-authenticate']), /^Keystone uri="/);
  };

  it('are those of Keystone and of Weft, and nobody else', async () => {
    assert.equal((await as('alice')('GET', '/networks')).status, 200);
    assert.equal((await as(firstToken)('GET', '/networks')).status, 200);
    await assertUnauthorized('');
    await assertUnauthorized('nobody');
    await assertUnauthorized('', { authorization: `Bearer ${firstToken}` });
    fake.tokens.set('unscoped', { user: 'u', project: null, roles: ['member'] });
    fake.tokens.set('roleless', { user: 'u', project: 'u', roles: ['cleaner'] });
    fake.tokens.set('expired', { user: 'u', project: 'u', roles: ['member'], expiresInMs: -1_000 });
    for (const token of ['unscoped', 'roleless', 'expired']) await assertUnauthorized(token);
    assert.equal((await neutron.rest.request('GET', '/neutron')).status, 200);
  });
  it('are remembered for a minute, and not longer', async () => {
    await as('alice')('GET', '/networks');
    const { validations } = fake.asked;
    await Promise.all(Array.from({ length: 5 }, () => as('alice')('GET', '/networks')));
    assert.equal(fake.asked.validations, validations);
    skewMs += 61_000;
    await Promise.all(Array.from({ length: 5 }, () => as('alice')('GET', '/networks')));
    assert.equal(fake.asked.validations, validations + 1);
    fake.tokens.delete('alice');
    assert.equal((await as('alice')('GET', '/networks')).status, 200);
    skewMs += 61_000;
    await assertUnauthorized('alice');
    fake.tokens.set('alice', { user: 'alice', project: 'a', roles: ['member'] });
  });
  it('are known again after Keystone has forgotten who Weft is, and refused as long as it is ill', async () => {
    fake.forgetAskers();
    skewMs += 61_000;
    const before = fake.asked.authentications;
    assert.equal((await as('bob')('GET', '/networks')).status, 200);
    assert.equal(fake.asked.authentications, before + 1);
    skewMs += 61_000;
    fake.illness = 500;
    assertFault(await as('bob')('GET', '/networks'), 503, 'ServiceUnavailable');
    fake.illness = null;
    assert.equal((await as('bob')('GET', '/networks')).status, 200);
  });
  it('of a project see what it has and what is shared with it', async () => {
    const own = await make('alice', '/networks', 'network', { name: 'own' });
    const shared = await make('alice', '/networks', 'network', { name: 'shared' });
    await make('alice', '/rbac-policies', 'rbac_policy', {
      object_type: 'network',
      object_id: shared.id,
      action: 'access_as_shared',
      target_tenant: 'b',
    });
    assert.equal(own['project_id'], 'a');
    const seen = idsOf(listed(await as('bob')('GET', '/networks'), 'networks'));
    assert.ok(seen.includes(shared.id) && !seen.includes(own.id));
    assertFault(await as('bob')('GET', `/networks/${own.id}`), 404, 'NetworkNotFound');
    assertFault(await as('bob')('PUT', `/networks/${own.id}`, { network: { name: 'x' } }), 404, 'NetworkNotFound');
    assertFault(await as('bob')('DELETE', `/networks/${shared.id}`), 403, 'PolicyNotAuthorized');
    assertFault(await as('bob')('PUT', `/networks/${shared.id}/tags/x`), 403, 'PolicyNotAuthorized');
    await make('alice', '/subnets', 'subnet', { network_id: shared.id, ip_version: 4, cidr: '10.0.0.0/24' });
    assert.equal(listed(await as('bob')('GET', `/subnets?network_id=${shared.id}`), 'subnets').length, 1);
    assertFault(
      await as('bob')('POST', '/subnets', { subnet: { network_id: shared.id, ip_version: 4, cidr: '10.1.0.0/24' } }),
      404,
      'NetworkNotFound',
    );
    const port = await make('bob', '/ports', 'port', { network_id: shared.id });
    assert.equal(port['project_id'], 'b');
    for (const name of ['binding:host_id', 'binding:profile', 'binding:vif_type', 'binding:vif_details'])
      assert.equal(port[name], undefined, name);
    assert.equal(port['binding:vnic_type'], 'normal');
    assertFault(await as('bob')('POST', '/ports', { port: { network_id: own.id } }), 404, 'NetworkNotFound');
    assert.ok(idsOf(listed(await as('admin')('GET', '/networks'), 'networks')).includes(own.id));
    assertFault(await as('alice')('DELETE', `/networks/${shared.id}`), 409, 'NetworkInUse');
  });
  it('of a project are refused what only admins do', async () => {
    const refuse = async (path: string, member: string, value: object) =>
      assertFault(await as('alice')('POST', path, { [member]: value }), 403, 'PolicyNotAuthorized');
    const { id } = await make('alice', '/networks', 'network', {});
    await refuse('/networks', 'network', { shared: true });
    await refuse('/networks', 'network', { 'router:external': true });
    await refuse('/networks', 'network', { 'provider:network_type': 'flat', 'provider:physical_network': 'x' });
    await refuse('/ports', 'port', { network_id: id, 'binding:host_id': 'compute1' });
    assert.equal((await as('alice')('POST', '/networks', { network: { shared: false } })).status, 201);
    assertFault(await as('alice')('POST', '/networks', { network: { tenant_id: 'b' } }), 400, 'HTTPBadRequest');
    assertFault(await as('alice')('GET', '/quotas/b'), 403, 'PolicyNotAuthorized');
    assertFault(await as('alice')('PUT', '/quotas/a', { quota: { network: 1 } }), 403, 'PolicyNotAuthorized');
    assert.deepEqual(listed(await as('alice')('GET', '/agents'), 'agents'), []);
    assertFault(await as('alice')('GET', '/networks?provider:network_type=flat'), 400, 'HTTPBadRequest');
    assertFault(await as('eve')('POST', '/networks', { network: {} }), 403, 'PolicyNotAuthorized');
    assert.equal((await as('eve')('GET', `/networks/${id}`)).status, 200);
  });
  it('of a project go outside by networks that an admin calls external', async () => {
    const outside = await make('admin', '/networks', 'network', {
      name: 'public',
      'router:external': true,
      'provider:network_type': 'flat',
      'provider:physical_network': 'physnet1',
    });
    await make('admin', '/subnets', 'subnet', { network_id: outside.id, ip_version: 4, cidr: '203.0.113.0/24' });
    assert.ok(
      idsOf(listed(await as('alice')('GET', '/networks?router:external=True'), 'networks')).includes(outside.id),
    );
    assertFault(await as('alice')('POST', '/ports', { port: { network_id: outside.id } }), 404, 'NetworkNotFound');
    const router = await make('alice', '/routers', 'router', { external_gateway_info: { network_id: outside.id } });
    assert.equal((router['external_gateway_info'] as { network_id: string }).network_id, outside.id);
    assertFault(
      await as('bob')('PUT', `/routers/${router.id}`, { router: { external_gateway_info: null } }),
      404,
      'RouterNotFound',
    );
    const inside = await make('alice', '/networks', 'network', {});
    assertFault(
      await as('alice')('POST', '/routers', { router: { external_gateway_info: { network_id: inside.id } } }),
      400,
      'BadRequest',
    );
    // Source NAT and a floating IP of their own, out of the operator's network.
    const subnet = await make('alice', '/subnets', 'subnet', {
      network_id: inside.id,
      ip_version: 4,
      cidr: '10.9.0.0/24',
    });
    const leg = { subnet_id: subnet.id };
    assert.equal((await as('alice')('PUT', `/routers/${router.id}/add_router_interface`, leg)).status, 200);
    const port = await make('alice', '/ports', 'port', { network_id: inside.id });
    const values = { floating_network_id: outside.id };
    const floating = await make('alice', '/floatingips', 'floatingip', values);
    assert.equal(floating['project_id'], 'a');
    assert.deepEqual(listed(await as('bob')('GET', '/floatingips'), 'floatingips'), []);
    assert.deepEqual(listed(await as('alice')('GET', `/ports?network_id=${outside.id}`), 'ports'), []);
    const path = `/floatingips/${floating.id}`;
    assertFault(await as('bob')('PUT', path, { floatingip: { port_id: null } }), 404, 'FloatingIPNotFound');
    const foreign = await make('bob', '/networks', 'network', {});
    await make('bob', '/subnets', 'subnet', { network_id: foreign.id, ip_version: 4, cidr: '10.9.0.0/24' });
    const other = await make('bob', '/ports', 'port', { network_id: foreign.id });
    assertFault(await as('alice')('PUT', path, { floatingip: { port_id: other.id } }), 404, 'PortNotFound');
    assertFault(
      await as('alice')('POST', '/floatingips', { floatingip: { ...values, floating_ip_address: '203.0.113.77' } }),
      403,
      'PolicyNotAuthorized',
    );
    const given = await as('alice')('PUT', path, { floatingip: { port_id: port.id } });
    assert.equal((given.body['floatingip'] as Made)['status'], 'ACTIVE', given.text);
    const changed = { port: { fixed_ips: [{ subnet_id: subnet.id, ip_address: '10.9.0.99' }] } };
    const mixed = { port: { ...changed.port, port_security_enabled: false } };
    assertFault(await as('alice')('PUT', `/ports/${port.id}`, mixed), 400, 'BadRequest');
    assert.equal((await as('alice')('PUT', `/ports/${port.id}`, changed)).status, 200);
    assert.equal(((await as('alice')('GET', path)).body['floatingip'] as Made)['port_id'], null);
    assert.equal((await as('alice')('DELETE', path)).status, 204);
    assert.equal((await as('alice')('PUT', `/routers/${router.id}/remove_router_interface`, leg)).status, 200);
    assert.equal((await as('alice')('DELETE', `/routers/${router.id}`)).status, 204);
  });
  it('of a project use pools that are shared, and none of others', async () => {
    const pool = await make('admin', '/subnetpools', 'subnetpool', {
      name: 'all',
      prefixes: ['10.64.0.0/10'],
      shared: true,
      default_prefixlen: 24,
    });
    const hidden = await make('bob', '/subnetpools', 'subnetpool', { name: 'mine', prefixes: ['10.64.0.0/10'] });
    const { id } = await make('alice', '/networks', 'network', {});
    const subnet = await make('alice', '/subnets', 'subnet', { network_id: id, ip_version: 4, subnetpool_id: pool.id });
    assert.deepEqual([subnet['cidr'], subnet['project_id']], ['10.64.0.0/24', 'a']);
    assertFault(
      await as('alice')('POST', '/subnets', { subnet: { network_id: id, ip_version: 4, subnetpool_id: hidden.id } }),
      404,
      'SubnetPoolNotFound',
    );
    assertFault(
      await as('alice')('PUT', `/subnetpools/${pool.id}`, { subnetpool: { name: 'x' } }),
      403,
      'PolicyNotAuthorized',
    );
    assert.equal((await as('alice')('DELETE', `/subnets/${subnet.id}`)).status, 204);
    const other = await make('bob', '/networks', 'network', {});
    assert.equal(
      (await make('bob', '/subnets', 'subnet', { network_id: other.id, ip_version: 4, subnetpool_id: pool.id }))[
        'cidr'
      ],
      '10.64.0.0/24',
    );
  });
  it('of a project are stopped by its quota', async () => {
    fake.tokens.set('carol', { user: 'carol', project: 'c', roles: ['member'] });
    assert.equal((await as('admin')('PUT', '/quotas/c', { quota: { network: 2 } })).status, 200);
    const networks = [{}, {}, {}];
    assertFault(await as('carol')('POST', '/networks', { networks }), 409, 'OverQuota', /[Qq]uota/);
    assert.deepEqual(
      listed(await as('carol')('GET', '/networks'), 'networks').filter(each => each['project_id'] === 'c'),
      [],
    );
    await make('carol', '/networks', 'network', {});
    const details = (await as('carol')('GET', '/quotas/c/details')).body['quota'] as Record<string, unknown>;
    assert.deepEqual(details['network'], { limit: 2, used: 1, reserved: 0 });
  });
});
