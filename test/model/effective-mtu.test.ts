import assert from 'node:assert/strict';
import { effectiveMtu, tunnelMtu, tunnelOverhead, underlayCapacity } from '../../src/model/effective-mtu.js';

const end = (encapIp: string | null, underlayMtu: number, allowed = true) => ({
  encapIp,
  encapTypes: ['geneve'] as const,
  underlayMtu,
  allowed,
});

describe('The effective MTU', () => {
  it('leaves 50 bytes for a tunnel over IPv4 and 70 over IPv6', () => {
    assert.equal(tunnelOverhead('geneve', 4), 50);
    assert.equal(tunnelOverhead('vxlan', 4), 50);
    assert.equal(tunnelOverhead('geneve', 6), 70);
    assert.equal(tunnelOverhead('vxlan', 6), 70);
    assert.equal(tunnelMtu(end('192.0.2.1', 1500)), 1450);
    assert.equal(tunnelMtu(end('2001:db8::1', 9000)), 8930);
  });

  it('is that of the narrowest hypervisor which may join', () => {
    assert.deepEqual(underlayCapacity([], 1500), { tunnels: 1450, physical: 1500 });
    const fleet = [end('192.0.2.1', 9000), end('192.0.2.2', 1600), end('192.0.2.3', 600, false), end(null, 576)];
    assert.deepEqual(underlayCapacity(fleet, 1500), { tunnels: 1550, physical: 1600 });
  });

  it('is what was set, unless the underlay allows less', () => {
    const [narrow, wide] = [1430, 1450].map(tunnels => ({ tunnels, physical: 1500 }));
    assert.ok(narrow !== undefined && wide !== undefined);
    assert.equal(effectiveMtu({ mtu: null, provider: null }, wide), 1450);
    assert.equal(effectiveMtu({ mtu: 1400, provider: null }, wide), 1400);
    assert.equal(effectiveMtu({ mtu: 1450, provider: null }, narrow), 1430);
  });

  it('of a physical network is what was set, or that of the underlay itself: nothing wraps its packets', () => {
    const provider = { physicalNetwork: 'physnet1', vlan: null };
    const capacity = { tunnels: 1450, physical: 1500 };
    assert.equal(effectiveMtu({ mtu: null, provider }, capacity), 1500);
    assert.equal(effectiveMtu({ mtu: 9000, provider }, capacity), 9000);
    assert.equal(effectiveMtu({ mtu: 1400, provider }, capacity), 1400);
  });
});
