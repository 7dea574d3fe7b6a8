/**
 * A physical network beside a lab: a Linux bridge in the underlay's namespace, joined with a bridge of each hypervisor's own, and
 * hosts outside that know nothing of Weft.
 *
 *   hypervisor hv1: br-int ═ patch ports of Weft ═ br-ex ── phys1 ─┐
 *   hypervisor hv2: br-int ═════════════════════ br-ex ── phys1 ─┤ bridge phys1 ──── host outside, its own namespace
 *                                       (tags pass as they are)  └── access switch ── host outside, in a VLAN
 *
 * The access switch, which takes the tags off, is an Open vSwitch of its own, in a namespace of its own (two on one cannot both have a
 * userspace data path), so that none of the hypervisors' is needed for it: not every kernel has VLAN devices.
 */
import { join } from 'node:path';
import type { Hypervisor } from './hypervisor.js';
import { createNamespace, ipBatch, runInNamespace, setKernelOptions } from './namespaces.js';
import { OpenVswitch } from './open-vswitch.js';
import { type CommandOptions, type CommandResult, words } from './processes.js';
import type { LabState } from './state.js';
import { underlayNamespace } from './underlay.js';

/** The MAC of a host outside: of local administration. */
const macOf = (network: number, host: number): string =>
  `02:aa:00:${[network, 0, host].map(byte => byte.toString(16).padStart(2, '0')).join(':')}`;

export interface OutsideHostOptions {
  /** The VLAN that it is in; left out: untagged. */
  readonly vlan?: number;
  /** With prefix length. */
  readonly addresses: readonly string[];
  /** Default: one of local administration, made from its number. */
  readonly mac?: string;
}

/** A host of a physical network. */
export class OutsideHost {
  constructor(
    private readonly state: LabState,
    readonly name: string,
    /** Where it is, and the device that has its addresses. */
    readonly record: { readonly namespace: string; readonly device: string; readonly mac: string },
    private readonly addresses: readonly string[],
  ) {}

  get namespace(): string {
    return this.record.namespace;
  }

  /** Environment of everything that runs as the host. */
  get mark(): Readonly<Record<string, string>> {
    return this.state.mark;
  }

  exec(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runInNamespace(this.record.namespace, command, {
      ...options,
      environment: { ...this.state.mark, ...options.environment },
    });
  }

  /** Its first address of a family, without prefix length. Throws when it has none. */
  address(family: 4 | 6): string {
    const found = this.addresses.find(address => address.includes(':') === (family === 6));
    if (found === undefined) throw new Error(`${this.name} has no IPv${family} address`);
    return found.slice(0, found.indexOf('/'));
  }
}

export class PhysicalNetwork {
  readonly #hosts: OutsideHost[] = [];
  /** Made for the first host in a VLAN. */
  #access: OpenVswitch | null = null;

  private constructor(
    private readonly state: LabState,
    private readonly hypervisors: readonly Hypervisor[],
    /** What hypervisors call it. */
    readonly name: string,
    /** The bridge of each hypervisor that leads to it. */
    readonly bridge: string,
    /** The Linux bridge in the underlay's namespace, and the network card of each hypervisor. */
    readonly device: string,
  ) {}

  /** Makes the network and a bridge on every hypervisor; none is mapped yet. `number` tells the networks of one lab apart. */
  static async create(
    state: LabState,
    hypervisors: readonly Hypervisor[],
    number: number,
    { name, bridge }: { readonly name: string; readonly bridge: string },
  ): Promise<PhysicalNetwork> {
    const network = new PhysicalNetwork(state, hypervisors, name, bridge, `phys${number}`);
    const { device } = network;
    const underlay = underlayNamespace(state);
    await ipBatch(underlay, [
      `link add ${device} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
      `link set ${device} up`,
    ]);
    await Promise.all(
      hypervisors.map(async hypervisor => {
        const end = `${hypervisor.name}-${device}`;
        await ipBatch(null, [
          `link add ${device} netns ${hypervisor.namespace} type veth peer name ${end} netns ${underlay}`,
        ]);
        await ipBatch(underlay, [`link set ${end} master ${device} up`]);
        await hypervisor.addBridge(bridge, device);
      }),
    );
    return network;
  }

  /** A host outside, reached through the physical network alone. */
  async addHost(name: string, { vlan, addresses, mac }: OutsideHostOptions): Promise<OutsideHost> {
    const { state, device } = this;
    const number = this.#hosts.length + 1;
    const namespace = state.namespaceName(name);
    const underlay = underlayNamespace(state);
    const address = mac ?? macOf(Number(device.slice('phys'.length)), number);
    state.intendNamespace(namespace);
    await createNamespace(namespace);
    await setKernelOptions(namespace, { 'ipv6/conf/default/accept_dad': 0, 'ipv6/conf/default/accept_ra': 0 });
    const access = vlan === undefined ? null : await this.#accessSwitch();
    const outer = access === null ? underlay : this.#accessNamespace;
    await ipBatch(null, [
      `link add eth0 address ${address} netns ${namespace} type veth peer name ${device}-${number} netns ${outer}`,
    ]);
    // Nobody fills in the checksums that are left to a network card which does not exist.
    await runInNamespace(namespace, ['ethtool', '-K', 'eth0', 'tx', 'off']);
    await ipBatch(outer, [`link set ${device}-${number}${access === null ? ` master ${device}` : ''} up`]);
    await access?.ovsctl(...words(`add-port access ${device}-${number} tag=${vlan}`));
    await ipBatch(namespace, [
      'link set eth0 up',
      ...addresses.map(each => `addr add ${each} dev eth0${each.includes(':') ? ' nodad' : ''}`),
    ]);
    const host = new OutsideHost(state, name, { namespace, device: 'eth0', mac: address }, addresses);
    this.#hosts.push(host);
    return host;
  }

  async #accessSwitch(): Promise<OpenVswitch> {
    const { state, device } = this;
    if (this.#access !== null) return this.#access;
    const namespace = this.#accessNamespace;
    state.intendNamespace(namespace);
    await createNamespace(namespace);
    const access = new OpenVswitch({
      directory: join(state.directory, `access-${device}`),
      namespace,
      dummy: false,
      environment: state.mark,
      onProcess: (pid, role) => state.recordProcess(pid, role),
    });
    this.#access = access;
    await access.start();
    const underlay = underlayNamespace(state);
    await ipBatch(null, [`link add ${device}-trunk netns ${underlay} type veth peer name trunk netns ${namespace}`]);
    await ipBatch(underlay, [`link set ${device}-trunk master ${device} up`]);
    await ipBatch(namespace, ['link set trunk up']);
    const bridge = words('add-br access -- set Bridge access datapath_type=netdev');
    await access.ovsctl(...bridge, ...words('-- add-port access trunk'));
    return access;
  }

  get #accessNamespace(): string {
    return this.state.namespaceName(`access-${this.device}`);
  }

  /** Takes away the bridges, the network and the hosts. */
  async remove(): Promise<void> {
    const { state, bridge, device } = this;
    for (const { record } of this.#hosts) await state.removeNamespace(record.namespace);
    await Promise.all(this.hypervisors.map(hypervisor => hypervisor.removeBridge(bridge, device)));
    const underlay = underlayNamespace(state);
    if (this.#access !== null) {
      for (const program of ['ovs-vswitchd', 'ovsdb-server'] as const) await this.#access.stopDaemon(program);
      this.#access = null;
      await state.removeNamespace(this.#accessNamespace);
    }
    await ipBatch(underlay, [`link del ${device}`]);
  }
}
