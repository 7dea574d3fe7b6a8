/**
 * The engine. It runs a unit, which is (rule, subject row), records what the unit read, and runs it again when any
 * of that changes; equal output stops there. A full compile is nothing else: every subject has just appeared.
 * What must stay true: after any sequence of updates the fragments are those of a compile from scratch
 * (test/compiler/incremental-oracle.ts).
 *
 * Units of one subject, one for each rule of its kind, have consecutive numbers:
 *
 *   subject id -> base number;   unit = base + place of the rule among those of the kind
 */
import type { NetworkView, RowChange, Touched } from '../view/network-view.js';
import {
  descriptiveOnly,
  indexes,
  type IndexValue,
  type NetworkRow,
  type ViewKind,
  type ViewRow,
} from '../view/rows.js';
import { compareIds } from '../view/row-order.js';
import type { TrackedView } from '../view/tracked-view.js';
import { Dependencies } from './dependencies.js';
import type { Fragment, FragmentBody, FragmentForm, FragmentHeader, FragmentOwner } from './fragment.js';
import { fragmentCookie } from './identifiers.js';
import { ownerOf } from './owner.js';
import type { Rule } from './rule.js';

/** A fragment that appeared, changed or went away. */
export interface FragmentChange<F extends FragmentHeader = Fragment> {
  readonly key: string;
  readonly before: F | null;
  readonly after: F | null;
}

/** A hypervisor that must hold a datapath from now on, or no longer. */
export interface ResidencyChange {
  readonly hypervisorId: string;
  readonly datapathId: string;
  readonly resident: boolean;
}

/** A hypervisor that is in a mesh from now on, or no longer. */
export interface MeshChange {
  readonly hypervisorId: string;
  readonly meshId: string;
  readonly member: boolean;
}

/** What an update did: fragments sorted by key, residencies by datapath and hypervisor, members by mesh and hypervisor. */
export interface Delta<F extends FragmentHeader = Fragment> {
  readonly revision: number;
  readonly changes: readonly FragmentChange<F>[];
  readonly residency: readonly ResidencyChange[];
  readonly meshes: readonly MeshChange[];
}

export interface CompilerStats {
  /** (rule, subject) pairs that exist. */
  readonly units: number;
  readonly fragments: number;
  /** (unit, key) pairs recorded. */
  readonly reads: number;
  /** Since the start. */
  readonly unitsRun: number;
  readonly fragmentsChanged: number;
  /** In the latest update. */
  readonly latest: { readonly revision: number; readonly unitsRun: number; readonly fragmentsChanged: number };
}

/** A rule with the type of its subjects erased: the engine pairs rules and rows by kind. */
interface ErasedRule {
  readonly name: string;
  readonly number: number;
  readonly subjects: ViewKind;
  compile(this: void, subject: NetworkRow<ViewKind>, view: TrackedView): FragmentBody | null;
}

/** The rules about one kind, the units of its subjects, and the spaces of reads of it. */
interface KindState {
  readonly kind: ViewKind;
  readonly rules: readonly ErasedRule[];
  /** Subject id -> number of its first unit. */
  readonly subjects: Map<string, number>;
  readonly freeBases: number[];
  readonly rowSpace: number;
  readonly indexSpaces: ReadonlyMap<string, IndexSpace>;
}

interface IndexSpace {
  readonly space: number;
  readonly valuesOf: (row: ViewRow<ViewKind>) => readonly IndexValue[];
}

/** Units that are run without a stop: some milliseconds. */
export const unitsATurn = 500;

/** `F` is what it keeps of fragments, and hands out: see FragmentForm. */
export class Compiler<F extends FragmentHeader> {
  readonly #view: NetworkView;
  readonly #form: FragmentForm<F>;
  readonly #dependencies = new Dependencies();
  readonly #kinds: ReadonlyMap<ViewKind, KindState>;
  readonly #tracked: TrackedView;
  /** By unit number. */
  readonly #rules: ErasedRule[] = [];
  readonly #subjectIds: string[] = [];
  readonly #fragments: (F | null)[] = [];
  #fragmentCount = 0;
  #units = 0;
  #unitsRun = 0;
  #fragmentsChanged = 0;
  #latest = { revision: 0, unitsRun: 0, fragmentsChanged: 0 };

