import type { RowOf } from '../../model/index.js';
import { checkNextHop } from '../../model/invariants.js';
import { refuse } from '../../model/value-types.js';
import type { UnitOfWork } from '../unit-of-work.js';
import type { Behaviour } from './behaviour.js';
import { requireRow } from './require.js';

export const bfdSessionBehaviour: Behaviour<'bfd-sessions'> = {
  async complete(unit, request, current, common) {
    const logicalRouterPortId =
      request.logicalRouterPortId ?? refuse('missing_member', '/logical_router_port_id', 'It is missing.');
    const port = await requireRow(unit, 'logical-router-ports', logicalRouterPortId, '/logical_router_port_id');
    if (port.logicalSwitchId === null)
      refuse('contradiction', '/logical_router_port_id', 'On a link between two routers of Weft nobody speaks BFD.');
    const enabled = request.enabled ?? true;
    const row: RowOf<'bfd-sessions'> = {
      ...common,
      logicalRouterPortId,
      ip: request.ip ?? refuse('missing_member', '/ip', 'It is missing.'),
      minTxMs: request.minTxMs ?? 1_000,
      minRxMs: request.minRxMs ?? 1_000,
      detectMultiplier: request.detectMultiplier ?? 3,
      enabled,
      // Nobody has found anything out of a session that was not there.
      finding: enabled && current?.enabled === true ? current.finding : null,
    };
    // A port that has lost the network since is no reason to refuse another change.
    if (current === null) checkNextHop(row.ip, [port], '/ip');
    const siblings = await unit.children('bfd-sessions', 'logicalRouterPortId', logicalRouterPortId);
    const same = siblings.find(other => other.id !== row.id && other.ip === row.ip);
    if (same !== undefined)
      refuse('bfd_session_in_use', '/ip', `BFD session ${same.id} is with this neighbour.`, [
        { kind: 'bfd-sessions', id: same.id },
      ]);
    return row;
  },
  claims: () => [],
};

/** A neighbour is alive, or is not any more. */
export interface BfdFinding {
  readonly sessionId: string;
  readonly isUp: boolean;
  /** Code of RFC 5880, section 4.1. */
  readonly diagnostic: number;
}

/** Writes down which neighbours are alive, of sessions that still are to find it out. */
export async function recordBfd(unit: UnitOfWork, findings: readonly BfdFinding[]): Promise<void> {
  await unit.prefetch(
    'bfd-sessions',
    findings.map(({ sessionId }) => sessionId),
  );
  for (const { sessionId, isUp, diagnostic } of findings) {
    const row = await unit.get('bfd-sessions', sessionId);
    if (row === null || !row.enabled || row.finding?.isUp === isUp) continue;
    const finding = { isUp, diagnostic, since: unit.now };
    unit.put('bfd-sessions', row.id, { ...row, finding, updatedAt: unit.now });
  }
}
