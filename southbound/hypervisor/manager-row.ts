/** Which of a host's Manager rows is the one through which it talks to us. */
import type { DatabaseSnapshot } from '../ovsdb/replica.js';
import type { Row } from '../ovsdb/schema.js';
import { parseTarget, type Target } from '../ovsdb/transport.js';
import type { Peer } from './endpoint.js';

const defaultOvsdbPort = 6640;

/** The target of an active Manager row (`tcp:HOST:PORT`); null for a passive one. */
export function activeTarget(manager: Row<'Manager'>): Target | null {
  return parseTarget(manager.target, defaultOvsdbPort);
}

/** The port of a passive Manager row, `ptcp:[PORT][:HOST]`; null for another kind of target. */
function passivePort(manager: Row<'Manager'>, transport: Peer['transport']): number | null {
  const match = /^p(tcp|ssl):(\d*)(?::|$)/.exec(manager.target);
  if (match?.[1] !== transport) return null;
  return match[2] ? Number(match[2]) : defaultOvsdbPort;
}

/** The only element of a list of one. */
function only<T>(list: readonly T[]): T | null {
  return list.length === 1 ? (list[0] ?? null) : null;
}

/** Null if there is none, or if several could be it. */
export function managerRowOf(database: DatabaseSnapshot, peer: Peer): Row<'Manager'> | null {
  const rows = [...database.rows('Manager').values()];
  if (peer.direction === 'dialled') {
    const dialled = peer.target === null ? null : parseTarget(peer.target);
    if (!dialled || dialled.kind === 'unix') return null;
    return only(rows.filter(row => passivePort(row, dialled.kind) === dialled.port));
  }
  const reached = rows.filter(row => {
    const target = activeTarget(row);
    return (
      target !== null && target.kind === peer.transport && target.kind !== 'unix' && target.port === peer.localPort
    );
  });
  const exact = reached.filter(row => {
    const target = activeTarget(row);
    return target !== null && target.kind !== 'unix' && target.host === peer.localHost;
  });
  // A name, or a translated address, is not our own address: then our port must be enough to tell.
  return only(exact.length > 0 ? exact : reached);
}