  /** Compiles nothing yet: `update` does, with what the view reports or, for a view that holds rows, `everything()`. */
  constructor(rules: readonly Rule[], view: NetworkView, form: FragmentForm<F>) {
    assertDistinct(rules);
    this.#view = view;
    this.#form = form;
    const kinds = new Map<ViewKind, KindState>();
    for (const kind of Object.keys(indexes) as ViewKind[]) kinds.set(kind, kindState(kind, rules, this.#dependencies));
    this.#kinds = kinds;
    this.#tracked = recordingView(view, kinds, this.#dependencies);
  }

  /**
   * Brings the fragments up to what the view holds; `touched` is what the view reported since the last update.
   * A rule that throws has an error in its code: the compiler is of no use afterwards, and the process should end.
   */
  update(touched: Touched): Delta<F> {
    const steps = this.updating(touched);
    for (;;) {
      const { done, value } = steps.next();
      if (done === true) return value;
    }
  }

  /**
   * The same with a stop after every `unitsATurn` units, at which the caller may let others run. Until the end the view must stay as it is, and
   * nothing else may be asked of the compiler than how far it is.
   */
  *updating(touched: Touched): Generator<void, Delta<F>> {
    const dirty = new Set<number>();
    const gone: { readonly state: KindState; readonly id: string }[] = [];
    for (const change of touched.changes) {
      if (descriptiveOnly(change.before, change.after)) continue;
      const state = this.#kind(change.kind);
      this.#markReaders(state, change, dirty);
      if (change.before === null && state.rules.length > 0) this.#addSubject(state, change.id);
      const base = state.subjects.get(change.id);
      if (base === undefined) continue;
      for (let place = 0; place < state.rules.length; place += 1) dirty.add(base + place);
      if (change.after === null) gone.push({ state, id: change.id });
    }
    const changes: FragmentChange<F>[] = [];
    let run = 0;
    for (const unit of this.#ordered(dirty)) {
      this.#run(unit, changes);
      this.#unitsRun += 1;
      run += 1;
      if (run % unitsATurn === 0) yield;
    }
    for (const { state, id } of gone) this.#removeSubject(state, id);
    this.#latest = { revision: touched.revision, unitsRun: dirty.size, fragmentsChanged: changes.length };
    this.#fragmentsChanged += changes.length;
    return {
      revision: touched.revision,
      changes,
      residency: residencyChanges(touched),
      meshes: meshChanges(touched),
    };
  }

  /** Everything that is kept, in no order. Read it out before the next update. */
  *fragments(): Generator<F> {
    for (const fragment of this.#fragments) if (fragment !== null) yield fragment;
  }

  get stats(): CompilerStats {
    return {
      units: this.#units,
      fragments: this.#fragmentCount,
      reads: this.#dependencies.size,
      unitsRun: this.#unitsRun,
      fragmentsChanged: this.#fragmentsChanged,
      latest: this.#latest,
    };
  }

  #kind(kind: ViewKind): KindState {
    const state = this.#kinds.get(kind);
    if (state === undefined) throw new Error(`the view has no kind ${kind}`);
    return state;
  }

  #markReaders(state: KindState, { id, before, after }: RowChange, dirty: Set<number>): void {
    const mark = (unit: number): void => {
      dirty.add(unit);
    };
    this.#dependencies.readers(state.rowSpace, id, mark);
    for (const { space, valuesOf } of state.indexSpaces.values()) {
      for (const row of [before, after]) {
        if (row !== null) for (const value of valuesOf(row)) this.#dependencies.readers(space, value, mark);
      }
    }
  }

  #addSubject(state: KindState, id: string): void {
    const base = state.freeBases.pop() ?? this.#rules.length;
    state.subjects.set(id, base);
    for (const [place, rule] of state.rules.entries()) {
      this.#rules[base + place] = rule;
      this.#subjectIds[base + place] = id;
      this.#fragments[base + place] = null;
    }
    this.#units += state.rules.length;
  }

  #removeSubject(state: KindState, id: string): void {
    const base = state.subjects.get(id);
    if (base === undefined) return;
    state.subjects.delete(id);
    state.freeBases.push(base);
    this.#units -= state.rules.length;
  }

  /** Units by rule number, then by subject id: an order that the way to this state does not change. */
  #ordered(units: ReadonlySet<number>): readonly number[] {
    const byRule = new Map<ErasedRule, number[]>();
    for (const unit of units) {
      const rule = this.#rule(unit);
      const ofRule = byRule.get(rule);
      if (ofRule === undefined) byRule.set(rule, [unit]);
      else ofRule.push(unit);
    }
    const bySubject = (left: number, right: number): number => compareIds(this.#subject(left), this.#subject(right));
    return [...byRule]
      .sort(([left], [right]) => left.number - right.number)
      .flatMap(([, ofRule]) => ofRule.sort(bySubject));
  }

  #rule(unit: number): ErasedRule {
    const rule = this.#rules[unit];
    if (rule === undefined) throw new Error(`there is no unit ${unit}`);
    return rule;
  }

  #subject(unit: number): string {
    return this.#subjectIds[unit] ?? '';
  }

  #run(unit: number, changes: FragmentChange<F>[]): void {
    const rule = this.#rule(unit);
    const subjectId = this.#subject(unit);
    const before = this.#fragments[unit] ?? null;
    const compiled = this.#compile(unit, rule, subjectId);
    const after = compiled === null ? null : this.#form(compiled, before);
    if (after === before) return;
    this.#fragmentCount += Number(after !== null) - Number(before !== null);
    this.#fragments[unit] = after;
    changes.push({ key: fragmentKey(rule, subjectId), before, after });
  }

  #compile(unit: number, rule: ErasedRule, subjectId: string): Fragment | null {
    const kind = rule.subjects;
    const subject = this.#view.get(kind, subjectId);
    if (subject === null) {
      this.#dependencies.forget(unit);
      return null;
    }
    this.#dependencies.begin();
    try {
      const body = rule.compile(subject, this.#tracked);
      this.#dependencies.commit(unit);
      if (body === null) return null;
      const cookie = fragmentCookie(rule.number, body.subjectNumber ?? subject.number);
      return fragmentOf(body, fragmentKey(rule, subjectId), cookie, ownerOf(kind, subject));
    } catch (cause) {
      throw new Error(`rule ${rule.name} failed for ${kind} ${subjectId}`, { cause });
    }
  }
}

