/**
 * What is to be done soon with each of many, so many in one turn of the event loop: a thousand hypervisors that are to be looked at for
 * one reason keep nobody else waiting. What is added several times before its turn is done once. Whoever comes first in a turn is
 * done at once, so that a few wait for nothing.
 */
export class PacedSet<T> {
  readonly #act: (item: T) => void;
  readonly #aTurn: number;
  readonly #waiting = new Set<T>();
  /** In this turn. */
  #done = 0;

  /** @param aTurn how many in one turn */
  constructor(aTurn: number, act: (item: T) => void) {
    this.#aTurn = aTurn;
    this.#act = act;
  }

  /** How many wait for a later turn. */
  get size(): number {
    return this.#waiting.size;
  }

  add(item: T): void {
    if (this.#waiting.size > 0 || this.#done >= this.#aTurn) {
      this.#waiting.add(item);
      return;
    }
    this.#count();
    this.#act(item);
  }

  #count(): void {
    if (this.#done === 0) setImmediate(() => this.#turn());
    this.#done += 1;
  }

  #turn(): void {
    this.#done = 0;
    for (const item of this.#waiting) {
      if (this.#done === this.#aTurn) break;
      this.#waiting.delete(item);
      this.#count();
      this.#act(item);
    }
  }
}
