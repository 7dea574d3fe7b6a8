/**
 * Takes a set of changes to a switch and keeps the ledger true to what the switch says. Refused fragments are set
 * aside with their dependents and the rest is sent again at once. All messages in bundles can be repeated without harm
 * (adds replace, deletions are strict and bound to a cookie), so after a refusal in a later bundle the unfinished
 * changes are simply sent again.
 */
import { dependents, type Bundle, type SwitchChange } from './bundle-plan.js';
import type { FlightEntry, HostLedger } from './host-ledger.js';
import type { AcceptedShapes } from './message-shape.js';
import { displaced } from './places.js';
import type { Sentinel } from './sentinel.js';
import { shipmentOf, type ShippedBundle } from './shipment.js';
import type { Switch } from './switch.js';
import { bytesATurn, sendBundle, sendPlain, writeAll, type BundleOutcome, type KeyOfXid } from './wire-round.js';

/** A bundle that was sent on a connection that ended: the sentinel found later tells whether it was committed. */
export interface SentBundle {
  readonly sentinel: Sentinel;
  readonly bundle: Bundle;
  /** The switch was asked what it refuses: its sentinel is there with all of the bundle, or not at all. */
  readonly isAsked: boolean;
}

export interface RoundContext {
  readonly target: Switch;
  readonly ledger: HostLedger;
  /** What the switch is known to understand. */
  readonly accepted: AcceptedShapes;
  /** Keys whose meters the switch has: unlike everything else, a meter cannot be added twice. Empty at the start. */
  readonly metersSent: Set<string>;
  nowMs(): number;
  /** The sentinel for the next bundle; `isLast` false marks the switch as on the way. */
  nextSentinel(isLast: boolean): Sentinel;
  encodeSentinel(sentinel: Sentinel): Uint8Array;
  /** Called around each bundle: what is at stake if the connection ends now, and that it is settled. */
  sending(sent: SentBundle): void;
  committed(sent: SentBundle): void;
  /** Told once for each refused key. */
  refused(key: string, error: string): void;
  /** Counts for metrics. */
  count(counts: {
    readonly bundles: number;
    readonly flows: number;
    readonly groups: number;
    readonly bytes: number;
    /** Bundles sent with their commit, without asking first. */
    readonly unasked: number;
  }): void;
}

export type RoundOutcome =
  /** Everything that could go is acknowledged. */
  | { readonly kind: 'done' }
  | { readonly kind: 'fenced' }
  /** A bundle was committed without messages that should have been refused before: what the switch holds is not known. */
  | { readonly kind: 'torn'; readonly error: string }
  /** The switch refuses something that no fragment is to blame for. */
  | { readonly kind: 'failed'; readonly error: string };

/**
 * Sends `changes`, all of whose keys are in flight in the ledger (or are not fragments: strays of a comparison).
 * `alwaysSentinel`: write a sentinel even when there is nothing else to send.
 */
export async function deliverChanges(
  context: RoundContext,
  changes: readonly SwitchChange[],
  alwaysSentinel: boolean,
): Promise<RoundOutcome> {
  let open = [...changes];
  const started = new Set<string>();
  for (;;) {
    const outcome = await attempt(context, open, started, alwaysSentinel);
    if (outcome.kind === 'torn') return tear(context, open, outcome);
    if (outcome.kind !== 'refused') return outcome;
    const known = new Map([...outcome.errors].filter(([key]) => context.ledger.isInFlight(key)));
    if (known.size === 0) return { kind: 'failed', error: [...outcome.errors.values()].join('; ') };
    open = setAside(context, open, known, started);
    if (open.length === 0) return { kind: 'done' };
  }
}

/**
 * Only so much goes without asking, because it is one write: more may be interrupted for so long that the switch forgets the first
 * half of the bundle and takes the second for another one, which it would commit.
 */
const unaskedBytes = bytesATurn;

const sentinelOnly: ShippedBundle = { parts: [], count: 0, touches: new Set(), completes: new Set(), bytes: 0 };

