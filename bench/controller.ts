/**
 * The controller under measurement: a Weft as an operator runs it, on a Postgres cluster of its own (with fsync, as an operator's)
 * or on its embedded database.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControllerPorts } from '../lab/state.js';
import type { WeftClient } from '../lab/weft-client.js';
import { freeControllerPorts, freePort, WeftProcess } from '../lab/weft-process.js';
import { type PostgresCluster, postgresPrograms, startPostgres } from '../test/fixtures/postgres.js';
import { HttpConnection } from './http-connection.js';
import { cpuSecondsOf, type ProcessList, processTree, type Role } from './process-meter.js';
import type { Work } from './work.js';

export interface ControllerOptions {
  /** Default Postgres. */
  readonly database?: 'embedded' | undefined;
  /** Where Node.js leaves a CPU profile of Weft; default: none is taken. */
  readonly profileDirectory?: string | undefined;
}

/** How long any change may take before a benchmark fails, milliseconds. */
export const APPLIED_WITHIN_MS = 600_000;
/** Of a request: holds the reply until every hypervisor concerned has acknowledged. */
export const WAIT = `?wait=applied&timeout_ms=${APPLIED_WITHIN_MS}`;

/** What every benchmark measures at: a controller, whatever its hypervisors are. */
export interface Subject {
  readonly controller: Controller;
  /** Process ids by role, as they are now. */
  readonly processes: ProcessList;
  readonly hosts: number;
}

export class Controller {
  readonly http: HttpConnection;

  private constructor(
    readonly weft: WeftProcess,
    readonly ports: ControllerPorts,
    readonly cluster: PostgresCluster | null,
    /** Null: embedded. */
    readonly databaseUrl: string | null,
    private readonly directory: string,
    url: string,
  ) {
    this.http = new HttpConnection(url);
  }

  static async start(options: ControllerOptions): Promise<Controller> {
    const programs = postgresPrograms();
    if (programs === null) throw new Error('Postgres 15 or later is not installed (package postgresql)');
    const { profileDirectory } = options;
    const cluster = options.database === 'embedded' ? null : await startPostgres(programs, 'durable');
    const databaseUrl = (await cluster?.createDatabase()) ?? null;
    const ports = await freeControllerPorts();
    const httpPort = await freePort();
    const directory = mkdtempSync(join(tmpdir(), 'weft-bench-'));
    const weft = new WeftProcess({
      directory,
      httpPort,
      controller: ports,
      ...(databaseUrl === null ? {} : { databaseUrl }),
      ...(profileDirectory === undefined
        ? {}
        : { nodeArguments: ['--cpu-prof', '--cpu-prof-interval=250', `--cpu-prof-dir=${profileDirectory}`] }),
    });
    const controller = new Controller(weft, ports, cluster, databaseUrl, directory, `http://127.0.0.1:${httpPort}`);
    process.once('exit', controller.#atExit);
    try {
      await weft.start();
    } catch (error) {
      await controller.stop();
      throw error;
    }
    return controller;
  }

  readonly #atExit = (): void => {
    if (this.weft.isRunning) process.kill(this.weft.pid, 'SIGKILL');
  };

  get client(): WeftClient {
    return this.weft.client;
  }

  /** Process ids of the control plane by role. */
  processes(): Partial<Record<Role, readonly number[]>> {
    return {
      weft: this.weft.isRunning ? [this.weft.pid] : [],
      ...(this.cluster === null ? {} : { postgres: processTree(this.cluster.pid) }),
    };
  }

  /** Makes the network by a sensible client's transactions, one after the other; only the last waits until it is applied. */
  async build(work: Work): Promise<void> {
    const transactions = work.transactions();
    for (const [index, operations] of transactions.entries()) {
      const wait = index === transactions.length - 1 ? WAIT : '';
      await this.http.send('POST', `/v1/transactions${wait}`, { operations });
    }
  }

  async stop(): Promise<void> {
    this.http.close();
    await this.weft.stop();
    process.off('exit', this.#atExit);
    await this.cluster?.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const WINDOW_MS = 300;
/**
 * CPU seconds of a window in which nothing is done, of all processes and of the database. Hypervisors are probed, so many of them never
 * use nothing at all; what they have reported is written by a database that is busy.
 */
const QUIET_S = { base: 0.03, perHost: 0.001, most: 0.15, database: 0.015 } as const;

/** Waits until all processes of a subject together use next to nothing, twice in a row. */
export async function settled(subject: Subject): Promise<void> {
  const quietS = Math.min(QUIET_S.base + QUIET_S.perHost * subject.hosts, QUIET_S.most);
  const used = (): readonly [all: number, database: number] => {
    const processes = subject.processes();
    return [cpuSecondsOf(Object.values(processes).flat()), cpuSecondsOf(processes.postgres ?? [])];
  };
  let quietWindows = 0;
  while (quietWindows < 2) {
    const [allBefore, databaseBefore] = used();
    await sleep(WINDOW_MS);
    const [all, database] = used();
    const isQuiet = all - allBefore <= quietS && database - databaseBefore <= QUIET_S.database;
    quietWindows = isQuiet ? quietWindows + 1 : 0;
  }
}
