import { WeftError } from '../base/errors.js';

interface Waiting {
  readonly enter: () => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Lets a limited number of writers in, in the order in which they came. Fewer than the pool has connections, so that readers always
 * find one, and a burst of writes waits here instead of being taken for a database that cannot be reached.
 */
export class Admission {
  readonly #timeoutMs: number;
  readonly #waiting: Waiting[] = [];
  #free: number;

  constructor(writers: number, timeoutMs: number) {
    this.#free = writers;
    this.#timeoutMs = timeoutMs;
  }

  /** Runs the work once there is room; `store_unavailable` if there is none in time. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(new WeftError('store_unavailable', { detail: `${this.#waiting.length} other writes were waiting.` }));
      }, this.#timeoutMs);
      const waiting: Waiting = { enter: resolve, timer };
      this.#waiting.push(waiting);
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    clearTimeout(next.timer);
    next.enter();
  }
}