/** One try of everything. Keys whose change is complete leave the ledger and are removed from `open`. */
async function attempt(
  context: RoundContext,
  open: SwitchChange[],
  started: Set<string>,
  alwaysSentinel: boolean,
): Promise<Exclude<RoundOutcome, { kind: 'torn' }> | Extract<BundleOutcome, { kind: 'refused' | 'torn' }>> {
  const { accepted } = context;
  const shipment = shipmentOf(open);
  const { metersAfter, zonesBefore, zonesAfter } = shipment;
  const keyOfXid: KeyOfXid = xid => shipment.changes.find(change => change.xid === xid)?.key;
  const isAccepted = shipment.isShapeKnown && accepted.covers(shipment.shapes);
  const isUnasked = ({ bytes }: ShippedBundle): boolean => isAccepted && bytes <= unaskedBytes;
  const metered = shipment.metered.filter(change => !context.metersSent.has(change.key));
  if (metered.length > 0) {
    // Meters go outside of the bundles: while they change, the switch is on the way.
    const marked = await sendOne(context, sentinelOnly, false, keyOfXid, isAccepted);
    if (marked.kind !== 'committed') return marked;
    const messages = metered.flatMap(change => change.metersBefore);
    // Whatever comes of it, some may be there: what is installed of these keys is known again only with the bundle.
    for (const { key } of metered) started.add(key);
    const outcome = await sendPlain(context.target, messages, keyOfXid);
    for (const { key } of metered) context.metersSent.add(key);
    if (outcome.kind !== 'committed') return outcome;
  }
  // No need to wait: a switch does one thing after the other.
  if (zonesBefore.length > 0) await writeAll(context.target, zonesBefore);
  const bundles = shipment.bundles.length === 0 && alwaysSentinel ? [sentinelOnly] : shipment.bundles;
  for (const [index, bundle] of bundles.entries()) {
    const isLast = index === bundles.length - 1 && metersAfter.length === 0;
    const outcome = await sendOne(context, bundle, isLast, keyOfXid, isUnasked(bundle));
    if (outcome.kind !== 'committed') return outcome;
    for (const key of bundle.touches) started.add(key);
    if (!isLast) finish(context, open, change => bundle.completes.has(change.key) && change.metersAfter.length === 0);
  }
  if (metersAfter.length > 0) {
    const removed = await sendPlain(context.target, metersAfter, keyOfXid);
    if (removed.kind !== 'committed') return removed;
    const settled = await sendOne(context, sentinelOnly, true, keyOfXid, isAccepted);
    if (settled.kind !== 'committed') return settled;
  }
  if (zonesAfter.length > 0) await writeAll(context.target, zonesAfter);
  const { flows, groups, bytes } = shipment;
  context.count({ bundles: bundles.length, flows, groups, bytes, unasked: bundles.filter(isUnasked).length });
  if (!isAccepted) accepted.accept(shipment.shapes);
  context.ledger.commit(open.map(change => change.key));
  open.length = 0;
  return { kind: 'done' };
}

async function sendOne(
  context: RoundContext,
  bundle: Bundle,
  isLast: boolean,
  keyOfXid: KeyOfXid,
  isUnasked: boolean,
): Promise<BundleOutcome> {
  const sentinel = context.nextSentinel(isLast);
  const sent: SentBundle = { sentinel, bundle, isAsked: !isUnasked };
  context.sending(sent);
  const parts = [...bundle.parts, context.encodeSentinel(sentinel)];
  const outcome = await sendBundle(context.target, parts, keyOfXid, isUnasked);
  if (outcome.kind === 'committed') context.committed(sent);
  return outcome;
}

function finish(context: RoundContext, open: SwitchChange[], isFinished: (change: SwitchChange) => boolean): void {
  const finished = open.filter(isFinished);
  context.ledger.commit(finished.map(change => change.key));
  const left = open.filter(change => !isFinished(change));
  open.splice(0, open.length, ...left);
}

/** What was left out is refused; of all the rest only a dump can tell, since nothing was asked before the commit. */
function tear(
  context: RoundContext,
  open: readonly SwitchChange[],
  { errors, error }: Extract<BundleOutcome, { kind: 'torn' }>,
): RoundOutcome {
  const { ledger, accepted } = context;
  // Those of what was left out do not tell whether they are understood. The others are asked about once more.
  for (const { key, shapes } of open) {
    if (errors.has(key)) accepted.distrust(shapes);
    else accepted.forget(shapes);
  }
  ledger.forgetInstalled([...ledger.inFlight.keys()]);
  for (const [key, words] of errors) {
    if (!ledger.isInFlight(key)) continue;
    ledger.refuse(key, words, context.nowMs());
    context.refused(key, words);
  }
  return { kind: 'torn', error };
}

/** Moves refused keys and their dependents back to dirty; gives what can still go. */
function setAside(
  context: RoundContext,
  open: readonly SwitchChange[],
  errors: ReadonlyMap<string, string>,
  started: ReadonlySet<string>,
): SwitchChange[] {
  const { ledger } = context;
  const staying = open.filter(change => errors.has(change.key));
  const going = open.filter(change => !errors.has(change.key));
  const blocked = dependents(staying, going);
  ledger.forgetInstalled([...errors.keys(), ...blocked.keys()].filter(key => started.has(key)));
  const left = going.filter(change => !blocked.has(change.key));
  const stayBehind = [...staying, ...going.filter(change => blocked.has(change.key))];
  const lost = displaced(inFlight(ledger, left), [...inFlight(ledger, stayBehind)]);
  for (const [key, error] of errors) {
    ledger.refuse(key, error, context.nowMs());
    context.refused(key, error);
  }
  for (const [key, cause] of blocked) {
    ledger.refuse(key, `depends on ${cause}: ${errors.get(cause) ?? 'set aside'}`, context.nowMs(), cause);
  }
  for (const key of lost) ledger.doubt(key);
  return left;
}

function* inFlight(ledger: HostLedger, changes: readonly SwitchChange[]): Generator<FlightEntry> {
  for (const { key } of changes) {
    const flight = ledger.inFlight.get(key);
    if (flight !== undefined) yield flight;
  }
}
