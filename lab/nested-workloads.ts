/**
 * Workloads inside a workload: containers of a virtual machine, say, which share its one device under VLAN tags.
 *
 *   hypervisor: br-int ◄─ tap… ── eth0 of the outer workload ═ bridge `nest` ── VLAN 101 ── eth0 of an inner one, its own namespace
 *                                                                          └── VLAN 102 ── eth0 of another
 *
 * An Open vSwitch of the outer workload's own puts the tags on and takes them off: not every kernel has VLAN devices.
 */
import { join } from 'node:path';
import { createNamespace, ipBatch, runInNamespace, setKernelOptions } from './namespaces.js';
import { OpenVswitch } from './open-vswitch.js';
import { type CommandOptions, type CommandResult, words } from './processes.js';
import type { LabState } from './state.js';
import type { Workload, WorkloadPort } from './workload.js';

const BRIDGE = 'nest';

/** A workload that is reached through the device of another. */
export class NestedWorkload {
  readonly record: { readonly namespace: string; readonly device: string; readonly mac: string };

  constructor(
    private readonly state: LabState,
    readonly port: WorkloadPort,
  ) {
    this.record = { namespace: state.namespaceName(port.name), device: 'eth0', mac: port.mac };
  }

  get name(): string {
    return this.port.name;
  }

  get namespace(): string {
    return this.record.namespace;
  }

  /** Environment of everything that runs as the workload. */
  get mark(): Readonly<Record<string, string>> {
    return this.state.mark;
  }

  exec(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runInNamespace(this.namespace, command, {
      ...options,
      environment: { ...this.state.mark, ...options.environment },
    });
  }

  /** Its first address of a family, without prefix length. Throws when it has none. */
  address(family: 4 | 6): string {
    const found = this.port.addresses.find(address => address.includes(':') === (family === 6));
    if (found === undefined) throw new Error(`${this.name} has no IPv${family} address`);
    return found.slice(0, found.indexOf('/'));
  }
}

/** The switch inside the outer workload, with what is plugged into it. To be removed by whoever made it. */
export class Nest {
  readonly #inner: NestedWorkload[] = [];
  #device: string | null = null;

  private constructor(
    private readonly state: LabState,
    private readonly outer: Workload,
    private readonly openVswitch: OpenVswitch,
  ) {}

  static async create(state: LabState, outer: Workload): Promise<Nest> {
    const openVswitch = new OpenVswitch({
      directory: join(state.directory, `nest-${outer.name}`),
      namespace: outer.namespace,
      dummy: false,
      environment: state.mark,
      onProcess: (pid, role) => state.recordProcess(pid, role),
    });
    const nest = new Nest(state, outer, openVswitch);
    await openVswitch.start();
    await openVswitch.ovsctl(...words(`add-br ${BRIDGE} -- set Bridge ${BRIDGE} datapath_type=netdev`));
    await nest.follow();
    return nest;
  }

  /** Uses the device that the outer workload has now: another one after each move. */
  async follow(): Promise<void> {
    const { device } = this.outer.record;
    if (device === this.#device) return;
    const before = this.#device === null ? '' : `--if-exists del-port ${BRIDGE} ${this.#device} -- `;
    await this.openVswitch.ovsctl(...words(`${before}add-port ${BRIDGE} ${device}`));
    this.#device = device;
  }

  /** Plugs a workload in, whose packets carry the tag outside of it. */
  async add(port: WorkloadPort, vlan: number): Promise<NestedWorkload> {
    const { state, outer } = this;
    const inner = new NestedWorkload(state, port);
    const { namespace, device } = inner.record;
    const end = `${BRIDGE}${this.#inner.length + 1}`;
    state.intendNamespace(namespace);
    this.#inner.push(inner);
    await createNamespace(namespace);
    await setKernelOptions(namespace, { 'ipv6/conf/default/accept_dad': 0, 'ipv6/conf/default/accept_ra': 0 });
    await ipBatch(namespace, [
      `link add ${device} address ${port.mac} mtu ${port.mtu} type veth peer name ${end} netns ${outer.namespace} mtu ${port.mtu}`,
    ]);
    // Nobody fills in the checksums that are left to a network card which does not exist.
    await runInNamespace(namespace, ['ethtool', '-K', device, 'tx', 'off']);
    await ipBatch(outer.namespace, [`link set ${end} up`]);
    await this.openVswitch.ovsctl(...words(`add-port ${BRIDGE} ${end} tag=${vlan}`));
    await ipBatch(namespace, [
      `link set ${device} up`,
      ...port.addresses.map(address => `addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`),
      ...port.gateways.map(gateway => `route add default via ${gateway} dev ${device}`),
    ]);
    return inner;
  }

  /** Ends the switch and removes what was plugged into it. The outer workload stays. */
  async remove(): Promise<void> {
    await this.openVswitch.stop();
    for (const { namespace } of this.#inner) await this.state.removeNamespace(namespace);
  }
}
