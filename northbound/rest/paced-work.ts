/**
 * Questions whose answer keeps the process busy for a while: one at a time, in the order in which they came, and after each a rest, so that
 * all of them together, whoever asks, take a share of the time and no more.
 */
import type { Clock } from '../../src/base/clock.js';
import type { Caller } from './access.js';

/** After each answer the process is free for so many times as long as it took. */
const restsFor = 3;
/** Questions that may wait: of one project or operator, and of all projects. */
const mostOfOne = 8;
const mostOfTenants = 64;

type Asker = Pick<Caller, 'projectId' | 'subject'>;

const keysOf = ({ projectId, subject }: Asker): readonly (readonly [key: string, most: number])[] =>
  projectId === null
    ? [[`operator ${subject}`, mostOfOne]]
    : [
        [`project ${projectId}`, mostOfOne],
        ['tenants', mostOfTenants],
      ];

export class PacedWork {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, number>();
  #before: Promise<void> = Promise.resolve();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether another question of the caller may wait. */
  admits(asker: Asker): boolean {
    return keysOf(asker).every(([key, most]) => (this.#waiting.get(key) ?? 0) < most);
  }

  /** Answers when it is its turn. */
  async run<T>(asker: Asker, answer: () => T): Promise<T> {
    let resolve = (): void => undefined;
    const promise = new Promise<void>(done => (resolve = done));
    const before = this.#before;
    this.#before = promise;
    this.#count(asker, 1);
    await before;
    const beganMs = this.#clock.nowMs();
    try {
      return answer();
    } finally {
      this.#count(asker, -1);
      const tookMs = this.#clock.nowMs() - beganMs;
      if (tookMs > 0) this.#clock.after(tookMs * restsFor, resolve);
      else resolve();
    }
  }

  #count(asker: Asker, by: number): void {
    for (const [key] of keysOf(asker)) {
      const count = (this.#waiting.get(key) ?? 0) + by;
      if (count > 0) this.#waiting.set(key, count);
      else this.#waiting.delete(key);
    }
  }
}
