/** The next round of one hypervisor, planned, and in its ledger what the plan settles without the switch. */
import type { EncodedFragment } from './encoded-fragment.js';
import type { Gathering } from './gathering.js';
import type { HostLedger } from './host-ledger.js';
import { holdOf, type HoldPeer } from './holds.js';
import type { ReconcilerContext } from './reconciler-context.js';
import type { RoundDifferences } from './round-differences.js';
import { blameCauses, planRound, type RoundPlan } from './round-plan.js';

export interface PreparedRound {
  readonly plan: RoundPlan;
  /** Hypervisors that are not waited for any longer. */
  readonly late: ReadonlySet<string>;
}

/** @param refused told of each fragment that no switch could be told, before the ledger has it as refused */
export function prepareRound(
  self: HoldPeer,
  ledger: HostLedger,
  gathering: Gathering,
  differences: RoundDifferences,
  { clock, desired, peers, isAskedFor }: ReconcilerContext,
  refused: (key: string, error: string) => void,
): PreparedRound {
  const nowMs = clock.nowMs();
  const late = new Set<string>();
  const desiredOf = (key: string): EncodedFragment | null =>
    desired.desiredOn(self.hypervisorId, key)?.fragment ?? null;
  const plan = planRound({
    ledger,
    nowMs,
    desired: desiredOf,
    difference: (entry, target) => differences.of(entry, target),
    holdOf: (entry, target, own) => {
      // What goes from here may be as it was for long, and stay on others.
      const revision = target === null ? entry.latest : (desired.get(entry.key)?.revision ?? entry.latest);
      return holdOf(self, entry, target, revision, peers, nowMs, hypervisorId => late.add(hypervisorId), own);
    },
    gathers: (ready, held) => gathering.waits({ ready, held, nowMs, isAskedFor: isAskedFor() }),
  });
  if (plan.changes.length > 0) gathering.over();
  for (const key of plan.settled) ledger.drop(key);
  for (const { flight, error } of plan.unencodable) {
    ledger.take([flight]);
    refused(flight.entry.key, error);
    ledger.refuse(flight.entry.key, error, nowMs);
  }
  blameCauses(plan, ledger, nowMs);
  for (const key of plan.displaced) ledger.doubt(key);
  gathering.looked(ledger.version);
  return { plan, late };
}
