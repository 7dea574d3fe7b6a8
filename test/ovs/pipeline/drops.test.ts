import assert from 'node:assert/strict';
import { decodeDropCount, dropCounterTables, dropsOfPort, type DropCount } from '../../../src/compiler/drops/drops.js';
import { fragmentCookie } from '../../../src/compiler/identifiers.js';
import { placeOf } from '../../../src/compiler/pipeline/registers.js';
import { matchField } from '../../../southbound/openflow/match.js';
import { mac, twoHostNetwork } from '../../compiler/two-host-network.js';
import { usesTracedNetwork } from './traced-network.js';

const spoofed = (source: string): string =>
  `in_port(1),eth(src=${source},dst=${mac.web2}),eth_type(0x0800),` +
  'ipv4(src=10.1.0.66,dst=10.1.0.12,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)';
const web1Number = 12;

/** Reads a line of `ovs-ofctl dump-flows` as delivery would read the flow's statistics. */
function countOf(line: string): DropCount | null {
  const text = (pattern: RegExp): string => pattern.exec(line)?.[1] ?? '0';
  const { field, offset } = placeOf('dropReason');
  const code = BigInt(text(new RegExp(`${field.name}=(\\w+)/`)));
  return decodeDropCount({
    table: Number(text(/table=(\d+)/)),
    cookie: BigInt(text(/cookie=(\w+)/)),
    match: [matchField(field, code, 0xffn << BigInt(offset))],
    packets: BigInt(text(/n_packets=(\d+)/)),
  });
}

describe('Accounts of drops on Open vSwitch', function () {
  this.timeout(30_000);
  const network = usesTracedNetwork(['hv1']);
  const counts = async (table: number): Promise<readonly DropCount[]> => {
    const dump = await network().dump('hv1', `table=${table}`);
    const lines = dump.split('\n').filter(line => line.includes(`table=${table}`));
    return lines.map(countOf).filter(count => count !== null);
  };

  it('count every dropped packet by reason, and by port and reason', async () => {
    const compiled = twoHostNetwork().compile();
    assert.equal(compiled.view.get('logical-switch-ports', 'web1')?.number, web1Number);
    await network().load(compiled, 'hv1');
    await network().send('hv1', 1, ...Array.from({ length: 5 }, () => spoofed(mac.web1)));
    await network().send('hv1', 1, ...Array.from({ length: 3 }, () => spoofed('02:66:00:00:00:01')));
    const byReason = (await counts(dropCounterTables.byReason)).filter(({ packets }) => packets > 0n);
    assert.deepEqual(byReason, [
      { portNumber: null, reason: 'port_security_mac', packets: 3n },
      { portNumber: null, reason: 'port_security_ipv4', packets: 5n },
    ]);
    const byPort = (await counts(dropCounterTables.byPort)).toSorted((a, b) => (a.reason < b.reason ? -1 : 1));
    assert.deepEqual(byPort, [
      { portNumber: web1Number, reason: 'port_security_ipv4', packets: 5n },
      { portNumber: web1Number, reason: 'port_security_mac', packets: 3n },
    ]);
  });

  it('go with their port', async () => {
    await network().send('hv1', 1, spoofed(mac.web1));
    assert.ok((await counts(dropCounterTables.byPort)).length > 0);
    const cookie = `0x${fragmentCookie(dropsOfPort.number, web1Number).toString(16)}`;
    await network().ofctl('del-flows', 'hv1', `cookie=${cookie}/-1`);
    assert.deepEqual(await counts(dropCounterTables.byPort), []);
  });

  it('are no account where a flow is none', () => {
    assert.equal(countOf('cookie=0x5e00010000000000, table=3, n_packets=7, reg11=0x2/0xff'), null);
    assert.equal(countOf(`cookie=0x1, table=${dropCounterTables.byReason}, n_packets=7, reg11=0x2/0xff`), null);
  });
});
