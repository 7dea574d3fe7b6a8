/**
 * What this host owes the controller: ports of containers that are gone, which it could not be told because it did not answer. A container must
 * be able to end without the controller; the next call that reaches it tells. A debt is an empty file named after the port.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of one call, so that it does not pay for everybody. */
const mostAtOnce = 32;

export class Debts {
  readonly #directory: string;

  constructor(stateDirectory: string) {
    this.#directory = join(stateDirectory, 'deleted-ports');
  }

  /** Ports to be deleted, some of them. */
  list(): readonly string[] {
    try {
      return readdirSync(this.#directory).slice(0, mostAtOnce);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  add(portId: string): void {
    mkdirSync(this.#directory, { recursive: true });
    writeFileSync(join(this.#directory, portId), '');
  }

  remove(portId: string): void {
    rmSync(join(this.#directory, portId), { force: true });
  }
}
