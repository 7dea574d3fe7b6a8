/** The effective MTU: a full-size packet passes between hosts, one byte more does not, and nothing is ever fragmented. */
import assert from 'node:assert/strict';
import { ping, throughput } from '../../lab/probe.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';
import { planRouter, planSwitch } from '../fixtures/topology.js';

/** Share of the measured throughput that is to pass without a retransmit. */
const HALF = 0.5;

/** Matches fragments of IPv4: more to come, or not the first. */
const FRAGMENTS = 'ip[6:2] & 0x3fff != 0';

describe('effective MTU', function () {
  this.timeout(60_000);
  const weftLab = usesSharedWeftLab();

  it('is that of the underlay less the encapsulation, and holds to the byte, switched and routed', async () => {
    const web = planSwitch({ name: 'web', ports: { a: {}, b: {} } });
    const db = planSwitch({ name: 'db', ports: { c: {} } });
    const objects = await weftLab().build([
      ...web.operations,
      ...db.operations,
      ...planRouter('r', [web, db]).operations,
    ]);
    const mtu = Number(objects.get('web')?.['effective_mtu']);
    assert.equal(mtu, 1450);
    const [a, b, c] = await weftLab().plug({ a: 'hv1', b: 'hv2', c: 'hv3' });
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    const fragments = await weftLab().lab.capture(FRAGMENTS);
    // A workload that sends more than it was told: what refuses the packet is then the network.
    await a.exec(['ip', 'link', 'set', a.record.device, 'mtu', '1500']);
    const { openVswitch, namespace } = weftLab().lab.hypervisor('hv1');
    await openVswitch.inside(['ip', 'link', 'set', a.record.interfaceName, 'mtu', '1500']);
    assert.ok(namespace !== null);
    for (const to of [b, c]) {
      for (const family of [4, 6] as const) {
        const full = await ping(a, to.address(family), { packetBytes: mtu });
        assert.equal(full.received, full.sent, full.text);
        const more = await ping(a, to.address(family), { packetBytes: mtu + 1, count: 2 });
        assert.equal(more.received, 0, more.text);
      }
    }
    assert.deepEqual(await fragments.stop(), []);
  });

  it('carries TCP without a retransmit at half of the measured throughput, or less where others use the machine', async () => {
    const { operations } = planSwitch({ name: 's', ports: { a: {}, b: {} } });
    await weftLab().build(operations);
    const [a, b] = await weftLab().plug({ a: 'hv1', b: 'hv2' });
    assert.ok(a !== undefined && b !== undefined);
    const fragments = await weftLab().lab.capture(FRAGMENTS);
    const most = await throughput(a, b, { seconds: 3 });
    // A switch that waits some milliseconds for a processor drops what its socket cannot hold: the busier the machine, the lower the rate.
    const tries = [];
    for (let n = 0; n < 6 && tries.at(-1)?.retransmits !== 0; n += 1) {
      tries.push(await throughput(a, b, { seconds: 2, limitBitsPerSecond: most.bitsPerSecond * HALF ** (n + 1) }));
    }
    assert.equal(tries.at(-1)?.retransmits, 0, JSON.stringify(tries));
    assert.deepEqual(await fragments.stop(), []);
  });
});
