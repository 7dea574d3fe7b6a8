/** A workload: a network namespace whose one device is plugged into a hypervisor, as a container's would be. */
import { createHash } from 'node:crypto';
import type { Hypervisor } from './hypervisor.js';
import { createNamespace, ipBatch, runInNamespace, setKernelOptions } from './namespaces.js';
import type { CommandOptions, CommandResult } from './processes.js';
import type { LabState, WorkloadRecord } from './state.js';

/** What a workload needs to know of its port; `workloadPort` in weft-client.ts reads it from Weft. */
export interface WorkloadPort {
  readonly name: string;
  readonly portId: string;
  readonly mac: string;
  /** With prefix length. */
  readonly addresses: readonly string[];
  /** Default routers, at most one a family. */
  readonly gateways: readonly string[];
  /** Effective MTU of the logical switch. */
  readonly mtu: number;
}

export interface WorkloadOptions {
  /** Let the kernel look for duplicate IPv6 addresses, which delays their use by a second. Default false. */
  readonly duplicateAddressDetection?: boolean;
}

/** Name of the device on the hypervisor, as Nova makes it: at most 15 characters, and another one for each attachment. */
function tapName(portId: string, attachment: number): string {
  return `tap${createHash('sha1').update(`${portId} ${attachment}`).digest('hex').slice(0, 11)}`;
}

export class Workload {
  private attachment: number;

  constructor(
    private readonly state: LabState,
    private current: WorkloadRecord,
  ) {
    this.attachment = Number(current.device.slice('eth'.length));
  }

  get name(): string {
    return this.current.name;
  }

  get record(): WorkloadRecord {
    return this.current;
  }

  get namespace(): string {
    return this.current.namespace;
  }

  /** Environment of everything that runs as the workload. */
  get mark(): Readonly<Record<string, string>> {
    return this.state.mark;
  }

  /** Makes the namespace and plugs it in. */
  static async create(
    state: LabState,
    hypervisor: Hypervisor,
    port: WorkloadPort,
    options: WorkloadOptions = {},
  ): Promise<Workload> {
    const namespace = state.namespaceName(port.name);
    state.intendNamespace(namespace);
    const workload = new Workload(state, {
      ...port,
      namespace,
      hypervisor: hypervisor.name,
      device: 'eth0',
      interfaceName: tapName(port.portId, 0),
    });
    state.writeWorkload(workload.record);
    await createNamespace(namespace);
    await setKernelOptions(namespace, {
      'ipv6/conf/default/accept_dad': options.duplicateAddressDetection === true ? 1 : 0,
      'ipv6/conf/default/accept_ra': 0,
      'ipv4/conf/all/rp_filter': 0,
      'ipv4/conf/default/rp_filter': 0,
      'ipv4/ping_group_range': 0,
    });
    await workload.attach(hypervisor, options);
    return workload;
  }

  /** Makes the device pair of the current attachment and plugs its far end in. */
  private async attach(hypervisor: Hypervisor, options: WorkloadOptions = {}): Promise<void> {
    const { namespace, device, interfaceName, mac, mtu, addresses, gateways, portId } = this.current;
    const detection = options.duplicateAddressDetection === true ? '' : ' nodad';
    // Each attachment's routes come behind those of the one before it: traffic moves when the older device goes.
    const metric = 100 + this.attachment;
    // From inside: kernels before 6.13 refuse a name that the machine's own network has, and `eth0` is a common one.
    await ipBatch(namespace, [
      `link add ${device} address ${mac} mtu ${mtu} type veth peer name ${interfaceName} netns ${hypervisor.namespace} mtu ${mtu}`,
    ]);
    // Checksums left to a network card that does not exist would leave the userspace datapath as they are: wrong.
    await runInNamespace(namespace, ['ethtool', '-K', device, 'tx', 'off']);
    await ipBatch(hypervisor.namespace, [`link set ${interfaceName} up`]);
    await ipBatch(namespace, [
      `link set ${device} up`,
      ...addresses.map(
        address => `addr add ${address} dev ${device} metric ${metric}${address.includes(':') ? detection : ''}`,
      ),
      ...gateways.map(gateway => `route add default via ${gateway} dev ${device} metric ${metric}`),
    ]);
    await hypervisor.plug([{ interfaceName, portId, mac }]);
  }

  /**
   * Moves to another hypervisor as a live migration does: a second device appears there with the same MAC and addresses
   * and claims the port; when Weft says that it is installed, traffic goes through it and the first one is removed.
   */
  async moveLive(from: Hypervisor, to: Hypervisor): Promise<void> {
    const before = this.current;
    this.nextAttachment(to);
    await this.attach(to);
    await to.installed(this.current.interfaceName);
    await ipBatch(this.namespace, [`link del ${before.device}`]);
    await from.unplug([before.interfaceName]);
  }

  /** Moves as a stopped and restarted workload does: nothing of it is plugged in for a moment. */
  async moveCold(from: Hypervisor, to: Hypervisor): Promise<void> {
    const before = this.current;
    await from.unplug([before.interfaceName]);
    await ipBatch(this.namespace, [`link del ${before.device}`]);
    this.nextAttachment(to);
    await this.attach(to);
  }

  private nextAttachment(hypervisor: Hypervisor): void {
    this.attachment += 1;
    this.current = {
      ...this.current,
      hypervisor: hypervisor.name,
      device: `eth${this.attachment}`,
      interfaceName: tapName(this.current.portId, this.attachment),
    };
    this.state.writeWorkload(this.current);
  }

  async remove(hypervisor: Hypervisor): Promise<void> {
    await hypervisor.unplug([this.current.interfaceName]);
    await this.state.removeNamespace(this.namespace);
    this.state.removeWorkload(this.name);
  }

  /** Runs a command as the workload. */
  exec(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runInNamespace(this.namespace, command, {
      ...options,
      environment: { ...this.state.mark, ...options.environment },
    });
  }

  /** The workload's first address of a family, without prefix length. Throws when it has none. */
  address(family: 4 | 6): string {
    const found = this.current.addresses.find(address => address.includes(':') === (family === 6));
    if (found === undefined) throw new Error(`${this.name} has no IPv${family} address`);
    return found.slice(0, found.indexOf('/'));
  }
}
