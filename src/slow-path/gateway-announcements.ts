/**
 * A hypervisor that has become the gateway of a router says so outside: gratuitous ARP (RFC 5227) and unsolicited neighbour advertisements,
 * from which the physical network learns where the router's MAC is now. What the gateway sends anyway would teach it the same, later.
 *
 * It has become the gateway because rows say so (a drain, another order), or because it has lost those before it: the hypervisors decide
 * that without Weft, which sees it in what they say of each other (`Interface.bfd_status`).
 */
import { cidrContains, parseCidr, parseIp, parseMac } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import { actingGateway } from '../model/gateway.js';
import type { NetworkReader, Touched } from '../view/network-view.js';
import type { ViewRow } from '../view/rows.js';
import type { Answer } from './answer.js';
import { arpRequest, neighbourAdvertisement } from './packets/neighbour.js';

type Place = ViewRow<'gateway-places'>;

/** Said several times, in milliseconds from then: the first may be lost, or come before the flows of a gateway that rows have made one. */
const announcedAfterMs = {
  rows: [300, 1_000, 3_000],
  loss: [0, 1_000, 3_000],
} as const;

export interface GatewayAnnouncerOptions {
  readonly view: NetworkReader;
  readonly clock: Clock;
  /** Whether a hypervisor has lost the one with the key. */
  isGone(this: void, hypervisorId: string, peerKey: number): boolean;
  /** Says outside that the router is there. */
  say(this: void, place: Place): void;
}

/** Knows who speaks for which router outside, and has whoever is new say so. */
export class GatewayAnnouncer {
  readonly #options: GatewayAnnouncerOptions;
  /** By router, the place that was the gateway when it was looked at last. */
  readonly #acting = new Map<string, string>();
  readonly #pending = new Set<() => void>();

  constructor(options: GatewayAnnouncerOptions) {
    this.#options = options;
  }

  /** The view has moved. */
  networkMoved({ changes }: Pick<Touched, 'changes'>): void {
    const routerIds = new Set(
      changes.flatMap(change =>
        change.kind === 'gateway-places' ? ((change.after ?? change.before)?.logicalRouterId ?? []) : [],
      ),
    );
    for (const routerId of routerIds) this.#look(routerId, announcedAfterMs.rows);
  }

  /** A hypervisor has seen others come or go. */
  watchedMoved(hypervisorId: string): void {
    for (const { logicalRouterId } of this.#options.view.by('gateway-places', 'hypervisorId', hypervisorId)) {
      this.#look(logicalRouterId, announcedAfterMs.loss);
    }
  }

  /** Nothing is said any more. */
  stop(): void {
    for (const cancel of this.#pending) cancel();
    this.#pending.clear();
  }

  #look(routerId: string, delays: readonly number[]): void {
    const acting = this.#actingOf(routerId);
    if (acting === null) {
      this.#acting.delete(routerId);
      return;
    }
    if (this.#acting.get(routerId) === acting.id) return;
    this.#acting.set(routerId, acting.id);
    for (const delayMs of delays) this.#sayLater(acting, delayMs);
  }

  #actingOf(routerId: string): Place | null {
    const { view, isGone } = this.#options;
    return actingGateway(view.by('gateway-places', 'logicalRouterId', routerId), isGone);
  }

  /** If it still is the gateway by then. */
  #sayLater({ id, logicalRouterId }: Place, delayMs: number): void {
    const { clock, say } = this.#options;
    const cancel = clock.after(delayMs, () => {
      this.#pending.delete(cancel);
      const acting = this.#actingOf(logicalRouterId);
      if (acting?.id === id) say(acting);
    });
    this.#pending.add(cancel);
  }
}

/** What the gateway says of each address that the router has outside, or that is a floating IP of it. */
export function gatewayAnnouncements(
  view: NetworkReader,
  { logicalRouterId, logicalSwitchId }: Place,
): readonly Answer[] {
  const datapath = view.get('logical-switches', logicalSwitchId)?.datapathKey;
  if (datapath === undefined) return [];
  const floating = view
    .by('nat-rules', 'logicalRouterId', logicalRouterId)
    .flatMap(({ id, kind, externalIp }) =>
      kind === 'floating_ip' && view.get('floating-places', id) === null ? (parseIp(externalIp) ?? []) : [],
    );
  return view.by('logical-router-ports', 'logicalRouterId', logicalRouterId).flatMap(port => {
    const mac = parseMac(port.mac);
    const { switchPortKey } = port;
    if (port.logicalSwitchId !== logicalSwitchId || switchPortKey === null || mac === null) return [];
    const networks = port.networks.flatMap(text => parseCidr(text) ?? []);
    const own = networks.map(({ family, address }) => ({ family, value: address }));
    const neighbours = floating.filter(address => networks.some(each => cidrContains(each, address)));
    return [...own, ...neighbours].map(({ family, value }): Answer => {
      const frame = family === 4 ? arpRequest(mac, value, value) : neighbourAdvertisement(mac, value);
      return { frame, into: { kind: 'switch', datapath, inPort: switchPortKey } };
    });
  });
}
