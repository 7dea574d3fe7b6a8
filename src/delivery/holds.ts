/**
 * Make before break between hypervisors: which dirty entries may go out now, and which have to wait for others.
 *
 *   rank 0  changes that nobody else has to be ready for: they go at once
 *   rank 1  fragments with `after`: they point at other hypervisors, which must hold their own rank 0 first
 *   rank 2  removals on a hypervisor that was pointed at: whoever pointed, itself too, must have followed (rank 0 and 1) first
 *
 * A rank waits only for lower ranks, so there is no circle to be stuck in. No wait outlasts the bound: after it the
 * entry goes out and the hypervisor that did not answer is named as late. One that has been disconnected for longer
 * than the bound is not waited for at all.
 */
import { type Rank, rankOf } from './backlog.js';
import type { EncodedFragment } from './encoded-fragment.js';
import type { DirtyEntry } from './host-ledger.js';

/** How long a fragment is held back at most, in milliseconds. */
export const holdBoundMs = 2_000;

/** What one hypervisor lets others see of itself. */
export interface HoldPeer {
  readonly hypervisorId: string;
  readonly isConnected: boolean;
  /** Clock.nowMs() of the last disconnection. */
  readonly disconnectedAtMs: number;
  /** Lowest revision with an unacknowledged change of a rank below this one; Infinity when there is none. */
  lowestPending(rank: Rank): number;
}

/** Null: may go. Otherwise until when it is held at most, and by whom. */
export interface Hold {
  readonly untilMs: number;
  readonly waitsFor: readonly string[];
  /** What is awaited of them: that they lack nothing below this rank up to this revision. */
  readonly rank: Rank;
  readonly revision: number;
}

/** What a hypervisor itself holds back of rank 1: since which revision, until when at most, and for whom. */
export interface OwnHold extends Pick<Hold, 'untilMs'> {
  readonly since: number;
  readonly waitsFor: Iterable<string>;
}

/**
 * Must this entry of `self` wait? `revision` is that of the desired version's last change. `late` is told whom the
 * entry no longer waits for although they are not ready. `own` is what `self` holds back in the same round: while it
 * points at itself, what it points at stays.
 */
export function holdOf(
  self: HoldPeer,
  entry: DirtyEntry,
  desired: EncodedFragment | null,
  revision: number,
  peers: ReadonlyMap<string, HoldPeer>,
  nowMs: number,
  late: (hypervisorId: string) => void,
  own: OwnHold | null,
): Hold | null {
  const rank = rankOf(entry.pointedFrom, desired);
  if (rank === 0) return null;
  const awaited = rank === 1 ? (desired?.after ?? []) : (entry.pointedFrom ?? []);
  const waitsFor: string[] = [];
  let untilMs = 0;
  for (const hypervisorId of awaited) {
    const peer = peers.get(hypervisorId);
    if (peer === self && rank === 2 && own !== null && own.since <= revision) {
      waitsFor.push(...own.waitsFor);
      untilMs = Math.max(untilMs, own.untilMs);
    }
    if (peer === undefined || peer === self || peer.lowestPending(rank) > revision) continue;
    const boundMs = (peer.isConnected ? entry.sinceMs : Math.min(entry.sinceMs, peer.disconnectedAtMs)) + holdBoundMs;
    if (boundMs <= nowMs) {
      late(hypervisorId);
      continue;
    }
    waitsFor.push(hypervisorId);
    untilMs = Math.max(untilMs, boundMs);
  }
  return waitsFor.length === 0 ? null : { untilMs, waitsFor, rank, revision };
}
