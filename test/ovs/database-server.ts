/** A private ovsdb-server with an empty Open_vSwitch database and no ovs-vswitchd, for tests of the database's side alone. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE_MS } from '../../lab/processes.js';
import { runCommand } from './dummy-switch.js';

export interface DatabaseServerOptions {
  /** Further arguments of ovsdb-server, such as its certificates. */
  readonly args?: readonly string[];
  /** Without even the row of Open_vSwitch. */
  readonly isEmpty?: boolean;
}

export class DatabaseServer {
  readonly directory: string;
  readonly #args: readonly string[];
  #process: ChildProcess | null = null;

  private constructor(directory: string, args: readonly string[]) {
    this.directory = directory;
    this.#args = args;
  }

  static async start(options: DatabaseServerOptions = {}): Promise<DatabaseServer> {
    const directory = await mkdtemp(path.join(tmpdir(), 'weft-ovsdb-'));
    const server = new DatabaseServer(directory, options.args ?? []);
    await runCommand('ovsdb-tool', ['create', server.#at('conf.db'), '/usr/share/openvswitch/vswitch.ovsschema']);
    await server.restart();
    if (options.isEmpty !== true) await server.vsctl('init');
    return server;
  }

  /** Path of its unix socket. */
  get socket(): string {
    return this.#at('db.sock');
  }

  vsctl(...args: readonly string[]): Promise<string> {
    return runCommand('ovs-vsctl', [`--db=unix:${this.socket}`, '--no-wait', '--timeout=10', ...args]);
  }

  /** Ends the server by SIGKILL if it runs, and starts it on the same database. */
  async restart(): Promise<void> {
    await this.#end('SIGKILL');
    await rm(this.socket, { force: true });
    this.#process = spawn(
      'ovsdb-server',
      [
        this.#at('conf.db'),
        `--remote=punix:${this.socket}`,
        '--remote=db:Open_vSwitch,Open_vSwitch,manager_options',
        `--unixctl=${this.#at('ctl')}`,
        `--log-file=${this.#at('log')}`,
        '-vconsole:off',
        ...this.#args,
      ],
      { cwd: this.directory, stdio: 'ignore' },
    );
    for (const deadline = Date.now() + PATIENCE_MS; !existsSync(this.socket); await sleep(10)) {
      if (Date.now() > deadline) throw new Error('ovsdb-server does not start');
    }
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    await rm(this.directory, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const process = this.#process;
    this.#process = null;
    if (!process || process.exitCode !== null) return;
    const gone = new Promise(resolve => process.once('exit', resolve));
    process.kill(signal);
    await gone;
  }

  #at(name: string): string {
    return path.join(this.directory, name);
  }
}
