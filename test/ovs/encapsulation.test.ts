/** VXLAN as the only encapsulation, and hosts that differ. */
import assert from 'node:assert/strict';
import { ping } from '../../lab/probe.js';
import { planRouter, planSwitch } from '../fixtures/topology.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { WeftLab } from '../fixtures/weft-lab.js';

describe('encapsulation', function () {
  this.timeout(120_000);
  let weftLab: WeftLab | null = null;

  before(function () {
    requires(this, { root: true, tools: [...LAB_TOOLS, 'tcpdump'] });
  });

  afterEach(async () => {
    await weftLab?.remove();
    weftLab = null;
  });

  it('VXLAN carries switched and routed packets, IPv4 and IPv6, broadcast too', async () => {
    weftLab = await WeftLab.create({ hypervisors: 2, encapTypes: ['vxlan'] });
    const web = planSwitch({ name: 'web', ports: { a: {}, b: {} } });
    const db = planSwitch({ name: 'db', ports: { c: {} } });
    const objects = await weftLab.build([
      ...web.operations,
      ...db.operations,
      ...planRouter('r', [web, db]).operations,
    ]);
    const mtu = Number(objects.get('web')?.['effective_mtu']);
    const [a, b, c] = await weftLab.plug({ a: 'hv1', b: 'hv2', c: 'hv2' });
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    const capture = await weftLab.lab.capture('udp port 4789');
    for (const to of [b, c]) {
      for (const family of [4, 6] as const) {
        const result = await ping(a, to.address(family), { packetBytes: mtu });
        assert.equal(result.received, result.sent, result.text);
      }
    }
    const packets = await capture.stop();
    assert.ok(packets.some(packet => packet.includes('VXLAN')));
    await weftLab.reset();
  });
});
