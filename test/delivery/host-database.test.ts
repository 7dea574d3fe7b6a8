import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE_MS } from '../../lab/processes.js';
import { SouthboundListener } from '../../southbound/hypervisor/listener.js';
import type { AcceptedHypervisor, HypervisorSession } from '../../southbound/hypervisor/session.js';
import { formatTarget } from '../../southbound/ovsdb/transport.js';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/log.js';
import { HostDatabase, type HostGoal } from '../../src/delivery/host-database.js';
import { databaseDump } from '../ovs/database-dump.js';
import { DummySwitch } from '../ovs/dummy-switch.js';

const databaseId = '0190c0de-0000-7000-8000-00000000c0de';
const datapathId = '5eed00000000c0de';

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !holds(); await sleep(5)) {
    if (Date.now() > deadline) throw new Error(`timeout: ${what}`);
  }
}

/** A small Weft: the southbound door and the keeper of one host's database. */
class SmallWeft {
  session: HypervisorSession | null = null;
  database: HostDatabase | null = null;
  isLeaving = false;
  adopt = false;
  readonly #listener: SouthboundListener;

  constructor(ports: readonly [number, number, number] = [0, 0, 0]) {
    const [ovsdb, openflow, punt] = ports.map(port => [{ kind: 'tcp' as const, host: '127.0.0.1', port }]);
    this.#listener = new SouthboundListener({
      ovsdb: ovsdb ?? [],
      openflow: openflow ?? [],
      punt: punt ?? [],
      tls: null,
      registry: { identify: () => Promise.resolve(this.#verdict()) },
      clock: systemClock,
      log: silentLogger,
      onSession: session => {
        this.session = session;
        const goal = () => this.#goal(session);
        this.database = new HostDatabase({ session, goal, clock: systemClock, log: silentLogger });
      },
    });
  }

  start(): Promise<void> {
    return this.#listener.start();
  }

  stop(): void {
    this.database?.stop();
    this.#listener.stop();
  }

  get managerTarget(): string {
    return this.#listener.endpoints('ovsdb').map(formatTarget).join();
  }

  get ports(): readonly [number, number, number] {
    const port = (use: 'ovsdb' | 'flows' | 'punt') => {
      const [target] = this.#listener.endpoints(use);
      return target?.kind === 'tcp' ? target.port : 0;
    };
    return [port('ovsdb'), port('flows'), port('punt')];
  }

  #verdict(): AcceptedHypervisor {
    return { kind: 'accepted', id: 'hv1', number: 1, datapathId, isLeaving: this.isLeaving };
  }

  #goal(session: HypervisorSession): HostGoal {
    if (this.isLeaving) return { kind: 'left', databaseId };
    const controllers = (['flows', 'punt'] as const).flatMap(use =>
      this.#listener.endpoints(use).flatMap(endpoint => {
        const target = session.openFlowTarget(endpoint, null);
        return target ? [{ use, target: formatTarget(target) }] : [];
      }),
    );
    return {
      kind: 'joined',
      host: {
        databaseId,
        bridge: session.report.bridge,
        datapathType: session.report.datapathType,
        datapathId,
        adopt: this.adopt,
        encapIp: session.report.encapIp,
        encapsulations: ['geneve'],
        mirrorTunnels: [],
        gatewayTunnels: [],
        physicalNetworks: [],
        queues: [],
        internalInterfaces: [],
        controllers,
        maxBackoffMs: 1000,
        inactivityProbeMs: 3000,
        managerRow: session.managerRow()?._uuid ?? null,
        reachedBy: session.managerRow()?.target ?? null,
      },
    };
  }
}

