import assert from 'node:assert/strict';
import type { Hypervisor } from '../../src/model/index.js';
import { type HypervisorReport, isAsReported } from '../../src/store/inventory.js';
import { NetworkBuilder } from '../compiler/network-builder.js';

describe('A host that comes back', () => {
  const [row] = new NetworkBuilder().hypervisor('hv1', { underlayMtu: 1450 }).snapshot().rows.hypervisors;
  assert.ok(row !== undefined);
  const said: HypervisorReport = {
    systemId: 'hv1',
    joinToken: null,
    address: '198.51.100.1',
    encapIp: row.encapIp,
    encapTypes: ['geneve'],
    underlayMtu: 1450,
    bridge: 'br-int',
    datapathType: 'netdev',
    bridgeMappings: [],
  };

  it('needs no writing where it says what its row says', () => {
    assert.equal(isAsReported(row, said, 1500), true);
    assert.equal(isAsReported(row, { ...said, hypervisorId: row.id, joinToken: 'any', address: '' }, 1500), true);
    assert.equal(isAsReported({ ...row, underlayMtu: 1500 }, { ...said, underlayMtu: null }, 1500), true);
  });

  it('is registered as soon as anything is different, or it is no member', () => {
    const others: readonly Partial<HypervisorReport>[] = [
      { systemId: 'hv2' },
      { hypervisorId: 'another' },
      { encapIp: '192.0.2.99' },
      { encapIp: null },
      { encapTypes: ['vxlan'] },
      { encapTypes: ['geneve', 'vxlan'] },
      { underlayMtu: 1500 },
      { bridge: 'br-other' },
      { datapathType: 'system' },
      { bridgeMappings: [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }] },
    ];
    for (const other of others)
      assert.equal(isAsReported(row, { ...said, ...other }, 1500), false, JSON.stringify(other));
    const rows: readonly Partial<Hypervisor>[] = [
      { allowed: false },
      { approved: false },
      { name: '' },
      { systemId: null },
    ];
    for (const other of rows)
      assert.equal(isAsReported({ ...row, ...other }, said, 1500), false, JSON.stringify(other));
  });
});
