/** `weft-cni` under container runtimes of Debian: containerd (`ctr run --cni`) on one host, podman on another, in one network. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hypervisor } from '../../lab/hypervisor.js';
import { commandEnvironment, type CommandResult, eventually, run } from '../../lab/processes.js';
import { CniRuntime, pluginFile } from '../fixtures/cni-runtime.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { create, planSwitch } from '../fixtures/topology.js';
import { WeftLab } from '../fixtures/weft-lab.js';

const BUSYBOX = '/bin/busybox';
const debianPlugins = '/usr/lib/cni';

describe('weft-cni under runtimes', function () {
  this.timeout(300_000);
  let weftLab: WeftLab;
  let runtime: CniRuntime;
  let directory: string;
  const children: ChildProcess[] = [];

  before(async function () {
    requires(this, { root: true, tools: [...LAB_TOOLS, 'busybox', 'containerd', 'runc', 'podman', 'host-local'] });
    weftLab = await WeftLab.create({ hypervisors: 2 });
    const port = Number(new URL(weftLab.client.url).port);
    const weft = { logicalSwitch: 'pods', timeoutMs: 60_000 };
    runtime = await CniRuntime.create(weftLab.lab, pluginFile, port, { cniVersion: '1.0.0', name: 'pods', weft });
    directory = weftLab.lab.state.createDirectory('runtimes');
    makeRootFilesystem(join(directory, 'rootfs'));
    for (const hypervisor of weftLab.lab.hypervisors) configure(hypervisor);
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed')
      for (const hypervisor of weftLab.lab.hypervisors)
        process.stderr.write(
          `${hypervisor.name}:\n${readFileSync(join(folderOf(hypervisor), 'log'), { encoding: 'utf8', flag: 'a+' })}\n`,
        );
    await weftLab.reset();
  });
  after(async () => {
    for (const child of children.splice(0)) child.kill('SIGTERM');
    await weftLab?.remove();
    for (const folder of shortFolders.values()) rmSync(folder, { recursive: true, force: true });
  });

  /** A container's files: busybox alone. */
  function makeRootFilesystem(path: string): void {
    for (const folder of ['bin', 'proc', 'sys', 'dev', 'etc', 'tmp', 'run', 'var'])
      mkdirSync(join(path, folder), { recursive: true });
    copyFileSync(BUSYBOX, join(path, 'bin/busybox'));
  }

  const folderOf = (hypervisor: Hypervisor): string => join(directory, hypervisor.name);
  /** podman takes no path with more than 50 characters for what it keeps while it runs. */
  const shortFolders = new Map<string, string>();
  function shortFolderOf({ name }: Hypervisor): string {
    const folder = shortFolders.get(name) ?? mkdtempSync(join(tmpdir(), 'weft-pod-'));
    shortFolders.set(name, folder);
    return folder;
  }

  /** What each host has installed: the plugin, the network, and the settings of podman. */
  function configure(hypervisor: Hypervisor): void {
    const folder = folderOf(hypervisor);
    for (const each of ['net.d', 'bin']) mkdirSync(join(folder, each), { recursive: true });
    copyFileSync(pluginFile[0] ?? '', join(folder, 'bin/weft-cni'));
    const capabilities = { ips: true, mac: true, bandwidth: true };
    const plugin = { type: 'weft-cni', capabilities, weft: runtime.weftOn(hypervisor) };
    const conflist = { cniVersion: '1.0.0', name: 'pods', plugins: [plugin] };
    writeFileSync(join(folder, 'net.d/10-pods.conflist'), JSON.stringify(conflist));
    writeFileSync(
      join(folder, 'containers.conf'),
      `[network]
network_backend = "cni"
cni_plugin_dirs = ["${join(folder, 'bin')}", "${debianPlugins}"]
network_config_dir = "${join(folder, 'net.d')}"
default_network = "pods"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
`,
    );
  }

  const inNetworkOf = ({ namespace }: Hypervisor): readonly string[] => [
    'nsenter',
    `--net=/run/netns/${namespace ?? ''}`,
  ];

  /** The command line in the network of a host, which sees its plugins and networks where they are usually installed. */
  function onHost(hypervisor: Hypervisor, command: readonly string[]): readonly string[] {
    const folder = folderOf(hypervisor);
    const script = `mkdir -p /etc/cni/net.d /opt/cni/bin
mount --bind ${folder}/net.d /etc/cni/net.d
mount --bind ${folder}/bin /opt/cni/bin
exec "$@"`;
    return [...inNetworkOf(hypervisor), 'unshare', '-m', 'sh', '-ec', script, 'sh', ...command];
  }

  function start(hypervisor: Hypervisor, command: readonly string[]): ChildProcess {
    const [file = '', ...args] = onHost(hypervisor, command);
    const log = openSync(join(folderOf(hypervisor), 'log'), 'a');
    const child = spawn(file, args, { env: commandEnvironment(weftLab.lab.state.mark), stdio: ['ignore', log, log] });
    children.push(child);
    return child;
  }

  function call(hypervisor: Hypervisor, command: readonly string[]): Promise<CommandResult> {
    return run(onHost(hypervisor, command), {
      environment: weftLab.lab.state.mark,
      allowFailure: true,
      timeoutMs: 120_000,
    });
  }

  async function must(work: Promise<CommandResult>): Promise<string> {
    const { status, stdout, stderr } = await work;
    assert.equal(status, 0, `${stdout}${stderr}`);
    return stdout;
  }

  function podman(hypervisor: Hypervisor, ...args: readonly string[]): Promise<CommandResult> {
    const folder = folderOf(hypervisor);
    const storage = [
      '--root',
      join(folder, 'podman'),
      '--runroot',
      shortFolderOf(hypervisor),
      '--storage-driver',
      'vfs',
    ];
    // Without a mount namespace for each call: podman keeps network namespaces as mounts.
    return run([...inNetworkOf(hypervisor), 'podman', ...storage, ...args], {
      environment: { ...weftLab.lab.state.mark, CONTAINERS_CONF: join(folder, 'containers.conf') },
      allowFailure: true,
      timeoutMs: 120_000,
    });
  }

  async function startContainerd(hypervisor: Hypervisor): Promise<(...args: readonly string[]) => readonly string[]> {
    const folder = join(folderOf(hypervisor), 'containerd');
    mkdirSync(folder, { recursive: true });
    const socket = join(folder, 'sock');
    const config = join(folder, 'config.toml');
    writeFileSync(config, 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
    start(hypervisor, [
      'containerd',
      '-c',
      config,
      '--root',
      join(folder, 'root'),
      '--state',
      join(folder, 'state'),
      '-a',
      socket,
    ]);
    const ctr = (...args: readonly string[]): readonly string[] => ['ctr', '-a', socket, ...args];
    await eventually(
      'containerd answers',
      async () => (await call(hypervisor, ctr('version'))).status === 0,
      60_000,
      200,
    );
    return ctr;
  }

  /** The port of a container, once there is one. */
  async function portOf(prefix: string): Promise<{ readonly id: string; readonly ip: string }> {
    return eventually(
      `${prefix} has a port that is up`,
      async () => {
        const ports = await weftLab.client.list('logical-switch-ports');
        const found = ports.find(
          ({ labels }) => (labels as Record<string, string>)['weft-cni/container']?.includes(prefix) === true,
        );
        const { ips, status } = (found ?? {}) as { ips?: readonly { ip: string }[]; status?: { up: boolean } };
        return found !== undefined && status?.up === true && { id: found.id, ip: ips?.[0]?.ip ?? '' };
      },
      60_000,
      100,
    );
  }

  it('containerd and podman on two hosts talk, a policy denies, and their ends leave nothing', async () => {
    const { operations } = planSwitch({ name: 'pods', cidrs: ['10.70.0.0/24', 'fd00:70::/64'] });
    await weftLab.build(operations);
    const [one, two] = weftLab.lab.hypervisors;
    assert.ok(one !== undefined && two !== undefined);
    const rootfs = join(directory, 'rootfs');

    const ctr = await startContainerd(one);
    // runc keeps what it runs in one place for all.
    const pod1 = `pod1-${process.pid}`;
    const first = start(one, ctr('run', '--cni', '--rm', '--rootfs', rootfs, pod1, BUSYBOX, 'sleep', '600'));
    const firstPort = await portOf(pod1);
    const run2 = ['run', '-d', '--name', 'pod2', '--network', 'pods', '--rootfs', `${rootfs}`, BUSYBOX, 'sleep', '600'];
    const id = (await must(podman(two, ...run2))).trim();
    const secondPort = await portOf(id);
    const fixed = ['run', '--rm', '--network', 'pods', '--ip', '10.70.0.99', '--mac-address', '02:00:00:00:00:99'];
    const shown = await must(podman(two, ...fixed, '--rootfs', rootfs, BUSYBOX, 'ip', 'addr', 'show', 'dev', 'eth0'));
    assert.match(shown, /10\.70\.0\.99\/24/);
    assert.match(shown, /02:00:00:00:00:99/);

    const pings = async (): Promise<readonly (number | null)[]> => {
      const there = await podman(two, 'exec', 'pod2', BUSYBOX, 'ping', '-c', '1', '-W', '2', firstPort.ip);
      const exec = ctr('task', 'exec', '--exec-id', `ping${String(performance.now()).replace('.', '')}`, pod1);
      const back = await call(one, [...exec, BUSYBOX, 'ping', '-c', '1', '-W', '2', secondPort.ip]);
      return [there.status, back.status];
    };
    assert.deepEqual(await pings(), [0, 0]);
    const group = create('security-groups', {
      name: 'deny',
      isolates: ['ingress'],
      port_selector: { match_expressions: [{ key: 'weft-cni/container', operator: 'In', values: [id] }] },
    });
    await weftLab.build([group]);
    assert.deepEqual(await pings(), [0, 1]);
    await weftLab.client.delete('security-groups', group.id ?? '', { appliedWithinMs: 20_000 });
    assert.deepEqual(await pings(), [0, 0]);

    const removed = await podman(two, 'rm', '-f', '-t', '0', 'pod2');
    assert.deepEqual([removed.status, removed.stderr], [0, '']);
    const ended = once(first, 'close');
    await must(call(one, ctr('task', 'kill', '-s', 'SIGKILL', pod1)));
    await ended;
    const isGone = async (): Promise<boolean> => (await weftLab.client.list('logical-switch-ports')).length === 0;
    await eventually('no container has a port', isGone, 30_000, 200);
    for (const hypervisor of [one, two]) {
      const { stdout } = await hypervisor.exec(['ip', '-br', 'link']);
      assert.deepEqual(
        stdout.split('\n').filter(line => /^weft[0-9a-f]{11}/.test(line)),
        [],
      );
    }
  });
});
