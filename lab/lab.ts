/**
 * A lab: hypervisors with real Open vSwitch on one Linux machine, and workloads on them.
 *
 *   namespace weft-NAME-hv1                         namespace weft-NAME-underlay            the machine's own network
 *   ┌──────────────────────────────────────┐        ┌─────────────────────────┐
 *   │ ovsdb-server, ovs-vswitchd (netdev)  │        │                         │
 *   │ br-int ◄─ tap… ── eth0 of a workload │        │                         │
 *   │ br-phy 192.0.2.11 ─ underlay0 ───────┼─ veth ─┤ bridge underlay         │
 *   │        198.51.100.11 mgmt0 ──────────┼─ veth ─┤ bridge management       │
 *   └──────────────────────────────────────┘        │   198.51.100.1:6640 ════╪══ relay ══ 127.0.0.1:6640 Weft
 *                                                   └─────────────────────────┘
 */
import { type Capture, startCapture } from './capture.js';
import { Hypervisor } from './hypervisor.js';
import { MOST_HYPERVISORS } from './addresses.js';
import { Nest } from './nested-workloads.js';
import { PhysicalNetwork } from './physical-network.js';
import { identify } from './processes.js';
import { type ControllerPorts, DEFAULT_CONTROLLER_PORTS, type LabMode, type LabRecord, LabState } from './state.js';
import { createUnderlay, startManagementRelay, UNDERLAY_BRIDGE, underlayNamespace } from './underlay.js';
import { Workload, type WorkloadOptions, type WorkloadPort } from './workload.js';

export interface LabOptions {
  readonly hypervisors: number;
  /** Default `lab`. Labs of different names live beside each other. */
  readonly name?: string;
  readonly mode?: Exclude<LabMode, 'kernel'>;
  /** Default 1500. */
  readonly underlayMtu?: number;
  /** Default geneve only. */
  readonly encapTypes?: readonly string[];
  /** Ports of the controller's listeners on 127.0.0.1. */
  readonly controller?: ControllerPorts;
  /** Where the relay carries connections to the controller's ports: a proxy that stands before it. Default: to itself. */
  readonly via?: ControllerPorts;
  /** Those of a second Weft on the same database: hypervisors join both. Default: none. */
  readonly standby?: ControllerPorts | undefined;
  /** Whether hypervisors reach the controller over TLS; each needs its certificate (ovs-vsctl set-ssl). Default tcp. */
  readonly transport?: 'tcp' | 'ssl';
  /** Remove the lab as a leftover once the process that made it is gone. Default false. */
  readonly ephemeral?: boolean;
}

/** Somebody with a network device: a workload, or a host outside. */
interface Station {
  readonly record: { readonly namespace: string; readonly device: string };
}

export class Lab {
  readonly hypervisors: readonly Hypervisor[];
  private readonly byName = new Map<string, Workload>();
  private physicalNetworks = 0;

  private constructor(
    readonly state: LabState,
    readonly record: LabRecord,
  ) {
    this.hypervisors = Array.from({ length: record.hypervisors }, (_, i) => new Hypervisor(state, record, i + 1));
    for (const workload of state.workloads()) this.byName.set(workload.name, new Workload(state, workload));
  }

  /** Makes a lab; hypervisors are not joined yet. Whatever was made is removed again when a step fails. */
  static async create(options: LabOptions): Promise<Lab> {
    const mode = options.mode ?? 'netdev';
    if (options.hypervisors < 1 || (mode === 'netdev' && options.hypervisors > MOST_HYPERVISORS)) {
      throw new Error(`a lab has 1 to ${MOST_HYPERVISORS} hypervisors`);
    }
    const owner = identify(process.pid);
    if (owner === null) throw new Error('cannot read this process in /proc');
    const record: LabRecord = {
      name: options.name ?? 'lab',
      mode,
      hypervisors: options.hypervisors,
      underlayMtu: options.underlayMtu ?? 1500,
      encapTypes: options.encapTypes ?? ['geneve'],
      controller: options.controller ?? DEFAULT_CONTROLLER_PORTS,
      standby: options.standby,
      transport: options.transport,
      owner,
      ephemeral: options.ephemeral ?? false,
      createdAt: new Date().toISOString(),
    };
    const state = new LabState(record.name);
    state.claim(record);
    const lab = new Lab(state, record);
    try {
      await lab.build(options.via ?? record.controller);
    } catch (error) {
      await state.remove();
      throw error;
    }
    return lab;
  }

