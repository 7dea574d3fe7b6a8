/**
 * What a reconciler needs of a switch. The real one stands on an OpenFlow connection (openflow-switch.ts); nothing
 * in delivery sees a socket.
 */
import type { GroupDescription } from '../../southbound/openflow/messages/group-stats.js';
import type { MeterConfig } from '../../southbound/openflow/messages/meter-stats.js';
import type { Match } from '../../southbound/openflow/oxm.js';
import type { FlowContent } from './encoding.js';

/** A flow as the switch shows it. */
export interface SwitchFlow extends FlowContent {
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly durationSeconds: number;
}

/** A flow as the switch shows it, decoded only when that is asked for. */
export interface ShownFlow {
  /** Two flows of one fingerprint are the same, counters aside: see `flowFingerprint`. */
  readonly fingerprint: number;
  decoded(): SwitchFlow;
}

/** An error that the switch sent on its own, not as the reply to a request. */
export interface SwitchError {
  /** xid of the message that it refused. */
  readonly xid: number;
  /** Type and code by name, as `OFPBAC_BAD_OUT_GROUP`, with the numbers when the name is not known. */
  readonly text: string;
  /** The switch no longer takes changes from us: another controller has the MASTER role. */
  readonly isNotMaster: boolean;
}

/** Reply to the claim of the MASTER role. `stale`: the switch has seen a newer term. */
export type RoleReply =
  | { readonly kind: 'granted' }
  | { readonly kind: 'stale'; readonly currentTerm: bigint | null }
  | { readonly kind: 'refused'; readonly error: string };

/** Where a flow is: there can be only one in a place. */
export interface FlowPlace {
  readonly table: number;
  readonly priority: number;
  readonly match: Match;
}

/** Somebody else has changed the switch. */
export type ForeignChange =
  /** A flow with this cookie was added, changed or removed. `place`: where it is now; null when it is gone. */
  | { readonly kind: 'flow'; readonly cookie: bigint; readonly place: FlowPlace | null }
  | { readonly kind: 'group or meter' };

/** `closed` rejections carry this: the connection ended while we waited. */
export class SwitchClosedError extends Error {
  override readonly name = 'SwitchClosedError';
}

/** Packets that a meter has dropped. */
export interface MeterCount {
  readonly meterId: number;
  readonly packets: bigint;
}

export interface Switch {
  /** Sends bytes that are already whole OpenFlow messages. False: hold on until `drained`. */
  write(bytes: Uint8Array): boolean;
  drained(): Promise<void>;
  /** Resolves when everything sent before has been worked through. */
  barrier(): Promise<void>;
  /** Sends a bundle commit and waits for its reply: null, or the error that rolled everything back. */
  commitBundle(bundleId: number): Promise<SwitchError | null>;
  /** Sends a bundle discard; its reply is awaited. */
  discardBundle(bundleId: number): Promise<void>;
  /** Claims the MASTER role with `term` as generation id. */
  claimRole(term: bigint): Promise<RoleReply>;
  /**
   * Has the switch match fragments by `ip_frag` and, where they have one, by their transport header. As it starts, Open vSwitch
   * hides that header of first fragments too, so that no flow sees what they are. Nothing is awaited.
   */
  matchFragments(): void;
  /** Flow descriptions of one table (or all, null), handed over part by part; the next part waits for the promise. */
  readFlows(filter: FlowFilter, onPart: (flows: readonly SwitchFlow[]) => Promise<void>): Promise<void>;
  /** All flows, handed over in the same way. */
  dumpFlows(onPart: (flows: readonly ShownFlow[]) => Promise<void>): Promise<void>;
  readGroups(): Promise<readonly GroupDescription[]>;
  readMeters(): Promise<readonly MeterConfig[]>;
  /** What each meter has dropped since it was made. */
  readMeterCounts(): Promise<readonly MeterCount[]>;
  /**
   * From now on, and until `unwatch`, tells what others change: flows of these tables, groups and meters. Changes of this connection
   * are not told, nor are flows that time out.
   */
  watch(tables: readonly number[], listener: (change: ForeignChange) => void): void;
  unwatch(): void;
  /** Asynchronous errors; returns the way to stop listening. */
  onError(listener: (error: SwitchError) => void): () => void;
  /** Called once when the connection ends, at once if it has. */
  onClose(listener: (reason: string) => void): void;
  /** Ends the connection; the switch dials again. */
  close(reason: string): void;
}

export interface FlowFilter {
  /** Null: all tables. */
  readonly tableId: number | null;
  /** Only flows whose cookie agrees with `cookie` in the bits of `cookieMask`; mask 0 means any. */
  readonly cookie: bigint;
  readonly cookieMask: bigint;
}
