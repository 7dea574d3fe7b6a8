/**
 * Static routes. Those of one router with one destination are one route with several next hops (ECMP): the first of
 * them, by id, speaks for all. Where BFD has found all of them dead there is no such route, and shorter prefixes decide.
 */
import { routeDestination } from '../../view/rows.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { FragmentBody } from '../fragment.js';
import { drop } from '../pipeline/actions.js';
import { anyOf, cidrValue } from '../pipeline/addresses.js';
import { bucketActions, flow } from '../pipeline/flow.js';
import { lrInIpRouting } from '../pipeline/router-ingress.js';
import { rule } from '../rule.js';
import { reachedNextHops, wayTo, type Wanted } from './next-hops.js';
import { routePriority } from './route-priority.js';

type StaticRoute = NetworkRow<'static-routes'>;

/** Two routes with one next hop are one. */
function nextHopsOf(routes: readonly StaticRoute[]): readonly Wanted[] {
  const byNextHop = new Map(routes.map(({ nextHop, number }) => [nextHop, number]));
  return [...byNextHop].flatMap(([nextHop, bucketId]) => (nextHop === null ? [] : [{ bucketId, nextHop }]));
}

function routeFlows(
  route: StaticRoute,
  router: NetworkRow<'logical-routers'>,
  routes: readonly StaticRoute[],
  view: TrackedView,
): Pick<FragmentBody, 'flows' | 'groups'> | null {
  const { datapathKey: datapath } = router;
  const destination = cidrValue(route.destination);
  const any = anyOf(destination);
  const at = {
    priority: routePriority(destination.prefixLength, 'static'),
    match: { datapath, ...(destination.family === 4 ? { ipv4Dst: any } : { ipv6Dst: any }) },
  };
  if (routes.some(({ discard }) => discard)) {
    return { flows: [flow(lrInIpRouting, { ...at, actions: [drop('route_discard')] })] };
  }
  const { alive, areDead } = reachedNextHops(nextHopsOf(routes), router, view);
  const way = wayTo(alive, route.number, steps => bucketActions(lrInIpRouting, steps));
  if (way === null && areDead) return null;
  if (way === null) return { flows: [flow(lrInIpRouting, { ...at, actions: [drop('next_hop_unreachable')] })] };
  const flows = [flow(lrInIpRouting, { ...at, actions: way.actions })];
  return way.groups.length === 0 ? { flows } : { flows, groups: way.groups };
}

export const routingStaticRoute = rule({
  name: 'routing.static-route',
  number: 53,
  subjects: 'static-routes',
  compile: (route, view) => {
    const router = view.get('logical-routers', route.logicalRouterId);
    if (router === null) return null;
    const routes = view.by('static-routes', 'destination', routeDestination(router.id, route.destination));
    if (routes[0]?.id !== route.id) return null;
    const body = routeFlows(route, router, routes, view);
    return body === null ? null : { scope: { kind: 'datapath', datapathId: router.id }, ...body };
  },
});
