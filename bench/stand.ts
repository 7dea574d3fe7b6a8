/**
 * What a benchmark stands on: a Postgres cluster of its own (with fsync, as an operator's), a Weft, and a farm of hypervisors
 * each with its own real Open vSwitch in dummy mode. Nothing of it leaves the loopback interface, nothing needs root.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Hypervisor } from '../lab/hypervisor.js';
import { Lab } from '../lab/lab.js';
import { removeLeftovers } from '../lab/state.js';
import type { WeftClient } from '../lab/weft-client.js';
import { freeControllerPorts, freePort, WeftProcess } from '../lab/weft-process.js';
import { type PostgresCluster, postgresPrograms, startPostgres } from '../test/fixtures/postgres.js';
import { HttpConnection } from './http-connection.js';
import { cpuSecondsOf, type ProcessList, processTree, type Role } from './process-meter.js';
import type { PlannedPort, Work } from './work.js';

export interface StandOptions {
  readonly hosts: number;
  /** Default Postgres. */
  readonly database?: 'embedded';
  /** Where Node.js leaves a CPU profile of Weft; default: none is taken. */
  readonly profileDirectory?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** How long any change may take before a benchmark fails, milliseconds. */
export const APPLIED_WITHIN_MS = 120_000;
/** Interfaces added by one ovs-vsctl. */
const INTERFACES_AT_ONCE = 50;
/** Hypervisors whose command lines run at one time: more than there are cores gains nothing. */
const HOSTS_AT_ONCE = 4;

let stands = 0;

export class Stand {
  readonly http: HttpConnection;

  private constructor(
    readonly lab: Lab,
    readonly weft: WeftProcess,
    readonly cluster: PostgresCluster | null,
    readonly databaseUrl: string | null,
    url: string,
  ) {
    this.http = new HttpConnection(url);
  }

  get client(): WeftClient {
    return this.weft.client;
  }

  /** Everything runs, all hypervisors have joined and are in sync, and there is no network. */
  static async create(options: StandOptions): Promise<Stand> {
    await removeLeftovers();
    stands += 1;
    const programs = postgresPrograms();
    if (programs === null) throw new Error('Postgres 15 or later is not installed (package postgresql)');
    const cluster = options.database === 'embedded' ? null : await startPostgres(programs, 'durable');
    const databaseUrl = (await cluster?.createDatabase()) ?? null;
    const controller = await freeControllerPorts();
    const name = `bench-${process.pid}-${stands}`;
    const lab = await Lab.create({ hypervisors: options.hosts, mode: 'dummy', name, controller, ephemeral: true });
    const httpPort = await freePort();
    const weft = new WeftProcess({
      directory: lab.state.createDirectory('weft'),
      httpPort,
      controller,
      environment: { ...lab.state.mark, ...options.environment },
      ...(databaseUrl === null ? {} : { databaseUrl }),
      ...(options.profileDirectory === undefined
        ? {}
        : { nodeArguments: ['--cpu-prof', '--cpu-prof-interval=250', `--cpu-prof-dir=${options.profileDirectory}`] }),
    });
    const stand = new Stand(lab, weft, cluster, databaseUrl, `http://127.0.0.1:${httpPort}`);
    try {
      await weft.start();
      await stand.onEachHost(hypervisor => hypervisor.join());
      await stand.client.hypervisorsReady(
        lab.hypervisors.map(hypervisor => hypervisor.name),
        APPLIED_WITHIN_MS,
      );
      await stand.client.converged(APPLIED_WITHIN_MS);
    } catch (error) {
      const log = weft.logTail(40);
      await stand.remove();
      throw new Error(`the stand did not come up; the end of Weft's log:\n${log}`, { cause: error });
    }
    return stand;
  }

  /** Process ids by role, as they are now. */
  readonly processes: ProcessList = () => {
    const daemons = (program: 'ovsdb-server' | 'ovs-vswitchd'): readonly number[] =>
      this.lab.hypervisors.map(hypervisor => hypervisor.openVswitch.daemon(program).pid);
    const byRole: Partial<Record<Role, readonly number[]>> = {
      weft: this.weft.isRunning ? [this.weft.pid] : [],
      ovs_vswitchd: daemons('ovs-vswitchd'),
      ovsdb_server: daemons('ovsdb-server'),
    };
    if (this.cluster !== null) byRole.postgres = processTree(this.cluster.pid);
    return byRole;
  };

  /** Runs something on every hypervisor, a few at a time. */
  async onEachHost<T>(action: (hypervisor: Hypervisor, index: number) => Promise<T>): Promise<readonly T[]> {
    const results: T[] = [];
    const waiting = [...this.lab.hypervisors.entries()];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        results[next[0]] = await action(next[1], next[0]);
      }
    };
    await Promise.all(Array.from({ length: HOSTS_AT_ONCE }, worker));
    return results;
  }

  host(index: number): Hypervisor {
    return this.lab.hypervisor(index + 1);
  }

  /** Adds the interfaces of ports that may not exist yet. Weft binds each in the write that makes its port. */
  async plug(ports: readonly PlannedPort[]): Promise<void> {
    await this.onEachHost(async (hypervisor, host) => {
      const mine = ports.filter(port => port.host === host);
      for (let from = 0; from < mine.length; from += INTERFACES_AT_ONCE) {
        const part = mine.slice(from, from + INTERFACES_AT_ONCE);
        await hypervisor.plug(part.map(({ interfaceName, id }) => ({ interfaceName, portId: id })));
      }
    });
    await this.settled();
  }

  /** Makes the network by a sensible client's transactions, one after the other; only the last waits until it is applied. */
  async build(work: Work): Promise<void> {
    const transactions = work.transactions();
    for (const [index, operations] of transactions.entries()) {
      const wait = index === transactions.length - 1 ? `?wait=applied&timeout_ms=${APPLIED_WITHIN_MS}` : '';
      await this.http.send('POST', `/v1/transactions${wait}`, { operations });
    }
  }

  /** Waits until all daemons together use next to nothing. */
  async settled(): Promise<void> {
    const quietS = 0.03 + 0.001 * this.lab.hypervisors.length;
    const windowMs = 300;
    for (;;) {
      const before = this.#cpuTicks();
      await sleep(windowMs);
      if (this.#cpuTicks() - before <= quietS) return;
    }
  }

  #cpuTicks(): number {
    return cpuSecondsOf(Object.values(this.processes()).flat());
  }

  async remove(): Promise<void> {
    this.http.close();
    await this.weft.stop();
    await this.lab.remove();
    await this.cluster?.stop();
  }
}
