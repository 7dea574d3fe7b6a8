/** The patch ports to physical networks, and the tunnels by which gateways are watched, in a real Open vSwitch: made, put right, moved, and gone without a trace. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import path from 'node:path';
import { OvsdbClient } from '../../southbound/ovsdb/client.js';
import { Replica } from '../../southbound/ovsdb/replica.js';
import { incrementing, mutate } from '../../southbound/ovsdb/transact.js';
import { planHost, type DesiredHost, type OvsdbPlan } from '../../src/delivery/ovsdb-plan.js';
import { obstacleToJoint } from '../../src/delivery/ovsdb-provider.js';
import { planRemoval } from '../../src/delivery/ovsdb-removal.js';
import { eventually } from '../../lab/processes.js';
import { databaseDump } from '../ovs/database-dump.js';
import { DummySwitch } from '../ovs/dummy-switch.js';

const databaseId = '0190c0de-0000-7000-8000-00000000c0de';
const toExternal = [{ key: 3, bridge: 'br-ex' }] as const;

describe('The patch ports to physical networks, on real Open vSwitch', function () {
  this.timeout(30_000);
  let ovs: DummySwitch;
  let client: OvsdbClient;
  let replica: Replica;
  let before_: string;

  before(async () => {
    ovs = await DummySwitch.start({ bridges: [] });
    client = await OvsdbClient.open(connect(path.join(ovs.directory, 'db.sock')));
    replica = new Replica();
    await replica.follow(client);
    await addBridge('br-ex');
    await ovs.addPort('br-ex', 'uplink', 1);
  });
  after(async () => {
    client.close('done');
    await ovs.stop();
  });
  beforeEach(async () => {
    before_ = await dump();
  });
  afterEach(async () => {
    await settle(() => planRemoval(replica, databaseId));
    assert.equal(await dump(), before_, 'the host is as it was');
  });

  const addBridge = (name: string): Promise<unknown> =>
    ovs.vsctl('add-br', name, '--', 'set', 'bridge', name, 'datapath-type=dummy', 'external_ids:by=me');

  function desired(changes: Partial<DesiredHost>): DesiredHost {
    return {
      databaseId,
      bridge: 'br-int',
      datapathType: 'dummy',
      datapathId: '5eed000000000001',
      adopt: false,
      encapIp: '192.0.2.11',
      encapsulations: ['geneve'],
      mirrorTunnels: [],
      gatewayTunnels: [],
      physicalNetworks: toExternal,
      queues: [],
      internalInterfaces: [],
      controllers: [{ use: 'flows', target: 'tcp:127.0.0.1:9' }],
      maxBackoffMs: 1000,
      inactivityProbeMs: 3000,
      managerRow: null,
      reachedBy: null,
      ...changes,
    };
  }

  async function settle(plan: () => OvsdbPlan): Promise<readonly string[]> {
    const done: string[] = [];
    for (let next = plan(); next.kind === 'change'; next = plan()) {
      assert.ok(done.length < 10, `never comes to an end: ${done.join(', ')}`);
      await client.transact(next.operations);
      done.push(next.summary);
    }
    return done;
  }
  const join = (changes: Partial<DesiredHost> = {}): Promise<readonly string[]> =>
    settle(() => planHost(replica, desired(changes)));

  async function dump(): Promise<string> {
    await client.transact([mutate('Open_vSwitch', [], [incrementing('Open_vSwitch', 'next_cfg', 1)])]);
    await eventually('Open vSwitch has taken everything', () => {
      const root = replica.only('Open_vSwitch');
      return Promise.resolve(root !== null && root.cur_cfg >= root.next_cfg);
    });
    return databaseDump(ovs);
  }

  /** Names of the ports on a bridge. */
  const portsOf = async (bridge: string): Promise<readonly string[]> =>
    (await ovs.vsctl('list-ports', bridge)).split('\n').filter(Boolean).sort();
  const ofportOf = (name: string): number | null | undefined =>
    [...replica.rows('Interface').values()].find(row => row.name === name)?.ofport;

  it('are a pair with the number that flows know, are put right, and go when nobody needs them', async () => {
    await join();
    await dump();
    assert.deepEqual(await portsOf('br-int'), ['weft-geneve', 'weft-phys-3']);
    assert.deepEqual(await portsOf('br-ex'), ['uplink', 'weft-int-3']);
    assert.equal(ofportOf('weft-phys-3'), 32_103);
    assert.deepEqual(await join(), []);
    await ovs.vsctl('set', 'interface', 'weft-int-3', 'options:peer=nobody');
    await ovs.vsctl('del-port', 'weft-phys-3');
    assert.deepEqual(await join(), ['puts bridge br-int right']);
    await dump();
    assert.equal(ofportOf('weft-phys-3'), 32_103);
    await join({ physicalNetworks: [] });
    assert.deepEqual([await portsOf('br-int'), await portsOf('br-ex')], [['weft-geneve'], ['uplink']]);
  });

  it('carry packets both ways', async () => {
    await join();
    await dump();
    await ovs.ofctl(['add-flow', 'br-int', 'in_port=32103,actions=IN_PORT']);
    const inside = await ovs.trace('br-ex', 'in_port=1,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02');
    assert.match(inside, /bridge\("br-int"\)/);
    await ovs.ofctl(['add-flow', 'br-int', 'in_port=LOCAL,actions=output:32103']);
    const outside = await ovs.trace('br-int', 'in_port=LOCAL,dl_src=02:00:00:00:00:03,dl_dst=ff:ff:ff:ff:ff:ff');
    assert.match(outside, /bridge\("br-ex"\)/);
  });

  it('move with the mapping to another bridge, in one transaction', async () => {
    await addBridge('br-other');
    await join();
    await dump();
    await join({ physicalNetworks: [{ key: 3, bridge: 'br-other' }] });
    await dump();
    assert.deepEqual([await portsOf('br-ex'), await portsOf('br-other')], [['uplink'], ['weft-int-3']]);
    assert.equal(ofportOf('weft-phys-3'), 32_103);
    await settle(() => planRemoval(replica, databaseId));
    await ovs.vsctl('del-br', 'br-other');
  });

  it('are not made where that is not possible, for a reason that is told, and heal', async () => {
    const obstacle = (bridge: string): string | null => obstacleToJoint(replica, 'br-int', { key: 4, bridge });
    const late = { physicalNetworks: [...toExternal, { key: 4, bridge: 'br-late' }] };
    await join(late);
    assert.equal(obstacle('br-late'), 'there is no bridge br-late');
    assert.equal(obstacle('br-int'), "br-int is Weft's own bridge, which leads to no physical network");
    assert.equal(obstacle('br-ex'), null);
    assert.deepEqual(await portsOf('br-int'), ['weft-geneve', 'weft-phys-3']);
    await ovs.vsctl('add-br', 'br-late', '--', 'set', 'bridge', 'br-late', 'datapath-type=netdev');
    await dump();
    assert.equal(
      obstacle('br-late'),
      'bridge br-late has the datapath type netdev and br-int dummy: no port can join them',
    );
    assert.deepEqual(await join(late), []);
    await ovs.vsctl('set', 'bridge', 'br-late', 'datapath-type=dummy');
    await dump();
    assert.deepEqual(await join(late), ['puts bridge br-int right']);
    assert.deepEqual(await portsOf('br-late'), ['weft-int-4']);
    // It goes away under our hands, and the other end follows.
    await ovs.vsctl('del-br', 'br-late');
    await dump();
    await join(late);
    assert.deepEqual(await portsOf('br-int'), ['weft-geneve', 'weft-phys-3']);
  });

  it('leave a port of others alone that has one of their names', async () => {
    await ovs.addPort('br-ex', 'weft-int-3', 7);
    await dump();
    await join();
    const obstacle = obstacleToJoint(replica, 'br-int', toExternal[0]);
    assert.equal(obstacle, "the name weft-int-3 is taken by a port of bridge br-ex that is not Weft's");
    assert.deepEqual(await portsOf('br-int'), ['weft-geneve']);
    await settle(() => planRemoval(replica, databaseId));
    assert.deepEqual(await portsOf('br-ex'), ['uplink', 'weft-int-3']);
    await ovs.vsctl('del-port', 'weft-int-3');
  });

  it('have beside them tunnels to single hypervisors that BFD watches, as long as these are wanted', async () => {
    const gatewayTunnels = [
      { peerKey: 7, remoteIp: '192.0.2.17', encapsulation: 'geneve' },
      { peerKey: 8, remoteIp: '2001:db8::8', encapsulation: 'vxlan' },
    ] as const;
    const watched = (...lines: readonly string[]): Promise<unknown> =>
      eventually('Open vSwitch has the tunnels', async () => {
        const columns = ['name', 'type', 'ofport', 'options', 'bfd', 'error'];
        const text = await ovs.vsctl(
          '--format=csv',
          '--no-headings',
          `--columns=${columns.join()}`,
          'list',
          'Interface',
        );
        const found = text.split('\n').filter(line => line.startsWith('weft-bfd-'));
        return found.toSorted().join('\n') === lines.join('\n');
      });
    const bfd = '"{enable=""true"", min_rx=""250"", min_tx=""250""}"';
    const seventh = (more = ''): string =>
      `weft-bfd-7,geneve,33207,"{key=""0"", local_ip=""192.0.2.11"", remote_ip=""192.0.2.17""${more}}",${bfd},[]`;
    await join({ gatewayTunnels, encapIp: '192.0.2.11' });
    assert.deepEqual(await portsOf('br-int'), ['weft-bfd-7', 'weft-bfd-8', 'weft-geneve', 'weft-phys-3']);
    await join({ gatewayTunnels: gatewayTunnels.slice(0, 1) });
    await watched(seventh());
    assert.deepEqual(await join({ gatewayTunnels: gatewayTunnels.slice(0, 1) }), []);
    await ovs.vsctl(
      'set',
      'interface',
      'weft-bfd-7',
      'bfd:enable=false',
      'ofport_request=5',
      'options:remote_ip=192.0.2.66',
    );
    await ovs.vsctl('set', 'interface', 'weft-bfd-7', 'options:tos=inherit');
    assert.deepEqual(await join({ gatewayTunnels: gatewayTunnels.slice(0, 1) }), ['puts bridge br-int right']);
    await watched(seventh(', tos=inherit'));
    // No card of the bridge has a link: it must not be used, though its tunnels work.
    await ovs.appctl('netdev-dummy/set-admin-state', 'uplink', 'down');
    await eventually('the link is down', () =>
      Promise.resolve(
        [...replica.rows('Interface').values()].some(row => row.name === 'uplink' && row.link_state === 'down'),
      ),
    );
    assert.deepEqual(await join({ gatewayTunnels: gatewayTunnels.slice(0, 1) }), ['puts bridge br-int right']);
    assert.match(await ovs.vsctl('get', 'interface', 'weft-bfd-7', 'bfd'), /cpath_down="?true/);
    await ovs.appctl('netdev-dummy/set-admin-state', 'uplink', 'up');
    await eventually('the link is up', () =>
      Promise.resolve(
        [...replica.rows('Interface').values()].some(row => row.name === 'uplink' && row.link_state === 'up'),
      ),
    );
    assert.deepEqual(await join({ gatewayTunnels: gatewayTunnels.slice(0, 1) }), ['puts bridge br-int right']);
    await watched(seventh(', tos=inherit'));
    await join();
    await watched();
    // Somebody's port that has the name is nobody's to touch.
    await ovs.addPort('br-ex', 'weft-bfd-7', 9);
    await dump();
    const refused = planHost(replica, desired({ gatewayTunnels }));
    assert.match(refused.kind === 'refused' ? refused.reason : '', /the name weft-bfd-7 is taken/);
    await ovs.vsctl('del-port', 'weft-bfd-7');
    await dump();
    await join({ gatewayTunnels });
  });

  it('have beside them the devices that ports ask us for, as long as they do', async () => {
    const [mac, portId] = ['02:00:00:00:00:07', '0190c0de-0000-8000-8000-0f00000000a7'];
    const internalInterfaces = [{ portId, mac, mtuBytes: 1400 }];
    const name = 'wintf00000000a7';
    const columns = ['type', 'mtu_request', 'external_ids', 'error'];
    const device = (): Promise<string> =>
      ovs.vsctl('--format=csv', '--no-headings', `--columns=${columns.join()}`, 'list', 'Interface', name);
    const whole = `internal,1400,"{attached-mac=""${mac}"", iface-id=""${portId}""}",[]`;
    await join({ internalInterfaces });
    await dump();
    assert.deepEqual(await portsOf('br-int'), ['weft-geneve', 'weft-phys-3', name]);
    assert.equal((await device()).trim(), whole);
    assert.ok(Number(ofportOf(name)) > 0);
    assert.deepEqual(await join({ internalInterfaces }), []);
    await ovs.vsctl('set', 'Interface', name, 'mtu_request=9000', 'external_ids:iface-id=another');
    assert.deepEqual(await join({ internalInterfaces }), ['puts bridge br-int right']);
    await dump();
    assert.equal((await device()).trim(), whole);
    await ovs.vsctl('del-port', name);
    assert.deepEqual(await join({ internalInterfaces }), ['puts bridge br-int right']);
    await join();
    assert.deepEqual(await portsOf('br-int'), ['weft-geneve', 'weft-phys-3']);
    // Somebody's port that has the name is nobody's to touch, and no reason to leave the rest undone.
    await ovs.addPort('br-ex', name, 9);
    await dump();
    assert.deepEqual(await join({ internalInterfaces }), []);
    await ovs.vsctl('del-port', name);
    await dump();
    await join({ internalInterfaces });
    assert.equal((await portsOf('br-int')).includes(name), true);
  });

  it('follow our bridge when the host names another', async () => {
    await join();
    await join({ bridge: 'br-weft' });
    await dump();
    assert.deepEqual(
      [await portsOf('br-weft'), await portsOf('br-ex')],
      [
        ['weft-geneve', 'weft-phys-3'],
        ['uplink', 'weft-int-3'],
      ],
    );
  });
});
