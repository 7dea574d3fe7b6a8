/** The OpenStack Networking API with the clients that people have: `openstack` and openstacksdk of Debian, without Keystone and with one. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OutsideHost } from '../../lab/physical-network.js';
import { ping } from '../../lab/probe.js';
import { eventually, run, words } from '../../lab/processes.js';
import { freeControllerPorts, freePort, WeftProcess } from '../../lab/weft-process.js';
import type { Workload } from '../../lab/workload.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { WeftLab } from '../fixtures/weft-lab.js';
import { FakeKeystone } from '../northbound/neutron/fake-keystone.js';
import { walkEveryKind } from './every-kind.js';
import { asUsersDo, OpenstackClient, OpenstackSession, PYTHON, scriptsDirectory, textOf } from './openstack-client.js';

function print(title: string, { said }: OpenstackClient): void {
  process.stdout.write(
    `    ${title}: ${said.length} commands\n${said.map(each => `      openstack ${each}\n`).join('')}`,
  );
}

describe('openstack, without Keystone', function () {
  this.timeout(900_000);
  let weftLab: WeftLab;
  let url = '';
  before(async function () {
    requires(this, { root: true, tools: [...LAB_TOOLS, 'openstack'] });
    weftLab = await WeftLab.create({ hypervisors: 1 });
    url = `${weftLab.client.url}/neutron`;
  });
  after(() => weftLab?.remove());
  const cloud = (): readonly string[] => ['--os-auth-type', 'none', '--os-endpoint', url];

  it('builds, shows, changes and deletes every kind', async () => {
    const session = new OpenstackSession();
    const openstack = new OpenstackClient(cloud(), session.run);
    try {
      await walkEveryKind(openstack, { project: 'guest', hasKeystone: false, host: 'hv1' });
    } finally {
      print('without Keystone', openstack);
      await session.stop();
    }
  });

  it('sees a port become ACTIVE where Open vSwitch has an interface with its id, and DOWN without it', async () => {
    const openstack = new OpenstackClient(cloud(), asUsersDo);
    await openstack.done('network create live');
    await openstack.done('subnet create live --network live --subnet-range 10.5.0.0/24');
    const port = await openstack.one('port create vm --network live --host hv1 --device-owner compute:nova');
    assert.deepEqual([port['status'], port['binding_vif_type']], ['DOWN', 'ovs']);
    const [workload] = await weftLab.plug({ vm: 'hv1' });
    assert.equal((await openstack.one('port show', textOf(port, 'id')))['status'], 'ACTIVE');
    const [agent] = await openstack.many('network agent list');
    assert.deepEqual([agent?.['Host'], agent?.['Alive']], ['hv1', true]);
    assert.ok(workload !== undefined);
    await weftLab.lab.removeWorkload(workload.name);
    await openstack.done('port delete vm');
    await openstack.done('network delete live');
  });

  it('and openstacksdk, which pages, makes many, and reads errors', async () => {
    const { stdout } = await run([PYTHON, join(scriptsDirectory, 'openstack-sdk.py'), url], {
      timeoutMs: 400_000,
    });
    process.stdout.write(`    ${stdout}`);
  });

  it('gives a workload an address outside, and the others that of their router, with real packets', async () => {
    const { lab, client: rest } = weftLab;
    const physical = await lab.addPhysicalNetwork('physnet1', 'br-ex');
    const outside = await physical.addHost('outside', { addresses: ['198.18.3.200/24'] });
    await lab.hypervisor('hv1').mapBridges({ physnet1: 'br-ex' });
    await rest.patch('hypervisors', (await rest.find('hypervisors', 'hv1')).id, { gateway: true });
    const session = new OpenstackSession();
    const openstack = new OpenstackClient(cloud(), session.run);
    const reaches = async (from: Workload | OutsideHost, address: string): Promise<boolean> =>
      (await ping(from, address, { count: 2 })).received > 0;
    try {
      await openstack.done(
        'network create public --external --provider-network-type flat --provider-physical-network physnet1',
      );
      await openstack.done(
        'subnet create public --network public --subnet-range 198.18.3.0/24 --gateway none --no-dhcp --allocation-pool start=198.18.3.10,end=198.18.3.99',
      );
      await openstack.done('network create inside');
      await openstack.done('subnet create inside --network inside --subnet-range 10.6.0.0/24');
      await openstack.done('router create edge --external-gateway public');
      await openstack.done('router add subnet edge inside');
      await openstack.done('security group create pinged');
      await openstack.done('security group rule create pinged --protocol icmp');
      for (const name of ['served', 'other'])
        await openstack.done(`port create ${name} --network inside --security-group pinged`);
      const floating = await openstack.one('floating ip create public --port served');
      const address = textOf(floating, 'floating_ip_address');
      const [served, other] = await weftLab.plug({ served: 'hv1', other: 'hv1' });
      assert.ok(served !== undefined && other !== undefined);
      await eventually('who is outside reaches the floating IP', () => reaches(outside, address));
      await eventually('the other reaches who is outside', () => reaches(other, '198.18.3.200'));
      await openstack.done(`floating ip unset --port ${address}`);
      await rest.converged();
      assert.equal(await reaches(outside, address), false);
      assert.ok(await reaches(served, '198.18.3.200'), 'by the address of the router now');
      await openstack.done('router set edge --external-gateway public --disable-snat');
      await rest.converged();
      assert.equal(await reaches(other, '198.18.3.200'), false);
    } finally {
      await session.stop();
      await physical.remove();
    }
  });
});

describe('openstack, with Keystone', function () {
  this.timeout(900_000);
  const keystone = new FakeKeystone();
  let session: OpenstackSession;
  const directory = mkdtempSync(join(tmpdir(), 'weft-openstack-'));
  let weft: WeftProcess;
  let keystoneUrl = '';
  before(async function () {
    requires(this, { tools: ['openstack'] });
    session = new OpenstackSession();
    keystoneUrl = await keystone.start();
    const httpPort = await freePort();
    keystone.networkUrl = `http://127.0.0.1:${httpPort}/neutron`;
    keystone.accounts.set('operator', { user: 'operator', project: 'ops', roles: ['admin', 'member'] });
    keystone.accounts.set('alice', { user: 'alice', project: 'shop', roles: ['member'] });
    weft = new WeftProcess({
      directory,
      httpPort,
      controller: await freeControllerPorts(),
      token: 'a-first-token-that-is-long-enough',
      environment: { WEFT_KEYSTONE_URL: keystoneUrl, WEFT_KEYSTONE_USER: 'weft', WEFT_KEYSTONE_PASSWORD: 'secret' },
    });
    await weft.start();
  });
  after(async () => {
    await session?.stop();
    await weft?.stop();
    await keystone.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const as = (user: string, project: string, runner = session.run): OpenstackClient =>
    new OpenstackClient(
      words(
        `--os-auth-url ${keystoneUrl}/v3 --os-username ${user} --os-password ${user} --os-project-name ${project} --os-user-domain-id default --os-project-domain-id default --os-identity-api-version 3`,
      ),
      runner,
    );

  it('builds, shows, changes and deletes every kind as an admin', async () => {
    const openstack = as('operator', 'ops');
    try {
      await walkEveryKind(openstack, { project: 'shop', hasKeystone: true, host: null });
    } finally {
      print('with Keystone', openstack);
    }
  });

  it('keeps a member to its project', async () => {
    const [operator, alice] = [as('operator', 'ops'), as('alice', 'shop', asUsersDo)];
    await operator.done('network create hidden');
    await alice.done('network create own');
    assert.deepEqual(
      (await alice.many('network list')).map(each => each['Name']),
      ['own'],
    );
    assert.equal((await alice.one('network show own'))['project_id'], 'shop');
    await alice.fails('network show hidden', /No Network found|not found/i);
    await alice.fails('network create x --share', /disallowed by policy/);
    await alice.done('network delete own');
    await operator.done('network delete hidden');
  });
});
