/** Where a churn happens: hypervisors with real Open vSwitch (dummy datapath), a Weft process and a Postgres of its own. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Claim, Hypervisor } from '../../lab/hypervisor.js';
import { INTEGRATION_BRIDGE } from '../../lab/hypervisor.js';
import { Lab } from '../../lab/lab.js';
import { eventually } from '../../lab/processes.js';
import { removeLeftovers } from '../../lab/state.js';
import { freeControllerPorts, freePort, WeftProcess } from '../../lab/weft-process.js';
import type { Store } from '../../src/store/store.js';
import { type PostgresCluster, postgresPrograms, startPostgres } from '../fixtures/postgres.js';
import { openTestStore } from '../fixtures/stores.js';
import { FromScratch } from './from-scratch.js';

const preload = fileURLToPath(new URL('../../../test/fixtures/garbage-collection.cjs', import.meta.url));
const settledWithinMs = 60_000;
let sites = 0;

/** What a Weft uses after its garbage was collected. */
export interface Footprint {
  readonly heapBytes: number;
  readonly residentBytes: number;
  readonly descriptors: number;
}

export class ChurnSite {
  private constructor(
    readonly lab: Lab,
    readonly weft: WeftProcess,
    private readonly cluster: PostgresCluster,
    /** Reads what the database holds, past Weft. */
    private readonly store: Store,
  ) {}

  static async create(hypervisors: number): Promise<ChurnSite> {
    await removeLeftovers();
    sites += 1;
    const cluster = await startPostgres(postgresPrograms() ?? assert.fail('no Postgres'));
    const databaseUrl = await cluster.createDatabase();
    const controller = await freeControllerPorts();
    const name = `churn-${process.pid}-${sites}`;
    const lab = await Lab.create({ hypervisors, name, mode: 'dummy', controller, ephemeral: true });
    const weft = new WeftProcess({
      directory: lab.state.createDirectory('weft'),
      httpPort: await freePort(),
      controller,
      environment: { ...lab.state.mark, NODE_OPTIONS: `--require ${preload}` },
      databaseUrl,
    });
    await weft.start();
    await lab.join();
    await weft.client.hypervisorsReady(lab.hypervisors.map(each => each.name));
    return new ChurnSite(lab, weft, cluster, await openTestStore({ databaseUrl }));
  }

  /** Kills Weft in the middle of whatever it does, and starts it again. */
  async restartWeft(): Promise<void> {
    await this.weft.stop('SIGKILL');
    await this.weft.start();
  }

  async restartSwitch(hypervisor: Hypervisor): Promise<void> {
    await hypervisor.openVswitch.stopDaemon('ovs-vswitchd', 0);
    await hypervisor.openVswitch.startSwitch();
  }

  async restartDatabase(hypervisor: Hypervisor): Promise<void> {
    await hypervisor.openVswitch.stopDaemon('ovsdb-server', 0);
    await hypervisor.openVswitch.startDatabase();
  }

  plug(hypervisor: Hypervisor, portId: string): Promise<void> {
    const claim: Claim = { interfaceName: `t${portId.replaceAll('-', '').slice(0, 12)}`, portId };
    return hypervisor.plug([claim]);
  }

  unplug(hypervisor: Hypervisor, portId: string): Promise<void> {
    return hypervisor.unplug([`t${portId.replaceAll('-', '').slice(0, 12)}`]);
  }

  /** Waits until every switch holds exactly what a compile from scratch of the database says. Returns the flows of each. */
  async equalsFromScratch(): Promise<readonly number[]> {
    let last = 'nothing was compared';
    const names = this.lab.hypervisors.map(({ name }) => name);
    const flows = await eventually(
      'all switches are as from scratch',
      async () => {
        try {
          await this.weft.client.hypervisorsReady(names, 5_000);
          await this.weft.client.converged(5_000);
        } catch (error) {
          last = String(error);
          return false;
        }
        const scratch = new FromScratch(await this.store.snapshot());
        for (const { name, openVswitch } of this.lab.hypervisors) {
          const socket = join(openVswitch.directory, `${INTEGRATION_BRIDGE}.mgmt`);
          const wrong = await scratch.differences(name, socket);
          if (wrong.length === 0) continue;
          last = `${name}: ${wrong.length} differences, such as ${wrong.slice(0, 5).join(', ')}`;
          return false;
        }
        return names.map(name => scratch.flowsOn(name));
      },
      settledWithinMs,
      200,
    ).catch((cause: unknown) => {
      throw new Error(last, { cause });
    });
    return flows;
  }

  /** What Weft uses now, without its garbage. */
  async footprint(): Promise<Footprint> {
    process.kill(this.weft.pid, 'SIGUSR2');
    await sleep(1_000);
    const metrics = String((await this.weft.client.request('GET', '/metrics')).body);
    const heap = /^nodejs_heap_size_used_bytes ([0-9.e+]+)$/m.exec(metrics)?.[1];
    const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.weft.pid}/status`, 'utf8'))?.[1];
    return {
      heapBytes: Number(heap),
      residentBytes: Number(resident) * 1024,
      descriptors: readdirSync(`/proc/${this.weft.pid}/fd`).length,
    };
  }

  async remove(): Promise<void> {
    await this.weft.stop('SIGKILL');
    await this.store.close();
    await this.lab.remove();
    await this.cluster.stop();
  }
}
