/** One hypervisor of a lab: a private Open vSwitch, in `netdev` mode with its network, joined to Weft by one command. */
import { join } from 'node:path';
import { CONTROLLER_ADDRESS, encapAddress, managementAddress, underlayMac } from './addresses.js';
import { createNamespace, ipBatch, runInNamespace, setKernelOptions } from './namespaces.js';
import { OpenVswitch } from './open-vswitch.js';
import { eventually, PATIENCE_MS, words } from './processes.js';
import type { LabRecord, LabState } from './state.js';
import { parseTrace, type Trace } from './trace.js';
import { MANAGEMENT_BRIDGE, UNDERLAY_BRIDGE, underlayNamespace } from './underlay.js';

/** The bridge that Weft makes and programs. */
export const INTEGRATION_BRIDGE = 'br-int';
/** The lab's own bridge with the underlay's network card and the encapsulation address: the userspace tunnels need one. */
const PHYSICAL_BRIDGE = 'br-phy';
/** Seconds that a tunnel neighbour stays known without traffic: the most that Open vSwitch takes. */
const NEIGHBOUR_AGING_S = 3600;

/** An interface that claims a logical switch port. */
export interface Claim {
  readonly interfaceName: string;
  readonly portId: string;
  readonly mac?: string;
}

export class Hypervisor {
  readonly name: string;
  readonly openVswitch: OpenVswitch;
  /** Null in `dummy` mode. */
  readonly namespace: string | null;
  readonly encapAddress: string;

  constructor(
    private readonly state: LabState,
    private readonly lab: LabRecord,
    /** 1 is the first. */
    readonly index: number,
  ) {
    this.name = `hv${index}`;
    this.namespace = lab.mode === 'netdev' ? state.namespaceName(this.name) : null;
    this.encapAddress = encapAddress(index);
    this.openVswitch = new OpenVswitch({
      directory: join(state.directory, this.name),
      namespace: this.namespace,
      dummy: lab.mode === 'dummy',
      environment: state.mark,
      onProcess: (pid, role) => state.recordProcess(pid, role),
    });
  }

  async create(): Promise<void> {
    if (this.namespace !== null) await this.createNetwork(this.namespace);
    await this.openVswitch.start();
    if (this.namespace !== null) await this.createPhysicalBridge(this.namespace);
  }

  private async createNetwork(namespace: string): Promise<void> {
    const mtu = this.lab.underlayMtu;
    const underlay = underlayNamespace(this.state);
    this.state.intendNamespace(namespace);
    await createNamespace(namespace);
    await setKernelOptions(namespace, { 'ipv6/conf/default/disable_ipv6': 1, 'ipv6/conf/all/disable_ipv6': 1 });
    await ipBatch(null, [
      `link add underlay0 netns ${namespace} mtu ${mtu} type veth peer name ${this.name} netns ${underlay} mtu ${mtu}`,
      `link add mgmt0 netns ${namespace} type veth peer name ${this.name}-mgmt netns ${underlay}`,
    ]);
    await ipBatch(underlay, [
      `link set ${this.name} master ${UNDERLAY_BRIDGE} up`,
      `link set ${this.name}-mgmt master ${MANAGEMENT_BRIDGE} up`,
    ]);
    await ipBatch(namespace, [
      'link set underlay0 up',
      `addr add ${managementAddress(this.index)}/24 dev mgmt0`,
      'link set mgmt0 up',
    ]);
  }

  private async createPhysicalBridge(namespace: string): Promise<void> {
    await this.openVswitch.ovsctl(
      ...words(`add-br ${PHYSICAL_BRIDGE} -- set Bridge ${PHYSICAL_BRIDGE} datapath_type=netdev`),
      `other_config:hwaddr="${underlayMac(this.index)}"`,
      ...words(`-- add-port ${PHYSICAL_BRIDGE} underlay0`),
    );
    await ipBatch(namespace, [
      `link set ${PHYSICAL_BRIDGE} mtu ${this.lab.underlayMtu} up`,
      `addr replace ${this.encapAddress}/24 dev ${PHYSICAL_BRIDGE}`,
    ]);
    await this.warmTunnelNeighbours();
  }

