import assert from 'node:assert/strict';
import { qosStatus } from '../../../northbound/rest/feature-status.js';
import type { RowOf } from '../../../src/model/index.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { Circumstances } from './circumstances.js';

describe('The status of a guarantee', () => {
  const kernel = {
    datapathType: 'system',
    bridgeMappings: [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }],
  } as const;
  const minimum = { kind: 'minimum_bandwidth', minKbps: 1_000 } as const;
  const guaranteed = (): NetworkBuilder =>
    new NetworkBuilder()
      .hypervisor('hv1', kernel)
      .hypervisor('hv2', { ...kernel, bridgeMappings: [] })
      .hypervisor('hv3')
      .logicalSwitch('net', '10.0.0.0/24')
      .port('a', 'net', '02:00:00:00:00:01', ['10.0.0.1'], ['hv1', 1])
      .port('b', 'net', '02:00:00:00:00:02', ['10.0.0.2'], ['hv2', 2])
      .port('c', 'net', '02:00:00:00:00:03', ['10.0.0.3'])
      .qos('of net', { logicalSwitchId: 'net', ...minimum });
  const shown = (now: Circumstances, id: string) => {
    const guarantees = now.guarantees(id);
    const { enforced, reason } = qosStatus(now.view.get('qos-rules', id) as RowOf<'qos-rules'>, guarantees);
    return [enforced, reason, guarantees.map(each => [each.hypervisor, each.enforced, each.reason])];
  };

  it('is of each hypervisor that has ports of the rule, and tenants read no name of one', () => {
    const now = new Circumstances(guaranteed());
    assert.deepEqual(shown(now, 'of net'), [
      true,
      null,
      [
        ['hv1', true, null],
        ['hv2', true, null],
      ],
    ]);
    now.queueless = { 'hv2 ': 'its queues are not made yet' };
    const partly = 'not every hypervisor with ports of it can keep it';
    assert.deepEqual(shown(now, 'of net'), [
      false,
      partly,
      [
        ['hv1', true, null],
        ['hv2', false, 'its queues are not made yet'],
      ],
    ]);
  });

  it('is not of ports that have a rule of their own, nor of those that are bound nowhere', () => {
    const network = guaranteed()
      .qos('of b', { logicalSwitchPortId: 'b', ...minimum })
      .qos('of c', { logicalSwitchPortId: 'c', ...minimum })
      .qos('what a gets', { logicalSwitchPortId: 'a', ...minimum, direction: 'ingress' });
    const now = new Circumstances(network);
    assert.deepEqual(shown(now, 'of net')[2], [['hv1', true, null]]);
    assert.deepEqual(shown(now, 'of b')[2], [['hv2', true, null]]);
    assert.deepEqual(shown(now, 'of c'), [false, 'no port that it is for is bound', []]);
    assert.match(String(shown(now, 'what a gets')[1]), /sent by others/);
  });

  it('looks at the data path, the number of the interface, and the way by which the packets leave', () => {
    const network = guaranteed()
      .port('user', 'net', '02:00:00:00:00:04', ['10.0.0.4'], ['hv3', 1])
      .port('late', 'net', '02:00:00:00:00:05', ['10.0.0.5'], ['hv2', 61_440])
      .providerSwitch('outside', 'physnet1', 100)
      .port('out', 'outside', '02:00:00:00:00:06', [], ['hv1', 6])
      .port('sub', 'outside', '02:00:00:00:00:08', [], ['hv1', 6], { parent: { portId: 'out', vlan: 8 } })
      .port('lost', 'outside', '02:00:00:00:00:07', [], ['hv2', 7]);
    for (const id of ['user', 'late', 'out', 'sub', 'lost'])
      network.qos(`of ${id}`, { logicalSwitchPortId: id, ...minimum });
    const now = new Circumstances(network);
    now.queueless = { 'hv1 br-ex': 'eth1 has a QoS' };
    assert.deepEqual(
      ['user', 'late', 'out', 'sub', 'lost'].map(id => now.guarantees(`of ${id}`)[0]?.reason),
      [
        'its data path is in user space, which puts nothing into queues',
        'an interface has the OpenFlow port number 61440, which is too large for that of a queue: plug it in again',
        'eth1 has a QoS',
        'a sub-port has no queue: the interface is that of its parent',
        'it names no bridge for physical network physnet1',
      ],
    );
  });
});
