/**
 * Rows by project: those that it owns, and those that others share with it. What a tenant reads costs what it may see, not what
 * there is. Objects of no project are in no list: nobody but operators sees them.
 */
import { EVERY_PROJECT, type OwnedRow } from '../model/audience.js';
import { byId, mergeSorted } from './row-order.js';
import { SortedRows } from './sorted-rows.js';
import type { TableChange } from './table.js';

type ProjectRow = OwnedRow & { readonly id: string };

interface Lot<R extends ProjectRow> {
  readonly rows: Map<string, R>;
  readonly sorted: SortedRows<R>;
}

class Lots<R extends ProjectRow> {
  readonly #lots = new Map<string, Lot<R>>();

  list(key: string): readonly R[] {
    return this.#lots.get(key)?.sorted.list() ?? [];
  }

  put(key: string, row: R): void {
    let lot = this.#lots.get(key);
    if (lot === undefined) {
      const rows = new Map<string, R>();
      this.#lots.set(key, (lot = { rows, sorted: new SortedRows(rows) }));
    }
    lot.rows.set(row.id, row);
    lot.sorted.note(row.id);
  }

  remove(key: string, id: string): void {
    const lot = this.#lots.get(key);
    if (lot?.rows.delete(id) !== true) return;
    lot.sorted.note(id);
    if (lot.rows.size === 0) this.#lots.delete(key);
  }
}

export class ProjectRows<R extends ProjectRow> {
  readonly #own = new Lots<R>();
  /** By the project named, `*` for all. */
  readonly #shared = new Lots<R>();

  apply(changes: readonly TableChange<R>[]): void {
    for (const { id, before, after } of changes) {
      if (before !== null && before.projectId !== after?.projectId) this.#own.remove(before.projectId, id);
      if (after !== null && after.projectId !== '') this.#own.put(after.projectId, after);
      for (const project of before?.sharedWith ?? []) this.#shared.remove(project, id);
      for (const project of after?.sharedWith ?? []) if (after !== null) this.#shared.put(project, after);
    }
  }

  /** What the project owns, sorted by id: good until the next change. */
  own(projectId: string): readonly R[] {
    return this.#own.list(projectId);
  }

  /** What the project owns or others share with it, sorted by id: good until the next change. */
  open(projectId: string): readonly R[] {
    const shared = new Map<string, R>();
    for (const key of [projectId, EVERY_PROJECT])
      for (const row of this.#shared.list(key)) if (row.projectId !== projectId) shared.set(row.id, row);
    const sorted = [...shared.values()].sort(byId);
    return mergeSorted(this.own(projectId), sorted);
  }
}
