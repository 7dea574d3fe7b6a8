/**
 * Where a BFD session of a router port runs: on the hypervisor that has the port of the neighbour, or, where the neighbour is outside, on the
 * gateway of the router.
 */
import { type IpAddress, parseIp, parseMac } from '../base/address.js';
import { sourceTowards } from '../model/bfd-session.js';
import { actingGateway, isGatewayPort } from '../model/gateway.js';
import type { LogicalRouterPort } from '../model/index.js';
import { isAddressOf } from '../model/port-addresses.js';
import type { NetworkReader } from './network-view.js';
import { type ViewRow, virtualPlace } from './rows.js';

export interface BfdPlace {
  readonly hypervisorId: string;
  /** The number of the logical switch port that has the neighbour's address; null: it is outside. */
  readonly origin: number | null;
  /** The router port: its address and MAC, and where it is on its logical switch. */
  readonly own: IpAddress;
  readonly mac: bigint;
  readonly datapath: number;
  readonly inPort: number;
  readonly neighbour: IpAddress;
}

/** Whether a hypervisor has lost the one with the key. */
export type IsGone = (hypervisorId: string, peerKey: number) => boolean;

type Session = Pick<ViewRow<'bfd-sessions'>, 'logicalRouterPortId' | 'ip'>;

/** Text: why it runs nowhere. */
export function bfdPlace(view: NetworkReader, { logicalRouterPortId, ip }: Session, isGone: IsGone): BfdPlace | string {
  const port = view.get('logical-router-ports', logicalRouterPortId);
  const router = port === null ? null : view.get('logical-routers', port.logicalRouterId);
  const switchId = port?.logicalSwitchId ?? null;
  const logicalSwitch = switchId === null ? null : view.get('logical-switches', switchId);
  if (port === null || router === null || logicalSwitch === null || port.switchPortKey === null)
    return 'its router port is on no logical switch';
  if (!router.enabled) return 'its logical router is disabled';
  const own = sourceTowards(port.networks, ip);
  const neighbour = parseIp(ip);
  const mac = parseMac(port.mac);
  if (own === null || neighbour === null || mac === null) return 'its router port has no network with that address';
  const ends = { own, mac, neighbour, datapath: logicalSwitch.datapathKey, inPort: port.switchPortKey };
  if (isGatewayPort(router, port)) {
    const acting = actingGateway(view.by('gateway-places', 'logicalRouterId', router.id), isGone);
    return acting === null
      ? 'its logical router has no gateway now'
      : { ...ends, hypervisorId: acting.hypervisorId, origin: null };
  }
  const owner = ownerOf(view, port, logicalSwitch.id, neighbour, ip);
  if (owner === null) return 'no port of the logical switch has that address';
  const bound = view.get('bound-ports', owner);
  return bound === null
    ? 'the port that has that address is not bound'
    : { ...ends, hypervisorId: bound.hypervisorId, origin: bound.number };
}

/** The port to which the router sends for that address: as static neighbours, virtual addresses and ports say it, in this order. */
function ownerOf(
  view: NetworkReader,
  { id: logicalRouterPortId }: Pick<LogicalRouterPort, 'id'>,
  logicalSwitchId: string,
  neighbour: IpAddress,
  ip: string,
): string | null {
  const ports = (): readonly ViewRow<'logical-switch-ports'>[] =>
    view.by('logical-switch-ports', 'logicalSwitchId', logicalSwitchId);
  const told = view.by('static-neighbours', 'logicalRouterPortId', logicalRouterPortId).find(each => each.ip === ip);
  if (told !== undefined) return ports().find(({ mac }) => mac === told.mac)?.id ?? null;
  const [moving] = view.by('virtual-addresses', 'address', virtualPlace(logicalSwitchId, ip));
  if (moving !== undefined) return moving.holderId;
  return ports().find(port => isAddressOf(port, neighbour))?.id ?? null;
}
