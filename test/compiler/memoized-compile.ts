/**
 * A compile from scratch that remembers. After every change each unit of each rule is asked whether every answer that
 * it was given when it last ran is still the very same object; if so it is the same function of the same input, and
 * its output stands; otherwise it runs. No list of readers, no dirty marks, no key: what the engine's invalidation
 * could get wrong does not exist here. (That rules are pure is what the complete compiles of the oracle check.)
 */
import { structurallyEqual } from '../../src/base/structural-equality.js';
import type { Fragment, FragmentBody } from '../../src/compiler/fragment.js';
import { fragmentCookie } from '../../src/compiler/identifiers.js';
import { ownerOf } from '../../src/compiler/owner.js';
import type { Rule } from '../../src/compiler/rule.js';
import type { RowAfter } from '../../src/view/network-view.js';
import { descriptiveOnly, type IndexValue, type ViewKind, type ViewRow } from '../../src/view/rows.js';
import type { TrackedView } from '../../src/view/tracked-view.js';
import { ReferenceNetwork } from './reference-network.js';

/** A place in a rule where it reads: which kind, and by which index (null: by id). */
export interface ReadSite {
  readonly rule: string;
  readonly kind: ViewKind;
  readonly index: string | null;
}

export const siteName = ({ rule, kind, index }: ReadSite): string => `${rule} reads ${kind} by ${index ?? 'id'}`;

/** One question and the present answer. */
interface Cell {
  readonly kind: ViewKind;
  readonly index: string | null;
  readonly value: IndexValue;
  answer: unknown;
  /** The step in which the answer last became another. */
  changedAt: number;
}

interface Memo {
  readonly subject: ViewRow<ViewKind>;
  readonly cells: readonly Cell[];
  readonly ranAt: number;
  readonly fragment: Fragment | null;
}

interface RuleState {
  readonly rule: AnyRule;
  readonly memos: Map<string, Memo>;
  /** The kinds of its subjects and of everything that it has ever read. */
  readonly kinds: Set<ViewKind>;
}

/** What a step did: the fragments that may be others now, and which reads alone made some so. */
export interface ReferenceStep {
  readonly keys: readonly string[];
  /** Read sites without whose recording some unit would have been left as it was, wrongly. */
  readonly decisive: readonly ReadSite[];
}

interface AnyRule {
  readonly name: string;
  readonly number: number;
  readonly subjects: ViewKind;
  compile(this: void, subject: ViewRow<ViewKind>, view: TrackedView): FragmentBody | null;
}

export class MemoizedCompile {
  readonly network = new ReferenceNetwork();
  readonly fragments = new Map<string, Fragment>();
  /** Every read site that any unit has used, by name. */
  readonly sites = new Map<string, ReadSite>();
  readonly #rules: readonly RuleState[];
  readonly #cells = new Map<ViewKind, Map<string, Map<IndexValue, Cell>>>();
  #step = 0;