  /**
   * Tells the userspace datapath the MAC of every other hypervisor. Without it the first packet to each is lost: the
   * userspace datapath drops what misses its tunnel-neighbour cache and asks by ARP. (The kernel datapath does not.)
   * To be called again after a restart of ovs-vswitchd.
   */
  async warmTunnelNeighbours(): Promise<void> {
    await this.openVswitch.appctl('tnl/neigh/aging', String(NEIGHBOUR_AGING_S));
    for (let peer = 1; peer <= this.lab.hypervisors; peer += 1) {
      if (peer === this.index) continue;
      await this.openVswitch.appctl('tnl/neigh/set', PHYSICAL_BRIDGE, encapAddress(peer), underlayMac(peer));
    }
  }

  /** The manager targets that the hypervisor dials: one for each Weft. */
  get managerTargets(): readonly string[] {
    const host = this.lab.mode === 'netdev' ? CONTROLLER_ADDRESS : '127.0.0.1';
    const { controller, standby, transport = 'tcp' } = this.lab;
    return [controller, standby].flatMap(ports => (ports === undefined ? [] : [`${transport}:${host}:${ports.ovsdb}`]));
  }

  /** The keys that go with the join: those of every hypervisor, and those that the lab's options ask for. */
  private get externalIds(): readonly string[] {
    const ids = [`external_ids:system-id=${this.name}`, `external_ids:weft-encap-ip=${this.encapAddress}`];
    if (this.lab.mode === 'netdev') ids.push('external_ids:weft-datapath-type=netdev');
    if (this.lab.encapTypes.join() !== 'geneve')
      ids.push(`external_ids:weft-encap-type="${this.lab.encapTypes.join()}"`);
    if (this.lab.underlayMtu !== 1500) ids.push(`external_ids:weft-encap-mtu=${this.lab.underlayMtu}`);
    return ids;
  }

  /** Joins Weft by the one command. `beforeManager`: only the keys, for a dump of the database before it is managed. */
  async join(step: 'whole' | 'beforeManager' = 'whole'): Promise<void> {
    const manager = step === 'whole' ? ['--', 'set-manager', ...this.managerTargets] : [];
    await this.openVswitch.ovsctl('set', 'Open_vSwitch', '.', ...this.externalIds, ...manager);
  }

  /**
   * Starts both daemons, which have been stopped, with a new and empty database, as a host does that was installed anew: only the
   * lab's own bridge is made again. It has not joined.
   */
  async startAnew(): Promise<void> {
    await this.openVswitch.startAnew();
    if (this.namespace !== null) await this.createPhysicalBridge(this.namespace);
  }

  /** Waits until the integration bridge exists. */
  async provisioned(timeoutMs = PATIENCE_MS): Promise<void> {
    await eventually(
      `${this.name} has ${INTEGRATION_BRIDGE}`,
      async () => (await this.openVswitch.ovsctl('list-br')).split('\n').includes(INTEGRATION_BRIDGE),
      timeoutMs,
      100,
    );
  }

  /** Makes a bridge of the host's own, with one of its network cards. */
  async addBridge(bridge: string, device: string): Promise<void> {
    await this.openVswitch.ovsctl(
      ...words(`add-br ${bridge} -- set Bridge ${bridge} datapath_type=netdev -- add-port ${bridge} ${device}`),
    );
    await ipBatch(this.namespace, [`link set ${device} up`, `link set ${bridge} up`]);
  }

  async removeBridge(bridge: string, device: string): Promise<void> {
    await this.openVswitch.ovsctl('--if-exists', 'del-br', bridge);
    await ipBatch(this.namespace, [`link del ${device}`]);
  }

