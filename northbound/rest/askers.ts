/**
 * Who waits for answers that cost much, so that nobody has more than a few questions under way, and all tenants together leave room for
 * operators.
 */
import { WeftError } from '../../src/base/errors.js';
import type { Caller } from './access.js';

/** Questions that may wait: of one project or operator, and of all projects. */
const mostOfOne = 8;
const mostOfTenants = 64;

export type Asker = Pick<Caller, 'projectId' | 'subject'>;

const keysOf = ({ projectId, subject }: Asker): readonly (readonly [key: string, most: number])[] =>
  projectId === null
    ? [[`operator ${subject}`, mostOfOne]]
    : [
        [`project ${projectId}`, mostOfOne],
        ['tenants', mostOfTenants],
      ];

export class Askers {
  readonly #waiting = new Map<string, number>();
  readonly #what: string;

  /** @param what is asked about, for people */
  constructor(what: string) {
    this.#what = what;
  }

  /** One more question; gives what ends it, to be called once. @throws WeftError rate_limited */
  enter(asker: Asker): () => void {
    if (!keysOf(asker).every(([key, most]) => (this.#waiting.get(key) ?? 0) < most))
      throw new WeftError('rate_limited', { detail: `Too many questions about ${this.#what} wait for their answers.` });
    this.#count(asker, 1);
    return () => this.#count(asker, -1);
  }

  #count(asker: Asker, by: number): void {
    for (const [key] of keysOf(asker)) {
      const count = (this.#waiting.get(key) ?? 0) + by;
      if (count > 0) this.#waiting.set(key, count);
      else this.#waiting.delete(key);
    }
  }
}
