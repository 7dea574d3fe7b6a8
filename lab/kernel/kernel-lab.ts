/**
 * A lab whose hypervisors have the kernel's datapath, on a machine whose own kernel may have none: each is a virtual
 * machine of qemu's software emulation. Underlay and management are those of any lab.
 *
 *   qemu hv1 (Debian's cloud kernel)                   namespace weft-NAME-underlay          the machine's own network
 *   ┌──────────────────────────────────────────┐       ┌─────────────────────────┐
 *   │ ovsdb-server, ovs-vswitchd (system)      │       │                         │
 *   │ br-int ◄─ tap… ── eth0 of a namespace    │       │                         │
 *   │ 192.0.2.11    eth0 ──────────────────────┼─ tap ─┤ bridge underlay         │
 *   │ 198.51.100.11 eth1 ──────────────────────┼─ tap ─┤ bridge management       │
 *   │ shells ══ virtual serial ports ══════════╪═══════╪═════════════════════════╪══ Unix sockets ══ tests
 *   └──────────────────────────────────────────┘       │   198.51.100.1:6640 ════╪══ relay ══ 127.0.0.1:6640 Weft
 *                                                      └─────────────────────────┘
 */
import { type Capture, startCapture } from '../capture.js';
import { identify } from '../processes.js';
import { type ControllerPorts, LabState } from '../state.js';
import { createUnderlay, startManagementRelay, UNDERLAY_BRIDGE, underlayNamespace } from '../underlay.js';
import { guestKernel } from './debian-kernel.js';
import { Guest } from './guest.js';
import { GuestHypervisor } from './guest-hypervisor.js';
import { guestImage } from './guest-image.js';

/** Kernels and images that were fetched and made, for the next run. May be removed at any time. */
export const CACHE_DIRECTORY = '/var/cache/weft-lab';

export interface KernelLabOptions {
  readonly name: string;
  readonly hypervisors: number;
  readonly controller: ControllerPorts;
  /** Default 1500, bytes of IP packet. */
  readonly underlayMtu?: number;
}

export class KernelLab {
  readonly hypervisors: readonly GuestHypervisor[];

  private constructor(
    readonly state: LabState,
    private readonly guests: readonly Guest[],
    readonly kernelRelease: string,
    controller: ControllerPorts,
  ) {
    this.hypervisors = guests.map((guest, index) => new GuestHypervisor(guest, index + 1, controller.ovsdb));
  }

  /** Boots the guests; they are not joined yet. Whatever was made is removed again when a step fails. */
  static async create(options: KernelLabOptions): Promise<KernelLab> {
    const { name, hypervisors, controller, underlayMtu = 1500 } = options;
    const kernel = await guestKernel(CACHE_DIRECTORY);
    const imageFile = await guestImage(CACHE_DIRECTORY, kernel);
    const owner = identify(process.pid);
    if (owner === null) throw new Error('cannot read this process in /proc');
    const state = new LabState(name);
    state.claim({
      name,
      mode: 'kernel',
      hypervisors,
      underlayMtu,
      encapTypes: ['geneve'],
      controller,
      owner,
      ephemeral: true,
      createdAt: new Date().toISOString(),
    });
    const guests = Array.from(
      { length: hypervisors },
      (_, index) => new Guest({ state, index: index + 1, kernelFile: kernel.imageFile, imageFile, underlayMtu }),
    );
    const lab = new KernelLab(state, guests, kernel.release, controller);
    try {
      await createUnderlay(state, underlayMtu);
      const ports = [controller.ovsdb, controller.openflow, controller.punt];
      await startManagementRelay(state, new Map(ports.map(port => [port, port])));
      await Promise.all(guests.map(guest => guest.start()));
      await Promise.all(guests.map(guest => guest.ready()));
    } catch (error) {
      await lab.remove();
      throw error;
    }
    return lab;
  }

  /** By name (`hv1`). */
  hypervisor(name: string): GuestHypervisor {
    const found = this.hypervisors.find(hypervisor => hypervisor.name === name);
    if (found === undefined) throw new Error(`the lab has no hypervisor ${name}`);
    return found;
  }

  /** Joins all hypervisors to Weft. Returns when each has its integration bridge. */
  async join(): Promise<void> {
    await Promise.all(this.hypervisors.map(hypervisor => hypervisor.join()));
  }

  /** Records what passes between the hypervisors. `filter` is tcpdump's. */
  capture(filter: string): Promise<Capture> {
    return startCapture(this.state, { namespace: underlayNamespace(this.state), device: UNDERLAY_BRIDGE }, filter);
  }

  /** Turns the guests off and removes everything that the lab made, except the cache. */
  async remove(): Promise<void> {
    await Promise.all(this.guests.map(guest => guest.stop()));
    await this.state.remove();
  }
}
