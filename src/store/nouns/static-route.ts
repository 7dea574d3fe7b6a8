import type { StaticRoute } from '../../model/index.js';
import { checkStaticRoute } from '../../model/invariants.js';
import { refuse } from '../../model/value-types.js';
import type { Behaviour } from './behaviour.js';
import { requireRow } from './require.js';

export const staticRouteBehaviour: Behaviour<'static-routes'> = {
  async complete(unit, request, _current, common) {
    const logicalRouterId = request.logicalRouterId ?? refuse('missing_member', '/logical_router_id', 'It is missing.');
    const destination = request.destination ?? refuse('missing_member', '/destination', 'It is missing.');
    await requireRow(unit, 'logical-routers', logicalRouterId, '/logical_router_id');
    const row: StaticRoute = {
      ...common,
      logicalRouterId,
      destination,
      nextHop: request.nextHop ?? null,
      discard: request.discard ?? false,
    };
    const siblings = await unit.children('static-routes', 'logicalRouterId', logicalRouterId);
    const routerPorts = await unit.children('logical-router-ports', 'logicalRouterId', logicalRouterId);
    checkStaticRoute(row, siblings, routerPorts);
    return row;
  },
  claims: () => [],
};
