/** What hosts say is passed on as they say it, and marked as far as the switch has acknowledged it; on a real ovsdb-server. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { SouthboundListener } from '../../southbound/hypervisor/listener.js';
import type { HypervisorSession } from '../../southbound/hypervisor/session.js';
import { formatTarget } from '../../southbound/ovsdb/transport.js';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/log.js';
import { Hosts, type MarkedBinding } from '../../src/delivery/hosts.js';
import { DatabaseServer } from '../ovs/database-server.js';
import { fakeSwitch } from '../fakes/fake-switch.js';
import { openChannel, until } from './support.js';

const portId = '0190c0de-0000-7000-8000-000000000001';

describe('hosts, with a real ovsdb-server', function () {
  this.timeout(20_000);
  let server: DatabaseServer;
  let listener: SouthboundListener;
  let hosts: Hosts;
  let session: HypervisorSession | null;
  let reports: string[];
  let bindings: Map<string, MarkedBinding>;
  let isKnown: boolean;
  let taken: number;
  let isLeaving: boolean;

  before(async () => {
    server = await DatabaseServer.start();
    const ids = ['external_ids:system-id=hv1', 'external_ids:weft-encap-ip=192.0.2.11'];
    await server.vsctl('set', 'Open_vSwitch', '.', ...ids);
    await server.vsctl('add-br', 'br-int', '--', 'add-port', 'br-int', 'vm1');
    await server.vsctl('set', 'interface', 'vm1', `external_ids:iface-id=${portId}`, 'ofport=5');
  });
  after(() => server.stop());

  beforeEach(async () => {
    session = null;
    reports = [];
    bindings = new Map();
    isKnown = true;
    isLeaving = false;
    taken = 0;
    await start();
  });
  afterEach(() => {
    hosts.stop();
    listener.stop();
  });

  async function start(): Promise<void> {
    hosts = new Hosts({
      fleet: { connect: () => (isKnown && (taken += 1), isKnown), databaseChanged: () => {} },
      clock: systemClock,
      log: silentLogger,
      goalOf: () => null,
      bindingsOf: id => [bindings.get(id) ?? []].flat(),
      onInventory: (id, said) => {
        const interfaces = 'gone' in said ? said.changed : said;
        reports.push(`${id}: ${interfaces.map(each => each.ofport).join()}`);
      },
    });
    listener = new SouthboundListener({
      ovsdb: [{ kind: 'tcp', host: '127.0.0.1', port: 0 }],
      openflow: [],
      punt: [],
      tls: null,
      registry: {
        identify: () =>
          Promise.resolve({ kind: 'accepted', id: 'hv1', number: 1, datapathId: 'a'.repeat(16), isLeaving }),
      },
      clock: systemClock,
      log: silentLogger,
      onSession: opened => {
        session = opened;
        hosts.add(opened);
      },
    });
    await listener.start();
    await server.vsctl('set-manager', listener.endpoints('ovsdb').map(formatTarget).join());
  }

  it('never reports fewer interfaces than the database has, also right after it was read', async () => {
    await until('a report', () => reports.length > 0);
    await sleep(50);
    assert.deepEqual([...new Set(reports)], ['hv1: 5']);
  });

  it('reports what is there when the host comes back, not what was there before', async () => {
    await until('a report', () => reports.includes('hv1: 5'));
    reports.length = 0;
    listener.stop();
    await until('the connection ends', () => session?.state === 'disconnected');
    await server.vsctl('set', 'interface', 'vm1', 'ofport=6');
    await start();
    await until('a report', () => reports.length > 0);
    await sleep(50);
    assert.deepEqual([...new Set(reports)], ['hv1: 6']);
    await server.vsctl('set', 'interface', 'vm1', 'ofport=5');
  });

  it('takes a port that was plugged anew under its number for installed still', async () => {
    await until('a report', () => reports.includes('hv1: 5'));
    const plug = (interfaceUuid: string): void => {
      bindings.set(portId, { hypervisorId: 'hv1', interfaceUuid, isOwn: true });
      hosts.bindingsChanged([{ hypervisorId: 'hv1', portId }]);
    };
    plug('0190c0de-0000-7000-8000-00000000000a');
    hosts.portsInstalled('hv1', new Set([portId]), [portId]);
    assert.equal(hosts.isInstalled(portId), true);
    // No flow changes, so the fleet has nothing to say.
    plug('0190c0de-0000-7000-8000-00000000000b');
    assert.equal(hosts.isInstalled(portId), true);
    hosts.portsInstalled('hv1', new Set(), [portId]);
    assert.equal(hosts.isInstalled(portId), false);
  });

  it('keeps an OpenFlow connection until the fleet knows the hypervisor, and while it is to leave', async () => {
    await until('the session', () => session?.state === 'provisioning');
    isKnown = false;
    session?.attachOpenFlow('flows', await openChannel(fakeSwitch().connect()));
    assert.equal(taken, 0);
    isKnown = true;
    hosts.goalsChanged();
    hosts.goalsChanged();
    assert.equal(taken, 1);

    isLeaving = true;
    listener.reconsider('hv1');
    await until('it is to leave', () => session?.hypervisor.isLeaving === true);
    session?.attachOpenFlow('flows', await openChannel(fakeSwitch().connect()));
    assert.equal(taken, 1);
    isLeaving = false;
    listener.reconsider('hv1');
    await until('it is taken', () => taken === 2);
  });
});
