/**
 * Which dirty entries of a hypervisor go into its next round, and which have to stay: held back for another
 * hypervisor, refused a moment ago, or dependent on one that stays. Called anew for every round.
 *
 * What is held back goes all the same as soon as another fragment takes the place of one of its flows: the switch would hold
 * a part of it, and that part is on its way to another object anyway.
 */
import { dependents, isEmptyChange, type SwitchChange } from './bundle-plan.js';
import type { EncodedFragment } from './encoded-fragment.js';
import type { DirtyEntry, FlightEntry, HostLedger } from './host-ledger.js';
import { rankOf } from './backlog.js';
import type { Hold, OwnHold } from './holds.js';
import type { Gathering, Ready } from './gathering.js';
import { displaced } from './places.js';

export interface RoundPlan {
  /** What goes out, with the change of each (same order). */
  readonly flights: readonly FlightEntry[];
  readonly changes: readonly SwitchChange[];
  /** Desired is what is installed already: nothing to send. */
  readonly settled: readonly string[];
  /** What stays dirty, with the version that is desired. */
  readonly remaining: readonly FlightEntry[];
  /** Keys among `remaining` that wait for another key that stays. */
  readonly blocked: ReadonlyMap<string, string>;
  /** Fragments that no switch could be told, with the reason. */
  readonly unencodable: readonly { readonly flight: FlightEntry; readonly error: string }[];
  /** Keys that cannot go and lose a flow to one that goes: what is installed of them is not known after this round. */
  readonly displaced: ReadonlySet<string>;
  /** Some entry can only be settled by a dump. */
  readonly needsComparison: boolean;
  /** Clock.nowMs() at which something that stays may go; Infinity when only an event can change that. */
  readonly nextAtMs: number;
  /** Hypervisors that entries are held back for. */
  readonly waitsFor: ReadonlySet<string>;
}

export interface RoundInputs {
  readonly ledger: HostLedger;
  readonly nowMs: number;
  desired(key: string): EncodedFragment | null;
  /** `own`: what the round has held back already. Removals are asked for last. */
  holdOf(entry: DirtyEntry, target: EncodedFragment | null, own: OwnHold | null): Hold | null;
  /** What turns the one into the other on a switch. */
  difference(entry: DirtyEntry, target: EncodedFragment | null): SwitchChange;
  /** Should what is ready wait for more? Asked when nothing goes whose rank lets it go at any time. */
  gathers(
    ready: readonly Ready[],
    held: Iterable<{ readonly entry: DirtyEntry; readonly hold: Hold }>,
  ): ReturnType<Gathering['waits']>;
}

interface Going {
  readonly flight: FlightEntry;
  readonly change: SwitchChange;
}

interface Held {
  readonly flight: FlightEntry;
  readonly entry: DirtyEntry;
  readonly hold: Hold;
}

interface Draft {
  readonly going: Map<string, Going>;
  /** Held back for another hypervisor. */
  readonly held: Map<string, Held>;
  readonly settled: string[];
  readonly remaining: FlightEntry[];
  readonly staying: Going[];
  readonly unencodable: { flight: FlightEntry; error: string }[];
  /** Entries of rank 1 that are held back. */
  own: (OwnHold & { readonly waitsFor: Set<string> }) | null;
  needsComparison: boolean;
  nextAtMs: number;
}

export function planRound(inputs: RoundInputs): RoundPlan {
  const draft: Draft = {
    going: new Map(),
    held: new Map(),
    settled: [],
    remaining: [],
    staying: [],
    unencodable: [],
    own: null,
    needsComparison: false,
    nextAtMs: Infinity,
  };
  const removals: DirtyEntry[] = [];
  for (const entry of inputs.ledger.dirty.values()) {
    const target = inputs.desired(entry.key);
    if (target === null) removals.push(entry);
    else sort(entry, target, inputs, draft);
  }
  for (const entry of removals) sort(entry, null, inputs, draft);
  const blocked = settleWhatGoes(draft, inputs);
  const lost = [...draft.staying];
  for (const key of blocked.keys()) {
    const one = draft.going.get(key);
    draft.going.delete(key);
    if (one === undefined) continue;
    draft.remaining.push(one.flight);
    lost.push(one);
  }
  const waitsFor = new Set<string>();
  let { nextAtMs } = draft;
  for (const { flight, hold } of draft.held.values()) {
    draft.remaining.push(flight);
    nextAtMs = Math.min(nextAtMs, hold.untilMs);
    for (const hypervisorId of hold.waitsFor) waitsFor.add(hypervisorId);
  }
  const going = gathers(draft, inputs) ? [] : [...draft.going.values()];
  return {
    ...draft,
    blocked,
    displaced: lost.length === 0 ? nothing : displaced(flightsOf(going), flightsOf(lost)),
    waitsFor,
    nextAtMs,
    flights: going.map(({ flight }) => flight),
    changes: going.map(({ change }) => change),
  };
}

