import assert from 'node:assert/strict';
import type { Hypervisor } from '../../src/model/index.js';
import { type HostGoalContext, hostGoal, receivedEncapsulations } from '../../src/delivery/host-goal.js';
import { NetworkBuilder } from '../compiler/network-builder.js';
import { FakeSession, target } from './fake-session.js';

const rowOf = (given: Partial<Hypervisor> = {}): Hypervisor => {
  const [row] = new NetworkBuilder().hypervisor('id-of-hv1', given).snapshot().rows.hypervisors;
  assert.ok(row);
  return row;
};

const context: HostGoalContext = {
  databaseId: 'database',
  isInCharge: true,
  advertise: null,
  openflow: [target('tcp:0.0.0.0:6653')],
  punt: [target('tcp:0.0.0.0:6654')],
  mirrorTunnels: [],
  gatewayTunnels: [],
  physicalNetworks: [],
  queues: [],
  internalInterfaces: [],
};

describe('What is wanted of a host', () => {
  it('is to be joined: its bridge, tunnels, and where to dial', () => {
    const goal = hostGoal(new FakeSession('hv1').asSession, rowOf({ adopt: true }), ['geneve', 'vxlan'], context);
    assert.ok(goal?.kind === 'joined');
    const { controllers, encapsulations, adopt, bridge, encapIp, datapathId, databaseId } = goal.host;
    assert.deepEqual(controllers, [
      { use: 'flows', target: 'tcp:192.0.2.1:6653' },
      { use: 'punt', target: 'tcp:192.0.2.1:6654' },
    ]);
    assert.deepEqual(encapsulations, ['geneve', 'vxlan']);
    assert.deepEqual([adopt, bridge, encapIp, databaseId], [true, 'br-int', '192.0.2.11', 'database']);
    assert.equal(datapathId, rowOf().datapathId, 'the one that we fixed, whatever the host says');
  });

  it('names the advertised host', () => {
    const session = new FakeSession('hv1');
    session.dialledHost = null;
    const goal = hostGoal(session.asSession, rowOf(), [], { ...context, advertise: 'weft.example' });
    assert.ok(goal?.kind === 'joined');
    assert.deepEqual(
      goal.host.controllers.map(each => each.target),
      ['tcp:weft.example:6653', 'tcp:weft.example:6654'],
    );
  });

  it('is to dial one listener for each use: two connections would end each other', () => {
    const openflow = [
      target('tcp:10.0.0.1:6653'),
      target('ssl:10.0.0.1:6663'),
      target('tcp:10.0.1.1:7653'),
      target('ssl:10.0.1.1:7663'),
    ];
    const dials = (peer: { transport: 'tcp' | 'ssl' | 'unix'; localHost: string | null }, listeners = openflow) => {
      const session = new FakeSession('hv1');
      session.report = { ...session.report, peer };
      const goal = hostGoal(session.asSession, rowOf(), [], {
        ...context,
        openflow: listeners,
        punt: [],
        advertise: 'w',
      });
      assert.ok(goal?.kind === 'joined');
      return goal.host.controllers.map(each => each.target).join();
    };
    assert.equal(dials({ transport: 'tcp', localHost: '10.0.0.1' }), 'tcp:w:6653');
    assert.equal(dials({ transport: 'tcp', localHost: '10.0.1.1' }), 'tcp:w:7653');
    assert.equal(dials({ transport: 'ssl', localHost: '10.0.1.1' }), 'ssl:w:7663');
    assert.equal(dials({ transport: 'ssl', localHost: '10.0.9.1' }), 'ssl:w:6663');
    assert.equal(dials({ transport: 'unix', localHost: null }), 'tcp:w:6653');
    const [plain, secure] = [openflow.slice(0, 1), openflow.slice(1, 2)];
    // One that has shown a certificate is never told to do without it; one that has none may have one for OpenFlow.
    assert.equal(dials({ transport: 'ssl', localHost: null }, plain), '');
    assert.equal(dials({ transport: 'tcp', localHost: null }, secure), 'ssl:w:6663');
  });

  it('cannot be told while nobody knows where it should dial', () => {
    const session = new FakeSession('hv1');
    session.dialledHost = null;
    assert.equal(hostGoal(session.asSession, rowOf(), [], context), null);
  });

  it('is that nothing of ours is left, once it was deleted; its cleaning is the business of the one in charge', () => {
    const left = { kind: 'left', databaseId: 'database' };
    const session = new FakeSession('hv1');
    assert.deepEqual(hostGoal(session.asSession, rowOf({ allowed: false }), [], context), left);
    assert.equal(hostGoal(session.asSession, rowOf({ allowed: false }), [], { ...context, isInCharge: false }), null);
    session.hypervisor = { ...session.hypervisor, isLeaving: true };
    assert.deepEqual(hostGoal(session.asSession, rowOf(), [], context), left);
  });

  it('is only to be dialled by its bridge, for a Weft that stands by', () => {
    const goal = hostGoal(new FakeSession('hv1').asSession, rowOf(), [], { ...context, isInCharge: false });
    assert.equal(goal?.kind, 'standby');
  });
});

describe('The encapsulations of a fleet', () => {
  it('are those that somebody who may join receives, in a fixed order', () => {
    const [geneve, vxlan] = [rowOf({ encapTypes: ['geneve'] }), rowOf({ encapTypes: ['vxlan', 'geneve'] })];
    assert.deepEqual(receivedEncapsulations([]), []);
    assert.deepEqual(receivedEncapsulations([geneve]), ['geneve']);
    assert.deepEqual(receivedEncapsulations([vxlan, geneve]), ['geneve', 'vxlan']);
    assert.deepEqual(receivedEncapsulations([geneve, { ...vxlan, allowed: false }]), ['geneve']);
  });
});
