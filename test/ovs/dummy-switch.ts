/**
 * A private Open vSwitch for tests: its own ovsdb-server and ovs-vswitchd with dummy datapaths, in a directory of
 * its own. It needs neither root nor a kernel module, touches no other Open vSwitch of the machine, and ends by the
 * process ids that it started.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE_MS } from '../../lab/processes.js';
import { ControlSocket } from './control-socket.js';

const schemaFile = '/usr/share/openvswitch/vswitch.ovsschema';
/** Programs that the tests of this folder need. */
export const OVS_TOOLS = ['ovs-vswitchd', 'ovsdb-server', 'ovsdb-tool', 'ovs-vsctl', 'ovs-ofctl', 'ovs-appctl'];
const stopTimeoutMs = 5_000;
const commandTimeout = `--timeout=${PATIENCE_MS / 1000}`;

export interface CommandOptions {
  /** Written to the command's standard input. */
  readonly stdin?: string;
  /** Default true: a status other than 0 throws with what the command said. */
  readonly check?: boolean;
}

export interface DummySwitchOptions {
  /** Bridges to make at the start. Default `['br0']`. */
  readonly bridges?: readonly string[];
  /** Default OpenFlow13, OpenFlow14 and OpenFlow15. */
  readonly protocols?: readonly string[];
}

function collect(child: ChildProcess): Promise<{ readonly status: number | null; readonly text: string }> {
  const chunks: Buffer[] = [];
  const keep = (chunk: Buffer): number => chunks.push(chunk);
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', status => resolve({ status, text: Buffer.concat(chunks).toString() }));
  });
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`timeout: ${what}`);
    await sleep(20);
  }
}

export class DummySwitch {
  readonly directory: string;
  /** `unix:` target of the OVSDB server, for ovs-vsctl and ovsdb-client. */
  readonly database: string;
  private readonly daemons: ChildProcess[] = [];
  private control: Promise<ControlSocket> | null = null;
  private readonly environment: NodeJS.ProcessEnv;

  private constructor(directory: string) {
    this.directory = directory;
    this.database = `unix:${path.join(directory, 'db.sock')}`;
    this.environment = {
      ...process.env,
      OVS_RUNDIR: directory,
      OVS_LOGDIR: directory,
      OVS_DBDIR: directory,
      OVS_SYSCONFDIR: directory,
    };
  }

  static async start(options: DummySwitchOptions = {}): Promise<DummySwitch> {
    const { bridges = ['br0'], protocols = ['OpenFlow13', 'OpenFlow14', 'OpenFlow15'] } = options;
    const instance = new DummySwitch(await mkdtemp(path.join(tmpdir(), 'weft-ovs-')));
    try {
      await instance.startDaemons();
      for (const bridge of bridges) await instance.addBridge(bridge, protocols);
    } catch (error) {
      await instance.stop();
      throw error;
    }
    return instance;
  }

  /** Path of the unix socket on which the bridge takes OpenFlow connections. */
  managementSocket(bridge = 'br0'): string {
    return path.join(this.directory, `${bridge}.mgmt`);
  }

  /** Path of the unix socket on which ovs-vswitchd takes the commands of ovs-appctl. */
  get controlSocket(): string {
    return path.join(this.directory, 'vswitchd.ctl');
  }

  /** Path of ovs-vswitchd's log. */
  get logFile(): string {
    return path.join(this.directory, 'ovs-vswitchd.log');
  }

  /** Process id of ovs-vswitchd, for tests that pause or kill it. */
  get vswitchdPid(): number {
    const pid = this.daemons[1]?.pid;
    if (pid === undefined) throw new Error('ovs-vswitchd does not run');
    return pid;
  }

  async addBridge(bridge: string, protocols: readonly string[]): Promise<void> {
    const settings = ['datapath-type=dummy', 'fail-mode=secure', `protocols=${protocols.join(',')}`];
    await this.vsctl('add-br', bridge, '--', 'set', 'bridge', bridge, ...settings);
    await until(`socket of ${bridge}`, () => existsSync(this.managementSocket(bridge)));
  }

  /** Adds a dummy port with a fixed ofport. */
  async addPort(bridge: string, port: string, ofport: number): Promise<void> {
    const settings = ['type=dummy', `ofport_request=${ofport}`];
    await this.vsctl('add-port', bridge, port, '--', 'set', 'interface', port, ...settings);
  }

