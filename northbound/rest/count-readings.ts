/**
 * Counts of rules, read from switches for whoever asks. A switch is read for one question at a time, and only so many switches at once;
 * those who ask the same of a switch before that is read get the same reading. So what is asked often costs a switch, and this process,
 * no more than they can take, and every reading is of after the question.
 */
import type { Clock } from '../../src/base/clock.js';
import type { Logger } from '../../src/base/log.js';
import type { HostRuleCounts, NetworkState } from './network-state.js';

/** A switch that takes longer than this to answer is told to be missing, ms. */
const answersWithinMs = 5_000;
/** Switches that are read at once. One that does not answer counts no longer than it is waited for. */
const hostsAtOnce = 16;

interface Reading {
  readonly promise: Promise<HostRuleCounts | null>;
  readonly resolve: (counts: HostRuleCounts | null) => void;
  ruleNumbers: readonly number[];
  /** When the last one who wants it gives up, Clock.nowMs(). */
  wantedUntilMs: number;
}

interface Host {
  /** Not begun, by what is asked about. */
  readonly waiting: Map<string, Reading>;
  isBusy: boolean;
}

export interface CountReadingParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly ruleCounts: NetworkState['fleet']['ruleCounts'];
}

export class CountReadings {
  readonly #parts: CountReadingParts;
  readonly #hosts = new Map<string, Host>();
  /** Hypervisors with a reading that can begin. */
  readonly #ready = new Set<string>();
  #free = hostsAtOnce;

  constructor(parts: CountReadingParts) {
    this.#parts = parts;
  }

  /**
   * What these rules have decided on the hypervisor; null when it does not answer in time.
   * @param about the same for whoever asks about the same rules
   */
  async read(hypervisorId: string, about: string, ruleNumbers: readonly number[]): Promise<HostRuleCounts | null> {
    const { clock } = this.#parts;
    let host = this.#hosts.get(hypervisorId);
    if (host === undefined) this.#hosts.set(hypervisorId, (host = { waiting: new Map(), isBusy: false }));
    let reading = host.waiting.get(about);
    if (reading === undefined) host.waiting.set(about, (reading = newReading()));
    // Whoever asked earlier looks for its own rules in it.
    reading.ruleNumbers = ruleNumbers;
    reading.wantedUntilMs = clock.nowMs() + answersWithinMs;
    if (!host.isBusy) this.#ready.add(hypervisorId);
    this.#begin();
    const { promise } = reading;
    return new Promise(resolve => {
      const cancel = clock.after(answersWithinMs, () => resolve(null));
      void promise.then(resolve).finally(cancel);
    });
  }

  #begin(): void {
    for (const hypervisorId of this.#ready) {
      if (this.#free === 0) return;
      this.#ready.delete(hypervisorId);
      const host = this.#hosts.get(hypervisorId);
      const reading = host === undefined ? null : this.#nextOf(host);
      if (host === undefined) continue;
      if (reading === null) this.#hosts.delete(hypervisorId);
      else void this.#run(hypervisorId, host, reading);
    }
  }

  /** Of what waits, the first that is still wanted. */
  #nextOf({ waiting }: Host): Reading | null {
    for (const [about, reading] of waiting) {
      waiting.delete(about);
      if (reading.wantedUntilMs > this.#parts.clock.nowMs()) return reading;
      reading.resolve(null);
    }
    return null;
  }

  async #run(hypervisorId: string, host: Host, { ruleNumbers, resolve }: Reading): Promise<void> {
    const { clock, log, ruleCounts } = this.#parts;
    host.isBusy = true;
    this.#free -= 1;
    let hasPlace = true;
    const leave = (): void => {
      if (!hasPlace) return;
      hasPlace = false;
      this.#free += 1;
      this.#begin();
    };
    const cancel = clock.after(answersWithinMs, leave);
    try {
      resolve(await ruleCounts(hypervisorId, ruleNumbers));
    } catch (error) {
      // What one switch cannot say does not take away what others have said.
      log.warn({ err: error, hypervisor: hypervisorId }, 'counts of rules are not read');
      resolve(null);
    }
    cancel();
    host.isBusy = false;
    this.#ready.add(hypervisorId);
    leave();
    this.#begin();
  }
}

function newReading(): Reading {
  let resolve: Reading['resolve'] = () => undefined;
  const promise = new Promise<HostRuleCounts | null>(done => (resolve = done));
  return { promise, resolve, ruleNumbers: [], wantedUntilMs: 0 };
}
