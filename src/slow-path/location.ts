/** Where a punted packet was, in terms of the network: from the numbers that the switch says to rows, and only those of that host. */
import { broadcastAddress, parseCidr } from '../base/address.js';
import { tunnelMtu } from '../model/effective-mtu.js';
import { isGatewayPort } from '../model/gateway.js';
import type { PuntedAt } from '../compiler/punts/punted-packet.js';
import type { NetworkReader } from '../view/network-view.js';
import { broadcastPlace, gatewayPlaceId, residencyId, type ViewRow, zonePlace } from '../view/rows.js';

type BoundPort = ViewRow<'bound-ports'>;
type Router = ViewRow<'logical-routers'>;
type RouterPort = ViewRow<'logical-router-ports'>;

/** A router and the interface of it that speaks to the sender. */
export interface RouterInterface {
  readonly router: Router;
  readonly port: RouterPort;
}

/** The port whose packet it is: it must be bound to the hypervisor that sent the packet. */
export function senderOf(view: NetworkReader, hypervisorId: string, { origin }: PuntedAt): BoundPort | null {
  return view.by('bound-ports', 'number', origin).find(port => port.hypervisorId === hypervisorId) ?? null;
}

/** The port of that hypervisor whose rules were asked last. */
export function judgeOf(view: NetworkReader, hypervisorId: string, { ctZone }: PuntedAt): BoundPort | null {
  return view.by('bound-ports', 'zone', zonePlace(hypervisorId, ctZone))[0] ?? null;
}

/** The switch that the packet was in, as far as it is the sender's own. */
export function switchOf(
  view: NetworkReader,
  sender: BoundPort,
  { datapath }: PuntedAt,
): ViewRow<'logical-switches'> | null {
  const own = view.get('logical-switches', sender.logicalSwitchId);
  return own?.datapathKey === datapath ? own : null;
}

/** Whether the address is for everybody on a network of that switch or of the router. */
export function isDirectedBroadcast(
  view: NetworkReader,
  logicalSwitchId: string,
  router: RouterInterface | null,
  address: bigint,
): boolean {
  if (
    router !== null &&
    view.by('logical-router-ports', 'broadcast', broadcastPlace(router.router.id, address)).length > 0
  )
    return true;
  const networks = [
    ...view.by('subnets', 'logicalSwitchId', logicalSwitchId).map(({ cidr }) => cidr),
    ...view.by('logical-router-ports', 'logicalSwitchId', logicalSwitchId).flatMap(port => port.networks),
  ];
  return networks.flatMap(broadcastAddress).includes(address);
}

/**
 * The router that drops the packet, or through which it came before it was dropped on a switch; null: none had it. Of its interfaces the
 * one on the sender's switch, if there is one, else that by which the packet came or went. Only one that the sender's hypervisor holds.
 */
export function routerOf(view: NetworkReader, sender: BoundPort, at: PuntedAt): RouterInterface | null {
  const found = routerAt(view, at);
  if (found === null || view.get('residencies', residencyId(found.router.id, sender.hypervisorId)) === null)
    return null;
  const near = view
    .by('logical-router-ports', 'logicalRouterId', found.router.id)
    .find(port => port.logicalSwitchId === sender.logicalSwitchId);
  return { router: found.router, port: near ?? found.port };
}

/**
 * The router that drops what came from outside, or by which it came, and its port there: only on a hypervisor that can be its gateway.
 */
export function gatewayRouterOf(view: NetworkReader, hypervisorId: string, at: PuntedAt): RouterInterface | null {
  const router = routerAt(view, at)?.router;
  if (router === undefined || view.get('gateway-places', gatewayPlaceId(router.id, hypervisorId)) === null) return null;
  const port = view.by('logical-router-ports', 'logicalRouterId', router.id).find(each => isGatewayPort(router, each));
  return port === undefined ? null : { router, port };
}

function routerAt(view: NetworkReader, { datapath, inPort }: PuntedAt): RouterInterface | null {
  const [router] = view.by('logical-routers', 'datapathKey', datapath);
  if (router !== undefined) {
    const port = view.by('logical-router-ports', 'logicalRouterId', router.id).find(each => each.portKey === inPort);
    return port === undefined ? null : { router, port };
  }
  const [logicalSwitch] = view.by('logical-switches', 'datapathKey', datapath);
  if (logicalSwitch === undefined) return null;
  const port = view
    .by('logical-router-ports', 'logicalSwitchId', logicalSwitch.id)
    .find(each => each.switchPortKey === inPort);
  const owner = port === undefined ? null : view.get('logical-routers', port.logicalRouterId);
  return port === undefined || owner === null ? null : { router: owner, port };
}

/** The interface's address of that family: the one in the network of `towards`, else its first; null if it has none. */
export function addressOf({ port }: RouterInterface, family: 4 | 6, towards: bigint): bigint | null {
  const networks = port.networks.flatMap(text => parseCidr(text) ?? []).filter(network => network.family === family);
  const width = family === 4 ? 32 : 128;
  const near = networks.find(({ network, prefixLength }) => {
    const hostBits = BigInt(width - prefixLength);
    return towards >> hostBits === network >> hostBits;
  });
  return (near ?? networks[0])?.address ?? null;
}

/** The largest IP packet that fits the tunnel from one hypervisor to another, in bytes. Key 0: to whichever. */
export function tunnelCapacity(view: NetworkReader, fromId: string, toKey: number): number | null {
  const from = view.get('hypervisors', fromId);
  if (from === null) return null;
  const [to] = view.by('hypervisors', 'key', toKey);
  return to === undefined ? tunnelMtu(from) : Math.min(tunnelMtu(from), tunnelMtu(to));
}
