/**
 * A rule says what one kind of subject means for the switches. One unit of work is (rule, subject row), and gives
 * at most one fragment. Rooms export rules; rules.ts lists them; compiler.ts runs them.
 *
 * `compile` must be a pure function of the subject and of what it reads through the view, and must be total: any
 * reference may dangle (rows of one revision arrive together, but a port's router may be gone for good), and a
 * dangling reference means "nothing to say", never an exception. What it throws ends the process.
 *
 * Keep the reads of a unit bounded. A list that grows with the network (all ports of a switch) belongs into
 * subjects of its own, or behind an index that answers the question asked.
 */
import type { NetworkRow, ViewKind } from '../view/rows.js';
import type { TrackedView } from '../view/tracked-view.js';
import type { FragmentBody } from './fragment.js';

export interface RuleDefinition<K extends ViewKind> {
  /** `room.subject`, as in `switching.forwarding`. */
  readonly name: string;
  /** Part of every cookie that the rule makes. Unique, from 1 to 65535, and never used again for another rule. */
  readonly number: number;
  readonly subjects: K;
  compile(this: void, subject: NetworkRow<K>, view: TrackedView): FragmentBody | null;
}

/** Rules of all kinds of subject, in one list. */
export type Rule = { readonly [K in ViewKind]: RuleDefinition<K> }[ViewKind];

/** Declares a rule. The kind of its subjects gives `compile` its types. */
export function rule<K extends ViewKind>(definition: RuleDefinition<K>): RuleDefinition<K> {
  return definition;
}
