/** Change and change back: the table of a hypervisor is the same as before, text for text. */
import assert from 'node:assert/strict';
import type { Kind } from '../../src/model/index.js';
import type { RowAfter } from '../../src/view/network-view.js';
import { goldenText } from './host-text.js';
import { twoHostNetwork } from './two-host-network.js';

describe('A change that is taken back', () => {
  const compiled = twoHostNetwork()
    .route('default', 'edge', '0.0.0.0/0', '10.2.0.22')
    .policy('by db2', 'edge', 100, ['10.2.0.21', '10.2.0.22'], { source: '10.1.0.0/24' })
    .staticNeighbour('appliance', 'edge-db', '10.2.0.77', '02:00:00:00:02:77')
    .bfd('watch', 'edge-db', '10.2.0.22')
    .virtualAddress('moves', 'web', '10.1.0.201', ['web1', 'web3'], 'web3')
    .qos('limit', { logicalSwitchPortId: 'web1', maxKbps: 1000 })
    .qos('mark', { logicalSwitchId: 'db', kind: 'dscp_marking', dscpMark: 46 })
    .mirror('mirror', 'web1', { collectorPortId: 'db2' })
    .compile();
  const text = (): string => ['hv1', 'hv2'].map(id => goldenText(compiled.host(id))).join('\n');
  const before = text();
  let revision = 1;
  const apply = (rows: readonly RowAfter<Kind>[]): void => {
    revision += 1;
    compiled.compiler.update(compiled.view.apply(revision, rows));
  };

  const kinds = [
    'hypervisors',
    'logical-switches',
    'subnets',
    'logical-routers',
    'logical-switch-ports',
    'logical-router-ports',
    'static-routes',
    'policy-routes',
    'static-neighbours',
    'bfd-sessions',
    'virtual-addresses',
    'qos-rules',
    'mirrors',
    'port-bindings',
  ] as const;
  for (const kind of kinds) {
    it(`leaves no trace: each of ${kind} deleted and put back`, () => {
      for (const row of compiled.view.rows(kind)) {
        apply([{ kind, id: row.id, after: null } as RowAfter<Kind>]);
        // An IPv4 subnet says nothing to a switch; anything else shows on some hypervisor.
        if (!row.id.endsWith('.0/24')) assert.notEqual(text(), before, row.id);
        apply([{ kind, id: row.id, after: row } as RowAfter<Kind>]);
        assert.equal(text(), before, row.id);
      }
    });
  }

  it('leaves no trace: a port moved to the other hypervisor and back', () => {
    const [binding] = compiled.view.by('port-bindings', 'logicalSwitchPortId', 'web2');
    assert.ok(binding !== undefined);
    apply([{ kind: 'port-bindings', id: binding.id, after: { ...binding, hypervisorId: 'hv2', ofport: 9 } }]);
    const moved = compiled.fragmentsOf('hv1').find(({ key }) => key === 'switching.port/web2');
    // Others send to the new place only when it is ready.
    assert.deepEqual(moved?.after, ['hv2']);
    apply([{ kind: 'port-bindings', id: binding.id, after: binding }]);
    assert.equal(text(), before);
  });
});
