/** A hash over everything that happens: two runs that have the same did the same. */
import { createHash } from 'node:crypto';

/** A call for each line would cost more than the hash. */
const charactersAtATime = 10_000;

export class EventHash {
  readonly #hash = createHash('sha256');
  #waiting = '';

  add(line: string): void {
    this.#waiting += line;
    if (this.#waiting.length < charactersAtATime) return;
    this.#hash.update(this.#waiting);
    this.#waiting = '';
  }

  /** Nothing can be added any more. */
  digest(): string {
    return this.#hash.update(this.#waiting).digest('hex');
  }
}
