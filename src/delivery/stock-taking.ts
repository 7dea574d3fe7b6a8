/**
 * What Weft knows of the content of one switch: nothing, or "everything desired except what the ledger lists". The
 * sentinel tells after a reconnect whether that is still so; a dump tells otherwise.
 */
import { nextTurn } from '../base/next-turn.js';
import { unlessEnded } from './audit-appointment.js';
import type { SwitchChange } from './bundle-plan.js';
import { SwitchComparison } from './comparison.js';
import type { SentBundle } from './delivery-round.js';
import type { DesiredState, PlacedFragment } from './desired-state.js';
import type { Suspicion } from './drift-watch.js';
import type { EncodedFragment } from './encoded-fragment.js';
import { addDigest } from './encoding.js';
import type { DirtyEntry, FlightEntry, HostLedger, Installed } from './host-ledger.js';
import { displaced } from './places.js';
import type { DeliveryIdentity } from './reconciler-context.js';
import { readSentinel, sentinelTable, type Sentinel } from './sentinel.js';
import { compareSuspects, findSuspects } from './suspects.js';
import type { Switch } from './switch.js';

/** What a sentinel means: nothing to do, go on with what the ledger lists, or dump and compare. */
export type StockFinding = 'current' | 'as remembered' | 'compare';

export interface StockDifference {
  readonly changes: readonly SwitchChange[];
  /** The content was thought to be known: differences are somebody else's doing. */
  readonly wasKnown: boolean;
  /** Fragments that no switch could be told; they are refused. */
  readonly unencodable: readonly { readonly key: string; readonly error: string }[];
}

export class StockTaking {
  readonly #hypervisorId: string;
  readonly #ledger: HostLedger;
  readonly #desired: DesiredState;
  readonly #databaseId: string;
  readonly #onBehind: () => void;
  #isRead = false;
  #isKnown = false;
  #uncertainUpTo: number | null;
  #bundleNumber = 0;
  /** The sentinel of the last bundle known to be committed, and those sent since. */
  #committed: Sentinel | null = null;
  #sent: SentBundle[] = [];

  /** @param onBehind told when something is in doubt from now on */
  constructor(
    hypervisorId: string,
    ledger: HostLedger,
    desired: DesiredState,
    databaseId: string,
    onBehind: () => void,
  ) {
    this.#hypervisorId = hypervisorId;
    this.#onBehind = onBehind;
    this.#ledger = ledger;
    this.#desired = desired;
    this.#databaseId = databaseId;
    this.#uncertainUpTo = desired.revision;
  }

  /** The sentinel was read on this connection. */
  get isRead(): boolean {
    return this.#isRead;
  }

  get isKnown(): boolean {
    return this.#isKnown;
  }

  /**
   * Nothing up to this revision can be said to be applied: the hypervisor came after it, or its switch turned out not
   * to hold what it held and the comparison is not through. Null: no such doubt.
   */
  get uncertainUpTo(): number | null {
    return this.#uncertainUpTo;
  }

  /** The switch, whose content is not known, should hold something new as of this revision. */
  doubt(revision: number): void {
    this.#uncertainUpTo = revision;
    this.#onBehind();
  }

  /** A new connection, or a time without the master role: others may have been at the switch. */
  unread(): void {
    this.#isRead = false;
  }

  /** The content is not known any more. */
  forget(): void {
    this.#isKnown = false;
    this.#uncertainUpTo = this.#desired.revision;
    this.#committed = null;
    this.#sent = [];
    this.#onBehind();
  }

  async read(target: Switch): Promise<StockFinding> {
    let found: Sentinel | null = null;
    await target.readFlows({ tableId: sentinelTable, cookie: 0n, cookieMask: 0n }, async flows => {
      for (const flow of flows) found ??= readSentinel(flow.cookie, flow.instructions);
    });
    this.#isRead = true;
    const finding = this.#judge(found);
    if (finding === 'compare') this.forget();
    else this.#setKnown();
    return finding;
  }

