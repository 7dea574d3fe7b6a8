import type { CommonRow, InputOf, Kind, RowOf } from '../../model/index.js';
import type { WireObject } from '../../model/wire.js';
import type { Claim } from '../claims.js';
import type { Referrer } from '../references.js';
import type { UnitOfWork } from '../unit-of-work.js';

/** What the store does for one noun beyond what its declaration says. */
export interface Behaviour<K extends Kind> {
  /**
   * Makes the row that the request asks for: locks the parents, allocates what is left out and refuses what contradicts other
   * rows. `current` is the row before (null at creation), `common` the common fields of the new one.
   */
  complete(unit: UnitOfWork, request: InputOf<K>, current: RowOf<K> | null, common: CommonRow): Promise<RowOf<K>>;
  /**
   * Reads and locks at once what the creation of several objects needs beside the rows that they refer to, whose locks are asked for
   * in earlier queries of the session. A hint: `complete` reads what is not there. Its queries are sent before it first waits.
   */
  prefetch?(unit: UnitOfWork, bodies: readonly WireObject[]): Promise<unknown>;
  /** What the row claims. */
  claims(row: RowOf<K>): readonly Claim[];
  /** Fields that name it without being declared as references, which `release` looks at: they are read together with those. */
  readonly namedBy?: readonly Referrer[];
  /** Refuses the deletion, or with `cascade` first removes what stands in its way, beyond the references declared. */
  release?(unit: UnitOfWork, row: RowOf<K>, cascade: boolean, remove: Remove): Promise<void>;
}

/** Deletes a dependent row by the ordinary way. */
export type Remove = (kind: Kind, id: string) => Promise<void>;
