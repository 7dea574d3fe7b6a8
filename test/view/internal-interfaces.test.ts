import assert from 'node:assert/strict';
import type { RowOf } from '../../src/model/index.js';
import { InternalInterfaces } from '../../src/view/internal-interfaces.js';
import { NetworkView, type RowAfter } from '../../src/view/network-view.js';
import { NetworkBuilder } from '../compiler/network-builder.js';

describe('Interfaces that Weft makes', () => {
  const wanted = { hypervisor: 'hv1', internalInterface: true } as const;
  const snapshot = new NetworkBuilder()
    .hypervisor('hv1')
    .hypervisor('hv2')
    .logicalSwitch('lan', '10.0.0.0/24')
    .port('ours', 'lan', '02:00:00:00:00:01', ['10.0.0.1'], undefined, wanted)
    .port('theirs', 'lan', '02:00:00:00:00:02', ['10.0.0.2'], undefined, { hypervisor: 'hv1' })
    .snapshot();
  let view: NetworkView;
  let interfaces: InternalInterfaces;
  let revision = 1;

  beforeEach(() => {
    view = new NetworkView();
    interfaces = new InternalInterfaces(view, 1500);
    interfaces.touched(view.replace(snapshot));
  });

  const touchedBy = (after: RowAfter<'hypervisors' | 'logical-switches' | 'logical-switch-ports'>): string[] =>
    [...interfaces.touched(view.apply((revision += 1), [after]))].toSorted();
  const port = (): RowOf<'logical-switch-ports'> => view.get('logical-switch-ports', 'ours') ?? assert.fail();
  const lan = (): RowOf<'logical-switches'> => view.get('logical-switches', 'lan') ?? assert.fail();
  const hypervisor = (id: string): RowOf<'hypervisors'> => view.get('hypervisors', id) ?? assert.fail();

  it('are those of the ports that ask for it, with the MTU of their network', () => {
    assert.deepEqual(interfaces.of('hv1'), [{ portId: 'ours', mac: '02:00:00:00:00:01', mtuBytes: 1450 }]);
    assert.deepEqual(interfaces.of('hv2'), []);
  });

  it('concern the hypervisors where they come, go, or change', () => {
    const moved = { ...port(), hypervisor: 'hv2' };
    assert.deepEqual(touchedBy({ kind: 'logical-switch-ports', id: 'ours', after: moved }), ['hv1', 'hv2']);
    assert.deepEqual(interfaces.of('hv1'), []);
    const given = { ...moved, internalInterface: false };
    assert.deepEqual(touchedBy({ kind: 'logical-switch-ports', id: 'ours', after: given }), ['hv2']);
    assert.deepEqual(touchedBy({ kind: 'logical-switch-ports', id: 'ours', after: { ...given, enabled: false } }), []);
  });

  it('follow the MTU of their network, and the underlay', () => {
    interfaces.of('hv1');
    assert.deepEqual(touchedBy({ kind: 'logical-switches', id: 'lan', after: { ...lan(), mtu: 1300 } }), ['hv1']);
    assert.equal(interfaces.of('hv1')[0]?.mtuBytes, 1300);
    assert.deepEqual(touchedBy({ kind: 'logical-switches', id: 'lan', after: { ...lan(), mtu: null } }), ['hv1']);
    const narrow = { ...hypervisor('hv2'), underlayMtu: 1400 };
    assert.deepEqual(touchedBy({ kind: 'hypervisors', id: 'hv2', after: narrow }), ['hv1', 'hv2']);
    assert.equal(interfaces.of('hv1')[0]?.mtuBytes, 1350);
    assert.deepEqual(touchedBy({ kind: 'hypervisors', id: 'hv2', after: { ...narrow, drain: true } }), []);
  });
});
