/** What Postgres and the driver report, as errors of Weft's table. */
import { WeftError } from '../base/errors.js';

/** The SQLSTATE of an error, or the code of a system call; null if it has neither. */
export function errorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK = '40P01';
const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';
/** The transaction has failed before; nothing but its end is accepted. */
const IN_FAILED_TRANSACTION = '25P02';
/** A statement that was to be prepared by a batch that failed is not there. */
const NOT_PREPARED = '26000';

/** Whether the error is only that of another before it. */
export function isFollowingFailure(error: unknown): boolean {
  const code = errorCode(error);
  return code === IN_FAILED_TRANSACTION || code === NOT_PREPARED;
}

/**
 * Whether the transaction may succeed when it runs again: it lost against a concurrent one. A unique or foreign key violation is
 * such a loss too, because what could be seen was checked before: the second run sees it, and says what it is.
 */
export function isCollision(error: unknown): boolean {
  const code = errorCode(error);
  return code !== null && [SERIALIZATION_FAILURE, DEADLOCK, UNIQUE_VIOLATION, FOREIGN_KEY_VIOLATION].includes(code);
}

const STORAGE_FULL = new Set(['53100', 'ENOSPC']);

/** Whether the error says that the database cannot serve now: it starts, stops, is full of clients or out of reach. */
function isUnavailable(error: unknown): boolean {
  const code = errorCode(error);
  if (code !== null) {
    if (/^(08|57P|53|58)/.test(code) || code === '25P03' || code === '57014') return true;
    if (/^E[A-Z]+$/.test(code)) return true;
  }
  return error instanceof Error && /terminated|timeout|Connection ended|not queryable/i.test(error.message);
}

/** Whether the driver gave up opening a connection, or waiting for one. */
export function isConnectTimeout(error: unknown): boolean {
  return error instanceof Error && /timeout (expired|exceeded)|connection timeout/i.test(error.message);
}

/** Whether the error is of the connection itself, not an answer of the server. */
export function isConnectionLoss(error: unknown): boolean {
  const code = errorCode(error);
  if (code !== null) return /^(08|57P01|57P02)/.test(code) || ['ECONNRESET', 'EPIPE', 'ECONNABORTED'].includes(code);
  return error instanceof Error && /terminated|Connection ended|not queryable/i.test(error.message);
}

/** Translates an error of the database; what is neither ours nor expected stays as it is and is a programmer's error. */
export function translateDatabaseError(error: unknown, committing: boolean): unknown {
  if (error instanceof WeftError) return error;
  const code = errorCode(error);
  if (code !== null && STORAGE_FULL.has(code))
    return new WeftError('storage_full', { detail: 'The database could not write.', cause: error });
  if (!isUnavailable(error)) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new WeftError(committing ? 'outcome_unknown' : 'store_unavailable', { detail, cause: error });
}
