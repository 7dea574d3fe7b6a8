/** Conntrack zones for ports that come to a hypervisor. */
import type { PortBinding } from '../../src/model/index.js';

/** So many that nobody has there are at least on a hypervisor. */
const spareZones = 8;

export class ZoneChoice {
  /** When each was given last, by hypervisor and zone. */
  readonly #given = new Map<string, number>();
  #times = 0;

  /** One that is free, and was not used for long: the store chooses among far more of them, so that none comes again soon. */
  choose(hypervisorId: string, bindings: readonly PortBinding[]): number {
    const taken = new Set(bindings.filter(row => row.hypervisorId === hypervisorId).map(({ ctZone }) => ctZone));
    const zones = Array.from({ length: taken.size + spareZones }, (_, index) => index + 1);
    const given = (zone: number): number => this.#given.get(`${hypervisorId}/${zone}`) ?? 0;
    const free = zones.filter(zone => !taken.has(zone));
    const zone = free.reduce((best, each) => (given(each) < given(best) ? each : best));
    this.#times += 1;
    this.#given.set(`${hypervisorId}/${zone}`, this.#times);
    return zone;
  }
}