const nothing: ReadonlySet<never> = new Set();
const nobodyBlocked: ReadonlyMap<string, string> = new Map();

/** Nothing that goes is urgent, and more may go with it in a moment. */
function gathers({ going, held }: Draft, inputs: RoundInputs): boolean {
  const ready: Ready[] = [];
  for (const { flight } of going.values()) {
    const rank = rankOf(flight.entry.pointedFrom, flight.target);
    if (rank === 0) return false;
    ready.push({ latest: flight.entry.latest, rank });
  }
  return inputs.gathers(ready, held.values());
}

/** What is held back goes with whatever takes a place of it; gives what is going and cannot go, with what each waits for. */
function settleWhatGoes({ going, held, staying }: Draft, inputs: RoundInputs): ReadonlyMap<string, string> {
  // Nearly always all goes, or nothing does.
  if (going.size === 0 || staying.length + held.size === 0) return nobodyBlocked;
  const changeOf = ({ flight: { entry, target } }: Held): SwitchChange => inputs.difference(entry, target);
  for (;;) {
    const withGroups = Array.from(held.values()).filter(({ flight }) => mayHoldUpOthers(flight));
    const stays = [...staying.map(({ change }) => change), ...withGroups.map(changeOf)];
    const goes = [...going.values()];
    const blocked = dependents(
      stays,
      goes.map(({ change }) => change),
    );
    const free = goes.filter(({ change }) => !blocked.has(change.key));
    const taken = displaced(flightsOf(free), flightsOf(held.values()));
    if (taken.size === 0) return blocked;
    for (const key of taken) {
      const one = held.get(key);
      held.delete(key);
      if (one !== undefined) going.set(key, { flight: one.flight, change: changeOf(one) });
    }
  }
}

/** Whether others may depend on it: only by groups, those that it brings and those that it still names. */
function mayHoldUpOthers({ entry: { installed }, target }: FlightEntry): boolean {
  return (
    (target?.groups.length ?? 0) > 0 || (installed !== null && installed !== 'unknown' && installed.usesGroups.size > 0)
  );
}

function* flightsOf(these: Iterable<{ readonly flight: FlightEntry }>): Generator<FlightEntry> {
  for (const { flight } of these) yield flight;
}

function sort(entry: DirtyEntry, target: EncodedFragment | null, inputs: RoundInputs, draft: Draft): void {
  const flight: FlightEntry = { entry, target };
  if (entry.installed === target) {
    draft.settled.push(entry.key);
    return;
  }
  const { refusal } = entry;
  if (refusal?.fragment === target && refusal.causedBy === null && inputs.nowMs < refusal.retryAtMs) {
    stay(flight, inputs, draft);
    draft.nextAtMs = Math.min(draft.nextAtMs, refusal.retryAtMs);
    return;
  }
  const failure = target?.failure ?? null;
  if (failure !== null) {
    draft.unencodable.push({ flight, error: failure });
    stay(flight, inputs, draft);
    return;
  }
  if (entry.installed === 'unknown') {
    draft.needsComparison = true;
    draft.remaining.push(flight);
    return;
  }
  const hold = inputs.holdOf(entry, target, draft.own);
  if (hold !== null) {
    draft.held.set(entry.key, { flight, entry, hold });
    if (target !== null) draft.own = withHold(draft.own, entry.since, hold);
    return;
  }
  const change = inputs.difference(entry, target);
  if (isEmptyChange(change)) draft.settled.push(entry.key);
  else draft.going.set(entry.key, { flight, change });
}

/** The earliest revision and the latest end of both, and whom either waits for. */
function withHold(own: Draft['own'], since: number, { untilMs, waitsFor }: Hold): Draft['own'] {
  if (own === null) return { since, untilMs, waitsFor: new Set(waitsFor) };
  for (const hypervisorId of waitsFor) own.waitsFor.add(hypervisorId);
  return { since: Math.min(own.since, since), untilMs: Math.max(own.untilMs, untilMs), waitsFor: own.waitsFor };
}

/** The entry stays; what depends on it will have to stay too. */
function stay(flight: FlightEntry, inputs: RoundInputs, draft: Draft): void {
  draft.remaining.push(flight);
  const { entry, target } = flight;
  if (entry.installed !== 'unknown') draft.staying.push({ flight, change: inputs.difference(entry, target) });
}

/** What only waits for a refused fragment has failed as well, and says so. */
export function blameCauses(plan: RoundPlan, ledger: HostLedger, nowMs: number): void {
  for (const flight of plan.remaining) {
    const cause = plan.blocked.get(flight.entry.key);
    if (cause === undefined || flight.entry.refusal?.causedBy === cause) continue;
    const refusal = ledger.dirty.get(cause)?.refusal;
    if (refusal === null || refusal === undefined) continue;
    ledger.take([flight]);
    ledger.refuse(flight.entry.key, `depends on ${cause}: ${refusal.error}`, nowMs, cause);
  }
}
