/**
 * What the compiler produces. A fragment is everything that one rule says about one subject: flows, groups and
 * meters that live and die together, are refused together, and are encoded once for every hypervisor in scope.
 * All of it is plain, deeply readonly data: two fragments are the same exactly when they are structurally equal.
 */
import type { Kind } from '../model/index.js';
import type { Action } from '../../southbound/openflow/action.js';
import type { Match } from '../../southbound/openflow/oxm.js';

/**
 * Where a fragment belongs. `datapath`: on every hypervisor where that logical switch or router is resident,
 * with the same bytes on all of them, so it never mentions an ofport. `hypervisor`: on that one only. `peers`: on every
 * other hypervisor that is in some mesh (view/rows.ts) with that one.
 */
export type Scope =
  | { readonly kind: 'everywhere' }
  | { readonly kind: 'datapath'; readonly datapathId: string }
  | { readonly kind: 'hypervisor'; readonly hypervisorId: string }
  | { readonly kind: 'peers'; readonly hypervisorId: string };

/** One flow; its cookie is the fragment's. Timeouts are in seconds; absent or 0 means none. */
export interface Flow {
  readonly table: number;
  readonly priority: number;
  readonly match: Match;
  readonly actions: readonly Action[];
  readonly idleTimeout?: number;
  readonly hardTimeout?: number;
}

/** One bucket of a group. `weight` is for select groups; the watches are for fast failover. */
export interface Bucket {
  readonly bucketId: number;
  readonly weight?: number;
  readonly watchPort?: number;
  readonly watchGroup?: number;
  readonly actions: readonly Action[];
}

/** How a select group chooses (Netronome extension of OpenFlow 1.5): `dp_hash` or `hash` over fields, with its parameter. */
export interface SelectionMethod {
  readonly name: 'dp_hash' | 'hash';
  readonly parameter?: bigint;
  readonly fields?: Match;
}

export interface Group {
  readonly id: number;
  readonly type: 'all' | 'select' | 'indirect' | 'fast_failover';
  readonly buckets: readonly Bucket[];
  readonly selectionMethod?: SelectionMethod;
}

/** A drop meter. `rate` and `burst` count what `unit` says: kilobits (a second) or packets (a second). */
export interface Meter {
  readonly id: number;
  readonly unit: 'kbps' | 'pktps';
  readonly rate: number;
  readonly burst?: number;
}

/** A conntrack zone of a fragment. */
export interface OwnZone {
  readonly zone: number;
  /** One of the fragment's flows that names the zone in its match: a switch that has it uses the zone already. */
  readonly shownBy: Flow;
}

/** One end of connections; `port` left out: any. */
export interface ConnectionEnd {
  readonly address: bigint;
  readonly port?: number;
}

/** Connections by what is known of their ends before and after translation; what is left out may be anything. */
export interface TranslatedConnections {
  /** Left out: every zone. */
  readonly zone?: number;
  /** TCP, UDP or SCTP. Open vSwitch 3.1 ends by SIGABRT where it is to forget an ICMPv6 echo by less than its whole tuple. */
  readonly ipProto: number;
  readonly family: 4 | 6;
  /** Who has begun it, and where. */
  readonly caller?: ConnectionEnd;
  readonly called?: ConnectionEnd;
  /** Who answers, and to whom. */
  readonly answering?: ConnectionEnd;
  readonly answeredTo?: ConnectionEnd;
}

/** What a rule returns for one subject. */
export interface FragmentBody {
  readonly scope: Scope;
  readonly flows: readonly Flow[];
  readonly groups?: readonly Group[];
  readonly meters?: readonly Meter[];
  /** Conntrack zones that are its own: forgotten before it comes to a hypervisor and after it has gone. */
  readonly ctZones?: readonly OwnZone[];
  /** Forgotten after it no longer names them. */
  readonly connections?: readonly TranslatedConnections[];
  /** Ids of hypervisors that must hold the same revision before this fragment is sent (make before break). */
  readonly after?: readonly string[];
  /** A switch that cannot hold it has all else: its refusal shows, and keeps no revision from being applied. */
  readonly isOptional?: true;
  /** What others lead to, and lookups whose answer denies: sent ahead of the fragments that ask them, removed after those. */
  readonly isAskedByOthers?: true;
  /** The object named by the cookie, where it is not the subject itself: the subject's own number when absent. */
  readonly subjectNumber?: number;
}

/** The REST object whose status shows it when a switch refuses the fragment. */
export interface FragmentOwner {
  readonly kind: Kind;
  readonly id: string;
}

/** What names a fragment and says where it belongs; the engine derives the identity from the rule and the subject. */
export interface FragmentHeader {
  /** `rule name/subject id`: unique, and stable for as long as the subject exists. */
  readonly key: string;
  /** See `fragmentCookie` in identifiers.ts. Unique among the fragments of one hypervisor. */
  readonly cookie: bigint;
  readonly owner: FragmentOwner;
  readonly scope: Scope;
  readonly after?: readonly string[] | undefined;
  readonly isOptional?: true | undefined;
  readonly isAskedByOthers?: true | undefined;
}

/** A body with its identity. */
export interface Fragment extends FragmentBody, FragmentHeader {
  readonly after?: readonly string[];
  readonly isOptional?: true;
  readonly isAskedByOthers?: true;
}

/**
 * What is kept of a fragment in place of its body, which is large and needed only once. Gives `held`, what was kept of the
 * version before, where that says the same as `fragment`: nobody is told of a change then. Must be pure.
 */
export type FragmentForm<F extends FragmentHeader> = (fragment: Fragment, held: F | null) => F;