  constructor(rules: readonly Rule[]) {
    this.#rules = rules.map(rule => ({
      rule: rule as unknown as AnyRule,
      memos: new Map<string, Memo>(),
      kinds: new Set([rule.subjects]),
    }));
  }

  /** `isDecided`: read sites by name of which no more needs to be known. */
  apply(rows: Iterable<RowAfter>, isDecided: (site: string) => boolean): ReferenceStep {
    this.#step += 1;
    const changed = this.network.apply(rows);
    // Before the first step no rule has run, and a table that never changes may be asked about.
    const isConcerned = ({ kinds }: RuleState): boolean =>
      this.#step === 1 || [...changed].some(kind => kinds.has(kind));
    this.#refresh(changed);
    const keys: string[] = [];
    const decisive: ReadSite[] = [];
    for (const state of this.#rules) {
      if (!isConcerned(state)) continue;
      const { rule, memos } = state;
      const subjects = this.network.rows(rule.subjects);
      for (const id of memos.keys()) {
        if (subjects.has(id)) continue;
        memos.delete(id);
        keys.push(keyOf(rule, id));
        this.fragments.delete(keyOf(rule, id));
      }
      for (const [id, subject] of subjects) {
        const held = memos.get(id);
        if (held !== undefined && held.subject === subject && this.#stands(held)) continue;
        const memo = this.#run(state, subject);
        const key = keyOf(rule, id);
        memos.set(id, memo);
        keys.push(key);
        if (memo.fragment === null) this.fragments.delete(key);
        else this.fragments.set(key, memo.fragment);
        const site = held === undefined ? null : this.#decisive(rule, held, memo);
        if (site === null || isDecided(siteName(site))) continue;
        if (!structurallyEqual(held?.fragment, memo.fragment)) decisive.push(site);
      }
    }
    return { keys, decisive };
  }

  #stands(memo: Memo): boolean {
    for (const cell of memo.cells) if (cell.changedAt > memo.ranAt) return false;
    return true;
  }

  /** The one site whose answers have changed, if it is one and the subject has stayed as it was. */
  #decisive(rule: AnyRule, held: Memo, memo: Memo): ReadSite | null {
    if (!descriptiveOnly(held.subject, memo.subject)) return null;
    const [first, ...others] = held.cells.filter(cell => cell.changedAt > held.ranAt);
    if (first === undefined || others.some(cell => cell.kind !== first.kind || cell.index !== first.index)) return null;
    return { rule: rule.name, kind: first.kind, index: first.index };
  }

  #run({ rule, kinds }: RuleState, subject: ViewRow<ViewKind>): Memo {
    const cells = new Set<Cell>();
    const read = (kind: ViewKind, index: string | null, value: IndexValue): unknown => {
      const cell = this.#cell(kind, index, value);
      if (!cells.has(cell)) {
        cells.add(cell);
        kinds.add(kind);
        const site = { rule: rule.name, kind, index };
        if (!this.sites.has(siteName(site))) this.sites.set(siteName(site), site);
      }
      return cell.answer;
    };
    const view = {
      get: (kind: ViewKind, id: string) => read(kind, null, id),
      by: (kind: ViewKind, index: string, value: IndexValue) => read(kind, index, value),
    } as unknown as TrackedView;
    const body = rule.compile(subject, view);
    return { subject, cells: [...cells], ranAt: this.#step, fragment: body && identify(rule, subject, body) };
  }

  #cell(kind: ViewKind, index: string | null, value: IndexValue): Cell {
    let ofKind = this.#cells.get(kind);
    if (ofKind === undefined) this.#cells.set(kind, (ofKind = new Map()));
    let ofIndex = ofKind.get(index ?? '');
    if (ofIndex === undefined) ofKind.set(index ?? '', (ofIndex = new Map()));
    let cell = ofIndex.get(value);
    if (cell === undefined) {
      cell = { kind, index, value, answer: this.#ask(kind, index, value), changedAt: this.#step };
      ofIndex.set(value, cell);
    }
    return cell;
  }

  #ask(kind: ViewKind, index: string | null, value: IndexValue): unknown {
    return index === null ? this.network.get(kind, String(value)) : this.network.by(kind, index, value);
  }

  /** Asks every question about these kinds again. */
  #refresh(changedKinds: ReadonlySet<ViewKind>): void {
    for (const changed of changedKinds) {
      for (const ofIndex of this.#cells.get(changed)?.values() ?? []) {
        for (const cell of ofIndex.values()) {
          const answer = this.#ask(cell.kind, cell.index, cell.value);
          if (answer === cell.answer) continue;
          cell.answer = answer;
          cell.changedAt = this.#step;
        }
      }
    }
  }
}

const keyOf = (rule: AnyRule, id: string): string => `${rule.name}/${id}`;

function identify(rule: AnyRule, subject: ViewRow<ViewKind>, body: FragmentBody): Fragment {
  return {
    ...body,
    key: keyOf(rule, subject.id),
    cookie: fragmentCookie(rule.number, body.subjectNumber ?? subject.number),
    owner: ownerOf(rule.subjects, subject),
  };
}
