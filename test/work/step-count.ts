/**
 * How many steps our own code takes, counted by V8 and not by the code itself: each run of each block (function, loop body,
 * branch) of a source file is a step. Nothing can be forgotten, and the figure does not depend on the machine.
 */
import { Session } from 'node:inspector/promises';

/** Runs of blocks by function, `file:function`. */
export type Steps = ReadonlyMap<string, number>;

export class StepCounter {
  readonly #session = new Session();

  /** Only functions of modules that are imported after this are counted by block. */
  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** The steps since the last call, tests and packages not counted. */
  async take(): Promise<Steps> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    const steps = new Map<string, number>();
    for (const { url, functions } of result) {
      const [, file] = /\/dist\/((?:src|northbound|southbound)\/.*)$/.exec(url) ?? [];
      if (file === undefined) continue;
      for (const { functionName, ranges } of functions) {
        const count = ranges.reduce((sum, range) => sum + range.count, 0);
        const name = `${file}:${functionName}`;
        if (count > 0) steps.set(name, (steps.get(name) ?? 0) + count);
      }
    }
    return steps;
  }
}

export function totalOf(steps: Steps): number {
  return [...steps.values()].reduce((sum, count) => sum + count, 0);
}
