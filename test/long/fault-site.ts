/**
 * Where the faults happen: three hypervisors with real Open vSwitch, a Weft process, a Postgres of its own, and a chaos proxy
 * on each connection between them.
 *
 *   hv1, hv2, hv3 ──► relay ──► chaos proxies (OVSDB, flows, packets) ──► Weft ──► chaos proxy ──► Postgres
 *
 * Traffic runs from a workload on hv1 to one on hv2 in its own logical switch, and to one on hv3 through a router.
 */
import assert from 'node:assert/strict';
import { ChaosProxy } from '../../lab/chaos-proxy.js';
import { INTEGRATION_BRIDGE, type Hypervisor } from '../../lab/hypervisor.js';
import { Lab } from '../../lab/lab.js';
import { runInNamespace } from '../../lab/namespaces.js';
import { ping } from '../../lab/probe.js';
import { eventually } from '../../lab/processes.js';
import { removeLeftovers } from '../../lab/state.js';
import { differences, readSwitchState, type SwitchState } from '../../lab/switch-state.js';
import type { WireMessage } from '../../lab/wire-framing.js';
import type { WeftClient } from '../../lab/weft-client.js';
import { freeControllerPorts, freePort, WeftProcess } from '../../lab/weft-process.js';
import type { Workload, WorkloadPort } from '../../lab/workload.js';
import { sentinelTable } from '../../src/delivery/sentinel.js';
import { type PostgresCluster, postgresPrograms, startPostgres } from '../fixtures/postgres.js';
import { planRouter, planSwitch } from '../fixtures/topology.js';

/** What was sent to all switches since the site was made. */
export interface SentCounts {
  /** Flows and groups added, changed or removed; the sentinel does not count. */
  flowMods: number;
  /** Transactions on the OVSDB of a hypervisor. */
  transactions: number;
}

const proxyNames = ['ovsdb', 'openflow', 'punt'] as const;
/** Where a bundle_add carries the table of its flow_mod. */
const innerTableAt = 40;
const readyWithinMs = 60_000;
let sites = 0;

export class FaultSite {
  readonly sent: SentCounts = { flowMods: 0, transactions: 0 };
  readonly workloads = new Map<string, Workload>();
  /** The logical switch with a and b. */
  nearSwitchId = '';
  /** What every hypervisor holds when nothing is wrong, by name. */
  right = new Map<string, SwitchState>();

  private constructor(
    readonly lab: Lab,
    readonly weft: WeftProcess,
    /** Changes when the database fails over. */
    public cluster: PostgresCluster,
    readonly databaseProxy: ChaosProxy,
    readonly proxies: Readonly<Record<(typeof proxyNames)[number], ChaosProxy>>,
  ) {
    proxies.openflow.observe((direction, message) => {
      if (direction === 'toClient' && isChange(message)) this.sent.flowMods += 1;
    });
    proxies.ovsdb.observe((direction, { name }) => {
      if (direction === 'toClient' && name === 'transact') this.sent.transactions += 1;
    });
  }

  get client(): WeftClient {
    return this.weft.client;
  }

  static async create(): Promise<FaultSite> {
    await removeLeftovers();
    sites += 1;
    const cluster = await startPostgres(postgresPrograms() ?? assert.fail('no Postgres'));
    const databaseProxy = await ChaosProxy.start({ target: { port: cluster.port }, protocol: 'postgres' });
    const databaseUrl = new URL(await cluster.createDatabase());
    databaseUrl.port = String(databaseProxy.port);
    const controller = await freeControllerPorts();
    const proxies = {
      ovsdb: await ChaosProxy.start({ target: { port: controller.ovsdb }, protocol: 'jsonrpc' }),
      openflow: await ChaosProxy.start({ target: { port: controller.openflow }, protocol: 'openflow' }),
      punt: await ChaosProxy.start({ target: { port: controller.punt }, protocol: 'openflow' }),
    };
    const via = { ovsdb: proxies.ovsdb.port, openflow: proxies.openflow.port, punt: proxies.punt.port };
    const name = `faults-${process.pid}-${sites}`;
    const lab = await Lab.create({ hypervisors: 3, name, controller, via, ephemeral: true });
    const weft = new WeftProcess({
      directory: lab.state.createDirectory('weft'),
      httpPort: await freePort(),
      controller,
      environment: lab.state.mark,
      databaseUrl: databaseUrl.href,
    });
    const site = new FaultSite(lab, weft, cluster, databaseProxy, proxies);
    try {
      await weft.start();
      await lab.join();
      await site.build();
    } catch (error) {
      const log = weft.logTail(40);
      await site.remove();
      throw new Error(`the site did not come up; the end of Weft's log:\n${log}`, { cause: error });
    }
    return site;
  }

  private async build(): Promise<void> {
    await this.client.hypervisorsReady(this.lab.hypervisors.map(({ name }) => name));
    const near = planSwitch({ name: 'near', ports: { a: {}, b: {} } });
    const far = planSwitch({ name: 'far', ports: { c: {} } });
    this.nearSwitchId = near.id;
    const router = planRouter('r', [near, far]);
    await this.client.transaction([...near.operations, ...far.operations, ...router.operations], {
      appliedWithinMs: readyWithinMs,
    });
    for (const [port, hypervisor] of Object.entries({ a: 'hv1', b: 'hv2', c: 'hv3' }))
      await this.plug(port, hypervisor);
    await this.client.converged();
    const a = this.workload('a');
    for (const to of ['b', 'c']) assert.equal((await ping(a, this.workload(to).address(4))).received, 3);
    await this.remember();
  }

