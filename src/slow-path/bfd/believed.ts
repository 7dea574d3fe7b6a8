/** Whose BFD packet it is that a switch has sent: a session that runs there, and whose neighbour has sent it. */
import { formatIp } from '../../base/address.js';
import { bfdPlace, type IsGone } from '../../view/bfd-places.js';
import { neighbourPlace } from '../../view/neighbour-rows.js';
import type { NetworkReader } from '../../view/network-view.js';
import { gatewayPlaceId, type ViewRow } from '../../view/rows.js';
import type { Punted } from '../answer.js';
import { bfdPorts, bfdTtl, type ControlPacket, parseControl } from '../packets/bfd.js';
import { fixedHeader, parseFrame } from '../packets/frame.js';
import { parseDatagram } from '../packets/udp.js';

const neverGone: IsGone = () => false;

/**
 * The session that the packet is of, if its neighbour can have sent it: on a logical switch the very port that has the address, outside
 * whoever is heard by a hypervisor that can be the gateway. Null: of none.
 */
export function sessionOf(
  view: NetworkReader,
  { hypervisorId, at, data }: Pick<Punted, 'hypervisorId' | 'at' | 'data'>,
): ViewRow<'bfd-sessions'> | null {
  const [router] = view.by('logical-routers', 'datapathKey', at.datapath);
  const header = fixedHeader(data);
  if (router === undefined || header === null) return null;
  const port = view
    .by('logical-router-ports', 'logicalRouterId', router.id)
    .find(({ portKey }) => portKey === at.inPort);
  if (port === undefined) return null;
  const [session] = view.by('bfd-sessions', 'neighbour', neighbourPlace(port.id, formatIp(header.family, header.src)));
  if (session === undefined || !session.enabled) return null;
  const place = bfdPlace(view, session, neverGone);
  if (typeof place === 'string' || place.own.value !== header.dst) return null;
  const isThere =
    place.origin === null
      ? view.get('gateway-places', gatewayPlaceId(router.id, hypervisorId)) !== null
      : place.origin === at.origin && place.hypervisorId === hypervisorId;
  return isThere ? session : null;
}

/** What the neighbour says; null: nothing that a session may hear (RFC 5881, section 5; RFC 5880, section 6.8.6). */
export function controlIn(data: Uint8Array): ControlPacket | null {
  const packet = parseFrame(data)?.packet;
  if (packet === undefined || packet.ttl !== bfdTtl) return null;
  const datagram = parseDatagram(packet);
  return datagram?.dstPort === bfdPorts.control ? parseControl(datagram.payload) : null;
}
