/** One row of the fault table: what is broken and how it is mended, what must hold, and how that is measured. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Probe, type ProbeResult } from '../../lab/probe.js';
import type { FaultSite } from './fault-site.js';

export interface FaultRow {
  /** Names the row; reads on after "under traffic: ". */
  readonly name: string;
  /** Breaks something. */
  inject(this: void, site: FaultSite): Promise<void>;
  /** How long it stays broken, milliseconds. Default 0. */
  readonly lastsMs?: number;
  /** Mends it; without it Weft has to do so alone. */
  heal?(this: void, site: FaultSite): Promise<void>;
  /** Run when all is right again: what else must hold. */
  check?(this: void, site: FaultSite): Promise<void>;
  /** Most packets lost of each stream; null: reported only, with the reason in `lossIsOf`. */
  readonly mostLost: number | null;
  /** Whose loss it is, where some is allowed. */
  readonly lossIsOf?: string;
  /** Most changes of flows and groups sent; null: as many as it takes. */
  readonly mostFlowMods: number | null;
  /** Run in `npm test` too. */
  readonly isQuick?: boolean;
}

export interface MeasuredRow {
  readonly name: string;
  readonly switched: ProbeResult;
  readonly routed: ProbeResult;
  readonly flowMods: number;
  readonly transactions: number;
  /** From the mending (or the fault, where nobody mends) until all is right, milliseconds. */
  readonly convergedMs: number;
  readonly lossIsOf: string | null;
}

const settleMs = 300;

/** Runs a row under traffic. Throws when something does not hold; the site is then of no more use. */
export async function measureRow(site: FaultSite, row: FaultRow): Promise<MeasuredRow> {
  await site.allRight();
  const a = site.workload('a');
  const probes = [
    await Probe.start({ from: a, to: site.workload('b') }),
    await Probe.start({ from: a, to: site.workload('c') }),
  ];
  await sleep(settleMs);
  const before = { ...site.sent };
  let failure: unknown = null;
  let convergedMs = 0;
  let sent = before;
  try {
    await row.inject(site);
    await sleep(row.lastsMs ?? 0);
    const mendedAtMs = performance.now();
    await row.heal?.(site);
    await site.allRight();
    convergedMs = performance.now() - mendedAtMs;
    await sleep(settleMs);
    sent = { ...site.sent };
  } catch (error) {
    failure = error;
  }
  const [switched, routed] = [await probes[0]?.stop(), await probes[1]?.stop()];
  if (failure !== null) throw failure;
  assert.ok(switched !== undefined && routed !== undefined);
  const measured: MeasuredRow = {
    name: row.name,
    switched,
    routed,
    flowMods: sent.flowMods - before.flowMods,
    transactions: sent.transactions - before.transactions,
    convergedMs,
    lossIsOf: row.lossIsOf ?? null,
  };
  judge(row, measured);
  await row.check?.(site);
  await site.takesChanges();
  return measured;
}

/** What was lost, with what tells a full queue from a missing flow. */
function lossText({ lost, sent, longestLossRun, longestGapMs, heldBeforeLossMs }: ProbeResult): string {
  const held = heldBeforeLossMs === null ? 'at the end' : `after packets that took ${heldBeforeLossMs} ms or more`;
  return `lost ${lost} of ${sent}, at most ${longestLossRun} in a row, ${held}; longest gap ${longestGapMs} ms`;
}

function judge(row: FaultRow, { switched, routed, flowMods }: MeasuredRow): void {
  for (const [stream, result] of Object.entries({ switched, routed })) {
    if (row.mostLost !== null) assert.ok(result.lost <= row.mostLost, `${stream}: ${lossText(result)}`);
    assert.equal(result.duplicates, 0, `${stream}: packets came twice`);
  }
  if (row.mostFlowMods !== null) assert.ok(flowMods <= row.mostFlowMods, `${flowMods} changes were sent`);
}
