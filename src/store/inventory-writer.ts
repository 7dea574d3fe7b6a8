/**
 * Writes what hypervisors report into the store. It holds one report for each hypervisor, the newest, and has one transaction in
 * flight: a burst of reports of a hundred hosts becomes two commits, and what fails is tried again with what is newest then.
 */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { ReportedInterface } from './inventory.js';

export interface InventoryStore {
  recordInventories(reports: ReadonlyMap<string, readonly ReportedInterface[]>): Promise<number>;
}

const firstRetryMs = 100;
const longestRetryMs = 5_000;

export class InventoryWriter {
  #waiting = new Map<string, readonly ReportedInterface[]>();
  #isWriting = false;
  #isStopped = false;
  #failures = 0;
  #cancelRetry: (() => void) | null = null;
  readonly #store: InventoryStore;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(store: InventoryStore, clock: Clock, log: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** The whole current list of claiming interfaces of a hypervisor. Those without a usable port number claim nothing yet. */
  report(
    hypervisorId: string,
    interfaces: readonly (Omit<ReportedInterface, 'ofport'> & { readonly ofport: number | null })[],
  ): void {
    const usable = interfaces.flatMap(({ uuid, name, ifaceId, ofport }) =>
      ofport === null ? [] : [{ uuid, name, ifaceId, ofport }],
    );
    this.#waiting.set(hypervisorId, usable);
    this.#write();
  }

  /** Writes nothing more. What was not written is reported again by the hosts at the next start. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry?.();
  }

  #write(): void {
    if (this.#isWriting || this.#isStopped || this.#cancelRetry !== null || this.#waiting.size === 0) return;
    this.#isWriting = true;
    const reports = this.#waiting;
    this.#waiting = new Map();
    this.#store.recordInventories(reports).then(
      () => {
        this.#failures = 0;
        this.#isWriting = false;
        this.#write();
      },
      (error: unknown) => {
        this.#isWriting = false;
        this.#tryAgain(reports, error);
      },
    );
  }

  #tryAgain(reports: ReadonlyMap<string, readonly ReportedInterface[]>, error: unknown): void {
    this.#log.warn(
      { err: error, hypervisors: reports.size },
      'what hypervisors report could not be written; trying again',
    );
    for (const [id, interfaces] of reports) if (!this.#waiting.has(id)) this.#waiting.set(id, interfaces);
    const delayMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#cancelRetry = this.#clock.after(delayMs, () => {
      this.#cancelRetry = null;
      this.#write();
    });
  }
}
