/** How many rows the view has taken in, by kind and by what became of them: what the work of the other parts is measured against. */
import type { RowChange } from './network-view.js';
import type { ViewKind } from './rows.js';

export type RowOperation = 'create' | 'update' | 'delete';

export interface RowCount {
  readonly kind: ViewKind;
  readonly operation: RowOperation;
  readonly rows: number;
}

export class ChangeCounts {
  readonly #counts = new Map<string, { kind: ViewKind; operation: RowOperation; rows: number }>();

  add(changes: readonly RowChange[]): void {
    for (const { kind, before, after } of changes) {
      const operation = before === null ? 'create' : after === null ? 'delete' : 'update';
      const key = `${kind} ${operation}`;
      const count = this.#counts.get(key);
      if (count === undefined) this.#counts.set(key, { kind, operation, rows: 1 });
      else count.rows += 1;
    }
  }

  /** Since the start; kinds and operations that never occurred are left out. */
  values(): Iterable<RowCount> {
    return this.#counts.values();
  }
}
