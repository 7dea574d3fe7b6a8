import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { after, afterEach, before, describe, it } from 'mocha';
import { output, setField } from '../../southbound/openflow/actions.js';
import { firstReservedXid, OpenFlowConnection } from '../../southbound/openflow/connection.js';
import { OpenFlowError, type ConnectionOptions } from '../../southbound/openflow/connection-types.js';
import { applyActions, gotoTable } from '../../southbound/openflow/instructions.js';
import { canonicalMatch } from '../../southbound/openflow/match.js';
import { encodeBundleAdd, type ReceivedMessage } from '../../southbound/openflow/message-codec.js';
import { bucket } from '../../southbound/openflow/messages/bucket.js';
import { bundleControl, type BundleFlags } from '../../southbound/openflow/messages/bundle.js';
import { flowMod, type FlowMod } from '../../southbound/openflow/messages/flow-mod.js';
import type { FlowUpdate } from '../../southbound/openflow/messages/flow-monitor.js';
import { flowRequest } from '../../southbound/openflow/messages/flow-stats.js';
import { Wildcard } from '../../southbound/openflow/messages/fields.js';
import { groupMod } from '../../southbound/openflow/messages/group-mod.js';
import { oxm } from '../../southbound/openflow/oxm.js';
import { Version } from '../../southbound/openflow/version.js';
import { systemClock } from '../../src/base/clock.js';
import { requires } from '../fixtures/requires.js';
import { DummySwitch, OVS_TOOLS } from './dummy-switch.js';

const atomicOrdered: BundleFlags = ['atomic', 'ordered'];
const datapathId = 0x00a1_b2c3_d4e5_f607n;

function flow(tableId: number, number: number): FlowMod {
  return flowMod({
    command: 'add',
    tableId,
    priority: 100,
    cookie: 0x5e00_0001_0000_0000n | BigInt(number),
    match: [
      { field: oxm.metadata, value: BigInt(number) },
      { field: oxm.ethDst, value: 0x0200_0000_0000n | BigInt(number) },
    ],
    instructions: [applyActions([setField(oxm.reg0, BigInt(number))]), gotoTable(tableId + 1)],
  });
}

