/** What can become of a request besides an answer. */
import type { ErrorCode, Problem, Progress } from './api.js';

/** A refusal by the controller, in its own words. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  constructor(
    /** HTTP status. */
    readonly status: number,
    /** Stable; `unknown` where the answer was no problem document, say from a proxy. A newer Weft may have codes that this type does not know. */
    readonly code: ErrorCode | 'unknown',
    readonly detail: string,
    /** What to do about it. */
    readonly help: string,
    /** JSON pointer of the member at fault. */
    readonly pointer: string | null,
    /** Objects concerned: by whom something is in use. */
    readonly related: NonNullable<Problem['related']>,
    /** The operation of a transaction at fault, from 0. */
    readonly operation: number | null,
    /** Seconds after which the same request may succeed; null where it will not without a change. */
    readonly retryAfterS: number | null,
  ) {
    super(detail);
  }
}

/** Nobody answered, or the connection broke: whether a write was done is not known, so repeat it with the same id. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** A write stands, and is not in force everywhere within the time given. */
export class NotAppliedError extends Error {
  override readonly name = 'NotAppliedError';
  constructor(readonly progress: Progress) {
    const { revision, pending, failed } = progress;
    const count = (hosts: number | readonly unknown[]): number => (typeof hosts === 'number' ? hosts : hosts.length);
    super(`revision ${revision} is not in force: ${count(pending)} pending, ${count(failed)} failed`);
  }
}

/** The error that an answer is; `body` is what it said, parsed, or text. */
export function problemOf(status: number, body: unknown, retryAfter: string | undefined): ProblemError {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Partial<Problem>;
  return new ProblemError(
    status,
    problem.code ?? 'unknown',
    problem.detail ?? `The controller answered ${status}.`,
    problem.help ?? '',
    problem.pointer ?? null,
    problem.related ?? [],
    problem.operation ?? null,
    retryAfter !== undefined && /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : null,
  );
}
