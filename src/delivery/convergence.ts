/**
 * Who has what: the answer to `?wait=applied`, `GET /v1/revisions/{n}`, the status of hypervisors and the failures
 * of objects. A pure reader of what the reconcilers know; it never says applied before a switch has said so.
 *
 * A hypervisor is concerned by a revision when a fragment on it changed with that revision. Only those are waited
 * for; one that is disconnected is named and not waited for; one that refused a fragment has failed, not applied.
 */
import type { Clock } from '../base/clock.js';
import type { Kind } from '../model/index.js';
import type { FragmentOwner } from '../compiler/fragment.js';

/** What convergence needs to know of one hypervisor. */
export interface HostProgress {
  readonly hypervisorId: string;
  readonly name: string;
  readonly isConnected: boolean;
  /** True when a change of `revision` on this hypervisor is not acknowledged yet (and not refused). */
  isPending(revision: number): boolean;
  /** Newest revision of which, and of all before it, nothing is unacknowledged. */
  readonly appliedRevision: number;
  failures(): Iterable<FragmentFailure>;
}

/** A fragment that a switch refused. */
export interface FragmentFailure {
  readonly hypervisorId: string;
  readonly name: string;
  /** `rule/subject` of the fragment. */
  readonly key: string;
  readonly owner: FragmentOwner;
  /** The switch's words. */
  readonly error: string;
  readonly attempts: number;
  /** First and last revision that it keeps from being applied. */
  readonly since: number;
  readonly latest: number;
}

export interface NamedHypervisor {
  readonly hypervisorId: string;
  readonly name: string;
}

/** How far one revision has come. */
export interface RevisionProgress {
  readonly revision: number;
  /** False while the revision has not even reached delivery (the compiler is behind). */
  readonly isDelivered: boolean;
  /** Every connected hypervisor concerned has acknowledged, and none has failed. */
  readonly isApplied: boolean;
  /** Number of connected hypervisors that lack nothing of this revision. */
  readonly applied: number;
  /** Connected and concerned, not acknowledged yet. */
  readonly pending: readonly NamedHypervisor[];
  /** Concerned, but there is no connection: it follows when it is back. */
  readonly disconnected: readonly NamedHypervisor[];
  readonly failed: readonly FragmentFailure[];
}

interface Waiter {
  readonly revision: number;
  /** Hypervisors waited for; null until the revision has been delivered. */
  awaited: Set<HostProgress> | null;
  readonly settle: () => void;
}

export class Convergence {
  readonly #hosts = new Map<string, HostProgress>();
  readonly #waiters = new Set<Waiter>();
  #delivered = 0;

  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Newest revision that the reconcilers know of. */
  get deliveredRevision(): number {
    return this.#delivered;
  }

  /** Newest revision that every connected hypervisor has acknowledged, with everything before it. */
  get appliedRevision(): number {
    let applied = this.#delivered;
    for (const host of this.#hosts.values()) if (host.isConnected) applied = Math.min(applied, host.appliedRevision);
    return applied;
  }

  /** Applied revision of one hypervisor; null when it is not known. */
  applied(hypervisorId: string): number | null {
    return this.#hosts.get(hypervisorId)?.appliedRevision ?? null;
  }

  /** Has every connected hypervisor acknowledged what concerned it in this revision? Without names: cheap. */
  isApplied(revision: number): boolean {
    if (revision > this.#delivered) return false;
    for (const host of this.#hosts.values()) if (this.#isAwaited(host, revision)) return false;
    return this.#failuresAt(revision).next().done === true;
  }

  pending(revision: number): RevisionProgress {
    const pending: NamedHypervisor[] = [];
    const disconnected: NamedHypervisor[] = [];
    const isDelivered = revision <= this.#delivered;
    let applied = 0;
    for (const host of this.#hosts.values()) {
      if (isDelivered && !host.isPending(revision)) {
        if (host.isConnected) applied += 1;
      } else if (isDelivered) {
        (host.isConnected ? pending : disconnected).push({ hypervisorId: host.hypervisorId, name: host.name });
      }
    }
    const failed = [...this.#failuresAt(revision)];
    applied -= new Set(failed.map(failure => failure.hypervisorId)).size;
    return {
      revision,
      isDelivered,
      isApplied: isDelivered && pending.length === 0 && failed.length === 0,
      applied: Math.max(0, applied),
      pending,
      disconnected,
      failed,
    };
  }

  /**
   * Resolves when no connected hypervisor concerned is pending any more (look at `failed` and `disconnected` then),
   * or after `timeoutMs` with what is known at that time. Never rejects.
   */
  waitFor(revision: number, timeoutMs: number): Promise<RevisionProgress> {
    const awaited = this.#awaitedFor(revision);
    if (awaited?.size === 0 || timeoutMs <= 0) return Promise.resolve(this.pending(revision));
    return new Promise(resolve => {
      const finish = (): void => {
        cancel();
        this.#waiters.delete(waiter);
        resolve(this.pending(revision));
      };
      const waiter: Waiter = { revision, awaited, settle: finish };
      this.#waiters.add(waiter);
      const cancel = this.#clock.after(timeoutMs, finish);
    });
  }

  /** Failures that concern one object, over all hypervisors. */
  failuresOf(kind: Kind, id: string): FragmentFailure[] {
    return [...this.#failures()].filter(failure => failure.owner.kind === kind && failure.owner.id === id);
  }

  /** Every fragment refused anywhere at the moment. */
  failures(): FragmentFailure[] {
    return [...this.#failures()];
  }

  /** For the fleet: a hypervisor whose progress counts from now on. */
  track(host: HostProgress): void {
    this.#hosts.set(host.hypervisorId, host);
  }

  untrack(hypervisorId: string): void {
    const host = this.#hosts.get(hypervisorId);
    this.#hosts.delete(hypervisorId);
    if (host !== undefined) this.#settleWaiters(waiter => waiter.awaited?.delete(host));
  }

  /** For the fleet: a delta has been handed to all hypervisors concerned. */
  delivered(revision: number): void {
    this.#delivered = Math.max(this.#delivered, revision);
    this.#settleWaiters(waiter => (waiter.awaited ??= this.#awaitedFor(waiter.revision)));
  }

  /** For the reconcilers: this switch has acknowledged, refused, come or gone. */
  changed(host: HostProgress): void {
    this.#settleWaiters(waiter => {
      if (!this.#isAwaited(host, waiter.revision)) waiter.awaited?.delete(host);
    });
  }

  #settleWaiters(update: (waiter: Waiter) => void): void {
    for (const waiter of this.#waiters) {
      update(waiter);
      if (waiter.awaited?.size === 0) waiter.settle();
    }
  }

  #awaitedFor(revision: number): Set<HostProgress> | null {
    if (revision > this.#delivered) return null;
    return new Set([...this.#hosts.values()].filter(host => this.#isAwaited(host, revision)));
  }

  #isAwaited(host: HostProgress, revision: number): boolean {
    return host.isConnected && host.isPending(revision);
  }

  *#failuresAt(revision: number): Generator<FragmentFailure> {
    for (const failure of this.#failures()) {
      if (failure.since <= revision && revision <= failure.latest) yield failure;
    }
  }

  *#failures(): Generator<FragmentFailure> {
    for (const host of this.#hosts.values()) yield* host.failures();
  }
}
