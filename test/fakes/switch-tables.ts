/**
 * Flow, group and meter tables of the fake switch. A flow is kept as the bytes that made it and decoded only when somebody
 * looks into it; a commit that fails half way is undone. Other stores may take its place (`TableStore`), for instance one that
 * only counts.
 */
import { messageImage } from '../../src/delivery/encoding.js';
import { decodeMessage, type Message, type MessageOf } from '../../southbound/openflow/message-codec.js';
import type { FlowStats } from '../../southbound/openflow/messages/flow-stats.js';
import type { GroupDescription } from '../../southbound/openflow/messages/group-stats.js';
import type { MeterConfig } from '../../southbound/openflow/messages/meter-stats.js';
import { decodedFlow, type DecodedFlow } from './decoded-flow.js';

/** Type and code of an OpenFlow error. */
export interface Refusal {
  readonly type: number;
  readonly code: number;
}

export const refusals = {
  isSlave: { type: 1, code: 10 },
  badArgument: { type: 2, code: 5 },
  badOutGroup: { type: 2, code: 9 },
  tableFull: { type: 5, code: 1 },
  badTable: { type: 5, code: 2 },
  groupExists: { type: 6, code: 0 },
  unknownGroup: { type: 6, code: 8 },
  meterExists: { type: 12, code: 1 },
  unknownMeter: { type: 12, code: 3 },
  badMeter: { type: 12, code: 0 },
  invalidMeter: { type: 12, code: 2 },
  staleTerm: { type: 11, code: 0 },
  badBundleId: { type: 17, code: 2 },
  bundleFailed: { type: 17, code: 13 },
} as const satisfies Record<string, Refusal>;

/** A flow, group or meter message as it came: decoded when first asked for. */
export class SwitchChange {
  readonly xid: number;
  readonly bytes: Uint8Array;
  #message: Message | null;

  constructor(xid: number, bytes: Uint8Array, message: Message | null = null) {
    this.xid = xid;
    this.bytes = bytes;
    this.#message = message;
  }

  get message(): Message {
    return (this.#message ??= decodeMessage(this.bytes).message);
  }
}

/** Null: it is taken. The change is decoded only for those who look into it. */
export type Refuse = (change: SwitchChange) => Refusal | null;

/** The change of a commit that could not be carried out, and why. */
export interface CommitFault {
  readonly change: SwitchChange;
  readonly refusal: Refusal;
}

/** What a commit touched. */
export interface TouchedTables {
  /** Cookies of flows that were added, replaced or removed. */
  readonly cookies: ReadonlySet<bigint>;
  readonly groups: ReadonlySet<number>;
  /** Flows (by identity) in whose place one with another cookie was put, by the cookie that they had. */
  readonly displaced: ReadonlyMap<bigint, ReadonlySet<string>>;
}

export interface FlowSelection {
  /** Null: every table. */
  readonly tableId: number | null;
  readonly cookie: bigint;
  readonly cookieMask: bigint;
}

/** What a fake switch keeps its content in. */
export interface TableStore {
  /**
   * Carries out all changes in order, or none and says which was at fault. `refuse` may refuse a change when its turn comes.
   */
  commit(changes: readonly SwitchChange[], refuse: Refuse | null): CommitFault | null;
  /** What the last successful commit, or whatever else changed the content, touched. */
  readonly touched: TouchedTables;
  selectFlows(selection: FlowSelection): Iterable<FlowStats>;
  groupDescriptions(): Iterable<GroupDescription>;
  meterConfigs(): Iterable<MeterConfig>;
  /** Nothing is left. */
  clear(): void;
}

const noFlows: ReadonlySet<HeldFlow> = new Set();
const nothingTouched: TouchedTables = { cookies: new Set(), groups: new Set(), displaced: new Map() };

/** Where the fields of a flow-mod stand, as nothing before the match has a variable length. */
const places = { cookie: 8, cookieMask: 16, table: 24, command: 25, timeouts: 26, priority: 30, match: 48 } as const;
const commands = { add: 0, deleteStrict: 4 } as const;

/** Type and length of OFPAT_GROUP and OFPAT_METER: where these bytes are not, none is named, and nothing has to be decoded to know it. */
const actionHeads = { group: '\x00\x16\x00\x08', meter: '\x00\x1d\x00\x08' } as const;
const none: ReadonlySet<number> = new Set();

export class HeldFlow {
  /** What there can be only one of in a switch: table, priority and match, as in `flowImage`. */
  readonly identity: string;
  /** The rest, as in `flowImage`. */
  readonly value: string;
  readonly cookie: bigint;
  readonly tableId: number;
  readonly #bytes: Uint8Array;
  #known: DecodedFlow | null = null;

