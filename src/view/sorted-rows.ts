/**
 * Rows by id, with a list of them in the order of their ids that is made when it is first asked for and then kept: what changed
 * since is put in its place at the next question, so that a writer pays nothing for it and a reader no sort.
 */
import { byId, mergeSorted, placeOf } from './row-order.js';

export class SortedRows<R extends { readonly id: string }> {
  readonly #rows: ReadonlyMap<string, R>;
  #list: R[] | null = null;
  /** Ids that changed since the list was brought up to date. */
  readonly #changed = new Set<string>();

  /** @param rows is kept by the caller, who tells of each change */
  constructor(rows: ReadonlyMap<string, R>) {
    this.#rows = rows;
  }

  /** The row of this id was put, replaced or deleted. */
  note(id: string): void {
    if (this.#list !== null) this.#changed.add(id);
  }

  /** Every row, sorted by id: good until the next change. */
  list(): readonly R[] {
    this.#list ??= [...this.#rows.values()].sort(byId);
    if (this.#changed.size > 0) this.#list = this.#updated(this.#list);
    this.#changed.clear();
    return this.#list;
  }

  #updated(list: R[]): R[] {
    if (this.#changed.size * 16 < list.length) {
      for (const id of this.#changed) this.#place(list, id);
      return list;
    }
    const added = [...this.#changed].sort().flatMap(id => this.#rows.get(id) ?? []);
    return mergeSorted(
      list.filter(({ id }) => !this.#changed.has(id)),
      added,
    ) as R[];
  }

  #place(list: R[], id: string): void {
    const place = placeOf(list, id);
    const row = this.#rows.get(id);
    const isThere = list[place]?.id === id;
    if (row === undefined) {
      if (isThere) list.splice(place, 1);
    } else list.splice(place, isThere ? 1 : 0, row);
  }
}