  #judge(found: Sentinel | null): StockFinding {
    if (this.#isKnown && found !== null) {
      const reached = this.#sent.findIndex(sent => isSame(sent.sentinel, found));
      if (reached >= 0 || (this.#committed !== null && isSame(this.#committed, found))) {
        const isTold = this.#resume(this.#sent.slice(0, reached + 1), found);
        return isTold ? 'as remembered' : 'compare';
      }
    }
    this.#ledger.rollback();
    if (found === null || found.isOnTheWay || found.databaseId !== this.#databaseId) return 'compare';
    if (found.digest !== this.#desired.digestOn(this.#hypervisorId)) return 'compare';
    if (this.#sent.some(({ sentinel, isAsked }) => !isAsked && isSame(sentinel, found))) return 'compare';
    for (const key of this.#ledger.dirty.keys()) this.#ledger.drop(key);
    this.#committed = found;
    this.#sent = [];
    return 'current';
  }

  /**
   * The connection was cut in a round: these bundles of it were committed, the others were not. Of one that the switch was not asked
   * about only a dump can tell what was left out: the connection ended before its errors were dealt with. False: what it was to
   * change is nobody's fragment, so that only a comparison of the whole can tell.
   */
  #resume(committed: readonly SentBundle[], found: Sentinel): boolean {
    const touched = new Set<string>();
    const arrived: FlightEntry[] = [];
    for (const { entry, target } of this.#ledger.inFlight.values()) {
      // Meters are outside of the bundles: the sentinel says nothing about them.
      if (hasMeters(target) || (entry.installed !== 'unknown' && hasMeters(entry.installed))) touched.add(entry.key);
    }
    let isTold = true;
    for (const { bundle, isAsked } of committed) {
      for (const key of bundle.touches) {
        const flight = this.#ledger.inFlight.get(key);
        if (flight !== undefined) arrived.push(flight);
        else if (!isAsked) isTold = false;
        if (!isAsked) touched.add(key);
      }
      this.#ledger.commit([...bundle.completes].filter(key => !touched.has(key)));
      for (const key of bundle.touches) touched.add(key);
    }
    for (const key of displaced(arrived, this.#ledger.inFlight.values())) touched.add(key);
    this.#ledger.forgetInstalled(touched);
    this.#ledger.rollback();
    this.#committed = found;
    this.#sent = [];
    return isTold;
  }

  /** Dumps the switch and works out what it takes to bring it in order. Every key concerned is in flight then. */
  async compare(target: Switch, nowMs: number): Promise<StockDifference> {
    const wasKnown = this.#isKnown;
    this.#isKnown = false;
    this.#sent = [];
    this.#ledger.rollback();
    const placed = new Map<string, PlacedFragment>();
    for (const one of this.#desired.fragmentsOn(this.#hypervisorId)) placed.set(one.fragment.key, one);
    const excluded = this.#takeForComparison(placed, nowMs, wasKnown);
    const unencodable = this.#refuseUnencodable(placed, nowMs);
    for (const { key } of unencodable) excluded.add(key);
    const comparison = new SwitchComparison();
    for (const { fragment } of placed.values()) {
      if (comparison.want(fragment, !excluded.has(fragment.key))) await nextTurn();
    }
    comparison.addGroups(await target.readGroups());
    comparison.addMeters(await target.readMeters());
    await target.dumpFlows(async flows => {
      for (const flow of flows) if (comparison.addShown(flow)) await nextTurn();
    });
    const changes = await comparison.finish();
    this.#launchWrong(changes, placed, nowMs);
    return { changes, wasKnown, unencodable };
  }

  /**
   * As `compare`, of a switch whose content is known and that lacks nothing. It stays known: when something changes meanwhile
   * (`ended` is aborted), what was read so far is left at that, and the answer is null.
   */
  async audit(target: Switch, nowMs: number, ended: AbortSignal): Promise<StockDifference | null> {
    const placed = new Map<string, PlacedFragment>();
    for (const one of this.#desired.fragmentsOn(this.#hypervisorId)) placed.set(one.fragment.key, one);
    const changes = await unlessEnded(this.#read(target, placed, ended), ended);
    if (changes === null) return null;
    const unencodable = this.#refuseUnencodable(placed, nowMs);
    this.#launchWrong(changes, placed, nowMs);
    return { changes, wasKnown: true, unencodable };
  }

  async #read(
    target: Switch,
    placed: ReadonlyMap<string, PlacedFragment>,
    ended: AbortSignal,
  ): Promise<readonly SwitchChange[] | null> {
    const comparison = new SwitchComparison();
    for (const { fragment } of placed.values()) {
      if (comparison.want(fragment, fragment.failure === null)) await nextTurn();
      if (ended.aborted) return null;
    }
    comparison.addGroups(await target.readGroups());
    comparison.addMeters(await target.readMeters());
    if (ended.aborted) return null;
    await target.dumpFlows(async flows => {
      for (const flow of flows) {
        if (ended.aborted) return;
        if (comparison.addShown(flow)) await nextTurn();
      }
    });
    return ended.aborted ? null : comparison.finish();
  }

  #launchWrong(changes: readonly SwitchChange[], placed: ReadonlyMap<string, PlacedFragment>, nowMs: number): void {
    for (const { key } of changes) {
      const one = placed.get(key);
      if (one !== undefined && !this.#ledger.isInFlight(key)) this.#ledger.launch(unknownFlight(one, nowMs));
    }
  }

  /**
   * As `compare`, but looks only at what others are said to have touched; the rest stays known. Null: only a comparison of the whole
   * can tell, because what they touched was about to change anyway.
   */
  async examine(target: Switch, suspicion: Suspicion, nowMs: number): Promise<readonly SwitchChange[] | null> {
    this.#ledger.rollback();
    const fragments = [...this.#desired.fragmentsOn(this.#hypervisorId)];
    const suspects = await findSuspects(suspicion, fragments);
    if (suspects.some(({ placed }) => this.#ledger.dirty.has(placed.fragment.key))) return null;
    // What the switch still has of a version that is to go is in the ledger's account, and nobody's by what is desired.
    if ((await findSuspects(suspicion, this.#leaving())).length > 0) return null;
    const changes = await compareSuspects(target, suspicion, suspects, fragments);
    const wrong = new Set(changes.map(change => change.key));
    for (const { placed } of suspects) {
      if (wrong.has(placed.fragment.key)) this.#ledger.launch(unknownFlight(placed, nowMs));
    }
    return changes;
  }

  /** Versions that the switch has and should not have, as far as they are known. */
  #leaving(): readonly PlacedFragment[] {
    return [...this.#ledger.dirty.values()].flatMap(({ installed, latest }) =>
      installed === null || installed === 'unknown' ? [] : [{ fragment: installed, revision: latest }],
    );
  }

  /** The comparison covers what the ledger lists, except what was refused a moment ago. */
  #takeForComparison(placed: ReadonlyMap<string, PlacedFragment>, nowMs: number, wasKnown: boolean): Set<string> {
    const excluded = new Set<string>();
    const taken: FlightEntry[] = [];
    for (const entry of this.#ledger.dirty.values()) {
      const desired = placed.get(entry.key);
      const target = desired?.fragment ?? null;
      const { refusal } = entry;
      const isRefused = refusal?.fragment === target && refusal.causedBy === null && nowMs < refusal.retryAtMs;
      if (isRefused) excluded.add(entry.key);
      else {
        // Of a switch whose content was not known, changes were not listed.
        const latest = Math.max(entry.latest, desired?.revision ?? this.#uncertainUpTo ?? 0);
        taken.push({ entry: { ...entry, installed: 'unknown', latest }, target });
      }
    }
    this.#ledger.take(taken);
    // Of what is left out, the old version need not be there either, or loses a flow to what is not left out.
    const left = [...this.#ledger.dirty.values()].map(entry => ({ entry, target: null }));
    for (const key of wasKnown ? displaced(taken, left) : excluded) this.#ledger.doubt(key);
    return excluded;
  }

  /** What no switch can be told is refused here and now. */
  #refuseUnencodable(
    placed: ReadonlyMap<string, PlacedFragment>,
    nowMs: number,
  ): { readonly key: string; readonly error: string }[] {
    const found: { key: string; error: string }[] = [];
    for (const [key, one] of placed) {
      const { failure } = one.fragment;
      if (failure === null || this.#ledger.dirty.get(key)?.refusal?.fragment === one.fragment) continue;
      if (!this.#ledger.isInFlight(key)) this.#ledger.launch(unknownFlight(one, nowMs));
      this.#ledger.refuse(key, failure, nowMs);
      found.push({ key, error: failure });
    }
    return found;
  }

  /** The difference has been sent and acknowledged. */
  compared(): void {
    this.#setKnown();
    this.#ledger.commit([...this.#ledger.inFlight.keys()]);
  }

  #setKnown(): void {
    this.#isKnown = true;
    this.#uncertainUpTo = null;
  }

  /** Called before a bundle goes out, and when its commit is acknowledged. */
  sending(sent: SentBundle): void {
    this.#sent.push(sent);
  }

  committed(sent: SentBundle): void {
    this.#committed = sent.sentinel;
    this.#sent = this.#sent.filter(other => other !== sent);
  }

  /** What the switch will hold with the bundle that is about to be sent. */
  nextSentinel(isLast: boolean, identity: DeliveryIdentity): Sentinel {
    let digest = isLast ? this.#desired.digestOn(this.#hypervisorId) : 0n;
    let { revision } = this.#desired;
    let isOnTheWay = !isLast;
    for (const entry of this.#ledger.dirty.values()) {
      if (entry.refusal === null) revision = Math.min(revision, entry.since - 1);
      if (entry.installed === 'unknown') isOnTheWay = true;
      if (isOnTheWay) continue;
      const desired = this.#desired.desiredOn(this.#hypervisorId, entry.key)?.fragment ?? null;
      digest = addDigest(digest, digestOf(entry.installed) - digestOf(desired));
    }
    this.#bundleNumber += 1;
    return {
      revision: Math.max(0, revision),
      check: identity.checkOf(Math.max(0, revision)),
      databaseId: identity.databaseId,
      build: identity.build,
      digest: isOnTheWay ? 0n : digest,
      isOnTheWay,
      bundleNumber: this.#bundleNumber,
    };
  }
}

function digestOf(installed: Installed): bigint {
  return installed === null || installed === 'unknown' ? 0n : installed.digest;
}

function hasMeters(fragment: EncodedFragment | null): boolean {
  return fragment !== null && fragment.meters.length > 0;
}

/** A fragment that a comparison found wrong although nothing was known to be missing. */
function unknownFlight({ fragment, revision }: PlacedFragment, nowMs: number): FlightEntry {
  const entry: DirtyEntry = {
    key: fragment.key,
    installed: 'unknown',
    since: revision,
    latest: revision,
    sinceMs: nowMs,
    desired: fragment,
    pointedFrom: null,
    refusal: null,
  };
  return { entry, target: fragment };
}

function isSame(left: Sentinel, right: Sentinel): boolean {
  return (
    left.revision === right.revision &&
    left.check === right.check &&
    left.databaseId === right.databaseId &&
    left.digest === right.digest &&
    left.isOnTheWay === right.isOnTheWay &&
    left.bundleNumber === right.bundleNumber
  );
}
