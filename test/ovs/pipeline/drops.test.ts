import assert from 'node:assert/strict';
import { dropCounterTables, dropsOfPort } from '../../../src/compiler/drops/drops.js';
import { fragmentCookie } from '../../../src/compiler/identifiers.js';
import { mac, twoHostNetwork } from '../../compiler/two-host-network.js';
import { countedDrops, dropCountOf } from './counted-drops.js';
import { usesTracedNetwork } from './traced-network.js';

const spoofed = (source: string): string =>
  `in_port(1),eth(src=${source},dst=${mac.web2}),eth_type(0x0800),` +
  'ipv4(src=10.1.0.66,dst=10.1.0.12,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)';
const web1Number = 12;

describe('Accounts of drops on Open vSwitch', function () {
  this.timeout(30_000);
  const network = usesTracedNetwork(['hv1']);
  it('count every dropped packet by reason, and by port and reason', async () => {
    const compiled = twoHostNetwork().compile();
    assert.equal(compiled.view.get('logical-switch-ports', 'web1')?.number, web1Number);
    await network().load(compiled, 'hv1');
    await network().send('hv1', 1, ...Array.from({ length: 5 }, () => spoofed(mac.web1)));
    await network().send('hv1', 1, ...Array.from({ length: 3 }, () => spoofed('02:66:00:00:00:01')));
    const byReason = await countedDrops(network(), 'hv1', dropCounterTables.byReason, 8);
    assert.deepEqual(byReason, [
      { portNumber: null, reason: 'port_security_ipv4', packets: 5n },
      { portNumber: null, reason: 'port_security_mac', packets: 3n },
    ]);
    const byPort = await countedDrops(network(), 'hv1', dropCounterTables.byPort, 8);
    assert.deepEqual(byPort, [
      { portNumber: web1Number, reason: 'port_security_ipv4', packets: 5n },
      { portNumber: web1Number, reason: 'port_security_mac', packets: 3n },
    ]);
  });

  it('go with their port', async () => {
    await network().send('hv1', 1, spoofed(mac.web1));
    assert.ok((await countedDrops(network(), 'hv1', dropCounterTables.byPort, 9)).length > 0);
    const cookie = `0x${fragmentCookie(dropsOfPort.number, web1Number).toString(16)}`;
    await network().ofctl('del-flows', 'hv1', `cookie=${cookie}/-1`);
    assert.deepEqual(await countedDrops(network(), 'hv1', dropCounterTables.byPort, 0), []);
  });

  it('are no account where a flow is none', () => {
    assert.equal(dropCountOf('cookie=0x5e00010000000000, table=3, n_packets=7, reg11=0x2/0xff'), null);
    assert.equal(dropCountOf(`cookie=0x1, table=${dropCounterTables.byReason}, n_packets=7, reg11=0x2/0xff`), null);
  });
});
