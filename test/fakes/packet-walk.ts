/** A walk of a packet (src/trace) through the tables of a fake switch. */
import {
  type PacketOutput,
  walk as walkThrough,
  type WalkedFlow,
  type WalkedTables,
} from '../../src/trace/packet-walk.js';
import type { Packet, PacketFields } from '../../src/trace/packet.js';
import type { Action } from '../../southbound/openflow/actions.js';
import type { FlowStats } from '../../southbound/openflow/messages/flow-stats.js';
import { type Match, oxm, type OxmField } from '../../southbound/openflow/oxm.js';
import type { SwitchTables, TouchedTables } from './switch-tables.js';

export type { PacketOutput } from '../../src/trace/packet-walk.js';
export type { PacketFields } from '../../src/trace/packet.js';

interface IndexedFlow extends WalkedFlow {
  readonly priority: number;
  readonly match: Match;
}

/** Flows by table, the highest priority first; remembered until the tables change. */
const indexes = new WeakMap<TouchedTables, ReadonlyMap<number, readonly IndexedFlow[]>>();

function actionsOf({ instructions }: FlowStats): readonly Action[] {
  return instructions.flatMap(instruction => {
    if (instruction.kind !== 'applyActions') throw new Error(`a walk knows no instruction ${instruction.kind}`);
    return instruction.actions;
  });
}

function indexOf(tables: SwitchTables): ReadonlyMap<number, readonly IndexedFlow[]> {
  const known = indexes.get(tables.touched);
  if (known !== undefined) return known;
  const index = new Map<number, IndexedFlow[]>();
  for (const { stats } of tables.flows.values()) {
    const flow = { priority: stats.priority, match: stats.match, actions: actionsOf(stats) };
    const held = index.get(stats.tableId);
    if (held === undefined) index.set(stats.tableId, [flow]);
    else held.push(flow);
  }
  for (const flows of index.values()) flows.sort((left, right) => right.priority - left.priority);
  indexes.set(tables.touched, index);
  return index;
}

const walked = (tables: SwitchTables, fits: (packet: Packet, match: Match) => boolean): WalkedTables<IndexedFlow> => ({
  find: (table: number, packet: Packet) =>
    indexOf(tables)
      .get(table)
      ?.find(({ match }) => fits(packet, match)) ?? null,
  bucketsOf: groupId => {
    const { type, buckets = [] } = tables.groups.get(groupId) ?? {};
    return (type === 'all' ? buckets : buckets.slice(0, 1)).map(({ actions }) => actions);
  },
});

/** The copies that leave the switch of a packet that enters as `fields` say, `inPort` among them. */
export function walk(tables: SwitchTables, fields: PacketFields): readonly PacketOutput[] {
  return walkThrough(
    walked(tables, (packet, match) => packet.fits(match)),
    fields,
  );
}

const tuple: ReadonlySet<OxmField> = new Set([
  oxm.ctNwSrc,
  oxm.ctNwDst,
  oxm.ctIpv6Src,
  oxm.ctIpv6Dst,
  oxm.ctNwProto,
  oxm.ctTpSrc,
  oxm.ctTpDst,
]);
/** New and tracked. */
const firstOfAny = 0x21n;

/** The same as `ofproto/trace` tells it: there conntrack says of everything that it begins a connection, and never which. */
export function walkAsTraced(tables: SwitchTables, fields: PacketFields): readonly PacketOutput[] {
  const seen = (packet: Packet, field: OxmField): bigint => {
    if (tuple.has(field)) return 0n;
    return field === oxm.ctState && packet.get(field) !== 0n ? firstOfAny : packet.get(field);
  };
  const fits = (packet: Packet, match: Match): boolean =>
    match.every(({ field, value, mask = field.allBits }) => (seen(packet, field) & mask) === (value & mask));
  return walkThrough(walked(tables, fits), fields);
}
