/**
 * Flow and group tables for many hundred simulated switches in one process: everything can be read back, but what is equal
 * on several switches (most is, byte for byte) is kept once.
 */
import type { MessageOf } from '../southbound/openflow/message-codec.js';
import type { FlowStats } from '../southbound/openflow/messages/flow-stats.js';
import type { GroupDescription } from '../southbound/openflow/messages/group-stats.js';
import type { MeterConfig } from '../southbound/openflow/messages/meter-stats.js';
import { sentinelTable } from '../src/delivery/sentinel.js';
import {
  type CommitFault,
  type FlowSelection,
  HeldFlow,
  type SwitchChange,
  type TableStore,
  type TouchedTables,
} from '../test/fakes/switch-tables.js';

const flowModType = 14;
const commandAt = 25;
const deleteStrict = 4;
/** Behind the header, whose xid may differ. */
const bodyAt = 8;

/** Flows by the bytes that make them, over all switches of this process. */
const flowsByBytes = new Map<string, HeldFlow>();
/** Kept without bound they would be a leak over a long churn; rarely reached, and then only made anew. */
const flowsKept = 2_000_000;

function shared(bytes: Uint8Array): HeldFlow {
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1', bodyAt);
  let flow = flowsByBytes.get(key);
  if (flow === undefined) {
    if (flowsByBytes.size >= flowsKept) flowsByBytes.clear();
    flow = new HeldFlow(bytes.slice());
    flowsByBytes.set(key, flow);
  }
  return flow;
}

const nothing: TouchedTables = { cookies: new Set(), groups: new Set(), displaced: new Map() };

/** Carries out what the benchmarks' work sends; refuses nothing. */
export class LightTables implements TableStore {
  readonly touched = nothing;
  /** Flow changes carried out since the start, the sentinel's left out. */
  flowMods = 0;
  commits = 0;
  readonly #flows = new Map<string, HeldFlow>();
  /** Apart, because it is what is read most often. */
  readonly #sentinels = new Map<string, HeldFlow>();
  readonly #groups = new Map<number, MessageOf<'groupMod'>>();
  readonly #meters = new Map<number, MessageOf<'meterMod'>>();

  get flowCount(): number {
    return this.#flows.size;
  }

  commit(changes: readonly SwitchChange[]): CommitFault | null {
    this.commits += 1;
    for (const change of changes) {
      if (change.bytes[1] === flowModType) this.#flowMod(change.bytes);
      else this.#other(change);
    }
    return null;
  }

  #flowMod(bytes: Uint8Array): void {
    const flow = shared(bytes);
    const isSentinel = flow.tableId === sentinelTable;
    const table = isSentinel ? this.#sentinels : this.#flows;
    if (!isSentinel) this.flowMods += 1;
    if (bytes[commandAt] === deleteStrict) table.delete(flow.identity);
    else table.set(flow.identity, flow);
  }

  #other({ message }: SwitchChange): void {
    if (message.kind === 'groupMod') {
      if (message.command === 'delete') this.#groups.delete(message.groupId);
      else this.#groups.set(message.groupId, message);
    } else if (message.kind === 'meterMod') {
      if (message.command === 'delete') this.#meters.delete(message.meterId);
      else this.#meters.set(message.meterId, message);
    } else throw new Error(`a light switch knows no change by ${message.kind}`);
  }

  *selectFlows({ tableId, cookie, cookieMask }: FlowSelection): Generator<FlowStats> {
    const tables = tableId === sentinelTable ? [this.#sentinels] : [this.#flows, this.#sentinels];
    for (const table of tables) {
      for (const flow of table.values()) {
        if (tableId !== null && flow.tableId !== tableId) continue;
        if (((flow.cookie ^ cookie) & cookieMask) === 0n) yield flow.stats;
      }
    }
  }

  *groupDescriptions(): Generator<GroupDescription> {
    for (const { type, groupId, buckets, properties } of this.#groups.values()) {
      yield { type, groupId, buckets, properties } as GroupDescription;
    }
  }

  *meterConfigs(): Generator<MeterConfig> {
    for (const { flags, meterId, bands } of this.#meters.values()) yield { flags, meterId, bands };
  }

  clear(): void {
    this.#flows.clear();
    this.#sentinels.clear();
    this.#groups.clear();
    this.#meters.clear();
  }
}
