/**
 * Room `drops`: what every stage does with packets that no flow wants, and the accounts of dropped packets.
 *
 *   drop(reason) -> drop --(per port: learn)--> drop_counters      by port and reason, from the second packet on
 *                     \-----------------------> drop_reasons       by reason, every packet
 *                                                    \--> punt      where the sender is to be told: Weft is asked to answer
 */
import type { Match } from '../../../southbound/openflow/oxm.js';
import {
  decodeCookie,
  fragmentCookie,
  learnedCookie,
  decodeMeterId,
  meterSlot,
  sharedMeterId,
} from '../identifiers.js';
import { advance, call, drop, learn, next, type Step } from '../pipeline/actions.js';
import { dropReasonByCode, dropReasons, type DropReason, type DropReasonEntry } from '../pipeline/drop-reasons.js';
import { flow } from '../pipeline/flow.js';
import { dropCount, dropCounters, dropReasonCounters } from '../pipeline/physical.js';
import { layout } from '../pipeline/pipelines.js';
import { noLane, type PuntClass, puntClassEntries } from '../pipeline/punt-classes.js';
import { puntSteps } from '../pipeline/punting.js';
import { placeOf } from '../pipeline/registers.js';
import type { Miss, Stage } from '../pipeline/stage.js';
import type { Flow } from '../fragment.js';
import { rule } from '../rule.js';

const everywhereNumber = 1;
const portNumber = 2;

function missSteps(miss: Miss): readonly Step<never, never>[] | null {
  if (miss === 'return' || miss === 'never') return null;
  if (miss === 'next') return [next];
  return 'advance' in miss ? [advance(miss.advance)] : [drop(miss.drop)];
}

function missFlow(stage: Stage): readonly Flow[] {
  const actions = missSteps(stage.onMiss);
  return actions === null ? [] : [flow(stage, { priority: 0, match: {}, actions })];
}

/**
 * Who has sent what comes through a tunnel is told by the hypervisor there, but of what rules here reject. What is of no port, and has come
 * through none, is from outside by a gateway here, or an answer of Weft: Weft knows which.
 */
function answeredFlows(dropReason: number, puntClass: PuntClass): readonly Flow[] {
  const { lanes, lanesFromElsewhere } = puntClassEntries[puntClass];
  return [
    flow(dropReasonCounters, {
      priority: 110,
      match: { dropReason, origin: 0, ...(lanesFromElsewhere === undefined ? { fromUnderlay: 1 } : {}) },
      actions: lanesFromElsewhere === undefined ? [] : puntSteps(puntClass, lanesFromElsewhere),
    }),
    flow(dropReasonCounters, { priority: 100, match: { dropReason }, actions: puntSteps(puntClass, lanes) }),
  ];
}

const reasonFlows = Object.values(dropReasons).flatMap(({ code, byMeter, answeredAs }: DropReasonEntry) => {
  if (byMeter) return [];
  if (answeredAs !== undefined) return answeredFlows(code, answeredAs);
  return [flow(dropReasonCounters, { priority: 100, match: { dropReason: code }, actions: [] })];
});

/** The miss of every stage, and the counters of each reason. */
export const dropsEverywhere = rule({
  name: 'drops.everywhere',
  number: everywhereNumber,
  subjects: 'fleet',
  compile: () => ({
    scope: { kind: 'everywhere' },
    flows: [
      ...layout.stages.flatMap(missFlow),
      flow(dropCount, { priority: 0, match: {}, actions: [call(dropReasonCounters)] }),
      ...reasonFlows,
    ],
  }),
});

/** Counters of a port of this hypervisor: learned when a reason first occurs, and gone with the port. */
export const dropsOfPort = rule({
  name: 'drops.port',
  number: portNumber,
  subjects: 'bound-ports',
  compile: port => ({
    scope: { kind: 'hypervisor', hypervisorId: port.hypervisorId },
    flows: [
      flow(dropCount, {
        priority: 100,
        match: { origin: port.number },
        actions: [
          learn({
            into: dropCounters,
            priority: 100,
            cookie: learnedCookie(portNumber, port.number),
            match: { origin: 'origin', dropReason: 'dropReason' },
          }),
          call(dropCounters),
          call(dropReasonCounters),
        ],
      }),
    ],
  }),
});

/** What a flow's statistics say about drops. */
export interface FlowCount {
  readonly table: number;
  readonly cookie: bigint;
  readonly match: Match;
  readonly packets: bigint;
}

/** Dropped packets by reason; of one logical switch port (by its number), or of all packets on the hypervisor (null). */
export interface DropCount {
  readonly portNumber: number | null;
  readonly reason: DropReason;
  readonly packets: bigint;
}

/** Where counters of drops are: what to ask a switch for. */
export const dropCounterTables = {
  byPort: layout.tableOf(dropCounters),
  byReason: layout.tableOf(dropReasonCounters),
} as const;

function reasonOf(match: Match): DropReason | undefined {
  const { field, offset, bits } = placeOf('dropReason');
  const held = match.find(item => item.field === field);
  if (held === undefined) return undefined;
  return dropReasonByCode(Number((held.value >> BigInt(offset)) & ((1n << BigInt(bits)) - 1n)));
}

/**
 * Reads one flow of a switch as an account of drops; null when it is none. A learned flow has not seen the packet that
 * made it, so it stands for one more than it counted.
 */
export function decodeDropCount({ table, cookie, match, packets }: FlowCount): DropCount | null {
  const owner = decodeCookie(cookie);
  const reason = reasonOf(match);
  if (reason === undefined) return null;
  if (table === dropCounterTables.byPort && owner.kind === 'learned' && owner.ruleNumber === portNumber) {
    return { portNumber: owner.objectNumber, reason, packets: packets + 1n };
  }
  if (table === dropCounterTables.byReason && cookie === fragmentCookie(everywhereNumber, 0)) {
    return { portNumber: null, reason, packets };
  }
  return null;
}

/** What one of the switch's meters has dropped. */
export interface MeterCount {
  readonly meterId: number;
  readonly packets: bigint;
}

/** What a meter has dropped, as an account of its port; null of what is for Weft, which is nobody's traffic. */
export function decodeMeterCount({ meterId, packets }: MeterCount): DropCount | null {
  const meter = decodeMeterId(meterId);
  if (meter === null || meter.slot >= meterSlot.verdictLog) return null;
  return { portNumber: meter.objectNumber, reason: 'rate_limit', packets };
}

/** How many copies for the log a meter has held back; null of a meter that limits something else. */
export function decodeUnlogged({ meterId, packets }: MeterCount): bigint | null {
  const isOfLog = meterId === sharedMeterId(noLane) || decodeMeterId(meterId)?.slot === meterSlot.verdictLog;
  return isOfLog ? packets : null;
}

/** How the accounts of drops are read out of a switch. */
export const dropReading = {
  tables: Object.values(dropCounterTables),
  totalsTable: dropCounterTables.byReason,
  decode: decodeDropCount,
  decodeMeter: decodeMeterCount,
  decodeUnlogged,
} as const;
