/**
 * Who has what: the answer to `?wait=applied`, `GET /v1/revisions/{n}`, the status of hypervisors and the failures
 * of objects. A pure reader of what the reconcilers know; it never says applied before a switch has said so.
 *
 * A hypervisor is concerned by a revision when a fragment on it changed with that revision. Only those are waited
 * for; one that is disconnected is named and not waited for; one that refused a fragment has failed, not applied, unless that
 * fragment is optional (packets for Weft where the data path knows no meters). A
 * revision that came as one delta with others concerns every hypervisor that lacks something older (merged-revisions.ts).
 *
 * Nothing here looks at hypervisors that lack nothing: of a thousand, a question costs as many steps as are behind.
 */
import type { Clock } from '../base/clock.js';
import type { Kind } from '../model/index.js';
import type { FragmentOwner } from '../compiler/fragment.js';

/** What convergence needs to know of one hypervisor. */
export interface HostProgress {
  readonly hypervisorId: string;
  readonly name: string;
  readonly isConnected: boolean;
  /** False when nothing here is unacknowledged, refused or in doubt: then nothing else needs to be asked. */
  readonly isBehind: boolean;
  /** True when a change of `revision` on this hypervisor is not acknowledged yet (and not refused). */
  isPending(revision: number): boolean;
  /** Newest revision of which, and of all before it, nothing is unacknowledged. */
  readonly appliedRevision: number;
  /** False: there is nothing among the failures. */
  readonly hasFailures: boolean;
  failures(): Iterable<FragmentFailure>;
}

