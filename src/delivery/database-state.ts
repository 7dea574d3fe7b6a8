/** What a reconciler has to know of a host's database: whether it may begin, and if not, why. */
import type { HostDatabaseStatus } from './host-database.js';
import type { DatabaseState } from './reconciler-context.js';

/** The database as a reconciler sees it. */
export function databaseState(status: HostDatabaseStatus): DatabaseState {
  switch (status.kind) {
    case 'joined':
    case 'standby':
      return { kind: 'ready' };
    case 'changing':
      return { kind: 'working', reason: status.summary };
    case 'waiting':
      return { kind: 'working', reason: status.reason };
    case 'refused':
    case 'failed':
      return { kind: 'failed', reason: status.reason };
    case 'unknown':
    case 'left':
      return { kind: 'failed', reason: 'its database is not connected' };
  }
}
