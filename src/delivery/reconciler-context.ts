/** What a reconciler is given, and what it counts. */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { HostProgress } from './convergence.js';
import type { DesiredState } from './desired-state.js';
import type { MergedRevisions } from './merged-revisions.js';
import type { HoldPeer } from './holds.js';
import type { Switch } from './switch.js';

/**
 * How the host's own database stands (bridge, tunnel port, controller rows): rows go before flows that rely on them.
 * Whoever looks after it calls `Fleet.databaseChanged` when this changes.
 */
export type DatabaseState =
  | { readonly kind: 'ready' }
  /** Rows are being written, or something is still missing: flows wait, but not for long. */
  | { readonly kind: 'working'; readonly reason: string }
  /** Flows go nevertheless: packets to a port that is not there are dropped either way. */
  | { readonly kind: 'failed'; readonly reason: string };

/** One connected hypervisor, as the session hands it over. */
export interface HostConnection {
  readonly target: Switch;
  database(this: void): DatabaseState;
  /** As reported by the host, for its status. */
  readonly openVswitchVersion: string | null;
}

/** Which database and which compiler the flows come from; written into the sentinel. */
export interface DeliveryIdentity {
  readonly databaseId: string;
  readonly build: string;
  /** The revision's random check, 24 bits. */
  checkOf(revision: number): number;
}

/** What the fleet gives to each of its reconcilers. */
export interface ReconcilerContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly desired: DesiredState;
  readonly merged: Pick<MergedRevisions, 'has'>;
  readonly identity: DeliveryIdentity;
  readonly peers: ReadonlyMap<string, HoldPeer>;
  /** Tables that nobody but Weft writes: the switches tell of every change of others there. */
  readonly watchedTables: readonly number[];
  /** Clock.nowMs() from which the whole of this switch should be compared again. */
  nextAuditAtMs(hypervisorId: string): number;
  /** Term of the lease; null while another Weft holds it. */
  term(): bigint | null;
  /** Bounds how many switches are compared at once; resolves with the way to give the turn back. */
  comparisonTurn(): Promise<() => void>;
  /** Lets one large round after the other be put together, each in its own turn of the event loop. */
  largeRoundTurn(): Promise<void>;
  /** What is held back here waits for other hypervisors than before. */
  waits(hypervisorId: string, before: ReadonlySet<string>, now: ReadonlySet<string>): void;
  /** Somebody waits for a revision to be applied. */
  isAskedFor(this: void): boolean;
  /** Something of this one is unacknowledged or in doubt from now on. */
  fellBehind(reconciler: HostProgress): void;
  /** Something of this hypervisor moved: acknowledged, refused, connected, disconnected. */
  progressed(hypervisorId: string): void;
  /** The switch has seen a newer term than ours. */
  fenced(hypervisorId: string, currentTerm: bigint | null): void;
}

export interface DeliveryCounters {
  bundles: number;
  flowMods: number;
  groupMods: number;
  bytes: number;
  rounds: number;
  /** Bundles sent with their commit in one write, because the switch has accepted all their shapes before. */
  unaskedBundles: number;
  /** Such bundles of which the switch left something out all the same. */
  tornBundles: number;
  refusals: number;
  /** Dumps compared. */
  resyncs: number;
  /** Changes that these, and looks at what others touched, led to. */
  repairs: number;
  /** Changes of others that the switch told of, and looks at what they touched. */
  driftEvents: number;
  driftChecks: number;
}

export function noneCounted(): DeliveryCounters {
  return {
    bundles: 0,
    flowMods: 0,
    groupMods: 0,
    bytes: 0,
    rounds: 0,
    unaskedBundles: 0,
    tornBundles: 0,
    refusals: 0,
    resyncs: 0,
    repairs: 0,
    driftEvents: 0,
    driftChecks: 0,
  };
}
