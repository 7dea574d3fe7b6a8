/** What containers of two Docker engines have of Weft, whichever front end their engines ask. */
import assert from 'node:assert/strict';
import { managementAddress } from '../../lab/addresses.js';
import { DOCKER_TOOLS, type DockerEngine, TEST_IMAGE } from '../../lab/docker-engine.js';
import { eventually, words } from '../../lab/processes.js';
import { DockerLab, type FrontEnd } from '../fixtures/docker-lab.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { create } from '../fixtures/topology.js';

/** Bytes of a transfer of which no packet could hold the whole. */
const LARGE = 100_000;

/** Registers the hooks that bring up the engines, and clean up after each test; the function gives what the tests work with. */
export function usesDockerLab(frontEnd: FrontEnd): () => DockerLab {
  let current: DockerLab | null = null;
  const docker = (): DockerLab => current ?? assert.fail('there is no lab');
  before(async function () {
    requires(this, { root: true, tools: [...LAB_TOOLS, ...DOCKER_TOOLS, 'curl'] });
    current = await DockerLab.create(frontEnd);
  });
  afterEach(async function () {
    if (current === null) return;
    const { weftLab } = current;
    if (this.currentTest?.state === 'failed') {
      process.stderr.write(await current.logs());
      if (!weftLab.weft.isRunning) await weftLab.weft.start();
      await current.clear();
    }
    // What was removed last is gone from the switches, too, when they are compared with what they held before.
    await weftLab.client.converged();
    await weftLab.reset();
  });
  after(() => current?.remove());
  return docker;
}

/** Removes containers and networks, and shows that nothing is left of them. */
async function removeAll(
  docker: DockerLab,
  containers: readonly (readonly [DockerEngine, string])[],
  networks: readonly (readonly [DockerEngine, string])[],
): Promise<void> {
  for (const [engine, name] of containers) await engine.docker('rm', '-f', name);
  for (const [engine, name] of networks) await engine.docker('network', 'rm', name);
  await eventually('nothing is left', async () => (await docker.left()).length === 0).catch(async () => {
    assert.deepEqual(await docker.left(), []);
  });
}

async function downloads(docker: DockerLab, engine: DockerEngine, container: string, from: string): Promise<number> {
  const command = ['timeout', '10', 'wget', '-q', '-O', '-', `http://${from}/busybox`];
  return (await docker.tries(engine, container, command)).stdout.length;
}

const serve = (engine: DockerEngine, container: string): Promise<unknown> =>
  engine.exec(container, ['httpd', '-p', '80', '-h', '/bin']);

