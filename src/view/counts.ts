/** How often something is there. */
export class Counts<T> {
  readonly #counts = new Map<T, number>();

  get size(): number {
    return this.#counts.size;
  }

  has(key: T): boolean {
    return this.#counts.has(key);
  }

  keys(): Iterable<T> {
    return this.#counts.keys();
  }

  /** Tells whether the key came into being or went away. */
  add(key: T, by: 1 | -1): boolean {
    const after = (this.#counts.get(key) ?? 0) + by;
    if (after === 0) this.#counts.delete(key);
    else this.#counts.set(key, after);
    return after === 0 || after - by === 0;
  }
}
