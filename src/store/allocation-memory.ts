/** What the process remembers between transactions about what the store allocates: hints, none of which is relied upon. */
import type { ClaimClass } from './claims.js';
import type { Session } from './sql.js';

/** As many numbers as the sequence steps over; the migrations say so too. */
const BLOCK = 64;
const MAX_POOLS = 10_000;

export class AllocationMemory {
  /** Numbers of objects, from blocks of a sequence: kept by the process, because a sequence does not roll back either. */
  readonly #numbers: number[] = [];
  /** Where a value that was next in turn turned out to be taken. */
  readonly #oftenTaken = new Set<string>();

  async takeNumber(session: Session): Promise<number> {
    for (;;) {
      const number = this.#numbers.pop();
      if (number !== undefined) return number;
      await this.reserveNumbers(session, 1);
    }
  }

  /** Sees to it that there are numbers for so many objects, unless others take them meanwhile. */
  async reserveNumbers(session: Session, count: number): Promise<void> {
    const blocks = Math.ceil((count - this.#numbers.length) / BLOCK);
    if (blocks <= 0) return;
    const { rows } = await session.query(
      `SELECT nextval('object_numbers')::integer AS first FROM generate_series(1, $1::integer)`,
      [blocks],
    );
    for (const row of rows.toReversed()) {
      const first = Number(row['first']);
      for (let offset = BLOCK - 1; offset >= 0; offset -= 1) this.#numbers.push(first + offset);
    }
  }

  /** A value that the store chose was taken: look before choosing from there again. */
  noteTaken(scope: string, claimClass: ClaimClass): void {
    if (this.#oftenTaken.size >= MAX_POOLS) this.#oftenTaken.clear();
    this.#oftenTaken.add(`${scope}|${claimClass}`);
  }

  isOftenTaken(scope: string, claimClass: ClaimClass): boolean {
    return this.#oftenTaken.has(`${scope}|${claimClass}`);
  }
}
