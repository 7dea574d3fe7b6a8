/** Packets that the kernel's datapath sends to Weft, through its own meters: what comes back, and what is logged. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { GuestWorkload } from '../../lab/kernel/guest-workload.js';
import { eventually } from '../../lab/processes.js';
import { create, planRouter, planSwitch, type Value } from '../fixtures/topology.js';
import { usesKernelLab } from '../fixtures/kernel-lab.js';

const FAMILIES = [4, 6] as const;

async function pinged(from: GuestWorkload, address: string, ...options: readonly string[]): Promise<string> {
  const command = ['ping', '-n', '-c', '2', '-W', '3', ...options, address];
  const { stdout, stderr } = await from.exec(command, { allowFailure: true });
  return stdout + stderr;
}

describe('kernel datapath: the slow path', function () {
  this.timeout(180_000);
  const weftLab = usesKernelLab();

  it('tells senders of used-up TTLs, of what is too big and of what rules reject, and logs what is wanted', async () => {
    const rejecting = randomUUID();
    const rule = (value: Value) => create('security-group-rules', { security_group_id: rejecting, ...value });
    const rejects = rule({ direction: 'ingress', protocol: 'icmp', action: 'reject', priority: 2_000, log: true });
    const web = planSwitch({ name: 'web', ports: { a: {}, b: {} } });
    const db = planSwitch({ name: 'db', ports: { c: { security_groups: [rejecting] } } });
    await weftLab().build([
      create('security-groups', { name: 'rejecting' }, rejecting),
      rule({ direction: 'ingress' }),
      rule({ direction: 'egress' }),
      rejects,
      ...web.operations,
      ...db.operations,
      ...planRouter('r', [web, db]).operations,
    ]);
    const [a, b, c] = await weftLab().plug(['a', 'hv1'], ['b', 'hv2'], ['c', 'hv2']);
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    for (const family of FAMILIES) {
      const exceeded = await pinged(a, c.address(family), '-t', '1');
      assert.match(exceeded, /exceeded/i, exceeded);
      const prohibited = await pinged(a, c.address(family));
      assert.match(prohibited, family === 4 ? /Packet filtered/ : /Administratively prohibited/, prohibited);
    }
    await a.exec(['ip', 'link', 'set', a.device, 'mtu', '1500']);
    await a.hypervisor.guest.run(['ip', 'link', 'set', a.interfaceName, 'mtu', '1500']);
    for (const family of FAMILIES) {
      const tooBig = await pinged(a, b.address(family), '-M', 'do', '-s', String(1_500 - (family === 4 ? 28 : 48)));
      assert.match(tooBig, /mtu[ =]*1450/, tooBig);
    }
    const logged = await eventually('both families are logged', async () => {
      const { body } = await weftLab().client.request('GET', `/v1/security-groups/${rejecting}/log`);
      const { items } = body as { readonly items: readonly Readonly<Record<string, unknown>>[] };
      const [six, four] = [58, 1].map(protocol => items.find(line => line['protocol'] === protocol));
      return four !== undefined && six !== undefined ? four : undefined;
    });
    assert.deepEqual(
      ['verdict', 'security_group_rule_id', 'hypervisor', 'source', 'icmp_type'].map(member => logged[member]),
      ['reject', rejects.id, 'hv2', a.address(4), 8],
    );
  });
});
