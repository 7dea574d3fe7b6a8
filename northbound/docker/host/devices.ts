/** Devices of containers on this host: pairs of virtual Ethernet devices, one end of which is a port of the bridge that Weft programs. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** What Weft says of a device. */
export interface DeviceWish {
  readonly portId: string;
  readonly mac: string;
  readonly mtuBytes: number;
}

/** Names of both ends: they follow from the endpoint, so that nothing has to be remembered. Linux allows 15 characters. */
export interface DeviceNames {
  readonly host: string;
  readonly container: string;
}

export function deviceNames(endpointId: string): DeviceNames {
  const digits = endpointId.replace(/[^0-9a-zA-Z]/g, '').slice(0, 11);
  return { host: `${hostPrefix}${digits}`, container: `wfc-${digits}` };
}

const hostPrefix = 'wfh-';

/** How long Open vSwitch may take for what it is told, and Weft to say that packets of a port pass. */
const patienceS = 10;

export interface HostOptions {
  /** Arguments that `ovs-vsctl` is given first, such as `--db=unix:/run/openvswitch/db.sock`. */
  readonly vsctlArguments: readonly string[];
  /** Null: what the host says in external_ids:weft-bridge, else br-int. */
  readonly bridge: string | null;
}

export class Devices {
  readonly #options: HostOptions;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  /** Makes the pair, and resolves when packets pass. Whatever is there under its names goes first. */
  async make(names: DeviceNames, { portId, mac, mtuBytes }: DeviceWish): Promise<void> {
    await this.remove(names);
    const mtu = String(mtuBytes);
    const peer = ['type', 'veth', 'peer', 'name', names.container, 'address', mac, 'mtu', mtu];
    await execute('ip', ['link', 'add', names.host, 'mtu', mtu, ...peer]);
    try {
      const bridge = await this.#bridge();
      const datapath = await this.#vsctl('get', 'Bridge', bridge, 'datapath_type');
      // Checksums left to a network card that does not exist would leave the userspace datapath as they are: wrong.
      if (datapath === 'netdev') await execute('ethtool', ['-K', names.container, 'tx', 'off']);
      await execute('ip', ['link', 'set', names.host, 'up']);
      const ids = { 'iface-id': portId, 'attached-mac': mac, 'iface-status': 'active' };
      const settings = Object.entries(ids).map(([key, value]) => `external_ids:${key}="${value}"`);
      await this.#vsctl(
        '--may-exist',
        'add-port',
        bridge,
        names.host,
        '--',
        'set',
        'Interface',
        names.host,
        ...settings,
      );
      await this.#vsctl('wait-until', 'Interface', names.host, 'external_ids:weft-installed=true');
    } catch (error) {
      await this.remove(names);
      throw error;
    }
  }

  /** Takes both ends away, also where Open vSwitch does not answer; nothing happens where there are none. */
  async remove({ host }: DeviceNames): Promise<void> {
    const refused = await this.#vsctl('--if-exists', 'del-port', host).then(
      () => null,
      (error: unknown) => error,
    );
    await execute('ip', ['link', 'del', host]).catch((error: unknown) => {
      // It goes with the network of its container.
      if (!/Cannot find device/.test((error as Error).message)) throw error;
    });
    if (refused !== null) throw refused;
  }

  /**
   * Removes ports of containers that ended while nobody could say so: after the host went down, or where Open vSwitch did not answer. Their
   * devices are gone; one that has its device is somebody's. Gives their names.
   */
  async removeLeftovers(): Promise<readonly string[]> {
    const ports = (await this.#vsctl('list-ports', await this.#bridge())).split('\n');
    const { stdout } = await execute('ip', ['-o', 'link', 'show']);
    const there = new Set(stdout.split('\n').map(line => /^\d+: ([^:@]+)/.exec(line)?.[1]));
    const left = ports.filter(name => name.startsWith(hostPrefix) && !there.has(name));
    for (const name of left) await this.#vsctl('--if-exists', 'del-port', name);
    return left;
  }

  /** The name under which the host is known to Weft. @throws Error where it has none */
  async hypervisorName(): Promise<string> {
    const found = (await this.#externalId('weft-hypervisor')) || (await this.#externalId('system-id'));
    if (found === '') throw new Error('this host has no external_ids:system-id: say --hypervisor');
    return found;
  }

  async #bridge(): Promise<string> {
    return this.#options.bridge ?? ((await this.#externalId('weft-bridge')) || 'br-int');
  }

  #externalId(key: string): Promise<string> {
    return this.#vsctl('--if-exists', 'get', 'Open_vSwitch', '.', `external_ids:${key}`);
  }

  async #vsctl(...args: readonly string[]): Promise<string> {
    const { stdout } = await execute('ovs-vsctl', [`--timeout=${patienceS}`, ...this.#options.vsctlArguments, ...args]);
    return stdout.trim().replace(/^"(.*)"$/, '$1');
  }
}