describe('a host joins and leaves, with real Open vSwitch', function () {
  this.timeout(30_000);
  let ovs: DummySwitch;
  let weft: SmallWeft;

  before(async () => {
    ovs = await DummySwitch.start({ bridges: [] });
    weft = new SmallWeft();
    await weft.start();
  });
  after(async () => {
    weft.stop();
    await ovs.stop();
  });

  const bothConnected = () => weft.session?.state === 'connected' && weft.session.punt !== null;
  let before_: string;

  it('by the one command: bridge, tunnel port, and both OpenFlow connections paired', async () => {
    const ids =
      'external_ids:system-id=hv1 external_ids:weft-encap-ip=192.0.2.11 external_ids:weft-datapath-type=dummy';
    await ovs.vsctl('set', 'Open_vSwitch', '.', ...ids.split(' '));
    await ovs.vsctl('set-manager', 'tcp:127.0.0.1:9');
    before_ = (await databaseDump(ovs)).replaceAll('127.0.0.1:9', weft.managerTarget.slice(4));
    await ovs.vsctl('set-manager', weft.managerTarget);
    await until('both connections', bothConnected);
    await until('nothing left to do', () => weft.database?.status.kind === 'joined');
    assert.equal(await weft.session?.openflow?.datapathId, datapathId);
  });

  it('marks what is acknowledged', async () => {
    await ovs.addPort('br-int', 'vm1', 5);
    await ovs.vsctl('set', 'interface', 'vm1', 'external_ids:iface-id=p1');
    await until('the claim', () => weft.session?.inventory.interfaces()[0]?.ofport === 5);
    const claims = weft.session?.inventory.interfaces() ?? [];
    weft.database?.setAcknowledged(new Map(claims.map(claim => [claim.uuid, claim.ifaceId])));
    const mark = () =>
      weft.session?.replica
        .rows('Interface')
        .get(claims[0]?.uuid ?? '')
        ?.external_ids.get('weft-installed');
    await until('the mark', () => mark() === 'true');
    await ovs.vsctl('remove', 'interface', 'vm1', 'external_ids', 'weft-installed');
    await until('the mark again', () => mark() === 'true');
  });

  it('puts back a bridge that somebody deleted', async () => {
    const bridge = () => [...(weft.session?.replica.rows('Bridge').keys() ?? [])].join();
    const lost = bridge();
    await ovs.vsctl('del-br', 'br-int');
    await until('another bridge', () => bridge() !== '' && bridge() !== lost);
    await until('nothing left to do', () => weft.database?.status.kind === 'joined');
    await until('both connections', bothConnected);
  });

  it('asks the switch for nothing that nobody wants', async () => {
    const reply = await weft.session?.punt?.connection.request({ kind: 'getAsyncRequest' });
    const masks = reply?.properties.map(property => ('mask' in property ? property.mask : null));
    assert.deepEqual([...new Set(masks)], [0]);
  });

  it('puts right what somebody changes of ours, and leaves alone what is not ours', async () => {
    await ovs.addPort('br-int', 'foreign', 77);
    await ovs.vsctl('set', 'bridge', 'br-int', 'external_ids:somebody=else', 'other_config:mac-aging-time=77');
    await sleep(100);
    const joined = await databaseDump(ovs);
    const [controller = ''] = (await ovs.vsctl('--bare', '--columns=_uuid', 'find', 'controller')).split('\n');
    for (const damage of [
      'set bridge br-int fail_mode=standalone',
      'remove bridge br-int other_config disable-in-band',
      'remove bridge br-int external_ids weft-owner',
      'set interface weft-geneve options:remote_ip=192.0.2.99',
      'remove port weft-geneve external_ids weft-owner',
      'del-port br-int weft-geneve',
      `set controller ${controller} target="tcp:127.0.0.1:9" max_backoff=8000`,
      'del-controller br-int',
    ]) {
      await ovs.vsctl(...damage.split(' '));
      await sleep(50);
      await until(`repair: ${damage}`, () => weft.database?.status.kind === 'joined' && bothConnected());
      const deadline = performance.now() + PATIENCE_MS;
      while ((await databaseDump(ovs)) !== joined && performance.now() < deadline) await sleep(50);
      assert.equal(await databaseDump(ovs), joined, damage);
    }
    await ovs.vsctl('del-port', 'foreign');
    await ovs.vsctl('remove', 'bridge', 'br-int', 'external_ids', 'somebody', 'other_config', 'mac-aging-time');
  });

  it('loses no flow and writes nothing when we restart', async () => {
    await ovs.ofctl(['add-flow', 'br-int', 'table=7,priority=9,actions=drop']);
    const joined = await databaseDump(ovs);
    const configuration = weft.session?.replica.only('Open_vSwitch')?.next_cfg;
    const { ports } = weft;
    weft.stop();
    await sleep(200);
    weft = new SmallWeft(ports);
    await weft.start();
    await until('both connections', bothConnected);
    await until('nothing left to do', () => weft.database?.status.kind === 'joined');
    assert.equal(await databaseDump(ovs), joined);
    assert.equal(weft.session?.replica.only('Open_vSwitch')?.next_cfg, configuration);
    assert.match((await ovs.dumpFlows('br-int')).join(), /table=7/);
  });

  it('moves its bridge to other ports of ours without losing a flow', async () => {
    const [ovsdb] = weft.ports;
    weft.stop();
    weft = new SmallWeft([ovsdb, 0, 0]);
    await weft.start();
    await until('both connections', bothConnected);
    assert.match((await ovs.dumpFlows('br-int')).join(), /table=7/);
  });

  it('leaves, and the database is what it was before', async () => {
    weft.isLeaving = true;
    weft.database?.nudge();
    await until('the end', () => weft.database?.status.kind === 'left');
    assert.equal(await databaseDump(ovs), before_);
  });

  it('says why it does not touch a bridge that is in use, and takes it when it may', async () => {
    await ovs.vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath-type=dummy');
    await ovs.addPort('br-int', 'vm1', 5);
    weft.isLeaving = false;
    weft.database?.nudge();
    await until('the refusal', () => weft.session?.state === 'refused');
    assert.match(weft.session?.reason ?? '', /already has ports \(vm1\): set adopt to true/);
    weft.adopt = true;
    weft.database?.nudge();
    await until('both connections', bothConnected);
  });
});
