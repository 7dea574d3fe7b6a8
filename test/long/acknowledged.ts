/**
 * What one client knows of its objects from the answers that it got. Only this client changes them, so what was acknowledged
 * must be there for ever; a write whose answer was lost is there as a whole, or not at all.
 */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';

export type Members = Readonly<Record<string, unknown>>;

export interface KnownObject {
  readonly kind: string;
  readonly id: string;
  /** Members as they were written; what Weft chose by itself is not among them. */
  readonly members: Members;
}

/** What a write is to make of objects; null: it is gone. */
export type Outcome = ReadonlyMap<string, KnownObject | null>;

/** The answer to a write was lost: was it carried out, as far as can be seen? */
export type Settled = 'done' | 'undone';

export class Acknowledged {
  readonly #objects = new Map<string, KnownObject>();
  /** What was heard of each object, newest last: to be read by people when something does not hold. */
  readonly #history = new Map<string, string[]>();

  get objects(): Iterable<KnownObject> {
    return this.#objects.values();
  }

  get size(): number {
    return this.#objects.size;
  }

  get(id: string): KnownObject | undefined {
    return this.#objects.get(id);
  }

  of(kind: string): readonly KnownObject[] {
    return [...this.#objects.values()].filter(object => object.kind === kind);
  }

  historyOf(id: string): string {
    return (this.#history.get(id) ?? []).join('\n');
  }

  #note(outcome: Outcome, what: string): void {
    const at = new Date().toISOString();
    for (const [id, object] of outcome) {
      const lines = this.#history.get(id) ?? [];
      this.#history.set(id, [...lines, `${at} ${what} ${JSON.stringify(object?.members ?? 'gone')}`]);
    }
  }

  /** A write was acknowledged. */
  take(outcome: Outcome, what = 'acknowledged'): void {
    this.#note(outcome, what);
    for (const [id, object] of outcome) {
      if (object === null) this.#objects.delete(id);
      else this.#objects.set(id, object);
    }
  }

  /** The answer to a write was lost: what is there tells which of the two happened, the same for all of its objects. */
  settle(outcome: Outcome, found: ReadonlyMap<string, Members | null>): Settled {
    const matches = (id: string, object: KnownObject | null): boolean => {
      const present = found.get(id) ?? null;
      return object === null ? present === null : present !== null && holds(present, object.members);
    };
    const isDone = [...outcome].every(([id, object]) => matches(id, object));
    const isUndone = [...outcome.keys()].every(id => matches(id, this.#objects.get(id) ?? null));
    assert.ok(isDone || isUndone, `half of a write is there: ${JSON.stringify([...outcome, ...found])}`);
    if (isDone) this.take(outcome, 'found to be done');
    else this.#note(outcome, 'found to be undone');
    return isDone ? 'done' : 'undone';
  }
}

/** Whether an object has all of these members. */
export function holds(present: Members, members: Members): boolean {
  return Object.entries(members).every(([name, value]) => isDeepStrictEqual(present[name], value));
}