describe('a connection to ovs-vswitchd', function () {
  this.timeout(30_000);
  let openvswitch: DummySwitch | undefined;
  const open: OpenFlowConnection[] = [];

  before(async function () {
    requires(this, { tools: OVS_TOOLS });
    openvswitch = await DummySwitch.start();
    const id = datapathId.toString(16).padStart(16, '0');
    await openvswitch.vsctl('set', 'bridge', 'br0', `other_config:datapath-id=${id}`);
    await openvswitch.addPort('br0', 'p1', 1);
    await openvswitch.addPort('br0', 'p2', 2);
  });

  after(async () => {
    await openvswitch?.stop();
  });

  afterEach(async () => {
    for (const connection of open.splice(0)) connection.close();
    await theSwitch().ofctl(['del-flows', 'br0']);
    await theSwitch().ofctl(['del-groups', 'br0']);
    await theSwitch().ofctl(['del-meters', 'br0']);
  });

  function theSwitch(): DummySwitch {
    assert.ok(openvswitch);
    return openvswitch;
  }

  async function connect(options: Partial<ConnectionOptions> = {}): Promise<OpenFlowConnection> {
    const stream = createConnection(theSwitch().managementSocket());
    const connection = new OpenFlowConnection(stream, { timers: systemClock, ...options });
    open.push(connection);
    await connection.ready;
    return connection;
  }

  it('agrees on 1.5, 1.4 or 1.3 and learns the datapath', async () => {
    for (const version of Object.values(Version)) {
      const connection = await connect({ versions: [version] });
      assert.equal(connection.version, version);
      assert.equal((await connection.ready).datapathId, datapathId);
      const [description] = await connection.multipart({ kind: 'description' });
      assert.equal(description?.hardware, 'Open vSwitch');
      await connection.request({ kind: 'echoRequest', data: Uint8Array.of(1) });
    }
    assert.equal((await connect()).version, Version.openflow15);
  });

  it('puts flows in place with a bundle, a barrier and the commit, at every version', async () => {
    for (const version of Object.values(Version)) {
      const connection = await connect({ versions: [version] });
      const bundleId = 40 + version;
      await connection.request(bundleControl('open_request', bundleId));
      for (let number = 0; number < 10; number += 1) {
        const xid = firstReservedXid + number;
        connection.write(encodeBundleAdd(bundleId, atomicOrdered, flow(version, number), xid, version));
      }
      await connection.barrier();
      assert.deepEqual((await theSwitch().dumpFlows()).length, 0);
      const reply = await connection.request(bundleControl('commit_request', bundleId));
      assert.equal(reply.type, 'commit_reply');
      const lines = await theSwitch().dumpFlows();
      assert.equal(lines.length, 10);
      assert.ok(lines.some(line => line.includes('metadata=0x3,dl_dst=02:00:00:00:00:03 actions=set_field:0x3->reg0')));
      await theSwitch().ofctl(['del-flows', 'br0']);
    }
  });

  it('hears at the barrier of a message refused when added, which the commit would silently leave out', async () => {
    const errors: OpenFlowError[] = [];
    const connection = await connect({ onError: error => errors.push(error) });
    await connection.request(bundleControl('open_request', 5));
    const bad = { ...flow(1, 7), match: [{ field: oxm.tcpDst, value: 80n }] };
    for (const [index, change] of [flow(1, 1), bad, flow(1, 2)].entries()) {
      const xid = firstReservedXid + index;
      connection.write(encodeBundleAdd(5, atomicOrdered, change, xid, connection.version));
    }
    await connection.barrier();
    const said = errors.map(({ code, xid, request }) => [code, xid, request?.type, request?.cookie]);
    assert.deepEqual(said, [['OFPBMC_BAD_PREREQ', firstReservedXid + 1, 14, bad.cookie]]);
    await connection.request(bundleControl('commit_request', 5));
    assert.equal((await theSwitch().dumpFlows()).length, 2);
  });

  it('hears why a commit fails, and of nothing it left behind', async () => {
    const errors: OpenFlowError[] = [];
    const connection = await connect({ onError: error => errors.push(error) });
    await connection.request(bundleControl('open_request', 6));
    const missing = { ...flow(1, 9), instructions: [applyActions([{ kind: 'group', groupId: 77 }])] };
    for (const change of [flow(1, 1), missing]) {
      connection.write(encodeBundleAdd(6, atomicOrdered, change, firstReservedXid, connection.version));
    }
    await connection.barrier();
    assert.equal(errors.length, 0);
    await assert.rejects(
      connection.request(bundleControl('commit_request', 6)),
      error => error instanceof OpenFlowError && error.code === 'OFPBFC_MSG_FAILED',
    );
    const said = errors.map(({ code, request }) => [code, request?.cookie]);
    assert.deepEqual(said, [['OFPBAC_BAD_OUT_GROUP', missing.cookie]]);
    assert.equal((await theSwitch().dumpFlows()).length, 0);
  });

  it('dumps ten thousand flows in parts, each as it was sent', async () => {
    const count = 10_000;
    const connection = await connect();
    for (let number = 0; number < count; number += 1) connection.send(flow(number % 20, number));
    await connection.barrier();
    let parts = 0;
    const seen = new Set<bigint>();
    await connection.multipartStream(
      flowRequest({ cookie: 0x5e00_0001n << 32n, cookieMask: 0xffff_ffffn << 32n }),
      part => {
        parts += 1;
        for (const { cookie, tableId, priority, match, instructions, statistics } of part.flows) {
          seen.add(cookie);
          const number = Number(cookie & 0xffff_ffffn);
          const sent = flow(number % 20, number);
          assert.equal(tableId, sent.tableId);
          assert.equal(priority, sent.priority);
          assert.equal(match.find(item => item.field === oxm.metadata)?.value, BigInt(number));
          assert.deepEqual(instructions, sent.instructions);
          assert.ok((statistics.durationSeconds ?? -1) >= 0 && statistics.packetCount === 0n);
        }
      },
    );
    assert.equal(seen.size, count);
    assert.ok(parts > 10);
    const [aggregate] = await connection.multipart({ ...flowRequest(), kind: 'aggregate' });
    assert.equal(aggregate?.statistics.flowCount, count);
  });

  it('takes the master role with a generation id that fences an older owner', async () => {
    const told: ReceivedMessage[] = [];
    const owner = await connect({ onMessage: message => told.push(message) });
    const other = await connect();
    await owner.request({ kind: 'roleRequest', role: 'master', generationId: 10n });
    await other.request({ kind: 'roleRequest', role: 'master', generationId: 11n });
    await owner.request({ kind: 'echoRequest', data: new Uint8Array() });
    const statuses = told.flatMap(({ message }) => (message.kind === 'roleStatus' ? [message] : []));
    assert.deepEqual(
      statuses.map(({ role, reason }) => [role, reason]),
      [['slave', 'master_request']],
    );
    await assert.rejects(
      owner.request({ kind: 'roleRequest', role: 'master', generationId: 10n }),
      error => error instanceof OpenFlowError && error.code === 'OFPRRFC_STALE',
    );
    const current = await owner.request({ kind: 'roleRequest', role: 'nochange', generationId: 0n });
    assert.deepEqual([current.role, current.generationId], ['slave', 11n]);
  });

  it('watches flows, by whomever they are changed', async () => {
    const updates: FlowUpdate[] = [];
    const connection = await connect({
      onMessage: ({ message }) => {
        if (message.kind === 'multipartReply' && message.body.kind === 'flowMonitor') {
          updates.push(...message.body.updates);
        }
      },
    });
    connection.send(flow(3, 1));
    const monitor = {
      monitorId: 1,
      outPort: Wildcard.port,
      outGroup: Wildcard.group,
      flags: ['initial', 'add', 'removed', 'modify', 'instructions'],
      tableId: Wildcard.table,
      command: 'add',
      match: [],
    } as const;
    const [first] = await connection.multipart({ kind: 'flowMonitor', monitors: [monitor] });
    assert.deepEqual(
      first?.updates.map(update => [update.event, 'cookie' in update && update.cookie]),
      [['initial', flow(3, 1).cookie]],
    );
    await theSwitch().ofctl(['add-flow', 'br0', 'cookie=0x9,table=4,priority=5,actions=drop']);
    await theSwitch().ofctl(['del-flows', 'br0', 'table=4']);
    const own = connection.send(flow(3, 2));
    await connection.barrier();
    assert.deepEqual(
      updates.map(update => [update.event, 'cookie' in update ? update.cookie : update.xid]),
      [
        ['added', 9n],
        ['removed', 9n],
        ['abbreviated', own],
      ],
    );
  });

  it('makes meters and groups with a selection method, and reads both back', async () => {
    const connection = await connect();
    const bands = [{ kind: 'drop', rate: 1000, burstSize: 77 }] as const;
    connection.send({ kind: 'meterMod', command: 'add', flags: ['kbps', 'burst', 'stats'], meterId: 3, bands });
    const hash = {
      kind: 'selectionMethod',
      method: 'hash',
      parameter: 9n,
      fields: [{ field: oxm.ipv4Dst, value: 0xffff_ff00n }],
    } as const;
    const buckets = [1, 2].map(port => bucket({ bucketId: port, weight: 10 * port, actions: [output(port)] }));
    const group = groupMod({ command: 'add', type: 'select', groupId: 7, buckets, properties: [hash] });
    connection.send(group);
    await connection.barrier();

    const [meters] = await connection.multipart({ kind: 'meterConfig', meterId: Wildcard.allMeters });
    assert.deepEqual(meters?.meters, [{ flags: ['kbps', 'burst', 'stats'], meterId: 3, bands }]);
    const [groups] = await connection.multipart({ kind: 'groupDescription', groupId: Wildcard.allGroups });
    const [description] = groups?.groups ?? [];
    assert.deepEqual(description?.buckets, group.buckets);
    const property = description?.properties[0];
    assert.ok(property?.kind === 'selectionMethod');
    assert.deepEqual([property.method, property.parameter], ['hash', 9n]);
    assert.deepEqual(
      property.fields.map(({ field, value }) => [field.name, value]),
      [['ip_dst', 0xffff_ff00n]],
    );
    assert.match(await theSwitch().ofctl(['dump-groups', 'br0']), /selection_method=hash,selection_method_param=9/);
    const [statistics] = await connection.multipart({ kind: 'groupStats', groupId: 7 });
    assert.equal(statistics?.groups[0]?.buckets.length, 2);
  });

  it('gets a packet with its metadata and lets it go on from where it was paused', async () => {
    const told: ReceivedMessage[] = [];
    const connection = await connect({ onMessage: message => told.push(message) });
    connection.send({ kind: 'setPacketInFormat', format: 'nxt_packet_in2' });
    connection.send({ kind: 'setAsync', properties: [{ kind: 'packetInMaster', mask: 0x3f }] });
    const pause = 'set_field:0x1234->reg3,controller(userdata=01.02,pause),output:2';
    await theSwitch().ofctl(['add-flow', 'br0', `cookie=0x55,in_port=1,actions=${pause}`]);
    await connection.barrier();
    const before = await transmitted(2);
    const packet = 'in_port(1),eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07),eth_type(0x0800),ipv4(proto=6)';
    await theSwitch().appctl('netdev-dummy/receive', 'p1', packet);
    await connection.barrier();
    const punted = told.map(({ message }) => message).find(message => message.kind === 'packetIn2');
    assert.ok(punted?.kind === 'packetIn2');
    assert.deepEqual(
      punted.properties.map(property => property.kind),
      ['packet', 'tableId', 'cookie', 'reason', 'metadata', 'continuation', 'userdata'],
    );
    const metadata = punted.properties.find(property => property.kind === 'metadata');
    const registers = canonicalMatch(metadata?.fields ?? []);
    assert.equal(registers.find(({ field }) => field === oxm.reg3)?.value, 0x1234n);
    assert.equal(await transmitted(2), before);
    connection.send({ kind: 'resume', properties: punted.properties });
    await connection.barrier();
    assert.equal(await transmitted(2), before + 1n);
  });

  async function transmitted(port: number): Promise<bigint> {
    const connection = await connect();
    const [reply] = await connection.multipart({ kind: 'portStats', port });
    connection.close();
    return reply?.ports[0]?.txPackets ?? -1n;
  }

  it('ends when the switch stops answering', async () => {
    const ended = new Promise(resolve => {
      const limits = { echoIntervalMs: 100, echoTimeoutMs: 200 };
      void connect({ limits, onClose: reason => resolve(reason.kind) }).then(() => {
        process.kill(theSwitch().vswitchdPid, 'SIGSTOP');
      });
    });
    try {
      assert.equal(await ended, 'echoTimeout');
    } finally {
      process.kill(theSwitch().vswitchdPid, 'SIGCONT');
    }
  });
});
