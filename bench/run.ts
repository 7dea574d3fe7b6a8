/** One run of the benchmark program: what it was asked, what it says on the way, and which moments a profile is asked about. */
import { monotonicUs, type Span } from './profile.js';
import type { WorkSize } from './work.js';

export interface RunSettings {
  readonly isQuick: boolean;
  /** Directory for CPU profiles of Weft; null: none are taken. */
  readonly profileDirectory: string | null;
  /** Directory of the harness that measures OVN; null: not measured. */
  readonly ovnHarness: string | null;
  /** The work of the sessions called medium. */
  readonly mediumSize: WorkSize;
  /** Default false: says on standard error what it does. */
  readonly isSilent?: boolean;
}

export class Run {
  /** Parts that could not be measured, and why. */
  readonly failures: { readonly part: string; readonly error: string }[] = [];
  /** The measured parts on the monotonic clock, in order. */
  readonly spans = new Map<string, Span>();

  constructor(readonly settings: RunSettings) {}

  get isQuick(): boolean {
    return this.settings.isQuick;
  }

  get profileDirectory(): string | null {
    return this.settings.profileDirectory;
  }

  say(text: string): void {
    if (this.settings.isSilent === true) return;
    process.stderr.write(`bench ${new Date().toISOString().slice(11, 19)}: ${text}\n`);
  }

  /** Runs one of several parts: if it fails that is noted, and the others are measured all the same. */
  async attempt<T extends object>(part: string, action: () => Promise<T>): Promise<T | Record<string, never>> {
    try {
      return await action();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.failures.push({ part, error: text });
      this.say(`${part} failed: ${text}`);
      return {};
    }
  }

  /** Runs a measured part and notes when it was. */
  async span<T>(name: string, action: () => Promise<T>): Promise<T> {
    const fromUs = monotonicUs();
    const result = await action();
    const toUs = monotonicUs();
    this.spans.set(name, { fromUs, toUs });
    this.say(`${name} done in ${((toUs - fromUs) / 1e6).toFixed(1)} s`);
    return result;
  }
}
