import assert from 'node:assert/strict';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE_MS } from '../../lab/processes.js';
import { OvsdbClient } from '../../southbound/ovsdb/client.js';
import { Replica } from '../../southbound/ovsdb/replica.js';
import { incrementing, mutate } from '../../southbound/ovsdb/transact.js';
import { planInstalledMarks } from '../../src/delivery/ovsdb-installed.js';
import { planHost, planStandby, type DesiredHost, type OvsdbPlan } from '../../src/delivery/ovsdb-plan.js';
import { planRemoval } from '../../src/delivery/ovsdb-removal.js';
import { DummySwitch } from '../ovs/dummy-switch.js';
import { databaseDump } from '../ovs/database-dump.js';

const databaseId = '0190c0de-0000-7000-8000-00000000c0de';
const managerTarget = 'tcp:127.0.0.1:9';

/** What ovs-vsctl would be told by an operator who joins a host; the manager's port is one where nobody answers. */
const joinCommand =
  `set Open_vSwitch . external_ids:system-id=hv1 external_ids:weft-encap-ip=192.0.2.11 -- set-manager ${managerTarget}`.split(
    ' ',
  );

describe('plan of a host database, against real Open vSwitch', function () {
  let ovs: DummySwitch;
  let client: OvsdbClient;
  let replica: Replica;

  before(async function () {
    ovs = await DummySwitch.start({ bridges: [] });
    client = await OvsdbClient.open(connect(path.join(ovs.directory, 'db.sock')));
    replica = new Replica();
    await replica.follow(client);
    await ovs.vsctl(...joinCommand);
  });

  after(async () => {
    client.close('done');
    await ovs.stop();
  });

  function desired(changes: Partial<DesiredHost> = {}): DesiredHost {
    return {
      databaseId,
      bridge: 'br-int',
      datapathType: 'dummy',
      datapathId: '5eed000000000001',
      adopt: false,
      encapIp: '192.0.2.11',
      encapsulations: ['geneve', 'vxlan'],
      mirrorTunnels: [],
      gatewayTunnels: [],
      physicalNetworks: [],
      queues: [],
      internalInterfaces: [],
      controllers: [
        { use: 'flows', target: 'tcp:127.0.0.1:9' },
        { use: 'punt', target: 'tcp:127.0.0.1:19' },
      ],
      maxBackoffMs: 1000,
      inactivityProbeMs: 3000,
      managerRow: [...replica.rows('Manager').keys()][0] ?? null,
      reachedBy: managerTarget,
      ...changes,
    };
  }

  /** Applies plan after plan; gives what was done. */
  async function settle(plan: () => OvsdbPlan): Promise<{ readonly done: string[]; readonly last: OvsdbPlan }> {
    const done: string[] = [];
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const next = plan();
      if (next.kind === 'waiting' && Date.now() < deadline) {
        await sleep(10);
        continue;
      }
      if (next.kind !== 'change') return { done, last: next };
      assert.ok(done.length < 10, `never comes to an end: ${done.join(', ')}`);
      await client.transact(next.operations);
      done.push(next.summary);
    }
  }

  /** Waits until ovs-vswitchd has taken everything that is in the database. */
  async function settled(): Promise<void> {
    await client.transact([mutate('Open_vSwitch', [], [incrementing('Open_vSwitch', 'next_cfg', 1)])]);
    const isBehind = () => {
      const root = replica.only('Open_vSwitch');
      return !root || root.cur_cfg < root.next_cfg;
    };
    while (isBehind()) await sleep(5);
  }

  async function dump(): Promise<string> {
    await settled();
    return databaseDump(ovs);
  }

  async function flows(): Promise<string> {
    await settled();
    return (await ovs.dumpFlows('br-int')).join();
  }

  const join = (changes: Partial<DesiredHost> = {}) => settle(() => planHost(replica, desired(changes)));
  const leave = () => settle(() => planRemoval(replica, databaseId));

  it('takes the join token of a member out of its database, whether or not its bridge is there already', async () => {
    const before = await dump();
    const keys = () => [...(replica.only('Open_vSwitch')?.external_ids.keys() ?? [])];
    for (let turn = 0; turn < 2; turn += 1) {
      await ovs.vsctl('set', 'Open_vSwitch', '.', 'external_ids:weft-join-token=secret');
      await settled();
      assert.ok(keys().includes('weft-join-token'));
      await join();
      await settled();
      assert.ok(!keys().includes('weft-join-token'));
      assert.deepEqual((await join()).done, []);
    }
    await leave();
    assert.equal(await dump(), before);
  });

  it('makes everything in one transaction, has nothing to do after that, and leaves no trace', async function () {
    const before = await dump();
    const { done, last } = await join();
    assert.deepEqual([done, last], [['makes bridge br-int'], { kind: 'nothing' }]);
    await settled();
    const [bridge] = replica.rows('Bridge').values();
    assert.equal(bridge?.fail_mode, 'secure');
    assert.equal(bridge?.datapath_id, '5eed000000000001');
    const ports = new Map([...replica.rows('Interface').values()].map(row => [row.name, row.ofport]));
    assert.deepEqual(
      ports,
      new Map([
        ['br-int', 65534],
        ['weft-geneve', 32001],
        ['weft-vxlan', 32002],
      ]),
    );
    assert.deepEqual((await leave()).last, { kind: 'nothing' });
    assert.equal(await dump(), before);
  });

  it('changes a controller target without emptying the flow tables', async function () {
    await join();
    await settled();
    await ovs.ofctl(['add-flow', 'br-int', 'table=7,priority=9,actions=drop']);
    const controllers = [{ use: 'flows', target: 'tcp:127.0.0.1:29' } as const];
    const { done } = await join({ controllers });
    assert.equal(done.length, 1);
    assert.match(await flows(), /table=7/);
    await join();
    assert.match(await flows(), /table=7/);
    await leave();
  });

  it('lets two Wefts have the bridge dial both, takes nothing from the other, and forgets one that the host forgets', async function () {
    const before = await dump();
    const other = 'tcp:127.0.0.1:8';
    await ovs.vsctl('set-manager', managerTarget, other);
    const target = (row: { readonly target: string }) => row.target;
    const managerRow = [...replica.rows('Manager').values()].find(row => row.target === other)?._uuid ?? null;
    const second: Partial<DesiredHost> = {
      managerRow,
      reachedBy: other,
      controllers: [{ use: 'flows', target: 'tcp:127.0.0.1:28' }],
    };
    const standBy = () => settle(() => planStandby(replica, desired(second)));
    const first = {
      managerRow: [...replica.rows('Manager').values()].find(row => row.target !== other)?._uuid ?? null,
    };
    assert.equal(planStandby(replica, desired(second)).kind, 'waiting', 'makes no bridge');
    await join(first);
    await settled();
    await ovs.ofctl(['add-flow', 'br-int', 'table=7,priority=9,actions=drop']);
    assert.deepEqual((await standBy()).done, ['makes bridge br-int dial a Weft that stands by']);
    const dialled = () => [...replica.rows('Controller').values()].map(target).sort();
    assert.deepEqual(dialled(), ['tcp:127.0.0.1:19', 'tcp:127.0.0.1:28', 'tcp:127.0.0.1:9']);
    const rows = [...replica.rows('Controller').keys()].sort();
    // The second takes over: the rows of both stay the same rows.
    assert.deepEqual((await join(second)).done, []);
    assert.deepEqual((await join(first)).done, []);
    assert.deepEqual([...replica.rows('Controller').keys()].sort(), rows);
    await ovs.vsctl('set-manager', other);
    const left = [...replica.rows('Manager').keys()][0] ?? null;
    await join({ ...second, managerRow: left });
    assert.deepEqual(dialled(), ['tcp:127.0.0.1:28']);
    assert.match(await flows(), /table=7/);
    await leave();
    await ovs.vsctl('set-manager', managerTarget);
    assert.equal(await dump(), before);
  });

  it('puts back what somebody deleted or changed', async function () {
    await join();
    const right = await dump();
    await ovs.vsctl('del-port', 'weft-geneve');
    await ovs.vsctl('set', 'interface', 'weft-vxlan', 'options:remote_ip=192.0.2.1');
    await ovs.vsctl('set-fail-mode', 'br-int', 'standalone');
    await ovs.vsctl('remove', 'bridge', 'br-int', 'other_config', 'datapath-id');
    await ovs.vsctl('set-controller', 'br-int', 'tcp:127.0.0.1:99');
    await ovs.vsctl('set', 'manager', '.', 'max_backoff=8000');
    const { done, last } = await join();
    assert.deepEqual([done, last], [['puts bridge br-int right'], { kind: 'nothing' }]);
    assert.equal(await dump(), right);
    await leave();
  });

  it('removes the tunnel port of an encapsulation that no peer receives any more', async function () {
    await join();
    await join({ encapsulations: ['geneve'] });
    assert.deepEqual([...replica.rows('Port').values()].map(row => row.name).sort(), ['br-int', 'weft-geneve']);
    await leave();
  });

  it('moves to another bridge when the host names another', async function () {
    const before = await dump();
    await join();
    const { done, last } = await join({ bridge: 'br-weft' });
    assert.deepEqual([done, last.kind], [['removes bridge br-int', 'makes bridge br-weft'], 'nothing']);
    await leave();
    assert.equal(await dump(), before);
  });

  it('adopts an empty bridge, and restores it', async function () {
    await ovs.vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath-type=dummy', 'external_ids:by=me');
    await ovs.vsctl('set', 'bridge', 'br-int', 'other_config:datapath-id=00000000000000aa', 'other_config:x=y');
    const before = await dump();
    const { done } = await join();
    assert.deepEqual(done, ['takes over bridge br-int']);
    assert.equal((await join()).done.length, 0);
    await leave();
    assert.equal(await dump(), before);
    await ovs.vsctl('del-br', 'br-int');
  });

  it('refuses a bridge with ports or controllers until it may adopt it, and restores those too', async function () {
    await ovs.vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath-type=dummy', 'protocols=OpenFlow10');
    await ovs.addPort('br-int', 'vm1', 5);
    const withPort = planHost(replica, desired());
    assert.deepEqual(withPort, {
      kind: 'refused',
      reason: 'bridge br-int already has ports (vm1): set adopt to true to take it over',
    });
    await ovs.vsctl('set-controller', 'br-int', 'tcp:127.0.0.1:99');
    await ovs.vsctl(
      'set',
      'controller',
      'br-int',
      'inactivity_probe=7000',
      'other_config:a=b',
      'connection_mode=in-band',
    );
    const withController = planHost(replica, desired());
    assert.equal(withController.kind, 'refused');
    assert.match(JSON.stringify(withController), /another controller \(tcp:127\.0\.0\.1:99\)/);
    const before = await dump();
    await join({ adopt: true });
    await settled();
    await ovs.ofctl(['add-flow', 'br-int', 'table=7,priority=9,actions=drop']);
    assert.equal((await join()).done.length, 0, 'once adopted, the permission is not asked for again');
    const { done } = await leave();
    assert.deepEqual(done.slice(0, 2), ['empties the flow tables of br-int', 'restores bridge br-int']);
    assert.equal(await dump(), before);
    await ovs.vsctl('set', 'bridge', 'br-int', 'protocols=[]');
    assert.doesNotMatch(await flows(), /table=7/);
    await ovs.vsctl('del-br', 'br-int');
  });

  it('refuses a bridge of another Weft by naming it, and takes it over when it may', async function () {
    await join({ databaseId: 'other' });
    const plan = planHost(replica, desired());
    assert.match(JSON.stringify(plan), /belongs to the Weft whose database is other/);
    await join({ adopt: true });
    await leave();
    assert.equal(replica.rows('Bridge').size, 0);
  });

  it('refuses when a name that it needs is taken', async function () {
    await ovs.vsctl('add-br', 'br-x', '--', 'set', 'bridge', 'br-x', 'datapath-type=dummy');
    await ovs.addPort('br-x', 'weft-vxlan', 5);
    assert.deepEqual(planHost(replica, desired()), {
      kind: 'refused',
      reason: 'the name weft-vxlan is taken by a port of bridge br-x that is not ours',
    });
    await ovs.vsctl('del-br', 'br-x');
  });

  it('keeps a bridge that it made while it holds ports of others, but nothing of ours on it', async function () {
    await join();
    await ovs.addPort('br-int', 'vm1', 5);
    await ovs.vsctl('set', 'interface', 'vm1', 'external_ids:iface-id=p1');
    const uuid = [...replica.rows('Interface').values()].find(row => row.name === 'vm1')?._uuid ?? '';
    await client.transact(planInstalledMarks(replica, 'br-int', new Map([[uuid, 'p1']])));
    assert.equal(replica.rows('Interface').get(uuid)?.external_ids.get('weft-installed'), 'true');
    await leave();
    assert.doesNotMatch(await dump(), /weft-(owner|restore|installed|geneve|vxlan)/);
    assert.deepEqual([...replica.rows('Port').values()].map(row => row.name).sort(), ['br-int', 'vm1']);
    await ovs.vsctl('del-br', 'br-int');
  });

  it('marks exactly the acknowledged Interfaces, and none whose claim has changed meanwhile', async function () {
    await join();
    await ovs.addPort('br-int', 'vm1', 5);
    await ovs.addPort('br-int', 'vm2', 6);
    await ovs.vsctl('set', 'interface', 'vm1', 'external_ids:iface-id=p1');
    await ovs.vsctl('set', 'interface', 'vm2', 'external_ids:iface-id=p2', 'external_ids:weft-installed=true');
    const uuid = [...replica.rows('Interface').values()].find(row => row.name === 'vm1')?._uuid ?? '';
    const plan = planInstalledMarks(replica, 'br-int', new Map([[uuid, 'p1']]));
    await ovs.vsctl('set', 'interface', 'vm1', 'external_ids:iface-id=p9');
    await client.transact(plan);
    const marked = () =>
      [...replica.rows('Interface').values()]
        .filter(row => row.external_ids.has('weft-installed'))
        .map(row => row.name);
    assert.deepEqual(marked(), []);
    await client.transact(planInstalledMarks(replica, 'br-int', new Map([[uuid, 'p9']])));
    assert.deepEqual(marked(), ['vm1']);
    assert.deepEqual(planInstalledMarks(replica, 'br-int', new Map([[uuid, 'p9']])), []);
    await ovs.vsctl('del-port', 'vm1', '--', 'del-port', 'vm2');
    await leave();
  });

  it('loses against somebody who makes the bridge at the same moment, and sees it in the next plan', async function () {
    const plan = planHost(replica, desired());
    assert.equal(plan.kind, 'change');
    await ovs.vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath-type=dummy');
    const refused = client.transact(plan.kind === 'change' ? plan.operations : []);
    await assert.rejects(refused, error => (error as { isConflict?: boolean }).isConflict === true);
    assert.deepEqual((await join()).done, ['takes over bridge br-int']);
    await leave();
    await ovs.vsctl('del-br', 'br-int');
  });
});
