/** VXLAN as the only encapsulation, another underlay than the usual, and hosts that accept different encapsulations. */
import assert from 'node:assert/strict';
import { ping } from '../../lab/probe.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { planRouter, planSwitch } from '../fixtures/topology.js';
import { usesSharedWeftLab, WeftLab } from '../fixtures/weft-lab.js';

describe('VXLAN alone, on an underlay of 1600 bytes', function () {
  this.timeout(120_000);
  let weftLab: WeftLab | null = null;

  before(async function () {
    requires(this, { root: true, tools: [...LAB_TOOLS, 'tcpdump'] });
    weftLab = await WeftLab.create({ hypervisors: 2, encapTypes: ['vxlan'], underlayMtu: 1600 });
  });

  after(() => weftLab?.remove());

  it('carries switched and routed packets of full size, IPv4 and IPv6', async () => {
    assert.ok(weftLab !== null);
    const web = planSwitch({ name: 'web', ports: { a: {}, b: {} } });
    const db = planSwitch({ name: 'db', ports: { c: {} } });
    const router = planRouter('r', [web, db]);
    const objects = await weftLab.build([...web.operations, ...db.operations, ...router.operations]);
    const mtu = Number(objects.get('web')?.['effective_mtu']);
    assert.equal(mtu, 1550);
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

describe('encapsulations that differ', function () {
  this.timeout(60_000);
  const weftLab = usesSharedWeftLab();

  it('are each as the receiver wants it, also when it changes its mind', async () => {
    const { operations } = planSwitch({ name: 's', ports: { a: {}, b: {} } });
    await weftLab().build(operations);
    const [a, b] = await weftLab().plug({ a: 'hv1', b: 'hv2' });
    assert.ok(a !== undefined && b !== undefined);
    const { lab, client } = weftLab();
    const { openVswitch } = lab.hypervisor('hv2');
    await openVswitch.ovsctl('set', 'Open_vSwitch', '.', 'external_ids:weft-encap-type=vxlan');
    try {
      await client.hypervisorEncapsulates('hv2', 'vxlan');
      await client.converged();
      const capture = await lab.capture('udp');
      const { sent, received, text } = await ping(a, b.address(4));
      assert.equal(received, sent, text);
      const packets = await capture.stop();
      const seen = (request: string, port: string): boolean =>
        packets.some(packet => packet.includes(request) && new RegExp(`192\\.0\\.2\\.1\\d\\.${port}: `).test(packet));
      assert.ok(seen('ICMP echo request', '4789'), 'to hv2 by VXLAN: ' + packets.join('\n'));
      assert.ok(seen('ICMP echo reply', '6081'), 'to hv1 by Geneve');
    } finally {
      await openVswitch.ovsctl('remove', 'Open_vSwitch', '.', 'external_ids', 'weft-encap-type');
      await client.hypervisorEncapsulates('hv2', 'geneve');
    }
  });
});
