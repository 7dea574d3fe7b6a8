/** Requests that wait for Weft, in a file: they outlive this process and the machine. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface WaitingRequest {
  readonly method: string;
  readonly body: Readonly<Record<string, unknown>>;
}

function isRequest(value: unknown): value is WaitingRequest {
  return typeof value === 'object' && value !== null && 'method' in value && 'body' in value;
}

export class Backlog {
  readonly #path: string;
  #waiting: readonly WaitingRequest[];
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, waiting: readonly WaitingRequest[]) {
    this.#path = path;
    this.#waiting = waiting;
  }

  /** What was left waiting before; nothing where the file is not there, or not whole. */
  static async open(path: string): Promise<Backlog> {
    await mkdir(dirname(path), { recursive: true });
    const text = await readFile(path, 'utf8').catch(() => '');
    const waiting = text.split('\n').flatMap((line): WaitingRequest[] => {
      try {
        const value: unknown = JSON.parse(line);
        return isRequest(value) ? [value] : [];
      } catch {
        return []; // An empty line, or one that a crash cut off: it was never acknowledged.
      }
    });
    return new Backlog(path, waiting);
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  get first(): WaitingRequest | null {
    return this.#waiting[0] ?? null;
  }

  /** Resolves when it is in the file. */
  add(request: WaitingRequest): Promise<void> {
    this.#waiting = [...this.#waiting, request];
    return this.#write();
  }

  removeFirst(): Promise<void> {
    this.#waiting = this.#waiting.slice(1);
    return this.#write();
  }

  /** One write after the other, each of what waits then, in place of the file as a whole. */
  #write(): Promise<void> {
    const write = async (): Promise<void> => {
      const next = `${this.#path}.new`;
      await writeFile(next, this.#waiting.map(request => `${JSON.stringify(request)}\n`).join(''), { mode: 0o600 });
      await rename(next, this.#path);
    };
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }
}
