/** Guaranteed bandwidth in flows: a queue for what the port sends, on hosts whose data path has queues, and nothing anywhere else. */
import assert from 'node:assert/strict';
import { layout } from '../../src/compiler/pipeline/pipelines.js';
import { lsInCheckPortSec, lsInQos } from '../../src/compiler/pipeline/switch-ingress.js';
import { NetworkView } from '../../src/view/network-view.js';
import { flowLines } from './host-text.js';
import type { NetworkBuilder } from './network-builder.js';
import { twoHostNetwork } from './two-host-network.js';

const kernel = { datapathType: 'system' } as const;
const minimum = { kind: 'minimum_bandwidth', minKbps: 5_000 } as const;

const linesOf = (network: NetworkBuilder): readonly string[] => flowLines(network.compile().host('hv1').flows);

/** What one network has on hv1 and the other has not. */
function added(network: NetworkBuilder, without: NetworkBuilder): readonly string[] {
  const before = new Set(linesOf(without));
  return linesOf(network)
    .filter(line => !before.has(line))
    .map(line => line.replace(/^.*priority=/, 'priority='));
}

describe('Guaranteed bandwidth', () => {
  it('is one flow more for its port, which sends through the stage of limits', () => {
    const network = twoHostNetwork(kernel).qos('g', { logicalSwitchPortId: 'web1', ...minimum });
    const [entrance, queue, ...others] = added(network, twoHostNetwork(kernel));
    assert.deepEqual(others, []);
    assert.ok(
      entrance?.startsWith('priority=100,in_port=1 ') && entrance.endsWith(`resubmit(,${layout.tableOf(lsInQos)})`),
      entrance,
    );
    assert.ok(queue?.endsWith(` actions=set_queue:1,resubmit(,${layout.tableOf(lsInCheckPortSec)})`), queue);
  });

  it('goes with a limit and a mark in one flow each', () => {
    const network = twoHostNetwork(kernel)
      .qos('g', { logicalSwitchId: 'web', ...minimum })
      .qos('limit', { logicalSwitchPortId: 'web1', maxKbps: 10_000 })
      .qos('mark', { logicalSwitchPortId: 'web1', kind: 'dscp_marking', dscpMark: 46 });
    const queues = linesOf(network).filter(line => line.includes('set_queue:1,'));
    assert.equal(queues.length, 3);
    for (const line of queues) assert.match(line, /actions=meter:\d+,set_queue:1,/);
  });

  it('is nothing where the data path has no queues, and nothing of what a port gets', () => {
    const inUserSpace = twoHostNetwork({}).qos('g', { logicalSwitchPortId: 'web1', ...minimum });
    assert.deepEqual(linesOf(inUserSpace), linesOf(twoHostNetwork({})));
    const got = twoHostNetwork(kernel).qos('g', { logicalSwitchPortId: 'web1', ...minimum, direction: 'ingress' });
    assert.deepEqual(linesOf(got), linesOf(twoHostNetwork(kernel)));
  });

  it('is nothing for a sub-port, whose interface is that of its parent', () => {
    const parent = { portId: 'web1', vlan: 7 };
    const network = (): NetworkBuilder =>
      twoHostNetwork(kernel).port('sub', 'web', '02:00:00:00:01:09', ['10.1.0.19'], ['hv1', 1], { parent });
    assert.deepEqual(linesOf(network().qos('g', { logicalSwitchPortId: 'sub', ...minimum })), linesOf(network()));
  });

  it('has a queue for each bound port that it is for: its own rule before that of its switch', () => {
    const view = new NetworkView();
    const queues = (): readonly (readonly [string, number, number])[] =>
      view.rows('egress-queues').map(({ id, queue, minKbps }) => [id, queue, minKbps]);
    const network = twoHostNetwork(kernel)
      .qos('of switch', { logicalSwitchId: 'web', ...minimum })
      .qos('of port', { logicalSwitchPortId: 'web1', ...minimum, minKbps: 9_000 });
    const snapshot = network.snapshot();
    view.replace(snapshot);
    const bound = view.by('bound-ports', 'logicalSwitchId', 'web').filter(each => each.hypervisorId === 'hv1');
    assert.ok(bound.length > 1);
    const expected = bound.map(({ id, ofport }) => [id, ofport, id === 'web1' ? 9_000 : 5_000]);
    const ofHost = queues().filter(([id]) => bound.some(each => each.id === id));
    assert.deepEqual(ofHost, expected);
    const without = { ...snapshot.rows, 'qos-rules': [] };
    view.replace({ revision: snapshot.revision + 1, rows: without });
    assert.deepEqual(queues(), []);
  });
});
