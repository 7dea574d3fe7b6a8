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
import type { Match } from '../../southbound/openflow/oxm.js';
import type { SwitchTables, TouchedTables } from './switch-tables.js';

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

const walked = (tables: SwitchTables): WalkedTables<IndexedFlow> => ({
  find: (table: number, packet: Packet) =>
    indexOf(tables)
      .get(table)
      ?.find(({ match }) => packet.fits(match)) ?? null,
  bucketsOf: groupId => {
    const { type, buckets = [] } = tables.groups.get(groupId) ?? {};
    return (type === 'all' ? buckets : buckets.slice(0, 1)).map(({ actions }) => actions);
  },
});

/** The copies that leave the switch of a packet that enters as `fields` say, `inPort` among them. */
export function walk(tables: SwitchTables, fields: PacketFields, lengthBytes = 100): readonly PacketOutput[] {
  return walkThrough(walked(tables), fields, { lengthBytes });
}
