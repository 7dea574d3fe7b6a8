/**
 * Neighbours outside that the gateway of a router does not know: Weft asks for them in the name of the router, by ARP (RFC 826) or neighbour
 * solicitation (RFC 4861). The switch itself learns from the answer. What was to be sent is lost, and sent again by whoever sent it.
 */
import type { IpFamily } from '../base/address.js';
import { parseMac } from '../base/address.js';
import { puntClassEntries } from '../compiler/punts/punted-packet.js';
import { isGatewayPort } from '../model/gateway.js';
import type { NetworkReader } from '../view/network-view.js';
import { gatewayPlaceId } from '../view/rows.js';
import type { Account, Answer, Punted, Silence } from './answer.js';
import { addressOf, type RouterInterface } from './location.js';
import { etherType } from './packets/frame.js';
import { arpRequest, neighbourSolicitation } from './packets/neighbour.js';

/** What is asked for one router is limited in so many parts, by the address asked for: who asks for many leaves the other parts as they are. */
const parts = 16n;

/** The port by which a router is outside, on a hypervisor that can be its gateway. */
function gatewayPort(view: NetworkReader, { hypervisorId, at }: Punted): RouterInterface | null {
  const [logicalSwitch] = view.by('logical-switches', 'datapathKey', at.datapath);
  if (logicalSwitch === undefined) return null;
  const port = view
    .by('logical-router-ports', 'logicalSwitchId', logicalSwitch.id)
    .find(each => each.switchPortKey === at.inPort);
  const router = port === undefined ? null : view.get('logical-routers', port.logicalRouterId);
  if (port === undefined || router === null || !isGatewayPort(router, port)) return null;
  return view.get('gateway-places', gatewayPlaceId(router.id, hypervisorId)) === null ? null : { router, port };
}

/** The family of a frame, by its type; null: it is not IP. */
function familyOf(frame: Uint8Array): IpFamily | null {
  const type = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  return type === etherType[4] ? 4 : type === etherType[6] ? 6 : null;
}

export function neighbourAccount(view: NetworkReader, punted: Punted): Account | Silence {
  const found = gatewayPort(view, punted);
  const family = familyOf(punted.data);
  if (found === null || family === null) return 'foreign_port';
  const part = punted.at.nextHop[family] % parts;
  return { port: null, key: `${found.port.id} ${part}`, rate: puntClassEntries.neighbour };
}

/** The question, into the logical switch outside as if the router had sent it. */
export function neighbourQuestion(view: NetworkReader, punted: Punted): Answer | Silence {
  const found = gatewayPort(view, punted);
  const family = familyOf(punted.data);
  if (found === null || family === null) return 'foreign_port';
  const target = punted.at.nextHop[family];
  const source = addressOf(found, family, target);
  const mac = parseMac(found.port.mac);
  if (source === null || mac === null) return 'no_address';
  return {
    frame: family === 4 ? arpRequest(mac, source, target) : neighbourSolicitation(mac, source, target),
    into: { kind: 'switch', datapath: punted.at.datapath, inPort: punted.at.inPort },
  };
}
