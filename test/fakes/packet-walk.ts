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
import type { HeldFlow, SwitchTables, TouchedTables } from './switch-tables.js';

export type { PacketOutput } from '../../src/trace/packet-walk.js';
export type { PacketFields } from '../../src/trace/packet.js';

interface IndexedFlow extends WalkedFlow {
  readonly priority: number;
  readonly match: Match;
}

/** Of one state of the tables. */
interface Index {
  readonly held: ReadonlyMap<number, readonly HeldFlow[]>;
  /** Tables that a packet has come to, the highest priority first. */
  readonly sorted: Map<number, readonly IndexedFlow[]>;
}

/** Flows by table; remembered until the tables change. */
const indexes = new WeakMap<TouchedTables, Index>();
/** The same flow is looked at in many states, and on many switches. */
const indexed = new WeakMap<FlowStats, IndexedFlow>();

function actionsOf({ instructions }: FlowStats): readonly Action[] {
  return instructions.flatMap(instruction => {
    if (instruction.kind !== 'applyActions') throw new Error(`a walk knows no instruction ${instruction.kind}`);
    return instruction.actions;
  });
}

function indexOf(tables: SwitchTables): Index {
  const known = indexes.get(tables.touched);
  if (known !== undefined) return known;
  const held = new Map<number, HeldFlow[]>();
  for (const flow of tables.flows.values()) {
    const there = held.get(flow.tableId);
    if (there === undefined) held.set(flow.tableId, [flow]);
    else there.push(flow);
  }
  const index = { held, sorted: new Map() };
  indexes.set(tables.touched, index);
  return index;
}

function flowsOf(tables: SwitchTables, table: number): readonly IndexedFlow[] {
  const { held, sorted } = indexOf(tables);
  const known = sorted.get(table);
  if (known !== undefined) return known;
  const flows = (held.get(table) ?? []).map(({ stats }) => indexedFlow(stats));
  flows.sort((left, right) => right.priority - left.priority);
  sorted.set(table, flows);
  return flows;
}

function indexedFlow(stats: FlowStats): IndexedFlow {
  let flow = indexed.get(stats);
  if (flow === undefined) {
    flow = { priority: stats.priority, match: stats.match, actions: actionsOf(stats) };
    indexed.set(stats, flow);
  }
  return flow;
}

const walked = (tables: SwitchTables): WalkedTables<IndexedFlow> => ({
  find: (table: number, packet: Packet) => flowsOf(tables, table).find(({ match }) => packet.fits(match)) ?? null,
  bucketsOf: groupId => {
    const { type, buckets = [] } = tables.groups.get(groupId) ?? {};
    return (type === 'all' ? buckets : buckets.slice(0, 1)).map(({ actions }) => actions);
  },
});

/** The copies that leave the switch of a packet that enters as `fields` say, `inPort` among them. */
export function walk(tables: SwitchTables, fields: PacketFields): readonly PacketOutput[] {
  return walkThrough(walked(tables), fields);
}

/** The same as `ofproto/trace` tells it. */
export function walkAsTraced(tables: SwitchTables, fields: PacketFields): readonly PacketOutput[] {
  return walkThrough(walked(tables), fields, { conntrack: 'trace' });
}
