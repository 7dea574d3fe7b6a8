/** `weft-cni` on real hosts: containers get their interfaces, talk across hosts, and leave nothing. The rest is in test/integrations. */
import assert from 'node:assert/strict';
import type { Hypervisor } from '../../lab/hypervisor.js';
import { addressesIn, CniRuntime, pluginModules, reaches } from '../fixtures/cni-runtime.js';
import { create, planSwitch } from '../fixtures/topology.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';

const CNI_INTERFACES = ['--columns=name', '--bare', 'find', 'Interface', 'external_ids:weft-cni-network=pods'];

describe('CNI', function () {
  this.timeout(60_000);
  const weftLab = usesSharedWeftLab();
  let runtime: CniRuntime;
  before(async () => {
    const port = Number(new URL(weftLab().client.url).port);
    const network = { cniVersion: '1.1.0', name: 'pods', weft: { logicalSwitch: 'pods' } };
    runtime = await CniRuntime.create(weftLab().lab, pluginModules, port, network);
  });

  it('adds containers on two hosts that talk, keeps a second ADD away, and removes all of it by DEL and by GC', async () => {
    const { client, lab } = weftLab();
    const { operations } = planSwitch({ name: 'pods' });
    const group = create('security-groups', { name: 'open', isolates: [] });
    await weftLab().build([...operations, group]);
    const [one, two] = await Promise.all([runtime.container('hv1'), runtime.container('hv2')]);
    const bandwidth = { ingressRate: 50_000_000, egressRate: 50_000_000 };
    const [first, second] = await Promise.all([
      runtime.must('ADD', one, {
        args: 'K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web',
        config: { runtimeConfig: { bandwidth } },
      }),
      runtime.must('ADD', two, { config: { weft: { ...runtime.weftOn(two.hypervisor), securityGroups: ['open'] } } }),
    ]);
    const { interfaces, routes } = first as { interfaces: { name: string; sandbox?: string }[]; routes: unknown[] };
    assert.deepEqual([interfaces.length, interfaces[1]?.name, interfaces[1]?.sandbox], [2, 'eth0', one.netns]);
    assert.equal(routes.length, 2);
    assert.equal(addressesIn(first).length, 2);
    assert.ok(await reaches(runtime, one, addressesIn(second)));
    const [port] = await client.list('logical-switch-ports', { name: 'web' });
    assert.ok(port !== undefined);
    assert.equal((port['labels'] as Record<string, string>)['io.kubernetes.pod.namespace'], 'shop');
    const rules = await client.list('qos-rules', { logical_switch_port_id: port.id });
    assert.deepEqual(rules.map(rule => `${String(rule['direction'])} ${String(rule['max_kbps'])}`).toSorted(), [
      'egress 50000',
      'ingress 50000',
    ]);

    await runtime.must('CHECK', one, { config: { prevResult: first } });
    const again = await runtime.call('ADD', one);
    assert.deepEqual([again.status, again.json['code']], [1, 100]);
    assert.ok(await reaches(runtime, two, addressesIn(first)));
    await runtime.must('STATUS', lab.hypervisor('hv1'));

    // What the runtime does not know any more is collected, and what it knows is not.
    const valid = { 'cni.dev/valid-attachments': [{ containerID: one.id, ifname: 'eth0' }] };
    for (const { hypervisor } of [one, two]) await runtime.must('GC', hypervisor, { config: valid });
    const left = await client.list('logical-switch-ports');
    assert.deepEqual(
      left.map(({ name }) => name),
      ['web'],
    );
    const gone = await runtime.call('CHECK', two, { config: { prevResult: second } });
    assert.equal(gone.json['code'], 103);
    for (let round = 0; round < 2; round += 1) await runtime.must('DEL', one, { config: { prevResult: first } });
    await runtime.must('DEL', { ...two, netns: '' });
    assert.deepEqual(await client.list('logical-switch-ports'), []);
    for (const { hypervisor } of [one, two]) assert.deepEqual(await leftOn(hypervisor), []);
    await Promise.all([one, two].map(container => runtime.removeContainer(container)));
  });

  /** Devices of the plugin on a host, and rows of them. */
  async function leftOn(hypervisor: Hypervisor): Promise<readonly string[]> {
    const rows = await hypervisor.openVswitch.ovsctl(...CNI_INTERFACES);
    const { stdout } = await hypervisor.exec(['ip', '-br', 'link']);
    return [
      ...rows.split('\n').filter(line => line !== ''),
      ...stdout.split('\n').filter(line => /^weft[0-9a-f]/.test(line)),
    ];
  }
});
