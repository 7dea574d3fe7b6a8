/**
 * A private Open vSwitch: one ovsdb-server and one ovs-vswitchd with a directory of their own for database, sockets, logs
 * and process ids. The machine's own Open vSwitch is never spoken to: every command is given this directory.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runInNamespace } from './namespaces.js';
import { type CommandOptions, endProcesses, identify, type ProcessIdentity, run, words } from './processes.js';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

/** Open vSwitch started in the first 10 s after boot takes 0 handler threads and loses every upcall (3.1). */
const EARLIEST_START_UPTIME_S = 11;

export interface OpenVswitchOptions {
  readonly directory: string;
  /** Network namespace of both daemons; null: the machine's own. */
  readonly namespace: string | null;
  /** Every datapath and device is a dummy: no packets, no privileges. */
  readonly dummy: boolean;
  /** Mark of the lab, put into the environment of every process. */
  readonly environment: Readonly<Record<string, string>>;
  /** Told the process id of each daemon as soon as it is known. */
  readonly onProcess: (pid: number, role: string) => ProcessIdentity;
}

export class OpenVswitch {
  readonly directory: string;
  readonly databaseSocket: string;
  private readonly environment: Readonly<Record<string, string>>;
  private readonly daemons = new Map<'ovsdb-server' | 'ovs-vswitchd', ProcessIdentity>();

  constructor(private readonly options: OpenVswitchOptions) {
    const directory = options.directory;
    this.directory = directory;
    this.databaseSocket = join(directory, 'db.sock');
    this.environment = {
      ...options.environment,
      OVS_RUNDIR: directory,
      OVS_LOGDIR: directory,
      OVS_DBDIR: directory,
      OVS_SYSCONFDIR: directory,
    };
  }

  /** Makes the database and starts both daemons. */
  async start(): Promise<void> {
    mkdirSync(this.directory, { recursive: true });
    await run(['ovsdb-tool', 'create', join(this.directory, 'conf.db'), SCHEMA], { environment: this.environment });
    await this.startDatabase();
    await this.ovsctl(
      '--no-wait',
      'init',
      '--',
      'set',
      'Open_vSwitch',
      '.',
      'other_config:n-handler-threads=1',
      'other_config:n-revalidator-threads=1',
    );
    await this.startSwitch();
  }

  /** As `start`, once both daemons have been stopped: what was in the database is gone. */
  async startAnew(): Promise<void> {
    rmSync(join(this.directory, 'conf.db'), { force: true });
    await this.start();
  }

  async startDatabase(): Promise<void> {
    const tls = ['private_key', 'certificate', 'ca_cert'].map(
      column => `--${column.replace('_', '-')}=db:Open_vSwitch,SSL,${column}`,
    );
    await this.startDaemon('ovsdb-server', [
      `--remote=punix:${this.databaseSocket}`,
      '--remote=db:Open_vSwitch,Open_vSwitch,manager_options',
      ...tls,
      join(this.directory, 'conf.db'),
    ]);
  }

  async startSwitch(): Promise<void> {
    const uptimeS = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    if (uptimeS < EARLIEST_START_UPTIME_S) await sleep((EARLIEST_START_UPTIME_S - uptimeS) * 1000);
    const dummy = this.options.dummy ? ['--enable-dummy=override', '--disable-system'] : ['--disable-system'];
    await this.startDaemon('ovs-vswitchd', [...dummy, `unix:${this.databaseSocket}`]);
  }

  /**
   * What makes a daemon run as soon as it has something to do. The userspace datapath reads packets from sockets that
   * hold some 4 ms of a fast stream: waiting for its turn on a busy machine would be loss that nobody asked for.
   */
  private async priority(): Promise<readonly string[]> {
    const realTime = words('chrt --rr 10');
    if (this.options.dummy) return [];
    const { status } = await run([...realTime, 'true'], { allowFailure: true });
    return status === 0 ? realTime : []; // containers may not allow it
  }

  private async startDaemon(program: 'ovsdb-server' | 'ovs-vswitchd', args: readonly string[]): Promise<void> {
    const pidFile = join(this.directory, `${program}.pid`);
    const common = [
      '--detach',
      '--no-chdir',
      `--pidfile=${pidFile}`,
      `--unixctl=${join(this.directory, `${program}.ctl`)}`,
      `--log-file=${join(this.directory, `${program}.log`)}`,
      '-vconsole:off',
      '-vsyslog:off',
    ];
    await this.inside([...(await this.priority()), program, ...common, ...args]);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    this.daemons.set(program, this.options.onProcess(pid, `${program} of ${this.directory}`));
  }

