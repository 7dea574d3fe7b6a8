/** The OpenStack Networking API with the clients that people have: `openstack` and openstacksdk of Debian, without Keystone and with one. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, words } from '../../lab/processes.js';
import { freeControllerPorts, freePort, WeftProcess } from '../../lab/weft-process.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { WeftLab } from '../fixtures/weft-lab.js';
import { FakeKeystone } from '../northbound/neutron/fake-keystone.js';
import { walkEveryKind } from './every-kind.js';
import { OpenstackClient, textOf } from './openstack-client.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

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
  const client = (): OpenstackClient => new OpenstackClient(['--os-auth-type', 'none', '--os-endpoint', url]);

  it('builds, shows, changes and deletes every kind', async () => {
    const openstack = client();
    await walkEveryKind(openstack, { project: 'guest', hasKeystone: false });
    print('without Keystone', openstack);
  });

  it('sees a port become ACTIVE where Open vSwitch has an interface with its id, and DOWN without it', async () => {
    const openstack = client();
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
    const { stdout } = await run(['/usr/bin/python3', join(root, 'test/integrations/openstack-sdk.py'), url], {
      timeoutMs: 400_000,
    });
    process.stdout.write(`    ${stdout}`);
  });
});

describe('openstack, with Keystone', function () {
  this.timeout(900_000);
  const keystone = new FakeKeystone();
  const directory = mkdtempSync(join(tmpdir(), 'weft-openstack-'));
  let weft: WeftProcess;
  let keystoneUrl = '';
  before(async function () {
    requires(this, { tools: ['openstack'] });
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
    await weft?.stop();
    await keystone.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const as = (user: string, project: string): OpenstackClient =>
    new OpenstackClient(
      words(
        `--os-auth-url ${keystoneUrl}/v3 --os-username ${user} --os-password ${user} --os-project-name ${project} --os-user-domain-id default --os-project-domain-id default --os-identity-api-version 3`,
      ),
    );

  it('builds, shows, changes and deletes every kind as an admin', async () => {
    const openstack = as('operator', 'ops');
    await walkEveryKind(openstack, { project: 'shop', hasKeystone: true });
    await openstack.done('quota set --networks 7 shop');
    print('with Keystone', openstack);
  });

  it('keeps a member to its project', async () => {
    const [operator, alice] = [as('operator', 'ops'), as('alice', 'shop')];
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