  /** Says which bridges lead to which physical networks; none: takes the key away. */
  async mapBridges(mappings: Readonly<Record<string, string>>): Promise<void> {
    const text = Object.entries(mappings).map(([network, bridge]) => `${network}:${bridge}`);
    const key = 'weft-bridge-mappings';
    if (text.length === 0) await this.openVswitch.ovsctl('remove', 'Open_vSwitch', '.', 'external_ids', key);
    else await this.openVswitch.ovsctl('set', 'Open_vSwitch', '.', `external_ids:${key}="${text.join()}"`);
  }

  /** Adds interfaces to the integration bridge, in one transaction. In `dummy` mode they are dummy devices. */
  async plug(claims: readonly Claim[]): Promise<void> {
    const commands = claims.flatMap(({ interfaceName, portId, mac }) => [
      ...words(`-- --may-exist add-port ${INTEGRATION_BRIDGE} ${interfaceName} -- set Interface ${interfaceName}`),
      ...(this.lab.mode === 'dummy' ? ['type=dummy'] : []),
      `external_ids:iface-id="${portId}"`,
      ...(mac === undefined ? [] : [`external_ids:attached-mac="${mac}"`]),
    ]);
    await this.openVswitch.ovsctl(...commands.slice(1));
  }

  async unplug(interfaceNames: readonly string[]): Promise<void> {
    const commands = interfaceNames.flatMap(name => ['--', '--if-exists', 'del-port', INTEGRATION_BRIDGE, name]);
    await this.openVswitch.ovsctl(...commands.slice(1));
  }

  /** Waits until Weft says on the Interface that the port's flows are acknowledged. */
  async installed(interfaceName: string, timeoutMs = PATIENCE_MS): Promise<void> {
    await eventually(
      `${interfaceName} on ${this.name} is installed`,
      async () => {
        const ids = await this.openVswitch.ovsctl('--if-exists', 'get', 'Interface', interfaceName, 'external_ids');
        return ids.includes('weft-installed="true"');
      },
      timeoutMs,
      50,
    );
  }

  async ofport(interfaceName: string): Promise<number> {
    return Number(await this.openVswitch.ovsctl('get', 'Interface', interfaceName, 'ofport'));
  }

  /** `ofproto/trace` of a packet, as ovs-ofctl writes flows, on the integration bridge; `--ct-next` says what conntrack is to find. */
  async trace(flow: string, ...options: readonly string[]): Promise<Trace> {
    const text = await this.openVswitch.appctl('ofproto/trace', INTEGRATION_BRIDGE, flow, ...options);
    return parseTrace(text, INTEGRATION_BRIDGE);
  }

  /**
   * All flows of the integration bridge, one a line, learned ones too; [] when there is no such bridge. With
   * `--no-stats` the lines have no counters and ages.
   */
  flows(...options: readonly '--no-stats'[]): Promise<readonly string[]> {
    return this.dump(/^ ?cookie=/, 'dump-flows', ...options);
  }

  groups(): Promise<readonly string[]> {
    return this.dump(/group_id=/, 'dump-groups');
  }

  meters(): Promise<readonly string[]> {
    return this.dump(/meter=/, 'dump-meters');
  }

  private async dump(wanted: RegExp, command: string, ...options: readonly string[]): Promise<readonly string[]> {
    try {
      const text = await this.openVswitch.ofctl(...options, command, INTEGRATION_BRIDGE);
      return text
        .split('\n')
        .filter(line => wanted.test(line))
        .map(line => line.trim());
    } catch (error) {
      const bridges = (await this.openVswitch.ovsctl('list-br')).split('\n');
      if (bridges.includes(INTEGRATION_BRIDGE)) throw error;
      return [];
    }
  }

  /** Takes a cable out, or puts it in again: that of its tunnels, or that to a physical network (by the name of its card). */
  async cable(which: 'underlay' | (string & {}), state: 'in' | 'out'): Promise<void> {
    const end = which === 'underlay' ? this.name : `${this.name}-${which}`;
    await ipBatch(underlayNamespace(this.state), [`link set ${end} ${state === 'in' ? 'up' : 'down'}`]);
  }

  /** Runs a command in the hypervisor's network. */
  exec(command: readonly string[]) {
    return runInNamespace(this.namespace, command, { environment: this.state.mark });
  }
}
