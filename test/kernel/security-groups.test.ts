/** Security groups in the kernel's datapath and its conntrack: what they deny, allow and cut. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { GuestWorkload } from '../../lab/kernel/guest-workload.js';
import { PingProbe } from '../../lab/kernel/ping-probe.js';
import { ping } from '../../lab/probe.js';
import { APPLIED_WITHIN_MS, usesKernelLab } from '../fixtures/kernel-lab.js';
import { create, planSwitch } from '../fixtures/topology.js';

const FAMILIES = [4, 6] as const;
const applied = { appliedWithinMs: APPLIED_WITHIN_MS } as const;
/** A tenth of what the other tests of this lane ask for: each answer passes conntrack four times. */
const PACKETS_PER_SECOND = 50;

async function assertAnswers(from: GuestWorkload, to: GuestWorkload, answers: boolean): Promise<void> {
  for (const family of FAMILIES) {
    const { sent, received, text } = await ping(from, to.address(family), { count: 3 });
    assert.equal(received, answers ? sent : 0, `${from.name} pings ${to.name} over IPv${family}:\n${text}`);
  }
}

describe('kernel datapath: security groups', function () {
  this.timeout(240_000);
  const weftLab = usesKernelLab();

  it('deny by default, allow by rules about members, and cut a live connection by a tightened rule', async () => {
    const [clients, servers, rule] = [randomUUID(), randomUUID(), randomUUID()];
    const { operations } = planSwitch({
      name: 's',
      ports: {
        client: { security_groups: [clients] },
        outside: {},
        near: { security_groups: [servers] },
        far: { security_groups: [servers] },
      },
    });
    await weftLab().build([
      create('security-groups', { name: 'clients' }, clients),
      create('security-groups', { name: 'servers' }, servers),
      create('security-group-rules', { security_group_id: clients, direction: 'egress' }),
      ...operations,
    ]);
    const [client, outside, near, far] = await weftLab().plug(
      ['client', 'hv1'],
      ['outside', 'hv1'],
      ['near', 'hv1'],
      ['far', 'hv2'],
    );
    assert.ok(client !== undefined && outside !== undefined && near !== undefined && far !== undefined);
    for (const server of [near, far]) await assertAnswers(client, server, false);
    const { client: api } = weftLab();
    const allow = { security_group_id: servers, direction: 'ingress', remote_group_id: clients };
    await api.transaction([create('security-group-rules', allow, rule)], applied);
    for (const server of [near, far]) {
      await assertAnswers(client, server, true);
      await assertAnswers(outside, server, false);
      // What they may answer they may not begin.
      await assertAnswers(server, outside, false);
    }
    const probes = await Promise.all(
      [near, far].flatMap(server =>
        FAMILIES.map(family => PingProbe.start(client, server.address(family), PACKETS_PER_SECOND)),
      ),
    );
    await api.patch('security-group-rules', rule, { remote_group_id: servers }, applied);
    const cutAt = (await Promise.all([near, far].map(server => server.echoRequests()))).reduce(
      (sum, one) => sum + one,
      0,
    );
    const results = await Promise.all(probes.map(probe => probe.stop()));
    const arrived = (await Promise.all([near, far].map(server => server.echoRequests()))).reduce(
      (sum, one) => sum + one,
      0,
    );
    for (const { lost, sent } of results) assert.ok(lost > 0 && lost < sent, `${lost} of ${sent} packets lost`);
    process.stdout.write(`    ${arrived - cutAt} packets of four connections arrived after the rule was tightened\n`);
    for (const server of [near, far]) await assertAnswers(client, server, false);
  });
});