  /** A lab that exists. Throws when there is none of the name. */
  static attach(name = 'lab'): Lab {
    const state = new LabState(name);
    const record = state.read();
    if (record === null) throw new Error(`there is no lab named ${name}: weft lab up makes one`);
    if (record.mode === 'kernel') throw new Error(`lab ${name} belongs to a running test and takes no commands`);
    const lab = new Lab(state, record);
    for (const hypervisor of lab.hypervisors) hypervisor.openVswitch.attach();
    return lab;
  }

  private async build(via: ControllerPorts): Promise<void> {
    if (this.record.mode === 'netdev') {
      await createUnderlay(this.state, this.record.underlayMtu);
      const { controller, standby } = this.record;
      const ports = new Map<number, number>();
      for (const name of ['ovsdb', 'openflow', 'punt'] as const) {
        ports.set(controller[name], via[name]);
        if (standby !== undefined) ports.set(standby[name], standby[name]);
      }
      await startManagementRelay(this.state, ports);
    }
    await Promise.all(this.hypervisors.map(hypervisor => hypervisor.create()));
  }

  /** By name (`hv1`) or number (1 is the first). */
  hypervisor(which: string | number): Hypervisor {
    const name = typeof which === 'number' ? `hv${which}` : which;
    const found = this.hypervisors.find(hypervisor => hypervisor.name === name);
    if (found === undefined) throw new Error(`lab ${this.record.name} has no hypervisor ${name}`);
    return found;
  }

  /** Joins all hypervisors to Weft. Returns when each has its integration bridge. */
  async join(): Promise<void> {
    await Promise.all(
      this.hypervisors.map(async hypervisor => {
        await hypervisor.join();
        await hypervisor.provisioned();
      }),
    );
  }

  get workloads(): readonly Workload[] {
    return [...this.byName.values()];
  }

  workload(name: string): Workload {
    const found = this.byName.get(name);
    if (found === undefined) throw new Error(`lab ${this.record.name} has no workload ${name}`);
    return found;
  }

  async addWorkload(hypervisor: string | number, port: WorkloadPort, options: WorkloadOptions = {}): Promise<Workload> {
    if (this.byName.has(port.name)) throw new Error(`lab ${this.record.name} has a workload ${port.name} already`);
    const workload = await Workload.create(this.state, this.hypervisor(hypervisor), port, options);
    this.byName.set(port.name, workload);
    return workload;
  }

  /** Moves a workload: `live` (default) as a live migration, `cold` as stop and start elsewhere. */
  async moveWorkload(name: string, hypervisor: string | number, how: 'live' | 'cold' = 'live'): Promise<void> {
    const workload = this.workload(name);
    const from = this.hypervisor(workload.record.hypervisor);
    const to = this.hypervisor(hypervisor);
    if (from === to) return;
    await (how === 'live' ? workload.moveLive(from, to) : workload.moveCold(from, to));
  }

  async removeWorkload(name: string): Promise<void> {
    const workload = this.workload(name);
    await workload.remove(this.hypervisor(workload.record.hypervisor));
    this.byName.delete(name);
  }

  /** A switch inside a workload, for workloads behind its device. To be removed by whoever made it. */
  addNest(outer: Workload): Promise<Nest> {
    return Nest.create(this.state, outer);
  }

  /** A physical network that every hypervisor is connected with by a bridge of its own. To be removed by whoever made it. */
  async addPhysicalNetwork(name: string, bridge: string): Promise<PhysicalNetwork> {
    this.physicalNetworks += 1;
    return PhysicalNetwork.create(this.state, this.hypervisors, this.physicalNetworks, { name, bridge });
  }

  /** Records what passes through a physical network. `filter` is tcpdump's. */
  captureOn({ device }: PhysicalNetwork, filter: string): Promise<Capture> {
    return startCapture(this.state, { namespace: underlayNamespace(this.state), device }, filter);
  }

  /** Records what passes between the hypervisors. `filter` is tcpdump's. */
  capture(filter: string): Promise<Capture> {
    return startCapture(this.state, { namespace: underlayNamespace(this.state), device: UNDERLAY_BRIDGE }, filter);
  }

  /** Records what a workload, or a host outside, sends and gets. `filter` is tcpdump's, without `inbound` and `outbound`: with those it loses the first packet. */
  captureAt({ record: { namespace, device } }: Station, filter: string): Promise<Capture> {
    return startCapture(this.state, { namespace, device }, filter);
  }

  /** Stops and removes everything that the lab made. */
  async remove(): Promise<void> {
    await this.state.remove();
  }
}
