/**
 * `weft-cni` as the one file that is installed, called as libcni calls it, on three hosts with real Open vSwitch: many at once, killed at any point,
 * without the controller, behind another plugin, with several interfaces, and under policies.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Hypervisor } from '../../lab/hypervisor.js';
import { managementAddress } from '../../lab/addresses.js';
import { runInNamespace } from '../../lab/namespaces.js';
import { eventually, run } from '../../lab/processes.js';
import { underlayNamespace } from '../../lab/underlay.js';
import { addressesIn, CniRuntime, type Container, type Json, pluginFile, reaches } from '../fixtures/cni-runtime.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { create, planSwitch } from '../fixtures/topology.js';
import { WeftLab } from '../fixtures/weft-lab.js';

const AT_ONCE = 200;
const KILLED = 40;

describe('weft-cni', function () {
  this.timeout(300_000);
  let weftLab: WeftLab;
  let runtime: CniRuntime;
  const containers: Container[] = [];
  const servers: ChildProcess[] = [];

  before(async function () {
    requires(this, { root: true, tools: [...LAB_TOOLS, 'host-local', 'busybox', 'nft'] });
    weftLab = await WeftLab.create({ hypervisors: 3 });
    const weft = { logicalSwitch: 'pods', timeoutMs: 120_000 };
    const port = Number(new URL(weftLab.client.url).port);
    runtime = await CniRuntime.create(weftLab.lab, pluginFile, port, { cniVersion: '1.1.0', name: 'pods', weft });
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) server.kill('SIGKILL');
    for (const hypervisor of weftLab.lab.hypervisors) {
      for (const name of ['pods', 'second'])
        await runtime.with({ name }).must('GC', hypervisor, { config: { 'cni.dev/valid-attachments': [] } });
      assert.deepEqual(await leftOn(hypervisor), []);
    }
    assert.deepEqual(await weftLab.client.list('logical-switch-ports'), []);
    await Promise.all(containers.splice(0).map(container => runtime.removeContainer(container)));
    await weftLab.reset();
  });
  after(() => weftLab?.remove());

  async function container(hypervisor: string): Promise<Container> {
    const made = await runtime.container(hypervisor);
    containers.push(made);
    return made;
  }

  /** Devices of the plugin on a host, and rows of them. */
  async function leftOn(hypervisor: Hypervisor): Promise<readonly string[]> {
    const query = ['--columns=name', '--bare', 'find', 'Interface', 'external_ids:weft-cni-container!=""'];
    const rows = await hypervisor.openVswitch.ovsctl(...query);
    const { stdout } = await hypervisor.exec(['ip', '-br', 'link']);
    const devices = stdout.split('\n').filter(line => /^weft[0-9a-f]{11}/.test(line));
    return [...rows.split('\n').filter(line => line.trim() !== ''), ...devices];
  }

  it(`serves ${AT_ONCE} ADDs at once without giving an address twice, and ${AT_ONCE} DELs without leaving one`, async () => {
    const { operations } = planSwitch({ name: 'pods', cidrs: ['10.80.0.0/22', 'fd00:80::/64'] });
    await weftLab.build(operations);
    const hosts = ['hv1', 'hv2', 'hv3'];
    const all: Container[] = [];
    for (let place = 0; place < AT_ONCE; place += 1) all.push(await container(hosts[place % hosts.length] ?? 'hv1'));
    const startMs = performance.now();
    const results = await Promise.all(all.map(each => runtime.must('ADD', each)));
    const addedMs = performance.now();
    const addresses = results.flatMap(addressesIn);
    assert.equal(new Set(addresses).size, 2 * AT_ONCE);
    const [first, last] = [all[0], all.at(-1)];
    assert.ok(first !== undefined && last !== undefined);
    assert.ok(await reaches(runtime, first, addressesIn(results.at(-1) ?? {})));
    const deletingMs = performance.now();
    await Promise.all(all.map((each, place) => runtime.must('DEL', each, { config: { prevResult: results[place] } })));
    const seconds = (ms: number): string => (ms / 1000).toFixed(1);
    process.stdout.write(
      `      ${AT_ONCE} ADDs: ${seconds(addedMs - startMs)} s, DELs: ${seconds(performance.now() - deletingMs)} s\n`,
    );
    assert.deepEqual(await weftLab.client.list('logical-switch-ports'), []);
    for (const hypervisor of weftLab.lab.hypervisors) assert.deepEqual(await leftOn(hypervisor), []);
  });

  it(`leaves nothing behind GC when it is killed, whenever that is (${KILLED} times)`, async () => {
    const { operations } = planSwitch({ name: 'pods' });
    await weftLab.build(operations);
    const pod = await container('hv1');
    const spared = await container('hv1');
    const kept = await runtime.must('ADD', spared);
    let whole = 0;
    for (let round = 0; round < KILLED; round += 1) {
      const [file = '', ...args] = runtime.commandOn(pod.hypervisor);
      const environment = { ...process.env, ...runtime.environmentOf('ADD', pod) };
      const child = spawn(file, args, { env: environment, stdio: ['pipe', 'ignore', 'ignore'] });
      child.stdin.end(runtime.inputOn(pod.hypervisor));
      const ended = once(child, 'close');
      await Promise.race([ended, sleep(20 + round * 40)]);
      if (!child.kill('SIGKILL')) whole += 1;
      await ended;
      // The shell that makes the devices is not killed with it, and comes to its end.
      await sleep(200);
      if (round % 4 === 0) {
        // The runtime may as well try again: what was left does not hinder.
        const { status, json } = await runtime.call('ADD', pod);
        assert.ok(status === 0 || json['code'] === 100, JSON.stringify(json));
      }
      const valid = { 'cni.dev/valid-attachments': [{ containerID: spared.id, ifname: 'eth0' }] };
      await runtime.must('GC', pod.hypervisor, { config: valid });
      const left = await weftLab.client.list('logical-switch-ports');
      assert.equal(left.length, 1);
      assert.equal((await leftOn(pod.hypervisor)).length, 2);
    }
    process.stdout.write(`      ${KILLED - whole} of ${KILLED} were killed before their end\n`);
    await runtime.must('CHECK', spared, { config: { prevResult: kept } });
  });

  it('says that it cannot add without the controller, ends containers without it, and tells it later', async () => {
    const { operations } = planSwitch({ name: 'pods' });
    await weftLab.build(operations);
    const [one, two] = [await container('hv1'), await container('hv2')];
    const added = await runtime.must('ADD', one);
    const kept = await runtime.must('ADD', two);
    await weftLab.weft.stop();
    const late = await runtime.call('ADD', await container('hv1'));
    assert.deepEqual([late.status, late.json['code']], [1, 11]);
    const status = await runtime.call('STATUS', one.hypervisor);
    assert.equal(status.json['code'], 50);
    await runtime.must('CHECK', two, { config: { prevResult: kept } });
    await runtime.must('DEL', one, { config: { prevResult: added } });
    await runtime.must('DEL', one);
    await weftLab.weft.start();
    await weftLab.client.hypervisorsReady(weftLab.lab.hypervisors.map(({ name }) => name));
    await runtime.must('STATUS', one.hypervisor);
    const left = await weftLab.client.list('logical-switch-ports');
    assert.equal(left.length, 1);
    // The address is free again.
    const [address = ''] = addressesIn(added);
    await runtime.must('ADD', one, { config: { runtimeConfig: { ips: [address] } } });
    await runtime.must('DEL', one);
    await runtime.must('DEL', two);
  });

  it('gives a container interfaces in several networks, and leaves the default route to the first', async () => {
    const pods = planSwitch({ name: 'pods' });
    const second = planSwitch({ name: 'second' });
    await weftLab.build([...pods.operations, ...second.operations]);
    const other = runtime.with({ name: 'second', weft: { ...runtime.network.weft, logicalSwitch: 'second' } });
    const pod = await container('hv1');
    const peer = await container('hv2');
    const mac = '02:00:00:00:00:77';
    await runtime.must('ADD', pod);
    const net1 = await other.must('ADD', pod, { ifname: 'net1', config: { args: { cni: { mac } } } });
    const there = await other.must('ADD', peer);
    assert.deepEqual(net1['routes'], []);
    assert.equal((net1['interfaces'] as { mac: string }[])[1]?.mac, mac);
    assert.ok(await reaches(runtime, pod, addressesIn(there)));
    const { stdout } = await runtime.exec(pod, ['ip', '-4', 'route', 'show', 'default']);
    assert.match(stdout, /dev eth0/);
    assert.doesNotMatch(stdout, /dev net1/);
    await other.must('DEL', pod, { ifname: 'net1' });
    await runtime.must('CHECK', pod, { config: { prevResult: await stateOf(pod) } });
  });

  async function stateOf(pod: Container): Promise<Json> {
    const { stdout } = await runtime.exec(pod, ['ip', '-j', 'addr', 'show', 'dev', 'eth0']);
    const [{ address = '' } = {}] = JSON.parse(stdout) as { address?: string }[];
    return { cniVersion: '1.1.0', interfaces: [{ name: 'eth0', mac: address, sandbox: pod.netns }], ips: [] };
  }

  it('stands behind the reference bridge plugin in a chain, and adds an interface to what that has made', async () => {
    const { operations } = planSwitch({ name: 'pods' });
    await weftLab.build(operations);
    const chained = runtime.with({ cniVersion: '1.0.0', weft: { ...runtime.network.weft, interfaceName: 'weft0' } });
    const pod = await container('hv1');
    const bridge = await bridgePlugin(pod, 'ADD');
    const result = await chained.must('ADD', pod, { config: { prevResult: bridge } });
    const interfaces = result['interfaces'] as { name: string; sandbox?: string }[];
    assert.deepEqual(
      interfaces.flatMap(({ name, sandbox }) => (sandbox === undefined ? [] : [name])),
      ['eth0', 'weft0'],
    );
    const { stdout } = await runtime.exec(pod, ['ip', '-4', 'route', 'show', 'default']);
    assert.match(stdout, /^default via 172\.30\.0\.1 dev eth0/);
    await chained.must('CHECK', pod, { config: { prevResult: result } });
    await chained.must('DEL', pod, { config: { prevResult: result } });
    await bridgePlugin(pod, 'DEL');
  });

  async function bridgePlugin(pod: Container, command: string): Promise<Json> {
    const ipam = {
      type: 'host-local',
      subnet: '172.30.0.0/16',
      routes: [{ dst: '0.0.0.0/0' }],
      dataDir: '/tmp/weft-cni-bridge',
    };
    const config = { cniVersion: '1.0.0', name: 'chain', type: 'bridge', bridge: 'cni0', isGateway: true, ipam };
    const { namespace } = pod.hypervisor;
    const { stdout } = await run(['nsenter', `--net=/run/netns/${namespace ?? ''}`, '/usr/lib/cni/bridge'], {
      environment: runtime.environmentOf(command, pod),
      input: JSON.stringify(config),
    });
    return stdout.trim() === '' ? {} : (JSON.parse(stdout) as Json);
  }

  it('takes one ADD in times of the reference bridge plugin', async () => {
    const { operations } = planSwitch({ name: 'pods' });
    await weftLab.build(operations);
    const times = { weft: [] as number[], bridge: [] as number[], probe: [] as number[] };
    for (let round = 0; round < 20; round += 1) {
      const pod = await container('hv1');
      times.probe.push(await took(() => runtime.must('VERSION', pod)));
      times.bridge.push(await took(() => bridgePlugin(pod, 'ADD')));
      await bridgePlugin(pod, 'DEL');
      times.weft.push(await took(() => runtime.must('ADD', pod)));
      await runtime.must('DEL', pod);
    }
    const median = (list: readonly number[]): string =>
      (list.toSorted((a, b) => a - b)[list.length >> 1] ?? 0).toFixed(0);
    process.stdout.write(
      `      median of 20: weft-cni ADD ${median(times.weft)} ms (in force on the host), bridge with host-local ${median(times.bridge)} ms, weft-cni VERSION ${median(times.probe)} ms\n`,
    );
  });

  async function took(work: () => Promise<unknown>): Promise<number> {
    const startMs = performance.now();
    await work();
    return performance.now() - startMs;
  }

  it('takes addresses from the block of the host', async () => {
    const blocks = ['10.90.1.0/24', '10.90.2.0/24'];
    const id = randomUUID();
    await weftLab.build([
      create('logical-switches', { name: 'pods' }, id),
      ...blocks.map((cidr, place) => create('subnets', { logical_switch_id: id, cidr, name: `hv${place + 1}` })),
    ]);
    const onHost = runtime.with({ weft: { ...runtime.network.weft, subnets: ['{hypervisor}'] } });
    const [one, two] = [await container('hv1'), await container('hv2')];
    const [first = ''] = addressesIn(await onHost.must('ADD', one));
    const [second = ''] = addressesIn(await onHost.must('ADD', two));
    assert.match(first, /^10\.90\.1\./);
    assert.match(second, /^10\.90\.2\./);
  });

  it('leads ports of the host to containers, refuses one that is taken, and closes them with the container', async () => {
    const { operations } = planSwitch({ name: 'pods' });
    await weftLab.build(operations);
    const [one, two] = [await container('hv1'), await container('hv1')];
    const web = { runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] } };
    serve(one);
    await runtime.must('ADD', one, { config: web });
    const host = managementAddress(one.hypervisor.index);
    const asks = async (): Promise<boolean> => {
      // From the management network: from outside as the host sees it.
      const command = ['timeout', '3', 'busybox', 'nc', '-w', '2', host, '8080'];
      const { status } = await runInNamespace(underlayNamespace(weftLab.lab.state), command, {
        input: '',
        allowFailure: true,
      });
      return status === 0;
    };
    await eventually('the port of the host leads to the container', asks, 10_000, 100);
    const taken = await runtime.call('ADD', two, { config: web });
    assert.deepEqual([taken.status, taken.json['code']], [1, 101], JSON.stringify(taken.json));
    assert.ok(await asks());
    const reached = await one.hypervisor.exec(['ping', '-n', '-c', '1', '-W', '2', await addressOf(one)]);
    assert.equal(reached.status, 0);
    await runtime.must('DEL', one, { config: web });
    assert.equal(await asks(), false);
    await runtime.must('ADD', two, { config: web });
    await runtime.must('DEL', two, { config: web });
  });

  async function addressOf(pod: Container): Promise<string> {
    const { stdout } = await runtime.exec(pod, ['ip', '-4', '-o', 'addr', 'show', 'dev', 'eth0']);
    return /inet ([\d.]+)/.exec(stdout)?.[1] ?? '';
  }

  /** A server at port 80 of a container, to its end. */
  function serve({ namespace }: Container): void {
    const args = ['netns', 'exec', namespace, 'busybox', 'httpd', '-f', '-p', '80', '-h', '/'];
    servers.push(spawn('ip', args, { stdio: 'ignore', env: { ...process.env, ...weftLab.lab.state.mark } }));
  }

  it('lets an application of Cloud Foundry begin only what its rules say', async () => {
    const { operations } = planSwitch({ name: 'pods' });
    await weftLab.build(operations);
    const [app, allowed, other] = [await container('hv1'), await container('hv2'), await container('hv3')];
    const there = await runtime.must('ADD', allowed);
    const elsewhere = await runtime.must('ADD', other);
    const [address = ''] = addressesIn(there);
    const config = {
      capabilities: { netOutRules: true },
      runtimeConfig: { netOutRules: [{ protocol: 3, networks: [{ start: address, end: address }] }] },
      metadata: { app_id: 'app' },
    };
    const own = await runtime.must('ADD', app, { config });
    assert.ok(await reaches(runtime, app, [address]));
    assert.equal(await reaches(runtime, app, addressesIn(elsewhere).slice(0, 1)), false);
    assert.ok(await reaches(runtime, other, addressesIn(own)));
    await runtime.must('DEL', app, { config });
    assert.deepEqual(await weftLab.client.list('security-groups'), []);
  });

  /** Three namespaces of three pods; a policy and who then reaches whom on port 80. */
  const policies: readonly {
    readonly name: string;
    readonly build: () => readonly Json[];
    readonly reaches: (from: string, to: string) => boolean;
  }[] = [
    { name: 'no policy', build: () => [], reaches: () => true },
    {
      name: 'default deny of namespace x',
      build: () => [policy('deny', { 'io.kubernetes.pod.namespace': 'x' }, [])],
      reaches: (_, to) => !to.startsWith('x'),
    },
    {
      name: 'pods of y may come to x/a, nobody else',
      build: () => [
        policy('allow', { 'io.kubernetes.pod.namespace': 'x', 'io.kubernetes.pod.name': 'a' }, [
          { 'io.kubernetes.pod.namespace': 'y' },
        ]),
      ],
      reaches: (from, to) => to !== 'xa' || from.startsWith('y'),
    },
  ];

  function policy(name: string, selects: Json, from: readonly Json[]): Json {
    return { name, selects, from };
  }

  it('stands under policies of the form of NetworkPolicy: truth tables of 9 by 9', async () => {
    const networks = planSwitch({ name: 'pods' });
    await weftLab.build(networks.operations);
    const hosts = ['hv1', 'hv2', 'hv3'];
    const pods = new Map<string, { readonly pod: Container; readonly address: string }>();
    for (const [place, namespace] of ['x', 'y', 'z'].entries())
      for (const name of ['a', 'b', 'c']) {
        const pod = await container(hosts[(place + name.charCodeAt(0)) % 3] ?? 'hv1');
        const result = await runtime.must('ADD', pod, { args: `K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${name}` });
        const [address = ''] = addressesIn(result);
        pods.set(`${namespace}${name}`, { pod, address });
        serve(pod);
      }
    for (const { name, build, reaches: expected } of policies) {
      const operations = build().flatMap(each => policyOperations(each));
      if (operations.length > 0) await weftLab.build(operations);
      await weftLab.client.converged();
      const wrong: string[] = [];
      await Promise.all(
        [...pods].map(async ([from, { pod }]) => {
          // One shell asks all nine, so that a table costs nine processes.
          const targets = [...pods].map(([to, { address }]) => `${to} ${address}`).join('\n');
          const script = `printf '%s\\n' "$1" | while read -r to address; do timeout 1 busybox nc -w 1 "$address" 80 < /dev/null > /dev/null 2>&1 && echo "$to"; done; true`;
          const { stdout } = await runtime.exec(pod, ['sh', '-c', script, 'sh', targets]);
          const reached = new Set(stdout.split('\n'));
          for (const to of pods.keys())
            if (from !== to && reached.has(to) !== expected(from, to))
              wrong.push(`${from} to ${to}: ${String(reached.has(to))}`);
        }),
      );
      assert.deepEqual(wrong, [], name);
      const ids = operations.filter(({ kind }) => kind === 'security-groups').map(({ id }) => id ?? '');
      for (const id of ids.toReversed())
        await weftLab.client.delete('security-groups', id, { cascade: true, appliedWithinMs: 20_000 });
    }
  });

  /** A policy as groups: one that isolates what it selects, and one of each peer. */
  function policyOperations({ name, selects, from }: Json) {
    const peers = (from as readonly Json[]).map((labels, place) =>
      create('security-groups', {
        name: `${String(name)} peer ${place}`,
        isolates: [],
        port_selector: { match_labels: labels },
      }),
    );
    const group = create('security-groups', {
      name,
      isolates: ['ingress'],
      port_selector: { match_labels: selects },
    });
    const rules = peers.map(({ id }) =>
      create('security-group-rules', { security_group_id: group.id, direction: 'ingress', remote_group_id: id }),
    );
    return [...peers, group, ...rules];
  }
});
