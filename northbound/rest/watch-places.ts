/**
 * How many watch streams may be open: in all, and of those no tenant has so many that others find no place, nor do all tenants together
 * leave none to operators.
 */
import { WeftError } from '../../src/base/errors.js';
import type { Caller } from './access.js';

/** Each holds a socket and what it has not read yet. */
const mostStreams = 256;
const mostOfTenants = 192;
const mostOfProject = 64;
const mostOfOperator = 64;
const mostOfToken = 16;

export class WatchPlaces {
  readonly #counts = new Map<string, number>();

  /** Takes a place, and gives the way to leave it. @throws WeftError rate_limited */
  enter({ projectId, subject }: Pick<Caller, 'projectId' | 'subject'>): () => void {
    const places: readonly (readonly [key: string, most: number, whose: string])[] = [
      ...(projectId === null
        ? [[`token ${subject}`, mostOfOperator, 'this token'] as const]
        : [
            [`token ${subject}`, mostOfToken, 'this token'] as const,
            [`project ${projectId}`, mostOfProject, 'this project'] as const,
            ['tenants', mostOfTenants, 'all projects'] as const,
          ]),
      ['all', mostStreams, 'this Weft'],
    ];
    for (const [key, most, whose] of places)
      if (this.#count(key) >= most)
        throw new WeftError('rate_limited', {
          detail: `Of ${whose}, ${most} watch streams are open, the most there may be.`,
        });
    for (const [key] of places) this.#counts.set(key, this.#count(key) + 1);
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      for (const [key] of places) this.#leave(key);
    };
  }

  #count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  #leave(key: string): void {
    const left = this.#count(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}
