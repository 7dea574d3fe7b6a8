import type { StaticNeighbour } from '../../model/index.js';
import { checkNextHop } from '../../model/invariants.js';
import { refuse } from '../../model/value-types.js';
import type { Behaviour } from './behaviour.js';
import { requireRow } from './require.js';

export const staticNeighbourBehaviour: Behaviour<'static-neighbours'> = {
  async complete(unit, request, _current, common) {
    const logicalRouterPortId =
      request.logicalRouterPortId ?? refuse('missing_member', '/logical_router_port_id', 'It is missing.');
    const port = await requireRow(unit, 'logical-router-ports', logicalRouterPortId, '/logical_router_port_id');
    if (port.logicalSwitchId === null)
      refuse('contradiction', '/logical_router_port_id', 'A router port with a peer has no neighbour but that.');
    const row: StaticNeighbour = {
      ...common,
      logicalRouterPortId,
      ip: request.ip ?? refuse('missing_member', '/ip', 'It is missing.'),
      mac: request.mac ?? refuse('missing_member', '/mac', 'It is missing.'),
    };
    checkNextHop(row.ip, [port], '/ip');
    const siblings = await unit.children('static-neighbours', 'logicalRouterPortId', logicalRouterPortId);
    const same = siblings.find(other => other.id !== row.id && other.ip === row.ip);
    if (same !== undefined)
      refuse('static_neighbour_in_use', '/ip', `Static neighbour ${same.id} has this address.`, [
        { kind: 'static-neighbours', id: same.id },
      ]);
    return row;
  },
  claims: () => [],
};
