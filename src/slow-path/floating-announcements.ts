/**
 * A floating IP that is new, or that another hypervisor speaks for now, is announced outside as a gateway is (gateway-announcements.ts): the
 * physical network learns where its MAC is, and neighbours which it is.
 */
import { cidrContains, type IpAddress, parseCidr, parseIp, parseMac } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import { actingGateway } from '../model/gateway.js';
import type { NetworkReader, Touched } from '../view/network-view.js';
import type { Answer } from './answer.js';
import { arpRequest, neighbourAdvertisement } from './packets/neighbour.js';

/** In milliseconds from when rows say so: it may come before the flows, or be lost. */
const announcedAfterMs = [300, 1_000, 3_000] as const;

export interface FloatingAnnouncerOptions {
  readonly view: NetworkReader;
  readonly clock: Clock;
  /** Whether a hypervisor has lost the one with the key. */
  isGone(this: void, hypervisorId: string, peerKey: number): boolean;
  /** Says something outside, by that hypervisor. */
  say(this: void, hypervisorId: string, answers: readonly Answer[]): void;
}

/** Ids of floating IPs that are new, have another address, or are spoken for by another hypervisor. */
export function newFloating({ changes }: Pick<Touched, 'changes'>): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const change of changes) {
    if (change.kind === 'floating-places') {
      if (change.before?.hypervisorId !== change.after?.hypervisorId) ids.add(change.id);
    } else if (change.kind === 'nat-rules' && change.after?.kind === 'floating_ip') {
      if (change.before?.externalIp !== change.after.externalIp) ids.add(change.id);
    }
  }
  return ids;
}

export class FloatingAnnouncer {
  readonly #options: FloatingAnnouncerOptions;
  readonly #pending = new Set<() => void>();

  constructor(options: FloatingAnnouncerOptions) {
    this.#options = options;
  }

  /** The view has moved. */
  networkMoved(touched: Pick<Touched, 'changes'>): void {
    for (const ruleId of newFloating(touched)) for (const delayMs of announcedAfterMs) this.#sayLater(ruleId, delayMs);
  }

  /** Nothing is said any more. */
  stop(): void {
    for (const cancel of this.#pending) cancel();
    this.#pending.clear();
  }

  /** Where it is by then. */
  #sayLater(ruleId: string, delayMs: number): void {
    const { clock } = this.#options;
    const cancel = clock.after(delayMs, () => {
      this.#pending.delete(cancel);
      this.#say(ruleId);
    });
    this.#pending.add(cancel);
  }

  #say(ruleId: string): void {
    const { view, isGone, say } = this.#options;
    const rule = view.get('nat-rules', ruleId);
    const address = rule === null ? null : parseIp(rule.externalIp);
    if (rule === null || rule.kind !== 'floating_ip' || address === null) return;
    const place = view.get('floating-places', ruleId);
    const places = view.by('gateway-places', 'logicalRouterId', rule.logicalRouterId);
    const speaker = place ?? actingGateway(places, isGone);
    if (speaker === null) return;
    const { logicalSwitchId, hypervisorId } = speaker;
    const datapath = view.get('logical-switches', logicalSwitchId)?.datapathKey;
    const port = view
      .by('logical-router-ports', 'logicalRouterId', rule.logicalRouterId)
      .find(each => each.logicalSwitchId === logicalSwitchId && holds(each.networks, address));
    if (datapath === undefined || port === undefined || port.switchPortKey === null) return;
    const mac = parseMac((place === null ? null : rule.externalMac) ?? port.mac);
    if (mac === null) return;
    const { family, value } = address;
    const frame = family === 4 ? arpRequest(mac, value, value) : neighbourAdvertisement(mac, value);
    say(hypervisorId, [{ frame, into: { kind: 'switch', datapath, inPort: port.switchPortKey } }]);
  }
}

const holds = (networks: readonly string[], address: IpAddress): boolean =>
  networks.some(text => {
    const network = parseCidr(text);
    return network !== null && cidrContains(network, address);
  });
