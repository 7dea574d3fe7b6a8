/**
 * Next hops of routes of every kind: which port of the router leads to each, whether it is alive, and what sends packets there. Of several
 * the data path chooses by a hash of the connection (dp_hash), so a connection keeps its next hop.
 */
import { cidrContains } from '../../base/address.js';
import { isGatewayPort } from '../../model/gateway.js';
import { neighbourPlace } from '../../view/neighbour-rows.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { Action } from '../../../southbound/openflow/action.js';
import type { Group } from '../fragment.js';
import { groupId } from '../identifiers.js';
import { advance, group, set, type Step } from '../pipeline/actions.js';
import { cidrValue, ipValue } from '../pipeline/addresses.js';
import { lrInArpResolve } from '../pipeline/router-ingress.js';
import { forward, type Routed, useTtl } from './router.js';

type RouterPort = NetworkRow<'logical-router-ports'>;
type Router = NetworkRow<'logical-routers'>;

const ecmpSlot = 0;

/** A next hop, as it was asked for. `bucketId`: names it among the others. */
export interface Wanted {
  readonly bucketId: number;
  readonly nextHop: string;
}

export interface NextHop {
  readonly bucketId: number;
  readonly portKey: number;
  /** It leaves by the gateway of the router. */
  readonly isOutside: boolean;
  /** BFD has found it dead. */
  readonly isDown: boolean;
  readonly resolve: Step<never, 'address4' | 'address6'>;
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

/** Whether somebody watches the neighbour and has lost it. What nobody has found out yet counts as alive. */
function isDown(routerPortId: string, nextHop: string, view: TrackedView): boolean {
  const sessions = view.by('bfd-sessions', 'neighbour', neighbourPlace(routerPortId, nextHop));
  return sessions.some(({ finding }) => finding?.isUp === false);
}

function reached(
  { bucketId, nextHop }: Wanted,
  router: Router,
  ports: readonly RouterPort[],
  view: TrackedView,
): NextHop | null {
  const { family, value } = ipValue(nextHop);
  let best: { readonly port: RouterPort; readonly length: number } | null = null;
  for (const port of ports) {
    const length = reaches(port, nextHop, view);
    if (length !== null && (best === null || length > best.length)) best = { port, length };
  }
  if (best === null) return null;
  return {
    bucketId,
    portKey: best.port.portKey,
    isOutside: isGatewayPort(router, best.port),
    isDown: isDown(best.port.id, nextHop, view),
    resolve: family === 4 ? set({ address4: value }) : set({ address6: value }),
  };
}

/**
 * Those of the next hops that ports of the router lead to, and whether some of them are dead. Alive ones are all inside or all outside, and those
 * inside before the others. The gateway chooses once more among what was sent to it to leave, and from there no tunnel leads back inside.
 */
export function reachedNextHops(
  wanted: readonly Wanted[],
  router: Router,
  view: TrackedView,
): { readonly alive: readonly NextHop[]; readonly areDead: boolean } {
  const ports = view.by('logical-router-ports', 'logicalRouterId', router.id);
  const found = wanted.flatMap(each => reached(each, router, ports, view) ?? []);
  const alive = found.filter(each => !each.isDown);
  const inside = alive.filter(({ isOutside }) => !isOutside);
  return { alive: inside.length > 0 ? inside : alive, areDead: alive.length < found.length };
}

/** What leads to one of several next hops, and the group that chooses. */
export interface Way {
  readonly actions: readonly Step<'ipv4Dst' | 'ipv6Dst', Routed>[];
  readonly groups: readonly Group[];
}

/**
 * To one of these next hops, all of them inside or all outside; null: there is none.
 * @param objectNumber owns the group
 * @param bucket the actions of a bucket, in the stage that the way begins in
 */
export function wayTo(
  nextHops: readonly NextHop[],
  objectNumber: number,
  bucket: (steps: readonly Step<never, Routed>[]) => readonly Action[],
): Way | null {
  const [only, ...others] = nextHops;
  if (only === undefined) return null;
  if (others.length === 0) return { actions: forward(only.portKey, only.resolve, only.isOutside), groups: [] };
  const id = groupId(objectNumber, ecmpSlot);
  const choice: Group = {
    id,
    type: 'select',
    selectionMethod: { name: 'dp_hash' },
    buckets: nextHops.map(({ bucketId, portKey, resolve }) => ({
      bucketId,
      weight: 1,
      actions: bucket([resolve, set({ outPort: portKey }), advance(lrInArpResolve)]),
    })),
  };
  return { actions: [...useTtl(only.isOutside), group(id)], groups: [choice] };
}