/** The tests that hold for engines that ask Weft straight, and for those with a process on their hosts. */
export function describeDocker(docker: () => DockerLab): void {
  const on = (index: 1 | 2): DockerEngine => docker().engine(index);

  it('containers of one network talk over hosts, and no address is given twice', async () => {
    const lab = docker();
    const ranges = words('--ipv6 --subnet 10.71.0.0/24 --subnet fd71::/64');
    for (const engine of lab.engines)
      await lab.createNetwork(engine, 'blue', ...ranges, '-o', 'weft.network=blue', '--aux-address', 'tv=10.71.0.9');
    await on(1).startContainer('one', '--net', 'blue');
    await on(2).startContainer('two', '--net', 'blue');
    const fixed = words('--net blue --ip 10.71.0.77 --ip6 fd71::77 --mac-address 02:00:00:00:00:77');
    await on(2).startContainer('fixed', ...fixed);
    for (const member of ['IPAddress', 'GlobalIPv6Address']) {
      const one = await lab.addressOf(on(1), 'one', 'blue', member);
      const two = await lab.addressOf(on(2), 'two', 'blue', member);
      assert.notEqual(one, two);
      assert.ok(await lab.pings(on(1), 'one', two), `${one} reaches ${two}`);
      assert.ok(await lab.pings(on(2), 'two', one), `${two} reaches ${one}`);
    }
    for (const address of ['10.71.0.77', 'fd71::77']) assert.ok(await lab.pings(on(1), 'one', address), address);
    const { stdout: link } = await on(2).exec('fixed', ['ip', 'link', 'show', 'eth0']);
    assert.match(link, /02:00:00:00:00:77/);
    assert.match(link, /mtu 1450/);
    const two = await lab.addressOf(on(2), 'two', 'blue');
    for (const taken of [two, '10.71.0.9', '10.71.0.1'])
      for (const engine of lab.engines) {
        const command = ['run', '--rm', '--net', 'blue', '--ip', taken, TEST_IMAGE, 'sleep', '1'];
        assert.notEqual((await engine.tryDocker(...command)).status, 0, `${taken} is not given again`);
      }
    await serve(on(1), 'one');
    const one = await lab.addressOf(on(1), 'one', 'blue');
    assert.ok((await downloads(lab, on(2), 'two', one)) > LARGE, 'a transfer larger than any packet');
    await removeAll(
      lab,
      [
        [on(1), 'one'],
        [on(2), 'two'],
        [on(2), 'fixed'],
      ],
      lab.engines.map(engine => [engine, 'blue']),
    );
  });

  it('a running container is connected to another network, and disconnected', async () => {
    const lab = docker();
    for (const engine of lab.engines) {
      await lab.createNetwork(engine, 'blue', ...words('--subnet 10.72.0.0/24 -o weft.network=blue'));
      await lab.createNetwork(engine, 'red', ...words('--subnet 10.73.0.0/24 --ipam-opt weft.network=red'));
    }
    await on(1).startContainer('one', '--net', 'blue');
    await on(2).startContainer('two', '--net', 'blue');
    await on(2).docker('network', 'connect', 'red', 'two');
    const red = await lab.addressOf(on(2), 'two', 'red');
    assert.ok(!(await lab.pings(on(1), 'one', red)), 'networks are apart');
    await on(1).docker('network', 'connect', '--ip', '10.73.0.50', 'red', 'one');
    const { stdout: addresses } = await on(1).exec('one', ['ip', '-o', 'addr']);
    for (const address of [/ 10\.72\.0\.\d+\/24 /, / 10\.73\.0\.50\/24 /]) assert.match(addresses, address);
    assert.ok(await lab.pings(on(1), 'one', red));
    const one = await lab.addressOf(on(1), 'one', 'blue');
    await on(1).docker('network', 'disconnect', 'blue', 'one');
    assert.ok(!(await lab.pings(on(2), 'two', one)), 'it has left the network');
    assert.ok(await lab.pings(on(2), 'two', '10.73.0.50'), 'and is in the other');
    await on(1).docker('network', 'connect', 'blue', 'one');
    assert.ok(await lab.pings(on(2), 'two', await lab.addressOf(on(1), 'one', 'blue')));
    await removeAll(
      lab,
      [
        [on(1), 'one'],
        [on(2), 'two'],
      ],
      lab.engines.flatMap(engine => ['blue', 'red'].map(name => [engine, name] as const)),
    );
  });

  it('containers find each other by name, on their host and beyond, and use a logical router', async () => {
    const lab = docker();
    await lab.weftLab.build([create('logical-routers', { name: 'office' })]);
    const options = '--subnet 10.74.0.0/24 -o weft.network=blue -o weft.router=office -o weft.domain=blue.test';
    for (const engine of lab.engines) await lab.createNetwork(engine, 'blue', ...words(options));
    await lab.createNetwork(on(2), 'red', ...words('--subnet 10.75.0.0/24 -o weft.network=red -o weft.router=office'));
    const resolver = '--dns 10.74.0.1 --dns-search blue.test';
    await on(1).startContainer('one', ...words(`${resolver} --network name=blue,driver-opt=weft.name=one`));
    await on(1).startContainer('near', '--net', 'blue');
    await on(2).startContainer('far', ...words(`${resolver} --network name=blue,driver-opt=weft.name=far`));
    await on(2).startContainer('behind', '--net', 'red');
    for (const name of ['near', 'far.blue.test', 'far']) assert.ok(await lab.pings(on(1), 'one', name), name);
    assert.ok(await lab.pings(on(2), 'far', 'one.blue.test'));
    const { stdout: routes } = await on(1).exec('one', ['ip', 'route']);
    assert.match(routes, /default via 10\.74\.0\.1 /);
    assert.ok(await lab.pings(on(1), 'one', await lab.addressOf(on(2), 'behind', 'red')), 'through the router');
    await removeAll(
      lab,
      [
        [on(1), 'one'],
        [on(1), 'near'],
        [on(2), 'far'],
        [on(2), 'behind'],
      ],
      [...lab.engines.map(engine => [engine, 'blue'] as const), [on(2), 'red']],
    );
  });

  it('ports are published on the host, and internal networks have no way out', async () => {
    const lab = docker();
    const { lab: hosts } = lab.weftLab;
    await lab.createNetwork(on(1), 'front', ...words('--subnet 10.76.0.0/24 -o weft.network=front'));
    await lab.createNetwork(on(1), 'inside', ...words('--internal --subnet 10.77.0.0/24 -o weft.network=inside'));
    await on(1).startContainer('web', ...words('--net front -p 8080:80'));
    await on(1).startContainer('db', '--net', 'inside');
    await serve(on(1), 'web');
    const get = `curl -s -m 10 -o /dev/null -w %{size_download} http://${managementAddress(1)}:8080/busybox`;
    assert.ok(Number((await hosts.hypervisor(2).exec(words(get))).stdout) > LARGE);
    assert.ok(await lab.pings(on(1), 'web', managementAddress(2)), 'out by the host');
    assert.ok(!(await lab.pings(on(1), 'db', managementAddress(2))));
    assert.doesNotMatch((await on(1).exec('db', ['ip', 'route'])).stdout, /default/);
    await on(1).docker('network', 'connect', 'inside', 'web');
    assert.ok(await lab.pings(on(1), 'web', await lab.addressOf(on(1), 'db', 'inside')));
    await removeAll(
      lab,
      [
        [on(1), 'web'],
        [on(1), 'db'],
      ],
      [
        [on(1), 'front'],
        [on(1), 'inside'],
      ],
    );
    await assert.rejects(hosts.hypervisor(2).exec(words(get)), 'it is published no more');
  });

  it('containers live on without Weft and without dockerd, and what ended meanwhile is cleaned up', async () => {
    const lab = docker();
    const { weft, client } = lab.weftLab;
    for (const engine of lab.engines)
      await lab.createNetwork(engine, 'green', ...words('--subnet 10.78.0.0/24 -o weft.network=green'));
    await on(1).startContainer('one', '--net', 'green');
    await on(2).startContainer('two', ...words('--net green --restart always'));
    const two = await lab.addressOf(on(2), 'two', 'green');
    await weft.stop('SIGKILL');
    if (lab.frontEnd === 'process') await lab.killProcess(on(1));
    assert.ok(await lab.pings(on(1), 'one', two), 'nobody is needed for packets');
    if (lab.frontEnd === 'process') {
      const { openVswitch } = on(1).hypervisor;
      await openVswitch.ovsctl('--no-wait', 'add-port', 'br-int', 'wfh-left-over');
      await lab.startProcess(on(1));
      assert.doesNotMatch(await openVswitch.ovsctl('list-ports', 'br-int'), /wfh-left-over/);
      // The process takes it from Docker, and tells Weft when it is back.
      await on(1).docker('rm', '-f', 'one');
    }
    await weft.start();
    await client.hypervisorsReady(['hv1', 'hv2']);
    if (lab.frontEnd === 'straight') await on(1).docker('rm', '-f', 'one');
    await eventually('what was removed is gone', async () => (await client.list('logical-switch-ports')).length === 3);

    await on(2).stop('SIGKILL');
    await on(2).start();
    await eventually('the container is there again', async () => {
      return (await on(2).tryDocker('exec', 'two', 'ip', 'link', 'show', 'eth0')).status === 0;
    });
    await eventually('its former endpoint is gone', async () => {
      return (await client.list('logical-switch-ports')).length === 3;
    });
    await on(1).startContainer('three', '--net', 'green');
    const again = await lab.addressOf(on(2), 'two', 'green');
    await eventually('they talk again', () => lab.pings(on(1), 'three', again));
    await removeAll(
      lab,
      [
        [on(1), 'three'],
        [on(2), 'two'],
      ],
      lab.engines.map(engine => [engine, 'green']),
    );
  });
}
