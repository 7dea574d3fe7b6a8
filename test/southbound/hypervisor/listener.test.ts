import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE_MS } from '../../../lab/processes.js';
import {
  defaultSouthboundLimits,
  SouthboundListener,
  type SouthboundOptions,
} from '../../../southbound/hypervisor/listener.js';
import type { HypervisorReport } from '../../../southbound/hypervisor/identity.js';
import type {
  AcceptedHypervisor,
  HypervisorSession,
  RefusedHypervisor,
} from '../../../southbound/hypervisor/session.js';
import { formatTarget, parseTarget, type Target } from '../../../southbound/ovsdb/transport.js';
import { systemClock } from '../../../src/base/clock.js';
import { silentLogger } from '../../../src/base/log.js';
import { DatabaseServer } from '../../ovs/database-server.js';
import { freePort } from '../../ovs/free-port.js';
import { CertificateAuthority } from '../ovsdb/certificates.js';

const anyPort: Target = { kind: 'tcp', host: '127.0.0.1', port: 0 };

/** Accepts everybody but those who are named here. */
class Registry {
  readonly reports: HypervisorReport[] = [];
  readonly refused = new Set<string>();
  isDown = false;

  identify(report: HypervisorReport): Promise<AcceptedHypervisor | RefusedHypervisor> {
    if (this.isDown) return Promise.reject(new Error('no database'));
    this.reports.push(report);
    if (this.refused.has(report.systemId)) return Promise.resolve({ kind: 'refused', reason: 'not allowed' });
    const datapathId = report.systemId.padStart(16, '0').replaceAll(/[^0-9a-f]/g, 'e');
    return Promise.resolve({ kind: 'accepted', id: report.systemId, number: 1, datapathId, isLeaving: false });
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !holds(); await sleep(5)) {
    if (Date.now() > deadline) throw new Error(`timeout: ${what}`);
  }
}

