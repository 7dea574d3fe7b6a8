/**
 * Static routes. Those of one router with one destination are one route with several next hops (ECMP): the first of
 * them, by id, speaks for all. The group hashes in the data path (dp_hash), so a connection keeps its next hop.
 */
import { cidrContains } from '../../base/address.js';
import { isGatewayPort } from '../../model/gateway.js';
import { routeDestination } from '../../view/rows.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { FragmentBody } from '../fragment.js';
import { groupId } from '../identifiers.js';
import { drop, group, next, set, type Step } from '../pipeline/actions.js';
import { anyOf, cidrValue, ipValue } from '../pipeline/addresses.js';
import { bucketActions, flow } from '../pipeline/flow.js';
import { lrInIpRouting } from '../pipeline/router-ingress.js';
import { rule } from '../rule.js';
import { routePriority } from './route-priority.js';
import { forward, useTtl } from './router.js';

type StaticRoute = NetworkRow<'static-routes'>;
type RouterPort = NetworkRow<'logical-router-ports'>;

const ecmpSlot = 0;

interface Member {
  readonly routeNumber: number;
  readonly portKey: number;
  /** It leaves by the gateway of the router. */
  readonly isOutside: boolean;
  readonly nextHop: Step<never, 'address4' | 'address6'>;
}

/** Whether the next hop can be on the link of the port: the peer itself, or any address of a switch's network. */
function reaches(port: RouterPort, nextHop: string, view: TrackedView): number | null {
  const address = ipValue(nextHop);
  const matching = port.networks.map(cidrValue).filter(network => cidrContains(network, address));
  const isOwn = matching.some(network => network.address === address.value);
  if (matching.length === 0 || isOwn) return null;
  if (port.logicalSwitchId === null) {
    const peer = port.peerId === null ? null : view.get('logical-router-ports', port.peerId);
    const peerAddresses = (peer?.networks ?? []).map(cidrValue);
    if (!peerAddresses.some(({ family, address: ip }) => family === address.family && ip === address.value))
      return null;
  }
  return Math.max(...matching.map(({ prefixLength }) => prefixLength));
}

function memberOf(
  route: StaticRoute,
  router: NetworkRow<'logical-routers'>,
  ports: readonly RouterPort[],
  view: TrackedView,
): Member | null {
  if (route.nextHop === null) return null;
  const { family, value } = ipValue(route.nextHop);
  let best: { readonly port: RouterPort; readonly length: number } | null = null;
  for (const port of ports) {
    const length = reaches(port, route.nextHop, view);
    if (length !== null && (best === null || length > best.length)) best = { port, length };
  }
  if (best === null) return null;
  return {
    routeNumber: route.number,
    portKey: best.port.portKey,
    isOutside: isGatewayPort(router, best.port),
    nextHop: family === 4 ? set({ address4: value }) : set({ address6: value }),
  };
}

function membersOf(
  routes: readonly StaticRoute[],
  router: NetworkRow<'logical-routers'>,
  view: TrackedView,
): readonly Member[] {
  const ports = view.by('logical-router-ports', 'logicalRouterId', router.id);
  const byNextHop = new Map(routes.map(route => [route.nextHop, route]));
  return [...byNextHop.values()].flatMap(route => memberOf(route, router, ports, view) ?? []);
}

type RoutingFlows = Pick<FragmentBody, 'flows' | 'groups'>;

function routeFlows(
  route: StaticRoute,
  router: NetworkRow<'logical-routers'>,
  routes: readonly StaticRoute[],
  view: TrackedView,
): RoutingFlows {
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
  const members = membersOf(routes, router, view);
  const [only, ...others] = members;
  if (only === undefined) return { flows: [flow(lrInIpRouting, { ...at, actions: [drop('next_hop_unreachable')] })] };
  if (others.length === 0) {
    return { flows: [flow(lrInIpRouting, { ...at, actions: forward(only.portKey, only.nextHop, only.isOutside) })] };
  }
  const id = groupId(route.number, ecmpSlot);
  const isMixed = others.some(({ isOutside }) => isOutside !== only.isOutside);
  return {
    flows: [flow(lrInIpRouting, { ...at, actions: [...(isMixed ? [] : useTtl(only.isOutside)), group(id)] })],
    groups: [
      {
        id,
        type: 'select',
        selectionMethod: { name: 'dp_hash' },
        buckets: members.map(({ routeNumber, portKey, isOutside, nextHop }) => ({
          bucketId: routeNumber,
          weight: 1,
          actions: bucketActions(lrInIpRouting, [
            ...(isMixed ? useTtl(isOutside) : []),
            nextHop,
            set({ outPort: portKey }),
            next,
          ]),
        })),
      },
    ],
  };
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
    return {
      scope: { kind: 'datapath', datapathId: router.id },
      ...routeFlows(route, router, routes, view),
    };
  },
});
