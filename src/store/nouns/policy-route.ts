import type { PolicyRoute } from '../../model/index.js';
import { checkPolicyIsAlone, checkPolicyRoute } from '../../model/policy-invariants.js';
import { refuse } from '../../model/value-types.js';
import type { Behaviour } from './behaviour.js';
import { requireRow } from './require.js';

export const policyRouteBehaviour: Behaviour<'policy-routes'> = {
  async complete(unit, request, _current, common) {
    const logicalRouterId = request.logicalRouterId ?? refuse('missing_member', '/logical_router_id', 'It is missing.');
    const router = await requireRow(unit, 'logical-routers', logicalRouterId, '/logical_router_id');
    const row: PolicyRoute = {
      ...common,
      logicalRouterId,
      priority: request.priority ?? refuse('missing_member', '/priority', 'It is missing.'),
      source: request.source ?? null,
      destination: request.destination ?? null,
      protocol: request.protocol ?? null,
      portMin: request.portMin ?? null,
      portMax: request.portMax ?? null,
      mark: request.mark ?? null,
      action: request.action ?? refuse('missing_member', '/action', 'It is missing.'),
      nextHops: request.nextHops ?? [],
    };
    const siblings = await unit.children('policy-routes', 'logicalRouterId', logicalRouterId);
    const routerPorts = await unit.children('logical-router-ports', 'logicalRouterId', logicalRouterId);
    checkPolicyRoute(row, router, routerPorts);
    checkPolicyIsAlone(row, siblings);
    return row;
  },
  claims: () => [],
};
