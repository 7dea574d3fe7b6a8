/** Queues on the interfaces by which a host's packets leave, in a real database: made, changed, and gone without a trace; not those of others. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import path from 'node:path';
import { OvsdbClient } from '../../southbound/ovsdb/client.js';
import { Replica } from '../../southbound/ovsdb/replica.js';
import { incrementing, mutate } from '../../southbound/ovsdb/transact.js';
import { planHost, type DesiredHost, type OvsdbPlan } from '../../src/delivery/ovsdb-plan.js';
import { type PortQueue, whyNoQueues, type WayOut } from '../../src/delivery/ovsdb-queues.js';
import { planRemoval } from '../../src/delivery/ovsdb-removal.js';
import { eventually } from '../../lab/processes.js';
import { databaseDump } from '../ovs/database-dump.js';
import { DummySwitch } from '../ovs/dummy-switch.js';

const databaseId = '0190c0de-0000-7000-8000-00000000c0de';
const tunnel: WayOut = { kind: 'tunnel' };
const physical: WayOut = { kind: 'physical', bridge: 'br-ex' };
const two: readonly PortQueue[] = [
  { queue: 3, minKbps: 1_000 },
  { queue: 7, minKbps: 5_000 },
];

describe('The queues of guaranteed bandwidth, in a real database', function () {
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
    await ovs.vsctl('add-br', 'br-ex');
    await ovs.addPort('br-ex', 'eth1', 1);
    await ovs.addPort('br-ex', 'eth2', 2);
    await ovs.vsctl('add-br', 'br-user', '--', 'set', 'bridge', 'br-user', 'datapath-type=netdev');
    await ovs.addPort('br-user', 'eth3', 1);
  });
  after(async () => {
    client.close('done');
    await ovs.stop();
  });
  beforeEach(async () => {
    before_ = await dump();
  });
  afterEach(async () => {
    for (const name of ['eth1', 'eth2', 'eth3']) await unmark(name);
    await settle(() => planRemoval(replica, databaseId));
    assert.equal(await dump(), before_, 'the host is as it was');
  });

  function desired(queues: readonly PortQueue[]): DesiredHost {
    return {
      databaseId,
      bridge: 'br-int',
      datapathType: null,
      datapathId: '5eed000000000001',
      adopt: false,
      encapIp: '192.0.2.11',
      encapsulations: ['geneve'],
      mirrorTunnels: [],
      gatewayTunnels: [],
      physicalNetworks: [],
      queues,
      internalInterfaces: [],
      controllers: [{ use: 'flows', target: 'tcp:127.0.0.1:9' }],
      maxBackoffMs: 1000,
      inactivityProbeMs: 3000,
      managerRow: null,
      reachedBy: null,
    };
  }

  async function settle(plan: () => OvsdbPlan): Promise<number> {
    let steps = 0;
    for (let next = plan(); next.kind === 'change'; next = plan()) {
      assert.ok(steps < 10, `never comes to an end: ${next.summary}`);
      await client.transact(next.operations);
      steps += 1;
    }
    return steps;
  }
  const join = (queues: readonly PortQueue[]): Promise<number> => settle(() => planHost(replica, desired(queues)));
  const mark = (name: string, ...ids: readonly string[]): Promise<string> =>
    ovs.vsctl('set', 'interface', name, ...ids.map(id => `external_ids:${id}`));
  const unmark = (name: string): Promise<string> =>
    ovs.vsctl('remove', 'interface', name, 'external_ids', 'weft-egress-iface', 'ovn-egress-iface', 'weft-egress-kbps');

  async function dump(): Promise<string> {
    await taken();
    return databaseDump(ovs);
  }

  async function taken(): Promise<void> {
    await client.transact([mutate('Open_vSwitch', [], [incrementing('Open_vSwitch', 'next_cfg', 1)])]);
    await eventually('Open vSwitch has taken everything', () => {
      const root = replica.only('Open_vSwitch');
      return Promise.resolve(root !== null && root.cur_cfg >= root.next_cfg);
    });
  }

  /** What the port has: its rate, and the rate of each of its queues. */
  function queuesOf(name: string): readonly [string | undefined, ...(readonly [number, string | undefined])[]] | null {
    const port = [...replica.rows('Port').values()].find(row => row.name === name);
    const qos = port?.qos === null || port === undefined ? undefined : replica.rows('QoS').get(port.qos);
    if (qos === undefined) return null;
    const queues = [...qos.queues].map(
      ([number, uuid]) => [number, replica.rows('Queue').get(uuid)?.other_config.get('min-rate')] as const,
    );
    return [qos.other_config.get('max-rate'), ...queues];
  }
  const why = (way: WayOut): string => whyNoQueues(replica, 'br-int', way) ?? '';
  const rows = (): readonly number[] => [replica.rows('QoS').size, replica.rows('Queue').size];

  it('are on the interface that the host names, follow what is guaranteed, and go with the last guarantee', async () => {
    await join(two);
    assert.deepEqual(rows(), [0, 0], 'no interface is named');
    assert.match(why(tunnel), /names no interface by which its tunnels/);
    await mark('eth1', 'weft-egress-iface=true', 'weft-egress-kbps=20000');
    await taken();
    await join(two);
    assert.deepEqual(queuesOf('eth1'), ['20000000', [3, '1000000'], [7, '5000000']]);
    for (const way of [tunnel, physical]) assert.equal(whyNoQueues(replica, 'br-int', way), null);
    assert.equal(await join(two), 0);
    await join([
      { queue: 7, minKbps: 6_000 },
      { queue: 9, minKbps: 2_147_483_647 },
    ]);
    assert.deepEqual(queuesOf('eth1'), ['20000000', [7, '6000000'], [9, '34359738360']]);
    await mark('eth1', 'weft-egress-kbps=30000');
    await taken();
    await join([{ queue: 9, minKbps: 1 }]);
    assert.deepEqual(
      [queuesOf('eth1'), rows()],
      [
        ['30000000', [9, '1000']],
        [1, 1],
      ],
    );
    await join([]);
    assert.deepEqual([queuesOf('eth1'), rows()], [null, [0, 0]]);
  });

  it('are on all that are named, the same rows for all of them, and leave one that is named no longer', async () => {
    await mark('eth1', 'weft-egress-iface=tunnels');
    await mark('eth2', 'ovn-egress-iface=true');
    await taken();
    await join(two);
    assert.deepEqual(rows(), [2, 2]);
    assert.deepEqual(queuesOf('eth1'), queuesOf('eth2'));
    for (const way of [tunnel, physical]) assert.equal(why(way), '');
    await unmark('eth2');
    await taken();
    await join(two);
    assert.deepEqual([queuesOf('eth2'), rows()], [null, [1, 2]]);
    assert.match(why(physical), /names no interface of bridge br-ex/, 'tunnels alone leave by eth1');
  });

  it('are put right, and put on again, when somebody changes or takes them', async () => {
    await mark('eth1', 'weft-egress-iface=true');
    await taken();
    await join(two);
    const [uuid = ''] = replica.rows('QoS').keys();
    await ovs.vsctl('set', 'qos', uuid, 'type=linux-hfsc', 'other_config:max-rate=1');
    await ovs.vsctl('remove', 'qos', uuid, 'queues', '3');
    await taken();
    await join(two);
    assert.deepEqual(queuesOf('eth1')?.slice(1), [
      [3, '1000000'],
      [7, '5000000'],
    ]);
    assert.equal(replica.rows('QoS').get(uuid)?.type, 'linux-htb');
    await ovs.vsctl('clear', 'port', 'eth1', 'qos');
    await taken();
    await join(two);
    assert.equal(queuesOf('eth1')?.length, 3);
    assert.deepEqual(rows(), [1, 2]);
  });

  it('are not where somebody else has a QoS, nor on a bridge that has no queues; and the reason says so', async () => {
    await mark('eth1', 'weft-egress-iface=true');
    await mark('eth3', 'weft-egress-iface=tunnels');
    await ovs.vsctl(
      ...'set port eth1 qos=@qos -- --id=@qos create qos type=linux-htb queues:0=@q -- --id=@q create queue other_config:min-rate=1'.split(
        ' ',
      ),
    );
    await taken();
    const foreign = await dump();
    await join(two);
    assert.match(why(physical), /eth1 has a QoS \(linux-htb\) that is not Weft's/);
    assert.deepEqual(rows(), [1, 1]);
    await settle(() => planRemoval(replica, databaseId));
    assert.equal(await dump(), foreign);
    await ovs.vsctl(...'-- --all destroy qos -- --all destroy queue -- clear port eth1 qos'.split(' '));
    await unmark('eth1');
    await taken();
    await join(two);
    assert.match(why(tunnel), /br-user of eth3 has the datapath type netdev/);
    await mark('eth3', 'weft-egress-iface=sometimes');
    await taken();
    assert.match(why(tunnel), /of eth3 is none of true, tunnels, physical/);
  });
});