  /** Finds the daemons of a lab that another process started. */
  attach(): void {
    for (const program of ['ovsdb-server', 'ovs-vswitchd'] as const) {
      const identity = identify(Number(readFileSync(join(this.directory, `${program}.pid`), 'utf8')));
      if (identity !== null) this.daemons.set(program, identity);
    }
  }

  /** Whether a daemon was started and not stopped. */
  isRunning(program: 'ovsdb-server' | 'ovs-vswitchd'): boolean {
    return this.daemons.has(program);
  }

  /** The process of a daemon, for measurements and faults. */
  daemon(program: 'ovsdb-server' | 'ovs-vswitchd'): ProcessIdentity {
    const identity = this.daemons.get(program);
    if (identity === undefined) throw new Error(`${program} of ${this.directory} was not started`);
    return identity;
  }

  /** Ends one daemon (SIGTERM, or SIGKILL at once with `graceMs` 0); start it again with its start function. */
  async stopDaemon(program: 'ovsdb-server' | 'ovs-vswitchd', graceMs = 2_000): Promise<void> {
    await endProcesses([this.daemon(program)], graceMs);
    this.daemons.delete(program);
  }

  async stop(): Promise<void> {
    await endProcesses([...this.daemons.values()]);
    this.daemons.clear();
  }

  /** `ovs-vsctl` on this database. */
  ovsctl(...args: readonly string[]): Promise<string> {
    return this.outside(['ovs-vsctl', `--db=unix:${this.databaseSocket}`, '--timeout=30', ...args]);
  }

  /** `ovs-ofctl`, OpenFlow 1.5; bridges by their names. */
  ofctl(...args: readonly string[]): Promise<string> {
    return this.outside(['ovs-ofctl', '-O', 'OpenFlow15', ...args]);
  }

  /** `ovs-appctl` to ovs-vswitchd. */
  appctl(...args: readonly string[]): Promise<string> {
    const control = join(this.directory, 'ovs-vswitchd.ctl');
    return this.outside(['ovs-appctl', `--target=${control}`, ...args]);
  }

  /** Runs a command that speaks to a daemon by its socket, which is the same file in every network. */
  private async outside(command: readonly string[]): Promise<string> {
    return (await run(command, { environment: this.environment })).stdout;
  }

  /** Runs a command where the daemons are, with their directories in its environment. */
  inside(command: readonly string[], options: CommandOptions = {}) {
    return runInNamespace(this.options.namespace, command, {
      ...options,
      environment: { ...this.environment, ...options.environment },
    });
  }

  /** All rows of all tables, configuration columns only: equal texts mean equal databases. */
  async configuration(): Promise<string> {
    const { stdout } = await this.inside([
      'ovsdb-client',
      '-f',
      'json',
      'dump',
      `unix:${this.databaseSocket}`,
      'Open_vSwitch',
    ]);
    return stdout
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => configurationOfTable(JSON.parse(line) as DumpedTable))
      .join('\n');
  }
}

interface DumpedTable {
  readonly caption: string;
  readonly headings: readonly string[];
  readonly data: readonly (readonly unknown[])[];
}

/** Columns that ovs-vswitchd and ovsdb-server write, not an operator. */
const STATE_COLUMNS: ReadonlySet<string> = new Set(
  words(
    [
      '_version statistics status rstp_status rstp_statistics next_cfg cur_cfg db_version ovs_version',
      'datapath_types iface_types dpdk_initialized dpdk_version capabilities is_connected admin_state',
      'duplex error ifindex link_resets link_speed link_state lacp_current mac_in_use mtu ofport role',
      'bond_active_slave cfm_fault cfm_fault_status cfm_flap_count cfm_health cfm_mpid cfm_remote_mpids',
      'cfm_remote_opstate datapath_id datapath_version',
    ].join(' '),
  ),
);

function configurationOfTable(table: DumpedTable): string {
  const kept = table.headings
    .map((heading, index) => ({ heading, index }))
    .filter(column => !STATE_COLUMNS.has(column.heading));
  const rows = table.data.map(row => JSON.stringify(kept.map(({ heading, index }) => [heading, row[index]])));
  return [table.caption, ...rows.sort()].join('\n');
}
