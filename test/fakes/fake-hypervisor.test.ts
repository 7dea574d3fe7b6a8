/** The fake hypervisor is joined over TCP by the program's own southbound, as a real host is. */
import assert from 'node:assert/strict';
import { SouthboundListener } from '../../southbound/hypervisor/listener.js';
import type { HypervisorSession } from '../../southbound/hypervisor/session.js';
import { dial, formatTarget, type Target } from '../../southbound/ovsdb/transport.js';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/log.js';
import type { HostGoal } from '../../src/delivery/host-database.js';
import { hostGoal } from '../../src/delivery/host-goal.js';
import { Hosts } from '../../src/delivery/hosts.js';
import type { Hypervisor } from '../../src/model/index.js';
import { until } from '../delivery/support.js';
import { FakeHypervisor } from './fake-hypervisor.js';
import { SwitchTables } from './switch-tables.js';

const datapathId = 'a1b2c3d4e5f60718';
const portId = '0190c0de-0000-7000-8000-000000000001';

describe('the fake hypervisor', () => {
  let host: FakeHypervisor<SwitchTables>;
  let listener: SouthboundListener;
  let hosts: Hosts;
  let isLeaving: boolean;
  let session: HypervisorSession | null;
  let reported: readonly (number | null)[];

  const anyPort: Target = { kind: 'tcp', host: '127.0.0.1', port: 0 };

  beforeEach(async () => {
    isLeaving = false;
    session = null;
    reported = [];
    const row = { allowed: true, adopt: false, datapathId } as Hypervisor;
    const goalOf = (of: HypervisorSession): HostGoal | null =>
      hostGoal(of, row, ['geneve', 'vxlan'], {
        databaseId: '6f2a1b04-7c1d-4f0e-9a51-0123456789ab',
        isInCharge: true,
        advertise: null,
        openflow: listener.endpoints('flows'),
        punt: listener.endpoints('punt'),
        mirrorTunnels: [],
        gatewayTunnels: [],
        physicalNetworks: [],
        queues: [],
        internalInterfaces: [],
      });
    hosts = new Hosts({
      fleet: { connect: () => true, databaseChanged: () => {} },
      clock: systemClock,
      log: silentLogger,
      goalOf,
      bindingsOf: () => [],
      onInventory: (_, said) => (reported = ('gone' in said ? said.changed : said).map(each => each.ofport)),
    });
    listener = new SouthboundListener({
      ovsdb: [anyPort],
      openflow: [anyPort],
      punt: [anyPort],
      tls: null,
      registry: {
        identify: () => Promise.resolve({ kind: 'accepted', id: 'hv1', number: 1, datapathId, isLeaving }),
      },
      clock: systemClock,
      log: silentLogger,
      onSession: opened => {
        session = opened;
        hosts.add(opened);
      },
    });
    await listener.start();
    host = new FakeHypervisor({
      systemId: 'hv1',
      encapIp: '192.0.2.11',
      managers: listener.endpoints('ovsdb').map(formatTarget),
      clock: systemClock,
      dial: target => dial(target, null, 1_000),
      tables: new SwitchTables(),
    });
    assert.equal(host.plug('tap1', portId), false, 'there is no bridge yet');
    host.start();
    await until('the switch is paired', () => session?.state === 'connected');
  });
  afterEach(() => {
    host.stop();
    hosts.stop();
    listener.stop();
  });

  it('is set up, and is told apart by the datapath id that was given to its bridge', async () => {
    assert.equal(host.bridge?.other_config.get('datapath-id'), datapathId);
    await until('the second connection', () => session?.punt !== null);
    const tunnel = [...host.database.rows('Interface').values()].find(row => row.type === 'geneve');
    assert.equal(tunnel?.ofport, tunnel?.ofport_request);
  });

  it('numbers what is plugged, and otherwise after a restart of its switch', async () => {
    assert.equal(host.plug('tap1', portId), true);
    await until('a number', () => reported.length === 1 && typeof reported[0] === 'number');
    const [first] = reported;
    host.startSwitch({ tables: 'empty', portNumbers: 'same' });
    await until('it is back', () => session?.state === 'connected');
    assert.deepEqual(reported, [first]);
    host.startSwitch({ tables: 'kept', portNumbers: 'other' });
    await until('another number', () => reported.length === 1 && reported[0] !== first);
    host.unplug('tap1');
    await until('nothing is there', () => reported.length === 0);
  });

  it('is as it was when it has left', async () => {
    isLeaving = true;
    listener.reconsider('hv1');
    await until('the bridge is gone', () => host.bridge === null);
    await until('its connections are gone', () => !host.switch.isConnected);
  });
});
