/**
 * Writes what hypervisors report into the store. It holds one report for each hypervisor, the newest with what came before it, and
 * has one transaction in flight: a burst of reports of fifty hosts becomes two commits, and what fails is tried again with what
 * is newest then. A transaction is bounded: that of a whole fleet would not end in time, each time it is tried.
 */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { InventoryReport, ReportedInterface } from './inventory.js';

export interface InventoryStore {
  recordInventories(reports: ReadonlyMap<string, InventoryReport>): Promise<number>;
}

/** An interface as its host says it: without a usable port number it claims nothing yet. */
type Interface = Omit<ReportedInterface, 'ofport'> & { readonly ofport: number | null };

/** What is to be written of one hypervisor: by UUID, null for what is gone. */
interface Waiting {
  /** Nothing but what is listed is there. */
  readonly isWhole: boolean;
  readonly interfaces: Map<string, ReportedInterface | null>;
}

/** In one transaction: so many hypervisors, and of more than one so many interfaces. */
const mostHypervisors = 64;
const mostInterfaces = 2_000;

/** So soon it is looked again whether it may write. */
const notYetMs = 100;
const firstRetryMs = 100;
const longestRetryMs = 5_000;

export class InventoryWriter {
  #waiting = new Map<string, Waiting>();
  #isWriting = false;
  #isStopped = false;
  #failures = 0;
  #cancelRetry: (() => void) | null = null;
  /** Counts the times that everything was dropped: what was sent before is not tried again. */
  #drops = 0;
  readonly #store: InventoryStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #mayWrite: () => boolean;

  /** @param mayWrite asked before each transaction; what was reported waits while it says no */
  constructor(store: InventoryStore, clock: Clock, log: Logger, mayWrite: () => boolean = () => true) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#mayWrite = mayWrite;
  }

  /** The claiming interfaces of a hypervisor: all of them, or those that differ from what was reported before and those gone. */
  report(
    hypervisorId: string,
    report: readonly Interface[] | { readonly changed: readonly Interface[]; readonly gone: readonly string[] },
  ): void {
    const isWhole = !('gone' in report);
    const waiting = (isWhole ? undefined : this.#waiting.get(hypervisorId)) ?? { isWhole, interfaces: new Map() };
    for (const uuid of isWhole ? [] : report.gone) waiting.interfaces.set(uuid, null);
    for (const { uuid, name, ifaceId, ofport } of isWhole ? report : report.changed) {
      waiting.interfaces.set(uuid, ofport === null ? null : { uuid, name, ifaceId, ofport });
    }
    this.#waiting.set(hypervisorId, waiting);
    this.#write();
  }

  /**
   * Another Weft hears the hosts from now on: what is not written yet is older than what it hears, and is not written after it.
   * Whoever is in charge again hears every host as a whole.
   */
  drop(): void {
    this.#drops += 1;
    this.#waiting = new Map();
  }

  /** Writes nothing more. What was not written is reported again by the hosts at the next start. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry?.();
  }

  #write(): void {
    if (this.#isWriting || this.#isStopped || this.#cancelRetry !== null || this.#waiting.size === 0) return;
    if (!this.#mayWrite()) return this.#writeAfter(notYetMs);
    this.#isWriting = true;
    const [reports, drops] = [this.#takeSome(), this.#drops];
    this.#store.recordInventories(new Map([...reports].map(([id, waiting]) => [id, reportOf(waiting)]))).then(
      () => {
        this.#failures = 0;
        this.#isWriting = false;
        this.#write();
      },
      (error: unknown) => {
        this.#isWriting = false;
        this.#tryAgain(drops === this.#drops ? reports : new Map(), error);
      },
    );
  }

  /** Of those that wait, as many as one transaction takes, whoever waits longest first. */
  #takeSome(): ReadonlyMap<string, Waiting> {
    const some = new Map<string, Waiting>();
    let interfaces = 0;
    for (const [id, waiting] of this.#waiting) {
      interfaces += waiting.interfaces.size;
      if (some.size > 0 && (some.size >= mostHypervisors || interfaces > mostInterfaces)) break;
      some.set(id, waiting);
      this.#waiting.delete(id);
    }
    return some;
  }

  #tryAgain(reports: ReadonlyMap<string, Waiting>, error: unknown): void {
    this.#log.warn(
      { err: error, hypervisors: reports.size },
      'what hypervisors report could not be written; trying again',
    );
    for (const [id, older] of reports) {
      const newer = this.#waiting.get(id);
      if (newer?.isWhole === true) continue;
      const interfaces = new Map([...older.interfaces, ...(newer?.interfaces ?? [])]);
      this.#waiting.set(id, { isWhole: older.isWhole, interfaces });
    }
    const delayMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#writeAfter(delayMs);
  }

  #writeAfter(delayMs: number): void {
    this.#cancelRetry = this.#clock.after(delayMs, () => {
      this.#cancelRetry = null;
      this.#write();
    });
  }
}

function reportOf({ isWhole, interfaces }: Waiting): InventoryReport {
  const present = [...interfaces.values()].filter(each => each !== null);
  if (isWhole) return present;
  return { changed: present, gone: [...interfaces].flatMap(([uuid, each]) => (each === null ? [uuid] : [])) };
}
