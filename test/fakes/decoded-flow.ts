/** What a flow-mod says, decoded once for all switches. */
import { groupsNamedBy, metersNamedBy } from '../../src/delivery/encoding.js';
import { decodeMessage, type MessageOf } from '../../southbound/openflow/message-codec.js';
import type { FlowStats } from '../../southbound/openflow/messages/flow-stats.js';

export interface DecodedFlow {
  readonly stats: FlowStats;
  readonly groups: ReadonlySet<number>;
  readonly meters: ReadonlySet<number>;
  /** The meter with which it is removed: Open vSwitch sees the first that no action has within it. */
  readonly goesWith: number | null;
}

/** Decoded flows by their bytes: the same flow is on many switches, and comes again after every restart. */
const decodedFlows = new Map<string, DecodedFlow>();
const decodedFlowsKept = 20_000;

/** @param key other bytes have another */
export function decodedFlow(key: string, bytes: Uint8Array): DecodedFlow {
  const known = decodedFlows.get(key);
  if (known !== undefined) return known;
  if (decodedFlows.size >= decodedFlowsKept) decodedFlows.clear();
  const stats = statsOf(decodeMessage(bytes).message as MessageOf<'flowMod'>);
  const actions = stats.instructions.flatMap(each => (each.kind === 'applyActions' ? each.actions : []));
  const decoded = {
    stats,
    groups: groupsNamedBy(stats.instructions),
    meters: metersNamedBy(stats.instructions),
    goesWith: actions.find(action => action.kind === 'meter')?.meterId ?? null,
  };
  decodedFlows.set(key, decoded);
  return decoded;
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
