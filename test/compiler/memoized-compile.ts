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

/** What a step did: whose output is another, and which reads alone made it so. */
export interface ReferenceStep {
  readonly changedKeys: ReadonlySet<string>;
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
  readonly #rules: readonly { readonly rule: AnyRule; readonly memos: Map<string, Memo> }[];
  readonly #cells = new Map<ViewKind, Map<string, Map<IndexValue, Cell>>>();
  #step = 0;

  constructor(rules: readonly Rule[]) {
    this.#rules = rules.map(rule => ({ rule: rule as unknown as AnyRule, memos: new Map<string, Memo>() }));
  }

  apply(rows: Iterable<RowAfter>): ReferenceStep {
    this.#step += 1;
    this.#refresh(this.network.apply(rows));
    const changedKeys = new Set<string>();
    const decisive: ReadSite[] = [];
    for (const { rule, memos } of this.#rules) {
      const subjects = this.network.rows(rule.subjects);
      for (const id of memos.keys()) {
        if (subjects.has(id)) continue;
        memos.delete(id);
        if (this.fragments.delete(keyOf(rule, id))) changedKeys.add(keyOf(rule, id));
      }
      for (const [id, subject] of subjects) {
        const held = memos.get(id);
        if (held !== undefined && held.subject === subject && this.#stands(held)) continue;
        const memo = this.#run(rule, subject);
        memos.set(id, memo);
        if (structurallyEqual(held?.fragment ?? null, memo.fragment)) continue;
        changedKeys.add(keyOf(rule, id));
        if (memo.fragment === null) this.fragments.delete(keyOf(rule, id));
        else this.fragments.set(keyOf(rule, id), memo.fragment);
        if (held !== undefined) decisive.push(...this.#decisive(rule, held, memo));
      }
    }
    return { changedKeys, decisive };
  }

  #stands(memo: Memo): boolean {
    for (const cell of memo.cells) if (cell.changedAt > memo.ranAt) return false;
    return true;
  }

  /** The one site whose answers have changed, if it is one and the subject has stayed as it was. */
  #decisive(rule: AnyRule, held: Memo, memo: Memo): readonly ReadSite[] {
    if (!descriptiveOnly(held.subject, memo.subject)) return [];
    const changed = held.cells.filter(cell => cell.changedAt > held.ranAt);
    const [first] = changed;
    if (first === undefined) throw new Error(`rule ${rule.name} is not a function of what it reads`);
    const alone = changed.every(cell => cell.kind === first.kind && cell.index === first.index);
    return alone ? [{ rule: rule.name, kind: first.kind, index: first.index }] : [];
  }

  #run(rule: AnyRule, subject: ViewRow<ViewKind>): Memo {
    const cells = new Set<Cell>();
    const read = (kind: ViewKind, index: string | null, value: IndexValue): unknown => {
      const cell = this.#cell(kind, index, value);
      if (!cells.has(cell)) {
        cells.add(cell);
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