  constructor(bytes: Uint8Array) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const { cookie, table, timeouts, priority, match } = places;
    const matchEnd = match + Math.ceil(buffer.readUInt16BE(match + 2) / 8) * 8;
    const all = buffer.toString('latin1');
    this.identity = all.slice(table, table + 1) + all.slice(priority, priority + 2) + all.slice(match, matchEnd);
    this.value = all.slice(cookie, cookie + 8) + all.slice(timeouts, timeouts + 4) + all.slice(matchEnd);
    this.cookie = buffer.readBigUInt64BE(cookie);
    this.tableId = buffer.readUInt8(table);
    this.#bytes = bytes;
  }

  get stats(): FlowStats {
    return this.#decoded().stats;
  }

  /** The flow-mod that made it, as it came. */
  get message(): Uint8Array {
    return this.#bytes;
  }

  /** Groups that it sends packets to. */
  get groups(): ReadonlySet<number> {
    return this.value.includes(actionHeads.group) ? this.#decoded().groups : none;
  }

  /** Meters that packets pass in it. */
  get meters(): ReadonlySet<number> {
    return this.value.includes(actionHeads.meter) ? this.#decoded().meters : none;
  }

  /** With which it is removed. */
  get goesWithMeter(): number | null {
    return this.meters.size === 0 ? null : this.#decoded().goesWith;
  }

  #decoded(): DecodedFlow {
    if (this.#known !== null) return this.#known;
    return (this.#known = decodedFlow(this.identity + this.value, this.#bytes));
  }
}

/** Real tables: everything can be read back. */
export class SwitchTables implements TableStore {
  readonly #flows = new Map<string, HeldFlow>();
  readonly #byCookie = new Map<bigint, Set<HeldFlow>>();
  readonly #groups = new Map<number, MessageOf<'groupMod'>>();
  readonly #meters = new Map<number, MessageOf<'meterMod'>>();
  readonly #undo: (() => void)[] = [];
  #cookies = new Set<bigint>();
  #touchedGroups = new Set<number>();
  #displaced = new Map<bigint, Set<string>>();
  touched: TouchedTables = nothingTouched;

  /** By identity. */
  get flows(): ReadonlyMap<string, HeldFlow> {
    return this.#flows;
  }

  /** Flows with exactly this cookie. */
  flowsWith(cookie: bigint): ReadonlySet<HeldFlow> {
    return this.#byCookie.get(cookie) ?? noFlows;
  }

  /** Cookies of all flows. */
  get cookies(): Iterable<bigint> {
    return this.#byCookie.keys();
  }

  get groups(): ReadonlyMap<number, MessageOf<'groupMod'>> {
    return this.#groups;
  }

  get meters(): ReadonlyMap<number, MessageOf<'meterMod'>> {
    return this.#meters;
  }

