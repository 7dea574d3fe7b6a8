/** A swarm of two nodes, with Weft as a managed plugin. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { managementAddress } from '../../lab/addresses.js';
import { TEST_IMAGE } from '../../lab/docker-engine.js';
import { eventually, run, words } from '../../lab/processes.js';
import { usesDockerLab } from './docker-cases.js';

const script = fileURLToPath(new URL('../../../northbound/docker/managed/build.sh', import.meta.url));

describe('A swarm with Weft as a managed plugin', function () {
  this.timeout(600_000);
  const docker = usesDockerLab('managed');

  before(async () => {
    const { engines, weftLab, weftUrl } = docker();
    const folder = weftLab.lab.state.createDirectory('managed');
    await run([script, folder]);
    for (const engine of engines) {
      const { name } = engine.hypervisor;
      const kept = join(weftLab.lab.state.directory, `managed-${name}`);
      mkdirSync(kept, { recursive: true });
      await engine.docker('plugin', 'create', 'weft/net', folder);
      const args = `args=--url ${weftUrl} --hypervisor ${name}`;
      await engine.docker('plugin', 'set', 'weft/net', args, `state.source=${kept}`);
      await engine.docker('plugin', 'enable', 'weft/net');
    }
    const [leader, worker] = [docker().engine(1), docker().engine(2)];
    await leader.docker('swarm', 'init', '--advertise-addr', managementAddress(1));
    const token = await leader.docker('swarm', 'join-token', '-q', 'worker');
    const joining = `swarm join --advertise-addr ${managementAddress(2)} --token ${token} ${managementAddress(1)}:2377`;
    await worker.docker(...words(joining));
  });

  it('gives an attachable network to containers of both nodes, which find each other by name', async () => {
    const lab = docker();
    const [leader, worker] = [lab.engine(1), lab.engine(2)];
    const drivers = '-d weft/net:latest --ipam-driver weft/net:latest --attachable --subnet 10.79.0.0/24';
    await leader.docker(...words(`network create ${drivers} cluster`));
    await leader.startContainer('one', '--net', 'cluster');
    await worker.startContainer('two', '--net', 'cluster');
    assert.notEqual(await lab.addressOf(leader, 'one', 'cluster'), await lab.addressOf(worker, 'two', 'cluster'));
    await eventually('by name, over hosts', () => lab.pings(leader, 'one', 'two'));
    await eventually('and back', () => lab.pings(worker, 'two', 'one'));

    const service = `service create --detach --no-resolve-image --name web --network cluster --endpoint-mode dnsrr`;
    await leader.docker(...words(`${service} --replicas 2 ${TEST_IMAGE} sleep 100000`));
    await eventually('tasks of a service are there too', () => lab.pings(leader, 'one', 'web'), 120_000, 1_000);
    await leader.docker('service', 'rm', 'web');

    await worker.docker('rm', '-f', 'two');
    await leader.docker('rm', '-f', 'one');
    await eventually('the network is removed', async () => {
      return (await leader.tryDocker('network', 'rm', 'cluster')).status === 0;
    });
    await eventually('nothing is left', async () => (await lab.left()).length === 0, 60_000, 500);
  });
});
