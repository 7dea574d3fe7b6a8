/**
 * A hypervisor that has become the gateway of a router says so outside: gratuitous ARP (RFC 5227) and unsolicited neighbour advertisements,
 * from which the physical network learns where the router's MAC is now. What the gateway sends anyway would teach it the same, later.
 */
import { parseCidr, parseMac } from '../base/address.js';
import type { NetworkReader, Touched } from '../view/network-view.js';
import type { ViewRow } from '../view/rows.js';
import type { Answer } from './answer.js';
import { arpRequest, neighbourAdvertisement } from './packets/neighbour.js';

/** Said several times, for the first may come before the gateway's flows, or be lost. */
export const announcedAfterMs = [300, 1_000, 3_000] as const;

/** Ids of the gateway places that are gateways now, and were not. */
export function newGateways({ changes }: Pick<Touched, 'changes'>): readonly string[] {
  return changes.flatMap(change =>
    change.kind === 'gateway-places' && change.after?.rank === 0 && change.before?.rank !== 0 ? [change.id] : [],
  );
}

/** The gateway of that place, as it is now; null: it is none any more. */
export function gatewayAt(view: NetworkReader, placeId: string): ViewRow<'gateway-places'> | null {
  const place = view.get('gateway-places', placeId);
  return place?.rank === 0 ? place : null;
}

/** What the gateway says of each address that the router has outside. */
export function gatewayAnnouncements(
  view: NetworkReader,
  { logicalRouterId, logicalSwitchId }: ViewRow<'gateway-places'>,
): readonly Answer[] {
  const datapath = view.get('logical-switches', logicalSwitchId)?.datapathKey;
  if (datapath === undefined) return [];
  return view.by('logical-router-ports', 'logicalRouterId', logicalRouterId).flatMap(port => {
    const mac = parseMac(port.mac);
    const { switchPortKey } = port;
    if (port.logicalSwitchId !== logicalSwitchId || switchPortKey === null || mac === null) return [];
    return port.networks.flatMap((text): readonly Answer[] => {
      const network = parseCidr(text);
      if (network === null) return [];
      const { family, address } = network;
      const frame = family === 4 ? arpRequest(mac, address, address) : neighbourAdvertisement(mac, address);
      return [{ frame, into: { kind: 'switch', datapath, inPort: switchPortKey } }];
    });
  });
}
