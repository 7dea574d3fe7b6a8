/**
 * What becomes of one packet in the tables of a switch, as Open vSwitch would do it: matches with masks, resubmits that return,
 * registers that are parts of each other, groups, TTLs, connections. `learn` does nothing here, so a walk is of what the controller
 * wrote, and a meter lets everything through. An action that no flow of the pipeline has is an error.
 * test/ovs/packet-walk.test.ts holds it against `ofproto/trace`.
 */
import type { Action, Conntrack } from '../../southbound/openflow/action.js';
import { Port } from '../../southbound/openflow/actions.js';
import type { Subfield } from '../../southbound/openflow/oxm.js';
import { oxm } from '../../southbound/openflow/oxm.js';
import { beginsConnection, type ConntrackKind, translate } from './connection.js';
import { Packet, type PacketFields } from './packet.js';

/** A flow as far as a walk needs it. */
export interface WalkedFlow {
  readonly actions: readonly Action[];
}

/** What a switch holds, or should hold. */
export interface WalkedTables<Flow extends WalkedFlow> {
  /** The flow of the highest priority that fits the packet. */
  find(table: number, packet: Packet): Flow | null;
  /** The actions of the buckets that the packet may go to: all of them, or the first of those of which one is chosen. */
  bucketsOf(groupId: number): readonly (readonly Action[])[];
}

/** A copy that left the switch. */
export interface PacketOutput {
  readonly port: number;
  readonly fields: PacketFields;
  /** What a part of a register held then. */
  readonly register: (place: Subfield) => bigint;
  /** The table of the flow that sent it. */
  readonly table: number;
}

export interface WalkOptions<Flow> {
  /** Ethernet header included; 100 by default. */
  readonly lengthBytes?: number;
  /** Called at each table with the packet as it comes there (which lives on), before the flow's actions. Null: no flow fits. */
  readonly onVisit?: (table: number, flow: Flow | null, packet: Packet) => void;
  /** `userspace` by default. */
  readonly conntrack?: ConntrackKind;
}

/** The bit of vlan_vid that says "there is a tag". A packet has one at most here. */
const tagPresent = 0x1000n;

/** Resubmits within resubmits that Open vSwitch lets be. */
const deepest = 64;

class Walk<Flow extends WalkedFlow> {
  readonly outputs: PacketOutput[] = [];
  readonly #tables: WalkedTables<Flow>;
  readonly #packet: Packet;
  readonly #onVisit: WalkOptions<Flow>['onVisit'];
  readonly #conntrack: ConntrackKind;
  #depth = 0;
  #isOver = false;
  #table = 0;

  constructor(tables: WalkedTables<Flow>, packet: Packet, { onVisit, conntrack }: WalkOptions<Flow>) {
    this.#tables = tables;
    this.#conntrack = conntrack ?? 'userspace';
    this.#packet = packet;
    this.#onVisit = onVisit;
  }

  lookUp(table: number): void {
    if (this.#depth >= deepest) throw new Error('a packet was resubmitted too often');
    const from = this.#table;
    this.#table = table;
    this.#depth += 1;
    const flow = this.#tables.find(table, this.#packet);
    this.#onVisit?.(table, flow, this.#packet);
    if (flow !== null) this.#run(flow.actions);
    this.#depth -= 1;
    this.#table = from;
  }

  #run(actions: readonly Action[]): void {
    for (const action of actions) {
      if (this.#isOver) return;
      this.#act(action);
    }
  }

  #act(action: Action): void {
    const packet = this.#packet;
    switch (action.kind) {
      case 'output':
        return this.#output(action.port);
      case 'outputRegister':
        return this.#output(Number(packet.part(action.source)));
      case 'setField':
        return packet.set(action.field, action.value, action.mask);
      case 'move':
        return packet.setPart(action.destination, packet.part(action.source));
      case 'resubmit':
        return this.#resubmit(action.table ?? 0, action.port);
      case 'clone':
        return packet.apart(() => this.#run(action.actions));
      case 'group':
        for (const actions of this.#tables.bucketsOf(action.groupId)) packet.apart(() => this.#run(actions));
        return;
      case 'ct':
        return this.#track(action);
      case 'ctClear':
        return packet.set(oxm.ctState, 0n);
      case 'decTtl':
      case 'decTtlControllerIds':
        if (packet.get(oxm.ipTtl) <= 1n) this.#isOver = true;
        else packet.set(oxm.ipTtl, packet.get(oxm.ipTtl) - 1n);
        return;
      case 'pushVlan':
        return packet.set(oxm.vlanVid, tagPresent);
      case 'popVlan':
        return packet.set(oxm.vlanVid, 0n);
      case 'checkPacketLarger':
        return packet.setPart(action.destination, packet.lengthBytes > action.length ? 1n : 0n);
      case 'exit':
        this.#isOver = true;
        return;
      case 'learn':
      case 'note':
      case 'controller':
      case 'meter':
      case 'setQueue':
        return;
      default:
        throw new Error(`a walk knows no action ${action.kind}`);
    }
  }

  /** The connection begins with this packet, in whichever zone. What it is known by is there in the table where it goes on, and no further. */
  #track({ table, actions }: Conntrack): void {
    if (table === null) return;
    const [packet, depth] = [this.#packet, this.#depth];
    packet.apart(() => {
      beginsConnection(packet, this.#conntrack);
      for (const action of actions) {
        if (action.kind === 'nat') translate(packet, action);
        else if (action.kind === 'setField') packet.set(action.field, action.value, action.mask);
      }
      this.#depth = 0;
      this.lookUp(table);
    });
    this.#depth = depth;
  }

  /** Nothing goes out where it came in, unless by the name of that place. */
  #output(port: number): void {
    const inPort = Number(this.#packet.get(oxm.inPort));
    if (port === inPort || port === Port.controller) return;
    const left = this.#packet.copy();
    this.outputs.push({
      port: port === Port.inPort ? inPort : port,
      fields: left.fields,
      register: place => left.part(place),
      table: this.#table,
    });
  }

  #resubmit(table: number, port: number): void {
    const packet = this.#packet;
    const inPort = packet.get(oxm.inPort);
    if (port !== Port.inPort) packet.set(oxm.inPort, BigInt(port));
    this.lookUp(table);
    if (port !== Port.inPort) packet.set(oxm.inPort, inPort);
  }
}

/** The copies that leave the switch of a packet that enters as `fields` say, `inPort` among them. */
export function walk<Flow extends WalkedFlow>(
  tables: WalkedTables<Flow>,
  fields: PacketFields,
  options: WalkOptions<Flow> = {},
): readonly PacketOutput[] {
  const one = new Walk(tables, new Packet(fields, options.lengthBytes ?? 100), options);
  one.lookUp(0);
  return one.outputs;
}
