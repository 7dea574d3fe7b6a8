/**
 * `?wait=applied&timeout_ms=`: holds the reply to a write until every connected hypervisor concerned has acknowledged it.
 * What could not be awaited is told, with 202: who is late, who is away, and what a switch refused.
 */
import { WeftError } from '../../src/base/errors.js';
import type { Clock } from '../../src/base/clock.js';
import type { Convergence, RevisionProgress } from '../../src/delivery/convergence.js';
import type { NetworkState } from './network-state.js';
import type { Sight } from './sight.js';

export interface WaitRequest {
  readonly timeoutMs: number;
}

const defaultTimeoutMs = 5_000;
const longestTimeoutMs = 600_000;

/** @throws WeftError invalid_query */
export function waitRequestOf(query: Readonly<Record<string, string | undefined>>): WaitRequest | null {
  const { wait, timeout_ms: timeoutText } = query;
  if (wait === undefined) {
    if (timeoutText !== undefined)
      throw new WeftError('invalid_query', { detail: 'timeout_ms goes with wait=applied.' });
    return null;
  }
  if (wait !== 'applied')
    throw new WeftError('invalid_query', { detail: `wait is "${wait.slice(0, 40)}"; it can only be "applied".` });
  const timeoutMs = timeoutText === undefined ? defaultTimeoutMs : Number(timeoutText);
  if (!/^\d+$/.test(timeoutText ?? '0') || timeoutMs > longestTimeoutMs) {
    throw new WeftError('invalid_query', {
      detail: `timeout_ms must be a whole number from 0 to ${longestTimeoutMs}.`,
    });
  }
  return { timeoutMs };
}

/**
 * How far a revision has come, as REST tells it: to a tenant in numbers, without names. One that stands by (`isActive` false) does
 * not know.
 */
export function progressMembers(progress: RevisionProgress, isActive: boolean, sight: Sight) {
  const pending = [
    ...(isActive ? [] : [{ name: '*', reason: 'standby' }]),
    ...(progress.isDelivered ? [] : [{ name: '*', reason: 'not_compiled_yet' }]),
    ...progress.pending.map(host => ({ name: host.name, reason: 'not_acknowledged' })),
    ...progress.disconnected.map(host => ({ name: host.name, reason: 'disconnected' })),
  ];
  const failed = failuresOf(progress, sight).map(failure => ({
    name: failure.name,
    error: failure.error,
    kind: failure.owner.kind,
    id: failure.owner.id,
  }));
  const { revision, applied } = progress;
  if (sight.isTenant) {
    const disconnected = progress.disconnected.length;
    const waiting = pending.length - disconnected + unmet(progress, sight).size;
    return { revision, applied, pending: waiting, disconnected, failed: failed.length };
  }
  return { revision, applied, pending, failed };
}

/** What a switch refused, as far as the caller may know of what it belongs to: of others a tenant is not even told how much. */
function failuresOf({ failed }: RevisionProgress, sight: Sight): RevisionProgress['failed'] {
  return failed.filter(({ owner }) => sight.knows(owner));
}

/**
 * Hypervisors that have refused what is of no object, with ports that the tenant sees: it is not its doing, and not told as such, but what it
 * waits for is not in force there.
 */
function unmet({ failed, pending }: RevisionProgress, sight: Sight): ReadonlySet<string> {
  const waiting = new Set(pending.map(({ hypervisorId }) => hypervisorId));
  const lacking = failed.filter(
    ({ owner, hypervisorId }) =>
      sight.isTenant && owner.kind === 'hypervisors' && !waiting.has(hypervisorId) && sight.hasPortOn(hypervisorId),
  );
  return new Set(lacking.map(({ hypervisorId }) => hypervisorId));
}

/** What waiting stands on. */
export interface WaitContext {
  readonly convergence: Pick<Convergence, 'waitFor' | 'pending'>;
  readonly clock: Clock;
  readonly state: Pick<NetworkState, 'reachWritten'>;
  /** Whether this Weft programs the hypervisors. */
  readonly isActive: () => boolean;
}

const leasePollMs = 50;

/**
 * Waits, and says whether the write is in force wherever a hypervisor is connected. A Weft that stands by has no hypervisors of
 * which it could tell that; it waits for the lease.
 */
export async function awaitApplied(
  { convergence, clock, state, isActive }: WaitContext,
  revision: number,
  request: WaitRequest,
  sight: Sight,
): Promise<{ readonly isApplied: boolean; readonly progress: RevisionProgress }> {
  const deadlineMs = clock.nowMs() + request.timeoutMs;
  while (!isActive() && clock.nowMs() < deadlineMs) {
    await new Promise<void>(resolve => clock.after(leasePollMs, resolve));
  }
  await convergence.waitFor(revision, Math.max(0, deadlineMs - clock.nowMs()));
  // However short the wait was: who has not got it can be named only once it is compiled.
  await state.reachWritten(revision);
  const progress = convergence.pending(revision);
  const { isDelivered, pending } = progress;
  const isRefused = failuresOf(progress, sight).length > 0 || unmet(progress, sight).size > 0;
  const isApplied = isDelivered && pending.length === 0 && !isRefused;
  return { isApplied: isApplied && isActive(), progress };
}
