/** What a fake switch tells those who asked: changes of its flows, groups and meters that were not their own. */
import { flowImage, messageImage } from '../../src/delivery/encoding.js';
import type { FlowUpdate } from '../../southbound/openflow/messages/flow-monitor.js';
import { groupMod } from '../../southbound/openflow/messages/group-mod.js';
import type { FlowStats } from '../../southbound/openflow/messages/flow-stats.js';
import type { TableStore } from './switch-tables.js';

interface SeenFlow {
  readonly stats: FlowStats;
  readonly value: string;
}

/** The content of a switch at one moment, to be compared with a later one. */
export interface ContentSnapshot {
  readonly flows: ReadonlyMap<string, SeenFlow>;
  /** Groups and meters, as text. */
  readonly others: string;
}

export function snapshotOf(tables: TableStore): ContentSnapshot {
  const flows = new Map<string, SeenFlow>();
  for (const stats of tables.selectFlows({ tableId: null, cookie: 0n, cookieMask: 0n })) {
    const { identity, value } = flowImage({ ...stats, table: stats.tableId });
    flows.set(identity, { stats, value });
  }
  const groups = [...tables.groupDescriptions()].map(({ type, groupId, buckets, properties }) =>
    messageImage(groupMod({ command: 'add', type, groupId, buckets, properties })),
  );
  const meters = [...tables.meterConfigs()].map(({ flags, meterId, bands }) =>
    messageImage({ kind: 'meterMod', command: 'add', flags, meterId, bands }),
  );
  return { flows, others: JSON.stringify([groups.toSorted(), meters.toSorted()]) };
}

/** As Open vSwitch tells it: a flow that takes the place of another with the same cookie was modified, with another was added. */
export function flowUpdates(
  before: ContentSnapshot,
  after: ContentSnapshot,
  tables: ReadonlySet<number>,
): readonly FlowUpdate[] {
  const updates: FlowUpdate[] = [];
  const tell = (event: 'added' | 'removed' | 'modified', { tableId, priority, match, cookie }: FlowStats): void => {
    if (!tables.has(tableId)) return;
    const reason = event === 'removed' ? 'delete' : 'idle_timeout';
    updates.push({
      event,
      tableId,
      reason,
      idleTimeout: 0,
      hardTimeout: 0,
      priority,
      cookie,
      match,
      instructions: [],
    } as FlowUpdate);
  };
  for (const [identity, { stats, value }] of after.flows) {
    const old = before.flows.get(identity);
    if (old === undefined || old.stats.cookie !== stats.cookie) tell('added', stats);
    else if (old.value !== value) tell('modified', stats);
  }
  for (const [identity, { stats }] of before.flows) if (!after.flows.has(identity)) tell('removed', stats);
  return updates;
}
