/** Docker's conversation with its network and IPAM driver, against the store. */
import assert from 'node:assert/strict';
import { type Answer, Driver } from '../../../northbound/docker/driver.js';
import { networkPortId } from '../../../northbound/docker/names.js';
import type { Body } from '../../../northbound/docker/requests.js';
import type { Engine, Scope } from '../../../northbound/docker/scene.js';
import { systemClock } from '../../../src/base/clock.js';
import { silentLogger } from '../../../src/base/log.js';
import type { LogicalSwitchPort } from '../../../src/model/index.js';
import type { RestFixture } from '../rest/rest-fixture.js';

export const hex = (digit: string): string => digit.repeat(64);
export const gatewayType = { RequestAddressType: 'com.docker.network.gateway' };

/** What `docker network create` says, of one IPv4 range. */
interface NetworkWish {
  readonly pool?: string;
  /** Of `-o`. */
  readonly generic?: Body;
  /** Of `--ipam-opt`. */
  readonly ipam?: Body | null;
}

/** The driver, and the hypervisors docker1 and docker2, of the server that all suites share. */
let known: Promise<{ readonly driver: Driver; readonly engines: ReadonlyMap<string, Engine> }> | null = null;

async function prepare({ store, context }: RestFixture) {
  const { state } = context;
  const driver = new Driver({ store, state, clock: systemClock, log: silentLogger, isActive: () => true });
  const engines = new Map<string, Engine>();
  for (const [index, systemId] of ['docker1', 'docker2'].entries()) {
    const registration = await store.registerHypervisor({
      systemId,
      encapIp: `192.0.2.${131 + index}`,
      encapTypes: ['geneve'],
      underlayMtu: null,
      bridge: 'br-int',
      datapathType: 'system',
    });
    if (registration.kind !== 'accepted') return assert.fail(`${systemId} is ${registration.kind}`);
    const { hypervisor } = registration;
    await state.reach(hypervisor.revision);
    engines.set(systemId, { hypervisor, attach: 'veth', scope: 'local' });
  }
  return { driver, engines };
}

/** Registers the hook that prepares it, and gives what engines say, by the names of their hypervisors. */
export function conversation(rest: () => RestFixture) {
  let driver: Driver;
  let engines: ReadonlyMap<string, Engine>;
  before(async () => {
    ({ driver, engines } = await (known ??= prepare(rest())));
  });

  const engine = (name: string, scope: Scope = 'local'): Engine => {
    const found = engines.get(name);
    assert.ok(found);
    return { ...found, scope };
  };

  /** Null: there is no such method. */
  const answer = (name: string | Engine, method: string, body: Body = {}): Promise<Answer> =>
    driver.answer(typeof name === 'string' ? engine(name) : name, method, body);

  async function ask(name: string | Engine, method: string, body: Body = {}): Promise<Body> {
    const given = await answer(name, method, body);
    assert.ok(given !== null, `${method} is a method`);
    return given;
  }

  /** What is answered where nothing is refused. */
  async function done(name: string | Engine, method: string, body: Body = {}): Promise<Body> {
    const given = await ask(name, method, body);
    assert.deepEqual([given['Err'], given['Error']], [undefined, undefined]);
    return given;
  }

  async function address(name: string | Engine, poolId: unknown, more: Body = {}): Promise<string> {
    return String((await done(name, 'IpamDriver.RequestAddress', { PoolID: poolId, Address: '', ...more }))['Address']);
  }

  /** `docker network create`. */
  async function createNetwork(
    name: string | Engine,
    networkId: string,
    { pool = '', generic = {}, ipam = null }: NetworkWish,
  ): Promise<{ readonly poolId: string; readonly gateway: string }> {
    const space = { AddressSpace: 'weft-local', Pool: pool, SubPool: '', Options: ipam, V6: false };
    const { PoolID: poolId, Pool: range } = await done(name, 'IpamDriver.RequestPool', space);
    const gateway = await address(name, poolId, { Options: gatewayType });
    await done(name, 'NetworkDriver.CreateNetwork', {
      NetworkID: networkId,
      Options: { 'com.docker.network.enable_ipv6': false, 'com.docker.network.generic': generic },
      IPv4Data: [{ AddressSpace: 'weft-local', Pool: range, Gateway: gateway, AuxAddresses: null }],
      IPv6Data: [],
    });
    return { poolId: String(poolId), gateway };
  }

  /** The part of `docker run` that is ours; gives the address. */
  async function run(name: string | Engine, networkId: string, endpointId: string, poolId: string): Promise<string> {
    const given = await address(name, poolId);
    const { Interface: added } = await done(name, 'NetworkDriver.CreateEndpoint', {
      NetworkID: networkId,
      EndpointID: endpointId,
      Interface: { Address: given, AddressIPv6: '', MacAddress: '' },
      Options: { 'com.docker.network.endpoint.exposedports': [], 'com.docker.network.portmap': [] },
    });
    assert.deepEqual(Object.keys(added as Body), ['MacAddress'], 'Docker takes what it did not say, and nothing else');
    return given;
  }

  /** `docker rm -f`. */
  async function remove(
    name: string | Engine,
    networkId: string,
    endpointId: string,
    poolId: string,
    ip: string,
  ): Promise<void> {
    const ids = { NetworkID: networkId, EndpointID: endpointId };
    await done(name, 'NetworkDriver.RevokeExternalConnectivity', ids);
    await done(name, 'NetworkDriver.Leave', ids);
    await done(name, 'NetworkDriver.DeleteEndpoint', ids);
    await done(name, 'IpamDriver.ReleaseAddress', { PoolID: poolId, Address: ip.split('/')[0] });
  }

  const portsOn = (switchId: string): readonly LogicalSwitchPort[] =>
    rest().context.state.view.by('logical-switch-ports', 'logicalSwitchId', switchId);

  /** The logical switch that a network of an engine is. */
  function switchOf(name: string, networkId: string): string {
    const id = networkPortId(engine(name).hypervisor.id, networkId);
    const port = rest().context.state.view.get('logical-switch-ports', id);
    assert.ok(port, 'the network is known');
    return port.logicalSwitchId;
  }

  return { engine, answer, ask, done, address, createNetwork, run, remove, portsOn, switchOf };
}
