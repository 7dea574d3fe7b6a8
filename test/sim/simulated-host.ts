/** A host of the simulation: a fake hypervisor on the simulated network, with the workloads that somebody plugs there. */
import { decodeCookie } from '../../src/compiler/identifiers.js';
import type { Message } from '../../southbound/openflow/message-codec.js';
import { FakeHypervisor } from '../fakes/fake-hypervisor.js';
import { refusals, type SwitchChange, SwitchTables, type Refusal } from '../fakes/switch-tables.js';
import { contentOfFlows } from './reference.js';
import type { SimulatedNetwork } from './simulated-network.js';
import type { VirtualTime } from './virtual-time.js';
import { ZoneWatch } from './zone-watch.js';

export interface SimulatedHostOptions {
  readonly name: string;
  /** Where it dials from; also its first tunnel address. */
  readonly address: string;
  readonly managers: readonly string[];
  readonly time: VirtualTime;
  readonly network: SimulatedNetwork;
  readonly newUuid: () => string;
  readonly reactionMs: () => number;
  /** Its switch holds something else than before. */
  readonly onChange: (host: SimulatedHost) => void;
  readonly onMessage: (host: SimulatedHost, message: Message) => void;
  readonly onZoneFlush: (host: SimulatedHost, zone: number) => void;
}

export class SimulatedHost {
  readonly name: string;
  readonly address: string;
  readonly tables = new SwitchTables();
  readonly zones = new ZoneWatch();
  readonly hypervisor: FakeHypervisor<SwitchTables>;
  /** What is plugged: interface name to iface-id. */
  readonly plugged = new Map<string, string>();
  encapIp: string;
  /** Somebody has emptied or replaced the tables, and no controller has claimed the switch since. */
  isDisturbed = false;
  /** Of its switch. */
  restarts = 0;
  /** Another host uses its name, and may be taken for it: what is said of it may be said of the other. */
  isContested = false;
  /** Hosts that use its name now. */
  twins = 0;
  /** Cookies of which somebody has taken flows away, and that are not whole again. */
  readonly edited = new Set<bigint>();
  /** Its switch refuses flows of these tables when they are added to a bundle, or flows and groups of these cookies and numbers when it is committed. */
  refuses:
    | { readonly kind: 'when added'; readonly fits: (table: number) => boolean }
    | { readonly kind: 'at commit'; readonly fits: (number: bigint) => boolean }
    | null = null;
  /** Cookies of flows, and numbers of groups, that its switch has refused and may lack still. */
  readonly refused = new Set<bigint>();
  /** Messages refused so far. */
  refusals = 0;
  /** Places of flows (by identity) that others have taken, by the cookie that has lost them, until it is whole again. */
  readonly displaced = new Map<bigint, Set<string>>();

  constructor(options: SimulatedHostOptions) {
    const { name, address, managers, time, network, newUuid, reactionMs, onChange, onMessage, onZoneFlush } = options;
    this.name = name;
    this.address = address;
    this.encapIp = address;
    this.hypervisor = new FakeHypervisor({
      systemId: name,
      encapIp: address,
      managers,
      clock: time,
      dial: target => network.dial(address, target),
      tables: this.tables,
      newUuid,
      reactionMs,
      switch: {
        refuse: change => this.#refusalWhenAdded(change),
        refuseAtCommit: change => this.#refusalAtCommit(change),
        onChange: () => {
          this.#noteDisplaced();
          onChange(this);
        },
        onZoneFlush: zone => {
          this.zones.emptied(zone);
          onZoneFlush(this, zone);
        },
        onMessage: message => {
          if (message.kind === 'roleRequest' && message.role === 'master') this.isDisturbed = false;
          onMessage(this, message);
        },
      },
    });
  }

  get isEdited(): boolean {
    return this.edited.size > 0;
  }

  /** Nobody but the controller touches it, and it takes what it is told. */
  get isSteady(): boolean {
    return !(this.isDisturbed || this.isEdited || this.isContested || this.refused.size > 0);
  }

  /** Somebody takes a flow away. */
  edit(identity: string): void {
    const { cookie } = this.tables.flows.get(identity) ?? {};
    if (cookie !== undefined) this.edited.add(cookie);
    this.hypervisor.switch.vandalise(tables => tables.removeFlow(identity));
  }

  #noteDisplaced(): void {
    for (const [cookie, places] of this.tables.touched.displaced) {
      const lost = this.displaced.get(cookie) ?? new Set();
      this.displaced.set(cookie, lost);
      for (const identity of places) lost.add(identity);
    }
  }

  #refusalWhenAdded(change: SwitchChange): Refusal | null {
    if (this.refuses?.kind !== 'when added') return null;
    const { message } = change;
    if (message.kind !== 'flowMod' || message.command !== 'add') return null;
    if (decodeCookie(message.cookie).kind !== 'fragment' || !this.refuses.fits(message.tableId)) return null;
    this.refused.add(message.cookie);
    this.refusals += 1;
    return refusals.badArgument;
  }

  #refusalAtCommit(change: SwitchChange): Refusal | null {
    if (this.refuses?.kind !== 'at commit') return null;
    const { message } = change;
    if (message.kind !== 'flowMod' && message.kind !== 'groupMod') return null;
    if (message.command !== 'add' && message.command !== 'modify' && message.command !== 'add_or_modify') return null;
    if (message.kind === 'flowMod' && decodeCookie(message.cookie).kind !== 'fragment') return null;
    const number = message.kind === 'flowMod' ? message.cookie : BigInt(message.groupId);
    if (!this.refuses.fits(number)) return null;
    this.refused.add(number);
    this.refusals += 1;
    return refusals.tableFull;
  }

  plug(interfaceName: string, ifaceId: string): boolean {
    if (this.plugged.has(interfaceName) || !this.hypervisor.plug(interfaceName, ifaceId)) return false;
    this.plugged.set(interfaceName, ifaceId);
    // By some of them, somebody says, what workloads send leaves the host.
    if (interfaceName.endsWith('3'))
      this.hypervisor.setInterfaceIds(interfaceName, new Map([['weft-egress-iface', 'true']]));
    return true;
  }

  unplug(interfaceName: string): void {
    if (this.plugged.delete(interfaceName)) this.hypervisor.unplug(interfaceName);
  }

  /** The flows of one fragment, as text. */
  contentOf(cookie: bigint): string {
    return contentOfFlows(this.tables.flowsWith(cookie));
  }

  /** Cookies of fragments that the switch holds something of. */
  *fragments(): Generator<bigint> {
    for (const cookie of this.tables.cookies) if (decodeCookie(cookie).kind === 'fragment') yield cookie;
  }
}
