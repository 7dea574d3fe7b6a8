/**
 * A Docker engine on a hypervisor of a lab: its own daemon with its own data, sockets and plugins, in the network of that hypervisor. The
 * machine's own Docker is never spoken to.
 *
 * It has a mount namespace of its own, in which the places where Docker looks for plugins and the names of hosts are this engine's.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, rmSync, symlinkSync, writeFileSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Hypervisor } from './hypervisor.js';
import {
  commandEnvironment,
  type CommandOptions,
  type CommandResult,
  endProcesses,
  eventually,
  type ProcessIdentity,
  run,
} from './processes.js';
import type { LabState } from './state.js';

/** What the containers of tests run: an image of BusyBox and nothing else. */
export const TEST_IMAGE = 'weft-busybox';

/** Programs that an engine of a lab needs. */
export const DOCKER_TOOLS = ['dockerd', 'docker', 'busybox', 'nsenter', 'unshare', 'iptables', 'tar'];

/** Debian's client is of the version of Debian's engine; another one, found first, may ask for more than that can do. */
const client = existsSync('/usr/bin/docker') ? '/usr/bin/docker' : 'docker';

/** It takes seconds, and a minute where others take the processors. */
const READY_TIMEOUT_MS = 120_000;

const commandsOfImage = [
  'sh',
  'sleep',
  'ip',
  'ping',
  'wget',
  'httpd',
  'nslookup',
  'cat',
  'ls',
  'mkdir',
  'timeout',
  'nc',
  'tr',
];

export interface DockerEngineOptions {
  /** Files below /etc/docker/plugins, such as `weft.spec`. */
  readonly plugins?: Readonly<Record<string, string>>;
  /** Lines of its /etc/hosts. */
  readonly hosts?: readonly string[];
}

export class DockerEngine {
  /** For what grows. */
  readonly #directory: string;
  /** For sockets: a path of one has 107 characters at most, and containerd makes long ones. */
  readonly #runDirectory: string;
  readonly #socket: string;
  #process: ProcessIdentity | null = null;

  constructor(
    readonly hypervisor: Hypervisor,
    private readonly state: LabState,
    options: DockerEngineOptions,
  ) {
    this.#directory = state.createDirectory(`docker-${hypervisor.name}`);
    this.#runDirectory = join(state.directory, `docker-${hypervisor.name}`);
    this.#socket = join(this.#runDirectory, 'd.sock');
    for (const folder of ['plugins', 'data', 'image']) mkdirSync(join(this.#directory, folder));
    for (const folder of ['sockets', 'exec', 'docker/plugins'])
      mkdirSync(join(this.#runDirectory, folder), { recursive: true });
    for (const [name, content] of Object.entries(options.plugins ?? {}))
      writeFileSync(join(this.#directory, 'plugins', name), `${content}\n`);
    writeFileSync(join(this.#directory, 'hosts'), ['127.0.0.1 localhost', ...(options.hosts ?? []), ''].join('\n'));
  }

  /** Where a plugin of this engine listens, by the name of its driver. */
  pluginSocket(name: string): string {
    return join(this.#runDirectory, 'sockets', `${name}.sock`);
  }

  /** Starts the daemon, and returns when it answers. */
  async start(): Promise<void> {
    const { hypervisor, state } = this;
    const [at, runs] = [this.#directory, this.#runDirectory];
    const { namespace } = hypervisor;
    if (namespace === null) throw new Error('an engine needs a hypervisor with a network of its own');
    const script = [
      'set -e',
      'mkdir -p /run/docker /etc/docker',
      // What is there outlives a daemon that is killed.
      `mount --bind ${runs}/docker /run/docker`,
      'mount -t tmpfs tmpfs /etc/docker',
      'mkdir -p /etc/docker/plugins',
      `mount --bind ${runs}/sockets /run/docker/plugins`,
      `mount --bind ${at}/plugins /etc/docker/plugins`,
      `mount --bind ${at}/hosts /etc/hosts`,
      [
        'exec dockerd --storage-driver=vfs --bridge=none --userland-proxy=false',
        `--data-root ${at}/data --exec-root ${runs}/exec --pidfile ${runs}/d.pid -H unix://${this.#socket}`,
      ].join(' '),
    ].join('\n');
    const log = openSync(join(at, 'dockerd.log'), 'a');
    // Not `ip netns exec`, which mounts /sys anew and hides the control groups.
    const command = [`--net=/run/netns/${namespace}`, 'unshare', '-m', '--propagation', 'slave', 'sh', '-c', script];
    const child = spawn('nsenter', command, {
      // It would ask plugins through a proxy, too.
      env: commandEnvironment({ ...state.mark, NO_PROXY: '*' }),
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    child.unref();
    if (child.pid === undefined) throw new Error('nsenter cannot be started');
    this.#process = state.recordProcess(child.pid, `dockerd of ${hypervisor.name}`);
    await eventually(
      `dockerd of ${hypervisor.name} answers`,
      async () => existsSync(this.#socket) && (await this.tryDocker('version')).status === 0,
      READY_TIMEOUT_MS,
      100,
    );
  }

  /** Stops the daemon: SIGKILL as a crash, which leaves its containers' devices as they are. */
  async stop(how: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const daemon = this.#process;
    this.#process = null;
    if (daemon === null) return;
    if (how === 'SIGKILL') process.kill(daemon.pid, 'SIGKILL');
    await endProcesses([daemon], 20_000);
    rmSync(this.#socket, { force: true });
    // Its containerd ends with it. Where nobody takes note of that end, the next daemon would wait for the process that has this number.
    for (const file of ['d.pid', 'exec/containerd/containerd.pid'])
      rmSync(join(this.#runDirectory, file), { force: true });
  }

  /** The command line client. Throws CommandError when it ends with another status than 0. */
  async docker(...args: readonly string[]): Promise<string> {
    return (await run([client, '-H', `unix://${this.#socket}`, ...args], { timeoutMs: 120_000 })).stdout.trim();
  }

  tryDocker(...args: readonly string[]): Promise<CommandResult> {
    return run([client, '-H', `unix://${this.#socket}`, ...args], { allowFailure: true, timeoutMs: 120_000 });
  }

  /** Starts a container of the test image that sleeps. */
  async startContainer(name: string, ...options: readonly string[]): Promise<void> {
    // As the first process of a container it would not hear SIGTERM.
    const own = ['--name', name, '--stop-signal', 'SIGKILL'];
    await this.docker('run', '-d', ...own, ...options, TEST_IMAGE, 'sleep', '100000');
  }

  /** Runs a command in a container. */
  exec(name: string, command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return run([client, '-H', `unix://${this.#socket}`, 'exec', name, ...command], options);
  }

  /** Makes the image of BusyBox: no registry is asked. */
  async importImage(): Promise<void> {
    const tree = join(this.#directory, 'image');
    for (const folder of ['bin', 'tmp', 'etc', 'www']) mkdirSync(join(tree, folder), { recursive: true });
    copyFileSync(await busyboxPath(), join(tree, 'bin/busybox'));
    for (const name of commandsOfImage) symlinkSync('busybox', join(tree, 'bin', name));
    const archive = join(this.#directory, 'image.tar');
    await run(['tar', '-C', tree, '-cf', archive, '.']);
    await this.docker('import', archive, TEST_IMAGE);
  }

  /** The last lines of the daemon's log. */
  async log(lines = 30): Promise<string> {
    return (await run(['tail', '-n', String(lines), join(this.#directory, 'dockerd.log')])).stdout;
  }
}

async function busyboxPath(): Promise<string> {
  return (await run(['sh', '-c', 'command -v busybox'])).stdout.trim();
}