describe('southbound listener, against real ovsdb-servers', function () {
  this.timeout(20_000);
  let registry: Registry;
  let listener: SouthboundListener;
  let sessions: HypervisorSession[];
  const servers: DatabaseServer[] = [];

  beforeEach(() => start());
  afterEach(async () => {
    listener.stop();
    for (const server of servers.splice(0)) await server.stop();
  });

  async function start(options: Partial<SouthboundOptions> = {}): Promise<void> {
    registry = new Registry();
    sessions = [];
    listener = new SouthboundListener({
      ovsdb: [anyPort],
      openflow: [],
      punt: [],
      tls: null,
      registry,
      clock: systemClock,
      log: silentLogger,
      onSession: session => sessions.push(session),
      probeIntervalMs: 500,
      ...options,
    });
    await listener.start();
  }

  function managerTarget(): string {
    const [target] = listener.endpoints('ovsdb');
    return target?.kind === 'tcp' ? `tcp:${target.host}:${target.port}` : assert.fail();
  }

  /** A host with this system-id that dials us. */
  async function host(...settings: readonly string[]): Promise<DatabaseServer> {
    const server = await DatabaseServer.start();
    servers.push(server);
    const command = ['set', 'Open_vSwitch', '.', 'external_ids:host=x', ...settings];
    await server.vsctl(
      ...command,
      '--',
      'set-manager',
      managerTarget(),
      '--',
      'set',
      'manager',
      '.',
      'max_backoff=1000',
    );
    return server;
  }

  const idsOf = (name: string) => [`external_ids:system-id=${name}`, 'external_ids:weft-encap-ip=192.0.2.11'];

  it('admits a host that says who it is, and tells what it reported', async () => {
    await host(...idsOf('hv1'));
    await until('a session', () => sessions[0]?.state === 'provisioning');
    const report = registry.reports[0];
    assert.deepEqual([report?.systemId, report?.encapIp, report?.bridge], ['hv1', '192.0.2.11', 'br-int']);
    assert.equal(report?.peer.localHost, '127.0.0.1');
    assert.deepEqual(listener.unadmitted, []);
    assert.equal(sessions[0]?.managerRow()?.target, managerTarget());
    const target = sessions[0]?.openFlowTarget({ kind: 'tcp', host: '0.0.0.0', port: 6653 }, null);
    assert.deepEqual(target, { kind: 'tcp', host: '127.0.0.1', port: 6653 });
    const advertised = sessions[0]?.openFlowTarget({ kind: 'tcp', host: '0.0.0.0', port: 6653 }, 'weft.example');
    assert.deepEqual(advertised, { kind: 'tcp', host: 'weft.example', port: 6653 });
  });

  it('shows why a host is not admitted, and admits it when that is mended', async () => {
    const server = await host();
    await until('a reason', () => /system-id is not set/.test(listener.unadmitted[0]?.reason ?? ''));
    await server.vsctl('set', 'Open_vSwitch', '.', 'external_ids:system-id=hv1');
    await until('the next reason', () => /weft-encap-ip is not set/.test(listener.unadmitted[0]?.reason ?? ''));
    await server.vsctl('set', 'Open_vSwitch', '.', 'external_ids:weft-encap-ip=192.0.2.11', 'ovs_version=2.13.0');
    await until('the version', () => /2\.13\.0 is too old/.test(listener.unadmitted[0]?.reason ?? ''));
    await server.vsctl('set', 'Open_vSwitch', '.', 'ovs_version=3.1.0');
    await until('a session', () => sessions[0]?.state === 'provisioning');
  });

  it('asks a registry that is out of reach again', async () => {
    registry.isDown = true;
    await host(...idsOf('hv1'));
    await until('a reason', () => /registry of hypervisors does not answer/.test(listener.unadmitted[0]?.reason ?? ''));
    registry.isDown = false;
    await until('a session', () => sessions.length === 1);
  });

  it('refuses whom the registry refuses, admits it when asked to look again, and drops it when it is refused later', async () => {
    registry.refused.add('hv1');
    await host(...idsOf('hv1'));
    await until('a refusal', () => listener.unadmitted[0]?.reason === 'not allowed');
    registry.refused.clear();
    listener.reconsider('hv1');
    await until('a session', () => sessions[0]?.state === 'provisioning');
    registry.refused.add('hv1');
    listener.reconsider('hv1');
    await until('the end', () => sessions[0]?.state === 'disconnected');
    assert.match(sessions[0]?.reason ?? '', /not allowed/);
    await until('a refusal', () => listener.unadmitted[0]?.reason === 'not allowed');
  });

  it('keeps the first of two hosts with one system-id, names the second, and gives it its turn', async () => {
    const first = await host(...idsOf('hv1'));
    await until('a session', () => sessions[0]?.state === 'provisioning');
    await host(...idsOf('hv1'));
    await until('a refusal', () => listener.unadmitted.length === 1 && listener.unadmitted[0]?.reason !== '');
    await until('a twin', () =>
      /system-id hv1 is already used by another host/.test(listener.unadmitted[0]?.reason ?? ''),
    );
    assert.equal(sessions[0]?.state, 'provisioning');
    assert.equal(sessions.length, 1);
    // Nobody hears of the second one's address, however often it is looked at: packets would be sent there.
    const told = registry.reports.length;
    listener.reconsider('hv1');
    await until('a look at the first', () => registry.reports.length > told);
    await sleep(50);
    assert.deepEqual(
      [...new Set(registry.reports.map(report => report.databaseRow))],
      [sessions[0]?.report.databaseRow],
    );
    await first.vsctl('del-manager');
    await until('the second', () => listener.unadmitted.length === 0 && sessions[0]?.state === 'provisioning');
  });

  it('takes a host back whose old connection is dead without our knowing', async () => {
    // A proxy that can swallow everything without closing: a cable pulled.
    const { createServer } = await import('node:net');
    const passed: Socket[] = [];
    let isCut = false;
    const proxy = createServer(socket => {
      const [target] = listener.endpoints('ovsdb');
      const onward = connect(target?.kind === 'tcp' ? target.port : 0, '127.0.0.1');
      passed.push(socket, onward);
      const mine = passed.length;
      socket.on('data', chunk => void ((!isCut || mine > 2) && onward.write(chunk)));
      onward.on('data', chunk => void ((!isCut || mine > 2) && socket.write(chunk)));
      for (const end of [socket, onward]) end.on('error', () => {});
    });
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
    const address = proxy.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const server = await host(...idsOf('hv1'));
    await server.vsctl('set-manager', `tcp:127.0.0.1:${port}`, '--', 'set', 'manager', '.', 'max_backoff=1000');
    await until('a session', () => passed.length >= 2 && sessions[0]?.state === 'provisioning');
    await sleep(100);
    isCut = true;
    passed[0]?.destroy();
    await until('the same session anew', () => passed.length >= 4 && sessions[0]?.state === 'provisioning');
    assert.equal(sessions.length, 1);
    for (const socket of passed) socket.destroy();
    proxy.close();
  });

  it('reports a change of what the host says, and lets go of a host that changes its name', async () => {
    const server = await host(...idsOf('hv1'));
    await until('a session', () => sessions[0]?.state === 'provisioning');
    let told = 0;
    sessions[0]?.onReport(() => told++);
    await server.vsctl('set', 'Open_vSwitch', '.', 'external_ids:weft-encap-ip=192.0.2.99');
    await until('a report', () => told === 1);
    assert.equal(sessions[0]?.report.encapIp, '192.0.2.99');
    await server.vsctl('set', 'Open_vSwitch', '.', 'external_ids:weft-hypervisor=hv2');
    await until('the other session', () => sessions[1]?.state === 'provisioning');
    assert.equal(sessions[1]?.systemId, 'hv2');
    assert.equal(sessions[0]?.state, 'disconnected');
    assert.match(sessions[0]?.reason ?? '', /now called hv2/);
  });

  it('tells the workloads of the bridge, each burst once', async () => {
    const server = await host(...idsOf('hv1'));
    await until('a session', () => sessions[0]?.state === 'provisioning');
    const [session] = sessions;
    assert.ok(session);
    let told = 0;
    session.inventory.onChange(() => told++);
    await server.vsctl('add-br', 'br-int', '--', 'add-br', 'br-other');
    await server.vsctl('add-port', 'br-other', 'else', '--', 'set', 'interface', 'else', 'external_ids:iface-id=no');
    const many = Array.from({ length: 50 }, (_, i) =>
      `-- add-port br-int v${i} -- set interface v${i} external_ids:iface-id=port-${i}`.split(' '),
    );
    await server.vsctl(...many.flat());
    await until('the list', () => told === 1);
    assert.equal(session.inventory.interfaces().length, 50);
    await server.vsctl(
      'set',
      'interface',
      'v7',
      'ofport=7',
      'link_state=up',
      'mtu=1400',
      'external_ids:attached-mac=x',
    );
    await until('the change', () => told === 2);
    const seven = () => session.inventory.interfaces().find(entry => entry.name === 'v7');
    assert.deepEqual(
      [seven()?.ifaceId, seven()?.ofport, seven()?.linkState, seven()?.mtuBytes, seven()?.attachedMac],
      ['port-7', 7, 'up', 1400, 'x'],
    );
    await server.vsctl('set', 'interface', 'v7', 'error=broken');
    await until('the error', () => seven()?.ofport === null);
    await server.vsctl('set', 'interface', 'v8', 'ofport=-1');
    await server.vsctl('del-br', 'br-int');
    await until('the end', () => session.inventory.interfaces().length === 0);
  });

  it('dials a host that listens, and lets go of it when it is no longer named', async () => {
    const port = await freePort();
    const server = await DatabaseServer.start();
    servers.push(server);
    await server.vsctl('set', 'Open_vSwitch', '.', ...idsOf('hv1'), '--', 'set-manager', `ptcp:${port}:127.0.0.1`);
    const text = `tcp:127.0.0.1:${port}`;
    const target = parseTarget(text);
    assert.ok(target);
    listener.setDialled([target]);
    await until('a session', () => sessions[0]?.state === 'provisioning');
    assert.equal(sessions[0]?.report.peer.target, text);
    listener.setDialled([]);
    await until('the end', () => sessions[0]?.state === 'disconnected');
  });

  it('closes strangers that say nonsense or too much, and admits real hosts beside them', async () => {
    const [target] = listener.endpoints('ovsdb');
    const port = target?.kind === 'tcp' ? target.port : 0;
    const say = (bytes: string | Uint8Array) =>
      new Promise<void>(resolve => {
        const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
        socket.on('error', () => {});
        socket.on('close', () => resolve());
        socket.resume();
      });
    await Promise.all([
      say('GET / HTTP/1.0\r\n\r\n'),
      say('{"id":1,"result":{},"error":null}{"id":2,"result":{"tables":{"x":1}},"error":null}'),
      say(`{"a":"${'x'.repeat(2 * 1024 * 1024)}"}`),
      say('{"a":'.repeat(100)),
      say('{"id":77,"result":1,"error":null}'),
    ]);
    await host(...idsOf('hv1'));
    await until('a session', () => sessions[0]?.state === 'provisioning');
    await until('nobody else', () => listener.unadmitted.length === 0);
  });

  it('holds only so many hosts that are not admitted', async () => {
    listener.stop();
    await start({
      limits: { ...defaultSouthboundLimits, connections: 100, handshakes: 100, unidentified: 3 },
    });
    const [target] = listener.endpoints('ovsdb');
    const port = target?.kind === 'tcp' ? target.port : 0;
    let closed = 0;
    const strangers = Array.from({ length: 5 }, () => connect(port, '127.0.0.1').on('close', () => closed++));
    await until('two closed', () => closed === 2);
    assert.equal(listener.unadmitted.length, 3);
    for (const socket of strangers) socket.destroy();
  });

  it('turns away OpenFlow connections that it has no room for, and serves the others', async () => {
    listener.stop();
    await start({ openflow: [anyPort], limits: { ...defaultSouthboundLimits, unpaired: 3 } });
    const [target] = listener.endpoints('flows');
    const port = target?.kind === 'tcp' ? target.port : 0;
    let closed = 0;
    // A rejection that nobody handles would end Weft, and ends this process.
    const switches = Array.from({ length: 5 }, () => connect(port, '127.0.0.1'));
    for (const socket of switches) socket.resume().on('close', () => closed++);
    await until('two closed', () => closed === 2);
    assert.deepEqual([...listener.refusals.totals], [{ listener: 'flows', code: 'crowded', count: 2 }]);
    for (const socket of switches) socket.destroy();
    await host(...idsOf('hv1'));
    await until('a session', () => sessions[0]?.state === 'provisioning');
  });

  it('says which address it cannot listen at, and opens none of the others', async () => {
    const [taken] = listener.endpoints('ovsdb');
    assert.ok(taken);
    const other = new SouthboundListener({
      ovsdb: [anyPort, taken],
      openflow: [],
      punt: [],
      tls: null,
      registry,
      clock: systemClock,
      log: silentLogger,
      onSession: () => {},
    });
    await assert.rejects(other.start(), new RegExp(`cannot listen at ${managerTarget()}`));
  });
});

