/**
 * `?wait=applied&timeout_ms=`: holds the reply to a write until every connected hypervisor concerned has acknowledged it.
 * What could not be awaited is told, with 202: who is late, who is away, and what a switch refused.
 */
import { WeftError } from '../../src/base/errors.js';
import type { Convergence, RevisionProgress } from '../../src/delivery/convergence.js';

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
  if (!Number.isInteger(timeoutMs) || timeoutMs < 0 || timeoutMs > longestTimeoutMs) {
    throw new WeftError('invalid_query', {
      detail: `timeout_ms must be a whole number from 0 to ${longestTimeoutMs}.`,
    });
  }
  return { timeoutMs };
}

/** How far a revision has come, as REST tells it. */
export function progressMembers(progress: RevisionProgress) {
  return {
    revision: progress.revision,
    applied: progress.applied,
    pending: [
      ...(progress.isDelivered ? [] : [{ name: '*', reason: 'not_compiled_yet' }]),
      ...progress.pending.map(host => ({ name: host.name, reason: 'not_acknowledged' })),
      ...progress.disconnected.map(host => ({ name: host.name, reason: 'disconnected' })),
    ],
    failed: progress.failed.map(failure => ({
      name: failure.name,
      error: failure.error,
      kind: failure.owner.kind,
      id: failure.owner.id,
    })),
  };
}

/** Waits, and says whether the write is in force wherever a hypervisor is connected. */
export async function awaitApplied(
  convergence: Pick<Convergence, 'waitFor'>,
  revision: number,
  request: WaitRequest,
): Promise<{ readonly isApplied: boolean; readonly progress: RevisionProgress }> {
  const progress = await convergence.waitFor(revision, request.timeoutMs);
  return { isApplied: progress.isApplied, progress };
}
