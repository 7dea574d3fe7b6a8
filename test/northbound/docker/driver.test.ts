/** Networks of Docker, and the containers on them, as engines of version 20.10 ask for them. */
import assert from 'node:assert/strict';
import { endpointPortId, pooledSwitchId } from '../../../northbound/docker/names.js';
import { assertProblem, describeRest } from '../rest/rest-fixture.js';
import { conversation, hex } from './conversation.js';

describeRest('Docker', rest => {
  const { engine, answer, ask, done, address, createNetwork, run, remove, portsOn, switchOf } = conversation(rest);

  it('tells what it is, and of what is not there that it is not there', async () => {
    assert.deepEqual(await ask('docker1', 'Plugin.Activate'), { Implements: ['NetworkDriver', 'IpamDriver'] });
    assert.deepEqual(await ask('docker1', 'NetworkDriver.GetCapabilities'), {
      Scope: 'local',
      ConnectivityScope: 'global',
    });
    assert.equal(await answer('docker1', 'NetworkDriver.GwAllocCheck'), null);
    const unknown = { NetworkID: hex('0'), EndpointID: hex('0'), Interface: {} };
    assert.match(String((await ask('docker1', 'NetworkDriver.CreateEndpoint', unknown))['Err']), /knows no network/);
    for (const method of ['DeleteEndpoint', 'DeleteNetwork', 'Leave'])
      assert.deepEqual(await ask('docker1', `NetworkDriver.${method}`, unknown), {});
  });

  it('makes one logical switch of networks of one name on two engines, and gives no address twice', async () => {
    const options = { pool: '10.31.0.0/24', generic: { 'weft.network': 'docker blue' } };
    const one = await createNetwork('docker1', hex('1'), options);
    const two = await createNetwork('docker2', hex('2'), options);
    assert.equal(switchOf('docker1', hex('1')), switchOf('docker2', hex('2')));
    assert.deepEqual([one.gateway, two.gateway], ['10.31.0.1/24', '10.31.0.1/24']);
    const given = await Promise.all([
      ...['a', 'b', 'c'].map(digit => run('docker1', hex('1'), hex(digit), one.poolId)),
      ...['d', 'e', 'f'].map(digit => run('docker2', hex('2'), hex(digit), two.poolId)),
    ]);
    assert.equal(new Set(given).size, 6, given.join(' '));
    const { view } = rest().context.state;
    const port = view.get('logical-switch-ports', endpointPortId(hex('a')));
    assert.deepEqual([port?.hypervisor, port?.ips[0]?.ip], ['docker1', given[0]?.split('/')[0]]);

    const join = { NetworkID: hex('1'), EndpointID: hex('a'), SandboxKey: '/run/x', Options: {} };
    const { Device: device, ...joined } = await done('docker1', 'NetworkDriver.Join', join);
    assert.deepEqual(device, { port_id: endpointPortId(hex('a')), mac: port?.mac, mtu: 1450 });
    assert.deepEqual(joined, { StaticRoutes: [] }, 'without a router the host is the way out');

    for (const [index, digit] of ['a', 'b', 'c', 'd', 'e', 'f'].entries()) {
      const [name, network, pool] = index < 3 ? (['docker1', '1', one] as const) : (['docker2', '2', two] as const);
      await remove(name, hex(network), hex(digit), pool.poolId, given[index] ?? '');
    }
    const switchId = switchOf('docker1', hex('1'));
    assert.equal(portsOn(switchId).length, 2, 'what is left stands for the networks');
    await done('docker1', 'NetworkDriver.DeleteNetwork', { NetworkID: hex('1') });
    assert.notEqual(view.get('logical-switches', switchId), null, 'the other engine has it still');
    await done('docker2', 'NetworkDriver.DeleteNetwork', { NetworkID: hex('2') });
    assert.equal(view.get('logical-switches', switchId), null, 'it goes with the last');
    await done('docker2', 'IpamDriver.ReleaseAddress', { PoolID: two.poolId, Address: '10.31.0.1' });
    await done('docker2', 'IpamDriver.ReleasePool', { PoolID: two.poolId });
  });

  it('takes networks that say nothing but the same range for the same, and chooses a range for those that say nothing', async () => {
    const one = await createNetwork('docker1', hex('3'), { pool: '10.32.0.0/24' });
    await createNetwork('docker2', hex('4'), { pool: '10.32.0.0/24' });
    assert.equal(switchOf('docker1', hex('3')), pooledSwitchId('10.32.0.0/24'));
    assert.equal(switchOf('docker2', hex('4')), pooledSwitchId('10.32.0.0/24'));
    const given = await run('docker1', hex('3'), hex('5'), one.poolId);
    const again = { PoolID: one.poolId, Address: given.split('/')[0] };
    assert.match(String((await ask('docker2', 'IpamDriver.RequestAddress', again))['Error']), /already|in use|has/i);
    await remove('docker1', hex('3'), hex('5'), one.poolId, given);
    const [chosen, another] = [
      await createNetwork('docker1', hex('5'), {}),
      await createNetwork('docker2', hex('6'), {}),
    ];
    assert.notEqual(chosen.gateway, another.gateway);
    assert.notEqual(switchOf('docker1', hex('5')), switchOf('docker2', hex('6')));
    for (const [name, network] of [
      ['docker1', '3'],
      ['docker2', '4'],
      ['docker1', '5'],
      ['docker2', '6'],
    ] as const)
      await done(name, 'NetworkDriver.DeleteNetwork', { NetworkID: hex(network) });
    const { view } = rest().context.state;
    assert.deepEqual(
      view.rows('logical-switches').filter(({ name }) => name.startsWith('docker ')),
      [],
    );
  });

  it('uses what is there, and leaves it there', async () => {
    const { create, context } = rest();
    const lan = await create('logical-switches', {
      name: 'docker lan',
      subnets: [{ cidr: '10.33.0.0/24', gateway_ip: '10.33.0.254' }],
    });
    const router = await create('logical-routers', { name: 'docker router' });
    await create('logical-router-ports', {
      name: 'leg',
      logical_router_id: router.id,
      logical_switch_id: lan.id,
      networks: ['10.33.0.254/24'],
    });
    const named = await createNetwork('docker1', hex('7'), { ipam: { 'weft.network': 'docker lan' } });
    assert.equal(named.gateway, '10.33.0.254/24');
    assert.equal(switchOf('docker1', hex('7')), lan.id);
    const given = await run('docker1', hex('7'), hex('8'), named.poolId);
    const ids = { NetworkID: hex('7'), EndpointID: hex('8'), SandboxKey: '/run/x' };
    const { Device: _, ...way } = await done('docker1', 'NetworkDriver.Join', { ...ids, Options: {} });
    assert.deepEqual(way, { Gateway: '10.33.0.254', DisableGatewayService: true, StaticRoutes: [] });
    const published = { 'com.docker.network.portmap': [{ Proto: 6, Port: 80, HostPort: 8080 }] };
    const { Device: __, ...host } = await done('docker1', 'NetworkDriver.Join', { ...ids, Options: published });
    assert.deepEqual(host, { StaticRoutes: [] }, 'where ports are published the host is the way out');
    const stray = { NetworkID: hex('9'), Options: { 'com.docker.network.generic': { 'weft.network': 'docker lan' } } };
    const range = { IPv4Data: [{ Pool: '10.33.0.0/24', Gateway: '10.33.0.1/24' }], IPv6Data: null };
    const refused = await ask('docker1', 'NetworkDriver.CreateNetwork', { ...stray, ...range });
    assert.match(String(refused['Err']), /--gateway/);
    await remove('docker1', hex('7'), hex('8'), named.poolId, given);
    await done('docker1', 'NetworkDriver.DeleteNetwork', { NetworkID: hex('7') });
    assert.notEqual(context.state.view.get('logical-switches', lan.id), null);
    assert.equal(portsOn(lan.id).length, 0);
  });

  it('gives a logical switch that it makes the domain, the MTU and the router of the first network', async () => {
    const { create, context } = rest();
    const { view } = context.state;
    const router = await create('logical-routers', { name: 'docker edge' });
    const generic = {
      'weft.domain': 'one.test',
      'weft.router': 'docker edge',
      'com.docker.network.driver.mtu': '1300',
    };
    const one = await createNetwork('docker1', hex('1'), { generic });
    await run('docker1', hex('1'), hex('3'), one.poolId);
    const ids = { NetworkID: hex('1'), EndpointID: hex('3'), SandboxKey: '/run/x', Options: {} };
    const { Gateway: gateway } = await done('docker1', 'NetworkDriver.Join', ids);
    assert.equal(`${String(gateway)}/24`, one.gateway);
    const switchId = switchOf('docker1', hex('1'));
    const settings = () => {
      const row = view.get('logical-switches', switchId);
      return [row?.dnsDomain, row?.mtu];
    };
    assert.deepEqual(settings(), ['one.test', 1300], 'also where the range was there first');
    const named = { pool: view.by('subnets', 'logicalSwitchId', switchId)[0]?.cidr ?? '' };
    await createNetwork('docker2', hex('2'), { ...named, generic: { 'weft.domain': 'two.test' } });
    assert.equal(switchOf('docker2', hex('2')), switchId);
    assert.deepEqual(settings(), ['one.test', 1300]);
    await done('docker1', 'NetworkDriver.DeleteNetwork', { NetworkID: hex('1') });
    await done('docker2', 'NetworkDriver.DeleteNetwork', { NetworkID: hex('2') });
    assert.deepEqual(view.by('logical-router-ports', 'logicalRouterId', router.id), []);
    assert.notEqual(view.get('logical-routers', router.id), null);
  });

  it('forgets an engine that is gone, and nothing of another', async () => {
    const { request, context } = rest();
    const options = { pool: '10.39.0.0/24', generic: { 'weft.network': 'docker lost' } };
    const one = await createNetwork('docker1', hex('1'), options);
    const two = await createNetwork('docker2', hex('2'), options);
    await run('docker1', hex('1'), hex('3'), one.poolId);
    await run('docker2', hex('2'), hex('4'), two.poolId);
    await address('docker2', two.poolId);
    const switchId = switchOf('docker1', hex('1'));
    const forget = async (name: string) => (await request('POST', `/docker/v1/${name}/Weft.Forget`, {})).body;
    assert.deepEqual(await forget('docker2'), { Forgotten: 3 });
    const left = portsOn(switchId).map(({ hypervisor }) => hypervisor);
    assert.deepEqual(left, ['docker1', 'docker1'], 'the network and the container of the other engine');
    assert.deepEqual(await forget('docker2'), { Forgotten: 0 });
    assert.deepEqual(await forget('docker1'), { Forgotten: 2 });
    assert.equal(context.state.view.get('logical-switches', switchId), null);
  });

  it('serves a swarm: addresses by its leader, endpoints by any of its engines', async () => {
    const [leader, worker] = [engine('docker1', 'global'), engine('docker2', 'global')];
    const id = 'k2x5z0swarm0network000000';
    const { PoolID: poolId } = await done(leader, 'IpamDriver.RequestPool', { Pool: '10.36.0.0/24', V6: false });
    const IPv4Data = [{ Pool: '10.36.0.0/24', Gateway: '10.36.0.1/24' }];
    await done(leader, 'NetworkDriver.AllocateNetwork', {
      NetworkID: id,
      Options: { 'weft.network': 'docker swarm' },
      IPv4Data,
    });
    const given = await address(leader, poolId);
    await done(worker, 'NetworkDriver.CreateNetwork', { NetworkID: id, Options: {}, IPv4Data });
    await done(worker, 'NetworkDriver.CreateEndpoint', {
      NetworkID: id,
      EndpointID: hex('d'),
      Interface: { Address: given },
    });
    const { view } = rest().context.state;
    const port = view.get('logical-switch-ports', endpointPortId(hex('d')));
    assert.deepEqual([port?.hypervisor, `${port?.ips[0]?.ip}/24`], ['docker2', given]);
    await done(worker, 'NetworkDriver.DeleteEndpoint', { NetworkID: id, EndpointID: hex('d') });
    await done(worker, 'NetworkDriver.DeleteNetwork', { NetworkID: id });
    assert.notEqual(await address(leader, poolId), given, "it is the task's until the leader gives it back");
    const again = { PoolID: poolId, Address: given.split('/')[0] };
    assert.equal(
      (await done(worker, 'IpamDriver.RequestAddress', again))['Address'],
      given,
      'the next leader asks for all',
    );
    await done(worker, 'IpamDriver.ReleaseAddress', again);
    await done(leader, 'NetworkDriver.FreeNetwork', { NetworkID: id });
    assert.equal(port === null ? undefined : view.get('logical-switches', port.logicalSwitchId), null);
  });

  it('is asked by processes on hosts too, with what they say of themselves', async () => {
    const { request } = rest();
    const path = '/docker/v1/docker1';
    const { body } = await request('POST', `${path}/NetworkDriver.GetCapabilities?scope=global`, {});
    assert.deepEqual(body, { Scope: 'global', ConnectivityScope: 'global' });
    assert.equal((await request('POST', `${path}/NetworkDriver.Strange`, {})).status, 404);
    assertProblem(await request('POST', '/docker/v1/nobody/Plugin.Activate', {}), 400, 'reference_not_found');
    assertProblem(await request('POST', `${path}/Plugin.Activate?attach=glue`, {}), 400, 'invalid_query');
  });
});