describe('southbound listener over TLS, against real Open vSwitch', function () {
  this.timeout(20_000);

  it('admits a host by its certificate, and refuses one that uses the name of another', async () => {
    const authority = await CertificateAuthority.make();
    const tls = await authority.issue('weft');
    await authority.issue('hv1');
    const registry = new Registry();
    const sessions: HypervisorSession[] = [];
    const secure: Target = { ...anyPort, kind: 'ssl' };
    const listener = new SouthboundListener({
      ovsdb: [secure],
      openflow: [secure],
      punt: [],
      tls,
      registry,
      clock: systemClock,
      log: silentLogger,
      onSession: session => sessions.push(session),
    });
    await listener.start();
    const [ovsdb] = listener.endpoints('ovsdb');
    const file = (name: string) => authority.file(name);
    const keys = [file('hv1.key'), file('hv1.crt'), file('ca.crt')] as const;
    const server = await DatabaseServer.start({
      args: [`--private-key=${keys[0]}`, `--certificate=${keys[1]}`, `--ca-cert=${keys[2]}`],
    });
    try {
      const ids = 'external_ids:system-id=hv2 external_ids:weft-encap-ip=192.0.2.11'.split(' ');
      await server.vsctl('set', 'Open_vSwitch', '.', ...ids);
      await server.vsctl('set-manager', ovsdb ? formatTarget(ovsdb) : '');
      await until('a refusal', () => listener.unadmitted[0]?.reason === 'its certificate is for hv1, not for hv2');
      await server.vsctl('set', 'Open_vSwitch', '.', 'external_ids:system-id=hv1');
      await until('a session', () => sessions[0]?.state === 'provisioning');
      assert.deepEqual(sessions[0]?.report.peer.certificate.names, ['hv1']);
      const [flows] = listener.endpoints('flows');
      const target = flows && sessions[0]?.openFlowTarget(flows, null);
      assert.match(target ? formatTarget(target) : '', /^ssl:127\.0\.0\.1:\d+$/);
    } finally {
      listener.stop();
      await server.stop();
      await authority.remove();
    }
  });
});