/** A fragment that a switch refused. */
export interface FragmentFailure {
  readonly hypervisorId: string;
  readonly name: string;
  /** `rule/subject` of the fragment. */
  readonly key: string;
  readonly owner: FragmentOwner;
  /** All else is there without it: it keeps no revision from being applied. */
  readonly isOptional: boolean;
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
  /** Those that may be behind, connected and not; who is not any more is dropped when that is noticed. */
  readonly #behind = new Set<HostProgress>();
  readonly #away = new Set<HostProgress>();
  readonly #connected = new Set<HostProgress>();
  /** Waiters for revisions that are not delivered, and the others by whom they wait for. */
  readonly #early = new Set<Waiter>();
  readonly #waitersOf = new Map<HostProgress, Set<Waiter>>();
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
    for (const host of stillBehind(this.#behind)) applied = Math.min(applied, host.appliedRevision);
    return applied;
  }

  /** Somebody waits for a revision. */
  get isAskedFor(): boolean {
    return this.#early.size + this.#waitersOf.size > 0;
  }

  /** Applied revision of one hypervisor; null when it is not known. */
  applied(hypervisorId: string): number | null {
    return this.#hosts.get(hypervisorId)?.appliedRevision ?? null;
  }

  /** Has every connected hypervisor acknowledged what concerned it in this revision? Without names: cheap. */
  isApplied(revision: number): boolean {
    if (revision > this.#delivered) return false;
    for (const host of stillBehind(this.#behind)) if (isAwaited(host, revision)) return false;
    return this.#failuresAt(revision).next().done === true;
  }

  pending(revision: number): RevisionProgress {
    const pending: NamedHypervisor[] = [];
    const disconnected: NamedHypervisor[] = [];
    const isDelivered = revision <= this.#delivered;
    if (isDelivered) {
      for (const [hosts, list] of [
        [this.#behind, pending],
        [this.#away, disconnected],
      ] as const) {
        for (const host of stillBehind(hosts)) {
          if (host.isPending(revision)) list.push({ hypervisorId: host.hypervisorId, name: host.name });
        }
      }
    }
    const failed = [...this.#failuresAt(revision)];
    const lacking = new Set([...pending, ...failed].map(host => host.hypervisorId));
    for (const { hypervisorId } of disconnected) lacking.delete(hypervisorId);
    return {
      revision,
      isDelivered,
      isApplied: isDelivered && pending.length === 0 && failed.length === 0,
      applied: isDelivered ? Math.max(0, this.#connected.size - lacking.size) : 0,
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
        this.#forget(waiter);
        resolve(this.pending(revision));
      };
      const waiter: Waiter = { revision, awaited: null, settle: finish };
      const cancel = this.#clock.after(timeoutMs, finish);
      if (awaited === null) this.#early.add(waiter);
      else this.#await(waiter, awaited);
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
    this.changed(host);
  }

  untrack(hypervisorId: string): void {
    const host = this.#hosts.get(hypervisorId);
    if (host === undefined) return;
    this.#hosts.delete(hypervisorId);
    this.#behind.delete(host);
    this.#away.delete(host);
    this.#connected.delete(host);
    for (const waiter of this.#waitersOf.get(host) ?? []) this.#settleFor(waiter, host);
  }

  /** For the fleet: the database was restored; revisions after this one are to come once more. */
  goBack(revision: number): void {
    this.#delivered = revision;
  }

  /** For the fleet: a delta has been handed to all hypervisors concerned. */
  delivered(revision: number): void {
    this.#delivered = Math.max(this.#delivered, revision);
    for (const waiter of this.#early) {
      const awaited = this.#awaitedFor(waiter.revision);
      if (awaited === null) continue;
      this.#early.delete(waiter);
      if (awaited.size === 0) waiter.settle();
      else this.#await(waiter, awaited);
    }
  }

  /** For the reconcilers: something of this one may be unacknowledged, or in doubt, from now on. */
  fellBehind(host: HostProgress): void {
    if (this.#hosts.get(host.hypervisorId) === host) (host.isConnected ? this.#behind : this.#away).add(host);
  }

  /** For the reconcilers: this switch has acknowledged, refused, come or gone. */
  changed(host: HostProgress): void {
    if (this.#hosts.get(host.hypervisorId) !== host) return;
    if (host.isConnected) this.#connected.add(host);
    else this.#connected.delete(host);
    this.#behind.delete(host);
    this.#away.delete(host);
    if (host.isBehind) this.fellBehind(host);
    for (const waiter of this.#waitersOf.get(host) ?? []) {
      if (!isAwaited(host, waiter.revision)) this.#settleFor(waiter, host);
    }
  }

  #await(waiter: Waiter, awaited: Set<HostProgress>): void {
    waiter.awaited = awaited;
    for (const host of awaited) {
      const waiters = this.#waitersOf.get(host);
      if (waiters === undefined) this.#waitersOf.set(host, new Set([waiter]));
      else waiters.add(waiter);
    }
  }

  /** The waiter need not wait for this one. */
  #settleFor(waiter: Waiter, host: HostProgress): void {
    waiter.awaited?.delete(host);
    this.#unlink(waiter, host);
    if (waiter.awaited?.size === 0) waiter.settle();
  }

  #forget(waiter: Waiter): void {
    this.#early.delete(waiter);
    for (const host of waiter.awaited ?? []) this.#unlink(waiter, host);
  }

  #unlink(waiter: Waiter, host: HostProgress): void {
    const waiters = this.#waitersOf.get(host);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waitersOf.delete(host);
  }

  #awaitedFor(revision: number): Set<HostProgress> | null {
    if (revision > this.#delivered) return null;
    const awaited = new Set<HostProgress>();
    for (const host of stillBehind(this.#behind)) if (isAwaited(host, revision)) awaited.add(host);
    return awaited;
  }

  *#failuresAt(revision: number): Generator<FragmentFailure> {
    for (const failure of this.#failures()) {
      if (failure.isOptional) continue;
      if (failure.since <= revision && revision <= failure.latest) yield failure;
    }
  }

  *#failures(): Generator<FragmentFailure> {
    for (const hosts of [this.#behind, this.#away])
      for (const host of hosts) if (host.hasFailures) yield* host.failures();
  }
}

function* stillBehind(hosts: Set<HostProgress>): Generator<HostProgress> {
  for (const host of hosts) {
    if (host.isBehind) yield host;
    else hosts.delete(host);
  }
}

function isAwaited(host: HostProgress, revision: number): boolean {
  return host.isConnected && host.isPending(revision);
}
