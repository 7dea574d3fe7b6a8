/** What is announced on physical networks, unasked: gateways, and floating IPs. */
import type { Touched } from '../view/network-view.js';
import type { Answer } from './answer.js';
import { FloatingAnnouncer, type FloatingAnnouncerOptions } from './floating-announcements.js';
import { GatewayAnnouncer, gatewayAnnouncements } from './gateway-announcements.js';

export class OutsideAnnouncer {
  readonly #gateways: GatewayAnnouncer;
  readonly #floating: FloatingAnnouncer;

  constructor(options: FloatingAnnouncerOptions) {
    const { view, say } = options;
    const ofGateway = (place: Parameters<typeof gatewayAnnouncements>[1]): readonly Answer[] =>
      gatewayAnnouncements(view, place);
    this.#gateways = new GatewayAnnouncer({ ...options, say: place => say(place.hypervisorId, ofGateway(place)) });
    this.#floating = new FloatingAnnouncer(options);
  }

  /** The view has moved. */
  networkMoved(touched: Pick<Touched, 'changes'>): void {
    this.#gateways.networkMoved(touched);
    this.#floating.networkMoved(touched);
  }

  /** A hypervisor has seen others come or go. */
  watchedMoved(hypervisorId: string): void {
    this.#gateways.watchedMoved(hypervisorId);
  }

  /** Nothing is said any more. */
  stop(): void {
    this.#gateways.stop();
    this.#floating.stop();
  }
}
