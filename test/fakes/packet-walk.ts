/**
 * What becomes of one packet in the tables of a fake switch, as Open vSwitch would do it: matches with masks, resubmits that return,
 * registers that are parts of each other, groups, TTLs. `learn` does nothing here, so a walk is of what the controller wrote.
 * An action that no flow of the pipeline has is an error.
 */
import type { Action } from '../../southbound/openflow/actions.js';
import { Port } from '../../southbound/openflow/actions.js';
import type { Match, OxmField, Subfield } from '../../southbound/openflow/oxm.js';
import { oxm } from '../../southbound/openflow/oxm.js';
import type { FlowStats } from '../../southbound/openflow/messages/flow-stats.js';
import type { SwitchTables, TouchedTables } from './switch-tables.js';

/** Fields of a packet, registers included; what is not set is zero. */
export type PacketFields = ReadonlyMap<OxmField, bigint>;

/** A copy that left the switch. */
export interface PacketOutput {
  readonly port: number;
  readonly fields: PacketFields;
  /** What a part of a register held then. */
  readonly register: (place: Subfield) => bigint;
}

/** Resubmits within resubmits that Open vSwitch lets be. */
const deepest = 64;

/** The place of a register in the 512 bits that all registers share, from the right. */
const registerPlaces: ReadonlyMap<OxmField, bigint> = new Map(
  [
    { name: 'reg', bits: 32, count: 16 },
    { name: 'xreg', bits: 64, count: 8 },
    { name: 'xxreg', bits: 128, count: 4 },
  ].flatMap(({ name, bits, count }) =>
    Array.from({ length: count }, (_, index): [OxmField, bigint] => [
      oxm[`${name}${index}` as 'reg0'],
      BigInt(512 - bits * (index + 1)),
    ]),
  ),
);

class Packet {
  #fields: Map<OxmField, bigint>;
  #registers = 0n;
  readonly lengthBytes: number;

  constructor(fields: PacketFields, lengthBytes: number) {
    this.#fields = new Map(fields);
    this.lengthBytes = lengthBytes;
  }

  get fields(): PacketFields {
    return new Map(this.#fields);
  }

  get(field: OxmField): bigint {
    const place = registerPlaces.get(field);
    if (place !== undefined) return (this.#registers >> place) & field.allBits;
    return this.#fields.get(field === oxm.inPort16 ? oxm.inPort : field) ?? 0n;
  }

  set(field: OxmField, value: bigint, mask: bigint = field.allBits): void {
    const now = (this.get(field) & ~mask) | (value & mask);
    const place = registerPlaces.get(field);
    if (place === undefined) this.#fields.set(field === oxm.inPort16 ? oxm.inPort : field, now);
    else this.#registers = (this.#registers & ~(field.allBits << place)) | (now << place);
  }

  part({ field, offset, bits }: Subfield): bigint {
    return (this.get(field) >> BigInt(offset)) & ((1n << BigInt(bits)) - 1n);
  }

  setPart({ field, offset, bits }: Subfield, value: bigint): void {
    const mask = (1n << BigInt(bits)) - 1n;
    this.set(field, (value & mask) << BigInt(offset), mask << BigInt(offset));
  }

  fits(match: Match): boolean {
    return match.every(({ field, value, mask = field.allBits }) => (this.get(field) & mask) === (value & mask));
  }

  /** The packet as it is now, leaving by this port. */
  leavingBy(port: number): PacketOutput {
    const now = new Packet(this.#fields, this.lengthBytes);
    now.#registers = this.#registers;
    return { port, fields: this.fields, register: place => now.part(place) };
  }

  /** Does something whose changes of the packet nobody else sees. */
  apart(act: () => void): void {
    const [fields, registers] = [new Map(this.#fields), this.#registers];
    act();
    this.#fields = fields;
    this.#registers = registers;
  }
}

/** Flows by table, the highest priority first; remembered until the tables change. */
const indexes = new WeakMap<TouchedTables, ReadonlyMap<number, readonly FlowStats[]>>();

function indexOf(tables: SwitchTables): ReadonlyMap<number, readonly FlowStats[]> {
  const known = indexes.get(tables.touched);
  if (known !== undefined) return known;
  const index = new Map<number, FlowStats[]>();
  for (const { stats } of tables.flows.values()) {
    const held = index.get(stats.tableId);
    if (held === undefined) index.set(stats.tableId, [stats]);
    else held.push(stats);
  }
  for (const flows of index.values()) flows.sort((left, right) => right.priority - left.priority);
  indexes.set(tables.touched, index);
  return index;
}

class Walk {
  readonly outputs: PacketOutput[] = [];
  readonly #tables: SwitchTables;
  readonly #packet: Packet;
  #depth = 0;
  #isOver = false;

  constructor(tables: SwitchTables, packet: Packet) {
    this.#tables = tables;
    this.#packet = packet;
  }

  lookUp(table: number): void {
    if (this.#depth >= deepest) throw new Error('a packet was resubmitted too often');
    this.#depth += 1;
    const flow = indexOf(this.#tables)
      .get(table)
      ?.find(({ match }) => this.#packet.fits(match));
    for (const instruction of flow?.instructions ?? []) {
      if (instruction.kind !== 'applyActions') throw new Error(`a walk knows no instruction ${instruction.kind}`);
      this.#run(instruction.actions);
    }
    this.#depth -= 1;
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
        return this.#group(action.groupId);
      case 'decTtl':
      case 'decTtlControllerIds':
        if (packet.get(oxm.ipTtl) <= 1n) this.#isOver = true;
        else packet.set(oxm.ipTtl, packet.get(oxm.ipTtl) - 1n);
        return;
      case 'checkPacketLarger':
        return packet.setPart(action.destination, packet.lengthBytes > action.length ? 1n : 0n);
      case 'exit':
        this.#isOver = true;
        return;
      case 'learn':
      case 'note':
      case 'controller':
      case 'meter':
        return;
      default:
        throw new Error(`a walk knows no action ${action.kind}`);
    }
  }

  /** Nothing goes out where it came in, unless by the name of that place. */
  #output(port: number): void {
    const inPort = Number(this.#packet.get(oxm.inPort));
    if (port === inPort || port === Port.controller) return;
    this.outputs.push(this.#packet.leavingBy(port === Port.inPort ? inPort : port));
  }

  #resubmit(table: number, port: number): void {
    const packet = this.#packet;
    const inPort = packet.get(oxm.inPort);
    if (port !== Port.inPort) packet.set(oxm.inPort, BigInt(port));
    this.lookUp(table);
    if (port !== Port.inPort) packet.set(oxm.inPort, inPort);
  }

  /** Of a group that selects, the first bucket: which one it is makes no difference to whether a packet arrives. */
  #group(groupId: number): void {
    const group = this.#tables.groups.get(groupId);
    if (group === undefined) return;
    const buckets = group.type === 'all' ? group.buckets : group.buckets.slice(0, 1);
    for (const { actions } of buckets) this.#packet.apart(() => this.#run(actions));
  }
}

/** The copies that leave the switch of a packet that enters as `fields` say, `inPort` among them. */
export function walk(tables: SwitchTables, fields: PacketFields, lengthBytes = 100): readonly PacketOutput[] {
  const one = new Walk(tables, new Packet(fields, lengthBytes));
  one.lookUp(0);
  return one.outputs;
}
