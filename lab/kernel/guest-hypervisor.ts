/** A hypervisor whose Open vSwitch runs in a guest, with the kernel's datapath; joined to Weft by one command. */
import { CONTROLLER_ADDRESS, encapAddress } from '../addresses.js';
import { type Claim, INTEGRATION_BRIDGE } from '../hypervisor.js';
import { type CommandOptions, eventually, words } from '../processes.js';
import type { Guest } from './guest.js';

const DAEMON_START_TIMEOUT_MS = 60_000;

export class GuestHypervisor {
  constructor(
    readonly guest: Guest,
    private readonly index: number,
    private readonly ovsdbPort: number,
  ) {}

  get name(): string {
    return this.guest.name;
  }

  /** Joins Weft, as an operator does on any host. Returns when the integration bridge exists. */
  async join(): Promise<void> {
    const ids = [`external_ids:system-id=${this.name}`, `external_ids:weft-encap-ip=${encapAddress(this.index)}`];
    const manager = `tcp:${CONTROLLER_ADDRESS}:${this.ovsdbPort}`;
    await this.ovsctl('set', 'Open_vSwitch', '.', ...ids, '--', 'set-manager', manager);
    await eventually(
      `${this.name} has ${INTEGRATION_BRIDGE}`,
      async () => (await this.ovsctl('list-br')).split('\n').includes(INTEGRATION_BRIDGE),
      DAEMON_START_TIMEOUT_MS,
      250,
    );
  }

  private async stdout(command: readonly string[], options: CommandOptions = {}): Promise<string> {
    return (await this.guest.run(command, options)).stdout;
  }

  ovsctl(...args: readonly string[]): Promise<string> {
    return this.stdout(['ovs-vsctl', '--timeout=30', ...args]);
  }

  /** `ovs-ofctl`, OpenFlow 1.5; bridges by their names. */
  ofctl(...args: readonly string[]): Promise<string> {
    return this.stdout(['ovs-ofctl', '-O', 'OpenFlow15', ...args]);
  }

  /** `ovs-appctl` to ovs-vswitchd. */
  appctl(...args: readonly string[]): Promise<string> {
    return this.stdout(['ovs-appctl', ...args]);
  }

  /** Adds interfaces to the integration bridge, in one transaction. */
  async plug(claims: readonly Claim[]): Promise<void> {
    const commands = claims.flatMap(({ interfaceName, portId, mac }) => [
      ...words(`-- --may-exist add-port ${INTEGRATION_BRIDGE} ${interfaceName} -- set Interface ${interfaceName}`),
      `external_ids:iface-id="${portId}"`,
      ...(mac === undefined ? [] : [`external_ids:attached-mac="${mac}"`]),
    ]);
    await this.ovsctl(...commands.slice(1));
  }

  async unplug(interfaceName: string): Promise<void> {
    await this.ovsctl('--if-exists', 'del-port', INTEGRATION_BRIDGE, interfaceName);
  }

  /** Waits until Weft says on the Interface that the port's flows are acknowledged. */
  async installed(interfaceName: string, timeoutMs = 30_000): Promise<void> {
    await eventually(
      `${interfaceName} on ${this.name} is installed`,
      async () => {
        const ids = await this.ovsctl('--if-exists', 'get', 'Interface', interfaceName, 'external_ids');
        return ids.includes('weft-installed="true"');
      },
      timeoutMs,
      100,
    );
  }

  /** All flows of the integration bridge, one a line. With `--no-stats` the lines have no counters and ages. */
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
    const lines = (await this.ofctl(...options, command, INTEGRATION_BRIDGE)).split('\n');
    return lines.filter(line => wanted.test(line)).map(line => line.trim());
  }

  /** Flows of the kernel's datapath itself, one a line. */
  async datapathFlows(): Promise<readonly string[]> {
    return (await this.stdout(['ovs-dpctl', 'dump-flows'])).split('\n').filter(line => line !== '');
  }

  /** What ovs-vswitchd has written to its log. */
  log(): Promise<string> {
    return this.stdout(['cat', '/var/log/openvswitch/ovs-vswitchd.log']);
  }

  /** Ends ovs-vswitchd as a crash does. The kernel's datapath stays. */
  async killSwitch(): Promise<void> {
    await this.guest.shell('kill -9 "$(cat /var/run/openvswitch/ovs-vswitchd.pid)"');
  }

  async startSwitch(): Promise<void> {
    await this.guest.run(['/start-switch.sh'], { timeoutMs: DAEMON_START_TIMEOUT_MS });
  }
}
