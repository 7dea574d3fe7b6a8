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
    assert.equal(underlayCapacity([], 1500), 1450);
    const fleet = [end('192.0.2.1', 9000), end('192.0.2.2', 1600), end('192.0.2.3', 600, false), end(null, 576)];
    assert.equal(underlayCapacity(fleet, 1500), 1550);
  });

  it('is what was set, unless the underlay allows less', () => {
    assert.equal(effectiveMtu({ mtu: null }, 1450), 1450);
    assert.equal(effectiveMtu({ mtu: 1400 }, 1450), 1400);
    assert.equal(effectiveMtu({ mtu: 1450 }, 1430), 1430);
  });
});
