/** Which responder a packet about addresses and names is for, and how what it says gets to the port: out of its interface. */
import type { Injection, PuntClass } from '../../compiler/punts/punted-packet.js';
import type { NetworkReader } from '../../view/network-view.js';
import type { ViewRow } from '../../view/rows.js';
import type { Frame } from '../packets/frame.js';
import { answerDhcpv4, type NoAnswer } from './dhcpv4.js';
import { answerDhcpv6 } from './dhcpv6.js';
import { answerDns } from './dns.js';
import { answerSolicitation, unsolicitedAdvertisements } from './router-advertisement.js';
import { type ServedPort, servedPort } from './served-port.js';

type Frames = readonly Uint8Array[];

const one = (frame: Uint8Array | NoAnswer): Frames | NoAnswer => (typeof frame === 'string' ? frame : [frame]);

const responders = {
  dhcpv4: (view, served, frame) => one(answerDhcpv4(view, served, frame)),
  dhcpv6: (view, served, frame) => one(answerDhcpv6(view, served, frame)),
  router_solicitation: answerSolicitation,
  dns: (view, served, frame) => one(answerDns(view, served, frame)),
} as const satisfies {
  readonly [C in PuntClass]?: (view: NetworkReader, served: ServedPort, frame: Frame) => Frames | NoAnswer;
};

export type AddressingClass = keyof typeof responders;

export function isAddressing(puntClass: PuntClass): puntClass is AddressingClass {
  return Object.hasOwn(responders, puntClass);
}

/** A frame for a port, and its way. */
interface Delivery {
  readonly frame: Uint8Array;
  readonly into: Injection;
}

/**
 * To the interface of the port, like what others on the switch send it: its security groups always let DHCP and router advertisements in,
 * and know an answer of DNS by the question.
 */
function delivered({ logicalSwitch, port }: ServedPort, frames: Frames): readonly Delivery[] {
  const into = { kind: 'port', datapath: logicalSwitch.datapathKey, outPort: port.portKey, ctZone: null } as const;
  return frames.map(frame => ({ frame, into }));
}

/** What the port is answered, or why it is not. */
export function addressingAnswers(
  view: NetworkReader,
  puntClass: AddressingClass,
  bound: ViewRow<'bound-ports'>,
  frame: Frame,
  defaultUnderlayMtu: number,
): readonly Delivery[] | NoAnswer | 'foreign_port' {
  const served = servedPort(view, bound.id, defaultUnderlayMtu);
  if (served === null) return 'foreign_port';
  const frames = responders[puntClass](view, served, frame);
  return typeof frames === 'string' ? frames : delivered(served, frames);
}

/** What a port is told of the network without having asked; `formerRouters` where that has changed: MACs that routers on it had. */
export function announcements(
  view: NetworkReader,
  bound: ViewRow<'bound-ports'>,
  defaultUnderlayMtu: number,
  formerRouters?: ReadonlySet<string>,
): readonly Delivery[] {
  const served = servedPort(view, bound.id, defaultUnderlayMtu);
  return served === null || !served.port.enabled
    ? []
    : delivered(served, unsolicitedAdvertisements(view, served, formerRouters));
}