  commit(changes: readonly SwitchChange[], refuse: Refuse | null): CommitFault | null {
    for (const change of changes) {
      const refusal = refuse?.(change) ?? this.#apply(change);
      if (refusal === null) continue;
      while (this.#undo.length > 0) this.#undo.pop()?.();
      this.#tell();
      return { change, refusal };
    }
    this.#undo.length = 0;
    this.touched = this.#tell();
    return null;
  }

  *selectFlows({ tableId, cookie, cookieMask }: FlowSelection): Generator<FlowStats> {
    for (const flow of this.#flows.values()) {
      if (tableId !== null && flow.tableId !== tableId) continue;
      if (((flow.cookie ^ cookie) & cookieMask) === 0n) yield flow.stats;
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
    for (const identity of this.#flows.keys()) this.removeFlow(identity);
    for (const id of this.#groups.keys()) this.#touchedGroups.add(id);
    this.#groups.clear();
    this.#meters.clear();
    this.#undo.length = 0;
    this.touched = this.#tell();
  }

  /** What somebody else does: takes one flow away, by identity. */
  removeFlow(identity: string): void {
    this.#setFlow(identity, null);
    this.#undo.length = 0;
    this.touched = this.#tell();
  }

  /** Everything in the tables as text, sorted: equal text is equal content. `skip` leaves flows out. */
  contentText(skip: (flow: HeldFlow) => boolean = () => false): string[] {
    const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
    const lines: string[] = [];
    for (const flow of this.#flows.values()) {
      if (!skip(flow)) lines.push(`flow ${hex(flow.identity)} ${hex(flow.value)}`);
    }
    for (const group of this.#groups.values()) {
      lines.push(`group ${hex(messageImage({ ...group, command: 'add_or_modify' }))}`);
    }
    for (const meter of this.#meters.values()) lines.push(`meter ${hex(messageImage({ ...meter, command: 'add' }))}`);
    return lines.toSorted();
  }

  #tell(): TouchedTables {
    const touched = { cookies: this.#cookies, groups: this.#touchedGroups, displaced: this.#displaced };
    this.#displaced = new Map();
    this.#cookies = new Set();
    this.#touchedGroups = new Set();
    return touched;
  }

  /** Applies one change. What a real switch finds out only at commit is found out here. */
  #apply(change: SwitchChange): Refusal | null {
    if (change.bytes[1] === flowModType) return this.#flowMod(change);
    const { message } = change;
    switch (message.kind) {
      case 'groupMod':
        return this.#groupMod(message);
      case 'meterMod':
        return this.#meterMod(message);
      default:
        throw new Error(`the fake switch knows no change by ${message.kind}`);
    }
  }

  #flowMod({ bytes }: SwitchChange): Refusal | null {
    const flow = new HeldFlow(bytes);
    switch (bytes[places.command]) {
      case commands.add:
        for (const id of flow.groups) if (!this.#groups.has(id)) return refusals.badOutGroup;
        for (const id of flow.meters) if (!this.#meters.has(id)) return refusals.invalidMeter;
        this.#setFlow(flow.identity, flow);
        return null;
      case commands.deleteStrict: {
        const there = this.#flows.get(flow.identity);
        const mask = Buffer.from(bytes.buffer, bytes.byteOffset).readBigUInt64BE(places.cookieMask);
        if (there !== undefined && ((there.cookie ^ flow.cookie) & mask) === 0n) this.#setFlow(flow.identity, null);
        return null;
      }
      default:
        throw new Error(`the fake switch knows no flow-mod ${bytes[places.command]}`);
    }
  }

  #setFlow(identity: string, flow: HeldFlow | null): void {
    const before = this.#flows.get(identity);
    if (before !== undefined) this.#cookies.add(before.cookie);
    if (flow !== null) this.#cookies.add(flow.cookie);
    if (before !== undefined && flow !== null && before.cookie !== flow.cookie) {
      const lost = this.#displaced.get(before.cookie) ?? new Set();
      this.#displaced.set(before.cookie, lost.add(identity));
    }
    this.#place(identity, flow);
    this.#undo.push(() => this.#place(identity, before ?? null));
  }

  #place(identity: string, flow: HeldFlow | null): void {
    const before = this.#flows.get(identity);
    if (before !== undefined) {
      const held = this.#byCookie.get(before.cookie);
      held?.delete(before);
      if (held?.size === 0) this.#byCookie.delete(before.cookie);
    }
    if (flow !== null) {
      let held = this.#byCookie.get(flow.cookie);
      if (held === undefined) this.#byCookie.set(flow.cookie, (held = new Set()));
      held.add(flow);
    }
    set(this.#flows, identity, flow);
  }

  #groupMod(message: MessageOf<'groupMod'>): Refusal | null {
    const { groupId } = message;
    const before = this.#groups.get(groupId) ?? null;
    switch (message.command) {
      case 'add':
        if (before !== null) return refusals.groupExists;
        break;
      case 'modify':
        if (before === null) return refusals.unknownGroup;
        break;
      case 'delete':
        for (const [identity, flow] of this.#flows) if (flow.groups.has(groupId)) this.#setFlow(identity, null);
        break;
      case 'add_or_modify':
        break;
      default:
        throw new Error(`the fake switch knows no group-mod ${message.command}`);
    }
    this.#touchedGroups.add(groupId);
    set(this.#groups, groupId, message.command === 'delete' ? null : message);
    this.#undo.push(() => set(this.#groups, groupId, before));
    return null;
  }

  #meterMod(message: MessageOf<'meterMod'>): Refusal | null {
    const { meterId } = message;
    const before = this.#meters.get(meterId) ?? null;
    if (message.command === 'add' && before !== null) return refusals.meterExists;
    if (message.command === 'modify' && before === null) return refusals.unknownMeter;
    if (message.command === 'delete') {
      for (const [identity, flow] of this.#flows) if (flow.goesWithMeter === meterId) this.#setFlow(identity, null);
    }
    set(this.#meters, meterId, message.command === 'delete' ? null : message);
    this.#undo.push(() => set(this.#meters, meterId, before));
    return null;
  }
}

const flowModType = 14;

function set<K, V>(map: Map<K, V>, key: K, value: V | null): void {
  if (value === null) map.delete(key);
  else map.set(key, value);
}
