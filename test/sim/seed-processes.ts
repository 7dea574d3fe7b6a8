/** Processes that run seeds, each one after the other. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SeedOutcome, SeedTask } from './seeds.js';

/**
 * A heap of some megabytes is collected with less work by one thread than by many that wait for each other, and less of it with room for what
 * lives through one event only. Code that one seed does not need the next one does.
 */
const workerOptions: readonly string[] = ['--single-threaded-gc', '--min-semi-space-size=16', '--no-flush-bytecode'];

interface Waiting {
  readonly task: SeedTask;
  readonly done: (outcome: SeedOutcome) => void;
}

export class SeedProcesses {
  readonly #idle: ChildProcess[] = [];
  readonly #waiting: Waiting[] = [];
  #started = 0;

  /** Not more than `count` at a time; each is started when it is needed first. */
  constructor(readonly count: number) {}

  /** Never rejects: what fails says so, and so does a process that ends. */
  run(task: SeedTask): Promise<SeedOutcome> {
    return new Promise(done => {
      this.#waiting.push({ task, done });
      this.#give();
    });
  }

  /** Ends those that have nothing to do, which are all once every outcome is known. */
  end(): void {
    for (const child of this.#idle.splice(0)) child.disconnect();
  }

  #give(): void {
    const child = this.#waiting.length === 0 ? undefined : (this.#idle.pop() ?? this.#start());
    const next = child && this.#waiting.shift();
    if (child === undefined || next === undefined) return;
    const { task, done } = next;
    const ended = (how: number | Error | null): void => {
      child.removeAllListeners();
      this.#started -= 1;
      done({ kind: 'failed', seed: task.seed, error: `the process ended: ${String(how)}` });
      this.#give();
    };
    child.once('exit', ended);
    child.once('error', ended);
    child.once('message', (outcome: SeedOutcome) => {
      child.removeAllListeners();
      this.#idle.push(child);
      done(outcome);
      this.#give();
    });
    child.send(task);
  }

  #start(): ChildProcess | undefined {
    if (this.#started === this.count) return undefined;
    this.#started += 1;
    const worker = fileURLToPath(new URL('./seed-worker.js', import.meta.url));
    return fork(worker, { stdio: 'inherit', execArgv: [...process.execArgv, ...workerOptions] });
  }
}
