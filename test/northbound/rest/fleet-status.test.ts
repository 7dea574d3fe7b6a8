import assert from 'node:assert/strict';
import type { WeftError } from '../../../src/base/errors.js';
import type { FragmentFailure, HostProgress } from '../../../src/delivery/convergence.js';
import type { HypervisorDelivery } from '../../../src/delivery/fleet.js';
import type { HostStatus } from '../../../src/delivery/hosts.js';
import type { RowOf } from '../../../src/model/index.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { Circumstances, joined, ready } from './circumstances.js';

const network = (): NetworkBuilder =>
  new NetworkBuilder()
    .hypervisor('hv1')
    .logicalSwitch('net', '10.0.0.0/24')
    .port('bound', 'net', '02:00:00:00:00:01', ['10.0.0.1'], ['hv1', 1])
    .port('off', 'net', '02:00:00:00:00:02', ['10.0.0.2'], ['hv1', 2], { enabled: false })
    .port('free', 'net', '02:00:00:00:00:03', ['10.0.0.3']);

describe('The status of a port', () => {
  it('says that nothing passes where its groups name too many sets', () => {
    const sets = Array.from({ length: 600 }, (_, index) => `set${index}`);
    const many = network().securityGroup('g');
    for (const id of sets) many.addressSet(id, '192.0.2.1').rule(id, 'g', 'ingress', { remoteAddressSetId: id });
    many.port('guarded', 'net', '02:00:00:00:00:04', ['10.0.0.4'], ['hv1', 4], { securityGroups: ['g'] });
    const status = new Circumstances(many).port('guarded');
    assert.equal(status.state, 'up');
    assert.match(status.reason ?? '', /acl_too_many/);
  });

  it('is that of its parent where it is a sub-port that is bound nowhere', () => {
    const nested = network().port('sub', 'net', '02:00:00:00:00:05', ['10.0.0.5'], undefined, {
      parent: { portId: 'free', vlan: 7 },
    });
    const { state, reason } = new Circumstances(nested).port('sub');
    assert.deepEqual(
      [state, reason],
      ['unbound', 'its parent free (free) is unbound: no hypervisor reports an interface with this iface-id'],
    );
  });

  it('of a local port says where it is, and where its switch has ports without it', () => {
    const local = network()
      .hypervisor('hv2')
      .port('far', 'net', '02:00:00:00:00:07', ['10.0.0.7'], ['hv2', 1])
      .port('metadata', 'net', '02:00:00:00:00:08', [], ['hv1', 8], { local: { addresses: ['169.254.169.254'] } });
    const { state, bound_to, reason } = new Circumstances(local).port('metadata');
    assert.deepEqual([state, bound_to], ['up', 'hv1']);
    assert.equal(reason, 'its switch has ports on hv2, where no interface claims it');
    const everywhere = new Circumstances(local.bind('metadata', 'hv2', 8)).port('metadata');
    assert.deepEqual([everywhere.state, everywhere.bound_to, everywhere.reason], ['up', 'hv1, hv2', null]);
  });

  let now: Circumstances;
  beforeEach(() => {
    now = new Circumstances(network());
  });

  it('is up when it is bound and its flows are acknowledged', () => {
    assert.deepEqual(now.port('bound'), {
      bound_to: 'hv1',
      up: true,
      applied_revision: 7,
      state: 'up',
      reason: null,
    });
  });

  it('is never up before that', () => {
    now.isInstalled = false;
    assert.deepEqual([now.port('bound').state, now.port('bound').up], ['pending', false]);
    now.isInstalled = true;
    assert.equal(now.port('off').state, 'disabled');
    now.delivery = { ...ready, connected: false };
    assert.deepEqual(now.port('bound').reason, 'hv1 is not connected');
    now.delivery = null;
    assert.equal(now.port('bound').state, 'unknown');
  });

  it('says what is missing between its hypervisor and the physical network', () => {
    const provided = (bridgeMappings: RowOf<'hypervisors'>['bridgeMappings']): Circumstances =>
      new Circumstances(
        new NetworkBuilder()
          .hypervisor('hv1', { bridgeMappings })
          .providerSwitch('net', 'physnet1', 100)
          .port('bound', 'net', '02:00:00:00:00:01', [], ['hv1', 1]),
      );
    const unmapped = provided([]);
    const missing =
      'hv1 names no bridge for physical network physnet1: set external_ids:weft-bridge-mappings=physnet1:BRIDGE there; "physnet" there is not network:bridge';
    const { up, state, reason } = unmapped.port('bound');
    assert.deepEqual([up, state, reason], [false, 'isolated', missing]);
    const entry = { physical_network: 'physnet1', bridge: null, connected: false, reason: missing };
    assert.deepEqual(unmapped.physicalNetworks(), [entry]);
    now = provided([
      { physicalNetwork: 'physnet1', bridge: 'br-ex' },
      { physicalNetwork: 'physnet1', bridge: 'br-second' },
      { physicalNetwork: 'physnet2', bridge: 'br-other' },
    ]);
    assert.equal(now.port('bound').state, 'up', 'the first of two bridges counts');
    const unused = 'no port on hv1 is on a logical switch of physnet2';
    assert.deepEqual(now.physicalNetworks(), [
      { physical_network: 'physnet1', bridge: 'br-ex', connected: true, reason: null },
      { physical_network: 'physnet2', bridge: 'br-other', connected: false, reason: unused },
    ]);
    now.joints = { 'br-ex': 'there is no bridge br-ex' };
    assert.equal(now.port('bound').state, 'isolated');
    assert.equal(
      now.port('bound').reason,
      'hv1 is not joined with physical network physnet1: there is no bridge br-ex',
    );
    now.isInstalled = false;
    assert.equal(now.port('bound').state, 'pending', 'one thing after the other');
  });

  it('has the words of a switch that refused its flows', () => {
    const failure: FragmentFailure = {
      hypervisorId: 'hv1',
      name: 'hv1',
      key: 'k',
      owner: { kind: 'logical-switch-ports', id: 'bound' },
      error: 'OFPBMC_BAD_FIELD',
      isOptional: false,
      attempts: 1,
      since: 1,
      latest: 1,
    };
    const host = { hypervisorId: 'hv1', name: 'hv1', isConnected: true, isBehind: true, appliedRevision: 0 };
    const failed = { hasFailures: true, failures: () => [failure] };
    now.convergence.track({ ...host, isPending: () => false, ...failed } satisfies HostProgress);
    assert.deepEqual(
      [now.port('bound').state, now.port('bound').reason],
      ['failed', 'hv1 refused its flows: OFPBMC_BAD_FIELD'],
    );
    assert.equal(now.port('off').state, 'disabled', 'of no other port');
  });

  it('says why it is not bound', () => {
    const claim = {
      hypervisorId: 'hv1',
      hypervisorName: 'hv1',
      interfaceUuid: 'u',
      interfaceName: 'tap3',
      error: null,
    };
    const reason = (): string => String(now.port('free').reason);
    assert.match(reason(), /no hypervisor reports an interface/);
    now.claims = [{ ...claim, ifaceId: 'free', ofport: null }];
    assert.equal(reason(), 'hv1 (tap3) claims it, but it has no OpenFlow port yet');
    now.claims = [{ ...claim, ifaceId: 'free', ofport: null, error: 'no such device' }];
    assert.equal(reason(), 'hv1 (tap3) claims it, but Open vSwitch says: no such device');
    now.claims = [{ ...claim, ifaceId: 'free', ofport: 3 }];
    assert.equal(reason(), 'an interface claims it; the binding is being written');
    assert.deepEqual([now.port('free').state, now.port('free').bound_to], ['unbound', null]);
  });
});

