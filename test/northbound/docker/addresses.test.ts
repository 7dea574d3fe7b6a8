/** Addresses of Docker's containers, as engines of version 20.10 ask for them. */
import assert from 'node:assert/strict';
import { Driver } from '../../../northbound/docker/driver.js';
import { endpointPortId } from '../../../northbound/docker/names.js';
import { systemClock } from '../../../src/base/clock.js';
import { WeftError } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/log.js';
import type { Store } from '../../../src/store/store.js';
import { describeRest } from '../rest/rest-fixture.js';
import { conversation, gatewayType, hex } from './conversation.js';

describeRest('Docker, addresses', rest => {
  const { engine, ask, done, address, createNetwork, run, remove, portsOn, switchOf } = conversation(rest);

  it('gives a container one port for both of its addresses, and each address back by itself', async () => {
    const name = { 'weft.network': 'docker dual' };
    const pools = await Promise.all(
      ['10.34.0.0/24', 'fd34::/64'].map(pool =>
        done('docker1', 'IpamDriver.RequestPool', { Pool: pool, V6: pool.includes(':'), Options: null }),
      ),
    );
    const [v4, v6] = pools.map(({ PoolID: id }) => id);
    await done('docker1', 'NetworkDriver.CreateNetwork', {
      NetworkID: hex('a'),
      Options: { 'com.docker.network.generic': name },
      IPv4Data: [{ Pool: '10.34.0.0/24', Gateway: '10.34.0.1/24', AuxAddresses: { printer: '10.34.0.9/24' } }],
      IPv6Data: [{ Pool: 'fd34::/64', Gateway: 'fd34::1/64' }],
    });
    const switchId = switchOf('docker1', hex('a'));
    const [Address, AddressIPv6] = [await address('docker1', v4), await address('docker1', v6)];
    const mac = '02:42:0a:22:00:07';
    const { Interface: added } = await done('docker1', 'NetworkDriver.CreateEndpoint', {
      NetworkID: hex('a'),
      EndpointID: hex('b'),
      Interface: { Address, AddressIPv6, MacAddress: mac },
      Options: { 'weft.name': 'web' },
    });
    assert.deepEqual(added, {});
    const { view } = rest().context.state;
    const port = view.get('logical-switch-ports', endpointPortId(hex('b')));
    assert.deepEqual([port?.name, port?.mac, port?.ips.length], ['web', mac, 2]);
    assert.equal(portsOn(switchId).length, 3, 'the network, the container, and the auxiliary address');
    const taken = await ask('docker1', 'IpamDriver.RequestAddress', { PoolID: v4, Address: '10.34.0.9' });
    assert.equal(taken['Address'], '10.34.0.9/24', 'its own, again');
    await done('docker1', 'NetworkDriver.DeleteEndpoint', { NetworkID: hex('a'), EndpointID: hex('b') });
    await done('docker1', 'IpamDriver.ReleaseAddress', { PoolID: v4, Address: Address.split('/')[0] });
    assert.equal(portsOn(switchId).length, 3, "one address is Docker's still");
    await done('docker1', 'IpamDriver.ReleaseAddress', { PoolID: v6, Address: AddressIPv6.split('/')[0] });
    assert.equal(portsOn(switchId).length, 2);
    await done('docker1', 'NetworkDriver.DeleteNetwork', { NetworkID: hex('a') });
    assert.equal(view.get('logical-switches', switchId), null);
  });

  it('keeps auxiliary addresses from containers, on every engine that has the network', async () => {
    const pool = { Pool: '10.38.0.0/24', V6: false, Options: { 'weft.network': 'docker aux' } };
    const printer = '10.38.0.9';
    let poolId: unknown;
    for (const [name, networkId] of [
      ['docker1', hex('1')],
      ['docker2', hex('2')],
    ] as const) {
      ({ PoolID: poolId } = await done(name, 'IpamDriver.RequestPool', pool));
      const gateway = await address(name, poolId, { Options: gatewayType });
      assert.equal(await address(name, poolId, { Address: printer }), `${printer}/24`);
      await done(name, 'NetworkDriver.CreateNetwork', {
        NetworkID: networkId,
        Options: {},
        IPv4Data: [{ Pool: pool.Pool, Gateway: gateway, AuxAddresses: { printer: `${printer}/24` } }],
      });
    }
    const switchId = switchOf('docker1', hex('1'));
    assert.equal(portsOn(switchId).length, 3, 'two networks, and one address that nobody is to have');
    const asked = await address('docker1', poolId, { Address: printer });
    const endpoint = { NetworkID: hex('1'), EndpointID: hex('3'), Interface: { Address: asked } };
    assert.match(String((await ask('docker1', 'NetworkDriver.CreateEndpoint', endpoint))['Err']), /in use|belongs/);
    const released = { PoolID: poolId, Address: printer };
    await done('docker1', 'IpamDriver.ReleaseAddress', released);
    await done('docker1', 'NetworkDriver.DeleteNetwork', { NetworkID: hex('1') });
    await done('docker1', 'IpamDriver.ReleaseAddress', released);
    assert.equal(portsOn(switchId).length, 2, 'the other engine has both still');
    await done('docker2', 'NetworkDriver.DeleteNetwork', { NetworkID: hex('2') });
    assert.equal(rest().context.state.view.get('logical-switches', switchId), null);
  });

  it('leaves an address with its container that is given back by another, and frees it with the container', async () => {
    const { poolId } = await createNetwork('docker1', hex('1'), { pool: '10.41.0.0/24' });
    const switchId = switchOf('docker1', hex('1'));
    const asked = await address('docker1', poolId, { Address: '10.41.0.7' });
    assert.equal(await address('docker1', poolId, { Address: '10.41.0.7' }), asked, 'nobody has it yet');
    const [first, second] = [hex('3'), hex('4')].map(id => ({
      NetworkID: hex('1'),
      EndpointID: id,
      Interface: { Address: asked },
    }));
    await done('docker1', 'NetworkDriver.CreateEndpoint', first);
    assert.match(String((await ask('docker1', 'NetworkDriver.CreateEndpoint', second))['Err']), /in use/);
    await done('docker1', 'IpamDriver.ReleaseAddress', { PoolID: poolId, Address: '10.41.0.7' });
    const port = rest().context.state.view.get('logical-switch-ports', endpointPortId(hex('3')));
    assert.equal(port?.ips[0]?.ip, '10.41.0.7');
    await done('docker1', 'NetworkDriver.DeleteEndpoint', first);
    assert.equal(portsOn(switchId).length, 1, 'the network alone');
    await done('docker1', 'NetworkDriver.DeleteNetwork', { NetworkID: hex('1') });
  });

  it('tells networks of one range on one engine apart by their names, and refuses where it could not', async () => {
    const pool = '10.37.0.0/24';
    const one = await createNetwork('docker1', hex('d'), { pool, generic: { 'weft.network': 'docker red' } });
    const other = {
      NetworkID: hex('e'),
      Options: { 'com.docker.network.generic': { 'weft.network': 'docker green' } },
    };
    const IPv4Data = [{ Pool: pool, Gateway: '10.37.0.1/24' }];
    assert.match(
      String((await ask('docker1', 'NetworkDriver.CreateNetwork', { ...other, IPv4Data }))['Err']),
      /--ipam-opt/,
    );
    const two = await createNetwork('docker1', hex('e'), { pool, ipam: { 'weft.network': 'docker green' } });
    assert.notEqual(switchOf('docker1', hex('d')), switchOf('docker1', hex('e')));
    const given = [
      await run('docker1', hex('d'), hex('6'), one.poolId),
      await run('docker1', hex('e'), hex('7'), two.poolId),
    ];
    assert.equal(given[0], given[1]);
    await remove('docker1', hex('d'), hex('6'), one.poolId, given[0] ?? '');
    await remove('docker1', hex('e'), hex('7'), two.poolId, given[1] ?? '');
    for (const network of ['d', 'e']) await done('docker1', 'NetworkDriver.DeleteNetwork', { NetworkID: hex(network) });
  });

  it('tries again where the database does not answer, and where nobody knows whether it has, but to give an address', async () => {
    const { store, context } = rest();
    const faults: WeftError[] = [];
    const write: Store['write'] = (who, work, options) => {
      const fault = faults.shift();
      return fault === undefined ? store.write(who, work, options) : Promise.reject(fault);
    };
    const { state } = context;
    const driver = new Driver({
      store: { write },
      state,
      clock: systemClock,
      log: silentLogger,
      isActive: () => true,
    });
    const { poolId } = await createNetwork('docker1', hex('1'), { pool: '10.42.0.0/24' });
    const request = { PoolID: poolId, Address: '10.42.0.9' };
    faults.push(new WeftError('store_unavailable', { detail: 'It starts.' }));
    const given = await driver.answer(engine('docker1'), 'IpamDriver.RequestAddress', request);
    assert.equal(given?.['Address'], '10.42.0.9/24');
    faults.push(new WeftError('outcome_unknown', { detail: 'It ended.' }));
    const refused = await driver.answer(engine('docker1'), 'IpamDriver.RequestAddress', { PoolID: poolId });
    assert.match(String(refused?.['Error']), /It ended/);
    faults.push(new WeftError('outcome_unknown', { detail: 'It ended.' }));
    assert.deepEqual(await driver.answer(engine('docker1'), 'IpamDriver.ReleaseAddress', request), {});
    assert.equal(portsOn(switchOf('docker1', hex('1'))).length, 1, 'the network alone');
    await done('docker1', 'NetworkDriver.DeleteNetwork', { NetworkID: hex('1') });
  });

  it('keeps to the part of a range that an engine was given', async () => {
    const request = { Pool: '10.35.0.0/24', SubPool: '10.35.0.128/30', V6: false, Options: null };
    const { PoolID: poolId } = await done('docker1', 'IpamDriver.RequestPool', request);
    await done('docker1', 'NetworkDriver.CreateNetwork', {
      NetworkID: hex('c'),
      Options: {},
      IPv4Data: [{ Pool: '10.35.0.0/24', Gateway: '10.35.0.128/24' }],
    });
    const given = [
      await address('docker1', poolId),
      await address('docker1', poolId),
      await address('docker1', poolId),
    ];
    assert.deepEqual(given, ['10.35.0.129/24', '10.35.0.130/24', '10.35.0.131/24']);
    const more = await ask('docker1', 'IpamDriver.RequestAddress', { PoolID: poolId, Address: '' });
    assert.match(String(more['Error']), /No address is left/);
    await done('docker1', 'NetworkDriver.DeleteNetwork', { NetworkID: hex('c') });
  });
});