  /** ovs-vsctl against this switch. */
  vsctl(...args: readonly string[]): Promise<string> {
    return this.run('ovs-vsctl', [`--db=${this.database}`, commandTimeout, ...args]);
  }

  /** A command of this switch's ovs-vswitchd, as by ovs-appctl. */
  async appctl(command: string, ...args: readonly string[]): Promise<string> {
    const held = this.control;
    const open = async (): Promise<ControlSocket> => {
      const before = await held?.catch(() => null);
      return before?.isOpen === true ? before : ControlSocket.open(this.controlSocket);
    };
    this.control = open();
    return (await this.control).run(command, ...args);
  }

  /** ovs-ofctl with OpenFlow 1.5 enabled and names off; the bridge is an argument, as on the command line. */
  ofctl(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const versions = '-OOpenFlow13,OpenFlow14,OpenFlow15';
    return this.run('ovs-ofctl', [versions, '--no-names', commandTimeout, ...args], options);
  }

  /** The flows of a bridge as ovs-ofctl prints them, one a line, without statistics, sorted. */
  async dumpFlows(bridge = 'br0'): Promise<readonly string[]> {
    const text = await this.ofctl(['--no-stats', 'dump-flows', bridge]);
    return text
      .split('\n')
      .map(line => line.trim())
      .filter(line => line !== '')
      .toSorted();
  }

  /** ofproto/trace of a packet described as a flow, for instance `in_port=1,icmp,nw_dst=10.0.0.1`. */
  trace(bridge: string, flow: string, ...options: readonly string[]): Promise<string> {
    return this.appctl('ofproto/trace', bridge, flow, ...options);
  }

  /** Stops both daemons, by process id, and removes the directory. */
  async stop(): Promise<void> {
    (await this.control?.catch(() => null))?.close();
    for (const daemon of this.daemons.toReversed()) await DummySwitch.end(daemon);
    this.daemons.length = 0;
    await rm(this.directory, { recursive: true, force: true });
  }

  private static async end(daemon: ChildProcess): Promise<void> {
    if (daemon.exitCode !== null || daemon.signalCode !== null) return;
    const gone = new Promise<void>(resolve => {
      daemon.once('exit', () => resolve());
    });
    const insist = setTimeout(() => daemon.kill('SIGKILL'), stopTimeoutMs);
    daemon.kill('SIGCONT');
    daemon.kill('SIGTERM');
    await gone;
    clearTimeout(insist);
  }

  private async startDaemons(): Promise<void> {
    const at = (name: string): string => path.join(this.directory, name);
    await this.run('ovsdb-tool', ['create', at('conf.db'), schemaFile]);
    const log = ['-vconsole:off', '-vfile:info'];
    await this.startDaemon('ovsdb-server', [
      at('conf.db'),
      `--remote=p${this.database}`,
      '--remote=db:Open_vSwitch,Open_vSwitch,manager_options',
      `--unixctl=${at('ovsdb.ctl')}`,
      `--log-file=${at('ovsdb-server.log')}`,
      ...log,
    ]);
    await until('ovsdb-server', () => existsSync(at('db.sock')));
    await this.vsctl('--no-wait', 'init');
    await this.startDaemon('ovs-vswitchd', [
      this.database,
      '--enable-dummy=override',
      '--disable-system',
      `--unixctl=${at('vswitchd.ctl')}`,
      `--log-file=${this.logFile}`,
      ...log,
    ]);
    await until('ovs-vswitchd', () => existsSync(at('vswitchd.ctl')));
  }

  private async startDaemon(command: string, args: readonly string[]): Promise<void> {
    const daemon = spawn(command, args, { env: this.environment, cwd: this.directory, stdio: 'ignore' });
    await new Promise<void>((resolve, reject) => {
      daemon.once('spawn', resolve);
      daemon.once('error', cause => reject(new Error(`${command} cannot be started`, { cause })));
    });
    this.daemons.push(daemon);
  }

  private run(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return runCommand(command, args, { ...options, env: this.environment, cwd: this.directory });
  }
}

/** Runs a command of Open vSwitch that needs no switch, for instance `ovs-ofctl parse-flow`, and returns what it prints. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions & { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): Promise<string> {
  const { stdin, check = true, env = process.env, cwd = tmpdir() } = options;
  const child = spawn(command, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  const finished = collect(child);
  // A command that does not read its input may be gone before it is written: its status is what counts.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin ?? '');
  const { status, text } = await finished;
  if (check && status !== 0) throw new Error(`${command} ${args.join(' ')}: status ${status}\n${text}`);
  return text;
}