describe('The status of a hypervisor', () => {
  let now: Circumstances;
  beforeEach(() => {
    now = new Circumstances(network());
  });

  it('goes from not being there to ready', () => {
    const steps: [HostStatus | null, HypervisorDelivery | null, string][] = [
      [null, null, 'disconnected'],
      [{ ...joined, session: 'disconnected' }, null, 'disconnected'],
      [{ ...joined, session: 'following', database: { kind: 'unknown' } }, null, 'joining'],
      [{ ...joined, session: 'provisioning', database: { kind: 'changing', summary: 's' } }, null, 'joining'],
      [joined, null, 'joining'],
      [joined, { ...ready, connected: false }, 'joining'],
      [joined, { ...ready, state: 'standby' }, 'standby'],
      [joined, { ...ready, state: 'claiming' }, 'synchronizing'],
      [joined, { ...ready, state: 'fenced' }, 'fenced'],
      [joined, { ...ready, state: 'reading' }, 'synchronizing'],
      [joined, { ...ready, state: 'comparing' }, 'synchronizing'],
      [joined, { ...ready, state: 'delivering', lag: 2 }, 'synchronizing'],
      [joined, ready, 'ready'],
      [{ ...joined, session: 'flows-only' }, ready, 'flows-only'],
    ];
    for (const [host, delivery, state] of steps) {
      now.host = host;
      now.delivery = delivery;
      const [told, reason] = now.hypervisor();
      assert.equal(told, state);
      assert.equal(reason === null, state === 'ready', `${state}: ${reason}`);
    }
  });

  it('says whom it waits for, or how far it is behind', () => {
    now.delivery = { ...ready, lag: 2 };
    assert.equal(now.hypervisor()[1], '2 revisions behind');
    now.delivery = { ...ready, lag: 2, waitsFor: ['hv2', 'hv3'] };
    assert.equal(now.hypervisor()[1], 'holds changes back until hv2, hv3 followed');
  });

  it('says why it is refused, in the words of who refused it', () => {
    now.host = { ...joined, session: 'provisioning', database: { kind: 'refused', reason: 'br-int has ports' } };
    assert.deepEqual(now.hypervisor(), ['refused', 'br-int has ports']);
    now.host = { ...joined, session: 'refused', reason: 'why' };
    assert.deepEqual(now.hypervisor(), ['refused', 'why']);
  });

  it('tells of a deleted one whether it is cleaned up', () => {
    now = new Circumstances(new NetworkBuilder().hypervisor('hv1', { allowed: false }));
    assert.equal(now.hypervisor()[0], 'leaving');
    now.host = { ...joined, session: 'provisioning', database: { kind: 'left' } };
    assert.equal(now.hypervisor()[0], 'removed');
    now.host = null;
    assert.match(String(now.hypervisor()[1]), /cleaned up when it comes/);
  });
});

describe('The drops of a hypervisor', () => {
  it('are by reason and port, and what no port accounts for is counted once', async () => {
    const now = new Circumstances(network());
    const number = now.view.get('logical-switch-ports', 'bound')?.number ?? 0;
    now.drops = [
      { reason: 'no_route', portNumber: null, packets: 10n },
      { reason: 'no_route', portNumber: number, packets: 4n },
      { reason: 'reflection', portNumber: number, packets: 3n },
      { reason: 'reflection', portNumber: null, packets: 3n },
      { reason: 'too_big', portNumber: 99_999, packets: 1n },
    ];
    const help = (reason: string): string => `about ${reason}`;
    assert.deepEqual(await now.readDrops(), [
      { reason: 'no_route', help: help('no_route'), port_id: 'bound', packets: 4 },
      { reason: 'reflection', help: help('reflection'), port_id: 'bound', packets: 3 },
      { reason: 'too_big', help: help('too_big'), port_id: null, packets: 1 },
      { reason: 'no_route', help: help('no_route'), port_id: null, packets: 6 },
    ]);
  });

  it('cannot be read where the switch is not connected', async () => {
    const now = new Circumstances(network());
    await assert.rejects(now.readDrops(), (error: WeftError) => error.code === 'not_connected');
  });
});
