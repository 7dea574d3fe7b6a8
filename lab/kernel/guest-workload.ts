/** A workload in a guest: a network namespace of it, whose one device is plugged into the guest's Open vSwitch. */
import { createHash } from 'node:crypto';
import { type CommandOptions, type CommandResult, words } from '../processes.js';
import type { WorkloadPort } from '../workload.js';
import type { GuestHypervisor } from './guest-hypervisor.js';

const DEVICE = 'eth0';
let made = 0;

export class GuestWorkload {
  readonly device = DEVICE;
  /** Device, and name of the Interface row, on the hypervisor: another one each time that a port is plugged in. */
  readonly interfaceName: string;
  private readonly namespace: string;

  private constructor(
    readonly hypervisor: GuestHypervisor,
    readonly port: WorkloadPort,
  ) {
    made += 1;
    this.interfaceName = `tap${createHash('sha1').update(`${port.portId} ${made}`).digest('hex').slice(0, 11)}`;
    this.namespace = `${port.name}-${made}`;
  }

  get name(): string {
    return this.port.name;
  }

  /** Makes the namespace and plugs it in. */
  static async create(hypervisor: GuestHypervisor, port: WorkloadPort): Promise<GuestWorkload> {
    const workload = new GuestWorkload(hypervisor, port);
    const { namespace, interfaceName } = workload;
    const { guest } = hypervisor;
    const { mac, mtu, addresses, gateways } = port;
    // No duplicate address detection, which delays the use of IPv6 addresses by a second, and no router advertisements.
    const settings = words('all/disable_ipv6=0 default/disable_ipv6=0 default/accept_dad=0 default/accept_ra=0')
      .map(setting => setting.split('='))
      .map(([path, value]) => `echo ${value} >/proc/sys/net/ipv6/conf/${path}`);
    await guest.run(['ip', 'netns', 'add', namespace]);
    await guest.run(['ip', 'netns', 'exec', namespace, '/bin/sh', '-ec', settings.join('\n')]);
    await guest.ipBatch(namespace, [
      // From inside: elsewhere a device of that name may be in the way. Namespace 1 is that of the guest's first process.
      `link add ${DEVICE} address ${mac} mtu ${mtu} type veth peer name ${interfaceName} netns 1 mtu ${mtu}`,
      'link set lo up',
      `link set ${DEVICE} up`,
      ...addresses.map(address => `addr add ${address} dev ${DEVICE}${address.includes(':') ? ' nodad' : ''}`),
      ...gateways.map(gateway => `route add default via ${gateway} dev ${DEVICE}`),
    ]);
    await guest.ipBatch(null, [`link set ${interfaceName} up`]);
    await hypervisor.plug([{ interfaceName, portId: port.portId, mac }]);
    return workload;
  }

  /** Takes its device from Open vSwitch; it lives on without a network. */
  unplug(): Promise<void> {
    return this.hypervisor.unplug(this.interfaceName);
  }

  /** Unplugs it and removes the namespace. */
  async remove(): Promise<void> {
    await this.unplug();
    await this.hypervisor.guest.run(['ip', 'netns', 'del', this.namespace]);
  }

  /** Runs a command as the workload. */
  exec(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.hypervisor.guest.run(['ip', 'netns', 'exec', this.namespace, ...command], options);
  }

  /** Starts a command as the workload and leaves it running, its output in a file. Returns its process id. */
  async start(command: readonly string[], outputFile: string): Promise<number> {
    const { stdout } = await this.exec(['/bin/sh', '-ec', `"$@" >"$0" 2>&1 & echo $!`, outputFile, ...command]);
    return Number(stdout);
  }

  /** ICMP echo requests that have reached its kernel over IPv4. */
  async echoRequests(): Promise<number> {
    const { stdout } = await this.exec(['cat', '/proc/net/snmp']);
    const [names = '', values = ''] = stdout.split('\n').filter(line => line.startsWith('Icmp:'));
    return Number(values.split(' ')[names.split(' ').indexOf('InEchos')]);
  }

  /** The workload's first address of a family, without prefix length. Throws when it has none. */
  address(family: 4 | 6): string {
    const found = this.port.addresses.find(address => address.includes(':') === (family === 6));
    if (found === undefined) throw new Error(`${this.name} has no IPv${family} address`);
    return found.slice(0, found.indexOf('/'));
  }
}
