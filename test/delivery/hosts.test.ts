import assert from 'node:assert/strict';
import type { ReportedInterface } from '../../southbound/hypervisor/inventory.js';
import { silentLogger } from '../../src/base/log.js';
import { Hosts, type MarkedBinding } from '../../src/delivery/hosts.js';
import { ManualClock } from '../fakes/manual-clock.js';
import { FakeSession } from './fake-session.js';

const tap = (ifaceId: string, more: Partial<ReportedInterface> = {}): ReportedInterface =>
  ({ uuid: `uuid-of-${ifaceId}`, name: 'tap1', ifaceId, ofport: 1, error: null, ...more }) as ReportedInterface;

describe('Hosts', () => {
  let clock: ManualClock;
  let session: FakeSession;
  let hosts: Hosts;
  let told: [string, string[]][];
  let bindings: Map<string, MarkedBinding>;
  beforeEach(() => {
    clock = new ManualClock();
    told = [];
    bindings = new Map();
    session = new FakeSession('hv1');
    hosts = new Hosts({
      fleet: { connect: () => true, databaseChanged: () => {} },
      clock,
      log: silentLogger,
      goalOf: () => null,
      bindingsOf: portId => [bindings.get(portId) ?? []].flat(),
      onInventory: (id, said) => {
        const texts =
          'gone' in said ? [...said.changed.map(one => `+${one.ifaceId}`), ...said.gone.map(uuid => `-${uuid}`)] : null;
        told.push([id, texts ?? (said as readonly ReportedInterface[]).map(each => each.ifaceId)]);
      },
    });
    hosts.add(session.asSession);
  });
  afterEach(() => hosts.stop());

  it('pass on the whole list of claims when a host is there, and what differs whenever it changes', () => {
    session.claim(tap('a'));
    session.move('following');
    session.move('provisioning');
    session.claim(tap('a'), tap('b'));
    session.claim();
    assert.deepEqual(told, [
      ['id-of-hv1', ['+a']],
      ['id-of-hv1', ['a']],
      ['id-of-hv1', ['+a', '+b']],
      ['id-of-hv1', ['-uuid-of-a', '-uuid-of-b']],
    ]);
  });

  it('say nothing for a host whose database is not current, or which is leaving', () => {
    session.replica.isCurrent = false;
    session.claim(tap('a'));
    session.move('provisioning');
    session.replica.isCurrent = true;
    session.hypervisor = { ...session.hypervisor, isLeaving: true };
    session.claim(tap('b'));
    assert.deepEqual(told, []);
  });

  it('repeat what they know when the lease becomes ours', () => {
    session.interfaces = [tap('a')];
    hosts.takeCharge();
    assert.deepEqual(told, [['id-of-hv1', ['a']]]);
  });

  it('know whether the flows of a port are acknowledged where it is bound now', () => {
    bindings.set('port', { hypervisorId: 'id-of-hv1', interfaceUuid: 'x', isOwn: true });
    assert.equal(hosts.isInstalled('port'), false);
    hosts.portsInstalled('id-of-hv1', new Set(['port']), ['port']);
    assert.equal(hosts.isInstalled('port'), true);
    bindings.set('port', { hypervisorId: 'id-of-hv2', interfaceUuid: 'x', isOwn: true });
    assert.equal(hosts.isInstalled('port'), false, 'it moved to a host that has not said so');
    bindings.delete('port');
    assert.equal(hosts.isInstalled('port'), false);
    hosts.portsInstalled('id-of-nobody', new Set(['port']), ['port']);
  });

  it('find claims by id in any case and by exact name, and tell why one is not usable', () => {
    session.claim(tap('0A'), tap('web', { ofport: null, error: 'no such device' }), tap('WEB'));
    assert.deepEqual(
      hosts
        .claims('0a', 'web')
        .map(({ ifaceId, ofport, error, hypervisorName }) => [ifaceId, ofport, error, hypervisorName]),
      [
        ['0A', 1, null, 'hv1'],
        ['web', null, 'no such device', 'hv1'],
      ],
    );
  });

  it('tell the state of a host, and none of one that was never there', () => {
    session.state = 'provisioning';
    assert.deepEqual(hosts.status('id-of-hv1'), {
      session: 'provisioning',
      reason: 'as the test says',
      database: { kind: 'unknown' },
      ovsVersion: '3.1.0',
      isPunting: false,
      unreadMappings: [],
    });
    assert.equal(hosts.status('id-of-hv2'), null);
  });

  it('wait for a host to be cleaned up, for so long, and not for one that is not connected', async () => {
    assert.equal(await hosts.awaitRemoval('id-of-nobody', 1_000), true);
    assert.equal(await hosts.awaitRemoval('id-of-hv1', 1_000), true);
    session.move('connected');
    const late = hosts.awaitRemoval('id-of-hv1', 1_000);
    clock.advance(1_000);
    assert.equal(await late, false);
    const gone = hosts.awaitRemoval('id-of-hv1', 1_000);
    session.move('disconnected');
    assert.equal(await gone, true);
    assert.equal(clock.pending, 0);
  });
});
