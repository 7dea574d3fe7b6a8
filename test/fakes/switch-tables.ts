/**
 * Flow, group and meter tables of the fake switch, as immutable data: a change gives new tables or an error, so a bundle
 * is tried on a copy and either becomes the tables or never was.
 */
import { flowImage, messageImage } from '../../src/delivery/encoding.js';
import type { Action } from '../../southbound/openflow/actions.js';
import type { Instruction } from '../../southbound/openflow/instructions.js';
import type { Message, MessageOf } from '../../southbound/openflow/message-codec.js';
import type { FlowStats } from '../../southbound/openflow/messages/flow-stats.js';

/** Type and code of an OpenFlow error. */
export interface Refusal {
  readonly type: number;
  readonly code: number;
}

export const refusals = {
  isSlave: { type: 1, code: 10 },
  badOutGroup: { type: 2, code: 9 },
  badTable: { type: 5, code: 2 },
  groupExists: { type: 6, code: 0 },
  unknownGroup: { type: 6, code: 8 },
  meterExists: { type: 12, code: 1 },
  unknownMeter: { type: 12, code: 3 },
  staleTerm: { type: 11, code: 0 },
  badBundleId: { type: 17, code: 2 },
  bundleFailed: { type: 17, code: 13 },
} as const satisfies Record<string, Refusal>;

export interface SwitchTables {
  readonly flows: ReadonlyMap<string, FlowStats>;
  readonly groups: ReadonlyMap<number, MessageOf<'groupMod'>>;
  readonly meters: ReadonlyMap<number, MessageOf<'meterMod'>>;
}

export const emptyTables: SwitchTables = { flows: new Map(), groups: new Map(), meters: new Map() };

/** Applies one change. What a real switch finds out only at commit is found out here. */
export function applied(tables: SwitchTables, message: Message): SwitchTables | Refusal {
  switch (message.kind) {
    case 'flowMod':
      return withFlow(tables, message);
    case 'groupMod':
      return withGroup(tables, message);
    case 'meterMod':
      return withMeter(tables, message);
    default:
      throw new Error(`the fake switch knows no change by ${message.kind}`);
  }
}

export function isRefusal(result: SwitchTables | Refusal): result is Refusal {
  return 'code' in result;
}

function withFlow(tables: SwitchTables, message: MessageOf<'flowMod'>): SwitchTables | Refusal {
  const flows = new Map(tables.flows);
  const stats = statsOf(message);
  const { identity } = flowImage({ ...stats, table: stats.tableId });
  const there = flows.get(identity);
  switch (message.command) {
    case 'add':
      if (groupsIn(message.instructions).some(id => !tables.groups.has(id))) return refusals.badOutGroup;
      flows.set(identity, stats);
      return { ...tables, flows };
    case 'delete_strict':
      if (there !== undefined && (there.cookie & message.cookieMask) === (message.cookie & message.cookieMask)) {
        flows.delete(identity);
      }
      return { ...tables, flows };
    default:
      throw new Error(`the fake switch knows no flow-mod ${message.command}`);
  }
}

function statsOf(message: MessageOf<'flowMod'>): FlowStats {
  const { tableId, priority, idleTimeout, hardTimeout, flags, importance, cookie, match, instructions } = message;
  const statistics = { durationSeconds: 0, durationNanoseconds: 0, packetCount: 0n, byteCount: 0n };
  return {
    tableId,
    priority,
    idleTimeout,
    hardTimeout,
    flags,
    importance,
    cookie,
    match,
    instructions,
    statistics,
  } as FlowStats;
}

function withGroup(tables: SwitchTables, message: MessageOf<'groupMod'>): SwitchTables | Refusal {
  const groups = new Map(tables.groups);
  const exists = groups.has(message.groupId);
  switch (message.command) {
    case 'add':
      if (exists) return refusals.groupExists;
      break;
    case 'modify':
      if (!exists) return refusals.unknownGroup;
      break;
    case 'delete': {
      groups.delete(message.groupId);
      const flows = [...tables.flows].filter(([, flow]) => !groupsIn(flow.instructions).includes(message.groupId));
      return { ...tables, groups, flows: new Map(flows) };
    }
    case 'add_or_modify':
      break;
    default:
      throw new Error(`the fake switch knows no group-mod ${message.command}`);
  }
  groups.set(message.groupId, message);
  return { ...tables, groups };
}

function withMeter(tables: SwitchTables, message: MessageOf<'meterMod'>): SwitchTables | Refusal {
  const meters = new Map(tables.meters);
  const exists = meters.has(message.meterId);
  if (message.command === 'add' && exists) return refusals.meterExists;
  if (message.command === 'modify' && !exists) return refusals.unknownMeter;
  if (message.command === 'delete') meters.delete(message.meterId);
  else meters.set(message.meterId, message);
  return { ...tables, meters };
}

function groupsIn(instructions: readonly Instruction[]): number[] {
  const inActions = (actions: readonly Action[]): number[] =>
    actions.flatMap(action => {
      if (action.kind === 'group') return [action.groupId];
      return action.kind === 'clone' ? inActions(action.actions) : [];
    });
  return instructions.flatMap(one => (one.kind === 'applyActions' ? inActions(one.actions) : []));
}

/** Everything in the tables as text, sorted: equal text is equal content. `skip` leaves flows out. */
export function contentText(tables: SwitchTables, skip: (flow: FlowStats) => boolean = () => false): string[] {
  const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
  const lines = [...tables.flows.values()]
    .filter(flow => !skip(flow))
    .map(flow => {
      const { identity, value } = flowImage({ ...flow, table: flow.tableId });
      return `flow ${hex(identity)} ${hex(value)}`;
    });
  for (const group of tables.groups.values()) {
    lines.push(`group ${hex(messageImage({ ...group, command: 'add_or_modify' }))}`);
  }
  for (const meter of tables.meters.values()) lines.push(`meter ${hex(messageImage({ ...meter, command: 'add' }))}`);
  return lines.toSorted();
}