const fragmentKey = (rule: ErasedRule, subjectId: string): string => `${rule.name}/${subjectId}`;

/** Member by member: spreading an object of unknown shape costs more than most rules do. */
function fragmentOf(body: FragmentBody, key: string, cookie: bigint, owner: FragmentOwner): Fragment {
  const { scope, flows, groups, meters, ctZones, connections, after, isOptional, isAskedByOthers, subjectNumber } =
    body;
  const fragment: Writable<Fragment> = { key, cookie, owner, scope, flows };
  if (groups !== undefined) fragment.groups = groups;
  if (meters !== undefined) fragment.meters = meters;
  if (ctZones !== undefined) fragment.ctZones = ctZones;
  if (connections !== undefined) fragment.connections = connections;
  if (after !== undefined) fragment.after = after;
  if (isOptional !== undefined) fragment.isOptional = isOptional;
  if (isAskedByOthers !== undefined) fragment.isAskedByOthers = isAskedByOthers;
  if (subjectNumber !== undefined) fragment.subjectNumber = subjectNumber;
  return fragment;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function assertDistinct(rules: readonly Rule[]): void {
  for (const property of ['name', 'number'] as const) {
    const seen = new Set<string | number>();
    for (const rule of rules) {
      if (seen.has(rule[property])) throw new Error(`two rules have the ${property} ${rule[property]}`);
      seen.add(rule[property]);
    }
  }
}

function kindState(kind: ViewKind, rules: readonly Rule[], dependencies: Dependencies): KindState {
  const indexSpaces = new Map<string, IndexSpace>();
  for (const [name, valuesOf] of Object.entries(indexes[kind])) {
    indexSpaces.set(name, { space: dependencies.space(), valuesOf: valuesOf as IndexSpace['valuesOf'] });
  }
  return {
    kind,
    rules: rules.filter(candidate => candidate.subjects === kind) as unknown as readonly ErasedRule[],
    subjects: new Map(),
    freeBases: [],
    rowSpace: dependencies.space(),
    indexSpaces,
  };
}

/** The view with every question noted for the unit that is being run. */
function recordingView(
  view: NetworkView,
  kinds: ReadonlyMap<ViewKind, KindState>,
  dependencies: Dependencies,
): TrackedView {
  const spaceOf = (kind: ViewKind, index: string | null): number => {
    const state = kinds.get(kind);
    const space = index === null ? state?.rowSpace : state?.indexSpaces.get(index)?.space;
    if (space === undefined) throw new Error(`the view has no ${kind}${index === null ? '' : ` by ${index}`}`);
    return space;
  };
  // A whole row is a network row with more members, which the compiler cannot see for a kind that is a parameter.
  const reader = view as unknown as TrackedView;
  return {
    get: (kind, id) => {
      dependencies.read(spaceOf(kind, null), id);
      return reader.get(kind, id);
    },
    by: (kind, index, value) => {
      dependencies.read(spaceOf(kind, index), value);
      return reader.by(kind, index, value);
    },
  };
}

function residencyChanges(touched: Touched): readonly ResidencyChange[] {
  const residency: ResidencyChange[] = [];
  for (const change of touched.changes) {
    if (change.kind !== 'residencies' || (change.before !== null && change.after !== null)) continue;
    const row = change.after ?? change.before;
    if (row === null) continue;
    residency.push({ hypervisorId: row.hypervisorId, datapathId: row.datapathId, resident: change.after !== null });
  }
  return residency;
}

function meshChanges(touched: Touched): readonly MeshChange[] {
  const meshes: MeshChange[] = [];
  for (const change of touched.changes) {
    if (change.kind !== 'mesh-members' || (change.before !== null && change.after !== null)) continue;
    const row = change.after ?? change.before;
    if (row !== null)
      meshes.push({ hypervisorId: row.hypervisorId, meshId: row.meshId, member: change.after !== null });
  }
  return meshes;
}
