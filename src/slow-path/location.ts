/** Where a punted packet was, in terms of the network: from the numbers that the switch says to rows, and only those of that host. */
import { parseCidr } from '../base/address.js';
import { tunnelMtu } from '../model/effective-mtu.js';
import type { PuntedAt } from '../compiler/punts/punted-packet.js';
import type { NetworkReader } from '../view/network-view.js';
import { all, type ViewRow } from '../view/rows.js';

type BoundPort = ViewRow<'bound-ports'>;
type Router = ViewRow<'logical-routers'>;
type RouterPort = ViewRow<'logical-router-ports'>;

/** A router and the interface of it that speaks to the sender. */
export interface RouterInterface {
  readonly router: Router;
  readonly port: RouterPort;
}

/** The port whose packet it is, or whose rules judged it: it must be bound to the hypervisor that sent the packet. */
export function portOf(view: NetworkReader, hypervisorId: string, at: PuntedAt): BoundPort | null {
  const ports = view.by('bound-ports', 'hypervisorId', hypervisorId);
  const isIt = (port: BoundPort): boolean =>
    at.puntClass === 'reject' ? port.ctZone === at.ctZone : port.number === at.origin;
  return ports.find(isIt) ?? null;
}

/**
 * The router that drops the packet, or through which it came before it was dropped on a switch; null: none had it. Of its interfaces the
 * one on the sender's switch, if there is one, else that by which the packet came or went.
 */
export function routerOf(view: NetworkReader, sender: BoundPort, at: PuntedAt): RouterInterface | null {
  const found = routerAt(view, at);
  if (found === null) return null;
  const near = view
    .by('logical-router-ports', 'logicalRouterId', found.router.id)
    .find(port => port.logicalSwitchId === sender.logicalSwitchId);
  return { router: found.router, port: near ?? found.port };
}

function routerAt(view: NetworkReader, { datapath, inPort }: PuntedAt): RouterInterface | null {
  const key = Number(datapath);
  const [router] = view.by('logical-routers', 'datapathKey', key);
  if (router !== undefined) {
    const port = view.by('logical-router-ports', 'logicalRouterId', router.id).find(each => each.portKey === inPort);
    return port === undefined ? null : { router, port };
  }
  const [logicalSwitch] = view.by('logical-switches', 'datapathKey', key);
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
  const to = view.by('hypervisors', 'all', all).find(row => row.hypervisorKey === toKey);
  return to === undefined ? tunnelMtu(from) : Math.min(tunnelMtu(from), tunnelMtu(to));
}
