/** What switches count, read from them now: dropped packets by reason and port, packets of security group rules. */
import type { FlowFilter, MeterCount, Switch, SwitchFlow } from './switch.js';

/** Packets that a hypervisor dropped, as the compiler's drops room reads them out of a flow. */
export interface DropCount {
  /** Number of the logical switch port where they came in; null for all packets of the hypervisor together. */
  readonly portNumber: number | null;
  readonly reason: string;
  readonly packets: bigint;
}

/** How drops are counted on a switch: given by the compiler, which made the flows. */
export interface DropReading {
  readonly tables: readonly number[];
  /** The one of the tables that has all packets of the hypervisor by reason: few flows, however many ports there are. */
  readonly totalsTable: number;
  decode(this: void, flow: SwitchFlow): DropCount | null;
  /** Null of a meter that counts nothing of drops. */
  decodeMeter(this: void, meter: MeterCount): DropCount | null;
  /** Copies of packets that the log was to have, and does not get. Null of a meter that limits something else. */
  decodeUnlogged(this: void, meter: MeterCount): bigint | null;
}

/** Packets that a rule of a security group has decided on one hypervisor. */
export interface RuleCount {
  /** Number of the security group rule. */
  readonly ruleNumber: number;
  readonly packets: bigint;
  readonly bytes: bigint;
  /** For how long it has been counted there. */
  readonly durationSeconds: number;
}

/** How packets of rules are counted on a switch: given by the compiler, which made the flows. */
export interface RuleReading {
  readonly table: number;
  cookieOf(this: void, ruleNumber: number): bigint;
  /** Agrees with the cookie of every rule. */
  readonly anyCookie: { readonly cookie: bigint; readonly cookieMask: bigint };
  decode(this: void, flow: SwitchFlow): RuleCount | null;
}

/** A drop that a meter or a flow has counted by itself, so that two readings of it can be compared. */
export interface DropTotal {
  /** The reason, or the reason and the meter. */
  readonly source: string;
  /** Null: nothing was dropped, only copies for the log. */
  readonly reason: string | null;
  readonly packets: bigint;
}

const wholeCookie = 0xffff_ffff_ffff_ffffn;
/** Of more rules than this the whole table is read: Open vSwitch finds one cookie by an index, and reads a table at a stretch. */
const fewRules = 32;

/** Dropped packets by port and reason. */
export async function readDrops(target: Switch, reading: DropReading): Promise<readonly DropCount[]> {
  const counts = new Map<string, DropCount>();
  const add = (count: DropCount | null): void => {
    if (count === null || count.packets === 0n) return;
    const place = `${count.portNumber}/${count.reason}`;
    counts.set(place, { ...count, packets: count.packets + (counts.get(place)?.packets ?? 0n) });
  };
  for (const tableId of reading.tables) {
    const filter = { tableId, cookie: 0n, cookieMask: 0n };
    await target.readFlows(filter, async flows => flows.map(reading.decode).forEach(add));
  }
  for (const meter of await target.readMeterCounts()) add(reading.decodeMeter(meter));
  return [...counts.values()];
}

/** Dropped packets by reason, what each meter has dropped apart. */
export async function readDropTotals(target: Switch, reading: DropReading): Promise<readonly DropTotal[]> {
  const byReason = new Map<string, bigint>();
  const filter = { tableId: reading.totalsTable, cookie: 0n, cookieMask: 0n };
  await target.readFlows(filter, async flows => {
    for (const flow of flows) {
      const count = reading.decode(flow);
      // A reason may have several flows.
      if (count?.portNumber === null) byReason.set(count.reason, (byReason.get(count.reason) ?? 0n) + count.packets);
    }
  });
  const totals: DropTotal[] = [...byReason].map(([reason, packets]) => ({ source: reason, reason, packets }));
  for (const meter of await target.readMeterCounts()) {
    const unlogged = reading.decodeUnlogged(meter);
    if (unlogged !== null) totals.push({ source: `log/${meter.meterId}`, reason: null, packets: unlogged });
    const count = reading.decodeMeter(meter);
    if (count === null) continue;
    const { reason, packets } = count;
    totals.push({ source: `${reason}/${meter.meterId}`, reason, packets });
  }
  return totals;
}

/** What rules have decided; of these rules, or of all that the switch holds (null). A rule that it does not hold is left out. */
export async function readRuleCounts(
  target: Switch,
  reading: RuleReading,
  ruleNumbers: readonly number[] | null,
): Promise<readonly RuleCount[]> {
  const { table: tableId } = reading;
  const filters: readonly FlowFilter[] =
    ruleNumbers === null || ruleNumbers.length > fewRules
      ? [{ tableId, ...reading.anyCookie }]
      : ruleNumbers.map(number => ({ tableId, cookie: reading.cookieOf(number), cookieMask: wholeCookie }));
  const wanted = ruleNumbers === null ? null : new Set(ruleNumbers);
  const counts: RuleCount[] = [];
  const take = async (flows: readonly SwitchFlow[]): Promise<void> => {
    for (const flow of flows) {
      const count = reading.decode(flow);
      if (count !== null && wanted?.has(count.ruleNumber) !== false) counts.push(count);
    }
  };
  await Promise.all(filters.map(filter => target.readFlows(filter, take)));
  return counts;
}