  workload(name: string): Workload {
    return this.workloads.get(name) ?? assert.fail(`no workload ${name}`);
  }

  hypervisor(name: string): Hypervisor {
    return this.lab.hypervisor(name);
  }

  /** Plugs a workload in for a port, by the port's name. */
  async plug(port: string, hypervisor: string): Promise<Workload> {
    const details = await this.client.workloadPort(port);
    const workload = await this.lab.addWorkload(hypervisor, details);
    this.workloads.set(port, workload);
    await this.client.portUp(details.portId, hypervisor);
    return workload;
  }

  async unplug(port: string): Promise<void> {
    this.workloads.delete(port);
    await this.lab.removeWorkload(port);
  }

  /** Takes what the switches hold now for what is right. */
  async remember(): Promise<void> {
    for (const hypervisor of this.lab.hypervisors) this.right.set(hypervisor.name, await readSwitchState(hypervisor));
  }

  /** What is not as it should be on a hypervisor, one line for each. */
  async wrongOn(hypervisor: Hypervisor): Promise<readonly string[]> {
    const right = this.right.get(hypervisor.name) ?? assert.fail('not remembered');
    return differences(right, await readSwitchState(hypervisor));
  }

  /** Waits until every hypervisor is ready and has acknowledged the newest revision, and its switch holds what is right. */
  async allRight(timeoutMs = readyWithinMs): Promise<void> {
    const { client, lab } = this;
    let last: unknown = null;
    const seen = (error: unknown): false => {
      last = error;
      return false;
    };
    await eventually(
      'all is right',
      async () => {
        try {
          await client.hypervisorsReady(
            lab.hypervisors.map(({ name }) => name),
            1_000,
          );
          await client.converged(1_000);
          for (const hypervisor of lab.hypervisors) {
            const wrong = await this.wrongOn(hypervisor);
            if (wrong.length > 0) return seen(`${hypervisor.name}: ${wrong.slice(0, 5).join('\n')}`);
          }
          return true;
        } catch (error) {
          return seen(error);
        }
      },
      timeoutMs,
      50,
    ).catch((cause: unknown) => {
      throw new Error(`not right within ${timeoutMs} ms: ${String(last)}`, { cause });
    });
  }

  /** A change goes all the way to the switches, and back. */
  async takesChanges(): Promise<void> {
    const port = { name: 'probe-of-life', logical_switch_id: this.nearSwitchId };
    const { id } = await eventually(
      'a write is taken',
      () => this.client.create('logical-switch-ports', port, { appliedWithinMs: 5_000 }).catch(() => false as const),
      15_000,
      100,
    );
    await this.client.delete('logical-switch-ports', id, { appliedWithinMs: 10_000 });
    // One that was taken although its answer was lost.
    for (const left of await this.client.list('logical-switch-ports', { name: port.name })) {
      await this.client.delete('logical-switch-ports', left.id, { appliedWithinMs: 10_000 });
    }
  }

  /** Starts an ovs-vswitchd that was killed, as a host's service does. */
  async restartSwitch(hypervisor: Hypervisor): Promise<void> {
    await hypervisor.openVswitch.startSwitch();
    await hypervisor.warmTunnelNeighbours();
  }

  /** All connections of all hypervisors and of the database. */
  get allProxies(): readonly ChaosProxy[] {
    return [...Object.values(this.proxies), this.databaseProxy];
  }

  /** A port named `other`, of a logical switch that has nothing to do with the streams. */
  async otherTenantPort(): Promise<WorkloadPort> {
    const theirs = planSwitch({ name: 'theirs', ports: { other: {} } });
    await this.client.transaction(theirs.operations, { appliedWithinMs: readyWithinMs });
    return this.client.workloadPort('other');
  }

  async removeOtherTenant(): Promise<void> {
    const { id } = await this.client.find('logical-switches', 'theirs');
    await this.client.delete('logical-switches', id, { cascade: true, appliedWithinMs: readyWithinMs });
  }

  /** Pulls the management cable of a hypervisor: nobody is told. Returns what puts it back. */
  async pullCable(name: string): Promise<() => Promise<unknown>> {
    const underlay = this.lab.state.namespaceName('underlay');
    const set = (state: string) => runInNamespace(underlay, ['ip', 'link', 'set', `${name}-mgmt`, state]);
    await set('down');
    return () => set('up');
  }

  async remove(): Promise<void> {
    await this.weft.stop('SIGKILL');
    await this.lab.remove();
    for (const proxy of this.allProxies) await proxy.stop();
    await this.cluster.stop();
  }
}

function isChange({ name, detail, bytes }: WireMessage): boolean {
  if (name === 'bundle_add') return detail !== 'flow_mod' || bytes[innerTableAt] !== sentinelTable;
  return name === 'flow_mod' || name === 'group_mod' || name === 'meter_mod';
}

/** The bridge that Weft programs, for commands. */
export const bridge = INTEGRATION_BRIDGE;
