/**
 * Neighbours outside that the gateway of a router does not know: Weft asks for them in the name of the router, by ARP (RFC 826) or neighbour
 * solicitation (RFC 4861). The switch itself learns from the answer. What was to be sent is lost, and sent again by whoever sent it.
 */
import type { IpFamily } from '../base/address.js';
import { formatIp, parseMac } from '../base/address.js';
import { puntClassEntries } from '../compiler/punts/punted-packet.js';
import { isGatewayPort } from '../model/gateway.js';
import type { NetworkReader } from '../view/network-view.js';
import { gatewayPlaceId } from '../view/rows.js';
import { sharedExternal } from '../view/translation-rows.js';
import type { Account, Answer, Punted, Silence } from './answer.js';
import { addressOf, type RouterInterface } from './location.js';
import { etherType } from './packets/frame.js';
import { arpRequest, neighbourSolicitation } from './packets/neighbour.js';

const ethernetHeaderBytes = 14;

/** What is asked for one router is limited in so many parts, by the address asked for: who asks for many leaves the other parts as they are. */
const parts = 16n;

/** The port by which a router is outside; null: that hypervisor neither can be its gateway nor has the floating IP that sends. */
function askerOf(view: NetworkReader, punted: Punted, family: IpFamily): Asker | null {
  const { hypervisorId, at } = punted;
  const [logicalSwitch] = view.by('logical-switches', 'datapathKey', at.datapath);
  if (logicalSwitch === undefined) return null;
  const port = view
    .by('logical-router-ports', 'logicalSwitchId', logicalSwitch.id)
    .find(each => each.switchPortKey === at.inPort);
  const router = port === undefined ? null : view.get('logical-routers', port.logicalRouterId);
  if (port === undefined || router === null || !isGatewayPort(router, port)) return null;
  const floating = floatingOf(view, router.id, punted, family);
  const isGateway = view.get('gateway-places', gatewayPlaceId(router.id, hypervisorId)) !== null;
  return floating !== null || isGateway ? { router, port, floating } : null;
}

/** Who asks for a neighbour: the router by its port outside, or a floating IP from the hypervisor of its workload. */
interface Asker extends RouterInterface {
  readonly floating: { readonly mac: bigint; readonly address: bigint } | null;
}

const mostSignificantFirst = (bytes: Uint8Array): bigint =>
  bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);

/** The source address of a frame of the family. */
function sourceOf(frame: Uint8Array, family: IpFamily): bigint {
  const at = ethernetHeaderBytes + (family === 4 ? 12 : 8);
  return mostSignificantFirst(frame.subarray(at, at + (family === 4 ? 4 : 16)));
}

/** A floating IP that the hypervisor speaks for: the frame has its addresses already. */
function floatingOf(
  view: NetworkReader,
  routerId: string,
  { hypervisorId, data }: Punted,
  family: IpFamily,
): Asker['floating'] {
  const address = sourceOf(data, family);
  const index = sharedExternal(routerId, formatIp(family, address));
  for (const { id, externalMac } of view.by('nat-rules', 'external', index)) {
    const mac = externalMac === null ? null : parseMac(externalMac);
    if (mac !== null && view.get('floating-places', id)?.hypervisorId === hypervisorId) return { mac, address };
  }
  return null;
}

/** The family of a frame, by its type; null: it is not IP. */
function familyOf(frame: Uint8Array): IpFamily | null {
  const type = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  return type === etherType[4] ? 4 : type === etherType[6] ? 6 : null;
}

export function neighbourAccount(view: NetworkReader, punted: Punted): Account | Silence {
  const family = familyOf(punted.data);
  const found = family === null ? null : askerOf(view, punted, family);
  if (found === null || family === null) return 'foreign_port';
  const part = punted.at.nextHop[family] % parts;
  return { port: null, key: `${found.port.id} ${part}`, rate: puntClassEntries.neighbour };
}

/** The question, into the logical switch outside as if the router had sent it. */
export function neighbourQuestion(view: NetworkReader, punted: Punted): Answer | Silence {
  const family = familyOf(punted.data);
  const found = family === null ? null : askerOf(view, punted, family);
  if (found === null || family === null) return 'foreign_port';
  const target = punted.at.nextHop[family];
  const source = found.floating?.address ?? addressOf(found, family, target);
  const mac = found.floating?.mac ?? parseMac(found.port.mac);
  if (source === null || mac === null) return 'no_address';
  return {
    frame: family === 4 ? arpRequest(mac, source, target) : neighbourSolicitation(mac, source, target),
    into: { kind: 'switch', datapath: punted.at.datapath, inPort: punted.at.inPort },
  };
}
